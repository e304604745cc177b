//! From a set of parts, one per table, to one visible change, in phases: lock everything in one global order, validate,
//! draw the revision, install, unlock.
//!
//! No lock is released before all have been taken and all parts are installed, so a reader that has seen one write of a
//! commit waits for the others, or sees them. What was displaced is dropped when no lock is held any more.

pub(crate) mod affected;
pub(crate) mod bulk;
pub(crate) mod inputs;
pub(crate) mod locked_shards;
pub(crate) mod merges;
pub(crate) mod restore;
pub(crate) mod typed_writes;
pub(crate) mod write_set;

use std::fmt::{self, Debug};
use std::sync::atomic::{AtomicBool, Ordering};

use smallvec::SmallVec;

use crate::clock::Moment;
use crate::erased::UsedTable;
use crate::event::Change;
use crate::shard::DisplacedPairs;
use crate::shard::key::AnyKey;
use crate::shared::Shared;
use locked_shards::LockedShards;

/// What a commit does to one table.
pub(crate) trait Part {
    /// Place of the table in the order in which tables are locked.
    fn table_index(&self) -> usize;

    /// The table, and what is done to it while it is locked. `None` if nothing is.
    fn open(&mut self) -> Option<(&dyn UsedTable, &mut dyn Steps)>;

    /// Does what has to wait until no lock is held: makes room elsewhere.
    fn unlocked(&mut self) {}

    /// Drops what was displaced, when all else is done: the drop of a value may panic.
    fn drop_displaced(&mut self) {}

    /// How far the part reaches.
    fn kind(&self) -> CommitKind {
        CommitKind::Write
    }
}

/// Parts of one kind, to be run.
pub(crate) fn dynamic<P: Part>(parts: &mut [P]) -> Vec<&mut dyn Part> {
    parts.iter_mut().map(|part| part as &mut dyn Part).collect()
}

/// What a part does in the phases of a commit.
pub(crate) trait Steps {
    /// Locks what the part needs.
    fn lock(&self, locked: &mut LockedShards<'_>);

    /// Compares what was read with what is there, and finds the places of what will be written. Changes nothing.
    ///
    /// # Errors
    /// Why the commit cannot be installed.
    fn validate(&mut self, locked: &LockedShards<'_>, commit: &mut Commit<'_>) -> Result<(), Failure>;

    /// Makes the changes of a sealed commit.
    fn install(&mut self, locked: &mut LockedShards<'_>, commit: &Commit<'_>);
}

/// A commit on its way.
pub(crate) struct Commit<'a> {
    shared: &'a Shared,
    /// What the listeners will be told, if there are any.
    pub(crate) changes: Vec<Change>,
    /// Marks and touches have no revision, and a read alone needs no gate.
    kind: CommitKind,
    /// When the commit was begun; times of what it writes begin here. Read before anything is locked, since a clock may
    /// be foreign code, and after the hooks, which may take long.
    pub(crate) now: Moment,
    /// A base that was found changed. Kept until all parts have looked at theirs, so that all merges that were
    /// overtaken run again at once.
    pub(crate) overtaken: Option<Failure>,
    /// Whether no other write may come between the look at the first table and the lock of the last.
    is_alone: bool,
    /// Set when nothing can fail any more and all locks are held: a reader that sees a write of this commit sees it
    /// set.
    committed_flag: Option<&'a AtomicBool>,
    revision: u64,
    /// What was displaced, until no lock is held any more.
    displaced: Vec<DisplacedPairs>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CommitKind {
    /// Reads to be validated.
    Read,
    /// Touches and marks besides.
    Mark,
    /// Writes besides.
    Write,
}

/// Why a commit could not be installed.
pub(crate) enum Failure {
    /// The gate is closed: a save notes its entries, or the cache is emptied or read at one moment. To be tried again once it
    /// is open.
    GateClosed,
    /// A base that something was merged into has changed: the merges have to run again.
    StaleBase(&'static str, Box<dyn AnyKey>),
    /// A key that was read has changed.
    StaleRead(&'static str, Box<dyn AnyKey>),
    /// What an answer was built from has changed, or its own key has.
    StaleAnswer,
}

impl<'a> Commit<'a> {
    pub(crate) fn new(shared: &'a Shared, kind: CommitKind) -> Self {
        Self {
            shared,
            changes: Vec::new(),
            kind,
            now: if kind == CommitKind::Read { shared.now() } else { shared.precise_now() },
            overtaken: None,
            is_alone: false,
            committed_flag: None,
            revision: 0,
            displaced: Vec::new(),
        }
    }

    pub(crate) fn with_committed_flag(mut self, flag: Option<&'a AtomicBool>) -> Self {
        self.committed_flag = flag;
        self
    }

    /// Keeps other writers out from the start: for a commit that concerns tables which may have no shards yet, and
    /// so nothing that it could lock.
    pub(crate) fn alone(mut self) -> Self {
        self.is_alone = true;
        self
    }

    /// Revision of the sealed commit; 0 if it writes nothing.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Runs all parts, which must be sorted by their tables. Returns the revision, 0 if nothing is written.
    pub(crate) fn run(mut self, parts: &mut [&mut dyn Part]) -> Result<u64, Failure> {
        let closed = self.is_alone.then(|| self.shared.gate.close());
        loop {
            self.shared.gate.pass();
            self.changes.clear();
            match self.apply(parts) {
                Ok(()) => break,
                Err(Failure::GateClosed) => {}
                Err(failure) => return Err(failure),
            }
        }
        drop(closed);
        for part in parts.iter_mut() {
            part.unlocked();
        }
        self.displaced.clear();
        for part in parts.iter_mut() {
            part.drop_displaced();
        }
        Ok(self.revision)
    }

    /// All phases. On failure nothing has been changed.
    fn apply(&mut self, parts: &mut [&mut dyn Part]) -> Result<(), Failure> {
        let mut locked = SmallVec::<[(LockedShards<'_>, &mut dyn Steps); 2]>::new();
        for part in parts {
            if let Some((table, steps)) = part.open() {
                locked.push((LockedShards::of(table), steps));
                if let Some((shards, steps)) = locked.last_mut() {
                    steps.lock(shards);
                }
            }
        }
        for (shards, steps) in &mut locked {
            steps.validate(shards, self)?;
        }
        self.seal()?;
        for (shards, steps) in &mut locked {
            steps.install(shards, self);
            shards.take_displaced(&mut self.displaced);
        }
        Ok(())
    }

    fn seal(&mut self) -> Result<(), Failure> {
        if let Some(overtaken) = self.overtaken.take() {
            return Err(overtaken);
        }
        if self.kind > CommitKind::Read && self.shared.gate.is_closed() {
            return Err(Failure::GateClosed);
        }
        if let Some(flag) = self.committed_flag {
            flag.store(true, Ordering::Release);
        }
        let changes = std::mem::take(&mut self.changes);
        match self.kind {
            CommitKind::Write => self.revision = self.shared.seal(changes),
            CommitKind::Mark | CommitKind::Read => self.shared.note(changes),
        }
        Ok(())
    }
}

impl Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GateClosed => f.write_str("GateClosed"),
            Self::StaleBase(table, key) => f.debug_tuple("StaleBase").field(table).field(key).finish(),
            Self::StaleRead(table, key) => f.debug_tuple("StaleRead").field(table).field(key).finish(),
            Self::StaleAnswer => f.write_str("StaleAnswer"),
        }
    }
}
