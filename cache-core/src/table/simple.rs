//! The simple write: of one pair, where its table and shard have no more to do. Its steps are compiled once; what is
//! compiled for each query finds the key and moves the pair.

use super::Table;
use super::flights::AnyLoad;
use super::head::Head;
use super::locking::LockedShard;
use super::times::EntryTimes;
use super::watchers::AnyWatcher;
use crate::clock::Moment;
use crate::erased::UsedTable;
use crate::query::Query;
use crate::shard::key::AnyKey;
use crate::shard::pairs::AnyPair;
use crate::shard::state::deadline;
use crate::shard::{AnyShard, Lines, Pair, Place, ShardMut, Written};

/// Where a written value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The program says so, and what is kept elsewhere does not know of it.
    Program,
    /// A load: copies that are kept elsewhere know its result.
    Load,
}

/// Whether a simple write is that of a load, which must not be overtaken.
#[derive(Clone, Copy)]
pub(crate) enum Watched<'a> {
    No,
    Yes(&'a AnyWatcher),
    /// And there must be no entry.
    IfAbsent(&'a AnyLoad),
}

impl Watched<'_> {
    /// Whether the write may be made, to a key that is in a line of this number or in none.
    fn allows(self, at: Option<u32>) -> bool {
        match self {
            Self::No => true,
            Self::Yes(watcher) => !watcher.is_overtaken(),
            Self::IfAbsent(load) => !load.is_overtaken() && at.is_none(),
        }
    }
}

/// The times of most writes: those of the table.
pub(super) const NO_TIMES: &EntryTimes = &EntryTimes::new();

/// A simple write on its way.
pub(crate) struct SimpleWrite<'a> {
    hash: u32,
    times: &'a EntryTimes,
    origin: Origin,
    watched: Watched<'a>,
    now: Moment,
    as_of: Moment,
    /// Whether more was displaced than the pair has.
    has_displaced: bool,
    pub(crate) revision: u64,
}

impl<'a> SimpleWrite<'a> {
    /// By the program, of a pair whose key has this hash.
    #[inline]
    pub(super) fn new(hash: u32, times: &'a EntryTimes) -> Self {
        let (now, as_of) = (Moment::ORIGIN, Moment::ORIGIN);
        let (origin, watched) = (Origin::Program, Watched::No);
        Self { hash, times, origin, watched, now, as_of, has_displaced: false, revision: 0 }
    }

    /// By a load that is told of changes.
    pub(super) fn of_watched(watcher: &'a AnyWatcher, times: &'a EntryTimes) -> Self {
        let (origin, watched) = (Origin::Load, Watched::Yes(watcher));
        Self { origin, watched, ..Self::new(watcher.hash(), times) }
    }

    /// By a load that keeps its thread.
    pub(super) fn of_load(load: &'a AnyLoad) -> Self {
        Self { watched: Watched::IfAbsent(load), ..Self::new(load.hash(), NO_TIMES) }
    }

    /// What is done before the shard is locked. `false` if the table has more to do.
    fn prepare(&mut self, head: &Head) -> bool {
        let times = self.times;
        if !head.has_simple_writes || times.ttl.is_some() || times.fresh.is_some() {
            return false;
        }
        self.now = head.start_of(times);
        self.as_of = times.as_of.unwrap_or(self.now);
        // A value whose time is over already has to be released, which the general way does.
        if head.rules.is_timed && deadline(self.as_of, None, &head.rules).is_over(self.now) {
            return false;
        }
        head.core.gate.pass();
        true
    }

    /// Writes all but the line of a key, which is in one of this number or in none: draws the revision, and overtakes
    /// the watchers of the key. Says where the pair goes; `None` if the shard has more to do, or it is not the load's
    /// turn.
    fn place(
        &mut self,
        head: &Head,
        shard: &mut AnyShard,
        key: &dyn AnyKey,
        at: Option<u32>,
    ) -> Option<Place> {
        let shard = &mut shard.any_mut();
        let Self { hash, watched, now, as_of, .. } = *self;
        let is_calm = !head.core.gate.is_closed() && !head.ledger.is_over() && shard.is_calm(now);
        if !is_calm || !watched.allows(at) || shard.is_pinned(hash, at, key) {
            return None;
        }
        if shard.has_loads() || !head.watchers.is_empty() {
            head.overtake(shard, hash, key, watched);
        }
        if self.origin == Origin::Program {
            head.trail.note(hash);
        }
        self.revision = head.core.next_revision();
        let written = Written { revision: self.revision, as_of };
        let place = shard.place_simply((hash, at), written, &head.context(now, 0));
        self.has_displaced = shard.has_displaced();
        Some(place)
    }

    /// Unlocks the shard, and does what has to wait for that.
    fn end(&self, table: &dyn UsedTable, head: &Head, mut locked: LockedShard<'_>) {
        if self.has_displaced {
            let displaced = locked.take_displaced();
            drop(locked);
            self.unlocked(table, head);
            drop(displaced);
        } else {
            drop(locked);
            self.unlocked(table, head);
        }
    }

    #[inline(always)]
    fn unlocked(&self, table: &dyn UsedTable, head: &Head) {
        if head.ledger.is_over() {
            table.enforce_bound(&head.context(self.now, self.revision));
        }
        head.core.log.note_single(head.name, self.revision);
        head.core.events.drain();
    }
}

impl Head {
    #[cold]
    fn overtake(&self, shard: &mut ShardMut<'_>, hash: u32, key: &dyn AnyKey, watched: Watched<'_>) {
        if let Watched::IfAbsent(load) = watched {
            // It is the only one of its key.
            shard.end_load(load);
            self.watchers.find(hash, &|other| key.equals(other), &mut |watcher| watcher.overtake());
        } else {
            self.key_loaded(shard, hash, &|other| key.equals(other));
        }
    }
}

impl dyn UsedTable + '_ {
    /// Writes a pair that is all of a commit, if it takes the simple way. Returns the revision.
    pub(crate) fn insert_simply(&self, hash: u32, pair: &mut dyn AnyPair) -> Option<u64> {
        let mut write = SimpleWrite::new(hash, NO_TIMES);
        self.write_simply(pair, &mut write).then_some(write.revision)
    }
}

impl<Q: Query> Table<Q> {
    /// [`write_simply`](UsedTable::write_simply) of a pair of this query.
    pub(super) fn write_pair_simply(&self, pair: &mut Pair<Q>, write: &mut SimpleWrite<'_>) -> bool {
        let Some(key) = &pair.key else { return false };
        if !write.prepare(&self.head) {
            return false;
        }
        let mut locked = self.shard_of(write.hash).write();
        let at = Lines::find_in(&locked, write.hash, key);
        let Some(place) = write.place(&self.head, &mut locked, key, at) else { return false };
        Lines::write_in(&mut locked, place, pair);
        write.end(self, &self.head, locked);
        true
    }
}
