//! Observed pages of a query of unknown type, linked by cursors. Each page has an observer; nothing is loaded here.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use cache_core::LoadingOptions;

use crate::any_query::AnyQuery;
use crate::app::App;
use crate::client::Client;
use crate::erased::AnyValue;
use crate::observer::AnyObserver;
use crate::observer::state::{AnyState, State};
use crate::sync::Mutex;

/// The query of the page next to a page, if there is one.
pub(super) type AnyStep<A> = Box<dyn Fn(&AnyValue) -> Option<Arc<dyn AnyQuery<A>>> + Send + Sync>;

/// Observed pages, in their order.
pub(super) struct PageList<A: App> {
    client: Client<A>,
    options: LoadingOptions,
    next: AnyStep<A>,
    previous: Option<AnyStep<A>>,
    /// The maximum number of shown pages; 0 means no bound.
    max_pages: usize,
    pages: VecDeque<ObservedPage<A>>,
    /// Whether there is a state that was not returned yet.
    has_changed: bool,
    waker: Arc<Mutex<Option<Waker>>>,
}

/// One page.
struct ObservedPage<A: App> {
    observer: AnyObserver<A>,
    signal: Arc<PageSignal>,
    state: AnyState,
}

/// Wakes the reader of the list, and records which page has changed, so that no other page is polled.
struct PageSignal {
    is_woken: AtomicBool,
    reader: Arc<Mutex<Option<Waker>>>,
}

impl Wake for PageSignal {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        let reader = self.reader.lock().clone();
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl<A: App> ObservedPage<A> {
    /// The value whose cursors are followed. `None` for a value of the previous query at this position.
    fn value(&self) -> Option<&AnyValue> {
        match &self.state {
            State::Ready { is_previous: true, .. } => None,
            state => state.value(),
        }
    }

    fn shows(&self, query: &dyn AnyQuery<A>) -> bool {
        self.observer.observed_query().is_some_and(|shown| query.equals(shown))
    }
}

impl<A: App> PageList<A> {
    pub(super) fn new(
        client: Client<A>,
        options: LoadingOptions,
        (next, previous): (AnyStep<A>, Option<AnyStep<A>>),
        max_pages: usize,
    ) -> Self {
        let (pages, waker) = (VecDeque::new(), Arc::default());
        Self { client, options, next, previous, max_pages, pages, has_changed: true, waker }
    }

    /// The states of the pages, in their order.
    pub(super) fn states(&self) -> impl Iterator<Item = &AnyState> {
        self.pages.iter().map(|page| &page.state)
    }

    pub(super) fn has_next(&self) -> bool {
        self.query_behind().is_some()
    }

    pub(super) fn has_previous(&self) -> bool {
        self.query_before().is_some()
    }

    fn query_behind(&self) -> Option<Arc<dyn AnyQuery<A>>> {
        (self.next)(self.pages.back()?.value()?)
    }

    fn query_before(&self) -> Option<Arc<dyn AnyQuery<A>>> {
        (self.previous.as_ref()?)(self.pages.front()?.value()?)
    }

    /// Adds the next page. Returns whether there is one.
    pub(super) fn show_next(&mut self) -> bool {
        let Some(query) = self.query_behind() else { return false };
        self.push(&*query);
        if self.is_too_long() {
            self.pages.pop_front();
        }
        true
    }

    /// Adds the page before the shown ones. Returns whether there is one.
    pub(super) fn show_previous(&mut self) -> bool {
        let Some(query) = self.query_before() else { return false };
        let page = self.observe(&*query);
        self.pages.push_front(page);
        if self.is_too_long() {
            self.pages.pop_back();
        }
        true
    }

    pub(super) fn push(&mut self, query: &dyn AnyQuery<A>) {
        let page = self.observe(query);
        self.pages.push_back(page);
    }

    fn is_too_long(&self) -> bool {
        self.max_pages != 0 && self.pages.len() > self.max_pages
    }

    fn observe(&mut self, query: &dyn AnyQuery<A>) -> ObservedPage<A> {
        let observer = AnyObserver::of(self.client.clone(), self.options, query);
        let signal =
            Arc::new(PageSignal { is_woken: AtomicBool::new(true), reader: Arc::clone(&self.waker) });
        let state = observer.state();
        self.changed();
        ObservedPage { observer, signal, state }
    }

    fn changed(&mut self) {
        self.has_changed = true;
        let reader = self.waker.lock().take();
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Takes the current states of all pages.
    pub(super) fn catch_up(&mut self) {
        for page in &mut self.pages {
            page.state = page.observer.state();
        }
        self.relink();
    }

    /// Notes that the current state is returned.
    pub(super) fn seen(&mut self) {
        self.has_changed = false;
    }

    /// Waits until there is a state that was not [returned](Self::seen) yet. `false` if there is no runtime for a page.
    pub(super) fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let replaced = self.waker.lock().replace(cx.waker().clone());
        drop(replaced);
        loop {
            let mut has_news = false;
            for page in &mut self.pages {
                if !page.signal.is_woken.swap(false, Ordering::AcqRel) {
                    continue;
                }
                let waker = Waker::from(Arc::clone(&page.signal));
                while let Poll::Ready(state) = page.observer.poll_state(&mut Context::from_waker(&waker)) {
                    let Some(state) = state else {
                        // The next call tries again.
                        page.signal.is_woken.store(true, Ordering::Release);
                        self.has_changed |= has_news;
                        return Poll::Ready(false);
                    };
                    (page.state, has_news) = (state, true);
                }
            }
            self.has_changed |= has_news;
            if !has_news || !self.relink() {
                break;
            }
        }
        if self.has_changed { Poll::Ready(true) } else { Poll::Pending }
    }

    /// Follows the cursors of the current values: a page whose query has changed shows the new one, and pages behind
    /// the last one end. Returns whether anything has changed.
    fn relink(&mut self) -> bool {
        let mut is_relinked = false;
        for at in 1..self.pages.len() {
            let Some(value) = self.pages[at - 1].value() else { continue };
            let Some(query) = (self.next)(value) else {
                self.pages.truncate(at);
                return true;
            };
            let page = &mut self.pages[at];
            if !page.shows(&*query) {
                page.observer.set_query(Some(&*query));
                page.state = page.observer.state();
                page.signal.is_woken.store(true, Ordering::Release);
                is_relinked = true;
            }
        }
        is_relinked
    }
}
