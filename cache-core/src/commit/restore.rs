//! Putting saved entries into a table, as a part of a commit.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashTable;

use super::locked_shards::LockedShards;
use super::{Commit, CommitKind, Failure, Part, Steps};
use crate::clock::Moment;
use crate::erased::UsedTable;
use crate::event::{ChangeKind, EntryOf};
use crate::hashed::spread;
use crate::query::Query;
use crate::retention::Queue;
use crate::retention::Rules;
use crate::shard::key::{IsKey, names};
use crate::shard::{Incoming, Location, Pair, Placement, QueuePosition};
use crate::snapshot::{Decoded, EntryMeta, RestoreReport, SavedEntry, TableRestore};
use crate::table::tags::TagLists;
use crate::table::{Head, Table};

/// Entries of one table on their way back.
pub(crate) struct Restoring<'a, Q: Query> {
    table: &'a Table<Q>,
    steps: RestoreSteps<Q>,
    report: TableRestore,
    /// Values of a table that keeps nothing, for the report to keep.
    homeless: Vec<(Q, Arc<Q::Value>)>,
}

struct RestoreSteps<Q: Query> {
    /// Most recently used first. Those of each shard apart, so that one index after the other is filled, of which parts
    /// stay in the processor's caches; those of a table with one order for all shards together.
    bins: Vec<Vec<Line<Q>>>,
    /// The tags of the keys, by the order of the lines.
    tags: TagLists,
    /// The moment that ages and idle times count back from.
    now: Moment,
    /// How many keys are new to each shard.
    counts: Vec<usize>,
    revision: u64,
}

/// Lines that are worth being put into bins: the index of fewer is in the processor's caches anyway.
const SPLIT_FROM: usize = 4096;

struct Line<Q: Query> {
    entry: SavedEntry<Q>,
    /// Place in the order of the table, from the most recently used on.
    order: usize,
    hash: u32,
    weight: u32,
    at: Location,
}

impl<'a, Q: Query> Restoring<'a, Q> {
    /// Takes the entries, which come least recently used first, whose time is not over and for which the table has room:
    /// the last ones, when the bound is smaller than it was. Those of pinned keys are kept whatever their time and the
    /// bound. Of several with one key, the last one used. Runs the weigher.
    pub(crate) fn new(table: &'a Table<Q>, decoded: Decoded<Q>) -> Self {
        let mut report = TableRestore { skipped_entries: decoded.skipped, ..TableRestore::new(table.name()) };
        let mut tags = TagLists::default();
        let mut bins = lines(table, decoded.blocks, &mut tags, &mut report.expired);
        let mut known = HashTable::new();
        for bin in &mut bins {
            report.duplicates += drop_duplicates(bin, &mut known);
            for line in bin {
                line.weight = line.weigh(table.head());
            }
        }
        report.over_bound = fit(table, &mut bins);
        let mut homeless = Vec::new();
        for bin in bins.iter().rev() {
            report.restored += bin.len() as u64;
            for line in bin.iter().rev() {
                homeless.extend(line.homeless(table.rules()));
            }
        }
        let now = table.core().precise_now();
        let steps = RestoreSteps { bins, tags, now, counts: Vec::new(), revision: 0 };
        Self { table, steps, report, homeless }
    }
}

/// The entries whose time is not over or whose key is pinned, in bins.
fn lines<Q: Query>(
    table: &Table<Q>,
    mut blocks: Vec<Vec<SavedEntry<Q>>>,
    tags: &mut TagLists,
    expired: &mut u64,
) -> Vec<Vec<Line<Q>>> {
    let mut bins = bins(table, blocks.iter().map(Vec::len).sum());
    let mut order = 0;
    // Newest first. A block is gone before the next is looked at.
    while let Some(block) = blocks.pop() {
        for entry in block.into_iter().rev() {
            let hash = table.hash(&entry.key);
            let EntryMeta { age, idle, ttl, .. } = entry.meta;
            let is_over = table.rules().is_over(age.into(), idle.into(), ttl.map(Duration::from));
            if is_over && !table.is_pinned(hash, &entry.key) {
                *expired += 1;
                continue;
            }
            let bin = if bins.len() > 1 { table.place_of(hash) } else { 0 };
            let at = Location::default();
            if table.head().has_entry_tags {
                tags.push(&table.head().tags_of(&entry.key));
            }
            bins[bin].push(Line { entry, order, hash, weight: 0, at });
            order += 1;
        }
    }
    bins
}

