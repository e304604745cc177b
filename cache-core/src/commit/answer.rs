//! Stores a loaded answer as a commit: together with the entries that the load brings along, and after a check of the
//! inputs that it was built from. No write of an input comes between the check and the store.
//!
//! Each line is checked under the lock of its shard. The answer is skipped if its watch was overtaken, a brought entry
//! if its key was changed since the load began. The other lines are written.

use super::affected::Affected;
use super::brought::BroughtLines;
use super::conditional::{ConditionalWrite, LineOutcome};
use super::inputs::{Inputs, InputsOfTable};
use super::locked_shards::LockedShards;
use super::{Commit, CommitKind, Failure, Part, Steps, dynamic};
use crate::clock::Moment;
use crate::erased::UsedTable;
use crate::event::ChangeKind;
use crate::shard::erased::AnyPair;
use crate::shard::key::{AnyKey, IsKey};
use crate::shard::{Incoming, Location, OpContext, ShardMut, ShardRef};
use crate::shared::LoadStart;
use crate::table::head::Head;
use crate::table::tags::Tags;
use crate::watch::brought::BroughtEntries;

/// An input has changed: nothing was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StaleInput;

/// The answer to be stored.
pub(crate) struct AnswerLine<'a> {
    hash: u32,
    pair: &'a mut dyn AnyPair,
    write: ConditionalWrite,
    /// `None` if the write may be simple.
    incoming: Option<Incoming>,
    /// The tags of the key, computed before anything is locked.
    tags: Tags,
    at: Location,
}

/// The part of the store in one table.
pub(crate) struct AnswerPart<'a> {
    table: &'a dyn UsedTable,
    steps: AnswerSteps<'a>,
}

struct AnswerSteps<'a> {
    inputs: Option<&'a InputsOfTable>,
    /// The answer, if it is of this table.
    answer: Option<AnswerLine<'a>>,
    brought: Option<BroughtLines<'a>>,
    /// The loads and watches to notify, collected while the commit can still fail.
    affected: Affected,
    now: Moment,
    revision: u64,
}

impl<'a> AnswerLine<'a> {
    /// Describes a line. Runs the weigher and the tag function of the query, so it must be called without locks.
    pub(crate) fn new(head: &Head, pair: &'a mut dyn AnyPair, write: ConditionalWrite) -> Option<Self> {
        let key = pair.key()?;
        let (hash, tags) = (head.hash_of(key), head.tags_of(key));
        let incoming = head.incoming_unless_simple(pair, &write.times);
        Some(Self { hash, pair, write, incoming, tags, at: Location::default() })
    }

    /// Marks the entry from the start.
    pub(crate) fn invalidated(mut self, is_invalidated: bool) -> Self {
        self.write.is_invalidated = is_invalidated;
        self
    }

    /// Checks the line, and finds the loads and watches of its key.
    fn validate(
        &mut self,
        head: &Head,
        shard: ShardRef<'_>,
        affected: &mut Affected,
        commit: &mut Commit<'_>,
    ) {
        let Some(key) = self.pair.key() else { return };
        let is_key: IsKey<'_> = &|other: &dyn AnyKey| key.equals(other);
        self.at = shard.locate(self.hash, is_key);
        self.write.validate(head, shard, self.at.number, (self.hash, is_key), (affected, commit.now));
        if self.write.outcome == LineOutcome::Written {
            head.add_change(&mut commit.changes, ChangeKind::Set, &|| self.pair.entry());
            commit.require(CommitKind::Write);
        }
    }

    /// Installs the line. A simple write evicts at once, so it must come after all others of its table.
    fn install(&mut self, is_last: bool, head: &Head, shard: &mut ShardMut<'_>, context: &OpContext<'_>) {
        let (pair, at) = (&mut *self.pair, (self.hash, self.at));
        let may_be_simple = is_last && self.incoming.is_none() && self.write.is_simple();
        if may_be_simple && shard.write_if_simple(pair, at, self.write.times.as_of, context) {
            return;
        }
        let incoming = self.incoming.take().unwrap_or_else(|| head.incoming_simply(context.now));
        self.write.install((pair, Some(incoming)), at, &self.tags, shard, context);
    }
}

impl AnswerSteps<'_> {
    fn has_written(&self) -> bool {
        let is_answer_written =
            self.answer.as_ref().is_some_and(|line| line.write.outcome == LineOutcome::Written);
        is_answer_written || self.brought.as_ref().is_some_and(|brought| brought.has_written())
    }
}

impl<'a> AnswerPart<'a> {
    fn new(table: &'a dyn UsedTable) -> Self {
        let (affected, now) = (Affected::default(), Moment::ORIGIN);
        let steps = AnswerSteps { inputs: None, answer: None, brought: None, affected, now, revision: 0 };
        Self { table, steps }
    }

