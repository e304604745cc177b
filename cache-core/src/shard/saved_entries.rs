//! Entries in the form that a save gets and a restore returns. Plain data.

use super::erased::AnyPairs;
use super::key::AnyKey;
use crate::clock::Nanos;
use crate::entry_times::OwnTimes;

/// Keys, values and their metadata, by number. Entries of a table come least recently used first.
pub(crate) struct Entries {
    pub pairs: Box<dyn AnyPairs>,
    pub metas: Vec<EntryMeta>,
}

/// The saved metadata of an entry. Small, since there may be one for each entry of the cache at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryMeta {
    /// Time since `as_of` at the moment of the save; after a restore, plus the time the program was down.
    pub age: Nanos,
    /// Time since the last use; treated as `age` is.
    pub idle: Nanos,
    /// The times that were given with the write.
    pub own: OwnTimes,
    /// Invalidated: must be loaded again.
    pub invalidated: bool,
    /// No longer resident when it was saved.
    pub is_survivor: bool,
    /// Position in the policy; meaningful to the policy alone.
    pub rank: u8,
    /// Use count of the policy.
    pub uses: u8,
}

/// How the time between a save and the restore changes each entry of a table.
#[derive(Clone, Copy, Debug)]
pub struct Downtime {
    /// How much its age and idle time grow.
    pub(crate) elapsed: Nanos,
    /// Whether it is invalidated.
    pub(crate) invalidates: bool,
}

impl Entries {
    /// Creates a list of entries around an empty list of pairs.
    pub fn new(pairs: Box<dyn AnyPairs>, capacity: usize) -> Self {
        Self { pairs, metas: Vec::with_capacity(capacity) }
    }

    pub fn len(&self) -> usize {
        self.metas.len()
    }

    /// Returns the key of an entry; `None` once it has been taken out.
    #[inline]
    pub fn key(&self, number: usize) -> Option<&dyn AnyKey> {
        self.pairs.pair(number).key()
    }

    pub fn clear(&mut self) {
        self.pairs.clear();
        self.metas.clear();
    }

    /// Moves an entry from `others` to this list.
    pub fn move_from(&mut self, others: &mut Self, number: usize) {
        self.pairs.add().swap(others.pairs.pair_mut(number), true);
        self.metas.push(others.metas[number]);
    }
}

impl EntryMeta {
    /// Returns the entry as it is after the downtime of the program.
    #[inline]
    pub fn after(mut self, downtime: Downtime) -> Self {
        self.age = self.age.plus(downtime.elapsed);
        self.idle = self.idle.plus(downtime.elapsed);
        self.invalidated |= downtime.invalidates;
        self
    }
}
