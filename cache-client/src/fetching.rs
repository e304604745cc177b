//! How many loads are running, in all and of each query. Loads nothing.

use std::any::TypeId;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cache_core::Holds;
use tokio::sync::watch;

use crate::app::App;
use crate::client::Client;
use crate::fetch::Fetch;
use crate::query_state::{QueryState, QueryStates};

/// The number of running loads of one query.
#[derive(Debug, Default)]
pub(crate) struct RunningLoads {
    count: AtomicUsize,
    /// Made for the first watcher.
    watched: OnceLock<watch::Sender<usize>>,
}

/// Whether anything watches the numbers of running loads, and the watchers of the total.
#[derive(Debug, Default)]
pub(crate) struct FetchWatch {
    /// Set before a watcher reads a number. Loads change their number before they look here.
    is_watched: AtomicBool,
    total: OnceLock<watch::Sender<usize>>,
}

impl RunningLoads {
    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

impl QueryStates {
    pub(crate) fn load_began(&self, query_state: &QueryState) {
        query_state.running.count.fetch_add(1, Ordering::SeqCst);
        self.tell_if_watched(query_state);
    }

    pub(crate) fn load_ended(&self, query_state: &QueryState) {
        query_state.running.count.fetch_sub(1, Ordering::SeqCst);
        self.tell_if_watched(query_state);
    }

    /// Does not count a load until the result is dropped.
    pub(crate) fn pause<'a>(&'a self, query_state: &'a QueryState) -> PausedLoad<'a> {
        self.load_ended(query_state);
        PausedLoad { query_states: self, query_state }
    }

    fn tell_if_watched(&self, query_state: &QueryState) {
        if self.fetching.is_watched.load(Ordering::SeqCst) {
            self.tell(query_state);
        }
    }

    #[cold]
    fn tell(&self, query_state: &QueryState) {
        tell(query_state.running.watched.get(), || query_state.running.count());
        tell(self.fetching.total.get(), || self.count_running());
    }

    fn count_running(&self) -> usize {
        self.made().map(|query_state| query_state.running.count()).sum()
    }

    /// Watches a number. `count` returns it.
    fn watch(
        &self,
        watched: &OnceLock<watch::Sender<usize>>,
        count: impl Fn() -> usize,
    ) -> watch::Receiver<usize> {
        let sender = watched.get_or_init(|| watch::Sender::new(0));
        self.fetching.is_watched.store(true, Ordering::SeqCst);
        tell(Some(sender), count);
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

/// Tells watchers the present number. Counts under their lock, so that the last number they get is the newest.
fn tell(watched: Option<&watch::Sender<usize>>, count: impl FnOnce() -> usize) {
    if let Some(sender) = watched {
        sender.send_if_modified(|told| {
            let count = count();
            std::mem::replace(told, count) != count
        });
    }
}

impl<A: App> Client<A> {
    /// Returns whether any load is running.
    ///
    /// # Examples
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctest_setup.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let load = client.prefetch(&GetTitle { id: 1 });
    /// assert!(client.is_fetching());
    /// load.done().await;
    /// assert!(!client.is_fetching());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_fetching(&self) -> bool {
        self.query_states().made().any(|query_state| query_state.running.count() > 0)
    }

    /// Returns how many loads are running. Each key of a load of several counts, and so does a load that waits for its
    /// retry, its place or the provider. A load that waits until the client is [online](Self::set_online) does not.
    #[must_use]
    pub fn fetch_count(&self) -> usize {
        self.query_states().count_running()
    }

    /// Returns how many loads of one query are running, as [`fetch_count`](Self::fetch_count) counts them.
    ///
    /// # Examples
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctest_setup.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let loads = client.prefetch_all(&[GetTitle { id: 1 }, GetTitle { id: 2 }]);
    /// assert_eq!(client.fetch_count_of::<GetTitle>(), 2);
    /// assert_eq!(client.fetch_count_of::<GetFeed>(), 0);
    /// # loads.done().await;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn fetch_count_of<Q: Fetch<A>>(&self) -> usize {
        self.query_states().existing_of(TypeId::of::<Q>()).map_or(0, |query_state| query_state.running.count())
    }

    /// Watches how many loads are running: for a progress bar of a whole program. A slow reader gets the newest number
    /// and misses those between.
    ///
    /// # Examples
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctest_setup.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let mut fetching = client.watch_fetching();
    /// client.prefetch(&GetTitle { id: 1 });
    /// assert_eq!(*fetching.borrow_and_update(), 1);
    /// fetching.changed().await?;
    /// assert_eq!(*fetching.borrow(), 0);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn watch_fetching(&self) -> watch::Receiver<usize> {
        let query_states = self.query_states();
        query_states.watch(&query_states.fetching.total, || query_states.count_running())
    }

    /// Watches how many loads of one query are running, as [`watch_fetching`](Self::watch_fetching) watches all.
    #[must_use]
    pub fn watch_fetching_of<Q: Fetch<A>>(&self) -> watch::Receiver<usize>
    where
        A::Registry: Holds<Q>,
    {
        let query_states = self.query_states();
        let table = self.cache().any_table::<Q>().index();
        let running = &query_states.of(table, TypeId::of::<Q>()).running;
        query_states.watch(&running.watched, || running.count())
    }
}
