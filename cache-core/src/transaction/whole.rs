//! What a commit does with all of a table: empties it, or marks its entries.

use super::commit::{Commit, CommitKind, Failure, LockedPart, Part};
use crate::any_table::{AnyTable, UsedTable};
use crate::query::Query;
use crate::table::shard::Outbox;
use crate::table::{Guard, Table};

/// Empties a table that may have nothing to empty. Whether it has is found out when no other write can come any more.
pub(crate) struct Clearing<'a> {
    table: &'a dyn AnyTable,
    part: Option<Box<dyn Part + 'a>>,
}

impl<'a> Clearing<'a> {
    pub(crate) fn new(table: &'a dyn AnyTable) -> Self {
        Self { table, part: None }
    }
}

impl Part for Clearing<'_> {
    fn table_index(&self) -> usize {
        self.table.head().index
    }

    fn lock<'a>(&'a mut self, commit: &mut Commit<'_>) -> Result<Box<dyn LockedPart + 'a>, Failure> {
        // Also of a table that was never used, and before the look whether it was.
        self.table.head().trail.note_all();
        self.part = self.table.used().map(UsedTable::clearing);
        match &mut self.part {
            Some(part) => part.lock(commit),
            None => Ok(Box::new(())),
        }
    }

    fn unlocked(&mut self) {
        if let Some(part) = &mut self.part {
            part.unlocked();
        }
    }
}

pub(crate) struct ClearingOf<'a, Q: Query> {
    table: &'a Table<Q>,
    out: Outbox<Q>,
}

impl<'a, Q: Query> ClearingOf<'a, Q> {
    pub(crate) fn new(table: &'a Table<Q>) -> Self {
        Self { table, out: Outbox::new() }
    }
}

impl<Q: Query> Part for ClearingOf<'_, Q> {
    fn table_index(&self) -> usize {
        self.table.index()
    }

    fn lock<'a>(&'a mut self, _: &mut Commit<'_>) -> Result<Box<dyn LockedPart + 'a>, Failure> {
        let Self { table, out } = self;
        Ok(Box::new(ToClear { table, guards: lock_all(table), out }))
    }

    fn unlocked(&mut self) {
        self.out.clear();
    }
}

fn lock_all<Q: Query>(table: &Table<Q>) -> Vec<Guard<'_, Q>> {
    table.shards().map(|shard| shard.write()).collect()
}

struct ToClear<'a, Q: Query> {
    table: &'a Table<Q>,
    guards: Vec<Guard<'a, Q>>,
    out: &'a mut Outbox<Q>,
}

impl<Q: Query> LockedPart for ToClear<'_, Q> {
    fn install(&mut self, commit: &Commit<'_>) {
        let env = self.table.env(commit.now, commit.revision());
        self.table.all_removed();
        for shard in &mut self.guards {
            shard.clear(&env, self.out);
            shard.finish(&env, self.out);
            self.table.publish(self.out);
        }
        if let Some(recency) = self.table.recency() {
            recency.clear();
        }
    }
}

/// Marks all entries of a table, and overtakes all its loads and watches.
pub(crate) struct Marking<'a, Q: Query>(pub(crate) &'a Table<Q>);

impl<Q: Query> Part for Marking<'_, Q> {
    fn table_index(&self) -> usize {
        self.0.index()
    }

    fn lock<'a>(&'a mut self, commit: &mut Commit<'_>) -> Result<Box<dyn LockedPart + 'a>, Failure> {
        let table = self.0;
        let guards = lock_all(table);
        commit.changes.extend(guards.iter().flat_map(|shard| table.changes_of_marks(shard, |_| true)));
        Ok(Box::new(ToMark { table, guards }))
    }

    fn unlocked(&mut self) {}

    fn kind(&self) -> CommitKind {
        CommitKind::Mark
    }
}

struct ToMark<'a, Q: Query> {
    table: &'a Table<Q>,
    guards: Vec<Guard<'a, Q>>,
}

impl<Q: Query> LockedPart for ToMark<'_, Q> {
    fn install(&mut self, _: &Commit<'_>) {
        self.table.all_marked();
        self.guards.iter_mut().for_each(|shard| shard.invalidate_all());
    }
}

/// A part that stays with its transaction.
pub(crate) struct Lent<'a>(pub(crate) &'a mut (dyn Part + 'a));

impl Part for Lent<'_> {
    fn table_index(&self) -> usize {
        self.0.table_index()
    }

    fn lock<'a>(&'a mut self, commit: &mut Commit<'_>) -> Result<Box<dyn LockedPart + 'a>, Failure> {
        self.0.lock(commit)
    }

    fn apply(&mut self, commit: &mut Commit<'_>, rest: &mut [Box<dyn Part + '_>]) -> Result<(), Failure> {
        self.0.apply(commit, rest)
    }

    fn unlocked(&mut self) {
        self.0.unlocked();
    }

    fn kind(&self) -> CommitKind {
        self.0.kind()
    }
}
