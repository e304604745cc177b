//! The part of a table that does not depend on its query. Compiled once, not for each query.

#[cfg(test)]
mod tests;

use std::fmt::{self, Debug};
use std::hash::Hash;
use std::sync::{Arc, OnceLock};

use super::change_listeners::ChangeListeners;
use super::watchers::Watchers;
use crate::clock::Moment;
use crate::dependents::{InputChange, InputFilter, input_number, number_of_all};
use crate::options::{Bound, TableOptions};
use crate::retention::Rules;
use crate::retention::ledger::Ledger;
use crate::retention::recency::Recency;
use crate::shard::OpContext;
use crate::shard::key::{self, AnyKey};
use crate::shared::{LoadStart, Shared};
use crate::snapshot::{SharedCodec, TableCodec};
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{HashState, hash_state};
use crate::table::dirty_marks::DirtyMarks;
use crate::tag::Tag;

/// Everything in a table except its entries.
pub struct Head {
    pub(crate) name: &'static str,
    /// Place in the registry: tables are locked in this order.
    pub(crate) index: usize,
    /// Names under which the table is invalidated with others.
    pub(crate) tags: &'static [&'static str],
    /// Whether entries have tags of their own.
    pub(crate) has_entry_tags: bool,
    /// Whether writes to this table may be simple.
    pub(crate) has_simple_writes: bool,
    pub(super) options: TableOptions,
    pub(crate) rules: Rules,
    hasher: HashState,
    shard_count: usize,
    pub(crate) ledger: Ledger,
    /// The exact order of a table with `lru`. Made before the shards.
    recency: OnceLock<Box<Recency>>,
    /// Shard that must make room next for another one.
    next_victim: AtomicUsize,
    /// Number of misses before the first write.
    pub(super) early_misses: AtomicU64,
    /// Recorded even before there are shards: copies elsewhere may be older than the cache.
    pub(crate) dirty_marks: DirtyMarks,
    /// The keys that derived answers of any table were built from.
    pub(crate) inputs: InputFilter,
    /// Whether its answers remember what they were built from.
    pub(crate) is_derived: bool,
    /// Number of the last mark or removal that no shard remembers.
    last_unlocked_change: AtomicU64,
    /// The watches of keys.
    pub(crate) watchers: Watchers,
    /// Told of changes by the program.
    pub(crate) change_listeners: ChangeListeners,
    /// How the table is saved, if it is.
    codec: Option<Box<dyn TableCodec>>,
    /// How its entries travel between machines, if they may.
    pub(super) sharing: Option<fn() -> SharedCodec>,
    /// Whether restored entries are marked.
    pub(super) marks_restored: AtomicBool,
    pub(crate) shared: Arc<Shared>,
}

/// Smallest number of entries per shard.
const MIN_ENTRIES_PER_SHARD: u64 = 256;

/// Returns the place of a hash among `shards` shards, by its high bits. The number of shards need not be a
/// power of two.
#[inline]
pub(super) fn place_among(shards: usize, hash: u32) -> usize {
    ((u64::from(hash) * shards as u64) >> 32) as usize
}

