//! What the store should do, in the plainest form: a map, a list for the order of use, and no thought of speed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cache_core::{Freshness, Residency, Revision};

/// What the rules of a table are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    pub bound: Bound,
    pub ttl: Option<Duration>,
    pub tti: Option<Duration>,
    pub fresh: Option<Duration>,
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
    /// Names the allocation of the value: what a handle holds.
    pub allocation: u64,
    pub revision: Revision,
    pub as_of: Duration,
    pub used_at: Duration,
    pub ttl: Option<Duration>,
    pub fresh: Option<Duration>,
    pub is_invalidated: bool,
    pub weight: u64,
    pub stay: Stay,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    Resident,
    Pinned,
    Evicted,
    Released,
}

#[derive(Debug, Default)]
pub struct Model {
    pub rules: Rules,
    pub now: Duration,
    pub entries: BTreeMap<u16, Entry>,
    /// Counted residents, least recently used first.
    pub order: Vec<u16>,
    /// Survivors that were read since the last write, in the order of the reads.
    marked: Vec<u16>,
    pub pins: BTreeMap<u16, usize>,
    /// Allocations that the program holds, with the number of its handles.
    pub held: BTreeMap<u64, usize>,
}

/// What is given with a write.
#[derive(Clone, Copy, Debug)]
pub struct Write {
    pub number: u64,
    pub weight: u64,
    pub as_of: Duration,
    pub ttl: Option<Duration>,
    pub fresh: Option<Duration>,
}

impl Model {
    pub fn new(rules: Rules) -> Self {
        Self { rules, now: Duration::from_secs(1_000), ..Self::default() }
    }

    // What is to be seen

    pub fn is_held(&self, entry: &Entry) -> bool {
        self.held.contains_key(&entry.allocation)
    }

