//! Puts saved entries into a table, as a part of a commit.

use std::time::Duration;

use hashbrown::HashTable;

use super::affected::Affected;
use super::locked_shards::LockedShards;
use super::{Commit, CommitKind, Failure, Part, Steps};
use crate::clock::Moment;
use crate::entry_times::OwnTimes;
use crate::erased::{ErasedTable, UsedTable};
use crate::event::ChangeKind;
use crate::hash_index::spread;
use crate::retention::Queue;
use crate::shard::key::AnyEntry;
use crate::shard::key::AnyKey;
use crate::shard::saved_entries::{Downtime, Entries, EntryMeta};
use crate::shard::{Incoming, Location, Placement, QueuePosition};
use crate::snapshot::{RestoreReport, Section, SkipReason, TableCodec, TableRestore};
use crate::table::head::Head;
use crate::table::tags::TagLists;
use crate::table::watchers::KeyEvent;

/// The entries of one table that are being restored.
pub(crate) struct RestorePart<'a> {
    head: &'a Head,
    /// The table and its entries. `None` without entries, so that no shards are created.
    work: Option<(&'a dyn UsedTable, RestoreSteps)>,
    report: TableRestore,
    /// Values of a table that keeps nothing, for the report to keep.
    unplaced: Vec<Box<dyn AnyEntry>>,
}

struct RestoreSteps {
    sorted: Sorted,
    /// The moment that ages and idle times count back from.
    now: Moment,
    /// Number of new keys for each shard.
    counts: Vec<usize>,
    revision: u64,
    affected: Affected,
}

/// The entries of a table that are still to be written.
#[derive(Default)]
struct Sorted {
    /// One bin for each shard, so that the indexes are filled one after the other and stay in the processor's
    /// caches. One bin for the whole table if it has one order for all shards.
    bins: Vec<Bin>,
    /// The tags of the keys, in the order of the lines.
    tags: TagLists,
    /// Number of entries so far.
    count: usize,
    /// Number of other entries that have expired.
    expired: u64,
}

/// Number of lines above which bins pay off: a smaller index fits into the processor's caches anyway.
const SPLIT_FROM: u64 = 4096;

/// Entries, and the lines to be written, least recently used first.
struct Bin {
    entries: Entries,
    lines: Vec<RestoredLine>,
}

struct RestoredLine {
    /// Number of the entry in its bin.
    number: usize,
    /// Place in the order of the table; 0 is the least recently used.
    order: usize,
    hash: u32,
    weight: u32,
    at: Location,
}

impl<'a> RestorePart<'a> {
    /// Decodes the entries of a table on at most `threads` threads.
    ///
    /// # Errors
    /// Why the table is skipped.
    pub(crate) fn decode(
        table: &'a dyn ErasedTable,
        section: &Section<'_>,
        downtime: Downtime,
        threads: usize,
    ) -> Result<Self, SkipReason> {
        let head = table.head();
        let codec = head.codec().ok_or(SkipReason::NotPersisted)?;
        let (mut used, mut sorted) = (None, Sorted::default());
        let skipped = section.decode(codec, downtime, threads, &mut |block| {
            if used.is_none() {
                used = table.ensure_shards_for_restore();
                sorted.bins = bins(head, codec, section.entries());
            }
            if let Some(table) = used {
                sorted.add(block, table);
            }
        })?;
        let report = TableRestore { skipped_entries: skipped, ..TableRestore::new(head.name) };
        let mut restoring = Self { head, work: None, report, unplaced: Vec::new() };
        if let Some(table) = used {
            restoring.prepare(table, sorted);
        }
        Ok(restoring)
    }

    /// Keeps the entries for which the table has room: the last ones, if the bound is smaller than it was.
    /// Entries of pinned keys are always kept. Of several entries with one key, it keeps the last one used.
    /// Runs the weigher.
    fn prepare(&mut self, table: &'a dyn UsedTable, mut sorted: Sorted) {
        let Self { head, report, .. } = self;
        report.expired = sorted.expired;
        let mut known = HashTable::new();
        for bin in &mut sorted.bins {
            report.duplicates += bin.drop_duplicates(&mut known);
            if head.rules.is_weighted() {
                for line in &mut bin.lines {
                    line.weight = head.weigh(bin.entries.pairs.pair(line.number));
                }
            }
        }
        report.over_bound = fit(table, &mut sorted);
        report.restored = sorted.bins.iter().map(|bin| bin.lines.len() as u64).sum();
        self.unplaced = sorted.bins.iter().flat_map(|bin| bin.unplaced(head)).collect();
        let now = head.shared.precise_now();
        let (counts, affected) = (Vec::new(), Affected::default());
        self.work = Some((table, RestoreSteps { sorted, now, counts, revision: 0, affected }));
    }
}

