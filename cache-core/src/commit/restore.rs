//! Putting saved entries into a table, as a part of a commit.

use std::time::Duration;

use hashbrown::HashTable;

use super::locked_shards::LockedShards;
use super::told::{Tell, Told};
use super::{Commit, CommitKind, Failure, Part, Steps};
use crate::clock::Moment;
use crate::erased::{ErasedTable, UsedTable};
use crate::event::{AnyEntry, ChangeKind};
use crate::hashed::spread;
use crate::retention::Queue;
use crate::shard::key::AnyKey;
use crate::shard::{Incoming, Location, Placement, QueuePosition};
use crate::snapshot::{
    Decoded, Downtime, Entries, EntryMeta, RestoreReport, Section, SkipReason, TableCodec, TableRestore,
};
use crate::table::Head;
use crate::table::tags::TagLists;

/// Entries of one table on their way back.
pub(crate) struct Restoring<'a> {
    head: &'a Head,
    /// The table and its entries; `None` if there are none, for which no shards are made.
    work: Option<(&'a dyn UsedTable, RestoreSteps)>,
    report: TableRestore,
    /// Values of a table that keeps nothing, for the report to keep.
    homeless: Vec<Box<dyn AnyEntry>>,
}

struct RestoreSteps {
    /// Those of each shard apart, so that one index after the other is filled, of which parts stay in the processor's
    /// caches; those of a table with one order for all shards together.
    bins: Vec<Bin>,
    /// The tags of the keys, by the order of the lines.
    tags: TagLists,
    /// The moment that ages and idle times count back from.
    now: Moment,
    /// How many keys are new to each shard.
    counts: Vec<usize>,
    revision: u64,
    told: Told,
}

/// Lines that are worth being put into bins: the index of fewer is in the processor's caches anyway.
const SPLIT_FROM: usize = 4096;

/// Entries, and those of them that are to be written: most recently used first.
struct Bin {
    entries: Entries,
    lines: Vec<Line>,
}

struct Line {
    /// Number of the entry in its bin.
    number: usize,
    /// Place in the order of the table, from the most recently used on.
    order: usize,
    hash: u32,
    weight: u32,
    at: Location,
}

impl<'a> Restoring<'a> {
    /// Decodes the entries of a table on at most `threads` threads.
    ///
    /// # Errors
    /// Why the table is passed over.
    pub(crate) fn decode(
        table: &'a dyn ErasedTable,
        section: &Section<'_>,
        downtime: Downtime,
        threads: usize,
    ) -> Result<Self, SkipReason> {
        let head = table.head();
        let codec = head.codec().ok_or(SkipReason::NotPersisted)?;
        let Decoded { blocks, skipped } = section.decode(codec, downtime, threads)?;
        let report = TableRestore { skipped_entries: skipped, ..TableRestore::new(head.name) };
        let mut restoring = Self { head, work: None, report, homeless: Vec::new() };
        if !blocks.is_empty()
            && let Some(table) = table.made_for_restore()
        {
            restoring.prepare(table, codec, blocks);
        }
        Ok(restoring)
    }

    /// Takes the entries, which come least recently used first, whose time is not over and for which the table has room:
    /// the last ones, when the bound is smaller than it was. Those of pinned keys are kept whatever their time and the
    /// bound. Of several with one key, the last one used. Runs the weigher.
    fn prepare(&mut self, table: &'a dyn UsedTable, codec: &dyn TableCodec, blocks: Vec<Entries>) {
        let Self { head, report, .. } = self;
        let mut tags = TagLists::default();
        let mut bins = bins(head, codec, blocks.iter().map(Entries::len).sum());
        report.expired = fill(&mut bins, table, blocks, &mut tags);
        let mut known = HashTable::new();
        for bin in &mut bins {
            report.duplicates += bin.drop_duplicates(&mut known);
            for line in &mut bin.lines {
                line.weight = head.weigh(bin.entries.pairs.pair(line.number));
            }
        }
        report.over_bound = fit(table, &mut bins);
        report.restored = bins.iter().map(|bin| bin.lines.len() as u64).sum();
        self.homeless = bins.iter().flat_map(|bin| bin.homeless(head)).collect();
        let now = head.core.precise_now();
        let (counts, told) = (Vec::new(), Told::default());
        self.work = Some((table, RestoreSteps { bins, tags, now, counts, revision: 0, told }));
    }
}

