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
use crate::error::QueryError;
use crate::flight::outcome::LoadOutcome;

/// What a query comes to: its value, or why there is none.
pub type Answer<A, Q> = Result<Arc<<Q as Query>::Value>, QueryError<<Q as Fetch<A>>::Error>>;

/// How a query is loaded.
///
/// The value has to be sized; a text is an `Arc<str>` or a `String`. A query of which one load can take several keys has
/// [`FetchMany`](crate::FetchMany) instead; that is why this one is implemented for an app, and not for all at once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be loaded with `{A}`",
    label = "this query has no `Fetch<{A}>` implementation",
    note = "add `impl Fetch<{A}> for {Self}` with an `async fn fetch(&self, cx: &Context<{A}>)`, or `impl FetchMany<{A}>` if one load can take several keys"
)]
pub trait Fetch<A: App>: Query<Value: Sized> {
    /// Why a load can fail. Those who wait for one load share the error.
    type Error: Display + Send + Sync + 'static;

    /// Loads the value.
    ///
    /// Runs in a task of its own, once for all who ask at the same time. `cx` is a context of this load alone: it has
    /// neither the deadline nor the memo of who asked, unless that tree is kept from the cache or has answers of its
    /// own. One that is tried again has a new one, unless it belongs to such a tree.
    ///
    /// If a query that was read through `cx` has changed by the time the answer is stored, the callers get the answer, and
    /// the next call loads again: see
    /// [answers that are built from others](crate::guide::invalidation#answers-that-are-built-from-others).
    ///
    /// # Cancellation
    /// The future is dropped when no caller has come since the last one left, for as long as the option `linger` says; at
    /// once if all were cancelled.
    fn fetch(&self, cx: &Context<A>) -> impl Future<Output = Result<Self::Value, Self::Error>> + Send;

    /// Whether an error may pass, so that the load is to be tried again: as often as the option `retry` says, by default
    /// 3 times. By default none may.
    ///
    /// The wait before the first retry is at most `retry_first` (default: 1 s), before each later one `retry_factor`
    /// times as long (default: 2), at most `retry_longest` (default: 30 s); how much of it is waited is random. No load
    /// is begun later than 2 minutes after the first. Those who wait for the load wait
    /// for all of it; what it comes to is as old as the load that succeeded. A panic is never tried again, nor is a load
    /// that nobody wants any more.
    fn is_retryable(_error: &Self::Error) -> bool {
        false
    }

    /// How long to wait before a load is tried again, where the error says so: in place of the random time, however
    /// long. A load that would be tried too late is not tried again. Asked only of errors that
    /// [may pass](Self::is_retryable).
    fn retry_after(_error: &Self::Error) -> Option<Duration> {
        None
    }

    /// Whether an error is nothing to look into, as that there is no such thing. It is told at the level `DEBUG` in place
    /// of `WARN` (see [`telemetry`](crate::telemetry)). By default none is.
    fn is_expected(_error: &Self::Error) -> bool {
        false
    }

    /// Whether an error says that what the load asks is down, or does not keep up: a failure to the circuit breaker of the
    /// query, if it has one ([`BreakerOptions`](crate::BreakerOptions)). By default those that
    /// [may pass](Self::is_retryable).
    ///
    /// Any other error is an answer: what was asked works, and has nothing for this key, or does not take the input. So no
    /// number of unknown keys closes a query to valid ones. Queries that share a breaker should all say what counts.
    fn counts_as_failure(error: &Self::Error) -> bool {
        Self::is_retryable(error)
    }

    /// What to answer with when everything else has failed: the load, all its retries, and the search for a stale value
    /// that may stand in. By default what the option `fallback` of the query says, and without that nothing, so that the
    /// error is the answer.
    ///
    /// It is neither stored nor kept by the tree that asked: the next call loads again. Nor is it given to other loads,
    /// since what they build is stored: they get the error. What it stands in for is told by
    /// [`refresh_error`](crate::Client::refresh_error). Interruptions, cycles and options that cannot work stay errors.
    ///
    /// Runs in the task of who asks, once for each call.
    fn fallback(&self, _error: &QueryError<Self::Error>) -> Option<Self::Value> {
        self.fallback_value()
    }

    /// Whether one load takes several keys, so that it is not that of a key which counts. Not to be written by hand.
    #[doc(hidden)]
    const __IS_BATCHED: bool = false;

    /// What a client calls in place of [`fetch`](Self::fetch): its answer, the types forgotten. Not to be written by hand.
    #[doc(hidden)]
    fn __load<'a>(&'a self, cx: &'a Context<A>, _target: LoadTarget<'a, A>) -> LoadFuture<'a> {
        Box::pin(async move { LoadOutcome::alone(self.fetch(cx).await) })
    }
}
