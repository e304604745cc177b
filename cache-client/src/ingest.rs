//! Values that somebody else pushes: each becomes a commit, and the connection that they come by is kept up.

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

/// Where pushed values come from: a socket, server-sent events, a queue.
///
/// ```
/// # use cache_client::{App, Changes, Client, Context, Ingestion, Source, TokioClock};
/// # use cache_core::{Cache, Query, registry};
/// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
/// # #[query(value = f64, capacity = 1_000, fresh = "30s")]
/// # pub struct GetPrice { pub share: u32 }
/// # registry! { pub struct CacheRegistry { crate::GetPrice } }
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
    /// One pushed value, or several that are to become visible together.
    type Item: Send + Sync;

    /// Why the source cannot be opened, or has broken off.
    type Error: Display + Send + Sync + 'static;

    /// Opens the source.
    ///
    /// # Cancellation
    /// Future and stream are dropped when the [`Ingestion`] is.
    fn open(
        &self,
        cx: &Context<A>,
    ) -> impl Future<Output = Result<impl Stream<Item = Result<Self::Item, Self::Error>> + Send, Self::Error>> + Send;

    /// Says what a pushed value changes. It is one commit, asked of the `before_commit` hooks; loads of the keys that it
    /// writes or marks are not stored.
    ///
    /// Must be pure: it runs again if it has read what another commit has changed meanwhile.
    fn apply(&self, item: &Self::Item, changes: &mut Changes<A>);

    /// Says what is to be loaded again because it may have been pushed while the source was not open. Called each time
    /// that it has been opened again, before its first value. By default nothing.
    fn reopened(&self, _changes: &mut Changes<A>) {}

    /// Whether the source is opened again after this error. By default it is, until the [`Ingestion`] is dropped.
    ///
    /// The wait before that is at most 1 s, each time twice as long, 30 s at most, and begins anew when a value has come; how
    /// much of it is waited is random.
    fn is_retryable(_error: &Self::Error) -> bool {
        true
    }

    /// How long to wait before the source is opened again, where the error says so.
    fn retry_after(_error: &Self::Error) -> Option<Duration> {
        None
    }

    /// Whether a stream that ends without an error is the end of the source. By default it is not, since a connection
    /// that is closed in order looks like that: it is opened again.
    fn may_end(&self) -> bool {
        false
    }
}

/// Pushed values on their way into a cache. Dropping it ends that.
#[must_use = "dropping it ends the ingestion"]
pub struct Ingestion<E> {
    state: watch::Receiver<IngestionState<E>>,
    refused: Arc<AtomicU64>,
    /// The slot of the load that the caller is inside of.
    enclosing_slot: Box<dyn Fn() -> Option<Arc<LoadSlot>> + Send + Sync>,
    task: AbortHandle,
}

/// How it is with a source.
#[derive(Debug)]
#[non_exhaustive]
pub enum IngestionState<E> {
    /// It is being opened.
    Opening,
    /// It is open.
    Open,
    /// It has ended or failed, and is to be opened again after a while.
    Waiting {
        /// Why; `None` if it ended without an error.
        error: Option<SourceError<E>>,
    },
    /// It has ended.
    Ended {
        /// Why; `None` if it ended without an error.
        error: Option<SourceError<E>>,
    },
}

/// Why a source has broken off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError<E> {
    /// It could not be opened, or gave an error.
    #[error("the source `{name}` failed")]
    Failed {
        /// Type of the source.
        name: &'static str,
        /// What it returned.
        source: Arc<E>,
    },
    /// Its code panicked. It is opened again, as after an error that may pass.
    #[error("the source `{name}` panicked: {message}")]
    Panicked {
        /// Type of the source.
        name: &'static str,
        /// What it panicked with, if that was a text.
        message: Arc<str>,
    },
}

impl<A: App> Client<A> {
    /// Takes in what a source pushes, each value as one commit, in their order, until the result is dropped. When the
    /// source breaks off it is opened again.
    ///
    /// A [mutation](crate::Mutate) that runs when a value is pushed may be answered with something older. A key that both have
    /// written is marked then, and loaded when it is read.
    ///
    /// A value that a `before_commit` hook refuses is passed over: what it would have changed is marked, so that it is
    /// loaded when it is read.
    ///
    /// # Panics
    /// Outside a tokio runtime.
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
    /// How it is with the source now.
    #[must_use]
    pub fn state(&self) -> IngestionState<E> {
        self.state.borrow().clone()
    }

    /// Waits for another state than the one that was seen last. `None` when the source has ended.
    ///
    /// A load that waits here lends its place among the loads that [run at once](crate::guide::many).
    ///
    /// # Cancellation
    /// May be dropped at any time without missing anything.
    pub async fn changed(&mut self) -> Option<IngestionState<E>> {
        let state = &mut self.state;
        let news = async move {
            state.changed().await.ok()?;
            // A load that does not wait for its slot finds it the next time.
            state.mark_changed();
            Some(())
        };
        while_lent((self.enclosing_slot)(), news).await?;
        Some(self.state.borrow_and_update().clone())
    }

    /// How many values a hook has refused, or conflicts have kept out.
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

/// The task that takes in what a source pushes.
struct IngestTask<A: App, S: Source<A>> {
    client: Client<A>,
    source: S,
    state: watch::Sender<IngestionState<S::Error>>,
    refused: Arc<AtomicU64>,
}

/// How an open source has ended.
struct SourceEnd<E> {
    error: Option<SourceError<E>>,
    is_last: bool,
    /// By the error.
    wait: Option<Duration>,
}

impl<A: App, S: Source<A>> IngestTask<A, S> {
    async fn run(self) {
        let (mut backoff, mut was_open) = (RetryBackoff::new(u32::MAX), false);
        loop {
            let taken = async { self.end_of(self.take_in(&mut backoff, &mut was_open).await) };
            let SourceEnd { error, is_last, wait } =
                catch_panic(taken).await.unwrap_or_else(Self::end_by_panic);
            Self::tell_of(error.as_ref());
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

    /// Opens the source, and takes in all until it ends.
    async fn take_in(&self, backoff: &mut RetryBackoff, was_open: &mut bool) -> Result<(), S::Error> {
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
            // A stream that always has a value would leave nobody their turn, nor let itself be ended.
            consume_budget().await;
        }
        Ok(())
    }

    async fn commit(&self, change: impl Fn(&mut Changes<A>) + Send + Sync) {
        let commit = Commit { label: Some(type_name::<S>()), ..Commit::of(&self.client) };
        if let Err(error) = commit.run(&change).await {
            self.refused.fetch_add(1, Ordering::Relaxed);
            telemetry::value_refused(type_name::<S>(), &error);
            commit.mark(&change);
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

    fn tell_of(error: Option<&SourceError<S::Error>>) {
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
