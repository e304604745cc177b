//! All entries of a table, shard by shard.

use std::sync::Arc;

use super::Table;
use super::entry::Entry;
use super::shard::Shard;
use super::slot::Stay;
use crate::clock::Moment;
use crate::query::Query;
use crate::snapshot::SavedEntry;
use crate::sync::RwLock;

/// Place of an entry in the order of a save: by class, and in the order of its queue within that.
struct Rank {
    /// 0 survivors, 1 the small queue and tables with one order, 2 the main queue, 3 pinned.
    class: u8,
    place: usize,
}

impl<Q: Query> Table<Q> {
    /// All readable entries. One shard is locked (shared) at a time: what is committed meanwhile may or may not be
    /// among them, and a key is there at most once.
    pub(crate) fn entries(&self) -> Vec<Entry<Q>> {
        self.expire_due();
        let now = self.core.now();
        self.shards().flat_map(|shard| self.entries_of(shard, now)).collect()
    }

    fn entries_of(&self, shard: &RwLock<Shard<Q>>, now: Moment) -> Vec<Entry<Q>> {
        // Outlives the lock even if the `Clone` of a key panics: it may hold the last handle of a value.
        let mut entries = Vec::new();
        let shard = shard.read();
        entries.reserve(shard.slot_count());
        for (_, view) in shard.views() {
            if let Some(value) = view.slot.hold.value() {
                entries.push(Entry::of(&view, value, self.rules(), now));
            }
        }
        entries
    }

    /// The entries as they are to be saved, least recently used first, and survivors, if they are wanted, before
    /// all others. To be called while the gate is closed.
    pub(crate) fn saved_entries(&self, with_survivors: bool, now: Moment) -> Vec<SavedEntry<Q>> {
        let mut ranked = Vec::new();
        let order =
            self.recency().map_or_else(Vec::new, |recency| places(recency.oldest_first().into_iter()));
        for shard in self.shards() {
            let shard = shard.read();
            let policy = places(shard.policy_order());
            for (number, view) in shard.views() {
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
                let standing = Rank {
                    class: u8::from(!is_survivor)
                        + u8::from(slot.stay == Stay::Main)
                        + 2 * u8::from(slot.stay == Stay::Pinned),
                    place: place.copied().unwrap_or(0),
                };
                let meta = view.meta(now);
                ranked.push((standing, SavedEntry { key: slot.key.clone(), value, meta }));
            }
        }
        ranked.sort_by_key(|(rank, entry)| (rank.class, rank.place, entry.meta.revision));
        ranked.into_iter().map(|(_, entry)| entry).collect()
    }

    pub(crate) fn keys(&self) -> Vec<Q> {
        self.entries().into_iter().map(|entry| entry.into_parts().0).collect()
    }

    pub(crate) fn values(&self) -> Vec<Arc<Q::Value>> {
        self.entries().into_iter().map(Entry::into_value).collect()
    }
}

/// The place of each number in its order, by number.
fn places(numbers: impl Iterator<Item = u32>) -> Vec<usize> {
    let mut places = Vec::new();
    for (place, number) in numbers.enumerate() {
        let number = number as usize;
        if number >= places.len() {
            places.resize(number + 1, 0);
        }
        places[number] = place;
    }
    places
}
