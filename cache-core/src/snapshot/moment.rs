//! The entries of one table at one moment, copied shard by shard while the gate is closed, and put in order after
//! that.
//!
//! Each shard has an order of its own; a snapshot has one for the whole table. The entries of a small table, and those
//! that the default policy does not keep, are sorted. The queues of a large table are copied in pieces, and the pieces
//! of all shards that are at the same place in their queues go together: so no copy is moved, and a few dozen places
//! more or less are as good as exact among thousands of entries.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;

use smallvec::SmallVec;

use super::crew::in_order;
use super::entry::SavedEntry;
use crate::clock::Moment;
use crate::query::Query;
use crate::shard::{Line, Membership, Shard, ValueRef, View};
use crate::sync::RwLock;
use crate::table::Table;

/// Entries that are encoded together by one thread: few enough to stay in the second cache until they are, enough to
/// be copied in pieces that are worth fetching.
const CHUNK: usize = 512;
/// Entries of a table for which another thread is worth its start, and copying in pieces worth the loss of order.
const LARGE: usize = 8 * CHUNK;
/// Values whose reference counts are asked for together.
const BATCH: usize = 32;

/// Copies of entries that are to be encoded together, in pieces.
pub(super) struct Chunk<Q: Query>(Vec<Vec<SavedEntry<Q>>>);

/// Copies of the entries of one table.
pub(crate) struct Copies<Q: Query>(Vec<Copied<Q>>);

/// Copies of the entries of one shard.
struct Copied<Q: Query> {
    /// The small queue and the main one of the default policy: pieces, in their order.
    queues: [Vec<Vec<SavedEntry<Q>>>; 2],
    rest: Vec<SavedEntry<Q>>,
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

/// Of how many threads to make use for so many entries.
pub(super) fn worth(threads: usize, entries: usize) -> usize {
    threads.min(entries / LARGE).max(1)
}

impl<Q: Query> Table<Q> {
    /// Copies the entries that are to be saved, on at most `threads` threads. To be called while the gate is closed.
    pub(crate) fn copies(&self, with_survivors: bool, now: Moment, threads: usize) -> Copies<Q> {
        let entries = self.shards().map(|shard| shard.read().any().count()).sum();
        let shards = self.shards().count();
        let copying = Copying {
            table: self,
            order: self.recency().map_or_else(Vec::new, |recency| places(&recency.oldest_first())),
            piece: (entries >= LARGE).then_some(CHUNK.div_ceil(shards.max(1))),
            with_survivors,
            now,
        };
        let mut copies = Vec::new();
        let threads = worth(threads, entries);
        let copy = |place, copied: &mut _| copying.copy_shard(self.shard_at(place), copied);
        let done = in_order(shards, threads, usize::MAX, copy, |copied| {
            copies.push(std::mem::take(copied));
            Ok::<_, Infallible>(())
        });
        match done {
            Ok(()) => Copies(copies),
            Err(never) => match never {},
        }
    }
}

/// What is to be copied of a table.
struct Copying<'a, Q: Query> {
    table: &'a Table<Q>,
    /// Of a table in exact order: the place in it of each node.
    order: Vec<u64>,
    /// Entries of a piece, if the queues are copied in pieces.
    piece: Option<usize>,
    with_survivors: bool,
    now: Moment,
}

