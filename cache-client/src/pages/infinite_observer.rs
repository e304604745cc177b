//! Observed pages by cursor: the public types. Follows no cursor itself.

use std::fmt::{self, Debug};
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cache_core::{Holds, LoadingOptions};
use futures_core::Stream;

use super::Step;
use super::infinite::Infinite;
use super::list::{AnyStep, PageList};
use crate::any_query::AnyQuery;
use crate::app::App;
use crate::client::Client;
use crate::concurrency::while_lent;
use crate::erased::{AnyError, typed_ref, typed_value};
use crate::error::QueryError;
use crate::fetch::Fetch;
use crate::observer::state::{AnyState, State};
use crate::query::caller::Caller;

/// Shows pages that are linked by cursors, and each change of them: a stream of [`InfiniteState`]s. Created by
/// [`Infinite::observe`].
///
/// Each page is observed as by an [`Observer`](crate::Observer): it follows commits, invalidations and optimistic
/// layers, and stays in the cache. If a page changes, so that its cursor leads to a different page than the next one
/// shown, the list shows the new page as soon as it is loaded.
///
/// A slow reader gets the newest state and misses those between. The stream does not end while there is a
/// [runtime](crate::guide::runtimes) for its tasks.
#[must_use = "the pages are observed as long as there is an observer"]
pub struct InfiniteObserver<A: App, Q: Fetch<A>> {
    list: PageList<A>,
    client: Client<A>,
    query: PhantomData<fn() -> Q>,
}

/// What the pages of an [`InfiniteObserver`] show.
#[non_exhaustive]
pub struct InfiniteState<V, E> {
    /// The values of the shown pages, in their order. Pages without a value are omitted.
    pub pages: Vec<Arc<V>>,
    /// Whether a page without a value of its own is being loaded: the first one, one that was added, or one whose
    /// cursor has changed.
    pub is_loading: bool,
    /// Whether a page that has a value is being loaded again.
    pub is_refreshing: bool,
    /// Whether any page is past its freshness time or marked by an invalidation.
    pub is_stale: bool,
    /// Whether optimistic layers have changed any page.
    pub is_optimistic: bool,
    /// Whether there is a page after the shown ones. `false` while the last one is loading.
    pub has_next: bool,
    /// Whether there is a page before the shown ones. `false` while the first one is loading.
    pub has_previous: bool,
    /// The error of the first page that could not be loaded.
    pub error: Option<QueryError<E>>,
}

impl<V, E> InfiniteState<V, E> {
    /// Returns the items of all pages, as one sequence. `of_page` returns those of one page.
    pub fn items<'a, I: IntoIterator + 'a>(
        &'a self,
        of_page: impl Fn(&'a V) -> I + 'a,
    ) -> impl Iterator<Item = I::Item> + 'a {
        self.pages.iter().flat_map(move |page| of_page(page))
    }
}

impl<A: App, Q: Fetch<A>> Infinite<A, Q>
where
    A::Registry: Holds<Q>,
{
    /// Observes the pages that are shown now, or the first one: shows them and each change of them.
    ///
    /// # Panics
    /// If the client has no [runtime](crate::guide::runtimes) and the caller is in none.
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
    /// let feed = client.infinite(GetFeed { after: 0 }, |page| page.next.map(|after| GetFeed { after }));
    /// let mut feed = feed.observe();
    /// while let Some(state) = feed.next().await {
    ///     if !state.is_loading && !feed.fetch_next() {
    ///         break;
    ///     }
    /// }
    /// let changed = Feed { posts: vec!["A new post".to_owned()], next: Some(1) };
    /// client.cache().insert(GetFeed { after: 0 }, changed);
    /// let state = feed.next().await.ok_or("no runtime")?;
    /// assert_eq!(state.items(|page| &page.posts).collect::<Vec<_>>(), ["A new post", "Post 2", "Post 3"]);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn observe(self) -> InfiniteObserver<A, Q> {
        self.observe_with(|options| options)
    }

    /// Observes the pages, as [`observe`](Self::observe) does, with options for this observer. `change` gets empty
    /// options.
    ///
    /// # Panics
    /// If the client has no [runtime](crate::guide::runtimes) and the caller is in none.
    pub fn observe_with(
        self,
        change: impl FnOnce(LoadingOptions) -> LoadingOptions,
    ) -> InfiniteObserver<A, Q> {
        let Self { client, first, next, previous, max_pages, queries, .. } = self;
        let steps = (any_step::<A, Q>(next), previous.map(any_step::<A, Q>));
        let mut list = PageList::new(client.clone(), change(LoadingOptions::new()), steps, max_pages);
        match queries.is_empty() {
            true => list.push(&first),
            false => queries.iter().for_each(|query| list.push(query)),
        }
        InfiniteObserver { list, client, query: PhantomData }
    }
}

