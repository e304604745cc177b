//! One request: a tree of contexts with one memo, which is cancelled as a whole. Loads nothing itself.

mod node;

use std::any::TypeId;
use std::fmt::{self, Debug};
use std::future::Future;
use std::sync::Arc;

use cache_core::client_support::AnyKey;
use cache_core::{Holds, LoadingOptions};
use tokio::time::Instant;

use crate::app::{Answer, App, Fetch};
use crate::ask::Asker;
use crate::client::Client;
use crate::erased::{Outcome, typed_key};
use crate::error::{AlreadyAnswered, QueryError};
pub(crate) use node::{Access, Name, Node, Tree, current, scoped};

/// A place in the tree of one request.
///
/// Within a tree the same query gives the same `Arc`, and is loaded at most once, whatever its strategy. Cheap to clone;
/// a clone is the same context.
pub struct Context<A: App>(pub(crate) Arc<Node<A>>);

impl<A: App> Context<A> {
    /// The context whose [`scope`](Self::scope) the caller runs in; that of the load inside `fetch`. `None` outside of
    /// both, or in a scope of another app.
    #[must_use]
    pub fn current() -> Option<Self> {
        node::current().map(Self)
    }

    /// Runs a future so that [`current`](Self::current) gives this context in it, but not in what it spawns.
    pub fn scope<F: Future + Send>(&self, future: F) -> impl Future<Output = F::Output> + Send {
        scoped(Arc::clone(&self.0), future)
    }

    /// The program's own state.
    #[must_use]
    pub fn app(&self) -> &A {
        self.0.client.app()
    }

    /// The client that the request was made with.
    #[must_use]
    pub fn client(&self) -> &Client<A> {
        &self.0.client
    }

    /// What the context was called when it was made.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// A context below this one. It shares the memo, and is cancelled with the tree.
    #[must_use]
    pub fn child(&self, name: impl Into<Arc<str>>) -> Self {
        Self(Node::below(&self.0, Name::Given(name.into())))
    }

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
        Asker::of(&self.0).query(query)
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
        Asker::of(&self.0).query_with(query, change(LoadingOptions::new()))
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
        Asker::of(&self.0).query_all(queries)
    }

    /// What the memo or the cache has, fresh or not; never loads. `None` also where this context is kept from the cache.
    #[must_use]
    pub fn cached<Q: Fetch<A>>(&self, query: &Q) -> Option<Arc<Q::Value>>
    where
        A::Registry: Holds<Q>,
    {
        Asker::of(&self.0).cached(query)
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

    /// Ends the whole tree: loads that only it has waited for are cancelled at once, and later queries fail with
    /// [`QueryError::Interrupted`] without running anything. Answers that the tree has stay.
    pub fn cancel(&self) {
        self.0.request().cancel();
    }

    /// Whether the tree was cancelled, or the deadline of this context is past.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.has_ended()
    }

    /// A context below this one that is cancelled at `deadline`, with all below it; the rest of the tree is not. One in
    /// the past cancels it at once.
    ///
    /// A load that it waited for goes on for as long as the option `linger` says.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        Self(Node::until(&self.0, deadline))
    }

    /// Keeps this context and all below it, those that are there already too, from the cache: from now on they neither
    /// read nor write it, nor join the loads of others. The memo stays. Options are not checked any more.
    pub fn disable_cache(&self) {
        self.0.disable_cache();
    }

    /// Whether this context may use the cache.
    #[must_use]
    pub fn should_cache(&self) -> bool {
        self.0.should_cache()
    }

    /// A context below this one, with a memo of its own, that is told what is committed and not what optimistic layers make
    /// of it: for who must not see what others only hope for.
    #[must_use]
    pub fn without_layers(&self) -> Self {
        Self(Node::without_layers(&self.0))
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

/// What answers a query in place of its load.
pub(crate) type Replacement = dyn Fn(&dyn AnyKey) -> Outcome + Send + Sync;

impl<A: App> Clone for Context<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: App> Debug for Context<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("name", &self.name())
            .field("is_cancelled", &self.is_cancelled())
            .field("should_cache", &self.should_cache())
            .finish_non_exhaustive()
    }
}
