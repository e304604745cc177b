//! Tables of queries that the caller does not know: what a whole cache does with each of its tables, and all that is done
//! with keys of any query.
//!
//! In two steps, so that a program has the code for no more than it does with a table. Any table has a head; one that has
//! been used has shards. The way from one to the other is a function pointer that is set by the first write, and by what
//! makes the codec of a query with `persist`. What needs no types is compiled once for all tables.

use std::any::Any;
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use crate::event::{Change, ChangeKind};
use crate::inspect::{EntryReport, TableReport};
use crate::query::Query;
use crate::retention::recency::Oldest;
use crate::shard::key::AnyKey;
use crate::shard::pairs::AnyPair;
use crate::shard::{AnyLines, AnyShard, OpContext, ShardRef};
use crate::sync::RwLock;
use crate::table::entry::EntryState;
use crate::table::head::Head;
use crate::table::{SimpleWrite, Table};

/// A table of a registry, its query unknown.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct AnyTable<'a>(pub(crate) &'a dyn ErasedTable);

impl<'a> AnyTable<'a> {
    /// A table, its query forgotten.
    pub fn of<Q: Query>(table: &'a Table<Q>) -> Self {
        Self(table.erased())
    }

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
        let changed = head.trail.ask(head.hash_of(key), now);
        head.tags_of(key).iter().map(|&tag| head.trail.ask(tag, now)).fold(changed, u64::max)
    }

    /// The time to live and the freshness time of the table, as its cache was built.
    #[must_use]
    pub fn times(self) -> (Option<Duration>, Option<Duration>) {
        let rules = &self.0.head().rules;
        (rules.ttl, rules.fresh)
    }
}

/// Where a table lives whose query the holder does not know. Keeps its cache.
#[doc(hidden)]
#[derive(Clone)]
pub struct AnyHome {
    pub(crate) cache: Arc<dyn Any + Send + Sync>,
    /// Finds the table in its cache, and makes its shards if they are not there yet.
    pub(crate) table: fn(&(dyn Any + Send + Sync)) -> &dyn UsedTable,
    /// Whether a line of a shard has a value, which the caller holds, by its handle.
    pub(crate) has_value: fn(&dyn AnyLines, u32, &dyn AnyPair) -> bool,
}

impl AnyHome {
    pub(crate) fn table(&self) -> &dyn UsedTable {
        (self.table)(&*self.cache)
    }
}

impl Debug for AnyHome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyHome").field(&self.table().head().name).finish()
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

impl dyn ErasedTable + '_ {
    /// Name of the table.
    pub(crate) fn name(&self) -> &'static str {
        self.head().name
    }

    /// Live entries. Visits every survivor.
    pub(crate) fn live(&self) -> usize {
        self.used().map_or(0, |table| table.live())
    }

    /// Removes all dead keys, after releasing what has expired. Returns how many keys went.
    pub(crate) fn reap(&self) -> usize {
        self.used().map_or(0, |table| table.reap())
    }

    /// State and counters, and the entries if asked for.
    pub(crate) fn report(&self, with_entries: bool) -> TableReport {
        let head = self.head();
        let mut report = TableReport { name: head.name, bound: head.rules.bound, ..TableReport::default() };
        report.misses = head.early_misses();
        if let Some(table) = self.used() {
            table.expire_due();
            table.each_shard(&mut |shard| report.add_shard(shard));
            if with_entries {
                report.entries = table.report_entries();
            }
        }
        report
    }
}

