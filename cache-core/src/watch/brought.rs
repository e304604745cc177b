//! Entries that a load of another key brings along.

use std::fmt::{self, Debug};
use std::sync::Arc;

use super::is_same_of;
use super::store::IsSame;
use crate::cache::Cache;
use crate::entry_times::EntryTimes;
use crate::query::Query;
use crate::registry::{Holds, Registry};
use crate::shard::erased::AnyHandle;
use crate::table::handle::AnyTableRef;
use crate::typed::Pair;

/// An entry that a load of another key brings along, to be stored with the answer of that load.
#[doc(hidden)]
pub struct BroughtEntry {
    pub(super) table_ref: AnyTableRef,
    pub(super) pair: AnyHandle,
    pub(super) is_same: Option<IsSame>,
    pub(super) times: EntryTimes,
    pub(super) is_stored: bool,
}

impl<R: Registry> Cache<R> {
    /// Creates an entry to be stored together with the answer of a load.
    #[doc(hidden)]
    #[must_use]
    pub fn brought_entry<Q: Query>(&self, key: Q, value: Arc<Q::Value>) -> BroughtEntry
    where
        R: Holds<Q>,
    {
        let pair = Box::new(Pair::<Q>::new(key, value));
        BroughtEntry {
            table_ref: self.any_table_ref::<Q>(),
            pair,
            is_same: is_same_of::<Q>(),
            times: EntryTimes::new(),
            is_stored: false,
        }
    }
}

impl BroughtEntry {
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
