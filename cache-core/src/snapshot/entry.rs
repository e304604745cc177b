//! One entry as the store hands it to a save and takes it back from a restore. Plain data.

use std::sync::Arc;
use std::time::Duration;

use crate::query::Query;

/// A key, its value, and all that is kept about them. Entries of a table come least recently used first.
pub(crate) struct SavedEntry<Q: Query> {
    pub key: Q,
    pub value: Arc<Q::Value>,
    pub meta: EntryMeta,
}

/// What is saved of an entry beside key and value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryMeta {
    /// Number of the commit that wrote the entry.
    pub revision: u64,
    /// Time since `as_of` at the moment of the save; after a restore, plus the time the program was down.
    pub age: Duration,
    /// Time since the last use; treated as `age` is.
    pub idle: Duration,
    /// Time to live that was given with the write.
    pub ttl: Option<Duration>,
    /// Freshness time that was given with the write.
    pub fresh: Option<Duration>,
    /// Marked as to be reloaded.
    pub invalidated: bool,
    /// No longer resident when it was saved.
    pub is_survivor: bool,
    /// Where the policy had the entry; meaningful to the policy alone.
    pub rank: u8,
    /// Use mark of the policy.
    pub uses: u8,
}

impl EntryMeta {
    /// The entry after `elapsed` more time, in which nobody used it.
    pub fn older_by(mut self, elapsed: Duration) -> Self {
        self.age = self.age.saturating_add(elapsed);
        self.idle = self.idle.saturating_add(elapsed);
        self
    }
}
