//! The lines of a store for the entries of one table that the load brings along. Each is written if its key was not
//! changed since the load began.

use super::affected::Affected;
use super::conditional::{ConditionalWrite, LineOutcome, has_later_load};
use super::locked_shards::{LockedShards, OpenShards, ShardRank};
use super::{Commit, CommitKind};
use crate::entry_times::EntryTimes;
use crate::erased::UsedTable;
use crate::event::ChangeKind;
use crate::known_hashes::KnownHashes;
use crate::shard::erased::{AnyPair, AnyPairs};
use crate::shard::key::{AnyKey, IsKey};
use crate::shard::{Incoming, Location, OpContext, ReadVersion, ShardMut};
use crate::shared::LoadStart;
use crate::table::tags::TagLists;
use crate::watch::brought::{BroughtEntries, BroughtTimes};

/// The entries of one table, prepared for a store.
pub(crate) struct BroughtLines<'a> {
    table: &'a dyn UsedTable,
    start: LoadStart,
    /// Moved into the shards.
    pairs: &'a mut Box<dyn AnyPairs>,
    /// Copies for the caller, if it keeps the entries.
    copies: Option<Box<dyn AnyPairs>>,
    times: &'a BroughtTimes,
    /// Whether each entry was stored.
    stored: &'a mut Vec<bool>,
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
    /// Describes the entries that a load from `start` brings along, without those with the key of its answer, which is
    /// of the table with this index. The last entry of a key wins. Runs code of the query, so it must be called without
    /// locks.
    #[expect(clippy::cast_possible_truncation, reason = "no load brings so many")]
    pub(crate) fn new(
        entries: &'a mut BroughtEntries,
        (answer_table, answer): (usize, Option<&dyn AnyKey>),
        start: LoadStart,
    ) -> Self {
        let BroughtEntries { table_ref, pairs, times, are_kept, stored } = entries;
        let (table_ref, times) = (&*table_ref, &*times);
        let (table, is_same) = (table_ref.table(), table_ref.access.is_same);
        let head = table.head();
        let answer = answer.filter(|_| head.index == answer_table);
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
            let incoming = head.incoming_unless_simple(pair, times.of(number));
            let facts = (equal.is_some() || incoming.is_some()).then(|| Box::new(Facts { equal, incoming }));
            let (shard, at, outcome) = (ShardRank::default(), Location::default(), LineOutcome::Skipped);
            lines.push(Line { hash, number: number as u32, shard, facts, at, outcome });
        }
        let copies = are_kept.then(|| {
            let mut copies = (table_ref.access.pairs)(pairs.len());
            copies.copy_all(&**pairs);
            copies
        });
        Self { table, start, pairs, copies, times, stored, lines, tags }
    }

    pub(super) fn table(&self) -> &'a dyn UsedTable {
        self.table
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
        let Self { table, start, pairs, lines, .. } = self;
        let head = table.head();
        // Both exact, since all shards of the lines are locked.
        let is_table_unchanged = head.is_unchanged_since(*start);
        let has_watchers = !head.watchers.is_empty();
        for line in lines {
            let pair = pairs.pair(line.number as usize);
            line.shard = locked.rank_of(line.hash);
            let shard = locked.ranked(line.shard);
            line.at = shard.locate_pair(line.hash, pair);
            line.outcome = LineOutcome::Skipped;
            if !is_table_unchanged || !shard.is_unchanged_since(*start, line.at.number) {
                continue;
            }
            if has_watchers || !shard.loads().is_empty() {
                let is_key: IsKey<'_> = &|other| pair.key().is_some_and(|key| key.equals(other));
                if has_later_load(*start, head, shard, (line.hash, is_key)) {
                    continue;
                }
                affected.find_since(*start, head, (line.hash, is_key));
            }
            let equal = line.facts.as_ref().and_then(|facts| facts.equal);
            if equal.is_some_and(|seen| line.at.number.is_some() && shard.version(line.at.number) == seen) {
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
    pub(super) fn install(&mut self, shards: &mut OpenShards<'_>, context: &OpContext<'_>) {
        let Self { table, start, pairs, times, lines, tags, .. } = self;
        let head = table.head();
        for is_present in [true, false] {
            for (at, line) in lines.iter_mut().enumerate().rev() {
                if line.at.number.is_some() != is_present || line.outcome == LineOutcome::Skipped {
                    continue;
                }
                let Some(shard) = shards.ranked(line.shard) else { continue };
                let number = line.number as usize;
                let (pair, times) = (pairs.pair_mut(number), times.of(number));
                if line.outcome == LineOutcome::Written {
                    head.note_input_change(line.hash);
                }
                if line.install_simply(pair, times, shard, context) {
                    continue;
                }
                let incoming = line.facts.take().and_then(|facts| facts.incoming);
                let incoming = incoming.unwrap_or_else(|| head.incoming_simply(context.now));
                let write = ConditionalWrite::brought(*start, *times, line.outcome);
                write.install((pair, Some(incoming)), (line.hash, line.at), tags.at(at), shard, context);
            }
        }
    }

    /// Notes which entries were stored, and drops what they have displaced. Must be called without locks.
    pub(super) fn end(self) {
        let Self { pairs, copies, stored, lines, .. } = self;
        stored.clear();
        stored.resize(pairs.len(), false);
        for line in lines.iter().filter(|line| line.outcome != LineOutcome::Skipped) {
            stored[line.number as usize] = true;
        }
        match copies {
            Some(copies) => *pairs = copies,
            None => pairs.clear(),
        }
    }
}

impl Line {
    /// Writes a pair, if the write is simple. Returns whether it is.
    #[inline]
    fn install_simply(
        &self,
        pair: &mut dyn AnyPair,
        times: &EntryTimes,
        shard: &mut ShardMut<'_>,
        context: &OpContext<'_>,
    ) -> bool {
        self.outcome == LineOutcome::Written
            && self.facts.as_ref().is_none_or(|facts| facts.incoming.is_none())
            && shard.write_if_simple(pair, (self.hash, self.at), times.as_of, context)
    }
}
