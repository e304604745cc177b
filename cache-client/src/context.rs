//! One request: a tree of contexts with one memo, which is cancelled as a whole. Knows no verb.

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

/// A context in the tree of one request.
///
/// Within a tree, the same query gives the same `Arc` and is loaded at most once, whatever its strategy. Cheap to
/// clone; a clone is the same context.
pub struct Context<A: App>(pub(crate) Arc<Node<A>>);

impl<A: App> Client<A> {
    /// Starts a request: a tree of contexts with a memo of its own.
    #[must_use]
    pub fn request(&self, name: impl Into<Arc<str>>) -> Context<A> {
        Context(Node::root(self.clone(), ContextName::Given(name.into()), Token::default(), None))
    }
}

impl<A: App> Context<A> {
    /// Returns the context whose [`scope`](Self::scope) the caller runs in, or that of the load inside `fetch`. `None`
    /// outside of both, or in a scope of another app.
    #[must_use]
    pub fn current() -> Option<Self> {
        tree::current().map(Self)
    }

    /// Runs a future in which [`current`](Self::current) returns this context. Tasks that it spawns do not have it.
    pub fn scope<F: Future + Send>(&self, future: F) -> impl Future<Output = F::Output> + Send {
        scoped(Arc::clone(&self.0), future)
    }

    /// Returns the program's own state.
    #[must_use]
    pub fn app(&self) -> &A {
        self.0.client.app()
    }

    /// Returns the client that the request was made with.
    #[must_use]
    pub fn client(&self) -> &Client<A> {
        &self.0.client
    }

    /// Returns the name that the context was made with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns a child context. It shares the memo, and is cancelled with the tree.
    #[must_use]
    pub fn child(&self, name: impl Into<Arc<str>>) -> Self {
        Self(Node::below(&self.0, ContextName::Given(name.into())))
    }

    /// Cancels the whole tree. Loads that only this tree waits for are cancelled at once, and later queries fail with
    /// [`QueryError::Interrupted`](crate::QueryError::Interrupted) without running anything. The tree keeps its
    /// answers.
    pub fn cancel(&self) {
        self.0.request().cancel();
    }

    /// Returns whether the tree was cancelled, or the deadline of this context has passed.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.has_ended()
    }

    /// Returns a child context that is cancelled at `deadline`, together with its children. The rest of the tree is
    /// not. A deadline in the past cancels it at once.
    ///
    /// A load that it waited for continues for as long as the option `linger` says.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        Self(Node::until(&self.0, deadline))
    }

    /// Keeps this context and all its children, existing ones too, from the cache: from now on they neither read nor
    /// write it, nor join the loads of others. The memo stays. Options are no longer checked.
    pub fn disable_cache(&self) {
        self.0.disable_cache();
    }

    /// Returns whether this context may use the cache.
    #[must_use]
    pub fn is_cache_enabled(&self) -> bool {
        self.0.is_cache_enabled()
    }

    /// Returns a child context with a memo of its own that sees committed values only, without optimistic layers.
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
