//! One shard: keys, entries, eviction order. Knows nothing of locks, clocks or listeners: time comes in, and what
//! it displaced goes out, to be dropped by the caller when no lock is held.

mod cold;
mod home;
mod index;
mod keep;
mod outbox;
mod pins;
mod tag_index;
#[cfg(test)]
mod tests;
mod upkeep;
mod write;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::slot::{Extra, Slot, Stay, View};
use crate::clock::Moment;
use crate::event::Cause;
use crate::query::{Lookup, Query};
use crate::retention::ledger::Ledger;
use crate::retention::recency::Recency;
use crate::retention::{Queue, Rules};
use crate::sync::atomic::{AtomicU64, Ordering};
use cold::Cold;
pub(crate) use home::Home;
use index::Index;
pub(crate) use outbox::{Displaced, Outbox};
use tag_index::TagIndex;

/// What a hit needs is on one cache line, behind the lock word.
#[repr(C)]
pub(crate) struct Shard<Q: Query> {
    /// Numbers of slots by the hashes of their keys.
    index: Index,
    /// By number; `None` is vacant.
    slots: Vec<Option<Slot<Q>>>,
    /// Counted with plain loads and stores: the lock word beside them is written by each reader anyway.
    hits: AtomicU64,
    misses: AtomicU64,
    /// Made by the first write, so that an empty shard is two cache lines.
    cold: Option<Box<Cold<Q>>>,
}

/// What the shards of a table have in common, and the moment of the operation.
#[derive(Debug)]
pub struct Env<'a> {
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
    /// What most values do without.
    pub(crate) extra: Option<Box<Extra<V>>>,
    /// By the rules of the table; a pin comes before them.
    pub(crate) home: Home,
    pub(crate) is_invalidated: bool,
    /// Where the policy has the entry, if that is decided.
    pub(crate) standing: Option<Standing>,
}

impl<V: ?Sized> Incoming<V> {
    /// Starts the times at `now`, unless the answer was true at another moment.
    pub(crate) fn begin(&mut self, now: Moment, as_of: Option<Moment>) {
        self.as_of = as_of.unwrap_or(now);
        if let Some(extra) = &mut self.extra {
            extra.begin(now);
        }
    }
}

/// Where the default policy has an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) queue: Queue,
    pub(crate) uses: u8,
}

/// Where a key is in its shard. True while the shard stays locked, whatever is written to other keys, up to
/// [`finish`](Shard::finish).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Number of its slot.
    pub(crate) number: Option<u32>,
    /// Number of its pin.
    pub(crate) pin: Option<u32>,
}

/// A claim on a key, as its holder knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) hash: u32,
    /// Number of the pin.
    pub(crate) pin: u32,
}

/// What a reader saw under a key, to be compared later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A slot of this revision, its value alive or not.
    Revision(u64),
    /// No slot, in a shard that had forgotten revisions up to this one.
    Absent { forgotten: u64 },
}