/// Bins for the lines of a table, with room for `count` lines in all.
fn bins<Q: Query>(table: &Table<Q>, count: usize) -> Vec<Vec<Line<Q>>> {
    let has_one_order = table.rules().is_lru() || !table.rules().keeps(None);
    if has_one_order || count < SPLIT_FROM {
        return vec![Vec::with_capacity(count)];
    }
    let shards = table.made_count();
    let mut bins = Vec::with_capacity(shards);
    for _ in 0..shards {
        // Shards are filled unevenly, a little.
        bins.push(Vec::with_capacity(count / shards * 9 / 8));
    }
    bins
}

/// Keeps the first line of each key and returns how many others there were. Keys that differed when they were saved may be
/// equal now: if a field is left out of the snapshot, say.
fn drop_duplicates<Q: Query>(lines: &mut Vec<Line<Q>>, known: &mut HashTable<usize>) -> u64 {
    known.clear();
    known.reserve(lines.len(), |&at| spread(lines[at].hash));
    let mut duplicates = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let is_it = |&at: &usize| lines[at].hash == line.hash && lines[at].entry.key == line.entry.key;
        match known.find(spread(line.hash), is_it) {
            Some(_) => duplicates.push(at),
            None => drop(known.insert_unique(spread(line.hash), at, |&at| spread(lines[at].hash))),
        }
    }
    let count = duplicates.len() as u64;
    if count > 0 {
        let (mut duplicates, mut at) = (duplicates.into_iter().peekable(), 0..);
        lines.retain(|_| at.next() != duplicates.peek().copied() || duplicates.next().is_none());
    }
    count
}

/// Takes out the lines that are too much for the table. The most recently used come first; in a table of the default
/// policy, which does not know them, those that have been used since they came, and of these the newest. What is pinned
/// takes no room. Returns how many were taken out.
fn fit<Q: Query>(table: &Table<Q>, bins: &mut [Vec<Line<Q>>]) -> u64 {
    let limit = table.rules().limit();
    if bins.iter().flatten().map(|line| u64::from(line.weight)).sum::<u64>() <= limit {
        return 0;
    }
    let orders = bins.iter().filter_map(|bin| bin.last()).map(|last| last.order + 1).max();
    let mut claims = vec![Claim { weight: 0, comes_first: false }; orders.unwrap_or(0)];
    for line in bins.iter().flatten() {
        let EntryMeta { uses, is_survivor, .. } = line.entry.meta;
        let is_pinned = table.is_pinned(line.hash, &line.entry.key);
        claims[line.order] = Claim {
            weight: if is_pinned { 0 } else { line.weight.into() },
            comes_first: uses > 0 && !is_survivor && !table.rules().is_lru(),
        };
    }
    let fits = fitting(&claims, limit);
    let mut left_out = 0;
    for bin in bins {
        let before = bin.len();
        bin.retain(|line| fits[line.order]);
        left_out += (before - bin.len()) as u64;
    }
    left_out
}

/// The room that an entry asks for.
#[derive(Clone, Copy)]
struct Claim {
    weight: u64,
    comes_first: bool,
}

/// Which of several claims find room.
fn fitting(claims: &[Claim], mut room: u64) -> Vec<bool> {
    let mut fits = vec![false; claims.len()];
    for comes_first in [true, false] {
        for (claim, fits) in
            claims.iter().zip(&mut fits).filter(|(claim, _)| claim.comes_first == comes_first)
        {
            if let Some(left) = room.checked_sub(claim.weight) {
                (room, *fits) = (left, true);
            }
        }
    }
    fits
}

impl<Q: Query> Line<Q> {
    /// The weight by the query's weigher, which is foreign code.
    fn weigh(&self, head: &Head) -> u32 {
        let SavedEntry { key, value, .. } = &self.entry;
        if head.rules.is_weighted() { key.weigh(value).max(1) } else { 1 }
    }

