//! Writes of one key, and changes of which entries are kept.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;

use super::Table;
use super::simple_write::{NO_TIMES, Origin, SimpleWrite};
use super::watchers::{AnyWatcher, KeyEvent, Notifier};
use crate::clock::Moment;
use crate::entry_times::EntryTimes;
use crate::erased::UsedTable;
use crate::event::{ChangeKind, WatchCallback};
use crate::query::{Lookup, Query};
use crate::shard::erased::{AnyHandle, AnyPair};
use crate::shard::key::{AnyKey, IsKey, names};
use crate::shard::load::AnyLoad;
use crate::shard::{OpContext, PinClaim, Placement, ReadVersion, ShardMut};
use crate::typed::{Lines, Pair};

/// How a pair is written.
pub(crate) struct PairWrite<'a> {
    times: &'a EntryTimes,
    origin: Origin,
}

impl<'a> PairWrite<'a> {
    /// Creates a write of a loaded value.
    pub(crate) fn of_load(times: &'a EntryTimes) -> Self {
        Self { times, origin: Origin::Load }
    }

    /// Creates a write of a copy from elsewhere.
    pub(crate) fn of_copy(times: &'a EntryTimes) -> Self {
        Self { times, origin: Origin::Copy }
    }

    /// Creates a write by the program.
    fn of(times: &'a EntryTimes) -> Self {
        Self { times, origin: Origin::Program }
    }
}

/// A change of one entry of a locked shard. Returns whether it did anything.
type EntryStep<'a> = &'a mut dyn FnMut(&mut ShardMut<'_>, u32, &OpContext<'_>) -> bool;