impl<Q: Query> Shard<Q> {
    pub(crate) fn new() -> Self {
        Self {
            index: Index::default(),
            slots: Vec::new(),
            cold: None,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    // Reading

    #[inline]
    pub(crate) fn find<L: Lookup<Query = Q>>(&self, hash: u32, lookup: &L) -> Option<(u32, &Slot<Q>)> {
        self.index.find(hash, |number| {
            let slot = self.slot(number).filter(|slot| lookup.is_key(&slot.key))?;
            Some((number, slot))
        })
    }

    pub(crate) fn locate<L: Lookup<Query = Q>>(&self, hash: u32, lookup: &L) -> Place {
        let pin = self.pin_of(hash, lookup);
        Place { number: self.find(hash, lookup).map(|(number, _)| number), pin }
    }

    /// Number of the pin of a key, if a claim on it is held.
    pub(crate) fn pin_of<L: Lookup<Query = Q>>(&self, hash: u32, lookup: &L) -> Option<u32> {
        self.cold.as_ref().and_then(|cold| cold.pins.find(hash, lookup))
    }

    #[inline]
    pub(crate) fn slot(&self, number: u32) -> Option<&Slot<Q>> {
        self.slots.get(number as usize)?.as_ref()
    }

    pub(crate) fn view(&self, number: u32) -> Option<View<'_, Q>> {
        let (slot, cold) = (self.slot(number)?, self.cold.as_ref()?);
        Some(View { slot, record: &cold.records[number], extra: cold.extras.get(number) })
    }

    /// The numbers of all slots, vacant ones included.
    pub(crate) fn numbers(&self) -> std::ops::Range<u32> {
        #[expect(clippy::cast_possible_truncation, reason = "`Records` gives out 32 bits")]
        let end = self.slots.len() as u32;
        0..end
    }

    /// All slots, with their numbers.
    pub(crate) fn views(&self) -> impl Iterator<Item = (u32, View<'_, Q>)> {
        self.numbers().filter_map(|number| Some((number, self.view(number)?)))
    }

    /// Whether the entry in a slot is marked.
    pub(crate) fn is_invalidated(&self, number: u32) -> bool {
        self.slot(number).is_some_and(|slot| slot.is_invalidated)
    }

    /// Whether the time of the entry in a slot is over.
    pub(crate) fn is_expired(&self, number: u32, rules: &Rules, now: Moment) -> bool {
        self.cold.as_ref().is_some_and(|cold| cold.deadline(number, rules).is_over(now))
    }

    /// Whether the entry in a slot, which has no times of its own, is younger than `fresh` and not expired. Apart from the
    /// reads that its coarse date is enough for.
    #[cold]
    pub(crate) fn is_plainly_fresh(&self, number: u32, rules: &Rules, fresh: Duration, now: Moment) -> bool {
        let Some(cold) = &self.cold else { return false };
        let age = now.since(cold.records[number].as_of);
        age < fresh && rules.ttl.is_none_or(|ttl| age < ttl) && cold.extras.get(number).is_none()
    }

    /// Renews the time to idle.
    pub(crate) fn renew_idle(&self, number: u32, now: Moment) {
        if let Some(extra) = self.cold.as_ref().and_then(|cold| cold.extras.get(number)) {
            extra.renew_idle(now);
        }
    }

    /// What a reader sees under a key that is in this slot, or in none.
    pub(crate) fn seen(&self, number: Option<u32>) -> Seen {
        match (number, &self.cold) {
            (Some(number), Some(cold)) => Seen::Revision(cold.records[number].revision),
            _ => Seen::Absent { forgotten: self.forgotten() },
        }
    }

    /// Whether no write can have happened to the key since it was `seen`.
    pub(crate) fn is_unchanged(&self, seen: Seen, hash: u32, key: &Q) -> bool {
        let found = self.seen(self.find(hash, key).map(|(number, _)| number));
        match (seen, found) {
            (Seen::Revision(seen), Seen::Revision(found)) => seen == found,
            (Seen::Revision(seen), Seen::Absent { forgotten }) => forgotten <= seen,
            (Seen::Absent { .. }, Seen::Revision(_)) => false,
            (Seen::Absent { forgotten: seen }, Seen::Absent { forgotten }) => seen == forgotten,
        }
    }

    /// Notes that a survivor was read, so that the next write makes it resident again.
    pub(crate) fn mark_survivor(&self, number: u32, slot: &Slot<Q>) {
        if slot.stay != Stay::Evicted || slot.uses.swap(1, Ordering::Relaxed) != 0 {
            return;
        }
        if let Some(cold) = &self.cold {
            cold.revived.push(number);
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

    pub(crate) fn removals(&self) -> [u64; Cause::COUNT] {
        self.cold.as_ref().map_or([0; Cause::COUNT], |cold| cold.removals)
    }

    pub(crate) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    pub(crate) fn misses(&self) -> u64 {
        self.misses.load(Ordering::Relaxed)
    }

    pub(crate) fn slot_count(&self) -> usize {
        self.cold.as_ref().map_or(0, |cold| cold.records.occupied())
    }

    /// Makes room for so many new entries at once.
    pub(crate) fn reserve(&mut self, entries: usize) {
        let records = &mut self.cold.get_or_insert_with(Cold::new).records;
        records.reserve(entries);
        self.slots.reserve(entries);
        self.index.reserve(entries, records);
    }

    /// Entries whose value is alive. Visits the survivors.
    pub(crate) fn live_count(&self) -> usize {
        let Some(cold) = &self.cold else { return 0 };
        let survivors = cold.survivors.iter(|number| cold.records[number].link);
        let dead = survivors.filter(|&number| self.slot(number).is_some_and(|slot| slot.hold.is_dead()));
        self.slot_count() - dead.count()
    }

    /// Whether the slots of the shard are found by the tags of their keys. Known when the shard is compiled.
    const HAS_TAGS: bool = Q::TAGS_OF.is_some();

    /// Has a slot found by these tags, as hashes, from now on: those of its key. Does nothing if it is found by them already.
    #[inline]
    pub(crate) fn tag(&mut self, number: u32, tags: &[u32]) {
        if Self::HAS_TAGS
            && !tags.is_empty()
            && let Some(cold) = &mut self.cold
        {
            cold.tags.get_or_insert_default().add(number, tags);
        }
    }

    /// The slots whose keys have a tag with this hash.
    pub(crate) fn tagged(&self, tag: u32) -> impl Iterator<Item = &Slot<Q>> {
        self.tag_index()
            .into_iter()
            .flat_map(move |tags| tags.slots(tag))
            .filter_map(|number| self.slot(number))
    }

    /// How many tags the slots have together.
    pub(crate) fn tag_count(&self) -> usize {
        self.tag_index().map_or(0, TagIndex::len)
    }

    fn tag_index(&self) -> Option<&TagIndex> {
        self.cold.as_ref()?.tags.as_deref()
    }

    pub(crate) fn pin_count(&self) -> usize {
        self.cold.as_ref().map_or(0, |cold| cold.pins.len())
    }

    /// Residents in the order in which the default policy would look at them, by number.
    pub(crate) fn policy_order(&self) -> impl Iterator<Item = u32> {
        self.cold.iter().flat_map(|cold| cold.policy.numbers(&cold.records))
    }

    fn forgotten(&self) -> u64 {
        self.cold.as_ref().map_or(0, |cold| cold.forgotten)
    }

    // Slots

    #[inline]
    fn parts(&mut self, number: u32) -> Option<(&mut Slot<Q>, &mut Cold<Q>)> {
        let slot = self.slots.get_mut(number as usize)?.as_mut()?;
        Some((slot, self.cold.as_mut()?))
    }

    /// The slot, if its value is alive.
    fn readable(&mut self, number: u32) -> Option<(&mut Slot<Q>, &mut Cold<Q>)> {
        self.parts(number).filter(|(slot, _)| !slot.hold.is_dead())
    }

    /// Takes out an entry that is in no list any more.
    #[inline]
    fn vacate(&mut self, number: u32, cause: Option<Cause>, env: &Env<'_>, out: &mut Outbox<Q>) {
        let Self { index, slots, cold: Some(cold), .. } = self else { return };
        cold.forgotten = cold.forgotten.max(cold.records[number].revision);
        index.remove(number, &cold.records);
        if Self::HAS_TAGS
            && let Some(tags) = &mut cold.tags
        {
            tags.remove(number);
        }
        cold.records.vacate(number);
        if let Some(Slot { key, hold, .. }) = slots.get_mut(number as usize).and_then(Option::take) {
            let extra = cold.extras.take(number);
            cold.put_out(key, hold, extra, cause, env, out);
        }
    }
}
