//! Stores a loaded answer as a commit: together with the entries that the load brings along, and after a check of the
//! inputs that it was built from. No write of an input comes between the check and the store.
//!
//! Each line is checked under the lock of its shard. The answer is skipped if its watch was overtaken, a brought entry
//! if its key was changed since the load began. The other lines are written.

use super::affected::Affected;
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
use crate::table::head::Head;
use crate::table::tags::Tags;

/// An input has changed: nothing was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StaleInput;

/// One entry to be stored.
pub(crate) struct AnswerLine<'a> {
    hash: u32,
    pair: &'a mut dyn AnyPair,
    write: ConditionalWrite,
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
    lines: Vec<AnswerLine<'a>>,
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
        // Its times begin when the line is installed.
        let incoming = Some(head.incoming(pair, &write.times, None, Moment::ORIGIN));
        Some(Self { hash, pair, write, incoming, tags, at: Location::default() })
    }

    /// Marks the entry from the start.
    pub(crate) fn invalidated(mut self, is_invalidated: bool) -> Self {
        self.write.is_invalidated = is_invalidated;
        self
    }

    fn has_key_of(&self, other: &Self) -> bool {
        let keys = || self.pair.key().zip(other.pair.key());
        self.hash == other.hash && keys().is_some_and(|(key, other)| key.equals(other))
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

    fn install(&mut self, shard: &mut ShardMut<'_>, context: &OpContext<'_>) {
        let new = (&mut *self.pair, self.incoming.take());
        self.write.install(new, (self.hash, self.at), &self.tags, shard, context);
    }
}

impl<'a> AnswerPart<'a> {
    fn new(table: &'a dyn UsedTable) -> Self {
        let (affected, now) = (Affected::default(), Moment::ORIGIN);
        Self { table, steps: AnswerSteps { inputs: None, lines: Vec::new(), affected, now, revision: 0 } }
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
        locked.lock(inputs.chain(self.lines.iter().map(|line| (line.hash, true))));
    }

    fn validate(&mut self, locked: &LockedShards<'_>, commit: &mut Commit<'_>) -> Result<(), Failure> {
        if self.inputs.is_some_and(|inputs| !inputs.hold(locked)) {
            return Err(Failure::StaleAnswer);
        }
        self.affected.restart();
        for line in &mut self.lines {
            line.validate(locked.table().head(), locked.shard(line.hash), &mut self.affected, commit);
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
        for line in &mut self.lines {
            if line.write.outcome == LineOutcome::Written {
                head.note_input_change(line.hash);
            }
            if let Some(shard) = shards.of(line.hash) {
                line.install(shard, &context);
            }
        }
        for shard in shards.each() {
            shard.finish(&context);
            head.publish(shard);
        }
    }
}

/// Stores the lines, each with its table. If several lines have the same key, the first one wins.
///
/// # Errors
/// If an input has changed. Nothing is stored then.
pub(crate) fn store<'a>(
    lines: Vec<(&'a dyn UsedTable, AnswerLine<'a>)>,
    inputs: Option<&'a Inputs>,
) -> Result<Vec<LineOutcome>, StaleInput> {
    let Some((table, _)) = lines.first() else { return Ok(Vec::new()) };
    let shared = &table.head().shared;
    let mut parts = Vec::new();
    let mut places = Vec::with_capacity(lines.len());
    for (table, line) in lines {
        let steps = AnswerPart::of(&mut parts, table);
        let is_first = !steps.lines.iter().any(|other| other.has_key_of(&line));
        places.push((table.head().index, is_first.then_some(steps.lines.len())));
        steps.lines.extend(is_first.then_some(line));
    }
    for inputs in inputs.into_iter().flat_map(Inputs::by_table) {
        AnswerPart::of(&mut parts, inputs.table()).inputs = Some(&**inputs);
    }
    parts.sort_unstable_by_key(Part::table_index);
    let stored = Commit::new(shared, CommitKind::Mark).run(&mut dynamic(&mut parts));
    let outcome_of = |(index, line): &(usize, Option<usize>)| {
        let part = parts.iter().find(|part| part.table_index() == *index)?;
        Some(part.steps.lines[(*line)?].write.outcome)
    };
    let outcomes = places.iter().map(|place| outcome_of(place).unwrap_or(LineOutcome::Skipped)).collect();
    let revision = *stored.as_ref().unwrap_or(&0);
    shared.log.note(revision, None, || {
        let is_written = |part: &&AnswerPart<'_>| {
            part.steps.lines.iter().any(|line| line.write.outcome == LineOutcome::Written)
        };
        parts.iter().filter(is_written).map(|part| part.table.head().name).collect()
    });
    drop(parts);
    shared.drain();
    stored.map(|_| outcomes).map_err(|_| StaleInput)
}