    /// Returns the part of a table, which it adds at the first call.
    fn of<'p>(parts: &'p mut Vec<Self>, table: &'a dyn UsedTable) -> &'p mut AnswerSteps<'a> {
        let index = table.head().index;
        let at = parts.iter().position(|part| part.table_index() == index).unwrap_or_else(|| {
            parts.push(Self::new(table));
            parts.len() - 1
        });
        &mut parts[at].steps
    }
}

impl Part for AnswerPart<'_> {
    fn table_index(&self) -> usize {
        self.table.head().index
    }

    fn open(&mut self) -> Option<(&dyn UsedTable, &mut dyn Steps)> {
        Some((self.table, &mut self.steps))
    }

    fn unlocked(&mut self) {
        let Self { table, steps } = self;
        table.enforce_bound(&table.head().context(steps.now, steps.revision));
        steps.affected.clear();
    }

    /// What is written is known under the locks.
    fn kind(&self) -> CommitKind {
        CommitKind::Mark
    }
}

impl Steps for AnswerSteps<'_> {
    fn lock(&self, locked: &mut LockedShards<'_>) {
        let inputs = self.inputs.into_iter().flat_map(InputsOfTable::hashes).map(|hash| (hash, false));
        let answer = self.answer.iter().map(|line| line.hash);
        let brought = self.brought.iter().flat_map(|brought| brought.hashes());
        locked.lock(inputs.chain(answer.chain(brought).map(|hash| (hash, true))));
    }

    fn validate(&mut self, locked: &LockedShards<'_>, commit: &mut Commit<'_>) -> Result<(), Failure> {
        if self.inputs.is_some_and(|inputs| !inputs.hold(locked)) {
            return Err(Failure::StaleAnswer);
        }
        self.affected.restart();
        if let Some(line) = &mut self.answer {
            line.validate(locked.table().head(), locked.shard(line.hash), &mut self.affected, commit);
        }
        if let Some(brought) = &mut self.brought {
            brought.validate(locked, &mut self.affected, commit);
        }
        Ok(())
    }

    fn install(&mut self, locked: &mut LockedShards<'_>, commit: &Commit<'_>) {
        (self.now, self.revision) = (commit.now, commit.revision());
        let head = locked.table().head();
        let context = head.context(commit.now, commit.revision());
        let mut shards = locked.open();
        self.affected.notify(&mut shards);
        for shard in shards.each() {
            shard.begin(&context);
        }
        // The answer first, before a simple write of another key may evict its entry.
        if let Some(line) = &mut self.answer {
            if line.write.outcome == LineOutcome::Written {
                head.note_input_change(line.hash);
            }
            if let Some(shard) = shards.of(line.hash) {
                line.install(self.brought.is_none(), head, shard, &context);
            }
        }
        if let Some(brought) = &mut self.brought {
            brought.install(&mut shards, &context);
        }
        for shard in shards.each() {
            shard.finish(&context);
            head.publish(shard);
        }
    }
}

/// Stores an answer in its table, and the entries that its load, which began at `start`, brings along. Returns the
/// outcome of the answer.
///
/// # Errors
/// If an input has changed. Nothing is stored then.
pub(crate) fn store<'a>(
    (table, line): (&'a dyn UsedTable, AnswerLine<'a>),
    (brought, start): (&'a mut [BroughtEntries], LoadStart),
    inputs: Option<&'a Inputs>,
) -> Result<LineOutcome, StaleInput> {
    let shared = &table.head().shared;
    let mut parts = Vec::with_capacity(1 + brought.len());
    for entries in brought {
        let lines = BroughtLines::new(entries, (table.head().index, line.pair.key()), start);
        let part = AnswerPart::of(&mut parts, lines.table());
        part.brought = Some(lines);
    }
    AnswerPart::of(&mut parts, table).answer = Some(line);
    for inputs in inputs.into_iter().flat_map(Inputs::by_table) {
        AnswerPart::of(&mut parts, inputs.table()).inputs = Some(&**inputs);
    }
    parts.sort_unstable_by_key(Part::table_index);
    let stored = Commit::new(shared, CommitKind::Mark).run(&mut dynamic(&mut parts));
    let revision = *stored.as_ref().unwrap_or(&0);
    shared.log.note(revision, None, || {
        parts.iter().filter(|part| part.steps.has_written()).map(|part| part.table.head().name).collect()
    });
    let outcome = parts.iter().find_map(|part| part.steps.answer.as_ref()).map(|line| line.write.outcome);
    if stored.is_ok() {
        parts.iter_mut().filter_map(|part| part.steps.brought.take()).for_each(BroughtLines::end);
    }
    drop(parts);
    shared.drain();
    stored.map(|_| outcome.unwrap_or(LineOutcome::Skipped)).map_err(|_| StaleInput)
}
