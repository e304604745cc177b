//! The lines of a store for the entries of one table that the load brings along. Each is written if its key was not
//! changed since the load began.

use super::affected::Affected;
use super::conditional::{ConditionalWrite, LineOutcome, is_unchanged};
use super::locked_shards::{LockedShards, OpenShards};
use super::{Commit, CommitKind};
use crate::clock::Moment;
use crate::entry_times::EntryTimes;
use crate::event::ChangeKind;
use crate::hash_index::HashIndex;
use crate::shard::erased::{AnyPair, AnyPairs};
use crate::shard::key::{AnyKey, IsKey};
use crate::shard::state::deadline;
use crate::shard::{Incoming, Location, OpContext, ReadVersion, ShardMut, Written};
use crate::shared::LoadStart;
use crate::table::head::Head;
use crate::table::tags::TagLists;
use crate::watch::brought::{BroughtEntries, BroughtTimes};

/// The entries of one table, prepared for a store.
pub(crate) struct BroughtLines {
    start: LoadStart,
    /// Copies of the entries: the store may have to run again, and the client needs them afterwards.
    copies: Box<dyn AnyPairs>,
    /// The last entry first.
    lines: Vec<Line>,
    /// The tags of the keys, by line, computed before anything is locked.
    tags: TagLists,
    times: BroughtTimes,
}

/// One entry. Small, since a load may bring many. Most are simple writes.
struct Line {
    hash: u32,
    /// The number of the entry.
    number: usize,
    /// The version of the current entry, if its value is equal.
    equal: Option<ReadVersion>,
    /// `None` for a simple write.
    incoming: Option<Box<Incoming>>,
    at: Location,
    outcome: LineOutcome,
}

impl BroughtLines {
    /// Describes the entries that a load from `start` brings along, without those with the key of its answer. The last
    /// entry of a key wins. Runs code of the query, so it must be called without locks.
    pub(crate) fn new(entries: &BroughtEntries, answer: Option<&dyn AnyKey>, start: LoadStart) -> Self {
        let table = entries.table_ref.table();
        let mut copies = (entries.table_ref.access.pairs)(entries.len());
        copies.copy_all(&*entries.pairs);
        let lines = Vec::with_capacity(entries.len());
        let (tags, times) = (TagLists::default(), entries.times.clone());
        let mut brought = Self { start, copies, lines, tags, times };
        let mut index = HashIndex::with_capacity(entries.len());
        for number in (0..entries.len()).rev() {
            let pair = brought.copies.pair(number);
            let Some(key) = pair.key() else { continue };
            let hash = table.head().hash_of(key);
            let is_known = |line: usize| {
                let number = brought.lines[line].number;
                brought.copies.pair(number).key().is_some_and(|other| key.equals(other))
            };
            if answer.is_some_and(|answer| key.equals(answer)) || index.find(hash, is_known).is_some() {
                continue;
            }
            index.insert(hash, brought.lines.len());
            if table.head().has_entry_tags {
                brought.tags.push(&table.head().tags_of(key));
            }
            let equal = table.equal(key, pair, entries.table_ref.access.is_same);
            let incoming = incoming(table.head(), pair, &brought.times.of(number));
            let (equal, at) = (equal.map(|(_, seen)| seen), Location::default());
            brought.lines.push(Line { hash, number, equal, incoming, at, outcome: LineOutcome::Skipped });
        }
        brought
    }

    pub(super) fn hashes(&self) -> impl Iterator<Item = u32> {
        self.lines.iter().map(|line| line.hash)
    }

    pub(super) fn has_written(&self) -> bool {
        self.lines.iter().any(|line| line.outcome == LineOutcome::Written)
    }

