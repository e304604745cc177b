//! Writes of one key, and changes of what is kept.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;

use super::Table;
use super::read::Use;
use super::shard::{Claim, Home, Incoming, Outbox, Seen, Shard};
use super::step::EntryStep;
use super::times::Times;
use super::watchers::{Ringer, Role, Watcher};
use crate::clock::Moment;
use crate::event::{Bell, ChangeKind};
use crate::query::{Lookup, Query};
use crate::transaction::inputs::{Built, Inputs, Store};
use crate::watch::Stored;

/// Where a written value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The program says so, and what is kept elsewhere does not know of it.
    Program,
    /// A load that those who keep copies elsewhere have made.
    Load,
}

impl<Q: Query> Table<Q> {
    /// One write, visible at once, past the `before_commit` hooks.
    pub(crate) fn insert(&self, key: Q, value: Arc<Q::Value>, times: Times) -> Arc<Q::Value> {
        let now = self.start_of(&times);
        let incoming = self.incoming(&key, Arc::clone(&value), times, None, now);
        self.write(key, incoming, now, Origin::Program, |_, _| true);
        value
    }

    /// Writes unless `may_write`, asked under the lock with the key's slot, says no. Returns whether it wrote.
    pub(super) fn write(
        &self,
        key: Q,
        mut incoming: Incoming<Q::Value>,
        now: Moment,
        origin: Origin,
        may_write: impl FnOnce(&Shard<Q>, Option<u32>) -> bool,
    ) -> bool {
        let hash = self.hash(&key);
        let changes = self.change(&key, ChangeKind::Set, Some(&incoming.value));
        let tags = self.tags(&key);
        let mut out = Outbox::new();
        let mut shard = self.lock_for_write(self.place_of(hash));
        let mut env = self.env(now, 0);
        let place = shard.locate(hash, &key);
        if !may_write(&shard, place.number) {
            return false;
        }
        match origin {
            Origin::Program => self.key_changed(hash, &key),
            Origin::Load => self.key_loaded(hash, &key),
        }
        shard.begin(&env, &mut out);
        let place = shard.meet(place, &env, &mut out);
        if place.number.is_none() && place.pin.is_none() && incoming.home == Home::Queued {
            shard.make_room_for(hash, &mut incoming, &env, &mut out);
        }
        env.revision = self.core().seal(changes);
        let number = shard.write(key, hash, place, incoming, &env, &mut out);
        shard.tag(number, &tags);
        self.conclude(&mut out, shard, &env);
        true
    }

    /// Writes the result of a load that keeps its thread, unless a write or a mark came first. Returns what is to be
    /// answered: the value that was written meanwhile, or `value`.
    pub(crate) fn store_loaded(&self, load: &Watcher<Q>, value: Arc<Q::Value>) -> Arc<Q::Value> {
        let now = self.start_of(&Times::new());
        let incoming = self.incoming(load.key(), Arc::clone(&value), Times::new(), None, now);
        let mut winner = None;
        self.write(load.key().clone(), incoming, now, Origin::Program, |shard, number| {
            winner = number.and_then(|number| shard.slot(number)).and_then(|slot| slot.hold.value());
            winner.is_none() && !load.is_overtaken()
        });
        winner.unwrap_or(value)
    }

    /// Starts a watch of a key, with a bell perhaps.
    pub(crate) fn watch(&self, key: Q, bell: Option<Bell>) -> Arc<Watcher<Q>> {
        let hash = self.hash(&key);
        let ringer = bell.map(|bell| Ringer { bell, core: Arc::clone(&self.head.core) });
        let watcher = Watcher::new(key, hash, Role::Watch(ringer));
        self.watchers.add(&watcher);
        self.pass(hash);
        watcher
    }

    /// Waits until no writer is at work in the shard of a key that was there before.
    pub(crate) fn pass(&self, hash: u32) {
        drop(self.shard_at(self.place_of(hash)).read());
    }

