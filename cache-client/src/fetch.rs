//! How the program loads a query. No behaviour.

mod erased;

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cache_core::Query;

use crate::any_query::{LoadFuture, LoadTarget};
use crate::app::App;
use crate::context::Context;
use crate::erased::typed_value;
use crate::error::QueryError;
use crate::flight::outcome::{Fetched, LoadOutcome};

/// The outcome of a query: its value, or the error that prevented it.
pub type Answer<A, Q> = Result<Arc<<Q as Query>::Value>, QueryError<<Q as Fetch<A>>::Error>>;

/// How a query is loaded.
///
/// The value must be sized. Use `Arc<str>` or `String` for text. A query whose keys can be loaded together implements
/// [`FetchMany`](crate::FetchMany) instead. To allow that, implement this trait for one app, not for all apps.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be loaded with `{A}`",
    label = "this query has no `Fetch<{A}>` implementation",
    note = "add `impl Fetch<{A}> for {Self}` with an `async fn fetch(&self, cx: &Context<{A}>)`, or `impl FetchMany<{A}>` if one load can take several keys"
)]
pub trait Fetch<A: App>: Query<Value: Sized> {
    /// Why a load can fail. Callers that wait for the same load share the error.
    type Error: Display + Send + Sync + 'static;

    /// Loads the value.
    ///
    /// Runs in a task of its own, once for all concurrent callers. `cx` is a context of this load alone. It has neither
    /// the deadline nor the memo of the caller, unless the caller's tree bypasses the cache or has answers of its own.
    /// Each retry gets a new context, unless the load belongs to such a tree.
    ///
    /// If a query that was read through `cx` has changed before the answer is stored, the callers get the answer, and
    /// the next call loads again: see [answers that are built from
    /// others](crate::guide::invalidation#answers-that-are-built-from-others).
    ///
    /// # Cancellation
    /// The future is dropped when its last caller has left and no other has joined within the time of the option
    /// `linger`; at once if all callers were cancelled.
    fn fetch(&self, cx: &Context<A>) -> impl Future<Output = Result<Self::Value, Self::Error>> + Send;

    /// Loads a key for which the cache still has a value, perhaps a stale or invalidated one. Called instead of
    /// [`fetch`](Self::fetch); the default implementation calls `fetch`.
    ///
    /// Implement it for a source that can detect whether something has changed: by an `ETag`, a version or the time of
    /// the last change. `present` is the value in the cache. If it is [unchanged](Fetched::Unchanged), it stays: the
    /// same `Arc`, with the age of this load and the times of the query, or those that [the load
    /// sets](Context::fresh_for). This is not a commit, so readers and observers see no new value. If the cache has
    /// lost the value meanwhile, it is stored again.
    ///
    /// Not called by loads that store nothing, such as those of `network-only`.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = Page, capacity = 100, fresh = "60s")]
    /// # struct GetPage;
    /// # registry! { struct Pages { GetPage } }
    /// # struct Server;
    /// # impl Server {
    /// #     async fn get(&self, etag: Option<u32>) -> Option<Page> {
    /// #         (etag != Some(1)).then(|| Page { etag: 1, text: "Hello".to_owned() })
    /// #     }
    /// # }
    /// # impl App for Server { type Registry = Pages; }
    /// # #[derive(Debug)]
    /// # struct Page { etag: u32, text: String }
    /// impl Fetch<Server> for GetPage {
    ///     # type Error = io::Error;
    ///     # async fn fetch(&self, cx: &Context<Server>) -> Result<Page, io::Error> {
    ///     #     cx.app().get(None).await.ok_or_else(|| io::ErrorKind::NotFound.into())
    ///     # }
    ///     async fn fetch_again(&self, cx: &Context<Server>, present: &Arc<Page>) -> Result<Fetched<Page>, io::Error> {
    ///         // `None` is a response with status 304.
    ///         Ok(cx.app().get(Some(present.etag)).await.map_or(Fetched::Unchanged, Fetched::New))
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = Client::builder(Cache::<Pages>::new(), Server).build();
    /// let page = client.query(&GetPage).await?;
    /// client.invalidate(&GetPage);
    /// assert!(Arc::ptr_eq(&client.query(&GetPage).await?, &page));
    /// # assert_eq!(page.text, "Hello");
    /// # Ok(())
    /// # }
    /// ```
    fn fetch_again(
        &self,
        cx: &Context<A>,
        _present: &Arc<Self::Value>,
    ) -> impl Future<Output = Result<Fetched<Self::Value>, Self::Error>> + Send {
        async { self.fetch(cx).await.map(Fetched::New) }
    }