impl<Q: Query> Copying<'_, Q> {
    /// Adds to `copied`, which outlives the lock even if the `Clone` of a key panics: it may hold the last handle of a
    /// value by then.
    fn copy_shard(&self, shard: &RwLock<Shard<Q>>, copied: &mut Copied<Q>) {
        let shard = &*shard.read();
        let any = shard.any();
        let (mut queued, mut newest) = (0, 0);
        let find = |number| Some((shard.line(number)?, any.view(number)?));
        let mut views = any.policy_order().filter_map(find);
        let mut batch = SmallVec::<[(&Line<Q>, View<'_>); BATCH]>::new();
        loop {
            batch.clear();
            batch.extend(views.by_ref().take(BATCH));
            if batch.is_empty() {
                break;
            }
            fetch(batch.iter().filter_map(|(line, _)| match &line.value {
                ValueRef::Strong(value) => Some(value),
                ValueRef::Weak(_) => None,
            }));
            for (place, (line, view)) in (queued..).zip(&batch) {
                let queue = usize::from(view.state.membership == Membership::Main);
                self.copy(line, view, |entry| match self.piece {
                    Some(full) => put(&mut copied.queues[queue], full, entry),
                    None if view.state.membership == Membership::Small => {
                        newest = view.record.revision.max(newest);
                        copied.put(Rank { class: Class::Resident, first: newest, then: place }, entry);
                    }
                    None => copied.put(rank(view, place), entry),
                });
            }
            queued += batch.len() as u64;
        }
        if queued < any.count() as u64 {
            for (line, view) in any.numbers().filter_map(find) {
                if view.state.membership.queue().is_some() {
                    continue;
                }
                let is_ordered = view.state.membership == Membership::Ordered;
                let place = self.order.get(view.state.aside as usize).filter(|_| is_ordered);
                let rank = rank(&view, place.copied().unwrap_or(0));
                self.copy(line, &view, |entry| copied.put(rank, entry));
            }
        }
    }

    #[inline]
    fn copy(&self, line: &Line<Q>, view: &View<'_>, put: impl FnOnce(SavedEntry<Q>)) {
        let is_over =
            view.state.membership != Membership::Pinned && view.is_expired(self.table.rules(), self.now);
        // No handle is made that would be dropped here, also by a panic of `Clone`: it might be the last.
        if is_over || !(self.with_survivors || view.is_resident()) {
            return;
        }
        let key = line.key.clone();
        if let Some(value) = line.value.value() {
            put(SavedEntry { key, value, meta: view.meta(self.now) });
        }
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

/// Has the processor fetch the reference counts of all `values` side by side. The locked instructions that count a
/// handle up or down wait for one count after the other.
pub(super) fn fetch<'a, V: ?Sized + 'a>(values: impl Iterator<Item = &'a Arc<V>>) {
    black_box(values.map(Arc::strong_count).fold(0, usize::wrapping_add));
}

/// Appends to the last piece, or begins another one if that has `full` entries.
fn put<Q: Query>(pieces: &mut Vec<Vec<SavedEntry<Q>>>, full: usize, entry: SavedEntry<Q>) {
    match pieces.last_mut() {
        Some(piece) if piece.len() < full => piece.push(entry),
        _ => {
            let mut piece = Vec::with_capacity(full);
            piece.push(entry);
            pieces.push(piece);
        }
    }
}

impl<Q: Query> Copies<Q> {
    /// All entries, least recently used first; survivors before all others, what is pinned after them.
    pub(super) fn into_chunks(mut self) -> Vec<Chunk<Q>> {
        let (mut rest, mut ranks) = (Vec::new(), Vec::new());
        for copied in &mut self.0 {
            rest.append(&mut copied.rest);
            ranks.append(&mut copied.ranks);
        }
        let pinned = sort(ranks, &mut |one, other| rest.swap(one, other));
        let pinned = rest.split_off(pinned);
        let mut chunks = Vec::new();
        chunks_of(rest, &mut chunks);
        for queue in [0, 1] {
            let first = chunks.len();
            for copied in &mut self.0 {
                for (place, piece) in std::mem::take(&mut copied.queues[queue]).into_iter().enumerate() {
                    if chunks.len() <= first + place {
                        chunks.push(Chunk::default());
                    }
                    chunks[first + place].0.push(piece);
                }
            }
        }
        chunks_of(pinned, &mut chunks);
        chunks
    }
}

/// Puts what has these ranks into their order, by swapping; what is equal stays in its own. Returns where the pinned
/// begin.
fn sort(ranks: Vec<Rank>, swap: &mut dyn FnMut(usize, usize)) -> usize {
    let mut order: Vec<_> = ranks.into_iter().zip(0..).collect();
    order.sort_unstable();
    for place in 0..order.len() {
        // What stood at a place that is done has made room, by a swap with what is there now.
        let mut at = order[place].1;
        while at < place {
            at = order[at].1;
        }
        swap(place, at);
    }
    order.partition_point(|(rank, _)| rank.class < Class::Pinned)
}

fn chunks_of<Q: Query>(mut entries: Vec<SavedEntry<Q>>, chunks: &mut Vec<Chunk<Q>>) {
    let first = chunks.len();
    while entries.len() > CHUNK {
        let start = (entries.len() - 1) / CHUNK * CHUNK;
        chunks.push(Chunk(vec![entries.split_off(start)]));
    }
    if !entries.is_empty() {
        chunks.push(Chunk(vec![entries]));
    }
    chunks[first..].reverse();
}

impl<Q: Query> Copied<Q> {
    fn put(&mut self, rank: Rank, entry: SavedEntry<Q>) {
        self.ranks.push(rank);
        self.rest.push(entry);
    }
}

impl<Q: Query> Chunk<Q> {
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    pub(super) fn first(&self) -> Option<&SavedEntry<Q>> {
        self.0.iter().flatten().next()
    }

    pub(super) fn append_to(self, out: &mut Vec<SavedEntry<Q>>) {
        for mut piece in self.0 {
            out.append(&mut piece);
        }
    }
}

impl<Q: Query> Default for Chunk<Q> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<Q: Query> Default for Copied<Q> {
    fn default() -> Self {
        Self { queues: [Vec::new(), Vec::new()], rest: Vec::new(), ranks: Vec::new() }
    }
}

#[cfg(test)]
impl<Q: Query> From<Vec<SavedEntry<Q>>> for Copies<Q> {
    /// As if they had been copied from a table in exact order.
    fn from(entries: Vec<SavedEntry<Q>>) -> Self {
        let rank = |(place, _)| Rank { class: Class::Resident, first: place, then: 0 };
        let ranks = (0..).zip(&entries).map(rank).collect();
        Self(vec![Copied { rest: entries, ranks, ..Copied::default() }])
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, Rank, sort};

    #[test]
    fn what_was_collected_in_any_order_is_swapped_into_that_of_its_ranks() {
        let mut random = 1_u64;
        for len in 0..200 {
            let mut places: Vec<u64> = Vec::new();
            for _ in 0..len {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                places.push((random >> 33) % 50);
            }
            let class = |place| if place < 40 { Class::Resident } else { Class::Pinned };
            let rank = |&place: &u64| Rank { class: class(place), first: place, then: 0 };
            let mut sorted: Vec<_> = places.iter().copied().enumerate().collect();
            let pinned = sort(places.iter().map(rank).collect(), &mut |one, other| sorted.swap(one, other));
            assert!(sorted.is_sorted_by_key(|&(at, place)| (place, at)));
            assert_eq!(pinned, places.iter().filter(|&&place| place < 40).count());
        }
    }
}