/// Decides under the lock, by the line number of the key, whether to write.
pub(crate) type MayWrite<'a> = &'a mut dyn FnMut(&mut ShardMut<'_>, Option<u32>) -> bool;

impl dyn UsedTable + '_ {
    /// Writes a pair with these times on the general path. The write is visible at once and skips the
    /// `before_commit` hooks.
    fn insert(&self, hash: u32, pair: &mut dyn AnyPair, times: &EntryTimes) {
        self.write(hash, pair, &PairWrite::of(times), &mut |_, _| true);
    }

    /// Writes a pair with these times, as [`Table::insert`] does, and tells the listeners of the table.
    #[cold]
    fn insert_and_tell(&self, hash: u32, pair: &mut dyn AnyPair, times: &EntryTimes) {
        let key = pair.key().map(AnyKey::to_box);
        if !self.write_simply(pair, &mut SimpleWrite::new(hash, times)) {
            self.insert(hash, pair, times);
        }
        self.head().tell_changes(|| key.into_iter().collect());
    }

    /// Writes a pair unless `may_write` returns `false`. Returns whether it wrote.
    pub(crate) fn write(
        &self,
        hash: u32,
        pair: &mut dyn AnyPair,
        how: &PairWrite<'_>,
        may_write: MayWrite<'_>,
    ) -> bool {
        let head = self.head();
        let now = head.start_of(how.times);
        let mut incoming = head.incoming(pair, how.times, None, now);
        let mut changes = Vec::new();
        head.add_change(&mut changes, ChangeKind::Set, &|| pair.entry());
        let Some(key) = pair.key() else { return false };
        let tags = head.tags_of(key);
        let mut locked = self.lock_open(head.place_of(hash));
        let shard = &mut locked.any_mut();
        let is_key: IsKey<'_> = &|other| key.equals(other);
        let at = shard.locate(hash, is_key);
        if !may_write(shard, at.number) {
            return false;
        }
        match how.origin {
            Origin::Program => head.key_changed(shard, hash, is_key, KeyEvent::Replaced),
            Origin::Load => head.key_changed(shard, hash, is_key, KeyEvent::Loaded),
            Origin::Copy => head.key_filled(hash, is_key),
        }
        head.note_input_change(hash);
        let mut context = head.context(now, 0);
        shard.begin(&context);
        let at = shard.expire_at(at, &context);
        if at.number.is_none() && at.pin.is_none() && incoming.placement == Placement::Queued {
            shard.make_room_for(hash, &mut incoming, &context);
        }
        context.revision = head.shared.seal(changes);
        let number = shard.write(pair, hash, at, incoming, &context);
        shard.tag(number, &tags);
        self.finish(locked, &context);
        true
    }

    pub(super) fn remove(&self, hash: u32, is_key: IsKey<'_>, to_key: &dyn Fn() -> Box<dyn AnyKey>) -> bool {
        let head = self.head();
        let mut changes = Vec::new();
        head.add_change(&mut changes, ChangeKind::Removed, &|| Some(to_key().entry()));
        let now = head.shared.now();
        let mut locked = self.lock_open(head.place_of(hash));
        let shard = &mut locked.any_mut();
        let at = shard.locate(hash, is_key);
        shard.note_change(head.shared.next_in_sequence());
        head.key_changed(shard, hash, is_key, KeyEvent::Replaced);
        head.note_input_change(hash);
        if at.number.is_none_or(|number| shard.lines.is_dead(number)) {
            drop(locked);
            head.shared.drain();
            return false;
        }
        let context = head.context(now, head.shared.seal(changes));
        shard.begin(&context);
        let at = shard.expire_at(at, &context);
        let was_readable = shard.remove(at, &context);
        self.finish(locked, &context);
        was_readable
    }

    /// Marks an entry as invalidated, and overtakes the loads and watches of its key. Returns whether there
    /// was a readable one.
    pub(super) fn invalidate(
        &self,
        hash: u32,
        is_key: IsKey<'_>,
        to_key: &dyn Fn() -> Box<dyn AnyKey>,
    ) -> bool {
        let mut changes = Vec::new();
        let head = self.head();
        head.add_change(&mut changes, ChangeKind::Invalidated, &|| Some(to_key().entry()));
        let context = head.context(head.shared.now(), 0);
        let mut locked = self.lock_open(head.place_of(hash));
        let shard = &mut locked.any_mut();
        let at = shard.locate(hash, is_key);
        shard.note_change(head.shared.next_in_sequence());
        head.key_changed(shard, hash, is_key, KeyEvent::Marked);
        head.note_input_change(hash);
        shard.begin(&context);
        let at = shard.expire_at(at, &context);
        let is_done = at.number.is_some_and(|number| shard.invalidate(number));
        if is_done {
            head.shared.note(changes);
        }
        self.finish(locked, &context);
        is_done
    }

    /// Renews the times of an entry by `act`, without an event for listeners. Returns whether it did.
    pub(super) fn renew(&self, hash: u32, is_key: IsKey<'_>, act: EntryStep<'_>) -> bool {
        let head = self.head();
        let context = head.context(head.shared.precise_now(), 0);
        let mut locked = self.lock_open(head.place_of(hash));
        let shard = &mut locked.any_mut();
        let at = shard.locate(hash, is_key);
        shard.begin(&context);
        let at = shard.expire_at(at, &context);
        let is_done = at.number.is_some_and(|number| act(shard, number, &context));
        if is_done {
            head.watchers.find(hash, is_key, &mut |watcher| watcher.record(KeyEvent::Touched));
        }
        self.finish(locked, &context);
        is_done
    }

    /// Renews an entry that was not written since its version was `seen`, for a newer, equal answer with these times;
    /// without `times`, the entry keeps its own. Overtakes the loads of the key. Does nothing if the `watcher` was
    /// overtaken.
    pub(crate) fn renew_unchanged(
        &self,
        key: &dyn AnyKey,
        seen: ReadVersion,
        watcher: Option<&AnyWatcher>,
        times: Option<&EntryTimes>,
    ) -> bool {
        let head = self.head();
        let hash = head.hash_of(key);
        let is_key: IsKey<'_> = &|other| key.equals(other);
        self.renew(hash, is_key, &mut |shard, number, context| {
            let is_overtaken = watcher.is_some_and(|watcher| watcher.is_overtaken());
            let may_touch = !is_overtaken && shard.version(number) == seen;
            let is_touched = may_touch && shard.touch_with(number, times, context);
            if is_touched {
                head.key_changed(shard, hash, is_key, KeyEvent::Loaded);
            }
            is_touched
        })
    }

    /// Marks all entries whose keys `matches` accepts, and overtakes the loads and watches of such keys.
    /// Returns how many entries were marked. The caller has noted a change of all keys, before it looked for shards.
    pub(crate) fn invalidate_where(&self, matches: &dyn Fn(&dyn AnyKey) -> bool) -> usize {
        self.invalidate_among(matches, &|| self.live_keys())
    }

    /// Does the same for the keys that `keys` lists, which must include all present keys that `matches`
    /// accepts.
    pub(super) fn invalidate_among(
        &self,
        matches: &dyn Fn(&dyn AnyKey) -> bool,
        keys: &dyn Fn() -> Vec<Box<dyn AnyKey>>,
    ) -> usize {
        let head = self.head();
        // First, so that an earlier load stores its answer either before the keys are listed, or not at all.
        for watcher in head.watchers.all() {
            if matches(watcher.key()) {
                watcher.record(KeyEvent::Marked);
            }
        }
        for load in self.loads() {
            if matches(load.key()) {
                self.overtake_load(&load);
            }
        }
        let mut marked = 0;
        for key in keys() {
            if matches(&*key) {
                let hash = head.hash_of(&*key);
                let is_marked = self.invalidate(hash, &|other| key.equals(other), &|| key.to_box());
                marked += usize::from(is_marked);
            }
        }
        // For the watches of absent keys.
        head.shared.drain();
        marked
    }

    /// Waits until no writer holds the shard of a key.
    pub(crate) fn pass(&self, hash: u32) {
        drop(self.shard(self.head().place_of(hash)).read());
    }

    /// Writes the result of a load, unless the key was written or marked meanwhile. Returns the value that
    /// was written meanwhile.
    fn store_loaded(&self, pair: &mut dyn AnyPair, load: &AnyLoad) -> Option<AnyHandle> {
        let mut winner = None;
        if !self.write_simply(pair, &mut SimpleWrite::of_load(load)) {
            self.write(load.hash(), pair, &PairWrite::of(NO_TIMES), &mut |shard, number| {
                winner = number.and_then(|number| shard.lines.handle(number, false));
                let may_write = winner.is_none() && !load.is_overtaken();
                if may_write {
                    shard.end_load(load);
                }
                may_write
            });
        }
        winner
    }

    /// Starts watching a key with a watcher that is not registered yet.
    pub(crate) fn watch(&self, watcher: &Arc<AnyWatcher>) {
        self.head().watchers.add(Arc::clone(watcher));
        self.pass(watcher.hash());
    }

    /// Creates what a watcher needs to run its callback.
    pub(crate) fn notifier(&self, callback: Option<WatchCallback>) -> Option<Notifier> {
        Some(Notifier { callback: callback?, shared: Arc::clone(&self.head().shared) })
    }

    /// Adds a claim on a key. Stores it in `claim` before anything can panic.
    pub(crate) fn pin(&self, key: &dyn AnyKey, claim: &mut Option<PinClaim>) {
        let head = self.head();
        let hash = head.hash_of(key);
        self.alter_shard(head.place_of(hash), head.shared.now(), &mut |shard, context| {
            *claim = Some(PinClaim { hash, pin: shard.pin(key, hash, context) });
        });
    }

    /// Releases a claim, even if the clock panics.
    pub(crate) fn unpin(&self, claim: PinClaim) {
        let head = self.head();
        let now = catch_unwind(AssertUnwindSafe(|| head.shared.now()));
        let mut key = None;
        let moment = *now.as_ref().unwrap_or(&Moment::PAST);
        self.alter_shard(head.place_of(claim.hash), moment, &mut |shard, context| {
            key = shard.unpin(claim, context);
        });
        drop(key);
        match now {
            Err(_) if thread::panicking() => head.shared.events.count_panic(),
            Err(panic) => resume_unwind(panic),
            Ok(_) => {}
        }
    }
}