    /// Writes a loaded value, or keeps an equal one, unless something newer came to its key.
    pub(crate) fn store_watched(
        &self,
        watcher: &Watcher<Q>,
        value: Arc<Q::Value>,
        times: Times,
    ) -> Stored<Q::Value> {
        let now = self.start_of(&times);
        let key = watcher.key();
        let (present, seen) = self.sight(key, Use::Uncounted);
        if let Some(present) = present.filter(|present| Q::same_value(present, &value)) {
            let as_of = times.as_of.unwrap_or(now);
            let is_kept = self.mark(key, None, &mut |shard, number, env, out| {
                let may_touch = !watcher.is_overtaken() && shard.seen(Some(number)) == seen;
                may_touch && shard.touch_as_of(number, as_of, env, out) && self.overtake_older(key)
            });
            if is_kept {
                return Stored::Kept(present);
            }
        }
        let incoming = self.incoming(key, Arc::clone(&value), times, None, now);
        match self.write(key.clone(), incoming, now, Origin::Load, |_, _| !watcher.is_overtaken()) {
            true => Stored::Written(value),
            false => Stored::Overtaken(value),
        }
    }

    /// [`store_watched`](Self::store_watched) for a value that was built from others: marked if one of these has changed.
    pub(crate) fn store_built(
        &self,
        watcher: &Watcher<Q>,
        value: Arc<Q::Value>,
        times: Times,
        inputs: &Inputs,
    ) -> Stored<Q::Value> {
        let (present, seen) = self.sight(watcher.key(), Use::Uncounted);
        let equal = present.filter(|present| Q::same_value(present, &value));
        let mut is_up_to_date = inputs.are_few();
        if let Some(equal) = equal.as_ref().filter(|_| is_up_to_date) {
            match self.store_if_inputs_hold(watcher, equal, &times, Store::Keep(seen), inputs) {
                Built::Stored => return Stored::Kept(Arc::clone(equal)),
                Built::OutOfDate => is_up_to_date = false,
                Built::Overtaken => {}
            }
        }
        if is_up_to_date {
            // Its times begin when it is installed.
            let incoming = self.incoming(watcher.key(), Arc::clone(&value), times, None, Moment::ORIGIN);
            match self.store_if_inputs_hold(watcher, &value, &times, Store::Write(Some(incoming)), inputs) {
                Built::Stored => return Stored::Written(value),
                Built::Overtaken => return Stored::Overtaken(value),
                Built::OutOfDate => {}
            }
        }
        self.store_marked(watcher, value, times, equal.map(|equal| (equal, seen)))
    }

    /// Stores a value that is known to be out of date, or marks the one that is there if it is `equal`.
    fn store_marked(
        &self,
        watcher: &Watcher<Q>,
        value: Arc<Q::Value>,
        times: Times,
        equal: Option<(Arc<Q::Value>, Seen)>,
    ) -> Stored<Q::Value> {
        let (now, key) = (self.start_of(&times), watcher.key());
        if let Some((equal, seen)) = equal {
            let as_of = times.as_of.unwrap_or(now);
            let is_kept = self.mark(key, None, &mut |shard, number, env, out| {
                let may_touch = !watcher.is_overtaken() && shard.seen(Some(number)) == seen;
                let is_touched = may_touch && shard.touch_as_of(number, as_of, env, out);
                is_touched && self.overtake_older(key) && shard.invalidate(number)
            });
            if is_kept {
                return Stored::Marked(equal);
            }
        }
        let mut incoming = self.incoming(key, Arc::clone(&value), times, None, now);
        incoming.is_invalidated = true;
        match self.write(key.clone(), incoming, now, Origin::Load, |_, _| !watcher.is_overtaken()) {
            true => Stored::Marked(value),
            false => Stored::Overtaken(value),
        }
    }

    pub(crate) fn remove<L: Lookup<Query = Q>>(&self, lookup: &L) -> bool {
        let hash = self.hash(lookup);
        if self.existing(hash).is_none() {
            self.head.trail.note(hash);
            return false;
        }
        let changes = match self.core().events.has_listeners() {
            true => self.change(&lookup.to_key(), ChangeKind::Removed, None),
            false => Vec::new(),
        };
        let now = self.core().now();
        let mut out = Outbox::new();
        let mut shard = self.lock_for_write(self.place_of(hash));
        let place = shard.locate(hash, lookup);
        self.key_changed(hash, lookup);
        let slot = place.number.and_then(|number| shard.slot(number));
        if slot.is_none_or(|slot| slot.hold.is_dead()) {
            drop(shard);
            self.core().events.drain();
            return false;
        }
        let env = self.env(now, self.core().seal(changes));
        shard.begin(&env, &mut out);
        let place = shard.meet(place, &env, &mut out);
        let was_readable = shard.remove(place, &env, &mut out);
        self.conclude(&mut out, shard, &env);
        was_readable
    }

