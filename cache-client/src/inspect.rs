//! Reports on what a client does at the moment. Plain data; `collect` gathers it, `text` prints it.

mod collect;
mod text;

use std::time::Duration;

use cache_core::Inspection;
use serde::Serialize;

use crate::app::App;
use crate::client::Client;

/// A report on a client and its cache. Print it with `{}`, for a terminal of 80 columns, or serialise it for a tool.
///
/// Values are not in it. Keys are, as their `Debug` prints them, up to 512 bytes; `(secret)` if their query is derived
/// with `secret`.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ClientReport {
    /// What the client does.
    pub activity: ClientActivity,
    /// The report of [`Cache::inspect`](cache_core::Cache::inspect).
    pub cache: Inspection,
}

/// What a client does at the moment.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ClientActivity {
    /// How many loads are running, as [`fetch_count`](Client::fetch_count) counts them.
    pub running: usize,
    /// Whether the source of the loads can be reached, as the program has [set](Client::set_online).
    pub is_online: bool,
    /// The loads that callers can join, the oldest first. Without those that something newer has replaced, and those of
    /// single trees.
    pub flights: Rows<FlightReport>,
    /// The observed keys.
    pub observers: Rows<ObservedReport>,
    /// The optimistic layers, in the order in which they are shown.
    pub layers: Rows<LayerReport>,
    /// The circuit breakers that were used or configured, by name.
    pub breakers: Vec<BreakerReport>,
    /// The second tier, if there is one.
    pub provider: Option<ProviderReport>,
    /// What crates on top of the client keep in it.
    pub sections: Vec<Section>,
}

/// Some rows of a list, and how many there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Rows<T> {
    /// The number of rows, listed or not.
    pub total: usize,
    /// The listed rows. If there are more, it is not determined which ones these are.
    pub rows: Vec<T>,
}

/// A load that callers can join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FlightReport {
    /// Name of the table.
    pub table: &'static str,
    /// The key.
    pub key: String,
    /// How many callers wait for it.
    pub waiters: usize,
    /// How long it has been running, with all retries, to a few milliseconds.
    pub age: Duration,
    /// What it is doing.
    pub phase: FlightPhase,
}

/// What a flight is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FlightPhase {
    /// Loads the answer.
    Loading,
    /// Reads the provider, and never loads.
    Reading,
    /// Has ended, and stores its answer.
    Landing,
    /// Something newer exists for its key: its answer goes to its callers and is not stored.
    Overtaken,
}

/// An observed key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ObservedReport {
    /// Name of the table.
    pub table: &'static str,
    /// The key.
    pub key: String,
    /// How many observers it has.
    pub observers: usize,
}

/// An optimistic layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LayerReport {
    /// Number of the layer. A later layer has a higher number, and is shown over earlier ones.
    pub number: u64,
    /// The keys that it changes.
    pub keys: Rows<LayeredReport>,
}

/// A key that a layer changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LayeredReport {
    /// Name of the table.
    pub table: &'static str,
    /// The key.
    pub key: String,
}

/// A circuit breaker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BreakerReport {
    /// Its name: that of its query, or of the option `breaker`.
    pub name: &'static str,
    /// `closed`, `open` or `half-open`.
    pub state: &'static str,
    /// Time until an open breaker lets a load through. Zero: the next one.
    pub retry_in: Option<Duration>,
    /// Failures since the last success, while it is closed.
    pub failures: u32,
    /// The number of consecutive failures that opens it.
    pub failures_allowed: u32,
    /// The calls of the [window](crate::BreakerOptions::rate), and how many of them have failed, while it is closed.
    pub recent: Option<(u64, u64)>,
}

/// The second tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProviderReport {
    /// How often it has failed, as [`provider_errors`](Client::provider_errors) counts.
    pub errors: u64,
    /// Writes and removals that run, or wait for earlier ones.
    pub writes: usize,
}

/// A table of texts about what a crate on top of the client keeps in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// What the rows are, such as `documents`.
    pub name: &'static str,
    /// The heads of the columns.
    pub columns: &'static [&'static str],
    /// The rows, each with a text for each column.
    pub rows: Rows<Vec<String>>,
}

/// Reports on a part of a client, with at most this many rows. Called without locks.
pub(crate) type SectionOf<A> = fn(&Client<A>, usize) -> Section;

impl<T> Rows<T> {
    /// Creates a list of which some rows are listed.
    #[must_use]
    pub fn new(total: usize, rows: Vec<T>) -> Self {
        Self { total, rows }
    }
}

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