impl<Q: Query> Table<Q> {
    /// Writes a pair of this query, as [`write_simply`](UsedTable::write_simply) does.
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

    /// Writes one value. The write is visible at once and skips the `before_commit` hooks.
    pub(crate) fn insert(&self, key: Q, value: Arc<Q::Value>, times: &EntryTimes) -> Arc<Q::Value> {
        let hash = self.hash(&key);
        let mut pair = Pair::new(key, Arc::clone(&value));
        if !self.head.change_listeners.is_empty() {
            self.ensure_shards().insert_and_tell(hash, &mut pair, times);
        } else if !self.write_pair_simply(&mut pair, &mut SimpleWrite::new(hash, times)) {
            self.ensure_shards().insert(hash, &mut pair, times);
        }
        // Before the value is returned, since a panic of this drop would leak it.
        drop(pair);
        value
    }

    /// Writes the result of a blocking load, unless the key was written or marked meanwhile. Returns the
    /// answer for its callers: the value that was written meanwhile, or `value`.
    pub(crate) fn store_loaded(&self, key: Q, load: &AnyLoad, value: Arc<Q::Value>) -> Arc<Q::Value> {
        let mut pair = Pair::new(key, Arc::clone(&value));
        let winner = self.ensure_shards().store_loaded(&mut pair, load);
        // Before the value is returned, since a panic of this drop would leak it.
        drop(pair);
        match winner.as_deref().and_then(Pair::<Q>::value_of) {
            Some(winner) => Arc::clone(winner),
            None => value,
        }
    }

