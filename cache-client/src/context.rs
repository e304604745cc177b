//! One request: a tree of contexts with one memo, which is cancelled as a whole. Loads nothing.

pub(crate) mod memo;
pub(crate) mod tree;

use std::fmt::{self, Debug};
use std::future::Future;
use std::sync::Arc;

use tokio::time::Instant;

use crate::app::App;
use crate::client::Client;
use crate::token::Token;
pub(crate) use tree::{Access, ContextName, Node, Tree, current, scoped};

/// A place in the tree of one request.
///
/// Within a tree the same query gives the same `Arc`, and is loaded at most once, whatever its strategy. Cheap to clone;
/// a clone is the same context.
pub struct Context<A: App>(pub(crate) Arc<Node<A>>);

impl<A: App> Client<A> {
    /// Starts a request: a tree of contexts with a memo of its own.
    #[must_use]
    pub fn request(&self, name: impl Into<Arc<str>>) -> Context<A> {
        Context(Node::root(self.clone(), ContextName::Given(name.into()), Token::default(), None))
    }
}

impl<A: App> Context<A> {
    /// The context whose [`scope`](Self::scope) the caller runs in; that of the load inside `fetch`. `None` outside of
    /// both, or in a scope of another app.
    #[must_use]
    pub fn current() -> Option<Self> {
        tree::current().map(Self)
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
        Self(Node::below(&self.0, ContextName::Given(name.into())))
    }

    /// Ends the whole tree: loads that only it has waited for are cancelled at once, and later queries fail with
    /// [`QueryError::Interrupted`](crate::QueryError::Interrupted) without running anything. Answers that the tree has stay.
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
    pub fn is_cache_enabled(&self) -> bool {
        self.0.is_cache_enabled()
    }

    /// A context below this one, with a memo of its own, that is told what is committed and not what optimistic layers make
    /// of it: for who must not see what others only hope for.
    #[must_use]
    pub fn without_layers(&self) -> Self {
        Self(Node::without_layers(&self.0))
    }
}

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
            .field("is_cache_enabled", &self.is_cache_enabled())
            .finish_non_exhaustive()
    }
}
