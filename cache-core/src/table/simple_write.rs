//! One simple write on its way: plain data.

use super::watchers::AnyWatcher;
use crate::clock::Moment;
use crate::entry_times::EntryTimes;
use crate::shard::load::AnyLoad;

/// Where a written value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The program says so, and what is kept elsewhere does not know of it.
    Program,
    /// A load: copies that are kept elsewhere know its result.
    Load,
}

/// Whether a simple write is that of a load, which must not be overtaken.
#[derive(Clone, Copy)]
pub(crate) enum Watched<'a> {
    No,
    Yes(&'a AnyWatcher),
    /// And there must be no entry.
    IfAbsent(&'a AnyLoad),
}

impl Watched<'_> {
    /// Whether the write may be made, to a key that is in a line of this number or in none.
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

/// A simple write on its way.
pub(crate) struct SimpleWrite<'a> {
    pub(super) hash: u32,
    pub(super) times: &'a EntryTimes,
    pub(super) origin: Origin,
    pub(super) watched: Watched<'a>,
    pub(super) now: Moment,
    pub(super) as_of: Moment,
    /// Whether more was displaced than the pair has.
    pub(super) has_displaced: bool,
    pub(crate) revision: u64,
}

impl<'a> SimpleWrite<'a> {
    /// By the program, of a pair whose key has this hash.
    #[inline]
    pub(super) fn new(hash: u32, times: &'a EntryTimes) -> Self {
        let (now, as_of) = (Moment::ORIGIN, Moment::ORIGIN);
        let (origin, watched) = (Origin::Program, Watched::No);
        Self { hash, times, origin, watched, now, as_of, has_displaced: false, revision: 0 }
    }

    /// By a load that is told of changes.
    pub(crate) fn of_watched(watcher: &'a AnyWatcher, times: &'a EntryTimes) -> Self {
        let (origin, watched) = (Origin::Load, Watched::Yes(watcher));
        Self { origin, watched, ..Self::new(watcher.hash(), times) }
    }

    /// By a load that keeps its thread.
    pub(super) fn of_load(load: &'a AnyLoad) -> Self {
        Self { watched: Watched::IfAbsent(load), ..Self::new(load.hash(), NO_TIMES) }
    }
}
