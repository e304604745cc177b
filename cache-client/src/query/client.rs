//! The queries of a client.

use std::any::TypeId;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cache_core::{EntryState, Holds, LoadingOptions};

use super::caller::Caller;
use super::set::QuerySet;
use crate::app::App;
use crate::client::Client;
use crate::erased::{AnyQueryError, typed_value};
use crate::error::QueryError;
use crate::fetch::{Answer, Fetch};

/// A value in the cache, its age, whether it is stale, and why it could not be loaded again.
#[derive(Debug)]
#[non_exhaustive]
pub struct CachedValue<V, E> {
    /// The value.
    pub value: Arc<V>,
    /// How long ago its load began.
    pub age: Duration,
    /// Whether it is stale by the options of the query, invalidated or expired.
    pub is_stale: bool,
    /// The error of the last load, as [`Client::refresh_error`] returns it. The value is the last good one then.
    pub error: Option<QueryError<E>>,
}

impl<A: App> Client<A> {
    /// Returns the answer to a query, from the cache or a load, according to its strategy. There is no memo. Inside a
    /// load, a stale value is never the answer, as with the load's own context.
    ///
    /// A hit costs one read of the store and one of its clock, and allocates nothing.
    ///
    /// # Errors
    /// - [`QueryError::Failed`], [`QueryError::Panicked`], [`QueryError::Miscounted`]: the load gave no answer, and no
    ///   other answer may replace it. Callers that waited for the load share the error. The next call loads again,
    ///   unless the query has an `error_ttl`.
    /// - [`QueryError::CircuitOpen`]: too many loads have failed, so none was started.
    /// - [`QueryError::Interrupted`]: the load cancelled its own context, or its [runtime](crate::guide::runtimes) has
    ///   ended and the caller has no other.
    /// - [`QueryError::Cycle`]: the call is made inside the load of something that the query needs.
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
    /// let key = GetTitle { id: 1 };
    /// let (first, second) = tokio::join!(client.query(&key), client.query(&key));
    /// assert_eq!((first?.as_str(), second?.as_str()), ("One", "One"));
    /// assert_eq!(client.app().loads(), 1);
    ///
    /// let error = client.query(&GetTitle { id: 404 }).await.unwrap_err();
    /// assert!(matches!(error, QueryError::Failed { .. }));
    /// # Ok(())
    /// # }
    /// ```
    pub fn query<'a, Q: Fetch<A>>(&'a self, query: &'a Q) -> impl Future<Output = Answer<A, Q>> + Send + 'a
    where
        A::Registry: Holds<Q>,
    {
        Caller::without_context(self).query(query)
    }

    /// Answers a query, as [`query`](Self::query) does, with options for this call.
    ///
    /// `change` receives empty options. It is called at once; everything else happens when the future is polled.
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
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "One");
    ///
    /// let title = client.query_with(&GetTitle { id: 1 }, |options| options.strategy(Strategy::Refresh)).await?;
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
        Caller::without_context(self).query_with(query, change(LoadingOptions::new()))
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
    /// let answers = client.query_all(&[GetTitle { id: 1 }, GetTitle { id: 404 }]).await;
    /// assert_eq!(answers[0].as_ref().map(|title| title.as_str()).ok(), Some("One"));
    /// assert!(answers[1].is_err());
    ///
    /// let (title, feed) = client.query_all((GetTitle { id: 1 }, GetFeed)).await;
    /// assert_eq!((title?.as_str(), feed?.0.len()), ("One", 3));
    /// # Ok(())
    /// # }
    /// ```
    pub fn query_all<'a, S: QuerySet<A> + 'a>(
        &'a self,
        queries: S,
    ) -> impl Future<Output = S::Answers> + Send + 'a {
        Caller::without_context(self).query_all(queries)
    }

    /// Returns the value in the cache, fresh or not, with the optimistic layers of the key. Never loads. Counts as a
    /// use.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// assert!(client.cached(&GetTitle { id: 1 }).is_none());
    /// client.query(&GetTitle { id: 1 }).await?;
    /// client.invalidate(&GetTitle { id: 1 });
    /// assert_eq!(*client.cached(&GetTitle { id: 1 }).unwrap(), "One");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn cached<Q: Fetch<A>>(&self, query: &Q) -> Option<Arc<Q::Value>>
    where
        A::Registry: Holds<Q>,
    {
        Caller::without_context(self).cached(query)
    }

    /// Returns the value in the cache together with its age, whether it is stale, and the error of a failed load since
    /// then. Never loads. Does not count as a use. Ignores optimistic layers.
    ///
    /// An answer of [`query`](Self::query) may be stale if the strategy or the option `stale_if_error` allows it; this
    /// method shows whether it was.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// assert!(client.query_state(&GetTitle { id: 1 }).is_none());
    /// client.query(&GetTitle { id: 1 }).await?;
    /// assert!(!client.query_state(&GetTitle { id: 1 }).unwrap().is_stale);
    /// client.invalidate(&GetTitle { id: 1 });
    /// assert!(client.query_state(&GetTitle { id: 1 }).unwrap().is_stale);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn query_state<Q: Fetch<A>>(&self, query: &Q) -> Option<CachedValue<Q::Value, Q::Error>>
    where
        A::Registry: Holds<Q>,
    {
        let (value, state, is_stale) = Caller::without_context(self).cached_state(query)?;
        let error = self.refresh_error(query);
        Some(CachedValue { value: typed_value(value), age: state.age, is_stale, error })
    }

    /// Returns the value in the cache, the state of its entry, and whether it is stale by the options of the query and
    /// the client. Counts as no use. For crates that say how old an answer is.
    #[doc(hidden)]
    #[must_use]
    pub fn cached_entry<Q: Fetch<A>>(&self, query: &Q) -> Option<(Arc<Q::Value>, EntryState, bool)>
    where
        A::Registry: Holds<Q>,
    {
        let (value, state, is_stale) = Caller::without_context(self).cached_state(query)?;
        Some((typed_value(value), state, is_stale))
    }

    /// Returns the error of the last failed load of a key, if no caller received it or a substitute took its place.
    /// With the options `error_ttl` or `stale_if_error`, received errors are kept too. Invalid options of a prefetched
    /// query are such an error too. `None` once the key was loaded, written, removed or invalidated. The errors of the
    /// last 1,024 keys of a query are kept.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.prefetch(&GetTitle { id: 404 }).done().await;
    /// let error = client.refresh_error(&GetTitle { id: 404 }).unwrap();
    /// assert_eq!(error.to_string(), "the load of `get_title` failed");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn refresh_error<Q: Fetch<A>>(&self, query: &Q) -> Option<QueryError<Q::Error>> {
        let query_state = self.query_states().existing_of(TypeId::of::<Q>())?;
        query_state.errors.last(query).map(AnyQueryError::typed)
    }
}
