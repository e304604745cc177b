//! The entries of one table as they were at one moment. While the gate is closed, a save notes their order,
//! and each shard begins to put aside what changes. After that the entries are copied a few at a time, while
//! they are encoded.
//!
//! Each shard has an order of its own; a snapshot has one for the whole table. The entries of a small table,
//! and those that the default policy does not keep, are sorted. The queues of a large table are cut into
//! pieces, and the pieces at the same place in the queues of all shards go together: among thousands of
//! entries, an order that is off by a few dozen places is good enough.

use std::ops::Range;
use std::panic::resume_unwind;

use super::persistence::TableCodec;
use crate::clock::Moment;
use crate::erased::UsedTable;
use crate::options::Bound;
use crate::retention::Queue;
use crate::retention::list::List;
use crate::shard::Membership;
use crate::shard::saved_entries::Entries;
use crate::shard::saves::{QueuesCopy, RunningSave, SaveId, Standing, touched};
use crate::sync::Mutex;

/// Number of entries that one thread encodes together: few enough to stay in the L2 cache until then, enough
/// to be copied in pieces that are worth prefetching.
const CHUNK: usize = if cfg!(cache_model) { 2 } else { 512 };
/// Number of entries above which it is worth starting another thread, and copying in pieces is worth the loss
/// of order.
const LARGE: usize = if cfg!(cache_model) { 4 } else { 8 * CHUNK };
/// Number of entries that are copied while a shard is locked and its writers wait. The processor fetches them
/// in parallel.
const BATCH: usize = if cfg!(cache_model) { 1 } else { 32 };
/// Number of lines that are read while a shard is locked.
const LOOKS: u32 = if cfg!(cache_model) { 1 } else { 1024 };

/// Returns how many threads to use for this many entries.
pub(super) fn worth(threads: usize, entries: usize) -> usize {
    threads.min(entries / LARGE).max(1)
}

/// A save of a table. Its shards put aside what changes until this is dropped.
struct OpenSave<'a> {
    table: &'a dyn UsedTable,
    id: SaveId,
}

/// A save of a table that has not begun, with the memory that it needs. An allocator may take long for a
/// large block after many small ones have been freed (glibc: 80 ms after 1,000,000 removals), and writers
/// would wait for it.
pub(super) struct Prepared<'a> {
    save: OpenSave<'a>,
    codec: &'a dyn TableCodec,
    shards: Vec<(RunningSave, QueuesCopy)>,
    order: Vec<u32>,
    noted: Vec<NotedShard>,
}

/// The entries of a table at one moment, not yet in one order.
pub(super) struct Noted<'a> {
    save: OpenSave<'a>,
    codec: &'a dyn TableCodec,
    shards: Vec<NotedShard>,
    /// The exact order of the table, if it has one, and the next node of each node.
    order: Option<(List, Vec<u32>)>,
    is_large: bool,
}

struct NotedShard {
    lines: u32,
    /// Entries that the default policy does not keep, survivors included.
    others: usize,
    queues: QueuesCopy,
}

/// The entries of a table at one moment, in order.
pub(super) struct Captured<'a> {
    source: Source<'a>,
    codec: &'a dyn TableCodec,
    chunks: Vec<Chunk>,
    /// Least recently used first. Survivors come before all others, pinned entries after all others.
    ranked: Vec<Ranked>,
    /// The small queue and the main queue of each shard of a large table.
    queues: Vec<[Vec<u32>; 2]>,
    /// Number of entries in a piece of a queue.
    piece: usize,
    /// The first entries, if they were read, and how far the first chunk has been copied with them.
    first: Mutex<Option<(Entries, usize)>>,
}

/// Where the entries come from.
enum Source<'a> {
    Table(OpenSave<'a>),
    /// A list that the numbers refer to.
    #[cfg(test)]
    Entries(Mutex<Entries>),
}

/// Entries that are encoded together.
enum Chunk {
    Ranked(Range<usize>),
    /// The pieces at this place in the queues of all shards.
    Queued(Queue, usize),
}

/// How far a chunk has been copied.
#[derive(Default)]
pub(super) struct CopyProgress {
    chunk: usize,
    piece: usize,
}

impl CopyProgress {
    /// Starts at the beginning of a chunk.
    pub(super) fn of(chunk: usize) -> Self {
        Self { chunk, piece: 0 }
    }
}

