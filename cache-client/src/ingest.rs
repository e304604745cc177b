//! Pushed values: commits each of them, and keeps the connection to their source open.

use std::any::type_name;
use std::fmt::{self, Debug, Display};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_core::Stream;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::task::coop::consume_budget;

use crate::app::App;
use crate::client::Client;
use crate::concurrency::{LoadSlot, while_lent};
use crate::context::{Context, ContextName, Node};
use crate::flight::backoff::{RetryBackoff, RetryPolicy};
use crate::mutate::changes::{Changes, Commit};
use crate::panic::catch_panic;
use crate::query::caller::Caller;
use crate::telemetry;
use crate::token::Token;

/// A source of pushed values: a socket, server-sent events, a queue.
///
/// ```
/// # use cache_client::{App, Changes, Client, Context, Ingestion, Source, TokioClock};
/// # use cache_core::{Cache, Query, registry};
/// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
/// # #[query(value = f64, capacity = 1_000, fresh = "30s")]
/// # pub struct GetPrice { pub share: u32 }
/// # registry! { pub struct CacheRegistry { GetPrice } }
/// # impl cache_client::Fetch<Exchange> for GetPrice {
/// #     type Error = std::io::Error;
/// #     async fn fetch(&self, _: &Context<Exchange>) -> Result<f64, std::io::Error> { Ok(1.0) }
/// # }
/// # struct Exchange { ticks: tokio::sync::broadcast::Sender<(u32, f64)> }
/// # impl App for Exchange { type Registry = CacheRegistry; }
/// # use futures_core::Stream;
/// # fn stream_of(_: tokio::sync::broadcast::Receiver<(u32, f64)>) -> impl Stream<Item = Result<(u32, f64), std::io::Error>> + Send { Never }
/// # struct Never;
/// # impl Stream for Never {
/// #     type Item = Result<(u32, f64), std::io::Error>;
/// #     fn poll_next(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<Option<Self::Item>> { std::task::Poll::Pending }
/// # }
/// struct Ticks;
///
/// impl Source<Exchange> for Ticks {
///     type Item = (u32, f64);
///     type Error = std::io::Error;
///
///     async fn open(
///         &self,
///         cx: &Context<Exchange>,
///     ) -> Result<impl Stream<Item = Result<(u32, f64), std::io::Error>> + Send, std::io::Error> {
///         Ok(stream_of(cx.app().ticks.subscribe()))
///     }
///
///     fn apply(&self, (share, price): &(u32, f64), changes: &mut Changes<Exchange>) {
///         changes.set(GetPrice { share: *share }, *price);
///     }
///
///     fn reopened(&self, changes: &mut Changes<Exchange>) {
///         changes.invalidate_query::<GetPrice>();
///     }
/// }
/// # fn main() {}
/// ```
pub trait Source<A: App>: Send + Sync + 'static {
    /// One pushed value, or several that become visible together.
    type Item: Send + Sync;

    /// Why the source cannot be opened, or has failed.
    type Error: Display + Send + Sync + 'static;

    /// Opens the source.
    ///
    /// # Cancellation
    /// The future and the stream are dropped with the [`Ingestion`].
    fn open(
        &self,
        cx: &Context<A>,
    ) -> impl Future<Output = Result<impl Stream<Item = Result<Self::Item, Self::Error>> + Send, Self::Error>> + Send;

    /// Says what a pushed value changes. The changes are one commit, for which the `before_commit` hooks run. Running
    /// loads of the changed keys are not stored.
    ///
    /// Must be pure: it runs again if another commit has changed what it has read.
    fn apply(&self, item: &Self::Item, changes: &mut Changes<A>);

    /// Says what to load again because it may have been pushed while the source was closed. Called each time the source
    /// is opened again, before its first value. The default is nothing.
    fn reopened(&self, _changes: &mut Changes<A>) {}

    /// Returns whether the source is opened again after this error. The default is `true` for all errors, until the
    /// [`Ingestion`] is dropped.
    ///
    /// The first wait is at most 1 s; each later one is at most twice as long, up to 30 s. The actual wait is a random
    /// fraction of that. The first value resets the waits.
    fn is_retryable(_error: &Self::Error) -> bool {
        true
    }

    /// Returns how long to wait before the source is opened again, if the error says so.
    fn retry_after(_error: &Self::Error) -> Option<Duration> {
        None
    }

    /// Returns whether a stream that ends without an error ends the source. The default is `false`, since that is how a
    /// connection ends that is closed properly: the source is opened again.
    fn may_end(&self) -> bool {
        false
    }
}

