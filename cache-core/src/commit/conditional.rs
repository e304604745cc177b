//! Writes that are skipped under the lock of their shard if something newer has happened to their key. Shared by the
//! answers of loads and by transactions.

use std::sync::Arc;

use super::affected::Affected;
use crate::clock::Moment;
use crate::entry_times::EntryTimes;
use crate::shard::erased::AnyPair;
use crate::shard::key::IsKey;
use crate::shard::{Incoming, Location, OpContext, ReadVersion, ShardMut, ShardRef};
use crate::shared::LoadStart;
use crate::table::head::Head;
use crate::table::watchers::{AnyWatcher, KeyEvent};

/// When a line is written.
pub(crate) enum Condition {
    /// The watch of the load was not overtaken.
    Watched(Arc<AnyWatcher>),
    /// The key was not changed since a load began, and no load of it runs that may store a newer answer.
    UnchangedSince(LoadStart),
    /// The entry is the one of this revision. The write keeps its times, its mark and its place in the order, and
    /// overtakes no load.
    Following(u64),
    /// There is no entry, and the watch of the load that found the value, if any, was not overtaken. The write overtakes
    /// no load.
    Vacant(Option<Arc<AnyWatcher>>),
}

/// The outcome of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineOutcome {
    Written,
    /// The current value is equal, and gets the times of the new one.
    Kept,
    /// The condition did not hold.
    Skipped,
}

/// A write with a condition, without its key and value.
pub(crate) struct ConditionalWrite {
    condition: Condition,
    pub(super) times: EntryTimes,
    /// The version of the current entry, if its value is equal.
    equal: Option<ReadVersion>,
    /// Whether the written entry is marked.
    pub(super) is_invalidated: bool,
    /// Whether the transaction marks the key as well, even if the condition does not hold.
    pub(super) marks: bool,
    /// The numbers of the inputs of a derived answer.
    inputs: Vec<u32>,
    /// Whether the commit fails if the condition does not hold.
    pub(super) is_required: bool,
    /// Known once the line has been validated.
    pub(super) outcome: LineOutcome,
}

impl ConditionalWrite {
    pub(crate) fn new(condition: Condition, times: EntryTimes, equal: Option<ReadVersion>) -> Self {
        Self {
            condition,
            times,
            equal,
            is_invalidated: false,
            marks: false,
            inputs: Vec::new(),
            is_required: false,
            outcome: LineOutcome::Skipped,
        }
    }

    /// Creates the write of a brought entry that has this outcome.
    pub(super) fn brought(start: LoadStart, times: EntryTimes, outcome: LineOutcome) -> Self {
        Self { outcome, ..Self::new(Condition::UnchangedSince(start), times, None) }
    }

    /// Sets the numbers of the inputs that a derived answer remembers.
    pub(crate) fn built_from(mut self, inputs: Vec<u32>) -> Self {
        self.inputs = inputs;
        self
    }

    /// Returns whether the value is the answer of a load.
    pub(super) fn is_answer(&self) -> bool {
        matches!(self.condition, Condition::Watched(_))
    }

    /// Returns whether the entry is marked when it is written.
    pub(super) fn is_marked(&self) -> bool {
        self.is_invalidated || self.marks
    }

    /// Returns whether the write may be simple, in a table that allows it.
    pub(super) fn is_simple(&self) -> bool {
        self.outcome == LineOutcome::Written && !self.is_marked()
    }

    /// Returns whether copies of the entry that are kept elsewhere are out of date.
    pub(super) fn is_change(&self) -> bool {
        self.outcome == LineOutcome::Written && matches!(self.condition, Condition::Following(_))
    }