/// The sort key of an entry: its class, then its order of use.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    class: RankGroup,
    /// The place in the order of the table or shard. In the small queues of the default policy, the highest
    /// revision up to this entry, which keeps the order of each shard and merges several shards by the time
    /// of their writes.
    first: u64,
    /// Breaks ties: the revision, or the place.
    then: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum RankGroup {
    Survivor,
    Resident,
    /// In the main queue of the default policy.
    Main,
    Pinned,
}

/// An entry with its rank. Entries of equal rank are sorted by shard and number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ranked {
    rank: Rank,
    shard: u32,
    number: u32,
}

impl dyn UsedTable + '_ {
    /// Prepares a save.
    pub(super) fn prepare_save<'a>(&'a self, codec: &'a dyn TableCodec) -> Prepared<'a> {
        let shards = self.head().shard_count();
        let mut prepared = Prepared {
            save: OpenSave { table: self, id: SaveId::new() },
            codec,
            shards: Vec::with_capacity(shards),
            order: Vec::new(),
            noted: Vec::with_capacity(shards),
        };
        let (mut entries, mut lines) = (0, Vec::with_capacity(shards));
        self.each_shard(&mut |shard| {
            shard.expect_save();
            entries += shard.count();
            lines.push(shard.numbers().end);
        });
        let has_queues = matches!(self.head().rules.bound, Some(Bound::Capacity(_) | Bound::Weight(_)));
        if self.head().rules.is_lru() {
            prepared.order = touched(lines.iter().map(|&lines| lines as usize).sum());
        }
        for lines in lines {
            let save = RunningSave::new(prepared.save.id, lines, Entries::new(codec.pairs(0), 0));
            let queued = if has_queues { lines as usize } else { 0 };
            prepared.shards.push((save, QueuesCopy::with_room_for(queued, entries < LARGE)));
        }
        prepared
    }
}

impl<'a> Prepared<'a> {
    /// Notes the entries to be saved. Must be called while the gate is closed, so it should be quick.
    pub(super) fn note(self, with_survivors: bool, now: Moment) -> Noted<'a> {
        let Self { save, codec, shards, mut order, noted } = self;
        let (table, rules) = (save.table, &save.table.head().rules);
        let mut entries = 0;
        table.each_shard(&mut |shard| entries += shard.count());
        let order = table.head().recency().map(|recency| (recency.copy(&mut order), order));
        let is_large = entries >= LARGE;
        let mut noted = Noted { save, codec, shards: noted, order, is_large };
        let mut prepared = shards.into_iter();
        table.each_shard(&mut |shard| {
            let Some((save, mut queues)) = prepared.next() else { return };
            shard.begin_save(save, rules, now, with_survivors);
            shard.copy_queues(rules, now, !is_large, &mut queues);
            let others = shard.count() - queues.len();
            noted.shards.push(NotedShard { lines: shard.numbers().end, others, queues });
        });
        noted
    }
}

impl<'a> Noted<'a> {
    /// Puts the entries in order.
    pub(super) fn arrange(self) -> Captured<'a> {
        let Self { save, codec, shards, order, is_large } = self;
        let order = order.map_or_else(Vec::new, |(list, next)| places(&list, &next));
        let (mut ranked, mut queues) = (Vec::new(), Vec::new());
        for (noted, shard) in shards.into_iter().zip(0..) {
            if is_large {
                let wanted = |number: &u32| !noted.queues.is_expired(*number);
                queues.push(noted.queues.queues().map(|numbers| numbers.filter(wanted).collect::<Vec<_>>()));
            } else {
                rank_queues(&noted.queues, shard, &mut ranked);
            }
            if noted.others > 0 {
                ranked.reserve(noted.others);
                save.rank_others(shard, noted.lines, &order, &mut ranked);
            }
        }
        ranked.sort_unstable();
        Captured::new(Source::Table(save), codec, ranked, queues)
    }
}

