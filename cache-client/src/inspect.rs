//! Reports on what a client does at the moment. `collect` gathers them, `text` prints them.

mod collect;
pub(crate) mod report;
mod text;

use crate::app::App;
use crate::client::Client;
pub use report::{
    BreakerReport, ClientActivity, ClientReport, FlightPhase, FlightReport, LayerReport, LayeredReport,
    ObservedReport, ProviderReport, Rows, Section,
};

/// How many rows of each kind [`Client::inspect`] lists.
const MOST_ROWS: usize = 1_000;

impl<A: App> Client<A> {
    /// Reports on the client and its cache, with at most 1,000 rows of each kind.
    ///
    /// Visits all entries of the cache, one shard at a time; see [`Cache::inspect`](cache_core::Cache::inspect). No lock
    /// is held for longer than it takes to copy 1,000 handles, and none while keys are printed.
    ///
    /// Other threads go on meanwhile, so the parts are of different moments. The flights are read first: an answer that
    /// is stored meanwhile is among the flights, or is counted in the cache, or both, but is never missing in both.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let load = client.prefetch(&GetTitle { id: 1 });
    /// let report = client.inspect();
    /// assert_eq!(report.activity.flights.rows[0].key, "GetTitle { id: 1 }");
    /// println!("{report}");
    /// # load.done().await;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn inspect(&self) -> ClientReport {
        let activity = self.activity(MOST_ROWS);
        ClientReport { activity, cache: self.cache().inspect() }
    }

    /// Reports on what the client does, with at most `rows` rows of each kind.
    ///
    /// Visits no entries of the cache, so that it can be called several times a second. Otherwise like
    /// [`inspect`](Self::inspect).
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # fn main() {
    /// # let client = blog_client();
    /// let layer = client.optimistic(|layer| layer.update(&GetTitle { id: 1 }, |_| Some("Draft".to_owned())));
    /// let activity = client.activity(100);
    /// assert_eq!((activity.layers.total, activity.flights.total), (1, 0));
    /// # drop(layer);
    /// # }
    /// ```
    #[must_use]
    pub fn activity(&self, rows: usize) -> ClientActivity {
        collect::activity(self, rows)
    }
}
