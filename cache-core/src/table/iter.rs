//! All entries of a table, shard by shard.

use std::sync::Arc;

use super::Table;
use super::entry::{Entry, EntryState};
use crate::clock::Moment;
use crate::query::Query;
use crate::shard::Shard;
use crate::sync::RwLock;
use crate::typed::Lines;

impl<Q: Query> Table<Q> {
    /// Returns all readable entries. One shard is locked (shared) at a time: entries committed meanwhile may
    /// or may not be included, and each key appears at most once.
    pub(crate) fn entries(&self) -> Vec<Entry<Q>> {
        let mut entries = Vec::new();
        let Some(shards) = self.shards.get() else { return entries };
        self.ensure_shards().expire_due();
        let now = self.shared().now();
        for line in &shards.aligned {
            self.add_entries(&line.0, now, &mut entries);
        }
        entries
    }

    /// Adds the readable entries of a shard. `entries` outlives the lock even if a key's `Clone` panics,
    /// since it may hold the last handle of a value.
    fn add_entries(&self, shard: &RwLock<Shard<Lines<Q>>>, now: Moment, entries: &mut Vec<Entry<Q>>) {
        let shard = shard.read();
        let any = shard.any();
        entries.reserve(any.count());
        for number in any.numbers() {
            if let (Some(line), Some(view)) = (shard.lines().line(number), any.view(number)) {
                // First, since `clone` may panic: a handle made before could then become the last one.
                let key = line.key.clone();
                let state = EntryState::of(&view, self.rules(), now);
                let Some(value) = line.value.value() else { continue };
                entries.push(Entry::new(key, value, state));
            }
        }
    }

    pub(crate) fn keys(&self) -> Vec<Q> {
        let mut keys = Vec::new();
        for entry in self.entries() {
            keys.push(entry.into_parts().0);
        }
        keys
    }

    pub(crate) fn values(&self) -> Vec<Arc<Q::Value>> {
        let mut values = Vec::new();
        for entry in self.entries() {
            values.push(entry.into_value());
        }
        values
    }
}