    /// Returns whether the condition holds for a key that has been located.
    fn may_be_written(
        &self,
        head: &Head,
        shard: ShardRef<'_>,
        number: Option<u32>,
        (hash, is_key): (u32, IsKey<'_>),
        now: Moment,
    ) -> bool {
        let live = number.filter(|&number| !shard.lines.is_dead(number));
        match &self.condition {
            Condition::Watched(watcher) => !watcher.is_overtaken(),
            Condition::UnchangedSince(start) => {
                !has_later_load(*start, head, shard, (hash, is_key))
                    && shard.is_unchanged_since(*start, number)
                    && head.is_unchanged_since(*start)
            }
            Condition::Following(revision) => {
                let is_there = live.is_some_and(|live| !shard.must_be_released(live, &head.rules, now));
                is_there && shard.version(number) == ReadVersion::Revision(*revision)
            }
            Condition::Vacant(watcher) => {
                live.is_none() && watcher.as_ref().is_none_or(|watcher| !watcher.is_overtaken())
            }
        }
    }

    /// Decides the outcome for a key that has been located, and finds its loads and watches.
    pub(super) fn validate(
        &mut self,
        head: &Head,
        shard: ShardRef<'_>,
        number: Option<u32>,
        key: (u32, IsKey<'_>),
        (affected, now): (&mut Affected, Moment),
    ) {
        self.outcome = LineOutcome::Skipped;
        if !self.may_be_written(head, shard, number, key, now) {
            return;
        }
        let is_kept = self.equal.is_some_and(|seen| number.is_some() && shard.version(number) == seen);
        self.outcome = if is_kept { LineOutcome::Kept } else { LineOutcome::Written };
        // An equal answer is also newer than a running load.
        match self.condition {
            Condition::Watched(_) => affected.find(KeyEvent::Loaded, head, shard, key),
            Condition::UnchangedSince(start) => affected.find_since(start, head, key),
            Condition::Following(_) | Condition::Vacant(_) => {
                affected.find(KeyEvent::Touched, head, shard, key);
            }
        }
    }

    /// Writes a pair, or renews the entry that is there.
    pub(super) fn install(
        &self,
        (pair, incoming): (&mut dyn AnyPair, Option<Incoming>),
        (hash, at): (u32, Location),
        tags: &[u32],
        shard: &mut ShardMut<'_>,
        context: &OpContext<'_>,
    ) {
        match (self.outcome, incoming) {
            (LineOutcome::Written, Some(mut incoming)) => {
                let at = shard.expire_at(at, context);
                if let (Condition::Following(_), number) = (&self.condition, at.number) {
                    if let Some(number) = number {
                        shard.follow(pair, number, incoming, context);
                        if self.marks {
                            shard.invalidate(number);
                        }
                    }
                    return;
                }
                incoming.is_invalidated = self.is_marked();
                incoming.begin(context.now, self.times.as_of);
                let number = shard.write(pair, hash, at, incoming, context);
                self.set_inputs(number, tags, shard);
            }
            (LineOutcome::Kept, _) => {
                if let Some(number) = at.number {
                    shard.touch_with(number, Some(&self.times), context);
                    if self.is_answer() {
                        self.set_inputs(number, tags, shard);
                    }
                    if self.is_marked() {
                        shard.invalidate(number);
                    }
                }
            }
            _ => {}
        }
    }

    /// Adds an entry to the tag index under its tags and its inputs, in place of those of the last answer.
    fn set_inputs(&self, number: u32, tags: &[u32], shard: &mut ShardMut<'_>) {
        match self.inputs.is_empty() {
            true => shard.tag(number, tags),
            false => shard.set_inputs(number, &[tags, &self.inputs].concat()),
        }
    }
}

/// Returns whether a load of a key runs that began after `start` and may store a newer answer.
pub(super) fn has_later_load(
    start: LoadStart,
    head: &Head,
    shard: ShardRef<'_>,
    (hash, is_key): (u32, IsKey<'_>),
) -> bool {
    let mut has_later_load = shard.load_of(hash, is_key).is_some();
    head.watchers.find(hash, is_key, &mut |watcher| has_later_load |= watcher.is_later_load(start));
    has_later_load
}
