//! The behaviour of one table in the simplest form: a map, and lists for the order of use. Speed does not matter.
//!
//! The model predicts the victims of each bound. With the default policy this needs at most eight entries,
//! and distinct hashes of the keys; see `queues`.

pub mod queues;
pub mod saved;

use std::collections::BTreeMap;
use std::time::Duration;

use cache_core::{Freshness, RemovalCause, RemovalCounts, Residency, Revision};

use queues::{Coming, MAX_USES, Queue, Queues};

/// The rules of a table.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    pub bound: Bound,
    pub ttl: Option<Duration>,
    pub tti: Option<Duration>,
    pub fresh: Option<Duration>,
    pub history: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bound {
    #[default]
    None,
    Lru(u64),
    Capacity(u64),
    Weight(u64),
}

/// One entry, readable or dead.
#[derive(Clone, Debug)]
pub struct Entry {
    pub number: u64,
    /// The weight that the value reports.
    pub given_weight: u32,
    /// Identifies the allocation of the value, which handles hold.
    pub allocation: u64,
    pub revision: Revision,
    pub label: Option<String>,
    pub as_of: Duration,
    pub used_at: Duration,
    pub ttl: Option<Duration>,
    pub fresh: Option<Duration>,
    pub is_invalidated: bool,
    pub weight: u64,
    pub membership: Membership,
    /// Use count of the default policy; for a survivor, whether it was read.
    pub uses: u8,
    /// Oldest first.
    pub history: Vec<HistoryEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    pub number: u64,
    pub revision: Revision,
    pub label: Option<String>,
}

/// What keeps an entry, or why nothing does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    Queued,
    Ordered,
    Timed,
    Pinned,
    Evicted,
    Released,
}

/// A value that was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Removal {
    pub key: u16,
    pub number: u64,
    /// By name, to be sorted.
    pub cause: &'static str,
}

#[derive(Debug, Default)]
pub struct Table {
    pub rules: Rules,
    pub now: Duration,
    pub entries: BTreeMap<u16, Entry>,
    /// Residents of a table in exact order, least recently used first.
    order: Vec<u16>,
    /// Residents of a table in the default policy.
    queues: Queues,
    /// Survivors that were read since the last write, in the order of the reads.
    marked: Vec<u16>,
    pub pins: BTreeMap<u16, usize>,
    /// Allocations that the program holds, with the number of its handles.
    pub held: BTreeMap<u64, usize>,
    /// Values that were removed since the last check.
    pub removals: Vec<Removal>,
    /// How often each key was written or removed.
    pub writes: BTreeMap<u16, u64>,
    /// Number of operations that may have made the store forget a key.
    pub disturbances: u64,
}

/// The arguments of a write.
#[derive(Clone, Debug, Default)]
pub struct Write {
    pub number: u64,
    pub allocation: u64,
    pub given_weight: u32,
    pub as_of: Duration,
    pub used_at: Duration,
    pub ttl: Option<Duration>,
    pub fresh: Option<Duration>,
    pub is_invalidated: bool,
    pub label: Option<String>,
    /// Its position in the policy, if that is decided.
    pub standing: Option<(Queue, u8)>,
}

impl Table {
    pub fn new(rules: Rules, now: Duration) -> Self {
        Self { rules, now, ..Self::default() }
    }

    // What a caller sees

    pub fn hold(&mut self, allocation: u64) {
        *self.held.entry(allocation).or_default() += 1;
    }

    pub fn release(&mut self, allocation: u64) {
        let count = self.held.get_mut(&allocation).unwrap();
        *count -= 1;
        if *count == 0 {
            self.held.remove(&allocation);
        }
    }

    fn deadline(&self, entry: &Entry) -> Option<Duration> {
        let by_age = entry.ttl.or(self.rules.ttl).map(|ttl| entry.as_of + ttl);
        let by_use = self.rules.tti.map(|tti| entry.used_at + tti);
        [by_age, by_use].into_iter().flatten().min()
    }

    pub fn remaining(&self, entry: &Entry) -> Option<Duration> {
        self.deadline(entry).map(|at| at.saturating_sub(self.now))
    }

    pub fn is_expired(&self, entry: &Entry) -> bool {
        self.deadline(entry).is_some_and(|deadline| self.now >= deadline)
    }

    pub fn freshness(&self, entry: &Entry) -> Freshness {
        let age = self.now.saturating_sub(entry.as_of);
        match entry.fresh.or(self.rules.fresh) {
            _ if entry.is_invalidated => Freshness::Invalidated,
            Some(fresh) if age >= fresh => Freshness::Stale,
            _ => Freshness::Fresh,
        }
    }

    pub fn is_alive(&self, entry: &Entry) -> bool {
        entry.membership.is_resident() || self.held.contains_key(&entry.allocation)
    }

