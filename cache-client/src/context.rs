//! One request: a tree of contexts with one memo, which is cancelled as a whole. The modules of the operations add
//! their methods to it.

mod answer;
pub(crate) mod memo;
pub(crate) mod notes;
mod shared_load;
pub(crate) mod tree;

use std::any::Any;
use std::fmt::{self, Debug};
use std::future::Future;
use std::sync::Arc;

use tokio::time::Instant;

use crate::app::App;
use crate::client::Client;
pub(crate) use tree::{Access, ContextEnd, ContextName, Node, Tree, current, entered, scoped};

/// A context in the tree of one request.
///
/// Within a tree, the same query returns the same `Arc` and is loaded at most once, whatever its strategy. Cheap to
/// clone; a clone is the same context.
pub struct Context<A: App>(pub(crate) Arc<Node<A>>);

impl<A: App> Client<A> {
    /// Starts a request: a tree of contexts with a memo of its own.
    ///
    /// Within the tree a query is answered once, and each further answer is the same `Arc`. See the
    /// [guide](crate::guide::contexts).
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let cx = client.request("GET /posts/1");
    /// let title = cx.query(&GetTitle { id: 1 }).await?;
    ///
    /// // Other requests see the change, but this one does not.
    /// client.app().rename(1, "Uno");
    /// client.invalidate(&GetTitle { id: 1 });
    /// assert!(Arc::ptr_eq(&cx.query(&GetTitle { id: 1 }).await?, &title));
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "Uno");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn request(&self, name: impl Into<Arc<str>>) -> Context<A> {
        self.request_until(name, None)
    }
}

/// For crates that start requests.
#[doc(hidden)]
impl<A: App> Client<A> {
    /// Starts a request whose context ends at `deadline`: [`request`](Self::request) and
    /// [`Context::with_deadline`] in one step.
    ///
    /// # Panics
    /// If there is a deadline, outside a tokio runtime.
    #[must_use]
    pub fn request_until(&self, name: impl Into<Arc<str>>, deadline: Option<Instant>) -> Context<A> {
        Context(Node::of_request(self.clone(), name.into(), deadline))
    }
}

/// For crates that keep a context where its type is not known, or poll in it.
#[doc(hidden)]
impl<A: App> Context<A> {
    /// Returns the context as [`from_any`](Self::from_any) takes it.
    #[must_use]
    pub fn to_any(&self) -> Arc<dyn Any + Send + Sync> {
        Arc::clone(&self.0) as _
    }

    /// Returns a context from [`to_any`](Self::to_any). `None` if it is of another app.
    #[must_use]
    pub fn from_any(context: &Arc<dyn Any + Send + Sync>) -> Option<Self> {
        Arc::clone(context).downcast().ok().map(Self)
    }

    /// Calls a function in which [`current`](Self::current) returns this context.
    pub fn enter<T>(&self, call: impl FnOnce() -> T) -> T {
        entered(Arc::clone(&self.0), call)
    }
}

