//! Derived answers: remembers what they are built from, and marks them when that has changed.

use std::any::Any;
use std::sync::{Arc, Weak};

use super::handle::{AnyTableRef, TableAccess};
use super::watchers::KeyEvent;
use crate::dependents::{InputChange, MarksDependents};
use crate::erased::UsedTable;
use crate::event::ChangeKind;
use crate::shard::key::IsKey;

/// A table with derived answers. Does not keep its cache alive, which owns it.
struct DerivedTable {
    index: usize,
    cache: Weak<dyn Any + Send + Sync>,
    access: &'static TableAccess,
}

impl AnyTableRef {
    /// Makes the answers of this table be marked when their inputs change.
    pub(crate) fn mark_dependents(&self) {
        let head = self.table().head();
        let table =
            DerivedTable { index: head.index, cache: Arc::downgrade(&self.cache), access: self.access };
        head.shared.dependents.add(Arc::new(table));
    }
}

impl MarksDependents for DerivedTable {
    fn table_index(&self) -> usize {
        self.index
    }

    fn mark(&self, change: InputChange) {
        if let Some(cache) = self.cache.upgrade() {
            let table = (self.access.used)(&*cache);
            (0..table.head().shard_count()).for_each(|place| table.mark_dependents(place, change));
        }
    }
}

impl dyn UsedTable + '_ {
    /// Marks the answers in a shard that were built from an entry before it has changed. Overtakes no load: what a load
    /// has read is compared when its answer is stored.
    fn mark_dependents(&self, place: usize, change: InputChange) {
        let is_affected = self.shard(place).read().any().tagged(change.input).next().is_some();
        if !is_affected {
            return;
        }
        let head = self.head();
        let mut locked = self.lock_open(place);
        let numbers: Vec<u32> = locked.any().tagged(change.input).collect();
        for number in numbers {
            let shard = &mut locked.any_mut();
            // An answer that is marked was followed up when it was.
            let Some((key, hash)) = shard.unmarked_before(number, change.revision) else { continue };
            let is_key: IsKey<'_> = &|other| key.equals(other);
            let mut changes = Vec::new();
            head.add_change(&mut changes, ChangeKind::Invalidated, &|| Some(key.entry()));
            shard.note_change(head.shared.next_in_sequence());
            shard.invalidate(number);
            head.watchers.find(hash, is_key, &mut |watcher| watcher.record(KeyEvent::Touched));
            head.note_input_change(hash);
            head.shared.note(changes);
        }
    }
}
