//! The conditional writes of a transaction, and the inputs of the answers among them.

use std::sync::Arc;

use super::{Write, WriteSet};
use crate::commit::conditional::{ConditionalWrite, LineOutcome};
use crate::commit::inputs::InputsOfTable;
use crate::shard::erased::{AnyHandle, AnyPair, AnyPairs};
use crate::shard::key::AnyKey;

impl WriteSet {
    /// Writes a pair under a condition. A write of the key without a condition takes precedence; a mark of it stays.
    pub(crate) fn set_if(&mut self, pair: &mut dyn AnyPair, mut write: ConditionalWrite) {
        let Some(key) = pair.key() else { return };
        let hash = self.table().head().hash_of(key);
        let lines = &mut self.lines;
        match lines.find(hash, &|other| key.equals(other)) {
            None => {
                lines.pairs.add().swap(pair, true);
                lines.push(hash, Write::Conditional(Box::new(write)));
            }
            Some(line) => {
                let present = &lines.lines[line].write;
                if !present.is_unconditional() {
                    write.marks = present.is_mark_or_removal();
                    lines.put(line, Write::Conditional(Box::new(write)));
                    lines.pairs.pair_mut(line).swap(pair, false);
                }
            }
        }
    }

    /// Makes the commit fail if the conditional write of a key is skipped.
    pub(crate) fn require(&mut self, key: &dyn AnyKey) {
        let hash = self.table().head().hash_of(key);
        let lines = &mut self.lines;
        let line = lines.find(hash, &|other| key.equals(other));
        if let Some(Write::Conditional(write)) = line.map(|line| &mut lines.lines[line].write) {
            write.is_required = true;
        }
    }

    /// Sets inputs of an answer, which are compared by the commit. Returns whether there were others.
    pub(crate) fn set_inputs(&mut self, inputs: &Arc<InputsOfTable>) -> bool {
        self.lines.inputs.replace(Arc::clone(inputs)).is_some()
    }

    /// Marks the answers of loads, and compares their inputs no more.
    pub(crate) fn mark_answers(&mut self) {
        self.lines.inputs = None;
        for line in &mut self.lines.lines {
            if let Write::Conditional(write) = &mut line.write {
                write.is_invalidated |= write.is_answer();
            }
        }
    }

    /// Returns whether a conditional write was done.
    pub(crate) fn has_conditional_write(&self) -> bool {
        let is_done = |write: &Write| matches!(write, Write::Conditional(write) if write.outcome == LineOutcome::Written);
        self.lines.lines.iter().any(|line| is_done(&line.write))
    }

    /// Returns the outcome of the conditional write of a key, and whether the entry was marked.
    pub(crate) fn outcome(&self, key: &dyn AnyKey) -> Option<(LineOutcome, bool)> {
        let line = self.find_in_use(&|head| head.hash_of(key), &|other| key.equals(other))?;
        match &self.lines.lines[line].write {
            Write::Conditional(write) => Some((write.outcome, write.is_marked())),
            _ => None,
        }
    }

    /// Returns a handle of the value that was written under a key, or was to be.
    pub(crate) fn handle(&self, key: &dyn AnyKey, new: fn(usize) -> Box<dyn AnyPairs>) -> Option<AnyHandle> {
        let line = self.find_in_use(&|head| head.hash_of(key), &|other| key.equals(other))?;
        let mut copy = new(1);
        let pair = copy.add();
        pair.set_value(self.lines.pairs.pair(line));
        pair.take_handle()
    }
}