/// Bins for the entries of a table, with room for `count` of them in all.
fn bins(head: &Head, codec: &dyn TableCodec, count: usize) -> Vec<Bin> {
    let has_one_order = head.rules.is_lru() || !head.rules.keeps(None);
    let (bins, room) = match has_one_order || count < SPLIT_FROM {
        true => (1, count),
        // Shards are filled unevenly, a little.
        false => (head.shard_count(), count / head.shard_count() * 9 / 8),
    };
    let mut all = Vec::with_capacity(bins);
    for _ in 0..bins {
        let entries = Entries::new(codec.pairs(room), room);
        all.push(Bin { entries, lines: Vec::with_capacity(room) });
    }
    all
}

/// Moves the entries whose time is not over or whose key is pinned into the bins. Returns how many others there are.
fn fill(bins: &mut [Bin], table: &dyn UsedTable, mut blocks: Vec<Entries>, tags: &mut TagLists) -> u64 {
    let head = table.head();
    let (mut order, mut expired) = (0, 0);
    // Newest first. A block is gone before the next is looked at.
    while let Some(mut block) = blocks.pop() {
        for number in (0..block.len()).rev() {
            let Some(key) = block.key(number) else { continue };
            let hash = head.hash_of(key);
            let EntryMeta { age, idle, ttl, .. } = block.metas[number];
            let is_over = head.rules.is_over(age.into(), idle.into(), ttl.map(Duration::from));
            if is_over && !table.is_pinned(hash, key) {
                expired += 1;
                continue;
            }
            if head.has_entry_tags {
                tags.push(&head.tags_of(key));
            }
            let bin = &mut bins[if bins.len() > 1 { head.place_of(hash) } else { 0 }];
            bin.add(&mut block, number, hash, order);
            order += 1;
        }
    }
    expired
}

impl Bin {
    /// Moves an entry here that others have.
    fn add(&mut self, others: &mut Entries, number: usize, hash: u32, order: usize) {
        let at = Location::default();
        self.lines.push(Line { number: self.entries.len(), order, hash, weight: 0, at });
        self.entries.move_from(others, number);
    }

    /// Keeps the first line of each key and returns how many others there were. Keys that differed when they were saved
    /// may be equal now: if a field is left out of the snapshot, say.
    fn drop_duplicates(&mut self, known: &mut HashTable<usize>) -> u64 {
        let Self { entries, lines } = self;
        known.clear();
        known.reserve(lines.len(), |&at| spread(lines[at].hash));
        let mut is_first = Vec::with_capacity(lines.len());
        for (at, line) in lines.iter().enumerate() {
            let is_it = |&at: &usize| lines[at].hash == line.hash && has_key(entries, lines[at].number, line);
            is_first.push(known.find(spread(line.hash), is_it).is_none());
            if is_first[at] {
                known.insert_unique(spread(line.hash), at, |&at| spread(lines[at].hash));
            }
        }
        let mut at = 0..;
        self.retain(|_| at.next().is_some_and(|at| is_first[at]))
    }

    /// Drops the other lines with their entries, and returns how many there were.
    fn retain(&mut self, mut stays: impl FnMut(&Line) -> bool) -> u64 {
        let Self { entries, lines } = self;
        let before = lines.len();
        lines.retain(|line| {
            let stays = stays(line);
            if !stays {
                entries.pairs.pair_mut(line.number).clear();
            }
            stays
        });
        (before - lines.len()) as u64
    }

    /// Keys and values that the table does not keep, least recently used first.
    fn homeless(&self, head: &Head) -> impl Iterator<Item = Box<dyn AnyEntry>> {
        let Self { entries, lines } = self;
        let is_kept = |line: &&Line| head.rules.keeps(entries.metas[line.number].ttl.map(Duration::from));
        let homeless = lines.iter().rev().filter(move |line| !is_kept(line));
        homeless.filter_map(|line| entries.pairs.pair(line.number).entry())
    }
}

/// Whether an entry has the key of a line.
fn has_key(entries: &Entries, number: usize, line: &Line) -> bool {
    match (entries.key(number), entries.key(line.number)) {
        (Some(one), Some(other)) => one.equals(other),
        _ => false,
    }
}

