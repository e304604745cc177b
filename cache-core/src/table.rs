//! One query's entries: locked shards over plain ones. Decides what is locked when, and what runs outside locks.

pub(crate) mod entry;
pub(crate) mod iter;
pub(crate) mod shard;
pub(crate) mod slot;

use std::fmt::{self, Debug};
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::clock::Moment;
use crate::core::Core;
use crate::event::{Change, ChangeKind, EntryOf, Event, Removal};
use crate::flight::{Flight, Flights, Turn};
use crate::options::{Bound, TableOptions};
use crate::query::{Lookup, Query};
use crate::retention::ledger::Ledger;
use crate::retention::recency::Recency;
use crate::retention::{Rules, Ticket};
use crate::snapshot::TableCodec;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::{RandomState, RwLock, RwLockWriteGuard, switch_point};
use entry::Entry;
use shard::{Env, Incoming, Outbox, Page, Seen, Shard};
use slot::{Hold, Past, Slot, Stay};

/// All entries of one query.
pub struct Table<Q: Query> {
    name: &'static str,
    /// Place in the registry: tables are locked in this order.
    index: usize,
    options: TableOptions,
    rules: Rules,
    hasher: RandomState,
    /// Made when the table is first used.
    shards: OnceLock<Box<[Line<Q>]>>,
    shard_count: usize,
    ledger: Ledger,
    /// The exact order of a table with `lru`.
    recency: Option<Box<Recency>>,
    /// Shard that is asked next to make room for another one.
    next_victim: AtomicUsize,
    /// Misses from before the first write.
    early_misses: AtomicU64,
    /// How the table is saved, if it is.
    codec: Option<Box<dyn TableCodec<Q>>>,
    pub(crate) flights: Flights<Q>,
    pub(crate) core: Arc<Core>,
}

/// A shard on cache lines of its own.
#[repr(align(64))]
struct Line<Q: Query>(RwLock<Shard<Q>>);

pub(crate) type Guard<'a, Q> = RwLockWriteGuard<'a, Shard<Q>>;

/// Fewest entries that a shard is made for.
const SHARD_SERVES: u64 = 256;

/// Times that are given with a write, instead of those of the table.
///
/// ```
/// use cache_core::Times;
/// use std::time::Duration;
///
/// let times = Times::new().ttl(Duration::from_secs(60)).fresh(Duration::from_secs(5));
/// # let _ = times;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Times {
    pub(crate) as_of: Option<Moment>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) fresh: Option<Duration>,
}

impl Times {
    /// The times of the table, counted from now.
    pub const fn new() -> Self {
        Self { as_of: None, ttl: None, fresh: None }
    }

    /// When the answer was true: age and times count from here. Default: the moment of the write.
    pub const fn as_of(mut self, moment: Moment) -> Self {
        self.as_of = Some(moment);
        self
    }

    /// Time to live, from `as_of` on. Makes even an entry of a table that keeps nothing resident for so long.
    pub const fn ttl(mut self, time: Duration) -> Self {
        self.ttl = Some(time);
        self
    }

    /// How long the entry counts as fresh, from `as_of` on.
    pub const fn fresh(mut self, time: Duration) -> Self {
        self.fresh = Some(time);
        self
    }
}

/// What a reader finds, while the shard is locked.
pub(crate) struct Sight<'a, Q: Query> {
    shard: Option<&'a Shard<Q>>,
    pub(crate) slot: Option<&'a Slot<Q>>,
    pub(crate) value: Option<Arc<Q::Value>>,
}

impl<Q: Query> Sight<'_, Q> {
    pub(crate) fn seen(&self) -> Seen {
        self.shard.map_or(Seen::Absent { forgotten: 0 }, |shard| shard.seen(self.slot))
    }
}