/// Ranks the entries that the default policy keeps.
fn rank_queues(copy: &QueuesCopy, shard: u32, ranked: &mut Vec<Ranked>) {
    let (mut newest, mut place) = (0, 0);
    for (queue, numbers) in [Queue::Small, Queue::Main].into_iter().zip(copy.queues()) {
        for number in numbers {
            place += 1;
            if copy.is_expired(number) {
                continue;
            }
            let revision = copy.revision(number);
            let rank = match queue {
                Queue::Small => {
                    newest = revision.max(newest);
                    Rank { class: RankGroup::Resident, first: newest, then: place }
                }
                Queue::Main => Rank { class: RankGroup::Main, first: place, then: revision },
            };
            ranked.push(Ranked { rank, shard, number });
        }
    }
}

impl OpenSave<'_> {
    /// Ranks the entries that the default policy does not keep.
    fn rank_others(&self, shard: u32, lines: u32, order: &[u64], ranked: &mut Vec<Ranked>) {
        let mut start = 0;
        while start < lines {
            let end = start.saturating_add(LOOKS).min(lines);
            let locked = self.table.shard(shard as usize).read();
            let listed = locked.any().standings(self.id, start..end, &mut |number, standing| {
                ranked.push(Ranked { rank: rank(standing, order), shard, number });
            });
            drop(locked);
            listed.unwrap_or_else(|panic| resume_unwind(panic));
            start = end;
        }
    }

    /// Copies entries of one shard, a few at a time.
    ///
    /// # Panics
    /// If the `Clone` of a key panics, or panicked while a writer put it aside.
    fn copy(&self, shard: u32, numbers: &[u32], copies: &mut Entries) {
        for batch in numbers.chunks(BATCH) {
            let copied = self.table.shard(shard as usize).read().any().copy_for_save(self.id, batch, copies);
            copied.unwrap_or_else(|panic| resume_unwind(panic));
        }
    }
}

impl Drop for OpenSave<'_> {
    fn drop(&mut self) {
        let mut ended = Vec::new();
        for shard in 0..self.table.head().shard_count() {
            ended.extend(self.table.shard(shard).read().any().end_save(self.id));
        }
        // Without locks, and after the save has ended in all shards, since the drop of a value may panic.
        drop(ended);
    }
}

fn rank(standing: Standing, order: &[u64]) -> Rank {
    let class = match standing.membership {
        Membership::Pinned => RankGroup::Pinned,
        Membership::Main => RankGroup::Main,
        membership if membership.is_resident() => RankGroup::Resident,
        _ => RankGroup::Survivor,
    };
    let is_ordered = standing.membership == Membership::Ordered;
    let place = order.get(standing.node as usize).filter(|_| is_ordered);
    Rank { class, first: place.copied().unwrap_or(0), then: standing.revision }
}

/// Returns the place of each node in the order, by number.
fn places(list: &List, next: &[u32]) -> Vec<u64> {
    let mut places = vec![0; next.len()];
    list.iter_in(next).zip(0..).for_each(|(number, place)| places[number as usize] = place);
    places
}

impl<'a> Captured<'a> {
    fn new(
        source: Source<'a>,
        codec: &'a dyn TableCodec,
        ranked: Vec<Ranked>,
        queues: Vec<[Vec<u32>; 2]>,
    ) -> Self {
        let piece = CHUNK.div_ceil(queues.len().max(1));
        let mut chunks = Vec::new();
        let pinned = ranked.partition_point(|entry| entry.rank.class < RankGroup::Pinned);
        add_ranked(0..pinned, &mut chunks);
        for queue in [Queue::Small, Queue::Main] {
            let longest = queues.iter().map(|queues| queues[usize::from(queue.rank())].len()).max();
            let pieces = longest.unwrap_or(0).div_ceil(piece);
            chunks.extend((0..pieces).map(|place| Chunk::Queued(queue, place)));
        }
        add_ranked(pinned..ranked.len(), &mut chunks);
        Self { source, codec, chunks, ranked, queues, piece, first: Mutex::new(None) }
    }

    /// Returns the number of entries.
    pub(super) fn len(&self) -> usize {
        self.ranked.len() + self.queues.iter().flatten().map(Vec::len).sum::<usize>()
    }

