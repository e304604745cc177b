//! One shard: keys, entries, eviction order. Knows nothing of locks, clocks or listeners. Time comes in as an
//! argument. Displaced values stay in the shard until the caller takes them and drops them without a lock.
//!
//! A shard has two parts. The typed part, [`Lines`](lines), stores keys and values by number and decides
//! nothing. It is compiled for each query. The other part, [`Metadata`], works on these numbers and is
//! compiled once. Its methods are on [`ShardRef`] and [`ShardMut`], which reach the lines through
//! [`AnyLines`].

mod capture;
mod context;
pub(crate) mod erased;
mod evict;
pub(crate) mod index;
pub(crate) mod key;
pub(crate) mod line_state;
pub(crate) mod lines;
pub(crate) mod load;
mod loads;
mod maintenance;
pub(crate) mod metadata;
pub(crate) mod pairs;
mod pins;
mod placement;
pub(crate) mod saved_entries;
pub(crate) mod saves;
mod simple;
pub(crate) mod state;
mod tag_index;
#[cfg(test)]
mod tests;
mod write;

use std::time::Duration;

use crate::clock::Moment;
use crate::event::{Events, RemovalCause, completes};
use crate::retention::{Queue, Rules};
use crate::shared::LoadStart;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::typed::OutlinedDrop;
pub(crate) use context::OpContext;
use erased::{AnyHandle, AnyLines, AnyPair, AnyPairs};
use index::Index;
use key::{AnyKey, IsKey};
pub(crate) use line_state::{LineState, Membership};
use metadata::{DisplacedExtras, Metadata};
pub(crate) use placement::Placement;
pub(crate) use simple::{Place, Written};
pub(crate) use state::{Extra, View};
use tag_index::TagIndex;

/// One shard. The lines come last, so a reference to a shard of a known query coerces to [`AnyShard`]. Code
/// that is not compiled for each query locks an [`AnyShard`].
#[repr(C)]
pub(crate) struct Shard<L: ?Sized> {
    base: OutlinedDrop<Base>,
    counters: Counters,
    lines: L,
}

/// What a shard knows of its lines without their query.
#[derive(Default)]
struct Base {
    /// Line numbers by key hash.
    index: Index,
    /// Made by the first write, so that an empty shard is small.
    metadata: Option<Box<Metadata>>,
}

/// A shard whose query the caller does not know.
pub(crate) type AnyShard = Shard<dyn AnyLines>;

/// What a shard has displaced. Must be dropped without a lock.
#[must_use]
pub(crate) struct DisplacedPairs {
    pairs: Option<Box<dyn AnyPairs>>,
    extras: DisplacedExtras,
}

impl DisplacedPairs {
    /// Returns `None` if nothing was displaced.
    #[inline]
    pub(crate) fn any(self) -> Option<Self> {
        (self.pairs.is_some() || !self.extras.is_empty()).then_some(self)
    }
}

/// Counted with plain loads and stores, since each reader already writes the lock word beside them.
pub(crate) struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
}

/// Read access to a shard whose query the caller does not know.
#[derive(Clone, Copy)]
pub(crate) struct ShardRef<'a> {
    index: &'a Index,
    counters: &'a Counters,
    pub(crate) lines: &'a dyn AnyLines,
    metadata: Option<&'a Metadata>,
}

/// Write access to a shard whose query the caller does not know.
pub(crate) struct ShardMut<'a> {
    index: &'a mut Index,
    pub(crate) lines: &'a mut dyn AnyLines,
    metadata: &'a mut Metadata,
}

/// Everything known about an incoming entry besides its key and value.
pub(crate) struct Incoming {
    pub(crate) weight: u32,
    pub(crate) as_of: Moment,
    /// Bookkeeping that most entries do not need.
    pub(crate) extra: Option<Box<Extra>>,
    /// Follows the rules of the table; a pin takes precedence.
    pub(crate) placement: Placement,
    pub(crate) is_invalidated: bool,
    /// The position that the policy gave the entry, if it has decided.
    pub(crate) position: Option<QueuePosition>,
}

