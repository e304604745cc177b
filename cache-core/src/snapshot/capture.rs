//! The entries of one table at one moment, copied shard by shard while the gate is closed, and put in order after
//! that.
//!
//! Each shard has an order of its own; a snapshot has one for the whole table. The entries of a small table, and those
//! that the default policy does not keep, are sorted. The queues of a large table are copied in pieces, and the pieces
//! of all shards that are at the same place in their queues go together: so no copy is moved, and a few dozen places
//! more or less are as good as exact among thousands of entries.

use std::convert::Infallible;

use smallvec::SmallVec;

use super::entry::Entries;
use super::pairs::AnyPairs;
use super::parallel::in_order;
use super::persistence::TableCodec;
use crate::clock::Moment;
use crate::erased::UsedTable;
use crate::shard::{Membership, ShardRef, View};

/// Entries that are encoded together by one thread: few enough to stay in the second cache until they are, enough to
/// be copied in pieces that are worth fetching.
const CHUNK: usize = 512;
/// Entries of a table for which another thread is worth its start, and copying in pieces worth the loss of order.
const LARGE: usize = 8 * CHUNK;
/// Values whose reference counts are asked for together.
const BATCH: usize = 32;

/// Copies of entries that are to be encoded together, in pieces.
pub(super) type Chunk = Vec<Entries>;

/// Copies of the entries of one table.
pub(super) struct Captured(Vec<CapturedShard>);

/// Copies of the entries of one shard.
#[derive(Default)]
struct CapturedShard {
    /// The small queue and the main one of the default policy: pieces, in their order.
    queues: [Chunk; 2],
    /// All others, once there is one.
    rest: Option<Entries>,
    /// Those of the rest.
    ranks: Vec<Rank>,
}

/// Place of an entry that is sorted: by class, and in the order of use within that.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    class: Class,
    /// The place in the order of the table or shard. In the small queues of the default policy, the highest revision up
    /// to there: that keeps the order of each shard, and puts those of several together by the time of their writes.
    first: u64,
    /// Decides where that is the same: the revision, or the place.
    then: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Survivor,
    Resident,
    /// In the main queue of the default policy.
    Main,
    Pinned,
}

/// An entry of the rest of a shard. Those of the same rank are in the order of shards and of numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ranked {
    rank: Rank,
    shard: u32,
    number: u32,
}

/// Of how many threads to make use for so many entries.
pub(super) fn worth(threads: usize, entries: usize) -> usize {
    threads.min(entries / LARGE).max(1)
}

impl dyn UsedTable + '_ {
    /// Copies the entries that are to be saved, on at most `threads` threads. To be called while the gate is closed.
    pub(super) fn capture(
        &self,
        codec: &dyn TableCodec,
        with_survivors: bool,
        now: Moment,
        threads: usize,
    ) -> Captured {
        let (head, mut entries) = (self.head(), 0);
        self.each_shard(&mut |shard| entries += shard.count());
        let shards = head.shard_count();
        let capturing = Capturing {
            table: self,
            codec,
            pairs: codec.pairs(0),
            order: head.recency().map_or_else(Vec::new, |recency| places(&recency.oldest_first())),
            piece: (entries >= LARGE).then_some(CHUNK.div_ceil(shards.max(1))),
            with_survivors,
            now,
        };
        let mut captured = Vec::with_capacity(shards);
        let copy = |place, copied: &mut CapturedShard| {
            self.read_shard(place, &mut |shard| capturing.copy_shard(shard, copied));
        };
        let done = in_order(shards, worth(threads, entries), usize::MAX, copy, |copied| {
            captured.push(std::mem::take(copied));
            Ok::<_, Infallible>(())
        });
        match done {
            Ok(()) => Captured(captured),
            Err(never) => match never {},
        }
    }
}

/// What is to be copied of a table.
struct Capturing<'a> {
    table: &'a dyn UsedTable,
    codec: &'a dyn TableCodec,
    /// The way to the typed part of a shard.
    pairs: Box<dyn AnyPairs>,
    /// Of a table in exact order: the place in it of each node.
    order: Vec<u64>,
    /// Entries of a piece, if the queues are copied in pieces.
    piece: Option<usize>,
    with_survivors: bool,
    now: Moment,
}

