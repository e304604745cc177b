//! The inputs that an answer was built from, and whether a read of them would give the same values now.

use std::fmt::{self, Debug};
use std::sync::Arc;

use super::locked_shards::LockedShards;
use crate::dependents::{input_number, number_of_all};
use crate::erased::UsedTable;
use crate::shard::ShardRef;
use crate::shard::key::AnyKey;
use crate::shard::pairs::ValueHandle;
use crate::table::handle::AnyTableRef;
use crate::watch::any::AnyWatch;

/// Maximum number of keys that are compared.
const MAX_COMPARED: usize = 64;

/// The entries that were read to build an answer. Cheap to clone once all are noted.
#[doc(hidden)]
#[derive(Clone, Default)]
pub struct Inputs {
    tables: Vec<Arc<InputsOfTable>>,
    count: usize,
    /// Whether there were more than [`MAX_COMPARED`].
    exceeds_limit: bool,
}

/// The inputs from one table.
pub(crate) struct InputsOfTable {
    table_ref: AnyTableRef,
    lines: Vec<Input>,
}

struct Input {
    key: Box<dyn AnyKey>,
    hash: u32,
    /// `None` if there was no value. Held, so that no other value can take its address.
    value: Option<ValueHandle>,
    was_marked: bool,
    /// The watch of the load that gave the answer, if one did.
    watch: Option<AnyWatch>,
}

impl Inputs {
    /// Records the value that was read under a key; the first read counts. An answer from a load comes with
    /// the `watch` of that load, since it may not have been stored. `was_marked` says that the value was
    /// known to be out of date when it was read.
    pub fn note_any(
        &mut self,
        table_ref: AnyTableRef,
        key: &dyn AnyKey,
        value: Option<ValueHandle>,
        was_marked: bool,
        watch: Option<&AnyWatch>,
    ) {
        let head = table_ref.table().head();
        let (index, hash) = (head.index, head.hash_of(key));
        let at = self.tables.iter().position(|table| table.index() == index);
        let lines = at.map_or(&[][..], |at| &self.tables[at].lines);
        if self.exceeds_limit || lines.iter().any(|line| line.hash == hash && line.key.equals(key)) {
            return;
        }
        self.exceeds_limit = self.count == MAX_COMPARED;
        if self.exceeds_limit {
            return;
        }
        self.count += 1;
        let line = Input { key: key.to_box(), hash, value, was_marked, watch: watch.cloned() };
        let at = at.unwrap_or_else(|| {
            self.tables.push(Arc::new(InputsOfTable { table_ref, lines: Vec::new() }));
            self.tables.len() - 1
        });
        // No clone exists while inputs are recorded. If one did, the answer would count as out of date.
        match Arc::get_mut(&mut self.tables[at]) {
            Some(table) => table.lines.push(line),
            None => self.exceeds_limit = true,
        }
    }

    /// Returns whether nothing was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl InputsOfTable {
    pub(super) fn table(&self) -> &dyn UsedTable {
        self.table_ref.table()
    }

    pub(crate) fn table_ref(&self) -> &AnyTableRef {
        &self.table_ref
    }

    fn index(&self) -> usize {
        self.table().head().index
    }

    pub(super) fn hashes(&self) -> impl Iterator<Item = u32> {
        self.lines.iter().map(|line| line.hash)
    }

    /// Returns whether a read of each input would give the same value now.
    pub(super) fn hold(&self, locked: &LockedShards<'_>) -> bool {
        self.lines.iter().all(|input| self.holds(input, locked.shard(input.hash)))
    }

    /// Returns whether a read of an input would give the same now.
    fn holds(&self, input: &Input, shard: ShardRef<'_>) -> bool {
        if input.watch.as_ref().is_some_and(|watch| !watch.is_overtaken()) {
            return true;
        }
        let number = shard.find(input.hash, &|key| input.key.equals(key));
        match (&input.value, number) {
            (Some(value), Some(number)) => {
                (self.table_ref.access.has_value)(shard.lines, number, &*value.0)
                    && (input.was_marked || !shard.is_invalidated(number))
            }
            (Some(_), None) => false,
            (None, number) => {
                input.watch.is_none() && number.is_none_or(|number| shard.lines.is_dead(number))
            }
        }
    }
}

impl Inputs {
    /// Returns the inputs by table.
    pub(crate) fn by_table(&self) -> impl Iterator<Item = &Arc<InputsOfTable>> {
        self.tables.iter()
    }

    /// Returns the numbers under which a derived answer in `table` is found when an input changes, and makes the tables
    /// of the inputs look for them. Runs foreign code, so it must be called without locks.
    pub(crate) fn remember(&self, table: &AnyTableRef) -> Vec<u32> {
        if self.is_empty() || !self.are_few() || !table.table().head().is_derived {
            return Vec::new();
        }
        table.mark_dependents();
        let mut numbers = Vec::new();
        for inputs in self.by_table() {
            let head = inputs.table().head();
            numbers.push(number_of_all(head.index));
            for input in &inputs.lines {
                let tags = head.tags_of(&*input.key);
                for &hash in tags.iter().chain([&input.hash]) {
                    head.inputs.add(hash);
                    numbers.push(input_number(head.index, hash));
                }
            }
        }
        numbers
    }

    /// Returns whether the inputs are few enough to be compared.
    pub(crate) fn are_few(&self) -> bool {
        !self.exceeds_limit
    }
}

impl Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inputs")
            .field("count", &self.count)
            .field("exceeds_limit", &self.exceeds_limit)
            .finish()
    }
}