fn any_step<A: App, Q: Fetch<A>>(step: Step<Q>) -> AnyStep<A>
where
    A::Registry: Holds<Q>,
{
    Box::new(move |value| match step(typed_ref(value)) {
        Some(query) => {
            let query: Arc<dyn AnyQuery<A>> = Arc::new(query);
            Some(query)
        }
        None => None,
    })
}

impl<A: App, Q: Fetch<A>> InfiniteObserver<A, Q> {
    /// Adds the next page. Returns whether there is one: `false` after the last page, and while the last one shown is
    /// loading.
    pub fn fetch_next(&mut self) -> bool {
        self.list.show_next()
    }

    /// Adds the page before the shown ones. Returns whether there is one: `false` before the first page, and while the
    /// first one shown is loading.
    pub fn fetch_previous(&mut self) -> bool {
        self.list.show_previous()
    }

    /// Returns the current state. If [`next`](Self::next) has not returned it yet, it still will.
    #[must_use]
    pub fn state(&mut self) -> InfiniteState<Q::Value, Q::Error> {
        self.list.catch_up();
        state_of(&self.list)
    }

    /// Waits for a state that this observer has not returned yet. The first is available at once. `None` only if the
    /// runtime of the client has ended, and the caller has no other.
    ///
    /// # Cancellation
    /// May be dropped at any time; no state is lost.
    pub async fn next(&mut self) -> Option<InfiniteState<Q::Value, Q::Error>> {
        let slot = Caller::without_context(&self.client).enclosing_slot();
        let list = &mut self.list;
        // The state is taken when the load has its slot back, so that no state is lost if the caller stops waiting.
        while_lent(slot, poll_fn(|cx| list.poll_changed(cx))).await.then(|| next_state(&mut self.list))
    }
}

fn next_state<A: App, V: Send + Sync + 'static, E: AnyError>(list: &mut PageList<A>) -> InfiniteState<V, E> {
    list.seen();
    state_of(list)
}

fn state_of<A: App, V: Send + Sync + 'static, E: AnyError>(list: &PageList<A>) -> InfiniteState<V, E> {
    let mut state = InfiniteState {
        pages: Vec::new(),
        is_loading: false,
        is_refreshing: false,
        is_stale: false,
        is_optimistic: false,
        has_next: list.has_next(),
        has_previous: list.has_previous(),
        error: None,
    };
    for page in list.states() {
        state.add(page);
    }
    state
}

impl<V: Send + Sync + 'static, E: AnyError> InfiniteState<V, E> {
    fn add(&mut self, page: &AnyState) {
        match page {
            State::Pending => self.is_loading = true,
            State::Ready { is_stale, is_refreshing, is_optimistic, is_previous, .. } => {
                self.is_loading |= is_previous;
                self.is_refreshing |= is_refreshing & !is_previous;
                self.is_stale |= is_stale;
                self.is_optimistic |= is_optimistic;
            }
            State::Failed { error, is_refreshing, last } => {
                self.is_loading |= *is_refreshing && last.is_none();
                self.is_refreshing |= *is_refreshing && last.is_some();
                self.error.get_or_insert_with(|| error.clone().typed());
            }
        }
        self.pages.extend(page.value().map(|value| typed_value(Arc::clone(value))));
    }
}

impl<A: App, Q: Fetch<A>> Stream for InfiniteObserver<A, Q> {
    type Item = InfiniteState<Q::Value, Q::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let list = &mut self.get_mut().list;
        list.poll_changed(cx).map(|has_state| has_state.then(|| next_state(list)))
    }
}

impl<A: App, Q: Fetch<A>> Debug for InfiniteObserver<A, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InfiniteObserver").field("pages", &self.list.states().count()).finish_non_exhaustive()
    }
}

/// Without the values, which need not implement `Debug`.
impl<V, E: Debug> Debug for InfiniteState<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InfiniteState")
            .field("pages", &self.pages.len())
            .field("is_loading", &self.is_loading)
            .field("is_refreshing", &self.is_refreshing)
            .field("is_stale", &self.is_stale)
            .field("is_optimistic", &self.is_optimistic)
            .field("has_next", &self.has_next)
            .field("has_previous", &self.has_previous)
            .field("error", &self.error)
            .finish()
    }
}
