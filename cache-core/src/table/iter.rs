//! All entries of a table, shard by shard.

use std::collections::HashMap;
use std::sync::Arc;

use super::Table;
use super::entry::Entry;
use super::shard::Shard;
use super::slot::{Slot, Stay};
use crate::clock::Moment;
use crate::query::Query;
use crate::retention::Ticket;
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
        for slot in shard.slots() {
            if let Some(value) = slot.hold.value() {
                entries.push(Entry::of(slot, value, self.rules(), now));
            }
        }
        entries
    }

    /// The entries as they are to be saved, least recently used first, and survivors, if they are wanted, before
    /// all others. To be called while the gate is closed.
    pub(crate) fn saved_entries(&self, with_survivors: bool, now: Moment) -> Vec<SavedEntry<Q>> {
        let mut ranked = Vec::new();
        let order: HashMap<Ticket, usize> = match self.recency() {
            Some(recency) => recency.oldest_first().into_iter().zip(0..).collect(),
            None => HashMap::new(),
        };
        for shard in self.shards() {
            let shard = shard.read();
            let policy: HashMap<Ticket, usize> = shard.policy_order().map(Slot::ticket).zip(0..).collect();
            for slot in shard.slots() {
                let is_survivor = !slot.hold.is_resident();
                let is_over = slot.stay != Stay::Pinned && slot.is_expired(self.rules(), now);
                // No handle is made that would be dropped here: it might be the last.
                if is_over || (is_survivor && !with_survivors) {
                    continue;
                }
                let Some(value) = slot.hold.value() else { continue };
                let ticket = slot.ticket();
                let standing = Rank {
                    class: u8::from(!is_survivor)
                        + u8::from(slot.stay == Stay::Main)
                        + 2 * u8::from(slot.stay == Stay::Pinned),
                    place: order.get(&ticket).or(policy.get(&ticket)).copied().unwrap_or(0),
                };
                let meta = slot.meta(now, is_survivor);
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
