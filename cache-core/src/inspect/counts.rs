//! Counts of a table that need no visit of its entries.

use serde::Serialize;

use super::{RemovalCounts, bound_as_text};
use crate::erased::ErasedTable;
use crate::options::Bound;

/// Counts of one table, by [`Cache::counts`](crate::Cache::counts).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TableCounts {
    /// Name of the table.
    pub name: &'static str,
    /// The bound that it was built with.
    #[serde(serialize_with = "bound_as_text")]
    pub bound: Option<Bound>,
    /// Entries that the table or a pin keeps alive. Those that have expired count until they are released.
    pub kept: usize,
    /// Entries that only the program keeps alive, and keys whose value is gone and that will be removed.
    pub survivors: usize,
    /// Pinned keys, with or without an entry.
    pub pins: usize,
    /// Sum of the weights that count against the bound; 0 without one.
    pub weight: u64,
    /// Reads that found a value. Counted without synchronisation: reads of one shard at the same instant may be counted
    /// as one.
    pub hits: u64,
    /// Reads that found none. Counted like the hits.
    pub misses: u64,
    /// Values that left the table, by cause.
    pub removals: RemovalCounts,
}

impl TableCounts {
    pub(crate) fn of(table: &dyn ErasedTable) -> Self {
        let head = table.head();
        let mut counts = Self {
            name: head.name,
            bound: head.rules.bound,
            kept: 0,
            survivors: 0,
            pins: 0,
            weight: head.ledger.booked(head.rules.limit()),
            hits: 0,
            misses: head.early_misses(),
            removals: RemovalCounts::default(),
        };
        if let Some(used) = table.used() {
            used.each_shard(&mut |shard| {
                let survivors = shard.survivor_count();
                counts.kept += shard.count() - survivors;
                counts.survivors += survivors;
                counts.pins += shard.pin_count();
                counts.hits += shard.hits();
                counts.misses += shard.misses();
                counts.removals.add(shard.removals());
            });
        }
        counts
    }

    /// Returns the ratio of hits to reads, from 0 to 1; `None` before the first read.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
    pub fn hit_ratio(&self) -> Option<f64> {
        let reads = self.hits + self.misses;
        (reads > 0).then(|| self.hits as f64 / reads as f64)
    }
}
