//! The queries of a context, its preset answers and its replacements.

use std::any::TypeId;
use std::future::Future;
use std::sync::Arc;

use cache_core::client_support::AnyKey;
use cache_core::{Holds, LoadingOptions, Moment};

use super::caller::Caller;
use super::set::QuerySet;
use crate::app::App;
use crate::context::{Context, Node};
use crate::erased::{Outcome, typed_key};
use crate::error::{AlreadyAnswered, QueryError};
use crate::fetch::{Answer, Fetch};

impl<A: App> Context<A> {
    /// Returns the answer to a query, from the memo, the cache or a load, according to its strategy.
    ///
    /// # Errors
    /// - [`QueryError::Failed`], [`QueryError::Panicked`], [`QueryError::Miscounted`]: the load gave no answer, and no
    ///   other answer may replace it. The tree does not remember errors: the next call loads again, unless the query
    ///   has an `error_ttl`.
    /// - [`QueryError::CircuitOpen`]: too many loads have failed, so none was started.
    /// - [`QueryError::Interrupted`]: the tree was cancelled or its deadline has passed; if that was before the call,
    ///   nothing has run. Or the load cancelled its own context.
    /// - [`QueryError::Cycle`]: the context is that of the load of something that the query needs.
    /// - [`QueryError::NotCached`]: the strategy is [`CacheOnly`](crate::Strategy::CacheOnly), and there is no value.
    /// - [`QueryError::Options`]: the options of the query are invalid.
    ///
    /// # Panics
    /// If a load is necessary and neither the client nor the caller has a [runtime](crate::guide::runtimes).
    ///
    /// # Cancellation
    /// May be dropped at any time. The load continues for other callers, and then for as long as the option `linger`
    /// says.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let cx = client.request("GET /posts/1");
    /// let first = cx.query(&GetTitle { id: 1 }).await?;
    /// client.cache().clear();
    /// let second = cx.query(&GetTitle { id: 1 }).await?;
    /// assert!(Arc::ptr_eq(&first, &second), "within a request the answer stays the same");
    /// assert_eq!(client.app().loads(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn query<'a, Q: Fetch<A>>(&'a self, query: &'a Q) -> impl Future<Output = Answer<A, Q>> + Send + 'a
    where
        A::Registry: Holds<Q>,
    {
        Caller::of(&self.0).query(query)
    }

    /// Answers a query, as [`query`](Self::query) does, with options for this call.
    ///
    /// `change` receives empty options. If the tree already has an answer, it is returned regardless of the options.
    ///
    /// # Errors
    /// Same as [`query`](Self::query), as are panics and cancellation.
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
    /// let cx = client.request("GET /posts/1");
    /// let title = cx.query_with(&GetTitle { id: 1 }, |options| options.strategy(Strategy::Refresh)).await?;
    /// assert_eq!(*title, "Uno");
    /// # Ok(())
    /// # }
    /// ```
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

    /// Returns the answers to several queries, in their order: those of a slice as a `Vec`, those of a tuple of
    /// different queries as a tuple. All loads run at the same time, and keys share loads if their query implements
    /// [`FetchMany`](crate::FetchMany). Each answer may fail on its own, as with [`query`](Self::query).
    ///
    /// # Panics
    /// If a load is necessary and neither the client nor the caller has a [runtime](crate::guide::runtimes).
    ///
    /// # Cancellation
    /// May be dropped at any time. The loads continue for other callers, and then for as long as the option `linger`
    /// says.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let cx = client.request("GET /posts");
    /// let feed = cx.query(&GetFeed).await?;
    /// let titles: Vec<_> = feed.0.iter().map(|&id| GetTitle { id }).collect();
    /// for (title, expected) in cx.query_all(&titles).await.into_iter().zip(["One", "Two", "Three"]) {
    ///     assert_eq!(*title?, expected);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn query_all<'a, S: QuerySet<A> + 'a>(
        &'a self,
        queries: S,
    ) -> impl Future<Output = S::Answers> + Send + 'a {
        Caller::of(&self.0).query_all(queries)
    }

    /// Answers a query, as [`query`](Self::query) does. If the answer is the fresh value of an entry without times of
    /// its own, the moment is the one since when it is true. For crates that say how old an answer is: they need not
    /// read the entry again then.
    #[doc(hidden)]
    pub fn query_dated<'a, Q: Fetch<A>>(
        &'a self,
        query: &'a Q,
    ) -> impl Future<Output = (Answer<A, Q>, Option<Moment>)> + Send + 'a
    where
        A::Registry: Holds<Q>,
    {
        Caller::of(&self.0).query_dated(query)
    }

    /// Returns the value in the memo or the cache, fresh or not. Never loads. Also `None` if this context bypasses the
    /// cache and the memo has no answer.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// let cx = client.request("GET /posts/1");
    /// assert_eq!(*cx.cached(&GetTitle { id: 1 }).unwrap(), "One");
    /// assert!(cx.cached(&GetTitle { id: 2 }).is_none());
    /// assert_eq!(client.app().loads(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn cached<Q: Fetch<A>>(&self, query: &Q) -> Option<Arc<Q::Value>>
    where
        A::Registry: Holds<Q>,
    {
        Caller::of(&self.0).cached(query)
    }

    /// Presets the answer to a query in this tree. From now on the tree loads for itself alone, and its loads are not
    /// stored. A load that presets an answer in its own context is not stored either. Other keys are still read from
    /// the cache, although their values may be built from another answer to this key.
    ///
    /// # Errors
    /// If the tree already has an answer to the query, or has already made the query.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let cx = client.request("test");
    /// cx.set(&GetTitle { id: 1 }, "Uno".to_owned())?;
    /// assert_eq!(*cx.query(&GetTitle { id: 1 }).await?, "Uno");
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "One");
    /// assert!(cx.set(&GetTitle { id: 1 }, "Eins".to_owned()).is_err(), "already set");
    /// # Ok(())
    /// # }
    /// ```
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

    /// Returns a child context with a memo of its own, in which `replacement` answers queries of type `Q`.
    ///
    /// It does not use the cache: its answers reach no other caller, and it gets nothing that was built from the real
    /// answers. A load that replaces answers in its own context is not stored.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let cx = client.request("test").with_override(|key: &GetTitle| Ok(Arc::new(format!("Post {}", key.id))));
    /// assert_eq!(*cx.query(&GetTitle { id: 404 }).await?, "Post 404");
    /// assert!(client.query(&GetTitle { id: 404 }).await.is_err());
    /// # Ok(())
    /// # }
    /// ```
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