impl<A: App> Context<A> {
    /// Returns the context whose [`scope`](Self::scope) the caller runs in, or that of the load inside `fetch`. `None`
    /// outside of both, or in a scope of another app.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let cx = client.request("GET /posts/1");
    /// let name = cx.scope(async { Context::<Blog>::current().map(|cx| cx.name().to_owned()) }).await;
    /// assert_eq!(name.as_deref(), Some("GET /posts/1"));
    /// assert!(Context::<Blog>::current().is_none());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn current() -> Option<Self> {
        tree::current().map(Self)
    }

    /// Runs a future in which [`current`](Self::current) returns this context. Tasks that the future spawns do not
    /// inherit it.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// async fn title() -> Result<Arc<String>, QueryError<io::Error>> {
    ///     let cx = Context::<Blog>::current().expect("called in the scope of a request");
    ///     cx.query(&GetTitle { id: 1 }).await
    /// }
    ///
    /// let cx = client.request("GET /posts/1");
    /// assert_eq!(*cx.scope(title()).await?, "One");
    /// # Ok(())
    /// # }
    /// ```
    pub fn scope<F: Future + Send>(&self, future: F) -> impl Future<Output = F::Output> + Send {
        scoped(Arc::clone(&self.0), future)
    }

    /// Returns the program's own state.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let cx = client.request("GET /posts/1");
    /// cx.query(&GetTitle { id: 1 }).await?;
    /// assert_eq!(cx.app().loads(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn app(&self) -> &A {
        self.0.client.app()
    }

    /// Returns the client that the request was started from.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let cx = client.request("GET /posts/1");
    /// assert_eq!(*cx.query(&GetTitle { id: 1 }).await?, "One");
    ///
    /// // This call bypasses the memo of the request.
    /// client.cache().insert(GetTitle { id: 1 }, "Uno".to_owned());
    /// assert_eq!(*cx.client().query(&GetTitle { id: 1 }).await?, "Uno");
    /// assert_eq!(*cx.query(&GetTitle { id: 1 }).await?, "One");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn client(&self) -> &Client<A> {
        &self.0.client
    }

    /// Returns the name that the context was created with.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let cx = client.request("GET /posts/1");
    /// assert_eq!(cx.name(), "GET /posts/1");
    /// assert_eq!(cx.child("head").name(), "head");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns a child context. It shares the memo, and is cancelled with the tree.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let cx = client.request("GET /posts/1");
    /// let title = cx.query(&GetTitle { id: 1 }).await?;
    /// let head = cx.child("head");
    /// assert!(Arc::ptr_eq(&head.query(&GetTitle { id: 1 }).await?, &title));
    ///
    /// cx.cancel();
    /// assert!(head.is_cancelled());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn child(&self, name: impl Into<Arc<str>>) -> Self {
        Self(Node::below(&self.0, ContextName::Given(name.into())))
    }

    /// Cancels the whole tree. Loads that only this tree waits for are cancelled at once, and later queries fail with
    /// [`QueryError::Interrupted`](crate::QueryError::Interrupted) without running anything. The tree keeps its
    /// answers.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let cx = client.request("GET /posts/1");
    /// cx.query(&GetTitle { id: 1 }).await?;
    /// cx.cancel();
    /// assert!(cx.query(&GetTitle { id: 1 }).await.is_ok());
    /// assert!(cx.query(&GetTitle { id: 2 }).await.unwrap_err().is_interrupted());
    /// # Ok(())
    /// # }
    /// ```
    pub fn cancel(&self) {
        self.0.request().cancel();
    }

    /// Returns whether the tree was cancelled, or the deadline of this context has passed.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let cx = client.request("GET /posts/1");
    /// let part = cx.child("comments");
    /// assert!(!part.is_cancelled());
    /// cx.cancel();
    /// assert!(part.is_cancelled());
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// use tokio::time::{Instant, sleep};
    ///
    /// let cx = client.request("GET /posts/1");
    /// let limited = cx.with_deadline(Instant::now() + Duration::from_secs(2));
    /// sleep(Duration::from_secs(3)).await;
    /// assert!(limited.query(&GetTitle { id: 1 }).await.unwrap_err().is_interrupted());
    /// assert!(cx.query(&GetTitle { id: 1 }).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        Self(Node::until(&self.0, deadline))
    }

    /// Returns when this context ends by its deadline, or by that of a context above it.
    #[doc(hidden)]
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline()
    }

    /// Makes this context and all its children, including existing ones, bypass the cache: from now on they neither
    /// read nor write it, nor join the loads of others. The memo stays. Options are no longer checked.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// client.app().rename(1, "Uno");
    ///
    /// let cx = client.request("GET /posts/1?preview");
    /// cx.disable_cache();
    /// assert_eq!(*cx.query(&GetTitle { id: 1 }).await?, "Uno");
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "One", "the cache is unchanged");
    /// # Ok(())
    /// # }
    /// ```
    pub fn disable_cache(&self) {
        self.0.disable_cache();
    }

    /// Returns whether this context may use the cache.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let cx = client.request("GET /posts/1");
    /// let preview = cx.child("preview");
    /// preview.disable_cache();
    /// assert!(!preview.is_cache_enabled());
    /// assert!(cx.is_cache_enabled());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_cache_enabled(&self) -> bool {
        self.0.is_cache_enabled()
    }

    /// Returns a child context with a memo of its own that sees committed values only, without optimistic layers.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// let layer = client.optimistic(|layer| {
    ///     layer.update(&GetTitle { id: 1 }, |_| Some("Uno".to_owned()));
    /// });
    /// let cx = client.request("GET /posts/1");
    /// assert_eq!(*cx.query(&GetTitle { id: 1 }).await?, "Uno");
    /// assert_eq!(*cx.without_layers().query(&GetTitle { id: 1 }).await?, "One");
    /// # drop(layer);
    /// # Ok(())
    /// # }
    /// ```
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