    pub(crate) fn remove<L: Lookup<Query = Q>>(&self, lookup: &L) -> bool {
        let hash = self.hash(lookup);
        let was_there = self.used_for_change(hash).is_some_and(|table| {
            table.remove(hash, &|key| names(lookup, key), &|| Box::new(lookup.to_key()))
        });
        self.head.tell_changes(|| vec![Box::new(lookup.to_key())]);
        was_there
    }

    pub(crate) fn touch<L: Lookup<Query = Q>>(&self, lookup: &L) -> bool {
        let Some(table) = self.used_table() else { return false };
        let touch: EntryStep<'_> = &mut |shard, number, context| shard.touch(number, context);
        table.renew(self.hash(lookup), &|key| names(lookup, key), touch)
    }

    /// Touches an entry that was not written since its version was `seen`.
    pub(crate) fn touch_unchanged(&self, key: &Q, seen: ReadVersion) -> bool {
        let table = self.used_table();
        table.is_some_and(|table| table.renew_unchanged(key, seen, None, None))
    }

    pub(crate) fn invalidate<L: Lookup<Query = Q>>(&self, lookup: &L) -> bool {
        let hash = self.hash(lookup);
        let Some(table) = self.used_for_change(hash) else { return false };
        table.invalidate(hash, &|key| names(lookup, key), &|| Box::new(lookup.to_key()))
    }

    /// Returns the shards for a mark or removal of a key. If there are none, notes the change in the head, and looks
    /// again: a load that brings the key along may create them meanwhile. It sees the note, or its entry is seen here.
    fn used_for_change(&self, hash: u32) -> Option<&dyn UsedTable> {
        self.used_table().or_else(|| {
            self.head.note_change_of_unused(hash);
            self.used_table()
        })
    }

    /// Invalidates as [`invalidate_where`](dyn UsedTable::invalidate_where) does, with keys of the query's
    /// type.
    pub(crate) fn invalidate_where(&self, matches: &dyn Fn(&Q) -> bool) -> usize {
        let matches = |key: &dyn AnyKey| (key as &dyn Any).downcast_ref().is_some_and(matches);
        // Before the check whether there are shards: they may be created meanwhile.
        self.head.note_change_of_all();
        self.used_table().map_or(0, |table| table.invalidate_where(&matches))
    }
}
