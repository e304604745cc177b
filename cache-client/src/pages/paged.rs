//! Pages by number, of which one is shown. Keeps only the shown page.

use std::fmt::{self, Debug};
use std::sync::Arc;

use cache_core::{Holds, LoadingOptions, Strategy};

use super::PageResult;
use super::numbers::PageNumbers;
use super::paged_observer::PagedObserver;
use crate::app::App;
use crate::client::Client;
use crate::fetch::{Answer, Fetch};

/// Pages by number, of which one is shown. Created by [`Client::paged`].
///
/// Each page is an entry of its own. A page that was loaded before, by any caller, is shown at once while it is fresh.
/// While another page is being loaded, and if that fails, the shown page stays. Code that renders meanwhile can use a
/// clone of [`current`](Self::current).
///
/// The shown page does not change on its own. After a write or an invalidation, `jump(page())` shows the current value,
/// and loads if necessary. [`observe`](Self::observe) makes an observer that follows all changes.
///
/// # Panics
/// All futures panic if a load is necessary and neither the client nor the caller has a
/// [runtime](crate::guide::runtimes).
///
/// # Cancellation
/// All futures may be dropped at any time: the shown page stays.
#[must_use = "no page is loaded before a method requests it"]
pub struct Paged<A: App, Q: Fetch<A>> {
    client: Client<A>,
    pages: PageNumbers<Q>,
    shown: Option<Arc<Q::Value>>,
}

impl<A: App> Client<A> {
    /// Creates pages by number. `make` returns the query of a page. The first page has the number 1, unless
    /// [`numbered_from`](Paged::numbered_from) sets another. Nothing is loaded yet.
    ///
    /// # Examples
    /// ```
    /// # use cache_client::{App, Client, Context, Fetch, TokioClock};
    /// # use cache_core::{Cache, Query, registry};
    /// # pub struct Feed { pub posts: Vec<String>, pub pages: u64 }
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = Feed, capacity = 1_000, fresh = "30s")]
    /// # pub struct GetFeed { pub page: u64 }
    /// # registry! { pub struct CacheRegistry { GetFeed } }
    /// # struct Blog;
    /// # impl App for Blog { type Registry = CacheRegistry; }
    /// # impl Fetch<Blog> for GetFeed {
    /// #     type Error = std::io::Error;
    /// #     async fn fetch(&self, _: &Context<Blog>) -> Result<Feed, std::io::Error> {
    /// #         Ok(Feed { posts: vec![format!("Post {}", self.page)], pages: 3 })
    /// #     }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// # let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
    /// # let client = Client::builder(cache, Blog).build();
    /// let mut feed = client.paged(|page| GetFeed { page }).with_total(|feed| Some(feed.pages));
    /// let mut posts = Vec::new();
    /// while let Some(page) = feed.next().await? {
    ///     posts.extend(page.posts.iter().cloned());
    /// }
    /// assert_eq!(posts, ["Post 1", "Post 2", "Post 3"]);
    /// feed.jump(2).await?;
    /// assert!(feed.has_previous() && feed.has_next());
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn paged<Q: Fetch<A>>(&self, make: impl Fn(u64) -> Q + Send + Sync + 'static) -> Paged<A, Q> {
        let pages = PageNumbers { make: Box::new(make), total: None, first: 1, page: 1 };
        Paged { client: self.clone(), pages, shown: None }
    }
}

impl<A: App, Q: Fetch<A>> Paged<A, Q> {
    /// Numbers the pages from `first`.
    pub fn numbered_from(self, first: u64) -> Self {
        Self { pages: PageNumbers { first, page: first, ..self.pages }, shown: None, ..self }
    }

    /// Sets how to read the number of pages from a page; `None` if the page does not have it.
    pub fn with_total(mut self, total: impl Fn(&Q::Value) -> Option<u64> + Send + Sync + 'static) -> Self {
        self.pages.total = Some(Box::new(total));
        self
    }

    /// Returns the number of the shown page; before the first load, that of the first page.
    #[must_use]
    pub fn page(&self) -> u64 {
        self.pages.page
    }

    /// Returns the query of the shown page.
    #[must_use]
    pub fn query(&self) -> Q {
        self.pages.query()
    }

    /// Returns the shown page; `None` before the first load.
    #[must_use]
    pub fn current(&self) -> Option<&Arc<Q::Value>> {
        self.shown.as_ref()
    }

    /// Returns how many pages there are, according to the shown page. `None` if no page is shown, or it does not have
    /// the number.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.pages.total_of(self.shown.as_ref()?)
    }

    /// Returns whether [`next`](Self::next) has a page to show. `true` while that is unknown.
    #[must_use]
    pub fn has_next(&self) -> bool {
        self.next_page().is_some()
    }

    /// Returns whether there is a page before the shown one.
    #[must_use]
    pub fn has_previous(&self) -> bool {
        self.pages.has_previous()
    }

    fn next_page(&self) -> Option<u64> {
        self.pages.next(self.shown.as_deref())
    }
}

