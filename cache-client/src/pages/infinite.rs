//! Pages by cursor, shown as one list that grows at both ends. Keeps only the shown pages.

use std::fmt::{self, Debug};
use std::sync::Arc;

use cache_core::client_support::ShownKey;
use cache_core::{Holds, LoadingOptions, Strategy};

use super::{PageResult, Step};
use crate::app::App;
use crate::client::Client;
use crate::error::QueryError;
use crate::fetch::Fetch;

/// Pages that are linked by cursors, shown together. Created by [`Client::infinite`].
///
/// Each page is an entry of its own. A page that was loaded before, by any caller, is shown at once while it is fresh.
/// The shown pages are kept alive, so they stay in the cache unless they are removed.
///
/// The shown pages do not change on their own. After a write or an invalidation, call [`revalidate`](Self::revalidate):
/// it shows the current values, and loads where necessary. [`observe`](Self::observe) makes an observer that follows
/// all changes.
///
/// # Panics
/// All futures panic if a load is necessary and neither the client nor the caller has a
/// [runtime](crate::guide::runtimes).
///
/// # Cancellation
/// All futures may be dropped at any time: the shown pages stay as they were.
#[must_use = "no page is loaded before a method requests it"]
pub struct Infinite<A: App, Q: Fetch<A>> {
    pub(super) client: Client<A>,
    pub(super) first: Q,
    pub(super) next: Step<Q>,
    pub(super) previous: Option<Step<Q>>,
    /// The maximum number of shown pages; 0 means no bound.
    pub(super) max_pages: usize,
    /// The queries of the shown pages.
    pub(super) queries: Vec<Q>,
    /// One for each query.
    pages: Vec<Arc<Q::Value>>,
}

impl<A: App> Client<A> {
    /// Creates pages by cursor. `first` is the query of the first page. `next` returns the query of the page after a
    /// page, `None` after the last one. Nothing is loaded yet.
    ///
    /// # Examples
    /// ```
    /// # use cache_client::{App, Client, Context, Fetch, TokioClock};
    /// # use cache_core::{Cache, Query, registry};
    /// # pub struct Feed { pub posts: Vec<String>, pub next: Option<u64> }
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = Feed, capacity = 1_000, fresh = "30s")]
    /// # pub struct GetFeed { pub after: u64 }
    /// # registry! { pub struct CacheRegistry { GetFeed } }
    /// # struct Blog;
    /// # impl App for Blog { type Registry = CacheRegistry; }
    /// # impl Fetch<Blog> for GetFeed {
    /// #     type Error = std::io::Error;
    /// #     async fn fetch(&self, _: &Context<Blog>) -> Result<Feed, std::io::Error> {
    /// #         let next = self.after + 1;
    /// #         Ok(Feed { posts: vec![format!("Post {next}")], next: (next < 3).then_some(next) })
    /// #     }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// # let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
    /// # let client = Client::builder(cache, Blog).build();
    /// let mut feed = client.infinite(GetFeed { after: 0 }, |page| page.next.map(|after| GetFeed { after }));
    /// while feed.has_next() {
    ///     feed.fetch_next().await?;
    /// }
    /// let posts: Vec<_> = feed.pages().iter().flat_map(|page| &page.posts).collect();
    /// assert_eq!(posts, ["Post 1", "Post 2", "Post 3"]);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn infinite<Q: Fetch<A>>(
        &self,
        first: Q,
        next: impl Fn(&Q::Value) -> Option<Q> + Send + Sync + 'static,
    ) -> Infinite<A, Q> {
        Infinite {
            client: self.clone(),
            first,
            next: Box::new(next),
            previous: None,
            max_pages: 0,
            queries: Vec::new(),
            pages: Vec::new(),
        }
    }
}

impl<A: App, Q: Fetch<A>> Infinite<A, Q> {
    /// Allows the list to grow at its beginning too. `previous` returns the query of the page before a page, `None`
    /// before the first one.
    pub fn with_previous(
        mut self,
        previous: impl Fn(&Q::Value) -> Option<Q> + Send + Sync + 'static,
    ) -> Self {
        self.previous = Some(Box::new(previous));
        self
    }

    /// Shows at most `max` pages; 0, the default, means no bound. A page added at one end then removes one at the
    /// other, which can be loaded again if there is a way back ([`with_previous`](Self::with_previous)).
    pub fn max_pages(mut self, max: usize) -> Self {
        self.max_pages = max;
        self
    }

    /// Returns the shown pages, in their order.
    #[must_use]
    pub fn pages(&self) -> &[Arc<Q::Value>] {
        &self.pages
    }

