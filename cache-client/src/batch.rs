//! Queries whose keys are loaded together. Each key still has a flight of its own. `batch/queue` decides which keys go
//! together.

pub(crate) mod queue;
pub(crate) mod task;

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cache_core::client_support::{AnyKey, ShownKey};
use cache_core::{Batched, Query};

use crate::any_query::{LoadFuture, LoadTarget};
use crate::app::App;
use crate::context::Context;
use crate::erased::typed_key;
use crate::error::QueryError;
use crate::fetch::Fetch;
use crate::flight::outcome::LoadOutcome;
use task::LoadManyFuture;

/// Loads several keys of a query at once.
///
/// Implement this instead of [`Fetch`] for a query derived with the option `batch`; such a query then implements
/// [`Fetch`] as well. It is queried like any other, key by key or with [`query_all`](crate::Client::query_all). Keys
/// that are needed within the same tick go to one call of [`fetch_many`](Self::fetch_many), at most as many as the
/// option `batch` allows (default: 100); further keys go to another call. A tick lasts until the other tasks that are
/// ready have run once or twice. No key waits for a timer.
///
/// Apart from that, each key has a load of its own, which is shared, retired, retried, cancelled and counted by the
/// breaker on its own. So a call that fails for five keys counts as five failures. Keys that a tree loads for itself
/// alone go together within that tree, never with the keys of others.
///
/// # Examples
/// ```
/// # use std::collections::HashMap;
/// # use std::io::{Error, ErrorKind};
/// # use cache_client::{App, Client, Context, FetchMany, TokioClock};
/// # use cache_core::{Cache, Query, registry};
/// # registry! { pub struct CacheRegistry { GetTitle } }
/// # struct Database;
/// # impl Database {
/// #     async fn titles(&self, ids: &[u64]) -> Result<HashMap<u64, String>, Error> {
/// #         Ok(ids.iter().filter(|id| **id < 100).map(|id| (*id, format!("Post {id}"))).collect())
/// #     }
/// # }
/// # struct Blog { database: Database }
/// # impl App for Blog { type Registry = CacheRegistry; }
/// #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
/// #[query(value = String, capacity = 1_000, fresh = "30s", batch = 25)]
/// pub struct GetTitle { pub id: u64 }
///
/// impl FetchMany<Blog> for GetTitle {
///     type Error = Error;
///
///     async fn fetch_many(keys: &[Self], cx: &Context<Blog>) -> Vec<Result<String, Error>> {
///         let ids: Vec<u64> = keys.iter().map(|key| key.id).collect();
///         // The titles that exist, by their ids.
///         match cx.app().database.titles(&ids).await {
///             Ok(mut titles) => ids.iter().map(|id| titles.remove(id).ok_or(ErrorKind::NotFound.into())).collect(),
///             Err(error) => ids.iter().map(|_| Err(error.kind().into())).collect(),
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// # let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
/// # let client = Client::builder(cache, Blog { database: Database }).build();
/// let titles = client.query_all(&[GetTitle { id: 7 }, GetTitle { id: 700 }]).await;
/// assert_eq!(titles[0].as_ref().map(|title| title.as_str()).ok(), Some("Post 7"));
/// assert!(titles[1].is_err());
/// # Ok(())
/// # })
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be loaded with `{A}`",
    label = "this query has no `Fetch<{A}>` implementation",
    note = "add `impl Fetch<{A}> for {Self}` with an `async fn fetch(&self, cx: &Context<{A}>)`, or `impl FetchMany<{A}>` if one load can take several keys"
)]
pub trait FetchMany<A: App>: Batched + Query<Value: Sized> {
    /// Why the load of a key can fail. Callers that wait for the same load share the error.
    type Error: Display + Send + Sync + 'static;

