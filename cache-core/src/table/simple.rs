//! The simple write: one pair, whose table and shard have no other work to do. Its steps are compiled once.
//! Only the code that finds the key and moves the pair is compiled for each query.

use super::head::Head;
use super::locking::LockedShard;
use super::simple_write::{NO_TIMES, Origin, SimpleWrite, Watched};
use super::watchers::KeyEvent;
use crate::erased::UsedTable;
use crate::shard::erased::AnyPair;
use crate::shard::key::AnyKey;
use crate::shard::state::deadline;
use crate::shard::{AnyShard, Place, ShardMut, Written};

impl SimpleWrite<'_> {
    /// Does what comes before the shard is locked. Returns `false` if the table has more to do.
    pub(super) fn prepare(&mut self, head: &Head) -> bool {
        let times = self.times;
        if !head.has_simple_writes || !times.own.is_none() {
            return false;
        }
        self.now = head.start_of(times);
        self.as_of = times.as_of.unwrap_or(self.now);
        // A value that has already expired must be released, which the general path does.
        if head.rules.is_timed && deadline(self.as_of, None, &head.rules).is_over(self.now) {
            return false;
        }
        head.shared.gate.pass();
        true
    }

    /// Writes everything except the line of a key, which is in line `at` or in none: draws the revision and
    /// overtakes the watchers of the key. Returns where the pair goes; `None` if the shard has more to do, or
    /// if the load may not write.
    pub(super) fn place(
        &mut self,
        head: &Head,
        shard: &mut AnyShard,
        key: &dyn AnyKey,
        at: Option<u32>,
    ) -> Option<Place> {
        let shard = &mut shard.any_mut();
        let Self { hash, watched, now, as_of, .. } = *self;
        let allows_simple_writes =
            !head.shared.gate.is_closed() && !head.ledger.is_over() && shard.allows_simple_writes(now);
        if !allows_simple_writes || !watched.allows(at) || shard.is_pinned(hash, at, key) {
            return None;
        }
        if shard.has_loads() || !head.watchers.is_empty() {
            head.overtake(shard, hash, key, watched);
        }
        if self.origin == Origin::Program {
            head.dirty_marks.mark(hash);
        }
        head.note_input_change(hash);
        self.revision = head.shared.next_revision();
        let written = Written { revision: self.revision, as_of };
        let place = shard.place_simply((hash, at), written, &head.context(now, 0));
        self.has_displaced = shard.has_displaced();
        Some(place)
    }

    /// Unlocks the shard, then does the work that must wait for the unlock.
    pub(super) fn end(&self, table: &dyn UsedTable, head: &Head, mut locked: LockedShard<'_>) {
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
        head.shared.log.note_single(head.name, self.revision);
        head.shared.drain();
    }
}

impl Head {
    #[cold]
    fn overtake(&self, shard: &mut ShardMut<'_>, hash: u32, key: &dyn AnyKey, watched: Watched<'_>) {
        if let Watched::IfAbsent(load) = watched {
            // It is the only load of its key.
            shard.end_load(load);
            self.watchers
                .find(hash, &|other| key.equals(other), &mut |watcher| watcher.record(KeyEvent::Loaded));
        } else {
            self.key_changed(shard, hash, &|other| key.equals(other), KeyEvent::Loaded);
        }
    }
}

impl dyn UsedTable + '_ {
    /// Commits a single pair, if it can take the simple path. Returns the revision.
    pub(crate) fn insert_simply(&self, hash: u32, pair: &mut dyn AnyPair) -> Option<u64> {
        let mut write = SimpleWrite::new(hash, NO_TIMES);
        self.write_simply(pair, &mut write).then_some(write.revision)
    }
}
