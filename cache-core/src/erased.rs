//! Tables of queries that the caller does not know. What needs no types is compiled once for all tables.
//!
//! There are two traits, so that a program has the code for no more than it does with a table. Any table has a head; a
//! table that has been used has shards. The way from one to the other is a function pointer. The first write sets it,
//! and so does what makes the codec of a query with `persist`.

mod used;

use std::fmt::Debug;
use std::time::Duration;

use crate::shard::AnyShard;
use crate::shard::erased::AnyPair;
use crate::shard::key::AnyKey;
use crate::sync::RwLock;
use crate::table::head::Head;
use crate::table::simple_write::SimpleWrite;

/// A table of a registry, its query unknown.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct AnyTable<'a>(pub(crate) &'a dyn ErasedTable);

impl<'a> AnyTable<'a> {
    /// Place of the table among those of the registry.
    #[must_use]
    pub fn index(self) -> usize {
        self.0.head().index
    }

    /// Name of the table, which may be another than that of its query.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.head().name
    }

    /// Copies of an entry that are older than this time are out of date. Zero if all are good; `now` if the key has changed
    /// since the last call. A change during this call counts for the next one.
    #[must_use]
    pub fn copies_expire_before(self, key: &dyn AnyKey, now: u64) -> u64 {
        let head = self.0.head();
        let changed = head.dirty_marks.date(head.hash_of(key), now);
        head.tags_of(key).iter().map(|&tag| head.dirty_marks.date(tag, now)).fold(changed, u64::max)
    }

    /// The time to live and the freshness time of the table, as its cache was built.
    #[must_use]
    pub fn times(self) -> (Option<Duration>, Option<Duration>) {
        let rules = &self.0.head().rules;
        (rules.ttl, rules.fresh)
    }
}

/// A table whose query is not known at compile time.
pub(crate) trait ErasedTable: Send + Sync + Debug {
    /// All that does not depend on the query.
    fn head(&self) -> &Head;
    /// The table, if it has shards.
    fn used(&self) -> Option<&dyn UsedTable>;
    /// The table with its shards, made if they are not there yet; `None` if it takes no part in snapshots.
    fn made_for_restore(&self) -> Option<&dyn UsedTable>;
}

/// A table that has shards. They are named by their places.
pub(crate) trait UsedTable: Send + Sync {
    fn head(&self) -> &Head;
    fn shard(&self, place: usize) -> &RwLock<AnyShard>;
    /// Writes a pair that is not marked, if its table and shard have no more to do. The pair has what was displaced
    /// then.
    fn write_simply(&self, pair: &mut dyn AnyPair, write: &mut SimpleWrite<'_>) -> bool;
}