    /// Loads several keys, and returns the answers in their order. No key occurs twice.
    ///
    /// Runs in a task of its own. `cx` is a context of this call alone. It has neither the deadline nor the memo of the
    /// callers, unless their tree bypasses the cache or has answers of its own. A load inside this call that queries
    /// one of the `keys` waits for itself: that is a [`Cycle`](QueryError::Cycle). If the call cancels its context, all
    /// `keys` are interrupted.
    ///
    /// If there are too few or too many answers, all `keys` fail with [`QueryError::Miscounted`], since no answer can
    /// be matched with its key. For a key without a value, return an error, or a value that means "absent". A panic
    /// fails all `keys`.
    ///
    /// # Cancellation
    /// The future is dropped when the loads of all `keys` are over: all callers have left, and the option `linger`
    /// keeps none of the loads.
    fn fetch_many(
        keys: &[Self],
        cx: &Context<A>,
    ) -> impl Future<Output = Vec<Result<Self::Value, Self::Error>>> + Send;

    /// Like [`Fetch::is_retryable`], for one key. Keys of one call are retried together.
    fn is_retryable(_error: &Self::Error) -> bool {
        false
    }

    /// Like [`Fetch::retry_after`], for one key.
    fn retry_after(_error: &Self::Error) -> Option<Duration> {
        None
    }

    /// Like [`Fetch::is_expected`], for one key.
    fn is_expected(_error: &Self::Error) -> bool {
        false
    }

    /// Like [`Fetch::counts_as_failure`], for one key.
    fn counts_as_failure(error: &Self::Error) -> bool {
        <Self as FetchMany<A>>::is_retryable(error)
    }

    /// Like [`Fetch::fallback`], for one key.
    fn fallback(&self, _error: &QueryError<Self::Error>) -> Option<Self::Value> {
        self.fallback_value()
    }

    /// As [`Fetch::next_poll`].
    fn next_poll(&self, _value: &Self::Value, period: Option<Duration>) -> Option<Duration> {
        period
    }
}

impl<A: App, Q: FetchMany<A> + Batched> Fetch<A> for Q {
    type Error = Q::Error;

    const __IS_BATCHED: bool = true;

    /// Loads one key alone. A client does not call this: it loads keys together.
    ///
    /// # Panics
    /// If `fetch_many` returns no answer.
    async fn fetch(&self, cx: &Context<A>) -> Result<Q::Value, Q::Error> {
        match Q::fetch_many(std::slice::from_ref(self), cx).await.pop() {
            Some(answer) => answer,
            // The error type of the query cannot express this, and a client does not call this.
            None => panic!("`fetch_many` of `{}` returned no answer for {:?}", Q::NAME, ShownKey(self)),
        }
    }

    fn is_retryable(error: &Q::Error) -> bool {
        <Q as FetchMany<A>>::is_retryable(error)
    }

    fn retry_after(error: &Q::Error) -> Option<Duration> {
        <Q as FetchMany<A>>::retry_after(error)
    }

    fn is_expected(error: &Q::Error) -> bool {
        <Q as FetchMany<A>>::is_expected(error)
    }

    fn counts_as_failure(error: &Q::Error) -> bool {
        <Q as FetchMany<A>>::counts_as_failure(error)
    }

    fn fallback(&self, error: &QueryError<Q::Error>) -> Option<Q::Value> {
        <Q as FetchMany<A>>::fallback(self, error)
    }

    fn next_poll(&self, value: &Q::Value, period: Option<Duration>) -> Option<Duration> {
        <Q as FetchMany<A>>::next_poll(self, value, period)
    }

    fn __load<'a>(&'a self, cx: &'a Context<A>, target: LoadTarget<'a, A>) -> LoadFuture<'a> {
        Box::pin(task::load(target, fetch_all::<A, Q>, &cx.0))
    }
}

/// Loads keys of one query by [`FetchMany::fetch_many`]. Keys that fail together share `chance`.
fn fetch_all<'a, A: App, Q: FetchMany<A>>(
    keys: &'a [Arc<dyn AnyKey>],
    cx: &'a Context<A>,
    chance: f64,
) -> LoadManyFuture<'a> {
    Box::pin(async move {
        let mut typed = Vec::with_capacity(keys.len());
        for key in keys {
            typed.push(typed_key::<Q>(&**key).clone());
        }
        let mut all = Vec::with_capacity(keys.len());
        for answer in Q::fetch_many(&typed, cx).await {
            all.push(LoadOutcome::of(answer, chance));
        }
        all
    })
}