impl Capturing<'_> {
    /// Adds to `copied`, which outlives the lock even if the `Clone` of a key panics: it may hold the last handle of a
    /// value by then.
    fn copy_shard(&self, shard: ShardRef<'_>, copied: &mut CapturedShard) {
        let queued = self.copy_queues(shard, copied);
        if queued == shard.count() {
            return;
        }
        for number in shard.numbers() {
            let Some(view) = shard.view(number) else { continue };
            if view.state.membership.queue().is_some() || !self.is_wanted(&view) {
                continue;
            }
            let is_ordered = view.state.membership == Membership::Ordered;
            let place = self.order.get(view.state.aside as usize).filter(|_| is_ordered);
            let rank = rank(&view, place.copied().unwrap_or(0));
            self.copy_ranked(shard, number, &view, rank, copied);
        }
    }

    /// Copies what the default policy keeps. Returns how many entries it looked at.
    fn copy_queues(&self, shard: ShardRef<'_>, copied: &mut CapturedShard) -> usize {
        let (mut queued, mut newest) = (0, 0);
        let mut numbers = shard.policy_order();
        let mut batch = SmallVec::<[u32; BATCH]>::new();
        loop {
            batch.clear();
            batch.extend(numbers.by_ref().take(BATCH));
            if batch.is_empty() {
                return queued;
            }
            self.pairs.fetch_lines(shard.lines, &batch);
            for (&number, place) in batch.iter().zip(queued as u64..) {
                let Some(view) = shard.view(number).filter(|view| self.is_wanted(view)) else { continue };
                if let Some(full) = self.piece {
                    let queue = usize::from(view.state.membership == Membership::Main);
                    let entries = self.with_room(&mut copied.queues[queue], full);
                    self.copy(shard, number, &view, entries);
                } else if view.state.membership == Membership::Small {
                    newest = view.record.revision.max(newest);
                    let rank = Rank { class: Class::Resident, first: newest, then: place };
                    self.copy_ranked(shard, number, &view, rank, copied);
                } else {
                    self.copy_ranked(shard, number, &view, rank(&view, place), copied);
                }
            }
            queued += batch.len();
        }
    }

    fn is_wanted(&self, view: &View<'_>) -> bool {
        let is_over = view.state.membership != Membership::Pinned
            && view.is_expired(&self.table.head().rules, self.now);
        !is_over && (self.with_survivors || view.is_resident())
    }

    fn copy_ranked(
        &self,
        shard: ShardRef<'_>,
        number: u32,
        view: &View<'_>,
        rank: Rank,
        copied: &mut CapturedShard,
    ) {
        let rest = copied.rest.get_or_insert_with(|| Entries::new(self.codec.pairs(0), 0));
        if self.copy(shard, number, view, rest) {
            copied.ranks.push(rank);
        }
    }

    #[inline]
    fn copy(&self, shard: ShardRef<'_>, number: u32, view: &View<'_>, entries: &mut Entries) -> bool {
        let is_alive = entries.pairs.copy(shard.lines, number);
        if is_alive {
            entries.metas.push(view.meta(self.now));
        }
        is_alive
    }

    /// The last piece, or another one if that has `full` entries.
    fn with_room<'e>(&self, pieces: &'e mut Chunk, full: usize) -> &'e mut Entries {
        if pieces.last().is_none_or(|piece| piece.len() >= full) {
            pieces.push(Entries::new(self.codec.pairs(full), full));
        }
        let last = pieces.len() - 1;
        &mut pieces[last]
    }
}

fn rank(view: &View<'_>, place: u64) -> Rank {
    let class = match view.state.membership {
        Membership::Pinned => Class::Pinned,
        Membership::Main => Class::Main,
        _ if view.is_resident() => Class::Resident,
        _ => Class::Survivor,
    };
    Rank { class, first: place, then: view.record.revision }
}

/// The place of each number in its order, by number.
fn places(numbers: &[u32]) -> Vec<u64> {
    let mut places = vec![0; numbers.iter().max().map_or(0, |&last| last as usize + 1)];
    numbers.iter().zip(0..).for_each(|(&number, place)| places[number as usize] = place);
    places
}

impl Captured {
    /// All entries, least recently used first; survivors before all others, what is pinned after them.
    pub(super) fn into_chunks(mut self, codec: &dyn TableCodec) -> Vec<Chunk> {
        let ranked = self.ranked();
        let pinned = ranked.partition_point(|entry| entry.rank.class < Class::Pinned);
        let mut chunks = Vec::new();
        self.add_ranked(&ranked[..pinned], codec, &mut chunks);
        for queue in [0, 1] {
            let first = chunks.len();
            for copied in &mut self.0 {
                for (place, piece) in std::mem::take(&mut copied.queues[queue]).into_iter().enumerate() {
                    if chunks.len() <= first + place {
                        chunks.push(Chunk::new());
                    }
                    chunks[first + place].push(piece);
                }
            }
        }
        self.add_ranked(&ranked[pinned..], codec, &mut chunks);
        chunks
    }

    /// The rest of all shards, in order.
    fn ranked(&mut self) -> Vec<Ranked> {
        let mut ranked = Vec::with_capacity(self.0.iter().map(|copied| copied.ranks.len()).sum());
        for (copied, shard) in self.0.iter_mut().zip(0..) {
            let ranks = std::mem::take(&mut copied.ranks);
            ranked.extend(ranks.into_iter().zip(0..).map(|(rank, number)| Ranked { rank, shard, number }));
        }
        ranked.sort_unstable();
        ranked
    }

    fn add_ranked(&mut self, ranked: &[Ranked], codec: &dyn TableCodec, chunks: &mut Vec<Chunk>) {
        for ranked in ranked.chunks(CHUNK) {
            let mut entries = Entries::new(codec.pairs(ranked.len()), ranked.len());
            for &Ranked { shard, number, .. } in ranked {
                if let Some(rest) = &mut self.0[shard as usize].rest {
                    entries.move_from(rest, number as usize);
                }
            }
            chunks.push(vec![entries]);
        }
    }
}

#[cfg(test)]
impl From<Entries> for Captured {
    /// As if they had been copied from a table in exact order.
    fn from(entries: Entries) -> Self {
        let rank = |place| Rank { class: Class::Resident, first: place, then: 0 };
        let ranks = (0..entries.len() as u64).map(rank).collect();
        Self(vec![CapturedShard { rest: Some(entries), ranks, ..CapturedShard::default() }])
    }
}
