//! One simple write in progress: plain data.

use super::watchers::AnyWatcher;
use crate::clock::Moment;
use crate::entry_times::EntryTimes;
use crate::shard::load::AnyLoad;

/// Where a written value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The program: copies kept elsewhere do not have it.
    Program,
    /// A load: copies kept elsewhere may have its result.
    Load,
    /// A copy from elsewhere, written while the key is loaded. It makes no load out of date.
    Copy,
}

/// The load that a simple write comes from, if any. It must not be overtaken.
#[derive(Clone, Copy)]
pub(crate) enum Watched<'a> {
    No,
    Yes(&'a AnyWatcher),
    /// A blocking load. There must also be no entry.
    IfAbsent(&'a AnyLoad),
}

impl Watched<'_> {
    /// Returns whether the write is allowed, for a key that is in line `at` or in none.
    pub(super) fn allows(self, at: Option<u32>) -> bool {
        match self {
            Self::No => true,
            Self::Yes(watcher) => !watcher.is_overtaken(),
            Self::IfAbsent(load) => !load.is_overtaken() && at.is_none(),
        }
    }
}

/// The times of most writes: those of the table.
pub(super) const NO_TIMES: &EntryTimes = &EntryTimes::new();

/// A simple write in progress.
pub(crate) struct SimpleWrite<'a> {
    pub(super) hash: u32,
    pub(super) times: &'a EntryTimes,
    pub(super) origin: Origin,
    pub(super) watched: Watched<'a>,
    pub(super) now: Moment,
    pub(super) as_of: Moment,
    /// Whether more was displaced than the pair holds.
    pub(super) has_displaced: bool,
    pub(crate) revision: u64,
}

impl<'a> SimpleWrite<'a> {
    /// Creates a write by the program, of a pair whose key has this hash.
    #[inline]
    pub(super) fn new(hash: u32, times: &'a EntryTimes) -> Self {
        let (now, as_of) = (Moment::ORIGIN, Moment::ORIGIN);
        let (origin, watched) = (Origin::Program, Watched::No);
        Self { hash, times, origin, watched, now, as_of, has_displaced: false, revision: 0 }
    }

    /// Creates a write by a load with a watcher.
    pub(crate) fn of_watched(watcher: &'a AnyWatcher, times: &'a EntryTimes) -> Self {
        let (origin, watched) = (Origin::Load, Watched::Yes(watcher));
        Self { origin, watched, ..Self::new(watcher.hash(), times) }
    }

    /// Creates a write by a blocking load.
    pub(super) fn of_load(load: &'a AnyLoad) -> Self {
        Self { watched: Watched::IfAbsent(load), ..Self::new(load.hash(), NO_TIMES) }
    }
}