    /// Returns the number of chunks, none of which is empty.
    pub(super) fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Copies the next entries of a chunk; `None` once it has no more.
    ///
    /// # Panics
    /// If the `Clone` of a key panics, or panicked while a writer put it aside.
    pub(super) fn next_piece(&self, progress: &mut CopyProgress) -> Option<Entries> {
        let CopyProgress { chunk, piece } = progress;
        if (*chunk, *piece) == (0, 0)
            && let Some((first, next)) = self.first.lock().take()
        {
            *piece = next;
            return Some(first);
        }
        match &self.chunks[*chunk] {
            Chunk::Ranked(range) if *piece == 0 => {
                *piece = 1;
                Some(self.copy_ranked(&self.ranked[range.clone()]))
            }
            Chunk::Ranked(_) => None,
            Chunk::Queued(queue, place) => loop {
                let shard = *piece;
                *piece += 1;
                let numbers = &self.queues.get(shard)?[usize::from(queue.rank())];
                let numbers = numbers.get(place * self.piece..).unwrap_or(&[]);
                let numbers = &numbers[..numbers.len().min(self.piece)];
                if !numbers.is_empty() {
                    return Some(self.copy_queued(shard as u32, *queue, numbers));
                }
            },
        }
    }

    /// Reads the first entries without taking them.
    pub(super) fn with_first<T>(&self, read: impl FnOnce(&Entries) -> T) -> Option<T> {
        if self.chunks.is_empty() {
            return None;
        }
        let mut progress = CopyProgress::default();
        let first = self.next_piece(&mut progress)?;
        let seen = read(&first);
        *self.first.lock() = Some((first, progress.piece));
        Some(seen)
    }

    fn copy_queued(&self, shard: u32, queue: Queue, numbers: &[u32]) -> Entries {
        let mut copies = Entries::new(self.codec.pairs(numbers.len()), numbers.len());
        self.copy(shard, numbers, &mut copies);
        // It may have gone from one queue to the other since.
        copies.metas.iter_mut().for_each(|meta| meta.rank = queue.rank());
        copies
    }

    /// Copies entries of several shards, one shard after the other, and puts them in order.
    fn copy_ranked(&self, ranked: &[Ranked]) -> Entries {
        let mut by_shard: Vec<usize> = (0..ranked.len()).collect();
        by_shard.sort_by_key(|&at| ranked[at].shard);
        let new = || Entries::new(self.codec.pairs(ranked.len()), ranked.len());
        let (mut copies, mut numbers) = (new(), Vec::with_capacity(ranked.len()));
        for places in by_shard.chunk_by(|&one, &other| ranked[one].shard == ranked[other].shard) {
            numbers.clear();
            numbers.extend(places.iter().map(|&at| ranked[at].number));
            self.copy(ranked[places[0]].shard, &numbers, &mut copies);
        }
        for (meta, &at) in copies.metas.iter_mut().zip(&by_shard) {
            // It may have gone from one queue to the other since.
            match ranked[at].rank.class {
                RankGroup::Resident => meta.rank = Queue::Small.rank(),
                RankGroup::Main => meta.rank = Queue::Main.rank(),
                RankGroup::Survivor | RankGroup::Pinned => {}
            }
        }
        if by_shard.is_sorted() {
            return copies;
        }
        let mut copied = vec![0; ranked.len()];
        by_shard.iter().zip(0..copies.len()).for_each(|(&at, copy)| copied[at] = copy);
        let mut entries = new();
        copied.into_iter().for_each(|copy| entries.move_from(&mut copies, copy));
        entries
    }

    fn copy(&self, shard: u32, numbers: &[u32], copies: &mut Entries) {
        match &self.source {
            Source::Table(save) => save.copy(shard, numbers, copies),
            #[cfg(test)]
            Source::Entries(entries) => {
                numbers.iter().for_each(|&number| copies.move_from(&mut entries.lock(), number as usize));
            }
        }
    }
}

fn add_ranked(range: Range<usize>, chunks: &mut Vec<Chunk>) {
    let starts = range.clone().step_by(CHUNK);
    chunks.extend(starts.map(|start| Chunk::Ranked(start..range.end.min(start + CHUNK))));
}

#[cfg(test)]
impl<'a> Captured<'a> {
    /// Captures these entries, in this order.
    pub(super) fn of_entries(codec: &'a dyn TableCodec, entries: Entries) -> Self {
        let rank = |number| Rank { class: RankGroup::Survivor, first: u64::from(number), then: 0 };
        let ranked = (0..entries.len() as u32).map(|number| Ranked { rank: rank(number), shard: 0, number });
        let ranked = ranked.collect();
        Self::new(Source::Entries(Mutex::new(entries)), codec, ranked, Vec::new())
    }
}
