//! Entries that a load of another key brings along.

use std::any::TypeId;
use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::entry_times::EntryTimes;
use crate::query::Query;
use crate::shard::erased::AnyPairs;
use crate::shard::key::AnyKey;
use crate::shard::pairs::ValueHandle;
use crate::table::handle::AnyTableRef;
use crate::typed::Pairs;

/// The entries of one table that a load of another key brings along, to be stored with the answer of that load. They
/// are kept together, so that an entry needs no allocation of its own.
#[doc(hidden)]
pub struct BroughtEntries {
    pub(crate) table_ref: AnyTableRef,
    pub(crate) pairs: Box<dyn AnyPairs>,
    pub(crate) times: BroughtTimes,
    /// Whether the caller needs keys and values after the store, which otherwise moves them.
    pub(crate) are_kept: bool,
    /// Whether each entry was stored. Missing ones were not.
    pub(crate) stored: Vec<bool>,
}

/// The times of such entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct BroughtTimes {
    /// Those of all entries that have none of their own.
    common: EntryTimes,
    /// The own times of the first entries, in their order.
    own: Vec<EntryTimes>,
}

impl BroughtTimes {
    #[inline]
    pub(crate) fn of(&self, number: usize) -> &EntryTimes {
        self.own.get(number).unwrap_or(&self.common)
    }
}

/// How many entries a list has room for at first: those of most pages.
const FIRST: usize = 24;

impl BroughtEntries {
    /// Creates an empty list for this table.
    #[must_use]
    pub fn new(table_ref: AnyTableRef) -> Self {
        let pairs = (table_ref.access.pairs)(FIRST);
        Self { table_ref, pairs, times: BroughtTimes::default(), are_kept: false, stored: Vec::new() }
    }

    /// Makes the store keep copies here of what it moves into the cache, so that [`key`](Self::key) and
    /// [`handle`](Self::handle) return the entries afterwards.
    pub fn keep(&mut self) {
        self.are_kept = true;
    }

    /// Returns the type of the query.
    #[must_use]
    pub fn query(&self) -> TypeId {
        (self.table_ref.access.query)()
    }

    /// Adds an entry. If a key is added several times, the last value counts. Does nothing if the table is that of
    /// another query.
    pub fn add<Q: Query>(&mut self, key: Q, value: Arc<Q::Value>) {
        if let Some(pairs) = Pairs::<Q>::of_mut(&mut *self.pairs) {
            pairs.push(Some(key), Some(value));
        }
    }

    /// Adds all entries of another list for this table.
    pub fn append(&mut self, mut other: Self) {
        for number in 0..other.len() {
            self.pairs.add().swap(other.pairs.pair_mut(number), true);
        }
    }

    /// Returns the number of entries; 0 after a store that has moved them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Returns whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.len() == 0
    }

    /// Returns the key of an entry; `None` if it was [forgotten](Self::forget_unstored), or stored without being
    /// [kept](Self::keep).
    #[must_use]
    pub fn key(&self, number: usize) -> Option<&dyn AnyKey> {
        if number < self.len() { self.pairs.pair(number).key() } else { None }
    }

    /// Returns a handle of the value of an entry.
    #[must_use]
    pub fn handle(&self, number: usize) -> Option<ValueHandle> {
        self.key(number)?;
        let mut copy = (self.table_ref.access.pairs)(1);
        let pair = copy.add();
        pair.set_value(self.pairs.pair(number));
        pair.take_handle().map(ValueHandle)
    }

    /// Sets the times of all entries.
    pub fn set_times(&mut self, times: EntryTimes) {
        self.times = BroughtTimes { common: times, own: Vec::new() };
    }

    /// Sets the times of each entry.
    pub fn set_times_of(&mut self, times_of: impl Fn(&Self, usize) -> EntryTimes) {
        self.times.own = (0..self.len()).map(|number| times_of(self, number)).collect();
    }

    /// Notes that the entries of these numbers were stored, and the others were not.
    pub(crate) fn note_stored(&mut self, numbers: impl Iterator<Item = usize>) {
        self.stored.clear();
        self.stored.resize(self.pairs.len(), false);
        numbers.for_each(|number| self.stored[number] = true);
    }

    /// Returns whether an entry was stored, or an equal one renewed.
    #[must_use]
    pub fn is_stored(&self, number: usize) -> bool {
        self.stored.get(number).copied().unwrap_or_default()
    }

    /// Returns whether any entry was stored, or an equal one renewed.
    #[must_use]
    pub fn any_stored(&self) -> bool {
        self.stored.contains(&true)
    }

    /// Drops keys and values that were not stored.
    pub fn forget_unstored(&mut self) {
        for number in 0..self.len() {
            if !self.is_stored(number) {
                self.pairs.pair_mut(number).clear();
            }
        }
    }
}

impl Debug for BroughtEntries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = (0..self.len()).filter_map(|number| self.key(number)).collect();
        f.debug_struct("BroughtEntries").field("keys", &keys).finish_non_exhaustive()
    }
}