impl Incoming {
    /// Starts the times at `now`, unless `as_of` gives another moment.
    pub(crate) fn begin(&mut self, now: Moment, as_of: Option<Moment>) {
        self.as_of = as_of.unwrap_or(now);
        if let Some(extra) = &mut self.extra {
            extra.begin(now);
        }
    }
}

/// Where the default policy has an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueuePosition {
    pub(crate) queue: Queue,
    pub(crate) uses: u8,
}

/// Where a key is in its shard. Stays valid while the shard is locked, even if other keys are written, until
/// [`finish`](ShardMut::finish).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Location {
    /// Number of its line.
    pub(crate) number: Option<u32>,
    /// Number of its pin.
    pub(crate) pin: Option<u32>,
}

/// A claim on a key, as its holder knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PinClaim {
    pub(crate) hash: u32,
    /// Number of the pin.
    pub(crate) pin: u32,
}

/// What a reader saw under a key, for a later comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadVersion {
    /// An entry of this revision. Its value may be dead.
    Revision(u64),
    /// No entry, in a shard that had forgotten revisions up to this one.
    Absent { forgotten: u64 },
}

impl AnyShard {
    #[inline]
    pub(crate) fn any(&self) -> ShardRef<'_> {
        let Self { base, counters, lines } = self;
        let Base { index, metadata } = &**base;
        ShardRef { index, counters, lines, metadata: metadata.as_deref() }
    }

    #[inline]
    pub(crate) fn any_mut(&mut self) -> ShardMut<'_> {
        let Self { base, lines, .. } = self;
        let Base { index, metadata } = &mut **base;
        ShardMut { index, lines, metadata: Metadata::get_or_create(metadata) }
    }

    /// Takes what was displaced. The caller drops it without a lock.
    pub(crate) fn take_displaced(&mut self) -> DisplacedPairs {
        let extras = match &mut self.base.metadata {
            Some(metadata) => {
                metadata.unpublished.clear();
                std::mem::take(&mut metadata.displaced_extras)
            }
            None => DisplacedExtras::new(),
        };
        DisplacedPairs { pairs: self.lines.take_displaced(), extras }
    }
}