/// Creates the bins for the entries of a table, with room for `count` entries in all.
fn bins(head: &Head, codec: &dyn TableCodec, count: u64) -> Vec<Bin> {
    let has_one_order = head.rules.is_lru() || !head.rules.keeps(None);
    let bins = if has_one_order || count < SPLIT_FROM { 1 } else { head.shard_count() };
    // `count` is at most what the file holds, which is in memory. Shards fill a little unevenly.
    let count = usize::try_from(count).unwrap_or(0);
    let room = if bins == 1 { count } else { count / bins * 9 / 8 };
    let mut all = Vec::with_capacity(bins);
    for _ in 0..bins {
        let entries = Entries::new(codec.pairs(room), room);
        all.push(Bin { entries, lines: Vec::with_capacity(room) });
    }
    all
}

impl Sorted {
    /// Moves the entries of a block here that have not expired or whose keys are pinned.
    fn add(&mut self, block: &mut Entries, table: &dyn UsedTable) {
        let head = table.head();
        let Self { bins, tags, count, expired } = self;
        for number in 0..block.len() {
            let Some(key) = block.key(number) else { continue };
            let hash = head.hash_of(key);
            let EntryMeta { age, idle, own: OwnTimes { ttl, .. }, .. } = block.metas[number];
            let is_over = (head.rules.is_timed || ttl.is_some())
                && head.rules.is_over(age.into(), idle.into(), ttl.map(Duration::from));
            if is_over && !table.is_pinned(hash, key) {
                *expired += 1;
                continue;
            }
            if head.has_entry_tags {
                tags.push(&head.tags_of(key));
            }
            let place = if bins.len() > 1 { head.place_of(hash) } else { 0 };
            bins[place].add(block, number, hash, *count);
            *count += 1;
        }
    }
}

impl Bin {
    /// Moves an entry from `others` to this bin.
    fn add(&mut self, others: &mut Entries, number: usize, hash: u32, order: usize) {
        let at = Location::default();
        self.lines.push(RestoredLine { number: self.entries.len(), order, hash, weight: 1, at });
        self.entries.move_from(others, number);
    }

    /// Keeps the last line of each key, and returns how many others it dropped. Keys that differed when they
    /// were saved may be equal now, for example if a field is not saved.
    fn drop_duplicates(&mut self, known: &mut HashTable<usize>) -> u64 {
        let Self { entries, lines } = self;
        known.clear();
        known.reserve(lines.len(), |&at| spread(lines[at].hash));
        let mut is_last = vec![true; lines.len()];
        for (at, line) in lines.iter().enumerate().rev() {
            let is_it = |&at: &usize| lines[at].hash == line.hash && has_key(entries, lines[at].number, line);
            is_last[at] = known.find(spread(line.hash), is_it).is_none();
            if is_last[at] {
                known.insert_unique(spread(line.hash), at, |&at| spread(lines[at].hash));
            }
        }
        let mut at = 0..;
        self.retain(|_| at.next().is_some_and(|at| is_last[at]))
    }