impl<Q: Query> Table<Q> {
    pub(crate) fn new(
        name: &'static str,
        index: usize,
        options: TableOptions,
        codec: Option<Box<dyn TableCodec<Q>>>,
        core: Arc<Core>,
    ) -> Self {
        let rules = Rules::of(&options);
        let served = match rules.bound {
            Some(_) => usize::try_from(rules.limit() / SHARD_SERVES).unwrap_or(usize::MAX),
            None => usize::MAX,
        };
        Self {
            name,
            index,
            options,
            rules,
            hasher: RandomState::default(),
            shards: OnceLock::new(),
            shard_count: core.shards.min(served).max(1),
            ledger: Ledger::new(rules.limit()),
            recency: rules.is_lru().then(|| Box::new(Recency::new())),
            next_victim: AtomicUsize::new(0),
            early_misses: AtomicU64::new(0),
            codec,
            flights: Flights::default(),
            core,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    // Reading

    /// Looks at a key under the shared lock of its shard. An expired resident is let go of first, and then found
    /// or not found like any survivor. `read` runs under the lock: it must call no foreign code.
    #[inline]
    pub(crate) fn look<L: Lookup<Query = Q>, T>(
        &self,
        lookup: &L,
        use_: Use,
        read: impl FnOnce(Sight<'_, Q>) -> T,
    ) -> T {
        let Some(shards) = self.shards.get() else {
            if use_ == Use::Counted {
                self.early_misses.fetch_add(1, Ordering::Relaxed);
            }
            return read(Sight { shard: None, slot: None, value: None });
        };
        let hash = self.hash(lookup);
        let shard = &shards[self.place_of(hash)].0;
        // The clock may be foreign code: it is read before the lock is taken.
        let mut now = self.rules.is_timed.then(|| self.core.now());
        loop {
            let guard = shard.read();
            let found = guard.find(hash, |key| lookup.is_key(key));
            let value = match found {
                Some(slot) => match &slot.hold {
                    Hold::Resident(value) => {
                        if slot.may_expire(&self.rules) {
                            let Some(now) = now else {
                                drop(guard);
                                now = Some(self.core.now());
                                continue;
                            };
                            if slot.stay != Stay::Pinned && slot.is_expired(&self.rules, now) {
                                let ticket = slot.ticket();
                                drop(guard);
                                self.expire(hash, ticket, now);
                                continue;
                            }
                            if use_ == Use::Counted {
                                slot.renew_idle(now);
                            }
                        }
                        if use_ == Use::Counted {
                            self.note_use(slot);
                        }
                        Some(Arc::clone(value))
                    }
                    Hold::Survivor(value) => {
                        switch_point();
                        let value = value.upgrade();
                        if use_ == Use::Counted && value.is_some() {
                            // One that has expired stays so.
                            if let Some(now) = now
                                && !slot.is_expired(&self.rules, now)
                            {
                                slot.renew_idle(now);
                            }
                            guard.mark_survivor(slot);
                        }
                        value
                    }
                },
                None => None,
            };
            if use_ == Use::Counted {
                match value {
                    Some(_) => guard.count_hit(),
                    None => guard.count_miss(),
                }
            }
            return read(Sight { shard: Some(&guard), slot: found, value });
        }
    }

    #[inline]
    pub(crate) fn get<L: Lookup<Query = Q>>(&self, lookup: &L) -> Option<Arc<Q::Value>> {
        self.look(lookup, Use::Counted, |sight| sight.value)
    }

    pub(crate) fn peek<L: Lookup<Query = Q>>(&self, lookup: &L) -> Option<Arc<Q::Value>> {
        self.look(lookup, Use::Uncounted, |sight| sight.value)
    }

    pub(crate) fn entry<L: Lookup<Query = Q>>(&self, lookup: &L, use_: Use) -> Option<Entry<Q>> {
        let now = self.core.now();
        self.look(lookup, use_, |sight| Some(Entry::of(sight.slot?, sight.value?, &self.rules, now)))
    }

    pub(crate) fn history<L: Lookup<Query = Q>>(&self, lookup: &L) -> Vec<Past<Q::Value>> {
        self.look(lookup, Use::Uncounted, |sight| {
            let extra =
                sight.slot.filter(|slot| slot.hold.is_resident()).and_then(|slot| slot.extra.as_ref());
            // The present value is returned to the caller's stack, to be dropped there.
            (sight.value, extra.map(|extra| extra.history.iter().cloned().collect()).unwrap_or_default())
        })
        .1
    }

    /// The value, and what is needed to tell later whether a write came in between.
    pub(crate) fn sight<L: Lookup<Query = Q>>(&self, lookup: &L, use_: Use) -> (Option<Arc<Q::Value>>, Seen) {
        self.look(lookup, use_, |sight| {
            let seen = sight.seen();
            (sight.value, seen)
        })
    }

    /// The value, without letting go of anything. `false`: there is one that should be let go of.
    pub(crate) fn glance<L: Lookup<Query = Q>>(
        &self,
        lookup: &L,
        now: Moment,
    ) -> (Option<Arc<Q::Value>>, bool) {
        let hash = self.hash(lookup);
        let Some(shard) = self.existing(hash) else { return (None, true) };
        let shard = shard.read();
        let Some(slot) = shard.find(hash, |key| lookup.is_key(key)) else { return (None, true) };
        let is_over =
            slot.hold.is_resident() && slot.stay != Stay::Pinned && slot.is_expired(&self.rules, now);
        (slot.hold.value(), !is_over)
    }

    #[inline]
    fn note_use(&self, slot: &Slot<Q>) {
        match &self.recency {
            None => slot.count_use(),
            Some(recency) if slot.stay == Stay::Ordered => recency.mark(slot.ticket()),
            Some(_) => {}
        }
    }

    #[cold]
    fn expire(&self, hash: u32, ticket: Ticket, now: Moment) {
        self.let_go(self.place_of(hash), now, |shard, env, out| {
            let _ = shard.expire(ticket, env, out);
        });
    }

    // Writing

    /// One write, visible at once, past the `before_commit` hooks.
    pub(crate) fn insert(&self, key: Q, value: Arc<Q::Value>, times: Times) -> Arc<Q::Value> {
        let incoming = self.incoming(&key, Arc::clone(&value), times, None);
        self.write(key, incoming, |_, _| true);
        value
    }

    /// Writes unless `may_write`, asked under the lock, says no. Returns whether it wrote.
    fn write(
        &self,
        key: Q,
        incoming: Incoming<Q::Value>,
        may_write: impl FnOnce(&Shard<Q>, Option<Ticket>) -> bool,
    ) -> bool {
        let hash = self.hash(&key);
        let changes = self.change(&key, ChangeKind::Set, Some(&incoming.value));
        let now = incoming.now;
        let mut out = Outbox::new();
        let mut shard = self.lock_for_write(self.place_of(hash));
        let place = shard.locate(hash, |known| *known == key);
        if !may_write(&shard, place.id.map(|id| Ticket { hash, id })) {
            return false;
        }
        self.flights.overtake(hash, |loaded| *loaded == key);
        let env = self.env(now, self.core.seal(changes));
        shard.begin(&env, &mut out);
        let place = shard.meet(hash, place, &env, &mut out);
        shard.write(key, hash, place, incoming, &env, &mut out);
        shard.finish(&env, &mut out);
        self.publish(&mut shard, &mut out);
        drop(shard);
        self.core.log.note_single(self.name, env.revision);
        self.settle(&env);
        drop(out);
        self.core.events.drain();
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
        let incoming = self.incoming(key, Arc::clone(&value), Times::new(), None);
        let mut winner = None;
        self.write(key.clone(), incoming, |shard, ticket| {
            winner = ticket.and_then(|ticket| shard.by_ticket(ticket)).and_then(|slot| slot.hold.value());
            winner.is_none() && !flight.is_overtaken()
        });
        winner.unwrap_or(value)
    }

    pub(crate) fn remove<L: Lookup<Query = Q>>(&self, lookup: &L) -> bool {
        let hash = self.hash(lookup);
        if self.existing(hash).is_none() {
            return false;
        }
        let changes = match self.core.events.has_listeners() {
            true => self.change(&lookup.to_key(), ChangeKind::Removed, None),
            false => Vec::new(),
        };
        let now = self.core.now();
        let mut out = Outbox::new();
        let mut shard = self.lock_for_write(self.place_of(hash));
        let place = shard.locate(hash, |known| lookup.is_key(known));
        self.flights.overtake(hash, |loaded| lookup.is_key(loaded));
        if place.id.is_none() {
            return false;
        }
        let env = self.env(now, self.core.seal(changes));
        shard.begin(&env, &mut out);
        let place = shard.meet(hash, place, &env, &mut out);
        let was_readable = shard.remove(hash, place, &env, &mut out);
        shard.finish(&env, &mut out);
        self.publish(&mut shard, &mut out);
        drop(shard);
        self.core.log.note_single(self.name, env.revision);
        self.settle(&env);
        drop(out);
        self.core.events.drain();
        was_readable
    }

    pub(crate) fn touch<L: Lookup<Query = Q>>(&self, lookup: &L, as_of: Option<Moment>) -> bool {
        self.mark(lookup, None, |shard, ticket, env, out| {
            shard.touch(ticket, as_of.unwrap_or(env.now), env, out)
        })
    }

    /// Touches an entry that no write has come to since it was `seen`.
    pub(crate) fn touch_unchanged(&self, key: &Q, seen: Seen) -> bool {
        self.mark(key, None, |shard, ticket, env, out| {
            let is_unchanged = shard.seen(shard.by_ticket(ticket)) == seen;
            is_unchanged && shard.touch(ticket, env.now, env, out)
        })
    }

    pub(crate) fn invalidate<L: Lookup<Query = Q>>(&self, lookup: &L) -> bool {
        self.mark(lookup, Some(ChangeKind::Invalidated), |shard, ticket, _, _| shard.invalidate(ticket))
    }

    fn mark<L: Lookup<Query = Q>>(
        &self,
        lookup: &L,
        heard_as: Option<ChangeKind>,
        act: impl FnOnce(&mut Shard<Q>, Ticket, &Env<'_>, &mut Outbox<Q>) -> bool,
    ) -> bool {
        let hash = self.hash(lookup);
        if self.existing(hash).is_none() {
            return false;
        }
        let changes = match heard_as {
            Some(kind) if self.core.events.has_listeners() => self.change(&lookup.to_key(), kind, None),
            _ => Vec::new(),
        };
        let now = self.core.now();
        let mut out = Outbox::new();
        let mut shard = self.lock_for_write(self.place_of(hash));
        let env = self.env(now, 0);
        let place = shard.locate(hash, |known| lookup.is_key(known));
        shard.begin(&env, &mut out);
        let place = shard.meet(hash, place, &env, &mut out);
        let is_done = place.id.is_some_and(|id| act(&mut shard, Ticket { hash, id }, &env, &mut out));
        if is_done {
            self.core.note(changes);
        }
        shard.finish(&env, &mut out);
        self.publish(&mut shard, &mut out);
        drop(shard);
        self.settle(&env);
        drop(out);
        self.core.events.drain();
        is_done
    }

    pub(crate) fn pin(&self, key: &Q) {
        let now = self.core.now();
        let hash = self.hash(key);
        self.alter_shard(self.place_of(hash), now, |shard, env, out| shard.pin(key, hash, env, out));
    }

    pub(crate) fn unpin(&self, key: &Q) {
        let now = self.core.now();
        let hash = self.hash(key);
        self.alter_shard(self.place_of(hash), now, |shard, env, out| shard.unpin(key, hash, env, out));
    }

    /// Removes all dead keys, after letting go of what has expired. Returns how many keys went.
    pub(crate) fn reap(&self) -> usize {
        let now = self.core.now();
        let mut reaped = 0;
        for place in 0..self.lines().len() {
            reaped += self.alter_shard(place, now, |shard, env, out| shard.reap(env, out));
        }
        reaped
    }

    /// Live entries. Visits every survivor.
    pub(crate) fn live_count(&self) -> usize {
        self.expire_due();
        self.lines().iter().map(|line| line.0.read().live_count()).sum()
    }

    /// Lets go of all residents whose time is over.
    pub(crate) fn expire_due(&self) {
        if self.shards.get().is_none() {
            return;
        }
        let now = self.core.now();
        for place in 0..self.lines().len() {
            if self.lines()[place].0.read().has_due(now) {
                self.let_go(place, now, |shard, env, out| shard.expire_due(usize::MAX, env, out));
            }
        }
    }

    // Parts of a write

    /// Lets go of what has expired, on behalf of a reader: the shard's upkeep is left to writers.
    fn let_go(
        &self,
        place: usize,
        now: Moment,
        expire: impl FnOnce(&mut Shard<Q>, &Env<'_>, &mut Outbox<Q>),
    ) {
        let mut out = Outbox::new();
        let env = self.env(now, 0);
        let mut shard = self.made()[place].0.write();
        expire(&mut shard, &env, &mut out);
        shard.make_room(&env, &mut out);
        self.publish(&mut shard, &mut out);
        drop(shard);
        drop(out);
        self.core.events.drain();
    }

    /// Changes what is kept, not what is stored: no revision, no gate.
    fn alter_shard<T>(
        &self,
        place: usize,
        now: Moment,
        alter: impl FnOnce(&mut Shard<Q>, &Env<'_>, &mut Outbox<Q>) -> T,
    ) -> T {
        let mut out = Outbox::new();
        let env = self.env(now, 0);
        let mut shard = self.made()[place].0.write();
        shard.begin(&env, &mut out);
        let result = alter(&mut shard, &env, &mut out);
        shard.finish(&env, &mut out);
        self.publish(&mut shard, &mut out);
        drop(shard);
        self.settle(&env);
        drop(out);
        self.core.events.drain();
        result
    }

    /// Locks a shard for a write that a save must see whole or not at all.
    fn lock_for_write(&self, place: usize) -> Guard<'_, Q> {
        loop {
            self.core.gate.pass();
            let shard = self.made()[place].0.write();
            if !self.core.gate.is_closed() {
                return shard;
            }
        }
    }

    /// Runs the weigher, reads the clock: foreign code, which is done with before any lock is taken.
    pub(crate) fn incoming(
        &self,
        key: &Q,
        value: Arc<Q::Value>,
        times: Times,
        label: Option<Arc<str>>,
    ) -> Incoming<Q::Value> {
        let weight = self.weigh(key, &value);
        let now = self.core.now();
        Incoming {
            value,
            weight,
            as_of: times.as_of.unwrap_or(now),
            now,
            page: Page { ttl: times.ttl, fresh: times.fresh, label, used_at: now },
            is_invalidated: false,
            standing: None,
        }
    }

    /// What an entry counts against the bound; nothing weighs 0.
    pub(crate) fn weigh(&self, key: &Q, value: &Q::Value) -> u32 {
        if self.rules.is_weighted() { key.weigh(value).max(1) } else { 1 }
    }

    pub(crate) fn now(&self) -> Moment {
        self.core.now()
    }

    pub(crate) fn env(&self, now: Moment, revision: u64) -> Env<'_> {
        Env {
            rules: &self.rules,
            ledger: &self.ledger,
            recency: self.recency.as_deref(),
            wants_keys: self.core.events.has_listeners(),
            now,
            revision,
        }
    }

    /// A change of one key for the listeners, if there are any.
    pub(crate) fn change(&self, key: &Q, kind: ChangeKind, value: Option<&Arc<Q::Value>>) -> Vec<Change> {
        if !self.core.events.has_listeners() {
            return Vec::new();
        }
        let entry = Box::new(EntryOf { key: key.clone(), value: value.cloned() });
        vec![Change { table: self.name, revision: None, kind, entry }]
    }

    /// Counts what was displaced and queues it for the listeners, while the shard is locked, so that the queue has
    /// each key's events in their order.
    pub(crate) fn publish(&self, shard: &mut Shard<Q>, out: &mut Outbox<Q>) {
        for displaced in out.iter_mut().filter(|displaced| !displaced.is_published) {
            displaced.is_published = true;
            let Some(cause) = displaced.cause else { continue };
            shard.count_removal(cause);
            if !self.core.events.has_listeners() {
                continue;
            }
            let value = displaced.hold.as_ref().and_then(Hold::value);
            if let (Some(key), Some(value)) = (displaced.key.take(), value) {
                let entry = Box::new(EntryOf { key, value: Some(value) });
                self.core.events.push(Event::Removal(Removal { table: self.name, cause, entry }));
            }
        }
    }

    /// Brings the table within its bound where one shard alone could not. To be called without locks.
    #[inline]
    pub(crate) fn settle(&self, env: &Env<'_>) {
        if self.ledger.is_over() {
            self.settle_excess(env);
        }
    }

    fn settle_excess(&self, env: &Env<'_>) {
        match &self.recency {
            Some(recency) => self.settle_by_order(recency, env),
            None => self.settle_by_shards(env),
        }
    }

    fn settle_by_order(&self, recency: &Recency, env: &Env<'_>) {
        while self.ledger.is_over() {
            let Some(ticket) = recency.pop_oldest() else { return };
            let mut out = Outbox::new();
            let mut shard = self.made()[self.place_of(ticket.hash)].0.write();
            shard.evict_ticket(ticket, env, &mut out);
            self.publish(&mut shard, &mut out);
        }
    }

    #[cold]
    fn settle_by_shards(&self, env: &Env<'_>) {
        // First without touching what the commit itself wrote; if it wrote more than the table holds, with it.
        for revision in [env.revision, 0] {
            for _ in 0..self.shard_count {
                if !self.ledger.is_over() {
                    return;
                }
                let place = self.next_victim.fetch_add(1, Ordering::Relaxed) % self.shard_count;
                let mut out = Outbox::new();
                let mut shard = self.made()[place].0.write();
                shard.make_room(&self.env(env.now, revision), &mut out);
                self.publish(&mut shard, &mut out);
            }
        }
    }

    // Places

    #[inline]
    pub(crate) fn hash<L: Hash + ?Sized>(&self, key: &L) -> u32 {
        (self.hasher.hash_one(key) >> 32) as u32
    }

    /// Shard of a hash, by its high bits: the number of shards need not be a power of two.
    #[inline]
    pub(crate) fn place_of(&self, hash: u32) -> usize {
        ((u64::from(hash) * self.shard_count as u64) >> 32) as usize
    }

    fn existing(&self, hash: u32) -> Option<&RwLock<Shard<Q>>> {
        self.shards.get().map(|shards| &shards[self.place_of(hash)].0)
    }

    pub(crate) fn shard_at(&self, place: usize) -> &RwLock<Shard<Q>> {
        &self.made()[place].0
    }

    fn made(&self) -> &[Line<Q>] {
        if let Some(shards) = self.shards.get() {
            return shards;
        }
        let _making = self.core.gate.making();
        self.shards.get_or_init(|| (0..self.shard_count).map(|_| Line(RwLock::new(Shard::new()))).collect())
    }

    /// The shards, none before the first use.
    fn lines(&self) -> &[Line<Q>] {
        self.shards.get().map_or(&[], |shards| shards)
    }

    pub(crate) fn shards(&self) -> impl Iterator<Item = &RwLock<Shard<Q>>> {
        self.lines().iter().map(|line| &line.0)
    }

    /// The shards, made if they are not there yet.
    pub(crate) fn made_shards(&self) -> impl Iterator<Item = &RwLock<Shard<Q>>> {
        self.made().iter().map(|line| &line.0)
    }

    pub(crate) fn codec(&self) -> Option<&dyn TableCodec<Q>> {
        self.codec.as_deref()
    }

    /// Misses from before the first write.
    pub(crate) fn early_misses(&self) -> u64 {
        self.early_misses.load(Ordering::Relaxed)
    }

    pub(crate) fn recency(&self) -> Option<&Recency> {
        self.recency.as_deref()
    }
}

/// Whether a look at an entry counts as a use of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Counted,
    Uncounted,
}

impl<Q: Query> Debug for Table<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("name", &self.name)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Whether a table with these options can work.
pub(crate) fn check(options: &TableOptions) -> Result<(), &'static str> {
    match options.bound {
        Some(Bound::Capacity(0)) => Err("`capacity` must be at least 1"),
        Some(Bound::Lru(0)) => Err("`lru` must be at least 1"),
        Some(Bound::Weight(0)) => Err("`max_weight` must be at least 1"),
        _ => Ok(()),
    }
}
