//! All entries of a table, shard by shard.

use std::sync::Arc;

use parking_lot::RwLock;

use super::Table;
use super::entry::Entry;
use super::shard::Shard;
use crate::clock::Moment;
use crate::query::Query;

impl<Q: Query> Table<Q> {
    /// All readable entries. One shard is locked (shared) at a time: what is committed meanwhile may or may not be
    /// among them, and a key is there at most once.
    pub(crate) fn entries(&self) -> Vec<Entry<Q>> {
        self.expire_due();
        let now = self.core.now();
        self.shards().flat_map(|shard| self.entries_of(shard, now)).collect()
    }

    fn entries_of(&self, shard: &RwLock<Shard<Q>>, now: Moment) -> Vec<Entry<Q>> {
        let shard = shard.read();
        let mut entries = Vec::with_capacity(shard.slot_count());
        for slot in shard.slots() {
            if let Some(value) = slot.hold.value() {
                entries.push(Entry::of(slot, value, self.rules(), now));
            }
        }
        entries
    }

    pub(crate) fn keys(&self) -> Vec<Q> {
        self.entries().into_iter().map(|entry| entry.into_parts().0).collect()
    }

    pub(crate) fn values(&self) -> Vec<Arc<Q::Value>> {
        self.entries().into_iter().map(Entry::into_value).collect()
    }
}