    /// Key and value, if the table does not keep the entry.
    fn homeless(&self, rules: &Rules) -> Option<(Q, Arc<Q::Value>)> {
        let SavedEntry { key, value, meta } = &self.entry;
        let is_kept = rules.keeps(meta.ttl.map(Duration::from));
        (!is_kept).then(|| (key.clone(), Arc::clone(value)))
    }

    /// The entry as it is written at `now`.
    fn into_write(self, head: &Head, now: Moment) -> (Pair<Q>, Incoming) {
        let SavedEntry { key, value, meta } = self.entry;
        let (ttl, fresh) = (meta.ttl.map(Duration::from), meta.fresh.map(Duration::from));
        let incoming = Incoming {
            weight: self.weight,
            as_of: now - meta.age.into(),
            extra: head.extra(ttl, fresh, None, now - meta.idle.into()),
            placement: Placement::by_rules(self.weight, ttl.is_some(), &head.rules),
            is_invalidated: meta.invalidated,
            position: Some(QueuePosition { queue: Queue::of_rank(meta.rank), uses: meta.uses }),
        };
        (Pair::new(key, value), incoming)
    }
}

impl<Q: Query> Part for Restoring<'_, Q> {
    fn table_index(&self) -> usize {
        self.table.index()
    }

    fn open(&mut self) -> Option<(&dyn UsedTable, &mut dyn Steps)> {
        match self.kind() {
            CommitKind::Write => Some((self.table.made_table(), &mut self.steps)),
            _ => None,
        }
    }

    fn kind(&self) -> CommitKind {
        if self.report.restored == 0 { CommitKind::Read } else { CommitKind::Write }
    }

    fn unlocked(&mut self) {
        let table = self.table.made_table();
        table.enforce_bound(&table.head().context(self.table.core().now(), self.steps.revision));
    }

    fn restored(&mut self, report: &mut RestoreReport) {
        report.tables.push(std::mem::take(&mut self.report));
        report.keep(std::mem::take(&mut self.homeless));
    }
}

impl<Q: Query> Steps for RestoreSteps<Q> {
    fn lock<'t>(&self, table: &'t dyn UsedTable) -> LockedShards<'t> {
        LockedShards::lock_all(table)
    }

    fn validate(&mut self, locked: &LockedShards<'_>, commit: &mut Commit<'_>) -> Result<(), Failure> {
        let head = locked.table().head();
        self.counts = vec![0; head.shard_count()];
        for line in self.bins.iter_mut().flat_map(|bin| bin.iter_mut().rev()) {
            let SavedEntry { key, value, .. } = &line.entry;
            let is_key: IsKey<'_> = &|other| names(key, other);
            line.at = locked.of(line.hash).locate(line.hash, is_key);
            self.counts[head.place_of(line.hash)] += usize::from(line.at.number.is_none());
            head.key_loaded(line.hash, is_key);
            head.add_change(&mut commit.changes, ChangeKind::Set, &|| {
                Some(Box::new(EntryOf { key: key.clone(), value: Some(Arc::clone(value)) }))
            });
        }
        Ok(())
    }

    fn install(&mut self, locked: &mut LockedShards<'_>, commit: &Commit<'_>) {
        let Self { bins, tags, now, counts, revision } = self;
        *revision = commit.revision();
        let head = locked.table().head();
        let context = head.context(commit.now, *revision);
        for (mut shard, &count) in locked.written().zip(&*counts) {
            shard.begin(&context);
            shard.reserve(count);
        }
        for bin in bins {
            let mut bin = std::mem::take(bin);
            while let Some(line) = bin.pop() {
                let Line { hash, at, order, .. } = line;
                let Some(mut shard) = locked.of_mut(hash) else { continue };
                let at = shard.meet(at, &context);
                let (mut pair, incoming) = line.into_write(head, *now);
                let number = shard.write(&mut pair, hash, at, incoming, &context);
                shard.tag(number, tags.at(order));
            }
        }
        for mut shard in locked.written() {
            shard.finish(&context);
            head.publish(&mut shard);
        }
    }
}