/// Takes out the lines that are too much for the table. The most recently used come first; in a table of the default
/// policy, which does not know them, those that have been used since they came, and of these the newest. What is pinned
/// takes no room. Returns how many were taken out.
fn fit(table: &dyn UsedTable, bins: &mut [Bin]) -> u64 {
    let rules = &table.head().rules;
    let limit = rules.limit();
    if bins.iter().flat_map(|bin| &bin.lines).map(|line| u64::from(line.weight)).sum::<u64>() <= limit {
        return 0;
    }
    let orders = bins.iter().filter_map(|bin| bin.lines.last()).map(|last| last.order + 1).max();
    let mut claims = vec![Claim { weight: 0, comes_first: false }; orders.unwrap_or(0)];
    for Bin { entries, lines } in &*bins {
        for line in lines {
            let EntryMeta { uses, is_survivor, .. } = entries.metas[line.number];
            let is_pinned = entries.key(line.number).is_some_and(|key| table.is_pinned(line.hash, key));
            claims[line.order] = Claim {
                weight: if is_pinned { 0 } else { line.weight.into() },
                comes_first: uses > 0 && !is_survivor && !rules.is_lru(),
            };
        }
    }
    let fits = fitting(&claims, limit);
    bins.iter_mut().map(|bin| bin.retain(|line| fits[line.order])).sum()
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

/// What is known of an entry that is written at `now`.
fn incoming(meta: &EntryMeta, weight: u32, head: &Head, now: Moment) -> Incoming {
    let (ttl, fresh) = (meta.ttl.map(Duration::from), meta.fresh.map(Duration::from));
    Incoming {
        weight,
        as_of: now - meta.age.into(),
        extra: head.extra(ttl, fresh, None, now - meta.idle.into()),
        placement: Placement::by_rules(weight, ttl.is_some(), &head.rules),
        is_invalidated: meta.invalidated,
        position: Some(QueuePosition { queue: Queue::of_rank(meta.rank), uses: meta.uses }),
    }
}

impl dyn UsedTable + '_ {
    /// Whether a claim on a key is held at this moment.
    fn is_pinned(&self, hash: u32, key: &dyn AnyKey) -> bool {
        let shard = self.shard(self.head().place_of(hash)).read();
        shard.any().pin_of(hash, &|other| key.equals(other)).is_some()
    }
}

impl Restoring<'_> {
    /// Tells what became of the entries.
    pub(crate) fn restored(&mut self, report: &mut RestoreReport) {
        report.tables.push(std::mem::take(&mut self.report));
        report.kept.append(&mut self.homeless);
    }
}

impl Part for Restoring<'_> {
    fn table_index(&self) -> usize {
        self.head.index
    }

    fn open(&mut self) -> Option<(&dyn UsedTable, &mut dyn Steps)> {
        match (self.kind(), &mut self.work) {
            (CommitKind::Write, Some((table, steps))) => Some((*table, steps)),
            _ => None,
        }
    }

    fn kind(&self) -> CommitKind {
        if self.report.restored == 0 { CommitKind::Read } else { CommitKind::Write }
    }

    fn unlocked(&mut self) {
        if let Some((table, steps)) = &mut self.work {
            table.enforce_bound(&self.head.context(self.head.core.now(), steps.revision));
            steps.told.clear();
        }
    }
}

impl Steps for RestoreSteps {
    fn lock(&self, locked: &mut LockedShards<'_>) {
        locked.lock_all();
    }

    fn validate(&mut self, locked: &LockedShards<'_>, commit: &mut Commit<'_>) -> Result<(), Failure> {
        let head = locked.table().head();
        self.counts = vec![0; head.shard_count()];
        for Bin { entries, lines } in &mut self.bins {
            for line in lines.iter_mut().rev() {
                let pair = entries.pairs.pair(line.number);
                let Some(key) = pair.key() else { continue };
                let (shard, is_key) = (locked.shard(line.hash), |other: &dyn AnyKey| key.equals(other));
                line.at = shard.locate(line.hash, &is_key);
                self.counts[head.place_of(line.hash)] += usize::from(line.at.number.is_none());
                self.told.find(Tell::Replaced, head, shard, (line.hash, &is_key));
                head.add_change(&mut commit.changes, ChangeKind::Set, &|| pair.entry());
            }
        }
        Ok(())
    }

    fn install(&mut self, locked: &mut LockedShards<'_>, commit: &Commit<'_>) {
        let Self { bins, tags, now, counts, revision, told } = self;
        *revision = commit.revision();
        let head = locked.table().head();
        let context = head.context(commit.now, *revision);
        let mut shards = locked.open();
        told.tell(&mut shards);
        for (shard, &count) in shards.each().zip(&*counts) {
            shard.begin(&context);
            shard.reserve(count);
        }
        // Each bin is gone before the next is looked at. All of its pairs have been taken by then.
        while let Some(Bin { entries, lines }) = bins.last_mut() {
            for line in lines.iter().rev() {
                let Some(shard) = shards.of(line.hash) else { continue };
                let at = shard.meet(line.at, &context);
                let incoming = incoming(&entries.metas[line.number], line.weight, head, *now);
                let pair = entries.pairs.pair_mut(line.number);
                let number = shard.write(pair, line.hash, at, incoming, &context);
                shard.tag(number, tags.at(line.order));
            }
            bins.pop();
        }
        for shard in shards.each() {
            shard.finish(&context);
            head.publish(shard);
        }
    }
}
