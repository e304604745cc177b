//! What reports on a client contain, as plain data.

use std::time::Duration;

use cache_core::Inspection;
use serde::Serialize;

use crate::shared::SharedState;

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
    /// How many loads are running, as [`fetch_count`](crate::Client::fetch_count) counts them.
    pub running: usize,
    /// Whether the source of the loads can be reached, as the program has [set](crate::Client::set_online).
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
    /// The [shared tier](crate::shared), if there is one.
    pub shared: Option<SharedState>,
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
    /// How often it has failed, as [`provider_errors`](crate::Client::provider_errors) counts.
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

impl<T> Rows<T> {
    /// Creates a list of which some rows are listed.
    #[must_use]
    pub fn new(total: usize, rows: Vec<T>) -> Self {
        Self { total, rows }
    }
}
