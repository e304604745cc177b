//! Commits on a whole table, or on all entries with a tag: they clear the table, or mark the entries.

use super::affected::Affected;
use super::locked_shards::LockedShards;
use super::{Commit, CommitKind, Failure, Part, Steps};
use crate::erased::{ErasedTable, UsedTable};
use crate::event::ChangeKind;
use crate::shard::key::AnyKey;
use crate::table::watchers::KeyEvent;
use crate::tag::Tag;

/// Clears a table. Checks whether it was ever used only when no other write can start.
pub(crate) struct ClearPart<'a> {
    table: &'a dyn ErasedTable,
    steps: ClearSteps,
}

impl<'a> ClearPart<'a> {
    pub(crate) fn new(table: &'a dyn ErasedTable) -> Self {
        Self { table, steps: ClearSteps }
    }
}

impl Part for ClearPart<'_> {
    fn table_index(&self) -> usize {
        self.table.head().index
    }

    fn open(&mut self) -> Option<(&dyn UsedTable, &mut dyn Steps)> {
        // Also for a table that was never used, and before the check whether it was.
        self.table.head().note_change_of_all();
        Some((self.table.used()?, &mut self.steps))
    }
}

struct ClearSteps;

impl Steps for ClearSteps {
    fn lock(&self, locked: &mut LockedShards<'_>) {
        locked.lock_all();
    }

    fn validate(&mut self, _: &LockedShards<'_>, _: &mut Commit<'_>) -> Result<(), Failure> {
        Ok(())
    }

    fn install(&mut self, locked: &mut LockedShards<'_>, commit: &Commit<'_>) {
        let head = locked.table().head();
        let context = head.context(commit.now, commit.revision());
        head.all_changed(KeyEvent::Replaced);
        for shard in locked.open_used().each() {
            shard.clear(&context);
            shard.finish(&context);
            head.publish(shard);
        }
        if let Some(recency) = context.recency {
            recency.clear();
        }
    }
}

/// Invalidates all entries of a table, and overtakes all its loads and watches.
pub(crate) struct MarkPart<'a> {
    table: &'a dyn UsedTable,
    steps: MarkSteps,
}

impl<'a> MarkPart<'a> {
    pub(crate) fn new(table: &'a dyn UsedTable) -> Self {
        Self { table, steps: MarkSteps }
    }
}

impl Part for MarkPart<'_> {
    fn table_index(&self) -> usize {
        self.table.head().index
    }

    fn open(&mut self) -> Option<(&dyn UsedTable, &mut dyn Steps)> {
        Some((self.table, &mut self.steps))
    }

    fn kind(&self) -> CommitKind {
        CommitKind::Mark
    }
}

struct MarkSteps;

impl Steps for MarkSteps {
    fn lock(&self, locked: &mut LockedShards<'_>) {
        locked.lock_all();
    }

    fn validate(&mut self, locked: &LockedShards<'_>, commit: &mut Commit<'_>) -> Result<(), Failure> {
        for shard in locked.all() {
            locked.table().add_marks(shard, &|_| true, &mut commit.changes);
        }
        Ok(())
    }

    fn install(&mut self, locked: &mut LockedShards<'_>, _: &Commit<'_>) {
        locked.table().head().all_changed(KeyEvent::Marked);
        for shard in locked.open_used().each() {
            shard.invalidate_all();
        }
    }
}

/// Invalidates the entries that have one of these tags, and overtakes the loads and watches of such keys.
pub(crate) struct MarkTaggedPart<'a> {
    table: &'a dyn UsedTable,
    steps: MarkTaggedSteps,
}

struct MarkTaggedSteps {
    /// Keys that were present or watched when the part was created, with their hashes.
    keys: Vec<(u32, Box<dyn AnyKey>)>,
    affected: Affected,
    /// Hashes of the keys that are present, with their line numbers.
    marked: Vec<(u32, u32)>,
}

impl<'a> MarkTaggedPart<'a> {
    /// Lists the keys; `None` if there are none. Runs the query's tag function.
    pub(crate) fn new(table: &'a dyn UsedTable, tags: &[Tag]) -> Option<Self> {
        let keys = table.tagged(tags);
        let steps = MarkTaggedSteps { keys, affected: Affected::default(), marked: Vec::new() };
        (!steps.keys.is_empty()).then_some(Self { table, steps })
    }
}

impl Part for MarkTaggedPart<'_> {
    fn table_index(&self) -> usize {
        self.table.head().index
    }

    fn open(&mut self) -> Option<(&dyn UsedTable, &mut dyn Steps)> {
        Some((self.table, &mut self.steps))
    }

    fn drop_displaced(&mut self) {
        self.steps.affected.clear();
    }

    fn kind(&self) -> CommitKind {
        CommitKind::Mark
    }
}

impl Steps for MarkTaggedSteps {
    fn lock(&self, locked: &mut LockedShards<'_>) {
        locked.lock(self.keys.iter().map(|(hash, _)| (*hash, true)));
    }

    fn validate(&mut self, locked: &LockedShards<'_>, commit: &mut Commit<'_>) -> Result<(), Failure> {
        let head = locked.table().head();
        let Self { keys, affected, marked } = self;
        marked.clear();
        for (hash, key) in keys {
            let is_key = |other: &dyn AnyKey| key.equals(other);
            let shard = locked.shard(*hash);
            affected.find(KeyEvent::Marked, head, shard, (*hash, &is_key));
            if let Some(number) = shard.find(*hash, &is_key)
                && !shard.lines.is_dead(number)
            {
                head.add_change(&mut commit.changes, ChangeKind::Invalidated, &|| Some(key.entry()));
                marked.push((*hash, number));
            }
        }
        Ok(())
    }

    fn install(&mut self, locked: &mut LockedShards<'_>, _: &Commit<'_>) {
        let head = locked.table().head();
        let mut shards = locked.open();
        self.affected.notify(&mut shards);
        for &(hash, number) in &self.marked {
            head.dirty_marks.mark(hash);
            head.note_input_change(hash);
            if let Some(shard) = shards.of(hash) {
                shard.note_change(head.shared.next_in_sequence());
                shard.invalidate(number);
            }
        }
    }
}
