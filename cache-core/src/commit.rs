//! Turns a set of parts, one per table, into one visible change. The phases are: lock everything in one
//! global order, validate, draw the revision, install, unlock.
//!
//! No lock is released before all locks are taken and all parts are installed. So a reader that has seen one
//! write of a commit waits for the others, or sees them. What was displaced is dropped when no lock is held.

pub(crate) mod affected;
pub(crate) mod answer;
pub(crate) mod brought;
pub(crate) mod bulk;
pub(crate) mod conditional;
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
    /// Returns the place of the table in the locking order.
    fn table_index(&self) -> usize;

    /// Returns the table and the steps to run while it is locked; `None` if there are none.
    fn open(&mut self) -> Option<(&dyn UsedTable, &mut dyn Steps)>;

    /// Does the work that must wait until no lock is held: makes room elsewhere.
    fn unlocked(&mut self) {}

    /// Drops what was displaced, after everything else: the drop of a value may panic.
    fn drop_displaced(&mut self) {}

    /// Returns the kind of commit that the part needs.
    fn kind(&self) -> CommitKind {
        CommitKind::Write
    }
}

/// Erases the type of parts, so that they can be run.
pub(crate) fn dynamic<P: Part>(parts: &mut [P]) -> SmallVec<[&mut dyn Part; 2]> {
    parts.iter_mut().map(|part| part as &mut dyn Part).collect()
}

/// The work of a part in the phases of a commit.
pub(crate) trait Steps {
    /// Locks what the part needs.
    fn lock(&self, locked: &mut LockedShards<'_>);

    /// Compares the reads with the present entries, and locates the entries to be written. Changes nothing.
    ///
    /// # Errors
    /// Why the commit cannot be installed.
    fn validate(&mut self, locked: &LockedShards<'_>, commit: &mut Commit<'_>) -> Result<(), Failure>;

    /// Makes the changes of a sealed commit.
    fn install(&mut self, locked: &mut LockedShards<'_>, commit: &Commit<'_>);
}

/// A commit in progress.
pub(crate) struct Commit<'a> {
    shared: &'a Shared,
    /// The changes to report to listeners, if there are any.
    pub(crate) changes: Vec<Change>,
    /// Decides what the commit needs: marks and touches have no revision, and reads alone need no gate.
    kind: CommitKind,
    /// When the commit began. The times of its entries begin here. Read before anything is locked, since a
    /// clock may be foreign code, and after the hooks, which may take long.
    pub(crate) now: Moment,
    /// A base that has changed. Kept until all parts have checked theirs, so that all overtaken merges run
    /// again at once.
    pub(crate) overtaken: Option<Failure>,
    /// Whether no other write may come between the check of the first table and the lock of the last.
    is_alone: bool,
    /// Set when nothing can fail any more and all locks are held, so a reader that sees a write of this
    /// commit sees the flag set.
    committed_flag: Option<&'a AtomicBool>,
    /// Called once everything is installed, before foreign code runs.
    guard: Option<Box<dyn FnOnce()>>,
    revision: u64,
    /// What was displaced. Kept until no lock is held.
    displaced: Vec<DisplacedPairs>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CommitKind {
    /// Only reads, which are validated.
    Read,
    /// Reads, and touches or marks.
    Mark,
    /// Writes, and any of the others.
    Write,
}

/// Why a commit could not be installed.
pub(crate) enum Failure {
    /// The gate is closed: a save notes its entries, or the cache is cleared or read at one moment. The
    /// caller retries once it is open.
    GateClosed,
    /// The base of a merge has changed: the merges must run again.
    StaleBase(&'static str, Box<dyn AnyKey>),
    /// A key that was read has changed.
    StaleRead(&'static str, Box<dyn AnyKey>),
    /// An input of an answer has changed.
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
            guard: None,
            revision: 0,
            displaced: Vec::new(),
        }
    }

    pub(crate) fn with_committed_flag(mut self, flag: Option<&'a AtomicBool>) -> Self {
        self.committed_flag = flag;
        self
    }

    /// Keeps something until the commit is installed, and calls it then.
    pub(crate) fn guarded_by(mut self, guard: Option<Box<dyn FnOnce()>>) -> Self {
        self.guard = guard;
        self
    }

    /// Keeps other writers out from the start. For commits on tables that may have no shards yet, and so
    /// nothing to lock.
    pub(crate) fn alone(mut self) -> Self {
        self.is_alone = true;
        self
    }

    /// Called by parts that know only under the locks what they will do.
    pub(crate) fn require(&mut self, kind: CommitKind) {
        self.kind = self.kind.max(kind);
    }

    /// Returns the revision of the sealed commit; 0 if it writes nothing.
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
        if let Some(guard) = self.guard.take() {
            guard();
        }
        for part in parts.iter_mut() {
            part.unlocked();
        }
        self.displaced.clear();
        for part in parts.iter_mut() {
            part.drop_displaced();
        }
        Ok(self.revision)
    }

    /// Runs all phases. On failure, nothing is changed.
    fn apply(&mut self, parts: &mut [&mut dyn Part]) -> Result<(), Failure> {
        let mut locked = SmallVec::<[(LockedShards<'_>, &mut dyn Steps); 4]>::new();
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
