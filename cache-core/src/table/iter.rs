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
    /// All readable entries. One shard is locked (shared) at a time: what is committed meanwhile may or may not be
    /// among them, and a key is there at most once.
    pub(crate) fn entries(&self) -> Vec<Entry<Q>> {
        let mut entries = Vec::new();
        let Some(shards) = self.shards.get() else { return entries };
        self.made_table().expire_due();
        let now = self.shared().now();
        for line in &shards.aligned {
            self.add_entries(&line.0, now, &mut entries);
        }
        entries
    }

    /// The entries outlive the lock even if the `Clone` of a key panics: they may hold the last handle of a value.
    fn add_entries(&self, shard: &RwLock<Shard<Lines<Q>>>, now: Moment, entries: &mut Vec<Entry<Q>>) {
        let shard = shard.read();
        let any = shard.any();
        entries.reserve(any.count());
        for number in any.numbers() {
            if let (Some(line), Some(view)) = (shard.lines().line(number), any.view(number)) {
                // First, since it may panic: the handle that is made then could become the last.
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