    /// Returns the entry, even if it has expired and was not accessed since.
    pub fn alive(&self, key: u16) -> Option<&Entry> {
        self.entries.get(&key).filter(|entry| self.is_alive(entry))
    }

    /// Returns the entry as a reader finds it: an expired resident is released first, and a dead entry is
    /// absent.
    pub fn meet(&mut self, key: u16) -> Option<&mut Entry> {
        self.expire(key);
        self.alive(key)?;
        self.entries.get_mut(&key)
    }

    /// Releases all expired entries.
    pub fn sweep(&mut self) {
        let keys: Vec<u16> = self.entries.keys().copied().collect();
        keys.into_iter().for_each(|key| self.expire(key));
    }

    pub fn limit(&self) -> u64 {
        match self.rules.bound {
            Bound::None => u64::MAX,
            Bound::Lru(limit) | Bound::Capacity(limit) | Bound::Weight(limit) => limit,
        }
    }

    /// Returns the weight of the counted residents.
    pub fn used(&self) -> u64 {
        self.order.iter().copied().chain(self.queues.keys()).map(|key| self.entries[&key].weight).sum()
    }

    // Reading

    pub fn peek(&mut self, key: u16) -> Option<u64> {
        self.meet(key).map(|entry| entry.number)
    }

    pub fn get(&mut self, key: u16) -> Option<Entry> {
        let now = self.now;
        let is_expired = {
            self.meet(key)?;
            self.is_expired(&self.entries[&key])
        };
        let entry = self.entries.get_mut(&key).unwrap();
        if entry.membership == Membership::Pinned || !is_expired {
            entry.used_at = entry.used_at.max(now);
        }
        match entry.membership {
            Membership::Ordered => self.promote(key),
            Membership::Queued | Membership::Timed | Membership::Pinned => entry.count_use(),
            Membership::Evicted if entry.uses == 0 => {
                entry.uses = 1;
                self.marked.push(key);
            }
            Membership::Evicted | Membership::Released => {}
        }
        self.entries.get(&key).cloned()
    }

    // Writing. Each write begins with `begin` and ends with `finish`.

    /// Begins a write: survivors that were read since the last write come back.
    pub fn begin(&mut self) {
        self.disturbances += 1;
        for key in std::mem::take(&mut self.marked) {
            if self.entries.get(&key).is_some_and(|entry| entry.membership == Membership::Evicted) {
                self.admit(key);
            }
        }
    }

    /// Ends a write: dead keys, expired residents and the excess go; entries of the commit of this revision
    /// go last.
    pub fn finish(&mut self, revision: Option<Revision>) {
        let dead: Vec<u16> = self.dead().collect();
        dead.iter().for_each(|key| drop(self.entries.remove(key)));
        if self.rules.bound == Bound::None {
            // A table with several shards, of which each write maintains one.
            return;
        }
        self.sweep();
        if let Bound::Lru(limit) = self.rules.bound {
            while self.used() > limit {
                let oldest = self.order.remove(0);
                self.release_resident(oldest, Membership::Evicted, RemovalCause::Evicted);
            }
            return;
        }
        // The shard itself, then the table: first without the entries of the commit, then with them.
        for spared in [revision, revision, None] {
            for _ in 0..2 {
                while self.used() > self.limit() && self.evict_one(None, spared) {}
            }
        }
        assert!(self.used() <= self.limit(), "{} of {}", self.used(), self.limit());
    }

    fn dead(&self) -> impl Iterator<Item = u16> {
        self.entries.iter().filter(|(_, entry)| !self.is_alive(entry)).map(|(key, _)| *key)
    }

    /// One write by itself, which makes room for a new entry before it comes.
    pub fn insert(&mut self, key: u16, mut write: Write, revision: Revision) {
        self.begin();
        self.expire(key);
        let weight = self.weight(write.given_weight);
        let is_new = !self.entries.contains_key(&key) && !self.pins.contains_key(&key);
        if is_new
            && self.membership_by_rules(weight, write.ttl) == Membership::Queued
            && self.used() + weight > self.limit()
        {
            let queue = self.queues.place(key);
            write.standing = Some((queue, 0));
            while self.used() + weight > self.limit() && self.evict_one(Some(Coming { queue, weight }), None)
            {
            }
        }
        self.put(key, write, revision);
        self.finish(Some(revision));
    }