impl<A: App, Q: Fetch<A>> Paged<A, Q>
where
    A::Registry: Holds<Q>,
{
    /// Shows a page, whether or not it is known to exist, since there may be more pages by now.
    ///
    /// # Errors
    /// Same as [`Client::query`]. The shown page stays.
    pub async fn jump(&mut self, page: u64) -> Answer<A, Q> {
        let value = self.client.query(&(self.pages.make)(page)).await?;
        self.show(page, &value);
        Ok(value)
    }

    /// Shows the next page, or the first if none is shown. Returns `None` after the last page, and then loads and
    /// changes nothing.
    ///
    /// # Errors
    /// Same as [`Client::query`]. The shown page stays.
    pub async fn next(&mut self) -> PageResult<A, Q> {
        match self.next_page() {
            Some(page) => self.jump(page).await.map(Some),
            None => Ok(None),
        }
    }

    /// Shows the previous page. Returns `None` before the first page, and then loads and changes nothing.
    ///
    /// # Errors
    /// Same as [`Client::query`]. The shown page stays.
    pub async fn previous(&mut self) -> PageResult<A, Q> {
        match self.has_previous() {
            true => self.jump(self.pages.page - 1).await.map(Some),
            false => Ok(None),
        }
    }

    /// Loads the shown page again.
    ///
    /// # Errors
    /// Same as [`Client::query`]. The shown page stays.
    pub async fn refetch(&mut self) -> Answer<A, Q> {
        let query = self.query();
        let value = self.client.query_with(&query, |options| options.strategy(Strategy::Refresh)).await?;
        self.show(self.pages.page, &value);
        Ok(value)
    }

    /// Observes the shown page, or the first: shows it, each change of it, and the pages that the observer moves to
    /// later.
    ///
    /// # Panics
    /// If the client has no [runtime](crate::guide::runtimes) and the caller is in none.
    ///
    /// # Examples
    /// ```
    /// # use cache_client::{App, Client, Context, Fetch, TokioClock};
    /// # use cache_core::{Cache, Query, registry};
    /// # pub struct Feed { pub posts: Vec<String>, pub pages: u64 }
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = Feed, capacity = 1_000, fresh = "30s")]
    /// # pub struct GetFeed { pub page: u64 }
    /// # registry! { pub struct CacheRegistry { GetFeed } }
    /// # struct Blog;
    /// # impl App for Blog { type Registry = CacheRegistry; }
    /// # impl Fetch<Blog> for GetFeed {
    /// #     type Error = std::io::Error;
    /// #     async fn fetch(&self, _: &Context<Blog>) -> Result<Feed, std::io::Error> {
    /// #         Ok(Feed { posts: vec![format!("Post {}", self.page)], pages: 3 })
    /// #     }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// # let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
    /// # let client = Client::builder(cache, Blog).build();
    /// let mut feed = client.paged(|page| GetFeed { page }).with_total(|feed| Some(feed.pages)).observe();
    /// while feed.next().await.is_some_and(|state| state.is_loading) {}
    /// assert_eq!(feed.state().value.map(|page| page.posts.clone()), Some(vec!["Post 1".to_owned()]));
    ///
    /// assert!(feed.show_next());
    /// while feed.next().await.is_some_and(|state| state.is_loading) {}
    /// assert_eq!(feed.state().value.map(|page| page.posts.clone()), Some(vec!["Post 2".to_owned()]));
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn observe(self) -> PagedObserver<A, Q> {
        self.observe_with(|options| options)
    }

    /// Observes the pages, as [`observe`](Self::observe) does, with options for this observer. `change` gets empty
    /// options.
    ///
    /// # Panics
    /// If the client has no [runtime](crate::guide::runtimes) and the caller is in none.
    pub fn observe_with(self, change: impl FnOnce(LoadingOptions) -> LoadingOptions) -> PagedObserver<A, Q> {
        PagedObserver::new(&self.client, self.pages, change)
    }

    fn show(&mut self, page: u64, value: &Arc<Q::Value>) {
        self.pages.page = page;
        self.shown = Some(Arc::clone(value));
    }
}

impl<A: App, Q: Fetch<A>> Debug for Paged<A, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (page, total, is_shown) = (self.page(), self.total(), self.shown.is_some());
        f.debug_struct("Paged")
            .field("page", &page)
            .field("total", &total)
            .field("is_shown", &is_shown)
            .finish_non_exhaustive()
    }
}
