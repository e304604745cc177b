//! Tables of queries that the caller does not know. Code that needs no types is compiled once for all tables.
//!
//! There are two traits, so that a program contains only the code that it needs for a table. Every table has
//! a head. A table that has been used has shards. A function pointer leads from one to the other. It is set
//! by the first write, and by the constructor of the codec of a query with `persist`.

mod used;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use crate::shard::AnyShard;
use crate::shard::erased::AnyPair;
use crate::shard::key::AnyKey;
use crate::sync::RwLock;
use crate::table::head::Head;
use crate::table::simple_write::SimpleWrite;

/// A table of a registry whose query is not known.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct AnyTable<'a>(pub(crate) &'a dyn ErasedTable);

impl<'a> AnyTable<'a> {
    /// Calls `listener` with the keys that the program writes or removes in this table, once the change can be seen:
    /// outside all locks, on the thread that has made the change, and in no order among threads. Answers of loads, marks,
    /// restored entries and a cleared cache are not reported, nor transactions that say so. `listener` returns whether it
    /// wants to be called again.
    pub fn on_change(self, listener: impl Fn(&[Box<dyn AnyKey>]) -> bool + Send + Sync + 'static) {
        let head = self.0.head();
        head.shared.note_change_listener();
        head.change_listeners.add(Arc::new(listener));
    }

    /// Returns the place of the table in the registry.
    #[must_use]
    pub fn index(self) -> usize {
        self.0.head().index
    }

    /// Returns the name of the table, which may differ from that of its query.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.head().name
    }

    /// Returns the time before which copies of an entry are out of date. Zero if all are good; `now` if the
    /// key has changed since the last call. A change during this call counts for the next one.
    #[must_use]
    pub fn copies_expire_before(self, key: &dyn AnyKey, now: u64) -> u64 {
        let head = self.0.head();
        let changed = head.dirty_marks.date(head.hash_of(key), now);
        head.tags_of(key).iter().map(|&tag| head.dirty_marks.date(tag, now)).fold(changed, u64::max)
    }

    /// Returns the time to live and the freshness time that the table was built with.
    #[must_use]
    pub fn times(self) -> (Option<Duration>, Option<Duration>) {
        let rules = &self.0.head().rules;
        (rules.ttl, rules.fresh)
    }
}

/// A table whose query is not known at compile time.
pub(crate) trait ErasedTable: Send + Sync + Debug {
    /// Returns the part that does not depend on the query.
    fn head(&self) -> &Head;
    /// Returns the table, if it has shards.
    fn used(&self) -> Option<&dyn UsedTable>;
    /// Returns the table with its shards, which it creates if needed; `None` if the table is not part of
    /// snapshots.
    fn ensure_shards_for_restore(&self) -> Option<&dyn UsedTable>;
}

/// A table that has shards. Shards are identified by place.
pub(crate) trait UsedTable: Send + Sync {
    fn head(&self) -> &Head;
    fn shard(&self, place: usize) -> &RwLock<AnyShard>;
    /// Writes a pair that is not marked, if its table and shard have no other work. The pair then holds what
    /// was displaced.
    fn write_simply(&self, pair: &mut dyn AnyPair, write: &mut SimpleWrite<'_>) -> bool;
}
