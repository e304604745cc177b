//! Entries in the form that a save gets and a restore returns. Plain data.

use std::num::NonZero;
use std::time::Duration;

use super::erased::AnyPairs;
use super::key::AnyKey;
use crate::clock::Moment;

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
    /// Time to live that was given with the write.
    pub ttl: Option<Nanos>,
    /// Freshness time that was given with the write.
    pub fresh: Option<Nanos>,
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

/// A time as the file stores it: nanoseconds, or forever. Anything above 584 years is forever.
///
/// Holds the complement, so that `None` has the number that the file uses for no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nanos(NonZero<u64>);

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

impl Nanos {
    /// [`Duration::MAX`].
    pub const FOREVER: Self = Self(NonZero::<u64>::MIN);

    #[inline]
    pub fn new(nanos: u64) -> Self {
        NonZero::new(!nanos).map_or(Self::FOREVER, Self)
    }

    /// Returns the time from `earlier` to `now`; zero if `now` is earlier.
    #[inline]
    pub fn since(now: Moment, earlier: Moment) -> Self {
        Self::new(u64::try_from(now.nanos().saturating_sub(earlier.nanos())).unwrap_or(0))
    }

    #[inline]
    pub fn get(self) -> u64 {
        !self.0.get()
    }

    /// Encodes a time as a column of the file has it; all ones for `None`.
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
