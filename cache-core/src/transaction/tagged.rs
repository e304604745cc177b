//! What a commit does with the entries that have a tag of their own, in a table that it does not write: marks them.

use std::sync::Arc;

use super::commit::{Commit, CommitKind, Failure, LockedPart, Part};
use super::locked::Locked;
use crate::event::ChangeKind;
use crate::query::Query;
use crate::table::Table;
use crate::table::watchers::Watcher;
use crate::tag::Tag;

/// Marks the entries with some tags, and overtakes the loads and watches of such keys.
pub(crate) struct MarkingTagged<'a, Q: Query> {
    table: &'a Table<Q>,
    /// With their hashes; those that were there or watched when the part was made.
    keys: Vec<(u32, Q)>,
    /// Found before nothing can fail any more. Dropped without locks: a load may hold an answer.
    told: Vec<Arc<Watcher<Q>>>,
}

impl<'a, Q: Query> MarkingTagged<'a, Q> {
    /// Lists the keys; `None` if there are none. Runs the function that gives them their tags.
    pub(crate) fn new(table: &'a Table<Q>, tags: &[Tag]) -> Option<Self> {
        let keys: Vec<_> = table.tagged(tags).into_iter().map(|key| (table.hash(&key), key)).collect();
        (!keys.is_empty()).then_some(Self { table, keys, told: Vec::new() })
    }
}

impl<Q: Query> Part for MarkingTagged<'_, Q> {
    fn table_index(&self) -> usize {
        self.table.index()
    }

    fn lock<'a>(&'a mut self, commit: &mut Commit<'_>) -> Result<Box<dyn LockedPart + 'a>, Failure> {
        let Self { table, keys, told } = self;
        told.clear();
        let locked = Locked::lock(table, keys.iter().map(|(hash, _)| (*hash, true)));
        let mut marked = Vec::with_capacity(keys.len());
        for (hash, key) in keys {
            table.watchers.find(*hash, key, |watcher| told.push(Arc::clone(watcher)));
            let shard = locked.shard(table.place_of(*hash));
            if let Some((number, slot)) = shard.find(*hash, key)
                && !slot.hold.is_dead()
            {
                commit.changes.append(&mut table.change(key, ChangeKind::Invalidated, None));
                marked.push((*hash, number));
            }
        }
        Ok(Box::new(ToMarkTagged { table, locked, marked, told }))
    }

    fn unlocked(&mut self) {
        self.told.clear();
    }

    fn kind(&self) -> CommitKind {
        CommitKind::Mark
    }
}

/// Entries whose shards are locked.
struct ToMarkTagged<'a, Q: Query> {
    table: &'a Table<Q>,
    locked: Locked<'a, Q>,
    /// Hashes of the keys, and numbers of their slots.
    marked: Vec<(u32, u32)>,
    told: &'a [Arc<Watcher<Q>>],
}

impl<Q: Query> LockedPart for ToMarkTagged<'_, Q> {
    fn install(&mut self, _: &Commit<'_>) {
        self.told.iter().for_each(|watcher| watcher.overtake_by_mark());
        for &(hash, number) in &self.marked {
            self.table.trail().note(hash);
            if let Some(shard) = self.locked.shard_mut(self.table.place_of(hash)) {
                shard.invalidate(number);
            }
        }
    }
}
