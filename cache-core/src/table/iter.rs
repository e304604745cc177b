//! All entries of a table, shard by shard.

use std::sync::Arc;

use super::Table;
use super::entry::Entry;
use super::shard::Shard;
use super::slot::Stay;
use crate::any_table::AnyTable;
use crate::clock::Moment;
use crate::query::Query;
use crate::snapshot::SavedEntry;
use crate::sync::RwLock;

/// Place of an entry in the order of a save.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// 0 survivors, 1 the small queue and tables with one order, 2 the main queue, 3 pinned.
    class: u8,
    /// In the order of the queue.
    place: usize,
    revision: u64,
    /// Where the entry is before it is put into its place.
    at: usize,
}

impl<Q: Query> Table<Q> {
    /// All readable entries. One shard is locked (shared) at a time: what is committed meanwhile may or may not be
    /// among them, and a key is there at most once.
    pub(crate) fn entries(&self) -> Vec<Entry<Q>> {
        let mut entries = Vec::new();
        let Some(table) = self.used() else { return entries };
        table.expire_due();
        let now = self.now();
        for line in self.lines() {
            self.add_entries(&line.0, now, &mut entries);
        }
        entries
    }

    /// The entries outlive the lock even if the `Clone` of a key panics: they may hold the last handle of a value.
    fn add_entries(&self, shard: &RwLock<Shard<Q>>, now: Moment, entries: &mut Vec<Entry<Q>>) {
        let shard = shard.read();
        entries.reserve(shard.slot_count());
        for number in shard.numbers() {
            if let Some(view) = shard.view(number)
                && let Some(value) = view.slot.hold.value()
            {
                entries.push(Entry::of(&view, value, self.rules(), now));
            }
        }
    }

    /// The entries as they are to be saved, least recently used first, and survivors, if they are wanted, before
    /// all others. To be called while the gate is closed.
    pub(crate) fn saved_entries(&self, with_survivors: bool, now: Moment) -> Vec<SavedEntry<Q>> {
        let mut entries = Vec::new();
        let mut ranks = Vec::new();
        let order = self.recency().map_or_else(Vec::new, |recency| places(&recency.oldest_first()));
        for line in self.lines() {
            let shard = line.0.read();
            let policy = places(&shard.policy_order());
            for number in shard.numbers() {
                let Some(view) = shard.view(number) else { continue };
                let slot = view.slot;
                let is_survivor = !slot.hold.is_resident();
                let is_over = slot.stay != Stay::Pinned && view.is_expired(self.rules(), now);
                // No handle is made that would be dropped here: it might be the last.
                if is_over || (is_survivor && !with_survivors) {
                    continue;
                }
                let Some(value) = slot.hold.value() else { continue };
                let place = match slot.stay {
                    Stay::Ordered => order.get(slot.node as usize),
                    _ => policy.get(number as usize),
                };
                let meta = view.meta(now);
                ranks.push(Rank {
                    class: u8::from(!is_survivor)
                        + u8::from(slot.stay == Stay::Main)
                        + 2 * u8::from(slot.stay == Stay::Pinned),
                    place: place.copied().unwrap_or(0),
                    revision: meta.revision,
                    at: entries.len(),
                });
                entries.push(SavedEntry { key: slot.key.clone(), value, meta });
            }
        }
        sort(ranks, &mut |one, other| entries.swap(one, other));
        entries
    }

    pub(crate) fn keys(&self) -> Vec<Q> {
        self.entries().into_iter().map(|entry| entry.into_parts().0).collect()
    }

    pub(crate) fn values(&self) -> Vec<Arc<Q::Value>> {
        self.entries().into_iter().map(Entry::into_value).collect()
    }
}

/// Puts what has these ranks into their order, by swapping.
fn sort(mut ranks: Vec<Rank>, swap: &mut dyn FnMut(usize, usize)) {
    ranks.sort_unstable();
    for place in 0..ranks.len() {
        // What stood at a place that is done has made room, by a swap with what is there now.
        let mut at = ranks[place].at;
        while at < place {
            at = ranks[at].at;
        }
        swap(place, at);
    }
}

/// The place of each number in its order, by number.
fn places(numbers: &[u32]) -> Vec<usize> {
    let mut places = Vec::new();
    for (place, &number) in numbers.iter().enumerate() {
        let number = number as usize;
        if number >= places.len() {
            places.resize(number + 1, 0);
        }
        places[number] = place;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::{Rank, sort};

    #[test]
    fn what_was_collected_in_any_order_is_swapped_into_that_of_its_ranks() {
        let mut random = 1_u64;
        for len in 0..200 {
            let mut places: Vec<usize> = Vec::new();
            for _ in 0..len {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                places.push((random >> 33) as usize % 50);
            }
            let ranks = places.iter().enumerate();
            let ranks = ranks.map(|(at, &place)| Rank { class: 0, place, revision: 0, at }).collect();
            let mut sorted: Vec<_> = places.iter().copied().enumerate().collect();
            sort(ranks, &mut |one, other| sorted.swap(one, other));
            assert!(sorted.is_sorted_by_key(|&(at, place)| (place, at)));
        }
    }
}