impl dyn UsedTable + '_ {
    fn places(&self) -> std::ops::Range<usize> {
        0..self.head().shard_count()
    }

    /// Runs `look` for one shard after the other, each locked for reading.
    pub(crate) fn each_shard(&self, look: &mut dyn FnMut(ShardRef<'_>)) {
        self.places().for_each(|place| look(self.shard(place).read().any()));
    }

    pub(crate) fn live(&self) -> usize {
        self.expire_due();
        let mut live = 0;
        self.each_shard(&mut |shard| live += shard.live_count());
        live
    }

    /// Releases all residents whose time is over.
    pub(crate) fn expire_due(&self) {
        let now = self.head().core.precise_now();
        for place in self.places() {
            let has_due = self.shard(place).read().any().has_due(now);
            if has_due {
                self.release_expired(place, now, &mut |shard, context| shard.expire_due(usize::MAX, context));
            }
        }
    }

    /// Whether a shard was ever written.
    fn is_used(&self, place: usize) -> bool {
        self.shard(place).read().any().is_used()
    }

    fn reap(&self) -> usize {
        let now = self.head().core.precise_now();
        let mut reaped = 0;
        for place in self.places().filter(|&place| self.is_used(place)) {
            self.alter_shard(place, now, &mut |shard, context| reaped += shard.reap(context));
        }
        reaped
    }

    fn report_entries(&self) -> Vec<EntryReport> {
        let (head, mut keys) = (self.head(), Vec::new());
        let now = head.core.now();
        self.each_shard(&mut |shard| {
            for number in shard.numbers() {
                if let (Some(key), Some(view)) = (shard.lines.key(number), shard.view(number))
                    && !shard.lines.is_dead(number)
                {
                    keys.push((key.to_box(), EntryState::of(&view, &head.rules, now)));
                }
            }
        });
        // Printing a key is foreign code.
        keys.iter().map(|(key, state)| EntryReport::new(&key, *state)).collect()
    }

    /// Copies of the keys that are there and alive. One shard is locked (shared) at a time.
    pub(crate) fn live_keys(&self) -> Vec<Box<dyn AnyKey>> {
        self.expire_due();
        let mut keys = Vec::new();
        self.each_shard(&mut |shard| {
            let live = shard.numbers().filter(|&number| !shard.lines.is_dead(number));
            keys.extend(live.filter_map(|number| shard.lines.key(number)).map(AnyKey::to_box));
        });
        keys
    }

    /// Adds what is told of the entries of a shard that are to be marked, if anybody listens.
    pub(crate) fn add_marks(
        &self,
        shard: ShardRef<'_>,
        is_told: &dyn Fn(&dyn AnyKey) -> bool,
        changes: &mut Vec<Change>,
    ) {
        let head = self.head();
        if !head.core.events.has_listeners() {
            return;
        }
        for number in shard.numbers() {
            if let Some(key) = shard.lines.key(number)
                && !shard.lines.is_dead(number)
                && is_told(key)
            {
                head.add_change(changes, ChangeKind::Invalidated, &|| Some(key.entry()));
            }
        }
    }

    /// Brings the table within its bound where one shard alone could not. To be called without locks.
    #[inline]
    pub(crate) fn enforce_bound(&self, context: &OpContext<'_>) {
        if context.ledger.is_over() {
            self.evict_excess(context);
        }
    }

    #[cold]
    fn evict_excess(&self, context: &OpContext<'_>) {
        match context.recency {
            Some(recency) => {
                while context.ledger.is_over()
                    && let Some(oldest) = recency.oldest()
                {
                    self.evict_oldest(oldest, context);
                }
            }
            None => self.evict_by_shards(context),
        }
    }

    /// Evicts the entry that is the oldest in the exact order.
    fn evict_oldest(&self, oldest: Oldest, context: &OpContext<'_>) {
        let mut shard = self.shard(self.head().place_of(oldest.hash)).write();
        shard.any_mut().evict_oldest(oldest, context);
        self.unlock(shard);
    }

    fn evict_by_shards(&self, context: &OpContext<'_>) {
        let head = self.head();
        // First without touching what the commit itself wrote; if it wrote more than the table holds, with it.
        for revision in [context.revision, 0] {
            for _ in self.places() {
                if !context.ledger.is_over() {
                    return;
                }
                let (context, place) = (OpContext { revision, ..*context }, head.next_victim());
                if !self.is_used(place) {
                    continue;
                }
                let mut shard = self.shard(place).write();
                shard.any_mut().make_room(&context);
                self.unlock(shard);
            }
        }
    }
}