/// Stores pushed values in a cache. Dropping it ends the ingestion.
#[must_use = "dropping it ends the ingestion"]
pub struct Ingestion<E> {
    state: watch::Receiver<IngestionState<E>>,
    refused: Arc<AtomicU64>,
    /// Returns the slot of the load that the caller is a part of.
    enclosing_slot: Box<dyn Fn() -> Option<Arc<LoadSlot>> + Send + Sync>,
    task: AbortHandle,
}

/// The state of a source.
#[derive(Debug)]
#[non_exhaustive]
pub enum IngestionState<E> {
    /// It is being opened.
    Opening,
    /// It is open.
    Open,
    /// It has ended or failed, and will be opened again after a wait.
    Waiting {
        /// The error; `None` if it ended without one.
        error: Option<SourceError<E>>,
    },
    /// It has ended.
    Ended {
        /// The error; `None` if it ended without one.
        error: Option<SourceError<E>>,
    },
}

/// Why a source failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError<E> {
    /// It could not be opened, or returned an error.
    #[error("the source `{name}` failed")]
    Failed {
        /// Type of the source.
        name: &'static str,
        /// The error that it returned.
        source: Arc<E>,
    },
    /// Its code panicked. The source is opened again, as after a retryable error.
    #[error("the source `{name}` panicked: {message}")]
    Panicked {
        /// Type of the source.
        name: &'static str,
        /// The message of the panic, if it was text.
        message: Arc<str>,
    },
}

impl<A: App> Client<A> {
    /// Stores the values that a source pushes, in their order, each as one commit, until the result is dropped. A
    /// source that ends or fails is opened again.
    ///
    /// A [mutation](crate::Mutate) that is running when a value is pushed may be answered with an older value. A key
    /// that both write is then marked, and loaded by the next read.
    ///
    /// A value that a `before_commit` hook refuses is skipped. The keys that it would have changed are marked, so that
    /// the next read loads them.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// # use futures_core::Stream;
    /// # struct Pushed(Vec<(u64, &'static str)>);
    /// # impl Stream for Pushed {
    /// #     type Item = Result<(u64, &'static str), io::Error>;
    /// #     fn poll_next(
    /// #         mut self: std::pin::Pin<&mut Self>,
    /// #         _: &mut std::task::Context<'_>,
    /// #     ) -> std::task::Poll<Option<Self::Item>> {
    /// #         std::task::Poll::Ready(self.0.pop().map(Ok))
    /// #     }
    /// # }
    /// struct Titles;
    ///
    /// impl Source<Blog> for Titles {
    ///     type Item = (u64, &'static str);
    ///     type Error = io::Error;
    ///
    ///     # async fn open(
    ///     #     &self,
    ///     #     _: &Context<Blog>,
    ///     # ) -> Result<impl Stream<Item = Result<Self::Item, io::Error>> + Send, io::Error> {
    ///     #     Ok(Pushed(vec![(1, "Uno")]))
    ///     # }
    ///     # fn may_end(&self) -> bool { true }
    ///     // `open` connects to the server.
    ///     fn apply(&self, &(id, title): &Self::Item, changes: &mut Changes<Blog>) {
    ///         changes.set(GetTitle { id }, title.to_owned());
    ///     }
    /// }
    ///
    /// let mut ingestion = client.ingest(Titles);
    /// while ingestion.changed().await.is_some() {}
    /// assert_eq!(*client.cached(&GetTitle { id: 1 }).unwrap(), "Uno");
    /// # Ok(())
    /// # }
    /// ```
    pub fn ingest<S: Source<A>>(&self, source: S) -> Ingestion<S::Error> {
        let (sender, state) = watch::channel(IngestionState::Opening);
        let refused = Arc::new(AtomicU64::new(0));
        let ingest =
            IngestTask { client: self.clone(), source, state: sender, refused: Arc::clone(&refused) };
        let task = Handle::current().spawn(ingest.run()).abort_handle();
        let client = self.clone();
        let enclosing_slot = Box::new(move || Caller::without_context(&client).enclosing_slot());
        Ingestion { state, refused, enclosing_slot, task }
    }
}

impl<E> Ingestion<E> {
    /// Returns the current state of the source.
    #[must_use]
    pub fn state(&self) -> IngestionState<E> {
        self.state.borrow().clone()
    }

    /// Waits for a state that was not returned yet. `None` when the source has ended.
    ///
    /// A load that waits here gives up its place among the loads that [run at once](crate::guide::many).
    ///
    /// # Cancellation
    /// May be dropped at any time; no state is lost.
    pub async fn changed(&mut self) -> Option<IngestionState<E>> {
        let state = &mut self.state;
        let changed = async move {
            state.changed().await.ok()?;
            // So that a load that stops waiting for its slot finds the state the next time.
            state.mark_changed();
            Some(())
        };
        while_lent((self.enclosing_slot)(), changed).await?;
        Some(self.state.borrow_and_update().clone())
    }

