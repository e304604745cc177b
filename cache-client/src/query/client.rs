//! The queries of a client.

use std::any::TypeId;
use std::future::Future;
use std::sync::Arc;

use cache_core::{Holds, LoadingOptions};

use super::caller::Caller;
use crate::app::App;
use crate::client::Client;
use crate::erased::AnyQueryError;
use crate::error::QueryError;
use crate::fetch::{Answer, Fetch};

impl<A: App> Client<A> {
    /// The answer to a query: from the cache or a load, as its strategy says. Without a memo. Inside a load nothing stale
    /// is the answer, as by the context of that.
    ///
    /// A hit costs one read of the store and one of its clock, and allocates nothing.
    ///
    /// # Errors
    /// - [`QueryError::Failed`], [`QueryError::Panicked`], [`QueryError::Miscounted`]: the load gave no answer, and nothing
    ///   may stand in for it. Those who waited for it share the error; the next call loads again, unless the query has an
    ///   `error_ttl`.
    /// - [`QueryError::CircuitOpen`]: too many loads have failed, and none was made.
    /// - [`QueryError::Interrupted`]: the load cancelled its own context, or its [runtime](crate::guide::runtimes) has ended
    ///   and the caller has no other.
    /// - [`QueryError::Cycle`]: this is called in the load of something that the query needs.
    /// - [`QueryError::Options`]: the options of the query cannot work.
    ///
    /// # Panics
    /// If something has to be loaded, the client has no [runtime](crate::guide::runtimes), and the caller is in none.
    ///
    /// # Cancellation
    /// May be dropped at any time. The load goes on: for others that wait for it, and then for as long as the option `linger`
    /// says.
    pub fn query<'a, Q: Fetch<A>>(&'a self, query: &'a Q) -> impl Future<Output = Answer<A, Q>> + Send + 'a
    where
        A::Registry: Holds<Q>,
    {
        Caller::without_context(self).query(query)
    }

    /// [`query`](Self::query) with options for this call: `change` gets options that decide nothing. It is called at
    /// once, all else when the future is polled.
    ///
    /// # Errors
    /// As [`query`](Self::query); so are panics and cancellation.
    pub fn query_with<'a, Q: Fetch<A>>(
        &'a self,
        query: &'a Q,
        change: impl FnOnce(LoadingOptions) -> LoadingOptions,
    ) -> impl Future<Output = Answer<A, Q>> + Send + 'a
    where
        A::Registry: Holds<Q>,
    {
        Caller::without_context(self).query_with(query, change(LoadingOptions::new()))
    }

    /// The answers to several queries, in their order. What has to be loaded is loaded at the same time, by few loads if
    /// the query is one of [`FetchMany`](crate::FetchMany); each answer may fail alone, as [`query`](Self::query) does.
    ///
    /// # Panics
    /// If something has to be loaded, the client has no [runtime](crate::guide::runtimes), and the caller is in none.
    ///
    /// # Cancellation
    /// May be dropped at any time. The loads go on: for others that wait for them, and then for as long as the option `linger`
    /// says.
    pub fn query_all<'a, Q: Fetch<A>>(
        &'a self,
        queries: &'a [Q],
    ) -> impl Future<Output = Vec<Answer<A, Q>>> + Send + 'a
    where
        A::Registry: Holds<Q>,
    {
        Caller::without_context(self).query_all(queries)
    }

    /// What the cache has, fresh or not, with the optimistic layers of the key; never loads. Counts as a use.
    #[must_use]
    pub fn cached<Q: Fetch<A>>(&self, query: &Q) -> Option<Arc<Q::Value>>
    where
        A::Registry: Holds<Q>,
    {
        Caller::without_context(self).cached(query)
    }

    /// Why the last load of a key failed whose error nobody waited for, or something stood in for; also one that those who
    /// waited were told, if the query has an `error_ttl` or `stale_if_error`, and one of options that a prefetch could not
    /// work with. `None` once it has been loaded, written, removed or invalidated. The errors of the last 1,024 keys of a
    /// query are kept.
    #[must_use]
    pub fn refresh_error<Q: Fetch<A>>(&self, query: &Q) -> Option<QueryError<Q::Error>> {
        let query_state = self.query_states().existing_of(TypeId::of::<Q>())?;
        query_state.errors.last(query).map(AnyQueryError::typed)
    }
}
