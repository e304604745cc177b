//! Stores a load through its watch: nothing, if its key has changed.

use std::sync::Arc;

use super::any::AnyWatch;
use super::facts::{AnswerFacts, AnyStoreOutcome};
use super::same::IsSame;
use crate::commit::answer::{AnswerLine, StaleInput, store};
use crate::commit::conditional::{Condition, ConditionalWrite, LineOutcome};
use crate::entry_times::EntryTimes;
use crate::erased::UsedTable;
use crate::shard::ReadVersion;
use crate::shard::erased::{AnyHandle, AnyLines, AnyPair};
use crate::shard::key::AnyKey;
use crate::shard::pairs::ValueHandle;
use crate::table::simple_write::SimpleWrite;
use crate::table::watchers::AnyWatcher;
use crate::table::write::PairWrite;

/// A current value that equals a loaded one, and the version of its entry.
pub(crate) type EqualEntry = Option<(AnyHandle, ReadVersion)>;

impl AnyWatch {
    /// Writes a loaded value, or keeps the current one if it is `equal`, unless its key has changed. A value that was
    /// built from inputs is marked if one of these has changed. Also stores the entries that the load brings along.
    pub(super) fn store_line(
        &self,
        pair: &mut dyn AnyPair,
        equal: EqualEntry,
        facts: AnswerFacts<'_>,
    ) -> AnyStoreOutcome {
        let (table, watcher) = (self.table_ref.table(), &self.watcher);
        // An equal answer that stays takes the inputs of the new one, even if it has none.
        let changes_inputs = equal.is_some() && table.head().is_derived;
        match facts.inputs.is_empty() && facts.brought.is_empty() && !changes_inputs {
            true => table.store_alone(watcher, pair, equal, &facts.times),
            false => self.store_with_others(pair, equal, facts),
        }
    }

    /// Stores a value in one commit with the entries that its load brings along, after a check of its inputs.
    fn store_with_others(
        &self,
        pair: &mut dyn AnyPair,
        equal: EqualEntry,
        facts: AnswerFacts<'_>,
    ) -> AnyStoreOutcome {
        let AnswerFacts { times, inputs, brought, .. } = facts;
        let (table, watcher) = (self.table_ref.table(), &self.watcher);
        let numbers = inputs.remember(&self.table_ref);
        let seen = equal.as_ref().map(|(_, seen)| *seen);
        let mut is_marked = !inputs.are_few();
        let outcome = loop {
            let condition = Condition::Watched(Arc::clone(watcher));
            let write = ConditionalWrite::new(condition, times, seen).built_from(numbers.clone());
            let Some(line) = AnswerLine::new(table.head(), pair, write) else {
                return AnyStoreOutcome::Overtaken;
            };
            let line = line.invalidated(is_marked);
            let compared = Some(inputs).filter(|_| !is_marked);
            match store((table, line), (&mut *brought, watcher.start()), compared) {
                Ok(outcome) => break outcome,
                Err(StaleInput) => is_marked = true,
            }
        };
        let equal = equal.map(|(equal, _)| ValueHandle(equal));
        match (outcome, is_marked, equal) {
            (LineOutcome::Skipped, ..) => AnyStoreOutcome::Overtaken,
            (LineOutcome::Kept, false, Some(equal)) => AnyStoreOutcome::Kept(equal),
            (LineOutcome::Kept, true, equal) => AnyStoreOutcome::Marked(equal),
            (_, true, _) => AnyStoreOutcome::Marked(None),
            (_, false, _) => AnyStoreOutcome::Written,
        }
    }
}

impl dyn UsedTable + '_ {
    /// Writes a loaded value, or keeps the current one if it is `equal`, unless its key has changed.
    fn store_alone(
        &self,
        watcher: &AnyWatcher,
        pair: &mut dyn AnyPair,
        equal: EqualEntry,
        times: &EntryTimes,
    ) -> AnyStoreOutcome {
        if let Some((equal, seen)) = equal
            && self.renew_unchanged(watcher.key(), seen, Some(watcher), Some(times))
        {
            return AnyStoreOutcome::Kept(ValueHandle(equal));
        }
        match self.write_watched(watcher, pair, times) {
            true => AnyStoreOutcome::Written,
            false => AnyStoreOutcome::Overtaken,
        }
    }

    /// Writes a loaded value, unless the watcher was overtaken. Returns whether it wrote.
    fn write_watched(&self, watcher: &AnyWatcher, pair: &mut dyn AnyPair, times: &EntryTimes) -> bool {
        self.write_simply(pair, &mut SimpleWrite::of_watched(watcher, times))
            || self
                .write(watcher.hash(), pair, &PairWrite::of_load(times), &mut |_, _| !watcher.is_overtaken())
    }

    /// Returns the current value and the version of its entry, if the value equals that of a pair.
    pub(crate) fn equal(&self, key: &dyn AnyKey, pair: &dyn AnyPair, is_same: Option<IsSame>) -> EqualEntry {
        let is_same = is_same?;
        let (present, seen) = self.read_handle(self.head().hash_of(key), &|other| key.equals(other));
        let present = present?;
        is_same(pair, &*present).then_some((present, seen))
    }

    /// Returns the same if the current value is that of a pair.
    pub(crate) fn identical(
        &self,
        key: &dyn AnyKey,
        pair: &dyn AnyPair,
        has_value: fn(&dyn AnyLines, u32, &dyn AnyPair) -> bool,
    ) -> EqualEntry {
        let hash = self.head().hash_of(key);
        self.read_handle_if(hash, &|other| key.equals(other), &|lines, number| has_value(lines, number, pair))
    }
}
