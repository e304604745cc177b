//! All entries of a table, shard by shard.

use std::sync::Arc;

use super::Table;
use super::entry::Entry;
use super::shard::Shard;
use crate::clock::Moment;
use crate::query::Query;
use crate::sync::RwLock;

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

    pub(crate) fn keys(&self) -> Vec<Q> {
        self.entries().into_iter().map(|entry| entry.into_parts().0).collect()
    }

    pub(crate) fn values(&self) -> Vec<Arc<Q::Value>> {
        self.entries().into_iter().map(Entry::into_value).collect()
    }
}
