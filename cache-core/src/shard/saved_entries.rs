//! Entries as the store hands them to a save and takes them back from a restore. Plain data.

use std::num::NonZero;
use std::time::Duration;

use super::erased::AnyPairs;
use super::key::AnyKey;
use crate::clock::Moment;

/// Keys, values, and all that is kept about them, by number. Entries of a table come least recently used first.
pub(crate) struct Entries {
    pub pairs: Box<dyn AnyPairs>,
    pub metas: Vec<EntryMeta>,
}

/// What is saved of an entry beside key and value. Small, for there is one for each entry of the cache at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryMeta {
    /// Time since `as_of` at the moment of the save; after a restore, plus the time the program was down.
    pub age: Nanos,
    /// Time since the last use; treated as `age` is.
    pub idle: Nanos,
    /// Time to live that was given with the write.
    pub ttl: Option<Nanos>,
    /// Freshness time that was given with the write.
    pub fresh: Option<Nanos>,
    /// Marked as to be reloaded.
    pub invalidated: bool,
    /// No longer resident when it was saved.
    pub is_survivor: bool,
    /// Where the policy had the entry; meaningful to the policy alone.
    pub rank: u8,
    /// Use mark of the policy.
    pub uses: u8,
}

/// What the time between a save and the restore does to each entry of a table.
#[derive(Clone, Copy, Debug)]
pub struct Downtime {
    /// How much older it becomes; nobody used it meanwhile.
    pub(crate) elapsed: Nanos,
    /// It is marked as to be reloaded.
    pub(crate) invalidates: bool,
}

/// A time as the file holds it: nanoseconds, or forever. What is longer than 584 years is forever.
///
/// Holds the complement, so that the number that the file has for no time is that of `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nanos(NonZero<u64>);

impl Entries {
    /// Puts what is known about entries beside a list of pairs that has none yet.
    pub fn new(pairs: Box<dyn AnyPairs>, capacity: usize) -> Self {
        Self { pairs, metas: Vec::with_capacity(capacity) }
    }

    pub fn len(&self) -> usize {
        self.metas.len()
    }

    /// The key of an entry; `None` once that has been taken out.
    #[inline]
    pub fn key(&self, number: usize) -> Option<&dyn AnyKey> {
        self.pairs.pair(number).key()
    }

    pub fn clear(&mut self) {
        self.pairs.clear();
        self.metas.clear();
    }

    /// Moves an entry here that others have.
    pub fn move_from(&mut self, others: &mut Self, number: usize) {
        self.pairs.add().swap(others.pairs.pair_mut(number), true);
        self.metas.push(others.metas[number]);
    }
}

impl EntryMeta {
    /// The entry as it comes back after the time in which the program was down.
    #[inline]
    pub fn after(mut self, downtime: Downtime) -> Self {
        self.age = self.age.plus(downtime.elapsed);
        self.idle = self.idle.plus(downtime.elapsed);
        self.invalidated |= downtime.invalidates;
        self
    }
}

impl Nanos {
    /// [`Duration::MAX`].
    pub const FOREVER: Self = Self(NonZero::<u64>::MIN);

    #[inline]
    pub fn new(nanos: u64) -> Self {
        NonZero::new(!nanos).map_or(Self::FOREVER, Self)
    }

    /// Time passed from `earlier` to `now`; zero if that is earlier.
    #[inline]
    pub fn since(now: Moment, earlier: Moment) -> Self {
        Self::new(u64::try_from(now.nanos().saturating_sub(earlier.nanos())).unwrap_or(0))
    }

    #[inline]
    pub fn get(self) -> u64 {
        !self.0.get()
    }

    /// As a column of the file has it, all ones for none.
    #[inline]
    pub fn to_le_bytes(time: Option<Self>) -> [u8; 8] {
        time.map_or(u64::MAX, Self::get).to_le_bytes()
    }

    #[inline]
    pub fn from_le_bytes(bytes: [u8; 8]) -> Option<Self> {
        NonZero::new(!u64::from_le_bytes(bytes)).map(Self)
    }

    #[inline]
    fn plus(self, time: Self) -> Self {
        Self::new(self.get().saturating_add(time.get()))
    }
}

impl From<Duration> for Nanos {
    #[inline]
    fn from(time: Duration) -> Self {
        u64::try_from(time.as_nanos()).map_or(Self::FOREVER, Self::new)
    }
}

impl From<Nanos> for Duration {
    #[inline]
    fn from(time: Nanos) -> Self {
        match time {
            Nanos::FOREVER => Self::MAX,
            time => Self::from_nanos(time.get()),
        }
    }
}