    /// Checks the lines, and finds the loads and watches of their keys.
    pub(super) fn validate(
        &mut self,
        locked: &LockedShards<'_>,
        affected: &mut Affected,
        commit: &mut Commit<'_>,
    ) {
        let head = locked.table().head();
        let Self { start, copies, lines, .. } = self;
        // Exact, since all shards of the lines are locked.
        let is_table_unchanged = head.is_unchanged_since(*start);
        let has_watchers = !head.watchers.is_empty();
        for line in lines {
            line.outcome = LineOutcome::Skipped;
            let pair = copies.pair(line.number);
            let Some(key) = pair.key().filter(|_| is_table_unchanged) else { continue };
            let is_key: IsKey<'_> = &|other: &dyn AnyKey| key.equals(other);
            let shard = locked.shard(line.hash);
            line.at = shard.locate(line.hash, is_key);
            if !is_unchanged(*start, head, shard, line.at.number, (line.hash, is_key)) {
                continue;
            }
            if has_watchers {
                affected.find_since(*start, head, (line.hash, is_key));
            }
            let (number, version) = (line.at.number, shard.version(line.at.number));
            if line.equal.is_some_and(|seen| number.is_some() && version == seen) {
                line.outcome = LineOutcome::Kept;
                continue;
            }
            line.outcome = LineOutcome::Written;
            head.add_change(&mut commit.changes, ChangeKind::Set, &|| pair.entry());
            commit.require(CommitKind::Write);
        }
    }

    /// Installs the lines in the order in which they were brought. Those of present keys come first: a simple write of
    /// a new key evicts at once.
    pub(super) fn install(&mut self, head: &Head, shards: &mut OpenShards<'_>, context: &OpContext<'_>) {
        for is_present in [true, false] {
            for at in (0..self.lines.len()).rev() {
                let line = &self.lines[at];
                if line.at.number.is_some() == is_present
                    && line.outcome != LineOutcome::Skipped
                    && let Some(shard) = shards.of(line.hash)
                {
                    self.install_line(at, head, shard, context);
                }
            }
        }
    }

    fn install_line(&mut self, at: usize, head: &Head, shard: &mut ShardMut<'_>, context: &OpContext<'_>) {
        let line = &mut self.lines[at];
        let (pair, times) = (self.copies.pair_mut(line.number), self.times.of(line.number));
        if line.outcome == LineOutcome::Written {
            head.note_input_change(line.hash);
        }
        if line.install_simply(pair, &times, shard, context) {
            return;
        }
        let incoming = line.incoming.take().map(|incoming| *incoming);
        let incoming = incoming.unwrap_or_else(|| head.incoming_simply(context.now));
        let write = ConditionalWrite::brought(self.start, times, line.outcome);
        write.install((pair, Some(incoming)), (line.hash, line.at), self.tags.at(at), shard, context);
    }

    /// Notes which entries were stored.
    pub(super) fn note_stored(&self, entries: &mut BroughtEntries) {
        for line in &self.lines {
            entries.note_stored(line.number, line.outcome != LineOutcome::Skipped);
        }
    }
}

/// Describes an entry, unless its write may be simple. Its times begin when it is installed.
fn incoming(head: &Head, pair: &dyn AnyPair, times: &EntryTimes) -> Option<Box<Incoming>> {
    let is_simple = head.has_simple_commits() && times.ttl.is_none() && times.fresh.is_none();
    (!is_simple).then(|| Box::new(head.incoming(pair, times, None, Moment::ORIGIN)))
}

impl Line {
    /// Writes a pair whose write may be simple, if its shard has no other work. Returns whether it did.
    fn install_simply(
        &self,
        pair: &mut dyn AnyPair,
        times: &EntryTimes,
        shard: &mut ShardMut<'_>,
        context: &OpContext<'_>,
    ) -> bool {
        let as_of = times.as_of.unwrap_or(context.now);
        let is_simple = self.outcome == LineOutcome::Written
            && self.incoming.is_none()
            && self.at.pin.is_none()
            && !context.ledger.is_over()
            && shard.allows_simple_writes(context.now);
        // A value that has already expired must be released, which the general path does.
        if !is_simple || deadline(as_of, None, context.rules).is_over(context.now) {
            return false;
        }
        let written = Written { revision: context.revision, as_of };
        shard.write_simply(pair, (self.hash, self.at.number), written, context);
        true
    }
}
