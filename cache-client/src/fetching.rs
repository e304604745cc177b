//! The number of running loads, in total and of each query. Loads nothing.

use std::any::TypeId;

use cache_core::Holds;
use tokio::sync::watch;

use crate::app::App;
use crate::client::Client;
use crate::fetch::Fetch;

impl<A: App> Client<A> {
    /// Returns whether any load is running.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
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
        self.query_states().existing_states().any(|query_state| query_state.running.count() > 0)
    }

    /// Returns how many loads are running. A load of several keys counts once per key. A load that waits for a retry,
    /// for its turn or for the provider counts too. A load that waits until the client is [online](Self::set_online)
    /// does not, nor does a call with [`CacheOnly`](crate::Strategy::CacheOnly) that reads the provider.
    #[must_use]
    pub fn fetch_count(&self) -> usize {
        self.query_states().count_running()
    }

    /// Returns how many loads of one query are running, as [`fetch_count`](Self::fetch_count) counts them.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
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
        self.query_states()
            .existing_of(TypeId::of::<Q>())
            .map_or(0, |query_state| query_state.running.count())
    }

    /// Watches how many loads are running: for a progress bar of a whole program. A slow reader gets the newest number
    /// and misses those between.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
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
        self.query_states().watch_total()
    }

    /// Watches how many loads of one query are running, as [`watch_fetching`](Self::watch_fetching) watches all.
    #[must_use]
    pub fn watch_fetching_of<Q: Fetch<A>>(&self) -> watch::Receiver<usize>
    where
        A::Registry: Holds<Q>,
    {
        let query_states = self.query_states();
        let table = self.cache().any_table::<Q>().index();
        query_states.watch_running(&query_states.of(table, TypeId::of::<Q>()).running)
    }
}
