//! The steps that all changes of one shard are made of: what is done before it is locked, while it is, and after.

use std::sync::Arc;
use std::time::Duration;

use super::head::Head;
use super::watchers::KeyEvent;
use crate::clock::Moment;
use crate::entry_times::EntryTimes;
use crate::erased::UsedTable;
use crate::event::{AnyEntry, Change, ChangeKind};
use crate::shard::erased::AnyPair;
use crate::shard::key::{AnyKey, IsKey};
use crate::shard::{AnyShard, DisplacedPairs, Extra, Incoming, OpContext, Placement, ShardMut};
use crate::sync::RwLockWriteGuard;

/// What is done to a locked shard.
pub(super) type ShardStep<'a> = &'a mut dyn FnMut(&mut ShardMut<'_>, &OpContext<'_>);

/// A shard that is locked for writing.
pub(crate) type LockedShard<'a> = RwLockWriteGuard<'a, AnyShard>;

impl dyn UsedTable + '_ {
    /// Locks a shard for a write that a save must see whole or not at all.
    pub(super) fn lock_open(&self, place: usize) -> LockedShard<'_> {
        let gate = &self.head().shared.gate;
        loop {
            gate.pass();
            let shard = self.shard(place).write();
            if !gate.is_closed() {
                return shard;
            }
        }
    }

    /// Unlocks a shard, and drops what it has displaced.
    pub(crate) fn unlock(&self, shard: LockedShard<'_>) {
        drop(self.publish_and_unlock(shard));
    }

    /// Unlocks a shard. What it has displaced is to be dropped when no lock is held.
    pub(super) fn publish_and_unlock(&self, mut shard: LockedShard<'_>) -> DisplacedPairs {
        self.head().publish(&mut shard.any_mut());
        shard.take_displaced()
    }

    /// Releases what has expired, on behalf of a reader: the shard's maintenance is left to writers.
    pub(crate) fn release_expired(&self, place: usize, now: Moment, expire: ShardStep<'_>) {
        let head = self.head();
        let context = head.context(now, 0);
        let mut locked = self.shard(place).write();
        let shard = &mut locked.any_mut();
        expire(shard, &context);
        shard.make_room(&context);
        self.unlock(locked);
        head.shared.events.drain();
    }

    /// Changes what is kept, not what is stored: no revision, no gate.
    pub(crate) fn alter_shard(&self, place: usize, now: Moment, alter: ShardStep<'_>) {
        let context = self.head().context(now, 0);
        let mut locked = self.shard(place).write();
        let shard = &mut locked.any_mut();
        shard.begin(&context);
        alter(shard, &context);
        self.finish(locked, &context);
    }

    /// Ends a change of a shard, which is unlocked: what it owes, and what has to wait for that. What it has displaced is
    /// dropped last, since the drop of a value may panic.
    pub(crate) fn finish(&self, mut shard: LockedShard<'_>, context: &OpContext<'_>) {
        shard.any_mut().finish(context);
        let displaced = self.publish_and_unlock(shard);
        let head = self.head();
        head.shared.log.note_single(head.name, context.revision);
        self.enforce_bound(context);
        head.shared.events.drain();
        drop(displaced);
    }
}

impl Head {
    /// What is known of a pair on its way in. Runs the weigher: foreign code, which is done with before any lock is taken.
    pub(crate) fn incoming(
        &self,
        pair: &dyn AnyPair,
        times: &EntryTimes,
        label: Option<&Arc<str>>,
        now: Moment,
    ) -> Incoming {
        let weight = self.weigh(pair);
        Incoming {
            weight,
            as_of: times.as_of.unwrap_or(now),
            extra: self.extra(times.ttl, times.fresh, label, now),
            placement: Placement::by_rules(weight, times.ttl.is_some(), &self.rules),
            is_invalidated: false,
            position: None,
        }
    }

    /// What is known of a pair on its way into a table with [simple commits](Self::has_simple_commits).
    pub(crate) fn incoming_simply(&self, now: Moment) -> Incoming {
        let placement = Placement::Queued;
        Incoming { weight: 1, as_of: now, extra: None, placement, is_invalidated: false, position: None }
    }

    /// The bookkeeping that most entries do without, if this one needs it.
    pub(crate) fn extra(
        &self,
        ttl: Option<Duration>,
        fresh: Option<Duration>,
        label: Option<&Arc<str>>,
        used_at: Moment,
    ) -> Option<Box<Extra>> {
        if ttl.is_none() && fresh.is_none() && !self.rules.wants_extras() {
            return None;
        }
        let label = label.filter(|_| self.rules.history > 0).cloned();
        Some(Box::new(Extra { ttl, fresh, label, ..Extra::new(used_at) }))
    }

    /// What an entry counts against the bound; nothing weighs 0.
    pub(crate) fn weigh(&self, pair: &dyn AnyPair) -> u32 {
        if self.rules.is_weighted() { pair.weigh().max(1) } else { 1 }
    }

    /// Whether commits of several values may be simple ones. In an exact order they are written one after the other.
    #[inline]
    pub(crate) fn has_simple_commits(&self) -> bool {
        self.has_simple_writes && !self.rules.is_lru()
    }

    /// The moment of a write. Precise if times begin with it.
    #[inline]
    pub(crate) fn start_of(&self, times: &EntryTimes) -> Moment {
        match self.rules.has_times || times.ttl.is_some() || times.fresh.is_some() {
            true => self.shared.precise_now(),
            false => self.shared.now(),
        }
    }

    /// Adds a change of one key for the listeners, if there are any.
    pub(crate) fn add_change(
        &self,
        changes: &mut Vec<Change>,
        kind: ChangeKind,
        entry: &dyn Fn() -> Option<Box<dyn AnyEntry>>,
    ) {
        if self.shared.events.has_listeners()
            && let Some(entry) = entry()
        {
            changes.push(Change { table: self.name, revision: None, kind, entry });
        }
    }

    /// Queues what was displaced for the listeners, while the shard is locked, so that the queue has each key's events
    /// in their order.
    #[inline]
    pub(crate) fn publish(&self, shard: &mut ShardMut<'_>) {
        if self.shared.events.has_listeners() {
            shard.publish(self.name, &self.shared.events);
        }
    }

    /// Tells what happens to a key: it overtakes loads that began before, and copies that are kept elsewhere unless a load
    /// wrote it. Must be called while the key's shard is locked, and not for a key that is only touched.
    #[inline]
    pub(crate) fn key_changed(
        &self,
        shard: &mut ShardMut<'_>,
        hash: u32,
        is_key: IsKey<'_>,
        event: KeyEvent,
    ) {
        if shard.has_loads() {
            shard.overtake_load_of(hash, is_key);
        }
        self.watchers.find(hash, is_key, &mut |watcher| watcher.tell(event));
        if event != KeyEvent::Loaded {
            self.dirty_marks.mark(hash);
        }
    }

    /// [`key_changed`](Self::key_changed) for all keys of the table. Must be called while all shards are locked; the caller
    /// overtakes their loads.
    pub(crate) fn all_changed(&self, event: KeyEvent) {
        self.watchers.each(&mut |watcher| watcher.tell(event));
        self.dirty_marks.mark_all();
    }

    /// The tags of a key, as hashes. Foreign code, which is done with before any lock is taken.
    pub(crate) fn tags_of(&self, key: &dyn AnyKey) -> super::tags::Tags {
        let mut tags = super::tags::Tags::new();
        if self.has_entry_tags {
            key.each_tag(&mut |tag| tags.push(self.hash(&tag)));
        }
        tags
    }
}