    /// Returns the queries of the shown pages.
    #[must_use]
    pub fn queries(&self) -> &[Q] {
        &self.queries
    }

    /// Returns whether there is a page after the shown ones. Before the first load, that is the first page.
    #[must_use]
    pub fn has_next(&self) -> bool {
        self.query_after().is_some()
    }

    /// Returns whether there is a page before the shown ones.
    #[must_use]
    pub fn has_previous(&self) -> bool {
        self.query_before().is_some()
    }

    fn query_after(&self) -> Option<Q> {
        match self.pages.last() {
            Some(last) => (self.next)(last),
            None => Some(self.first.clone()),
        }
    }

    fn query_before(&self) -> Option<Q> {
        (self.previous.as_ref()?)(self.pages.first()?)
    }
}

impl<A: App, Q: Fetch<A>> Infinite<A, Q>
where
    A::Registry: Holds<Q>,
{
    /// Adds the next page, or the first if none is shown. Returns `None` after the last page, and then loads and
    /// changes nothing.
    ///
    /// # Errors
    /// Same as [`Client::query`]. The shown pages stay as they were.
    pub async fn fetch_next(&mut self) -> PageResult<A, Q> {
        let Some(query) = self.query_after() else { return Ok(None) };
        let page = self.client.query(&query).await?;
        self.queries.push(query);
        self.pages.push(Arc::clone(&page));
        while self.is_too_long() {
            self.queries.remove(0);
            self.pages.remove(0);
        }
        Ok(Some(page))
    }

    /// Adds the page before the shown ones. Returns `None` before the first page, or if none is shown, and then loads
    /// and changes nothing.
    ///
    /// # Errors
    /// Same as [`Client::query`]. The shown pages stay as they were.
    pub async fn fetch_previous(&mut self) -> PageResult<A, Q> {
        let Some(query) = self.query_before() else { return Ok(None) };
        let page = self.client.query(&query).await?;
        self.queries.insert(0, query);
        self.pages.insert(0, Arc::clone(&page));
        while self.is_too_long() {
            self.queries.pop();
            self.pages.pop();
        }
        Ok(Some(page))
    }

    fn is_too_long(&self) -> bool {
        self.max_pages != 0 && self.pages.len() > self.max_pages
    }

    /// Loads one of the shown pages again, by its index, and leaves the others. Returns `None` if there is no such
    /// page.
    ///
    /// # Errors
    /// Same as [`Client::query`]. The shown pages stay as they were.
    pub async fn refetch(&mut self, index: usize) -> PageResult<A, Q> {
        let Some(query) = self.queries.get(index) else { return Ok(None) };
        let page = self.client.query_with(query, always_load).await?;
        self.pages[index] = Arc::clone(&page);
        Ok(Some(page))
    }

    /// Loads the first of the shown pages again.
    ///
    /// # Errors
    /// Same as [`Client::query`]. The shown pages stay as they were.
    pub async fn refetch_first(&mut self) -> PageResult<A, Q> {
        self.refetch(0).await
    }

    /// Loads all shown pages again, one after the other: the first by its query, each of the others by the cursor of
    /// the new page before it. Shows as many as before, or fewer if there are no more.
    ///
    /// # Errors
    /// Same as [`Client::query`], for the first page that fails. The shown pages stay as they were.
    pub async fn refetch_all(&mut self) -> Result<(), QueryError<Q::Error>> {
        self.follow(always_load).await
    }

    /// Like [`refetch_all`](Self::refetch_all), but with the strategy of the query: a fresh page is not loaded, and a
    /// page that was written meanwhile is shown with its current value.
    ///
    /// # Errors
    /// Same as [`Client::query`], for the first page that fails. The shown pages stay as they were.
    pub async fn revalidate(&mut self) -> Result<(), QueryError<Q::Error>> {
        self.follow(|options| options).await
    }

    async fn follow(
        &mut self,
        change: impl Fn(LoadingOptions) -> LoadingOptions,
    ) -> Result<(), QueryError<Q::Error>> {
        let (mut queries, mut pages) = (Vec::new(), Vec::new());
        let mut query = self.queries.first().cloned();
        while let Some(present) = query
            && pages.len() < self.pages.len()
        {
            let page = self.client.query_with(&present, &change).await?;
            query = (self.next)(&page);
            queries.push(present);
            pages.push(page);
        }
        (self.queries, self.pages) = (queries, pages);
        Ok(())
    }
}

/// The options of a call that always loads.
fn always_load(options: LoadingOptions) -> LoadingOptions {
    options.strategy(Strategy::Refresh)
}

impl<A: App, Q: Fetch<A>> Debug for Infinite<A, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Infinite")
            .field("queries", &self.queries.iter().map(ShownKey).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
