//! What a save should write of a table, and what a restore should bring back.

use std::time::Duration;

use cache_core::Revision;

use super::queues::Queue;
use super::{Bound, Entry, Membership, Table, Write};

/// One entry of a snapshot.
#[derive(Clone, Debug)]
pub struct Saved {
    pub key: u16,
    pub number: u64,
    pub given_weight: u32,
    pub age: Duration,
    pub idle: Duration,
    pub ttl: Option<Duration>,
    pub fresh: Option<Duration>,
    pub is_invalidated: bool,
    pub is_survivor: bool,
    pub queue: Queue,
    pub uses: u8,
    /// Its place; entries that were written at once may have the same.
    pub rank: (u8, u64, u64),
}

/// What a restore should report of a table.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Restored {
    pub restored: u64,
    pub expired: u64,
    pub over_bound: u64,
    /// Keys and allocations, in file order.
    pub written: Vec<(u16, u64)>,
    /// Of these, the values that only the report keeps.
    pub kept: Vec<(u16, u64)>,
}

impl Table {
    /// Returns what a save writes, in any order.
    pub fn saved(&self, with_survivors: bool) -> Vec<Saved> {
        let is_saved = |entry: &Entry| match entry.membership {
            Membership::Pinned => true,
            _ if self.is_expired(entry) || !self.is_alive(entry) => false,
            membership => membership.is_resident() || with_survivors,
        };
        let entries = self.entries.iter().filter(|(_, entry)| is_saved(entry));
        entries.map(|(&key, entry)| self.saved_entry(key, entry)).collect()
    }

    fn saved_entry(&self, key: u16, entry: &Entry) -> Saved {
        let place = |mut keys: Box<dyn Iterator<Item = u16> + '_>| {
            keys.position(|known| known == key).unwrap() as u64
        };
        let queue = self.queues.queue_of(key);
        let revision = entry.revision.get();
        let rank = match entry.membership {
            Membership::Evicted | Membership::Released => (0, 0, revision),
            Membership::Timed => (1, 0, revision),
            Membership::Ordered => (1, place(Box::new(self.order.iter().copied())), revision),
            Membership::Queued => {
                let place = place(Box::new(self.queues.keys()));
                match queue {
                    Queue::Small => (1, 0, place),
                    Queue::Main => (2, 0, place),
                }
            }
            Membership::Pinned => (3, 0, revision),
        };
        Saved {
            key,
            number: entry.number,
            given_weight: entry.given_weight,
            age: self.now - entry.as_of,
            idle: self.now - entry.used_at,
            ttl: entry.ttl,
            fresh: entry.fresh,
            is_invalidated: entry.is_invalidated,
            is_survivor: !entry.membership.is_resident(),
            queue: if entry.membership == Membership::Queued { queue } else { Queue::Small },
            uses: entry.uses.max(u8::from(entry.membership == Membership::Pinned)),
            rank,
        }
    }

    /// Returns which entries of a file are restored `elapsed` after they were saved, and the report on the
    /// others.
    pub fn chosen<'a>(&self, file: &'a [Saved], elapsed: Duration) -> (Vec<&'a Saved>, Restored) {
        let mut report = Restored::default();
        let is_over = |saved: &Saved| {
            saved.ttl.or(self.rules.ttl).is_some_and(|ttl| saved.age + elapsed >= ttl)
                || self.rules.tti.is_some_and(|tti| saved.idle + elapsed >= tti)
        };
        let is_pinned = |saved: &Saved| self.pins.contains_key(&saved.key);
        let (lines, over): (Vec<_>, Vec<_>) =
            file.iter().partition(|saved| is_pinned(saved) || !is_over(saved));
        report.expired = over.len() as u64;
        let is_lru = matches!(self.rules.bound, Bound::Lru(_));
        let comes_first = |saved: &Saved| !is_lru && saved.uses > 0 && !saved.is_survivor;
        let mut room = self.limit();
        let mut chosen = Vec::new();
        for round in [true, false] {
            for &saved in lines.iter().rev().filter(|saved| comes_first(saved) == round) {
                let weight = if is_pinned(saved) { 0 } else { self.weight(saved.given_weight) };
                if weight <= room {
                    room -= weight;
                    chosen.push(saved.key);
                }
            }
        }
        report.restored = chosen.len() as u64;
        report.over_bound = lines.len() as u64 - report.restored;
        (lines.into_iter().filter(|saved| chosen.contains(&saved.key)).collect(), report)
    }

    /// Restores entries of a file, each with its own allocation.
    pub fn restore(
        &mut self,
        chosen: &[&Saved],
        elapsed: Duration,
        revision: Revision,
        allocate: &mut dyn FnMut() -> u64,
        report: &mut Restored,
    ) {
        self.begin();
        for saved in chosen {
            let allocation = allocate();
            let keeps_nothing = self.membership_by_rules(1, saved.ttl) == Membership::Released;
            // Held by the restore until all are in, and by the report if nothing else does.
            self.hold(allocation);
            report.written.push((saved.key, allocation));
            if keeps_nothing {
                report.kept.push((saved.key, allocation));
            }
            let write = Write {
                number: saved.number,
                allocation,
                given_weight: saved.given_weight,
                as_of: self.now - (saved.age + elapsed),
                used_at: self.now - (saved.idle + elapsed),
                ttl: saved.ttl,
                fresh: saved.fresh,
                is_invalidated: saved.is_invalidated,
                label: None,
                standing: Some((saved.queue, saved.uses)),
            };
            self.put(saved.key, write, revision);
            if !keeps_nothing {
                self.release(allocation);
            }
        }
        self.finish(Some(revision));
    }
}
