//! The lines of a store for the entries of one table that the load brings along. Each is written if its key was not
//! changed since the load began.

use super::affected::Affected;
use super::conditional::{ConditionalWrite, LineOutcome, has_later_load};
use super::locked_shards::{LockedShards, OpenShards, ShardRank};
use super::{Commit, CommitKind};
use crate::clock::Moment;
use crate::entry_times::EntryTimes;
use crate::erased::UsedTable;
use crate::event::ChangeKind;
use crate::known_hashes::KnownHashes;
use crate::shard::erased::{AnyPair, AnyPairs};
use crate::shard::key::{AnyKey, IsKey};
use crate::shard::state::deadline;
use crate::shard::{Incoming, Location, OpContext, ReadVersion, ShardMut, Written};
use crate::shared::LoadStart;
use crate::table::head::Head;
use crate::table::tags::TagLists;
use crate::watch::brought::BroughtEntries;

/// The entries of one table, prepared for a store.
pub(crate) struct BroughtLines<'a> {
    start: LoadStart,
    /// Their pairs are moved into the shards.
    entries: &'a mut BroughtEntries,
    /// Copies for the caller, if it keeps the entries.
    copies: Option<Box<dyn AnyPairs>>,
    /// The last entry first.
    lines: Vec<Line>,
    /// The tags of the keys, by line, computed before anything is locked.
    tags: TagLists,
}

/// One entry. Small, since a load may bring many. Most are simple writes.
struct Line {
    hash: u32,
    /// The number of the entry.
    number: u32,
    /// Which of the locked shards has it.
    shard: ShardRank,
    /// `None` for a simple write of a value that is not known to be equal.
    facts: Option<Box<Facts>>,
    at: Location,
    outcome: LineOutcome,
}

/// What is known of few entries before the store.
struct Facts {
    /// The version of the current entry, if its value is equal.
    equal: Option<ReadVersion>,
    /// `None` for a simple write.
    incoming: Option<Incoming>,
}

impl<'a> BroughtLines<'a> {
    /// Describes the entries that a load from `start` brings along, without those with the key of its answer. The last
    /// entry of a key wins. Runs code of the query, so it must be called without locks.
    #[expect(clippy::cast_possible_truncation, reason = "no load brings so many")]
    pub(crate) fn new(
        (table, entries): (&dyn UsedTable, &'a mut BroughtEntries),
        answer: Option<&dyn AnyKey>,
        start: LoadStart,
    ) -> Self {
        let (head, is_same, pairs) = (table.head(), entries.table_ref.access.is_same, &*entries.pairs);
        let (mut lines, mut tags) = (Vec::<Line>::with_capacity(pairs.len()), TagLists::default());
        let mut known = KnownHashes::with_capacity(pairs.len());
        for number in (0..pairs.len()).rev() {
            let pair = pairs.pair(number);
            let Some(key) = pair.key() else { continue };
            let hash = head.hash_of(key);
            let has_key = |line: &Line| {
                line.hash == hash
                    && pairs.pair(line.number as usize).key().is_some_and(|other| key.equals(other))
            };
            if answer.is_some_and(|answer| key.equals(answer))
                || !known.add(hash, lines.len(), |line| has_key(&lines[line]))
            {
                continue;
            }
            if head.has_entry_tags {
                tags.push(&head.tags_of(key));
            }
            let equal = is_same.and_then(|_| table.equal(key, pair, is_same)).map(|(_, seen)| seen);
            let incoming = incoming(head, pair, entries.times.of(number));
            let facts = (equal.is_some() || incoming.is_some()).then(|| Box::new(Facts { equal, incoming }));
            let (shard, at, outcome) = (ShardRank::default(), Location::default(), LineOutcome::Skipped);
            lines.push(Line { hash, number: number as u32, shard, facts, at, outcome });
        }
        let copies = entries.are_kept.then(|| {
            let mut copies = (entries.table_ref.access.pairs)(pairs.len());
            copies.copy_all(pairs);
            copies
        });
        Self { start, entries, copies, lines, tags }
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
        let Self { start, entries, lines, .. } = self;
        // Exact, since all shards of the lines are locked.
        let is_table_unchanged = head.is_unchanged_since(*start);
        let has_watchers = !head.watchers.is_empty();
        for line in lines {
            line.outcome = LineOutcome::Skipped;
            if !is_table_unchanged {
                continue;
            }
            let pair = entries.pairs.pair(line.number as usize);
            let is_key: IsKey<'_> = &|other: &dyn AnyKey| pair.key().is_some_and(|key| key.equals(other));
            line.shard = locked.rank_of(line.hash);
            let shard = locked.ranked(line.shard);
            line.at = shard.locate(line.hash, is_key);
            let has_loads = has_watchers || !shard.loads().is_empty();
            if (has_loads && has_later_load(*start, head, shard, (line.hash, is_key)))
                || !shard.is_unchanged_since(*start, line.at.number)
            {
                continue;
            }
            if has_watchers {
                affected.find_since(*start, head, (line.hash, is_key));
            }
            let (number, version) = (line.at.number, shard.version(line.at.number));
            let equal = line.facts.as_ref().and_then(|facts| facts.equal);
            if equal.is_some_and(|seen| number.is_some() && version == seen) {
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
                    && let Some(shard) = shards.ranked(line.shard)
                {
                    self.install_line(at, head, shard, context);
                }
            }
        }
    }

    fn install_line(&mut self, at: usize, head: &Head, shard: &mut ShardMut<'_>, context: &OpContext<'_>) {
        let line = &mut self.lines[at];
        let number = line.number as usize;
        let (pair, times) = (self.entries.pairs.pair_mut(number), self.entries.times.of(number));
        if line.outcome == LineOutcome::Written {
            head.note_input_change(line.hash);
        }
        if line.install_simply(pair, times, shard, context) {
            return;
        }
        let incoming = line.facts.take().and_then(|facts| facts.incoming);
        let incoming = incoming.unwrap_or_else(|| head.incoming_simply(context.now));
        let write = ConditionalWrite::brought(self.start, *times, line.outcome);
        write.install((pair, Some(incoming)), (line.hash, line.at), self.tags.at(at), shard, context);
    }

    /// Notes which entries were stored, and drops what they have displaced. Must be called without locks.
    pub(super) fn end(self) {
        let stored = self.lines.iter().filter(|line| line.outcome != LineOutcome::Skipped);
        self.entries.note_stored(stored.map(|line| line.number as usize));
        match self.copies {
            Some(copies) => self.entries.pairs = copies,
            None => self.entries.pairs.clear(),
        }
    }
}

/// Describes an entry, unless its write may be simple. Its times begin when it is installed.
fn incoming(head: &Head, pair: &dyn AnyPair, times: &EntryTimes) -> Option<Incoming> {
    let is_simple = head.has_simple_commits() && times.own.is_none();
    (!is_simple).then(|| head.incoming(pair, times, None, Moment::ORIGIN))
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
            && self.facts.as_ref().is_none_or(|facts| facts.incoming.is_none())
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
