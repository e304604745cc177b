//! Entries that a load of another key brings along.

use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::entry_times::EntryTimes;
use crate::query::Query;
use crate::shard::erased::AnyHandle;
use crate::table::handle::AnyTableRef;
use crate::typed::Pair;

/// An entry that a load of another key brings along, to be stored with the answer of that load.
#[doc(hidden)]
pub struct BroughtEntry {
    pub(crate) table_ref: AnyTableRef,
    pub(crate) pair: AnyHandle,
    pub(crate) times: EntryTimes,
    pub(crate) is_stored: bool,
}

impl BroughtEntry {
    /// Creates an entry of this table.
    #[must_use]
    pub fn new<Q: Query>(table_ref: AnyTableRef, key: Q, value: Arc<Q::Value>) -> Self {
        let pair = Box::new(Pair::<Q>::new(key, value));
        Self { table_ref, pair, times: EntryTimes::new(), is_stored: false }
    }

    /// Sets the times of the entry.
    pub fn set_times(&mut self, times: EntryTimes) {
        self.times = times;
    }

    /// Returns whether the entry was stored, or an equal one renewed.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.is_stored
    }
}

impl Debug for BroughtEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BroughtEntry")
            .field("key", &self.pair.key())
            .field("is_stored", &self.is_stored)
            .finish_non_exhaustive()
    }
}