    /// Returns whether the load should be retried after this error, as often as the option `retry` says (default: 3
    /// times). The default is `false` for all errors.
    ///
    /// The wait before the first retry is at most `retry_first` (default: 1 s). Before each later one it is at most
    /// `retry_factor` times as long (default: 2), up to `retry_longest` (default: 30 s). The actual wait is a random
    /// part of that. No attempt begins later than 2 minutes after the first. Callers wait for all attempts. The answer
    /// is as old as the attempt that succeeded. A panic is never retried, nor is a load that no caller wants any more.
    fn is_retryable(_error: &Self::Error) -> bool {
        false
    }

    /// Returns how long to wait before the next attempt, if the error says so. This replaces the random wait, however
    /// long it is. A load whose retry would begin too late is not retried. Called only for errors that are
    /// [retryable](Self::is_retryable).
    fn retry_after(_error: &Self::Error) -> Option<Duration> {
        None
    }

    /// Returns whether an error is expected, such as "not found". It is reported at level `DEBUG` instead of `WARN`
    /// (see [`telemetry`](crate::telemetry)). The default is `false` for all errors.
    fn is_expected(_error: &Self::Error) -> bool {
        false
    }

    /// Returns whether an error means that the source is down or overloaded. It then counts as a failure for the
    /// circuit breaker of the query, if there is one ([`BreakerOptions`](crate::BreakerOptions)). By default all
    /// [retryable](Self::is_retryable) errors count.
    ///
    /// Any other error is an answer: the source works, and has nothing for this key or rejects the input. So requests
    /// for unknown keys never open the breaker. Queries that share a breaker should all define this.
    fn counts_as_failure(error: &Self::Error) -> bool {
        Self::is_retryable(error)
    }

    /// Returns a value to answer with when the load and all its retries have failed and no stale value may take its
    /// place. The default is the value of the option `fallback` of the query. Without one, the error is the answer.
    ///
    /// The value is neither stored nor remembered by the caller's tree, so the next call loads again. Other loads do
    /// not get it, since their answers are stored; they get the error. [`refresh_error`](crate::Client::refresh_error)
    /// returns the error that the value has replaced. Interruptions, cycles and invalid options stay errors.
    ///
    /// Runs in the task of the caller, once for each call.
    fn fallback(&self, _error: &QueryError<Self::Error>) -> Option<Self::Value> {
        self.fallback_value()
    }

    /// Returns how long to wait before an observed key is loaded again, given its current value. `None` stops polling
    /// until the value changes. `period` is the option `poll`, which the default implementation returns. While there is
    /// no value, `poll` applies.
    ///
    /// The wait counts from the end of the last load. A wait below one millisecond is one millisecond. The task of the
    /// observed key calls this whenever the key has changed.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = u8, capacity = 100, fresh = "30s")]
    /// # pub struct GetProgress { pub job: u64 }
    /// impl Fetch<Blog> for GetProgress {
    ///     type Error = io::Error;
    ///     # async fn fetch(&self, _: &Context<Blog>) -> Result<u8, io::Error> { Ok(100) }
    ///
    ///     fn next_poll(&self, percent: &u8, _period: Option<Duration>) -> Option<Duration> {
    ///         (*percent < 100).then_some(Duration::from_secs(1))
    ///     }
    /// }
    /// # fn main() {}
    /// ```
    fn next_poll(&self, _value: &Self::Value, period: Option<Duration>) -> Option<Duration> {
        period
    }

    /// Whether one load takes several keys, so that the load of a single key takes no slot. Not to be implemented by
    /// hand.
    #[doc(hidden)]
    const __IS_BATCHED: bool = false;

    /// Called by the client instead of [`fetch`](Self::fetch). Returns the answer with its types erased. Not to be
    /// implemented by hand.
    #[doc(hidden)]
    fn __load<'a>(&'a self, cx: &'a Context<A>, target: LoadTarget<'a, A>) -> LoadFuture<'a> {
        match target.present {
            Some(present) => Box::pin(async move {
                let present = typed_value(present);
                LoadOutcome::again(self.fetch_again(cx, &present).await, present)
            }),
            None => Box::pin(async move { LoadOutcome::alone(self.fetch(cx).await) }),
        }
    }
}