    /// Keeps the lines that `stays` accepts. Returns how many it dropped, with their entries.
    fn retain(&mut self, mut stays: impl FnMut(&RestoredLine) -> bool) -> u64 {
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

    /// Returns the keys and values that the table does not keep, least recently used first.
    fn unplaced(&self, head: &Head) -> impl Iterator<Item = Box<dyn AnyEntry>> {
        let Self { entries, lines } = self;
        let is_kept =
            |line: &&RestoredLine| head.rules.keeps(entries.metas[line.number].own.ttl.map(Duration::from));
        let unplaced = lines.iter().filter(move |line| !is_kept(line));
        unplaced.filter_map(|line| entries.pairs.pair(line.number).entry())
    }
}

/// Returns whether an entry has the key of a line.
fn has_key(entries: &Entries, number: usize, line: &RestoredLine) -> bool {
    match (entries.key(number), entries.key(line.number)) {
        (Some(one), Some(other)) => one.equals(other),
        _ => false,
    }
}

/// Takes out the lines that exceed the bound of the table. The most recently used lines have priority. The
/// default policy does not know the order of use: there, lines that were used since they were added have
/// priority, then the newest. Pinned entries take no room. Returns how many lines it took out.
fn fit(table: &dyn UsedTable, sorted: &mut Sorted) -> u64 {
    let rules = &table.head().rules;
    let limit = rules.limit();
    let Sorted { bins, count, .. } = sorted;
    if bins.iter().flat_map(|bin| &bin.lines).map(|line| u64::from(line.weight)).sum::<u64>() <= limit {
        return 0;
    }
    let mut claims = vec![Claim { weight: 0, comes_first: false }; *count];
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

/// The room that an entry needs.
#[derive(Clone, Copy)]
struct Claim {
    weight: u64,
    comes_first: bool,
}

/// Returns which claims find room. The last ones have priority.
fn fitting(claims: &[Claim], mut room: u64) -> Vec<bool> {
    let mut fits = vec![false; claims.len()];
    for comes_first in [true, false] {
        let claims = claims.iter().zip(&mut fits).rev();
        for (claim, fits) in claims.filter(|(claim, _)| claim.comes_first == comes_first) {
            if let Some(left) = room.checked_sub(claim.weight) {
                (room, *fits) = (left, true);
            }
        }
    }
    fits
}

/// Describes a restored entry that is written at `now`.
fn incoming(meta: &EntryMeta, weight: u32, head: &Head, now: Moment) -> Incoming {
    Incoming {
        weight,
        as_of: now - meta.age.into(),
        extra: head.extra(meta.own, None, now - meta.idle.into()),
        placement: Placement::by_rules(weight, meta.own.ttl.is_some(), &head.rules),
        is_invalidated: meta.invalidated || head.marks_restored(),
        position: Some(QueuePosition { queue: Queue::of_rank(meta.rank), uses: meta.uses }),
    }
}

impl dyn UsedTable + '_ {
    /// Returns whether a key is pinned at this moment.
    fn is_pinned(&self, hash: u32, key: &dyn AnyKey) -> bool {
        let shard = self.shard(self.head().place_of(hash)).read();
        shard.any().pin_of(hash, &|other| key.equals(other)).is_some()
    }
}

impl RestorePart<'_> {
    /// Reports what happened to the entries.
    pub(crate) fn restored(&mut self, report: &mut RestoreReport) {
        report.tables.push(std::mem::take(&mut self.report));
        report.kept.append(&mut self.unplaced);
    }
}

impl Part for RestorePart<'_> {
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
            table.enforce_bound(&self.head.context(self.head.shared.now(), steps.revision));
            steps.affected.clear();
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
        for Bin { entries, lines } in &mut self.sorted.bins {
            for line in lines {
                let pair = entries.pairs.pair(line.number);
                let Some(key) = pair.key() else { continue };
                let (shard, is_key) = (locked.shard(line.hash), |other: &dyn AnyKey| key.equals(other));
                line.at = shard.locate(line.hash, &is_key);
                self.counts[head.place_of(line.hash)] += usize::from(line.at.number.is_none());
                self.affected.find(KeyEvent::Replaced, head, shard, (line.hash, &is_key));
                head.add_change(&mut commit.changes, ChangeKind::Set, &|| pair.entry());
            }
        }
        Ok(())
    }

    fn install(&mut self, locked: &mut LockedShards<'_>, commit: &Commit<'_>) {
        let Self { sorted: Sorted { bins, tags, .. }, now, counts, revision, affected } = self;
        *revision = commit.revision();
        let head = locked.table().head();
        let context = head.context(commit.now, *revision);
        let mut shards = locked.open();
        affected.notify(&mut shards);
        for (shard, &count) in shards.each().zip(&*counts) {
            shard.begin(&context);
            shard.reserve(count);
        }
        // Each bin is freed before the next one is read. All of its pairs have been taken by then.
        while let Some(Bin { entries, lines }) = bins.last_mut() {
            for line in &*lines {
                head.note_input_change(line.hash);
                let Some(shard) = shards.of(line.hash) else { continue };
                let at = shard.expire_at(line.at, &context);
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
