//! The numbers of running loads, and the watchers of these numbers. Knows nothing of clients.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::watch;

use super::{QueryState, QueryStates};

/// The number of running loads of one query.
#[derive(Debug, Default)]
pub(crate) struct RunningLoads {
    count: AtomicUsize,
    /// Created for the first watcher.
    watched: OnceLock<watch::Sender<usize>>,
}

/// Whether anything watches the numbers of running loads, and the watchers of the total.
#[derive(Debug, Default)]
pub(crate) struct FetchWatch {
    /// Set before a watcher reads a number. Loads change their number before they check this.
    is_watched: AtomicBool,
    total: OnceLock<watch::Sender<usize>>,
}

impl RunningLoads {
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

impl QueryStates {
    pub(crate) fn load_began(&self, query_state: &QueryState) {
        query_state.running.count.fetch_add(1, Ordering::SeqCst);
        self.notify_watchers(query_state);
    }

    pub(crate) fn load_ended(&self, query_state: &QueryState) {
        query_state.running.count.fetch_sub(1, Ordering::SeqCst);
        self.notify_watchers(query_state);
    }

    /// Does not count a load until the result is dropped.
    pub(crate) fn pause<'a>(&'a self, query_state: &'a QueryState) -> PausedLoad<'a> {
        self.load_ended(query_state);
        PausedLoad { query_states: self, query_state }
    }

    fn notify_watchers(&self, query_state: &QueryState) {
        if self.fetching.is_watched.load(Ordering::SeqCst) {
            self.send_counts(query_state);
        }
    }

    #[cold]
    fn send_counts(&self, query_state: &QueryState) {
        send_count(query_state.running.watched.get(), || query_state.running.count());
        send_count(self.fetching.total.get(), || self.count_running());
    }

    pub(crate) fn count_running(&self) -> usize {
        self.existing_states().map(|query_state| query_state.running.count()).sum()
    }

    pub(crate) fn watch_total(&self) -> watch::Receiver<usize> {
        self.watch(&self.fetching.total, || self.count_running())
    }

    pub(crate) fn watch_running(&self, running: &RunningLoads) -> watch::Receiver<usize> {
        self.watch(&running.watched, || running.count())
    }

    /// Watches a number. `count` returns it.
    fn watch(
        &self,
        watched: &OnceLock<watch::Sender<usize>>,
        count: impl Fn() -> usize,
    ) -> watch::Receiver<usize> {
        let sender = watched.get_or_init(|| watch::Sender::new(0));
        self.fetching.is_watched.swap(true, Ordering::SeqCst);
        send_count(Some(sender), count);
        sender.subscribe()
    }
}

/// A load that waits until the client is online.
pub(crate) struct PausedLoad<'a> {
    query_states: &'a QueryStates,
    query_state: &'a QueryState,
}

impl Drop for PausedLoad<'_> {
    fn drop(&mut self) {
        self.query_states.load_began(self.query_state);
    }
}

/// Sends the current number to watchers. Counts under their lock, so that the last number they get is the newest.
fn send_count(watched: Option<&watch::Sender<usize>>, count: impl FnOnce() -> usize) {
    if let Some(sender) = watched {
        sender.send_if_modified(|sent| {
            let count = count();
            std::mem::replace(sent, count) != count
        });
    }
}
