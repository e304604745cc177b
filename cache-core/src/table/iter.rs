//! All entries of a table, shard by shard.

use std::sync::Arc;

use super::Table;
use super::entry::Entry;
use super::shard::Shard;
use crate::any_table::AnyTable;
use crate::clock::Moment;
use crate::query::Query;
use crate::sync::RwLock;

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

    pub(crate) fn keys(&self) -> Vec<Q> {
        self.entries().into_iter().map(|entry| entry.into_parts().0).collect()
    }

    pub(crate) fn values(&self) -> Vec<Arc<Q::Value>> {
        self.entries().into_iter().map(Entry::into_value).collect()
    }
}