    /// Returns how many values were refused by a hook, or failed because of conflicts.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl<E> Drop for Ingestion<E> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The task that stores the values that a source pushes.
struct IngestTask<A: App, S: Source<A>> {
    client: Client<A>,
    source: S,
    state: watch::Sender<IngestionState<S::Error>>,
    refused: Arc<AtomicU64>,
}

/// How a source ended.
struct SourceEnd<E> {
    error: Option<SourceError<E>>,
    is_last: bool,
    /// The wait that the error requests.
    wait: Option<Duration>,
}

impl<A: App, S: Source<A>> IngestTask<A, S> {
    async fn run(self) {
        let (mut backoff, mut was_open) = (RetryBackoff::new(u32::MAX), false);
        loop {
            let taken = async { self.end_of(self.store_values(&mut backoff, &mut was_open).await) };
            let SourceEnd { error, is_last, wait } =
                catch_panic(taken).await.unwrap_or_else(Self::end_by_panic);
            Self::report_end(error.as_ref());
            if is_last {
                self.state.send_replace(IngestionState::Ended { error });
                return;
            }
            self.state.send_replace(IngestionState::Waiting { error });
            let next = || backoff.next(&RetryPolicy::DEFAULT, Duration::ZERO, None, fastrand::f64());
            let wait = wait.or_else(next);
            tokio::time::sleep(wait.unwrap_or_default()).await;
            self.state.send_replace(IngestionState::Opening);
        }
    }

    /// Opens the source, and stores its values until it ends.
    async fn store_values(&self, backoff: &mut RetryBackoff, was_open: &mut bool) -> Result<(), S::Error> {
        let name = type_name::<S>();
        let cx = Context(Node::root(self.client.clone(), ContextName::Query(name), Token::default(), None));
        let mut stream = pin!(self.source.open(&cx).await?);
        if std::mem::replace(was_open, true) {
            self.commit(|changes| self.source.reopened(changes)).await;
        }
        self.state.send_replace(IngestionState::Open);
        while let Some(item) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            let item = item?;
            *backoff = RetryBackoff::new(u32::MAX);
            self.commit(|changes| self.source.apply(&item, changes)).await;
            // Otherwise a stream that always has a value would block other tasks, and could not be ended.
            consume_budget().await;
        }
        Ok(())
    }

    async fn commit(&self, change: impl Fn(&mut Changes<A>) + Send + Sync) {
        let commit = Commit { label: Some(type_name::<S>()), ..Commit::of(&self.client) };
        if let Err(error) = commit.run(&change).await {
            self.refused.fetch_add(1, Ordering::Relaxed);
            telemetry::value_refused(type_name::<S>(), &error);
            commit.mark(&change).await;
        }
    }

    fn end_of(&self, taken: Result<(), S::Error>) -> SourceEnd<S::Error> {
        match taken {
            Ok(()) => SourceEnd { error: None, is_last: self.source.may_end(), wait: None },
            Err(error) => {
                let (is_last, wait) = (!S::is_retryable(&error), S::retry_after(&error));
                let error = SourceError::Failed { name: type_name::<S>(), source: Arc::new(error) };
                SourceEnd { error: Some(error), is_last, wait }
            }
        }
    }

    fn end_by_panic(message: Arc<str>) -> SourceEnd<S::Error> {
        let error = SourceError::Panicked { name: type_name::<S>(), message };
        SourceEnd { error: Some(error), is_last: false, wait: None }
    }

    fn report_end(error: Option<&SourceError<S::Error>>) {
        let (outcome, error): (_, Option<&dyn Display>) = match error {
            None => ("ended", None),
            Some(SourceError::Failed { source, .. }) => ("failed", Some(source)),
            Some(SourceError::Panicked { message, .. }) => ("panicked", Some(message)),
        };
        telemetry::source(type_name::<S>(), outcome, error);
    }
}

impl<E> Clone for SourceError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Failed { name, source } => Self::Failed { name, source: Arc::clone(source) },
            Self::Panicked { name, message } => Self::Panicked { name, message: Arc::clone(message) },
        }
    }
}

impl<E> Clone for IngestionState<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Opening => Self::Opening,
            Self::Open => Self::Open,
            Self::Waiting { error } => Self::Waiting { error: error.clone() },
            Self::Ended { error } => Self::Ended { error: error.clone() },
        }
    }
}

impl<E> Debug for Ingestion<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ingestion").field("refused", &self.refused()).finish_non_exhaustive()
    }
}
