//! The steps of every change of one shard: before it is locked, while it is locked, and after.

use std::sync::Arc;

use super::head::Head;
use super::watchers::KeyEvent;
use crate::clock::Moment;
use crate::entry_times::{EntryTimes, OwnTimes};
use crate::erased::UsedTable;
use crate::event::{Change, ChangeKind};
use crate::shard::erased::AnyPair;
use crate::shard::key::AnyEntry;
use crate::shard::key::{AnyKey, IsKey};
use crate::shard::{AnyShard, DisplacedPairs, Extra, Incoming, OpContext, Placement, ShardMut};
use crate::sync::RwLockWriteGuard;

/// A change of a locked shard.
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

    /// Unlocks a shard, then drops what it has displaced.
    pub(crate) fn unlock(&self, shard: LockedShard<'_>) {
        drop(self.publish_and_unlock(shard));
    }

    /// Unlocks a shard. The caller drops what it has displaced when no lock is held.
    pub(super) fn publish_and_unlock(&self, mut shard: LockedShard<'_>) -> DisplacedPairs {
        self.head().publish(&mut shard.any_mut());
        shard.take_displaced()
    }

    /// Releases expired entries for a reader. Leaves the maintenance of the shard to writers.
    pub(crate) fn release_expired(&self, place: usize, now: Moment, expire: ShardStep<'_>) {
        let head = self.head();
        let context = head.context(now, 0);
        let mut locked = self.shard(place).write();
        let shard = &mut locked.any_mut();
        expire(shard, &context);
        shard.make_room(&context);
        self.unlock(locked);
        head.shared.drain();
    }

    /// Changes which entries are kept, not what is stored. Takes no revision and no gate.
    pub(crate) fn alter_shard(&self, place: usize, now: Moment, alter: ShardStep<'_>) {
        let context = self.head().context(now, 0);
        let mut locked = self.shard(place).write();
        let shard = &mut locked.any_mut();
        shard.begin(&context);
        alter(shard, &context);
        self.finish(locked, &context);
    }

    /// Ends a change of a shard: does its maintenance, unlocks it, and does the work that must wait for the
    /// unlock. Drops what it has displaced last, since the drop of a value may panic.
    pub(crate) fn finish(&self, mut shard: LockedShard<'_>, context: &OpContext<'_>) {
        shard.any_mut().finish(context);
        let displaced = self.publish_and_unlock(shard);
        let head = self.head();
        head.shared.log.note_single(head.name, context.revision);
        self.enforce_bound(context);
        head.shared.drain();
        drop(displaced);
    }
}

impl Head {
    /// Describes an incoming pair. Runs the weigher, which is foreign code, so it must be called before any
    /// lock is taken.
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
            extra: self.extra(times.own, label, now),
            placement: Placement::by_rules(weight, times.own.ttl.is_some(), &self.rules),
            is_invalidated: false,
            position: None,
        }
    }

    /// Describes an incoming pair whose times begin when it is installed; `None` if its write may be
    /// [simple](Self::incoming_simply). Runs the weigher, as [`incoming`](Self::incoming) does.
    pub(crate) fn incoming_unless_simple(&self, pair: &dyn AnyPair, times: &EntryTimes) -> Option<Incoming> {
        let may_be_simple = self.has_simple_commits() && times.own.is_none();
        (!may_be_simple).then(|| self.incoming(pair, times, None, Moment::ORIGIN))
    }

    /// Describes an incoming pair of a table with [simple commits](Self::has_simple_commits).
    pub(crate) fn incoming_simply(&self, now: Moment) -> Incoming {
        let placement = Placement::Queued;
        Incoming { weight: 1, as_of: now, extra: None, placement, is_invalidated: false, position: None }
    }

    /// Creates the bookkeeping that most entries do not need, if this one needs it.
    pub(crate) fn extra(
        &self,
        own: OwnTimes,
        label: Option<&Arc<str>>,
        used_at: Moment,
    ) -> Option<Box<Extra>> {
        if own.is_none() && !self.rules.wants_extras() {
            return None;
        }
        let label = label.filter(|_| self.rules.history > 0).cloned();
        Some(Box::new(Extra { own, label, ..Extra::new(used_at) }))
    }

    /// Returns the weight of an entry against the bound, at least 1.
    pub(crate) fn weigh(&self, pair: &dyn AnyPair) -> u32 {
        if self.rules.is_weighted() { pair.weigh().max(1) } else { 1 }
    }

    /// Returns whether commits of several values may be simple. In an exact order, values are written one
    /// after the other.
    #[inline]
    pub(crate) fn has_simple_commits(&self) -> bool {
        self.has_simple_writes && !self.rules.is_lru()
    }

    /// Returns the moment of a write. Precise if times begin with it.
    #[inline]
    pub(crate) fn start_of(&self, times: &EntryTimes) -> Moment {
        match self.rules.has_times || !times.own.is_none() {
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

    /// Queues what was displaced for the listeners. Called while the shard is locked, so the queue has the
    /// events of each key in order.
    #[inline]
    pub(crate) fn publish(&self, shard: &mut ShardMut<'_>) {
        if self.shared.events.has_listeners() {
            shard.publish(self.name, &self.shared.events);
        }
    }

    /// Announces what happens to a key. Overtakes earlier loads, and copies that are kept elsewhere unless a
    /// load wrote the key. Must be called while the key's shard is locked, and not for a key that is only
    /// touched.
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
        self.watchers.find(hash, is_key, &mut |watcher| watcher.record(event));
        if event != KeyEvent::Loaded {
            self.dirty_marks.mark(hash);
        }
    }

    /// Announces that a key which had no entry has one. Loads of it stay current. Must be called while the key's
    /// shard is locked.
    pub(crate) fn key_filled(&self, hash: u32, is_key: IsKey<'_>) {
        self.watchers.find(hash, is_key, &mut |watcher| watcher.record(KeyEvent::Touched));
    }

    /// Announces what happens to all keys of the table, as [`key_changed`](Self::key_changed) does for one.
    /// Must be called while all shards are locked. The caller overtakes their loads.
    pub(crate) fn all_changed(&self, event: KeyEvent) {
        self.watchers.each(&mut |watcher| watcher.record(event));
        self.note_change_of_all();
    }

    /// Returns the tag hashes of a key. Runs foreign code, so it must be called before any lock is taken.
    pub(crate) fn tags_of(&self, key: &dyn AnyKey) -> super::tags::Tags {
        let mut tags = super::tags::Tags::new();
        if self.has_entry_tags {
            key.each_tag(&mut |tag| tags.push(self.hash(&tag)));
        }
        tags
    }
}