impl Head {
    pub(crate) fn new(
        name: &'static str,
        index: usize,
        tags: &'static [&'static str],
        options: TableOptions,
        codec: Option<Box<dyn TableCodec>>,
        shared: Arc<Shared>,
    ) -> Self {
        let rules = Rules::of(&options);
        let served = match rules.bound {
            // All entries share one order. A write has exclusive access to it while it holds the lock of the
            // only shard.
            Some(Bound::Lru(_)) => 1,
            Some(_) => usize::try_from(rules.limit() / MIN_ENTRIES_PER_SHARD).unwrap_or(usize::MAX),
            None => usize::MAX,
        };
        Self {
            name,
            index,
            tags,
            has_entry_tags: false,
            has_simple_writes: rules.has_simple_writes && !shared.events.has_listeners(),
            options,
            rules,
            hasher: hash_state(shared.hash_seed),
            shard_count: shared.shards.min(served).max(1),
            ledger: Ledger::new(rules.limit()),
            recency: OnceLock::new(),
            next_victim: AtomicUsize::new(0),
            early_misses: AtomicU64::new(0),
            dirty_marks: DirtyMarks::default(),
            inputs: InputFilter::default(),
            is_derived: false,
            last_unlocked_change: AtomicU64::new(0),
            watchers: Watchers::default(),
            change_listeners: ChangeListeners::default(),
            codec,
            sharing: None,
            marks_restored: AtomicBool::new(false),
            shared,
        }
    }

    /// Tells the listeners of the table, if there are any, which keys were changed. Must be called without locks, after
    /// the change can be seen.
    #[inline]
    pub(crate) fn tell_changes(&self, keys: impl FnOnce() -> Vec<Box<dyn AnyKey>>) {
        self.change_listeners.tell(&self.shared.events, keys);
    }

    /// Declares that entries have tags of their own.
    pub(super) fn set_has_entry_tags(&mut self) {
        (self.has_entry_tags, self.has_simple_writes) = (true, false);
    }

    /// Declares that answers remember what they were built from.
    pub(super) fn set_is_derived(&mut self) {
        (self.is_derived, self.has_simple_writes) = (true, false);
    }

    /// Declares that entries may travel between machines.
    pub(super) fn set_sharing(&mut self, sharing: fn() -> SharedCodec) {
        self.sharing = Some(sharing);
    }

    /// Returns how entries travel between machines; `None` if they do not.
    pub(crate) fn sharing(&self) -> Option<SharedCodec> {
        self.sharing.map(|sharing| sharing())
    }

    /// Records that a key was written, removed or marked, for the answers that were built from it. Must be called while
    /// its shard is locked, if it has one.
    #[inline(always)]
    pub(crate) fn note_input_change(&self, hash: u32) {
        if !self.inputs.is_empty() {
            self.note_change_of_inputs(Some(hash));
        }
    }

    /// Records the change of the keys with a hash, or with a tag of this hash; of all keys without it.
    #[cold]
    fn note_change_of_inputs(&self, hash: Option<u32>) {
        let input = match hash {
            None if self.inputs.is_empty() => return,
            None => number_of_all(self.index),
            Some(hash) if self.inputs.has(hash) => input_number(self.index, hash),
            Some(_) => return,
        };
        self.shared.dependents.note(InputChange { input, revision: self.shared.revision() });
    }

    #[inline]
    pub(crate) fn hash<L: Hash + ?Sized>(&self, key: &L) -> u32 {
        key::hash(&self.hasher, key)
    }

    /// Returns the hash of a key of this table.
    pub(crate) fn hash_of(&self, key: &dyn AnyKey) -> u32 {
        key.hash(&self.hasher)
    }

    /// Records that copies of all entries with a tag may be out of date, wherever they are kept.
    pub(crate) fn note_tag(&self, tag: &Tag) {
        self.note_unlocked_change();
        let hash = self.hash(tag);
        self.dirty_marks.mark(hash);
        self.note_change_of_inputs(Some(hash));
    }

    /// Records that all keys have changed, or that any of them may have.
    pub(crate) fn note_change_of_all(&self) {
        self.note_unlocked_change();
        self.dirty_marks.mark_all();
        self.note_change_of_inputs(None);
    }

    /// Records a mark or removal of a key of a table that has no shards.
    pub(crate) fn note_change_of_unused(&self, hash: u32) {
        // No answer was built from it: what is read for one has shards.
        self.note_unlocked_change();
        self.dirty_marks.mark(hash);
    }

    /// Records a change that no shard remembers, for loads that bring keys along.
    fn note_unlocked_change(&self) {
        self.last_unlocked_change.fetch_max(self.shared.next_in_sequence(), Ordering::AcqRel);
    }

    /// Returns whether there was no such change since a load began.
    pub(crate) fn is_unchanged_since(&self, start: LoadStart) -> bool {
        // Not a plain load: in the one order of these operations, either the note comes first and is seen here, or its
        // writer sees the shards that were created before this.
        self.last_unlocked_change.fetch_max(0, Ordering::AcqRel) < start.sequence
    }

    /// Returns the place of the shard of a hash.
    #[inline]
    pub(crate) fn place_of(&self, hash: u32) -> usize {
        place_among(self.shard_count, hash)
    }

    /// Returns the place of the shard that must make room next.
    pub(crate) fn next_victim(&self) -> usize {
        self.next_victim.fetch_add(1, Ordering::Relaxed) % self.shard_count
    }

    #[inline]
    pub(crate) fn context(&self, now: Moment, revision: u64) -> OpContext<'_> {
        OpContext {
            rules: &self.rules,
            ledger: &self.ledger,
            recency: self.recency(),
            has_listeners: self.shared.events.has_listeners(),
            now,
            revision,
        }
    }

    /// Returns how the table is saved; `None` if it is not part of snapshots.
    pub(crate) fn codec(&self) -> Option<&dyn TableCodec> {
        self.codec.as_deref()
    }

    #[inline]
    pub(crate) fn recency(&self) -> Option<&Recency> {
        self.recency.get().map(|recency| &**recency)
    }

    /// Creates what the shards need, before they are created.
    pub(super) fn prepare(&self) {
        if self.rules.is_lru() {
            self.recency.get_or_init(|| Box::new(Recency::new()));
        }
    }

    /// Returns the number of misses before the first write.
    pub(crate) fn early_misses(&self) -> u64 {
        self.early_misses.load(Ordering::Relaxed)
    }

    pub(crate) fn shard_count(&self) -> usize {
        self.shard_count
    }
}

/// The `Debug` output of a table.
impl Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("name", &self.name)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