    /// Puts an entry in as one of several writes.
    pub fn put(&mut self, key: u16, write: Write, revision: Revision) {
        self.expire(key);
        *self.writes.entry(key).or_default() += 1;
        let Write {
            number, allocation, given_weight, as_of, used_at, ttl, fresh, is_invalidated, label, ..
        } = write;
        let weight = self.weight(given_weight);
        let by_rules = self.membership_by_rules(weight, ttl);
        let membership = if self.pins.contains_key(&key) { Membership::Pinned } else { by_rules };
        let old = self.entries.remove(&key);
        let is_alive = old.as_ref().is_some_and(|old| self.is_alive(old));
        let mut entry = Entry {
            number,
            given_weight,
            allocation,
            revision,
            label,
            as_of,
            used_at,
            ttl,
            fresh,
            is_invalidated,
            weight,
            membership,
            uses: 0,
            history: Vec::new(),
        };
        let queue = match &old {
            Some(old) if old.membership == membership && write.standing.is_none() => {
                entry.uses = old.uses;
                entry.count_use();
                None
            }
            Some(old) => {
                entry.uses = write.standing.map_or(old.uses, |(_, uses)| uses);
                Some(write.standing.map_or(Queue::Main, |(queue, _)| queue))
            }
            None if membership == Membership::Queued && write.standing.is_none() => {
                Some(self.queues.place(key))
            }
            None => {
                entry.uses = write.standing.map_or(0, |(_, uses)| uses);
                write.standing.map(|(queue, _)| queue)
            }
        };
        if let Some(old) = old {
            if membership.is_resident() && old.membership.is_resident() {
                entry.history = old.history;
                let past = HistoryEntry { number: old.number, revision: old.revision, label: old.label };
                entry.history.push(past);
                entry.history.drain(..entry.history.len().saturating_sub(self.rules.history));
            }
            if is_alive {
                self.left(key, old.number, RemovalCause::Replaced);
            }
        }
        let is_too_heavy = membership == Membership::Released && self.rules.bound != Bound::None;
        self.entries.insert(key, entry);
        match queue {
            Some(queue) => self.enter(key, queue),
            None if membership == Membership::Ordered => self.promote(key),
            None => {}
        }
        if is_too_heavy {
            self.left(key, number, RemovalCause::Evicted);
        }
    }

    /// Removes the key. Returns whether it was readable.
    pub fn take(&mut self, key: u16) -> bool {
        self.expire(key);
        self.disturbances += 1;
        let Some(entry) = self.entries.get(&key) else { return false };
        let (number, is_alive) = (entry.number, self.is_alive(entry));
        if is_alive {
            *self.writes.entry(key).or_default() += 1;
            self.left(key, number, RemovalCause::Removed);
        }
        self.leave(key);
        self.entries.remove(&key);
        is_alive
    }

    pub fn touch(&mut self, key: u16) -> bool {
        let now = self.now;
        let Some(entry) = self.meet(key) else { return false };
        entry.as_of = now;
        entry.used_at = entry.used_at.max(now);
        entry.is_invalidated = false;
        entry.count_use();
        match entry.membership {
            Membership::Ordered => self.promote(key),
            Membership::Evicted | Membership::Released => self.admit(key),
            _ => {}
        }
        true
    }

    pub fn invalidate(&mut self, key: u16) -> bool {
        self.meet(key).map(|entry| entry.is_invalidated = true).is_some()
    }

    pub fn pin(&mut self, key: u16) {
        *self.pins.entry(key).or_default() += 1;
        if self.meet(key).is_some() {
            self.leave(key);
            self.entries.get_mut(&key).unwrap().membership = Membership::Pinned;
        }
    }

    pub fn unpin(&mut self, key: u16) {
        let holders = self.pins.get_mut(&key).unwrap();
        *holders -= 1;
        if *holders > 0 {
            return;
        }
        self.pins.remove(&key);
        if self.entries.get(&key).is_some_and(|entry| entry.membership == Membership::Pinned) {
            self.admit(key);
        }
    }

    pub fn clear(&mut self) {
        self.disturbances += 1;
        for (key, entry) in std::mem::take(&mut self.entries) {
            if self.is_alive(&entry) {
                *self.writes.entry(key).or_default() += 1;
                self.left(key, entry.number, RemovalCause::Cleared);
            }
        }
        self.order.clear();
        self.queues = Queues::default();
        self.marked.clear();
    }

    // Internals

    fn weight(&self, given: u32) -> u64 {
        if matches!(self.rules.bound, Bound::Weight(_)) { given.max(1).into() } else { 1 }
    }

    fn membership_by_rules(&self, weight: u64, ttl: Option<Duration>) -> Membership {
        match self.rules.bound {
            _ if weight > self.limit() => Membership::Released,
            Bound::Lru(_) => Membership::Ordered,
            Bound::Capacity(_) | Bound::Weight(_) => Membership::Queued,
            Bound::None if self.rules.ttl.is_some() || self.rules.tti.is_some() || ttl.is_some() => {
                Membership::Timed
            }
            Bound::None => Membership::Released,
        }
    }

    fn left(&mut self, key: u16, number: u64, cause: RemovalCause) {
        self.removals.push(Removal::new(key, number, cause));
    }