    pub(crate) fn touch<L: Lookup<Query = Q>>(&self, lookup: &L) -> bool {
        self.mark(lookup, None, &mut Shard::touch)
    }

    /// Touches an entry that no write has come to since it was `seen`.
    pub(crate) fn touch_unchanged(&self, key: &Q, seen: Seen) -> bool {
        self.mark(key, None, &mut |shard, number, env, out| {
            shard.seen(Some(number)) == seen && shard.touch(number, env, out) && self.overtake_older(key)
        })
    }

    /// Overtakes what is being loaded for a key to which a newer answer has come, equal to the one that is there. To be
    /// called while its shard is locked. Always true.
    fn overtake_older(&self, key: &Q) -> bool {
        self.key_loaded(self.hash(key), key);
        true
    }

    pub(crate) fn invalidate<L: Lookup<Query = Q>>(&self, lookup: &L) -> bool {
        self.mark(lookup, Some(ChangeKind::Invalidated), &mut |shard, number, _, _| shard.invalidate(number))
    }

    /// Marks all entries whose keys `matches`, and overtakes the loads and watches of such keys. Returns how many entries
    /// were marked.
    pub(crate) fn invalidate_where(&self, matches: &dyn Fn(&Q) -> bool) -> usize {
        // First of all, for loads that begin from now on.
        self.head.trail.note_all();
        self.invalidate_among(matches, &|| self.keys())
    }

    /// The same for those of some keys, listed by `keys`, which must have all that are there and `matches`.
    pub(super) fn invalidate_among(&self, matches: &dyn Fn(&Q) -> bool, keys: &dyn Fn() -> Vec<Q>) -> usize {
        // First, so that a load that began before stores either before the keys are listed or not at all.
        for watcher in self.watchers.all() {
            if matches(watcher.key()) {
                watcher.overtake_by_mark();
            }
        }
        let keys = keys();
        let marked = keys.iter().filter(|key| matches(key) && self.invalidate(*key)).count();
        // Of keys that are not there.
        self.core().events.drain();
        marked
    }

    pub(super) fn mark<L: Lookup<Query = Q>>(
        &self,
        lookup: &L,
        heard_as: Option<ChangeKind>,
        act: EntryStep<'_, Q>,
    ) -> bool {
        let hash = self.hash(lookup);
        if self.existing(hash).is_none() {
            if heard_as.is_some() {
                self.head.trail.note(hash);
            }
            return false;
        }
        let changes = match heard_as {
            Some(kind) if self.core().events.has_listeners() => self.change(&lookup.to_key(), kind, None),
            _ => Vec::new(),
        };
        // A touch may begin times anew.
        let now = if heard_as.is_none() { self.core().precise_now() } else { self.now() };
        let mut out = Outbox::new();
        let mut shard = self.lock_for_write(self.place_of(hash));
        let env = self.env(now, 0);
        let place = shard.locate(hash, lookup);
        if heard_as.is_some() {
            self.key_marked(hash, lookup);
        }
        shard.begin(&env, &mut out);
        let place = shard.meet(place, &env, &mut out);
        let is_done = place.number.is_some_and(|number| act(&mut shard, number, &env, &mut out));
        if is_done {
            self.core().note(changes);
            if heard_as.is_none() {
                self.watchers.find(hash, lookup, |watcher| watcher.ring_later());
            }
        }
        self.conclude(&mut out, shard, &env);
        is_done
    }

    /// Adds a claim on a key. What may panic after that finds it in `claim`.
    pub(crate) fn pin(&self, key: &Q, claim: &mut Option<Claim>) {
        let hash = self.hash(key);
        self.alter_shard(self.place_of(hash), self.now(), &mut |shard, env, out| {
            *claim = Some(Claim { hash, pin: shard.pin(key, hash, env, out) });
        });
    }

    /// Takes a claim back, also if the clock panics.
    pub(crate) fn unpin(&self, claim: Claim) {
        let now = catch_unwind(AssertUnwindSafe(|| self.now()));
        let mut key = None;
        let moment = *now.as_ref().unwrap_or(&Moment::PAST);
        self.alter_shard(self.place_of(claim.hash), moment, &mut |shard, env, out| {
            key = shard.unpin(claim, env, out);
        });
        drop(key);
        match now {
            Err(_) if thread::panicking() => self.core().events.count_panic(),
            Err(panic) => resume_unwind(panic),
            Ok(_) => {}
        }
    }
}