impl Counters {
    const fn new() -> Self {
        Self { hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    #[inline]
    fn count_hit(&self) {
        self.hits.store(self.hits.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    #[inline]
    fn count_miss(&self) {
        self.misses.store(self.misses.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

impl<'a> ShardRef<'a> {
    /// Returns where a key is.
    pub(crate) fn locate(self, hash: u32, is_key: IsKey<'_>) -> Location {
        Location { number: self.find(hash, is_key), pin: self.pin_of(hash, is_key) }
    }

    /// Returns where a pair's key is.
    #[inline]
    pub(crate) fn locate_pair(self, hash: u32, pair: &dyn AnyPair) -> Location {
        let pin = if self.pin_count() > 0 { self.pin_of_pair(hash, pair) } else { None };
        Location { number: self.find_pair(hash, pair), pin }
    }

    #[cold]
    fn pin_of_pair(self, hash: u32, pair: &dyn AnyPair) -> Option<u32> {
        let key = pair.key()?;
        self.pin_of(hash, &|other| key.equals(other))
    }

    /// Returns the line number of a key.
    pub(crate) fn find(self, hash: u32, is_key: IsKey<'_>) -> Option<u32> {
        let is_it = |number: u32| self.lines.key(number).is_some_and(is_key);
        self.index.find(hash, |number| is_it(number).then_some(number))
    }

    /// Returns the line number of a pair's key.
    #[inline]
    pub(crate) fn find_pair(self, hash: u32, pair: &dyn AnyPair) -> Option<u32> {
        self.index.find(hash, |number| self.lines.has_key_of(number, pair).then_some(number))
    }

    /// Returns the pin number of a key, if the key is pinned.
    pub(crate) fn pin_of(self, hash: u32, is_key: IsKey<'_>) -> Option<u32> {
        self.metadata.and_then(|metadata| metadata.pins.find(hash, is_key))
    }

    pub(crate) fn view(self, number: u32) -> Option<View<'a>> {
        let (state, metadata) = (self.lines.state(number)?, self.metadata?);
        Some(View { state, record: &metadata.records[number], extra: metadata.extras.get(number) })
    }

    /// Returns the numbers of all lines, vacant ones included.
    pub(crate) fn numbers(self) -> std::ops::Range<u32> {
        numbers(self.lines)
    }

    /// Returns whether the entry in a line is marked as invalidated.
    pub(crate) fn is_invalidated(self, number: u32) -> bool {
        self.lines.state(number).is_some_and(|state| state.is_invalidated)
    }

    /// Returns whether the entry in a line has expired.
    pub(crate) fn is_expired(self, number: u32, rules: &Rules, now: Moment) -> bool {
        self.metadata.is_some_and(|metadata| metadata.deadline(number, rules).is_over(now))
    }

    /// Returns whether a reader must release the entry in a line first: it is resident and has expired.
    pub(crate) fn must_be_released(self, number: u32, rules: &Rules, now: Moment) -> bool {
        let state = self.lines.state(number);
        let may_go = state
            .is_some_and(|state| state.membership.is_resident() && state.membership != Membership::Pinned);
        may_go && self.is_expired(number, rules, now)
    }

    /// Returns whether the entry in a line has no times of its own, is younger than `fresh` and not expired.
    /// Kept apart from the reads that need only the coarse date.
    #[cold]
    pub(crate) fn is_plainly_fresh(self, number: u32, rules: &Rules, fresh: Duration, now: Moment) -> bool {
        let Some(metadata) = self.metadata else { return false };
        let age = now.since(metadata.records[number].as_of);
        age < fresh && rules.ttl.is_none_or(|ttl| age < ttl) && metadata.extras.get(number).is_none()
    }

    /// Returns since when the answer in a line is true.
    #[inline]
    pub(crate) fn as_of(self, number: u32) -> Option<Moment> {
        self.metadata.map(|metadata| metadata.records[number].as_of)
    }

    /// Renews the time to idle.
    pub(crate) fn renew_idle(self, number: u32, now: Moment) {
        if let Some(extra) = self.metadata.and_then(|metadata| metadata.extras.get(number)) {
            extra.renew_idle(now);
        }
    }

    /// Returns what a reader sees under a key that is in this line, or in none.
    pub(crate) fn version(self, number: Option<u32>) -> ReadVersion {
        match (number, self.metadata) {
            (Some(number), Some(metadata)) => ReadVersion::Revision(metadata.records[number].revision),
            _ => ReadVersion::Absent { forgotten: self.forgotten() },
        }
    }

    /// Returns whether a key cannot have been written since its version was `seen`. The key is now in line
    /// `number`, or in none.
    pub(crate) fn is_unchanged(self, seen: ReadVersion, number: Option<u32>) -> bool {
        let found = self.version(number);
        match (seen, found) {
            (ReadVersion::Revision(seen), ReadVersion::Revision(found)) => seen == found,
            (ReadVersion::Revision(seen), ReadVersion::Absent { forgotten }) => forgotten <= seen,
            (ReadVersion::Absent { .. }, ReadVersion::Revision(_)) => false,
            (ReadVersion::Absent { forgotten: seen }, ReadVersion::Absent { forgotten }) => seen == forgotten,
        }
    }

    /// Records that a survivor was read, so that the next write makes it resident again.
    pub(crate) fn mark_survivor(self, number: u32) {
        let (Some(state), Some(metadata)) = (self.lines.state(number), self.metadata) else { return };
        if state.membership == Membership::Evicted && state.uses.swap(1, Ordering::Relaxed) == 0 {
            metadata.revived.push(number);
        }
    }

    pub(crate) fn removals(self) -> [u64; RemovalCause::COUNT] {
        self.metadata.map_or([0; RemovalCause::COUNT], |metadata| metadata.removals)
    }

    pub(crate) fn hits(self) -> u64 {
        self.counters.hits.load(Ordering::Relaxed)
    }

    pub(crate) fn misses(self) -> u64 {
        self.counters.misses.load(Ordering::Relaxed)
    }

    /// Returns whether anything was ever written or pinned here.
    pub(crate) fn is_used(self) -> bool {
        self.metadata.is_some()
    }

    /// Counts a read as a hit or a miss.
    #[inline]
    pub(crate) fn count_read(self, is_hit: bool) {
        match is_hit {
            true => self.counters.count_hit(),
            false => self.counters.count_miss(),
        }
    }

    /// Returns the number of entries, including those with dead values.
    pub(crate) fn count(self) -> usize {
        self.metadata.map_or(0, |metadata| metadata.records.occupied())
    }

    /// Returns the number of entries that the cache does not keep alive, including those with dead values.
    pub(crate) fn survivor_count(self) -> usize {
        self.metadata.map_or(0, |metadata| metadata.survivors.len())
    }

    /// Returns the number of entries whose value is alive. Visits the survivors.
    pub(crate) fn live_count(self) -> usize {
        let Some(metadata) = self.metadata else { return 0 };
        let survivors = metadata.survivors.iter(|number| metadata.records[number].link);
        self.count() - survivors.filter(|&number| self.lines.is_dead(number)).count()
    }

    /// Returns the lines whose keys have a tag with this hash.
    pub(crate) fn tagged(self, tag: u32) -> impl Iterator<Item = u32> {
        self.tag_index().into_iter().flat_map(move |tags| tags.lines(tag))
    }

    /// Returns the number of tags of all lines together.
    pub(crate) fn tag_count(self) -> usize {
        self.tag_index().map_or(0, TagIndex::len)
    }

    fn tag_index(self) -> Option<&'a TagIndex> {
        self.metadata?.tags.as_deref()
    }

    #[inline]
    pub(crate) fn pin_count(self) -> usize {
        self.metadata.map_or(0, |metadata| metadata.pins.len())
    }

    /// Returns whether some resident may have expired.
    #[inline]
    pub(crate) fn has_due(self, now: Moment) -> bool {
        self.metadata.is_some_and(|metadata| metadata.deadlines.has_due(now))
    }

    /// Returns whether a key, which is in line `number` or in none, was neither written, removed nor marked since a
    /// load began. In doubt returns `false`: the shard remembers only its last mark and removal.
    pub(crate) fn is_unchanged_since(self, start: LoadStart, number: Option<u32>) -> bool {
        let Some(metadata) = self.metadata else { return true };
        let revision = number.map_or(metadata.forgotten, |number| metadata.records[number].revision);
        metadata.last_change < start.sequence && revision <= start.revision
    }

    fn forgotten(self) -> u64 {
        self.metadata.map_or(0, |metadata| metadata.forgotten)
    }
}

impl ShardMut<'_> {
    /// Remembers a mark or removal of a key, for loads that bring the key along.
    pub(crate) fn note_change(&mut self, number: u64) {
        self.metadata.last_change = self.metadata.last_change.max(number);
    }

    /// Returns where a key is.
    pub(crate) fn locate(&self, hash: u32, is_key: IsKey<'_>) -> Location {
        let is_it = |number: u32| self.lines.key(number).is_some_and(is_key);
        let number = self.index.find(hash, |number| is_it(number).then_some(number));
        Location { number, pin: self.metadata.pins.find(hash, is_key) }
    }

    /// Returns what a reader would see under the key in a line.
    pub(crate) fn version(&self, number: u32) -> ReadVersion {
        ReadVersion::Revision(self.metadata.records[number].revision)
    }

    /// Returns key and hash of the entry in a line, if it is readable, not marked, and no newer than a revision.
    pub(crate) fn unmarked_before(&self, number: u32, revision: u64) -> Option<(Box<dyn AnyKey>, u32)> {
        let state = self.lines.state(number)?;
        let record = &self.metadata.records[number];
        let is_it = !state.is_invalidated && record.revision <= revision && self.is_readable(number);
        is_it.then(|| self.lines.key(number)).flatten().map(|key| (key.to_box(), record.hash))
    }

    /// Reserves room for `entries` new entries at once.
    pub(crate) fn reserve(&mut self, entries: usize) {
        let records = &mut self.metadata.records;
        records.reserve(entries);
        self.lines.reserve(entries);
        self.index.reserve(entries, records);
    }

    /// Adds a line to the tag index under the tag hashes of its key. Does nothing if the line is already
    /// there. A value that is written without inputs was not built from the inputs of the last one.
    #[inline]
    pub(crate) fn tag(&mut self, number: u32, tags: &[u32]) {
        if !tags.is_empty() {
            self.metadata.tags.get_or_insert_default().add(number, tags);
        } else if let Some(index) = &mut self.metadata.tags {
            index.forget_inputs(number);
        }
    }

    /// Adds a line to the tag index under the tag hashes of its key and the numbers of the inputs of its value.
    pub(crate) fn set_inputs(&mut self, number: u32, tags: &[u32]) {
        self.metadata.tags.get_or_insert_default().set_inputs(number, tags);
    }

    /// Returns whether the value in a line is alive.
    fn is_readable(&self, number: u32) -> bool {
        !self.lines.is_dead(number)
    }

    /// Moves an entry out of its line. Counts as a removal only with a `cause` and if the value is alive.
    fn displace(&mut self, number: u32, cause: Option<RemovalCause>, context: &OpContext<'_>) {
        let is_alive = self.lines.displace(number);
        if let (Some(cause), true) = (cause, is_alive) {
            self.note_displaced(cause, context);
        }
    }

    /// Counts the last displaced entry as a removal, and remembers it for the listeners.
    fn note_displaced(&mut self, cause: RemovalCause, context: &OpContext<'_>) {
        self.metadata.removals[cause as usize] += 1;
        if context.has_listeners {
            self.metadata.unpublished.push((self.lines.displaced().len() - 1, cause));
        }
    }

    /// Copies the key and handle of an entry that stays in its line. A panic of the key's `Clone` must not
    /// end an operation half-way, so it returns `None`, and the panic is counted when the listeners are
    /// notified.
    fn copy_for_listeners(&self, number: u32) -> Option<AnyHandle> {
        let mut copy = None;
        completes(|| copy = self.lines.handle(number, true));
        copy
    }

    /// Queues what was displaced for the listeners.
    pub(crate) fn publish(&mut self, table: &'static str, events: &Events) {
        if self.metadata.unpublished.is_empty() {
            return;
        }
        let displaced = self.lines.displaced();
        for (number, cause) in self.metadata.unpublished.drain(..) {
            match displaced.pair_mut(number).take_entry() {
                Some(entry) => events.push_removal(table, cause, entry),
                // The key could not be cloned for the listeners.
                None => events.count_panic(),
            }
        }
    }

    fn drop_later(&mut self, extra: Option<Box<Extra>>) {
        self.metadata.displaced_extras.extend(extra);
    }

    /// Takes out an entry that is no longer in a list.
    #[inline]
    fn vacate(&mut self, number: u32, cause: Option<RemovalCause>, context: &OpContext<'_>) {
        let Self { index, metadata, .. } = self;
        metadata.forgotten = metadata.forgotten.max(metadata.records[number].revision);
        index.remove(number, &metadata.records);
        if let Some(tags) = &mut metadata.tags {
            tags.remove(number);
        }
        metadata.records.vacate(number);
        let extra = metadata.extras.take(number);
        self.displace(number, cause, context);
        self.drop_later(extra);
    }
}

fn numbers(lines: &dyn AnyLines) -> std::ops::Range<u32> {
    #[expect(clippy::cast_possible_truncation, reason = "`Records` gives out 32 bits")]
    let end = lines.len() as u32;
    0..end
}