    pub fn deadline(&self, entry: &Entry) -> Option<Duration> {
        let by_age = entry.ttl.or(self.rules.ttl).map(|ttl| entry.as_of + ttl);
        let by_use = self.rules.tti.map(|tti| entry.used_at + tti);
        [by_age, by_use].into_iter().flatten().min()
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

    pub fn residency(&self, entry: &Entry) -> Residency {
        match entry.stay {
            Stay::Resident => Residency::Resident,
            Stay::Pinned => Residency::Pinned,
            _ => Residency::Survivor,
        }
    }

    /// The entry as a reader finds it: an expired resident is let go of first, and a dead one is none.
    pub fn meet(&mut self, key: u16) -> Option<&mut Entry> {
        let entry = self.entries.get(&key)?;
        if entry.stay == Stay::Resident && self.is_expired(entry) {
            self.let_go(key, Stay::Released);
        }
        let entry = self.entries.get(&key)?;
        let is_alive = self.is_held(entry) || matches!(entry.stay, Stay::Resident | Stay::Pinned);
        self.entries.get_mut(&key).filter(|_| is_alive)
    }

    /// Lets go of all that has expired. Returns whether there was any.
    pub fn sweep(&mut self) -> bool {
        let is_over = |entry: &Entry| entry.stay == Stay::Resident && self.is_expired(entry);
        let over: Vec<_> =
            self.entries.iter().filter(|(_, entry)| is_over(entry)).map(|(key, _)| *key).collect();
        over.iter().for_each(|&key| self.let_go(key, Stay::Released));
        !over.is_empty()
    }

    // Reading

    pub fn peek(&mut self, key: u16) -> Option<u64> {
        self.meet(key).map(|entry| entry.number)
    }

    pub fn get(&mut self, key: u16) -> Option<Entry> {
        let now = self.now;
        let entry = self.meet(key)?.clone();
        if entry.stay == Stay::Pinned || !self.is_expired(&entry) {
            self.entries.get_mut(&key).unwrap().used_at = entry.used_at.max(now);
        }
        match entry.stay {
            Stay::Resident => self.use_now(key),
            Stay::Evicted if !self.marked.contains(&key) => self.marked.push(key),
            _ => {}
        }
        self.entries.get(&key).cloned()
    }

    // Writing

    /// What each write to the table does first.
    pub fn begin(&mut self) {
        for key in std::mem::take(&mut self.marked) {
            let Some(entry) = self.entries.get(&key) else { continue };
            if entry.stay == Stay::Evicted && self.is_held(entry) {
                self.admit(key);
            }
        }
    }

    pub fn write(&mut self, key: u16, write: Write, allocation: u64, revision: Revision) {
        self.meet(key);
        let Write { number, weight, as_of, ttl, fresh } = write;
        let stay = match self.pins.contains_key(&key) {
            true => Stay::Pinned,
            false if self.has_home(weight, ttl) => Stay::Resident,
            false => Stay::Released,
        };
        let used_at = self.now;
        let is_invalidated = false;
        let entry =
            Entry { number, allocation, revision, as_of, used_at, ttl, fresh, is_invalidated, weight, stay };
        self.entries.insert(key, entry);
        self.use_now(key);
    }

    pub fn remove(&mut self, key: u16) -> bool {
        let was_readable = self.meet(key).is_some();
        self.forget(key);
        was_readable
    }

    pub fn touch(&mut self, key: u16) -> bool {
        let now = self.now;
        let Some(entry) = self.meet(key) else { return false };
        entry.as_of = now;
        entry.used_at = entry.used_at.max(now);
        entry.is_invalidated = false;
        match entry.stay {
            Stay::Resident => self.use_now(key),
            Stay::Pinned => {}
            _ => self.admit(key),
        }
        true
    }

    pub fn invalidate(&mut self, key: u16) -> bool {
        self.meet(key).map(|entry| entry.is_invalidated = true).is_some()
    }

    pub fn pin(&mut self, key: u16) {
        *self.pins.entry(key).or_default() += 1;
        if let Some(entry) = self.meet(key) {
            entry.stay = Stay::Pinned;
            self.order.retain(|&known| known != key);
        }
    }

    pub fn unpin(&mut self, key: u16) {
        let holders = self.pins.get_mut(&key).unwrap();
        *holders -= 1;
        if *holders > 0 {
            return;
        }
        self.pins.remove(&key);
        if self.entries.get(&key).is_some_and(|entry| entry.stay == Stay::Pinned) {
            self.admit(key);
        }
    }

    pub fn clear(&mut self) {
        self.entries.clear();
        self.order.clear();
        self.marked.clear();
    }

    /// What each write does last: who is not among the `kept` has left. The least recently used do, if the table has
    /// an exact order; and no more than have to, unless some might have `expired` instead.
    #[track_caller]
    pub fn settle(&mut self, kept: &BTreeSet<u16>, had_expired: bool) {
        let victims: Vec<_> = self.order.iter().copied().filter(|key| !kept.contains(key)).collect();
        if let Bound::Lru(_) = self.rules.bound {
            assert_eq!(victims, self.order[..victims.len()], "not the least recently used");
        }
        let heaviest = victims.iter().map(|key| self.entries[key].weight).max().unwrap_or(0);
        for victim in victims {
            self.let_go(victim, Stay::Evicted);
        }
        let used = self.used();
        assert!(used <= self.limit(), "{used} of {}", self.limit());
        assert!(had_expired || used + heaviest > self.limit(), "more was evicted than had to be");
    }

    pub fn limit(&self) -> u64 {
        match self.rules.bound {
            Bound::None => u64::MAX,
            Bound::Lru(limit) | Bound::Capacity(limit) | Bound::Weight(limit) => limit,
        }
    }

    /// Weight of the counted residents.
    pub fn used(&self) -> u64 {
        if self.rules.bound == Bound::None {
            return 0;
        }
        self.order.iter().map(|key| self.entries[key].weight).sum()
    }

    // Inside

    fn has_home(&self, weight: u64, ttl: Option<Duration>) -> bool {
        match self.rules.bound {
            Bound::None => self.rules.ttl.is_some() || self.rules.tti.is_some() || ttl.is_some(),
            Bound::Weight(limit) => weight <= limit,
            _ => true,
        }
    }

    fn admit(&mut self, key: u16) {
        let entry = &self.entries[&key];
        if !self.has_home(entry.weight, entry.ttl) || self.is_expired(entry) {
            if entry.stay == Stay::Pinned {
                self.let_go(key, Stay::Released);
            }
            return;
        }
        self.entries.get_mut(&key).unwrap().stay = Stay::Resident;
        self.use_now(key);
    }

    pub fn use_now(&mut self, key: u16) {
        self.order.retain(|&known| known != key);
        if self.entries[&key].stay == Stay::Resident {
            self.order.push(key);
        }
    }

    fn let_go(&mut self, key: u16, stay: Stay) {
        self.order.retain(|&known| known != key);
        if self.is_held(&self.entries[&key]) {
            self.entries.get_mut(&key).unwrap().stay = stay;
        } else {
            self.entries.remove(&key);
        }
    }

    fn forget(&mut self, key: u16) {
        self.order.retain(|&known| known != key);
        self.entries.remove(&key);
    }
}
