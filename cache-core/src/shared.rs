//! The state that all tables of one cache share: clock, revision counter, gate, listeners, hooks, commit log.

use std::fmt::{self, Debug};

use crate::clock::{Clock, Moment};
use crate::commit_log::RecentCommits;
use crate::dependents::Dependents;
use crate::event::{Change, Event, Events, Listener};
use crate::gate::Gate;
use crate::hooks::Hook;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub(crate) struct Shared {
    pub(crate) clock: Box<dyn Clock>,
    numbers: Padded<Numbers>,
    pub(crate) gate: Gate,
    pub(crate) events: Events,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) log: RecentCommits,
    pub(crate) dependents: Dependents,
    /// Whether a table ever had listeners of its changes, so that other commits need not look at their tables.
    has_change_listeners: AtomicBool,
    /// Maximum number of shards of a table.
    pub(crate) shards: usize,
    /// Set by tests that depend on the hashes.
    pub(crate) hash_seed: Option<u64>,
    /// How often the cache was cleared or restored.
    resets: AtomicU64,
    /// Identifies the cache, so that a hook may commit to another one.
    pub(crate) id: u64,
}

/// Puts the data that every write changes into a cache line of its own, apart from data that writes only read.
#[repr(align(128))]
struct Padded<T>(T);

struct Numbers {
    /// Revision of the last commit.
    revision: AtomicU64,
    /// Number of the last mark, removal or start of a load. They have no revision, but must be ordered.
    sequence: AtomicU64,
}

/// When a load began. Later changes of a key that it brings along are newer than the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LoadStart {
    /// Revision of the last commit before it.
    pub(crate) revision: u64,
    /// Its own number, which no other load has.
    pub(crate) sequence: u64,
}

/// Shards per processor. More do not help readers, which hold a lock for about ten nanoseconds.
const SHARDS_PER_CORE: usize = 8;
/// Maximum number of shards. A table with one entry must stay small on a machine with many processors.
pub(crate) const MAX_SHARDS: usize = 32;

impl Shared {
    pub(crate) fn new(
        clock: Box<dyn Clock>,
        listeners: Vec<Listener>,
        hooks: Vec<Hook>,
        hash_seed: Option<u64>,
    ) -> Self {
        static NEXT_ID: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            clock,
            numbers: Padded(Numbers { revision: AtomicU64::new(0), sequence: AtomicU64::new(0) }),
            gate: Gate::default(),
            events: Events::new(listeners),
            hooks,
            log: RecentCommits::default(),
            dependents: Dependents::default(),
            has_change_listeners: AtomicBool::new(false),
            shards: (cores * SHARDS_PER_CORE).min(MAX_SHARDS),
            hash_seed,
            resets: AtomicU64::new(0),
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Counts a clear or a restore, before it changes anything.
    pub(crate) fn note_reset(&self) {
        self.resets.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn resets(&self) -> u64 {
        self.resets.load(Ordering::Acquire)
    }

    /// Remembers that a table has listeners of its changes.
    pub(crate) fn note_change_listener(&self) {
        self.has_change_listeners.store(true, Ordering::Relaxed);
    }

    /// Returns whether a table ever had listeners of its changes.
    #[inline]
    pub(crate) fn has_change_listeners(&self) -> bool {
        self.has_change_listeners.load(Ordering::Relaxed)
    }

    /// Returns the moment that times are compared with.
    #[inline]
    pub(crate) fn now(&self) -> Moment {
        self.clock.now()
    }

    /// Returns the moment that times are counted from.
    #[inline]
    pub(crate) fn precise_now(&self) -> Moment {
        self.clock.precise_now()
    }

    /// Returns the revision of the last commit. Later reads see the effects of all commits up to it: each
    /// commit draws its revision while it holds its locks.
    pub(crate) fn revision(&self) -> u64 {
        self.numbers.0.revision.load(Ordering::Acquire)
    }

    /// Draws the revision of a commit whose shards are all locked, and queues its changes.
    #[inline]
    pub(crate) fn seal(&self, changes: Vec<Change>) -> u64 {
        match self.events.has_listeners() {
            true => self.events.push_numbered(&self.numbers.0.revision, changes),
            false => self.next_revision(),
        }
    }

    /// Draws the revision of a commit whose shards are all locked, without listeners.
    #[inline]
    pub(crate) fn next_revision(&self) -> u64 {
        self.numbers.0.revision.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Draws the number of a mark, a removal or the start of a load. Later ones are higher.
    pub(crate) fn next_in_sequence(&self) -> u64 {
        self.numbers.0.sequence.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Returns the start of a load that begins now.
    pub(crate) fn start_load(&self) -> LoadStart {
        LoadStart { revision: self.revision(), sequence: self.next_in_sequence() }
    }

    /// Continues from the revision of a snapshot, so that revisions stay unique across a restart.
    pub(crate) fn advance_revision(&self, at_least: u64) {
        self.numbers.0.revision.fetch_max(at_least, Ordering::Relaxed);
    }

    /// Does what a change leaves to be done without locks: marks the answers that were built from what has changed,
    /// and notifies the listeners.
    #[inline]
    pub(crate) fn drain(&self) {
        self.dependents.settle();
        self.events.drain();
    }

    /// Queues changes that have no revision.
    pub(crate) fn note(&self, changes: Vec<Change>) {
        for change in changes {
            self.events.push(Event::Change(change));
        }
    }
}

impl Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("clock", &self.clock)
            .field("revision", &self.revision())
            .finish_non_exhaustive()
    }
}
