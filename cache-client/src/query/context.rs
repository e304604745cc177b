//! The queries of a context, and the answers that it is given.

use std::any::TypeId;
use std::future::Future;
use std::sync::Arc;

use cache_core::client_support::AnyKey;
use cache_core::{Holds, LoadingOptions};

use super::caller::Caller;
use crate::app::App;
use crate::context::{Context, Node};
use crate::erased::{Outcome, typed_key};
use crate::error::{AlreadyAnswered, QueryError};
use crate::fetch::{Answer, Fetch};

impl<A: App> Context<A> {
    /// The answer to a query: from the memo, the cache or a load, as its strategy says.
    ///
    /// # Errors
    /// - [`QueryError::Failed`], [`QueryError::Panicked`], [`QueryError::Miscounted`]: the load gave no answer, and nothing
    ///   may stand in for it. The tree does not remember that: the next call loads again, unless the query has an
    ///   `error_ttl`.
    /// - [`QueryError::CircuitOpen`]: too many loads have failed, and none was made.
    /// - [`QueryError::Interrupted`]: the tree was cancelled, or its deadline is past. If it was so before the call, nothing
    ///   was run. Or the load cancelled its own context.
    /// - [`QueryError::Cycle`]: this is the load of something that the query needs.
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
        Caller::of(&self.0).query(query)
    }

    /// [`query`](Self::query) with options for this call: `change` gets options that decide nothing. What the tree was
    /// told already is the answer all the same.
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
        Caller::of(&self.0).query_with(query, change(LoadingOptions::new()))
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
        Caller::of(&self.0).query_all(queries)
    }

    /// What the memo or the cache has, fresh or not; never loads. `None` also where this context is kept from the cache.
    #[must_use]
    pub fn cached<Q: Fetch<A>>(&self, query: &Q) -> Option<Arc<Q::Value>>
    where
        A::Registry: Holds<Q>,
    {
        Caller::of(&self.0).cached(query)
    }

    /// Gives this tree an answer. From now on what the tree has to load is loaded for it alone, and not stored; nor is a load
    /// that does so for itself. What the
    /// cache has of other keys is still read, though it may be built from another answer to this one.
    ///
    /// # Errors
    /// If the tree has an answer, or has asked already.
    pub fn set<Q: Fetch<A>>(&self, query: &Q, value: impl Into<Arc<Q::Value>>) -> Result<(), AlreadyAnswered>
    where
        A::Registry: Holds<Q>,
    {
        let (key, value): (Arc<dyn AnyKey>, Arc<Q::Value>) = (Arc::new(query.clone()), value.into());
        match self.0.preset(&key, value) {
            true => Ok(()),
            false => Err(AlreadyAnswered { query: Q::NAME, key: format!("{key:?}") }),
        }
    }

    /// A context below this one, with a memo of its own, in which queries of type `Q` are answered by `replacement`.
    ///
    /// It does not use the cache: neither its answers nor anything built from them can reach others, and nothing that was
    /// built from the real ones reaches it. A load that replaces something for itself is not stored.
    #[must_use]
    pub fn with_override<Q: Fetch<A>>(
        &self,
        replacement: impl Fn(&Q) -> Result<Arc<Q::Value>, Q::Error> + Send + Sync + 'static,
    ) -> Self {
        let replacement = move |key: &dyn AnyKey| -> Outcome {
            match replacement(typed_key(key)) {
                Ok(value) => Ok(value),
                Err(error) => Err(QueryError::Failed { query: Q::NAME, source: Arc::new(error) }),
            }
        };
        Self(Node::replacing(&self.0, TypeId::of::<Q>(), Arc::new(replacement)))
    }
}
