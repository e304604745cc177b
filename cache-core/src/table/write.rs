//! Writes of one key, and changes of what is kept.

use std::sync::Arc;

use super::Table;
use super::read::Use;
use super::shard::{Home, Incoming, Outbox, Seen, Shard};
use super::step::EntryStep;
use super::times::Times;
use crate::clock::Moment;
use crate::event::{Bell, ChangeKind};
use crate::flight::{Flight, Turn};
use crate::query::{Lookup, Query};
use crate::watch::{Ringer, Stored, Watched};

impl<Q: Query> Table<Q> {
    /// One write, visible at once, past the `before_commit` hooks.
    pub(crate) fn insert(&self, key: Q, value: Arc<Q::Value>, times: Times) -> Arc<Q::Value> {
        let now = self.core().now();
        let incoming = self.incoming(&key, Arc::clone(&value), times, None, now);
        self.write(key, incoming, now, |_, _, hash| {
            self.head.trail.note(hash);
            true
        });
        value
    }

    /// Writes unless `may_write`, asked under the lock with the key's slot and hash, says no. Returns whether it wrote.
    pub(super) fn write(
        &self,
        key: Q,
        mut incoming: Incoming<Q::Value>,
        now: Moment,
        may_write: impl FnOnce(&Shard<Q>, Option<u32>, u32) -> bool,
    ) -> bool {
        let hash = self.hash(&key);
        let changes = self.change(&key, ChangeKind::Set, Some(&incoming.value));
        let mut out = Outbox::new();
        let mut shard = self.lock_for_write(self.place_of(hash));
        let mut env = self.env(now, 0);
        let place = shard.locate(hash, &key);
        if !may_write(&shard, place.number, hash) {
            return false;
        }
        self.flights.overtake(hash, &key);
        self.watches.overtake(hash, &key);
        shard.begin(&env, &mut out);
        let place = shard.meet(place, &env, &mut out);
        if place.number.is_none() && !place.is_pinned && incoming.home == Home::Queued {
            shard.make_room_for(hash, &mut incoming, &env, &mut out);
        }
        env.revision = self.core().seal(changes);
        shard.write(key, hash, place, incoming, &env, &mut out);
        self.conclude(&mut out, shard, &env);
        true
    }

    /// Starts the load of a key, or finds the one that is running.
    pub(crate) fn join_flight(&self, key: &Q) -> Turn<'_, Q> {
        // The look that follows has to take a lock; see `flight`.
        self.made();
        self.flights.join(key, self.hash(key))
    }

    /// Writes the result of a load, unless a write came first. Returns what is to be answered: the value that was
    /// written meanwhile, or `value`.
    pub(crate) fn store_loaded(
        &self,
        key: &Q,
        value: Arc<Q::Value>,
        flight: &Flight<Q::Value>,
    ) -> Arc<Q::Value> {
        let now = self.core().now();
        let incoming = self.incoming(key, Arc::clone(&value), Times::new(), None, now);
        let mut winner = None;
        self.write(key.clone(), incoming, now, |shard, number, hash| {
            winner = number.and_then(|number| shard.slot(number)).and_then(|slot| slot.hold.value());
            let may_write = winner.is_none() && !flight.is_overtaken();
            if may_write {
                self.head.trail.note(hash);
            }
            may_write
        });
        winner.unwrap_or(value)
    }

    /// Starts a watch of a key, with a bell perhaps.
    pub(crate) fn watch(&self, key: Q, bell: Option<Bell>) -> Arc<Watched<Q>> {
        let hash = self.hash(&key);
        let ringer = bell.map(|bell| Ringer { bell, core: Arc::clone(&self.head.core) });
        let watched = self.watches.add(key, hash, ringer);
        self.pass(hash);
        watched
    }

    /// Waits until no writer is at work in the shard of a key that was there before.
    pub(crate) fn pass(&self, hash: u32) {
        drop(self.shard_at(self.place_of(hash)).read());
    }

    /// Writes a loaded value, or keeps an equal one, unless something newer came to its key.
    pub(crate) fn store_watched(
        &self,
        watched: &Watched<Q>,
        value: Arc<Q::Value>,
        times: Times,
    ) -> Stored<Q::Value> {
        let now = self.core().now();
        let key = watched.key();
        let (present, seen) = self.sight(key, Use::Uncounted);
        if let Some(present) = present.filter(|present| Q::same_value(present, &value)) {
            let as_of = times.as_of.unwrap_or(now);
            let is_kept = self.mark(key, None, &mut |shard, number, env, out| {
                let may_touch = !watched.is_overtaken() && shard.seen(Some(number)) == seen;
                may_touch && shard.touch_as_of(number, as_of, env, out)
            });
            if is_kept {
                return Stored::Kept(present);
            }
        }
        let incoming = self.incoming(key, Arc::clone(&value), times, None, now);
        match self.write(key.clone(), incoming, now, |_, _, _| !watched.is_overtaken()) {
            true => Stored::Written(value),
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
        self.flights.overtake(hash, lookup);
        self.watches.overtake(hash, lookup);
        self.head.trail.note(hash);
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
            shard.seen(Some(number)) == seen && shard.touch(number, env, out)
        })
    }

    pub(crate) fn invalidate<L: Lookup<Query = Q>>(&self, lookup: &L) -> bool {
        self.mark(lookup, Some(ChangeKind::Invalidated), &mut |shard, number, _, _| shard.invalidate(number))
    }

    /// Marks all entries whose keys `matches`, and overtakes the watches of such keys. Returns how many were marked.
    pub(crate) fn invalidate_where(&self, matches: &dyn Fn(&Q) -> bool) -> usize {
        // First of all, for loads that begin from now on.
        self.head.trail.note_all();
        // Then, so that a load that began before stores either before the keys are listed or not at all.
        for watched in self.watches.all() {
            if matches(watched.key()) {
                watched.overtake();
            }
        }
        let keys = self.keys();
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
        let now = self.core().now();
        let mut out = Outbox::new();
        let mut shard = self.lock_for_write(self.place_of(hash));
        let env = self.env(now, 0);
        let place = shard.locate(hash, lookup);
        if heard_as.is_some() {
            self.watches.overtake(hash, lookup);
            self.head.trail.note(hash);
        }
        shard.begin(&env, &mut out);
        let place = shard.meet(place, &env, &mut out);
        let is_done = place.number.is_some_and(|number| act(&mut shard, number, &env, &mut out));
        if is_done {
            self.core().note(changes);
            if heard_as.is_none() {
                self.watches.note_touch(hash, lookup);
            }
        }
        self.conclude(&mut out, shard, &env);
        is_done
    }

    pub(crate) fn pin(&self, key: &Q) {
        let hash = self.hash(key);
        self.alter_shard(self.place_of(hash), self.now(), &mut |shard, env, out| {
            shard.pin(key, hash, env, out);
        });
    }

    pub(crate) fn unpin(&self, key: &Q) {
        let hash = self.hash(key);
        self.alter_shard(self.place_of(hash), self.now(), &mut |shard, env, out| {
            shard.unpin(key, hash, env, out);
        });
    }
}
