//! One shard: keys, entries, eviction order. Knows nothing of locks, clocks or listeners: time comes in, and what
//! it displaced goes out, to be dropped by the caller when no lock is held.

mod cold;
mod home;
mod keep;
mod page;
#[cfg(test)]
mod tests;
mod upkeep;
mod write;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::OccupiedEntry;
use smallvec::SmallVec;

use super::slot::{Extra, Hold, Slot, Stay};
use crate::clock::Moment;
use crate::event::Cause;
use crate::query::Query;
use crate::retention::ledger::Ledger;
use crate::retention::recency::Recency;
use crate::retention::{Rules, Ticket};
use crate::sync::atomic::{AtomicU64, Ordering};
use cold::Cold;
pub(crate) use page::Page;

pub(crate) struct Shard<Q: Query> {
    slots: HashTable<Slot<Q>>,
    /// Made by the first write, so that an empty shard is one cache line.
    cold: Option<Box<Cold<Q>>>,
    /// Counted with plain loads and stores: the lock word beside them is written by each reader anyway.
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What the shards of a table have in common, and the moment of the operation.
pub(crate) struct Env<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) ledger: &'a Ledger,
    pub(crate) recency: Option<&'a Recency>,
    /// Whether listeners want to know the keys of what was displaced.
    pub(crate) wants_keys: bool,
    pub(crate) now: Moment,
    /// Revision of the commit that is being installed, 0 without one. What it wrote is the last to be evicted.
    pub(crate) revision: u64,
}

impl Env<'_> {
    /// The key of what is displaced, if it is wanted. A panic of its `Clone` must not end an operation half-way: the
    /// displaced goes without a key then, which its publisher takes note of.
    fn key_for_listeners<K: Clone>(&self, key: &K) -> Option<K> {
        if !self.wants_keys {
            return None;
        }
        catch_unwind(AssertUnwindSafe(|| key.clone())).ok()
    }
}

/// A value on its way in.
pub(crate) struct Incoming<V: ?Sized> {
    pub(crate) value: Arc<V>,
    pub(crate) weight: u32,
    pub(crate) as_of: Moment,
    /// The moment of the write.
    pub(crate) now: Moment,
    pub(crate) page: Page,
    pub(crate) is_invalidated: bool,
    /// Where the policy had the entry when it was saved.
    pub(crate) standing: Option<Standing>,
}

/// Where the default policy has an entry, as it is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// 1 in the main queue, else 0.
    pub(crate) rank: u8,
    pub(crate) uses: u8,
}

/// Where a key is in its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) id: Option<u32>,
    pub(crate) is_pinned: bool,
}

/// What a reader saw under a key, to be compared later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A slot of this revision, its value alive or not.
    Revision(u64),
    /// No slot, in a shard that had forgotten revisions up to this one.
    Absent { forgotten: u64 },
}

/// What an operation pushed out of the shard.
pub(crate) struct Displaced<Q: Query> {
    pub(crate) key: Option<Q>,
    pub(crate) hold: Option<Hold<Q::Value>>,
    #[expect(dead_code, reason = "kept to be dropped outside the lock")]
    pub(crate) extra: Option<Box<Extra<Q::Value>>>,
    /// What listeners are told; nothing for a dead value.
    pub(crate) cause: Option<Cause>,
    pub(crate) is_published: bool,
}

pub(crate) type Outbox<Q> = SmallVec<[Displaced<Q>; 1]>;

