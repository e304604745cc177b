//! Observed pages by number: the public types. Loads nothing itself.

use std::fmt::{self, Debug};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use cache_core::{Holds, LoadingOptions, Query};
use futures_core::Stream;

use super::numbers::PageNumbers;
use crate::app::App;
use crate::client::Client;
use crate::error::QueryError;
use crate::fetch::Fetch;
use crate::observer::Observer;
use crate::observer::state::State;

/// Shows one of several pages by number, and each change of it: a stream of [`PagedState`]s. Created by
/// [`Paged::observe`](crate::Paged::observe).
///
/// The page is observed as by an [`Observer`]: it follows commits, invalidations and optimistic layers. When the
/// observer moves to another page, the previous page is shown until the new one is loaded.
#[must_use = "the page is observed as long as there is an observer"]
pub struct PagedObserver<A: App, Q: Fetch<A>> {
    pub(super) pages: PageNumbers<Q>,
    pub(super) observer: Observer<A, Q>,
}

/// What a [`PagedObserver`] shows.
#[non_exhaustive]
pub struct PagedState<V, E> {
    /// Number of the page.
    pub page: u64,
    /// The value of the page, or with `is_previous` that of the page shown before. `None` if there is neither.
    pub value: Option<Arc<V>>,
    /// Whether the page has no value of its own yet, and is being loaded.
    pub is_loading: bool,
    /// Whether the page has a value and is being loaded again.
    pub is_refreshing: bool,
    /// Whether the value is past its freshness time or marked by an invalidation.
    pub is_stale: bool,
    /// Whether optimistic layers have changed the value.
    pub is_optimistic: bool,
    /// Whether the value is that of the page that was shown before.
    pub is_previous: bool,
    /// The number of pages, if the value contains it.
    pub total: Option<u64>,
    /// Whether there is a page after this one. `true` while that is unknown.
    pub has_next: bool,
    /// Whether there is a page before this one.
    pub has_previous: bool,
    /// The error, if the page could not be loaded.
    pub error: Option<QueryError<E>>,
}

impl<A: App, Q: Fetch<A>> PagedObserver<A, Q>
where
    A::Registry: Holds<Q>,
{
    pub(super) fn new(
        client: &Client<A>,
        pages: PageNumbers<Q>,
        change: impl FnOnce(LoadingOptions) -> LoadingOptions,
    ) -> Self {
        let observer = client.observe_with(&pages.query(), change);
        Self { pages, observer }
    }

    /// Shows a page, whether or not it is known to exist, since there may be more pages by now.
    ///
    /// # Panics
    /// If the client has no [runtime](crate::guide::runtimes) and the caller is in none.
    pub fn jump(&mut self, page: u64) {
        self.pages.page = page;
        self.observer.set_query(Some(&self.pages.query()));
    }

    /// Shows the next page. Returns whether there may be one; otherwise nothing changes. `false` while there is no
    /// value.
    ///
    /// # Panics
    /// As [`jump`](Self::jump).
    pub fn show_next(&mut self) -> bool {
        let state = self.observer.state();
        let next = state.value().and_then(|value| self.pages.next(Some(&**value)));
        next.inspect(|page| self.jump(*page)).is_some()
    }

    /// Shows the previous page. Returns whether there is one; otherwise nothing changes.
    ///
    /// # Panics
    /// As [`jump`](Self::jump).
    pub fn show_previous(&mut self) -> bool {
        let has_previous = self.pages.has_previous();
        if has_previous {
            self.jump(self.pages.page - 1);
        }
        has_previous
    }
}

impl<A: App, Q: Fetch<A>> PagedObserver<A, Q> {
    /// Returns the number of the page.
    #[must_use]
    pub fn page(&self) -> u64 {
        self.pages.page
    }

    /// Returns the current state. If [`next`](Self::next) has not returned it yet, it still will.
    #[must_use]
    pub fn state(&self) -> PagedState<Q::Value, Q::Error> {
        self.pages.state(self.observer.state())
    }

    /// Waits for a state that this observer has not returned yet. The first is available at once. `None` only if the
    /// runtime of the client has ended, and the caller has no other.
    ///
    /// # Cancellation
    /// May be dropped at any time; no state is lost.
    pub async fn next(&mut self) -> Option<PagedState<Q::Value, Q::Error>> {
        let state = self.observer.next().await?;
        Some(self.pages.state(state))
    }
}

impl<Q: Query<Value: Sized>> PageNumbers<Q> {
    fn state<E>(&self, state: State<Q::Value, E>) -> PagedState<Q::Value, E> {
        let value = state.value().cloned();
        let total = value.as_deref().and_then(|value| self.total_of(value));
        let shown = PagedState {
            page: self.page,
            is_loading: state.is_pending(),
            is_refreshing: false,
            is_stale: false,
            is_optimistic: false,
            is_previous: false,
            total,
            has_next: self.next(value.as_deref()).is_some(),
            has_previous: self.has_previous(),
            value,
            error: None,
        };
        match state {
            State::Pending => shown,
            State::Ready { is_stale, is_refreshing, is_optimistic, is_previous, .. } => PagedState {
                is_loading: is_previous,
                is_refreshing: is_refreshing && !is_previous,
                is_stale,
                is_optimistic,
                is_previous,
                ..shown
            },
            State::Failed { error, is_refreshing, .. } => {
                let is_loading = is_refreshing && shown.value.is_none();
                PagedState {
                    is_loading,
                    is_refreshing: is_refreshing && !is_loading,
                    error: Some(error),
                    ..shown
                }
            }
        }
    }
}

impl<A: App, Q: Fetch<A>> Stream for PagedObserver<A, Q> {
    type Item = PagedState<Q::Value, Q::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let state = ready!(Pin::new(&mut this.observer).poll_next(cx));
        Poll::Ready(state.map(|state| this.pages.state(state)))
    }
}

impl<A: App, Q: Fetch<A>> Debug for PagedObserver<A, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PagedObserver").field("page", &self.pages.page).finish_non_exhaustive()
    }
}

/// Without the value, which need not implement `Debug`.
impl<V, E: Debug> Debug for PagedState<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PagedState")
            .field("page", &self.page)
            .field("has_value", &self.value.is_some())
            .field("is_loading", &self.is_loading)
            .field("is_refreshing", &self.is_refreshing)
            .field("is_stale", &self.is_stale)
            .field("is_optimistic", &self.is_optimistic)
            .field("is_previous", &self.is_previous)
            .field("total", &self.total)
            .field("has_next", &self.has_next)
            .field("has_previous", &self.has_previous)
            .field("error", &self.error)
            .finish()
    }
}