    fn expire(&mut self, key: u16) {
        let is_over = |entry: &Entry| {
            entry.membership.is_resident() && entry.membership != Membership::Pinned && self.is_expired(entry)
        };
        if self.entries.get(&key).is_some_and(is_over) {
            self.leave(key);
            self.release_resident(key, Membership::Released, RemovalCause::Expired);
        }
    }

    /// Places an entry that was pinned, or a survivor, by the rules of the table.
    fn admit(&mut self, key: u16) {
        let entry = &self.entries[&key];
        let (by_rules, is_expired) =
            (self.membership_by_rules(entry.weight, entry.ttl), self.is_expired(entry));
        if by_rules == Membership::Released || is_expired {
            if entry.membership == Membership::Pinned {
                let cause = if is_expired { RemovalCause::Expired } else { RemovalCause::Evicted };
                self.release_resident(key, Membership::Released, cause);
            }
        } else if self.is_alive(entry) {
            let entry = self.entries.get_mut(&key).unwrap();
            (entry.membership, entry.uses) = (by_rules, 0);
            self.enter(key, Queue::Main);
        }
    }

    fn enter(&mut self, key: u16, queue: Queue) {
        self.leave(key);
        match self.entries[&key].membership {
            Membership::Ordered => self.order.push(key),
            Membership::Queued => self.queues.push(queue, key),
            _ => {}
        }
    }

    fn leave(&mut self, key: u16) {
        self.order.retain(|&known| known != key);
        self.queues.remove(key);
    }

    fn promote(&mut self, key: u16) {
        self.order.retain(|&known| known != key);
        self.order.push(key);
    }

    /// Turns a resident that has left its list into a survivor, or removes it if its value is not held.
    fn release_resident(&mut self, key: u16, membership: Membership, cause: RemovalCause) {
        self.disturbances += 1;
        let entry = self.entries.get_mut(&key).unwrap();
        let number = entry.number;
        if self.held.contains_key(&entry.allocation) {
            (entry.membership, entry.uses) = (membership, 0);
            entry.history.clear();
        } else {
            self.entries.remove(&key);
        }
        self.left(key, number, cause);
    }

    /// Evicts the next victim of the default policy, skipping those of one commit. Returns `false` if there
    /// are no others.
    fn evict_one(&mut self, coming: Option<Coming>, spared_revision: Option<Revision>) -> bool {
        let (mut spared, mut exhausted) = ([None; 2], [false; 2]);
        loop {
            let weight = |key| self.entries[&key].weight;
            let Some((queue, key)) = self.queues.candidate(weight, coming, exhausted) else { return false };
            let entry = self.entries.get_mut(&key).unwrap();
            if Some(entry.revision) == spared_revision {
                self.queues.move_to(queue, key);
                let at = usize::from(queue == Queue::Main);
                exhausted[at] = spared[at] == Some(key);
                spared[at].get_or_insert(key);
                continue;
            }
            match queue {
                Queue::Small if entry.uses >= self.queues.promote_at() => {
                    entry.uses -= self.queues.promote_at();
                    self.queues.move_to(Queue::Main, key);
                    (spared, exhausted) = ([None; 2], [false; 2]);
                }
                Queue::Main if entry.uses > 0 => {
                    entry.uses -= 1;
                    self.queues.move_to(Queue::Main, key);
                    spared[1] = None;
                }
                _ => {
                    self.queues.remember(key, queue);
                    self.queues.remove(key);
                    self.release_resident(key, Membership::Evicted, RemovalCause::Evicted);
                    return true;
                }
            }
        }
    }
}

impl Removal {
    pub fn new(key: u16, number: u64, cause: RemovalCause) -> Self {
        let cause = match cause {
            RemovalCause::Evicted => "evicted",
            RemovalCause::Expired => "expired",
            RemovalCause::Removed => "removed",
            RemovalCause::Replaced => "replaced",
            RemovalCause::Cleared => "cleared",
            _ => panic!("unexpected cause: {cause:?}"),
        };
        Self { key, number, cause }
    }

    pub fn count(&self, counts: &mut RemovalCounts) {
        *match self.cause {
            "evicted" => &mut counts.evicted,
            "expired" => &mut counts.expired,
            "removed" => &mut counts.removed,
            "replaced" => &mut counts.replaced,
            _ => &mut counts.cleared,
        } += 1;
    }
}

impl Entry {
    pub fn residency(&self) -> Residency {
        match self.membership {
            Membership::Queued | Membership::Ordered | Membership::Timed => Residency::Resident,
            Membership::Pinned => Residency::Pinned,
            Membership::Evicted | Membership::Released => Residency::Survivor,
        }
    }

    fn count_use(&mut self) {
        self.uses = (self.uses + 1).min(MAX_USES);
    }
}

impl Membership {
    pub fn is_resident(self) -> bool {
        !matches!(self, Self::Evicted | Self::Released)
    }
}