impl<Q: Query> Shard<Q> {
    pub(crate) fn new() -> Self {
        Self { slots: HashTable::new(), cold: None, hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    // Reading

    #[inline]
    pub(crate) fn find(&self, hash: u32, mut is_key: impl FnMut(&Q) -> bool) -> Option<&Slot<Q>> {
        self.slots.find(spread(hash), |slot| slot.hash == hash && is_key(&slot.key))
    }

    pub(crate) fn locate(&self, hash: u32, mut is_key: impl FnMut(&Q) -> bool) -> Place {
        let is_pinned = self.cold.as_ref().is_some_and(|cold| {
            !cold.pins.is_empty()
                && cold.pins.find(spread(hash), |pin| pin.hash == hash && is_key(&pin.key)).is_some()
        });
        Place { id: self.find(hash, is_key).map(|slot| slot.id), is_pinned }
    }

    pub(crate) fn seen(&self, slot: Option<&Slot<Q>>) -> Seen {
        match slot {
            Some(slot) => Seen::Revision(slot.revision),
            None => Seen::Absent { forgotten: self.forgotten() },
        }
    }

    /// Whether no write can have happened to the key since it was `seen`.
    pub(crate) fn is_unchanged(&self, seen: Seen, hash: u32, is_key: impl FnMut(&Q) -> bool) -> bool {
        match (seen, self.find(hash, is_key)) {
            (Seen::Revision(seen), Some(slot)) => slot.revision == seen,
            (Seen::Revision(seen), None) => self.forgotten() <= seen,
            (Seen::Absent { .. }, Some(_)) => false,
            (Seen::Absent { forgotten }, None) => self.forgotten() == forgotten,
        }
    }

    /// Notes that a survivor was read, so that the next write makes it resident again.
    pub(crate) fn mark_survivor(&self, slot: &Slot<Q>) {
        if slot.stay != Stay::Evicted || slot.uses.swap(1, Ordering::Relaxed) != 0 {
            return;
        }
        if let Some(cold) = &self.cold {
            cold.revived.push(slot.ticket());
        }
    }

    #[inline]
    pub(crate) fn count_hit(&self) {
        self.hits.store(self.hits.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn count_miss(&self) {
        self.misses.store(self.misses.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    pub(crate) fn count_removal(&mut self, cause: Cause) {
        if let Some(cold) = &mut self.cold {
            cold.removals[cause as usize] += 1;
        }
    }

    pub(crate) fn removals(&self) -> [u64; Cause::COUNT] {
        self.cold.as_ref().map_or([0; Cause::COUNT], |cold| cold.removals)
    }

    pub(crate) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    pub(crate) fn misses(&self) -> u64 {
        self.misses.load(Ordering::Relaxed)
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot<Q>> {
        self.slots.iter()
    }

    pub(crate) fn slot_count(&self) -> usize {
        self.slots.len()
    }

    /// Makes room for so many new entries at once.
    pub(crate) fn reserve(&mut self, entries: usize) {
        self.slots.reserve(entries, |slot| spread(slot.hash));
    }

    /// Entries whose value is alive. Visits the survivors.
    pub(crate) fn live_count(&self) -> usize {
        let Some(cold) = &self.cold else { return 0 };
        let dead = cold
            .survivors
            .iter()
            .filter(|&&ticket| self.by_ticket(ticket).is_some_and(|slot| slot.hold.is_dead()));
        self.slots.len() - dead.count()
    }

    pub(crate) fn pin_count(&self) -> usize {
        self.cold.as_ref().map_or(0, |cold| cold.pins.len())
    }

    /// Residents in the order in which the default policy would look at them.
    pub(crate) fn policy_order(&self) -> impl Iterator<Item = &Slot<Q>> {
        let tickets = self.cold.iter().flat_map(|cold| cold.policy.tickets());
        tickets.filter_map(|ticket| self.by_ticket(ticket))
    }

    pub(crate) fn by_ticket(&self, ticket: Ticket) -> Option<&Slot<Q>> {
        self.slots.find(spread(ticket.hash), |slot| slot.ticket() == ticket)
    }

    fn forgotten(&self) -> u64 {
        self.cold.as_ref().map_or(0, |cold| cold.forgotten)
    }

    fn forget(&mut self, revision: u64) {
        if let Some(cold) = &mut self.cold {
            cold.forgotten = cold.forgotten.max(revision);
        }
    }

    fn readable_mut(&mut self, ticket: Ticket) -> Option<&mut Slot<Q>> {
        find_mut(&mut self.slots, ticket).filter(|slot| !slot.hold.is_dead())
    }
}

fn find_mut<Q: Query>(slots: &mut HashTable<Slot<Q>>, ticket: Ticket) -> Option<&mut Slot<Q>> {
    slots.find_mut(spread(ticket.hash), |slot| slot.ticket() == ticket)
}

fn find_entry<Q: Query>(
    slots: &mut HashTable<Slot<Q>>,
    ticket: Ticket,
) -> Option<OccupiedEntry<'_, Slot<Q>>> {
    slots.find_entry(spread(ticket.hash), |slot| slot.ticket() == ticket).ok()
}

/// Hash for the index: the stored half spread over 64 bits (Fibonacci hashing), since the index takes its place
/// from the low bits and its tag from the high ones.
#[inline]
pub(crate) fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
