//! From a set of parts, one per table, to one visible change. Locks everything in one global order, validates,
//! draws the revision, installs, unlocks.
//!
//! Each part locks its shards and then calls the next one, so that the typed guards stay on the stack. The last one
//! seals the commit; on the way back each part installs its writes and unlocks. Where there are many parts, their guards
//! are boxed instead, and the stack does not grow. No lock is released before all are taken, so a reader that has seen
//! one write of a commit waits for the others, or sees them.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Order;
use crate::clock::Moment;
use crate::core::Core;
use crate::event::Change;
use crate::query::{Query, ShownKey};
use crate::snapshot::RestoreReport;
use crate::tag::Tag;

/// What a commit does to one table.
#[doc(hidden)]
pub trait Part: Send {
    /// Place of the table in the order in which tables are locked.
    fn table_index(&self) -> usize;

    /// Locks what it needs, and validates. Nothing is changed.
    fn lock<'a>(&'a mut self, commit: &mut Commit<'_>) -> Result<Box<dyn LockedPart + 'a>, Failure>;

    /// Locks and validates, lets the rest do the same, and installs. Nothing is changed on failure.
    fn apply(&mut self, commit: &mut Commit<'_>, rest: &mut [Box<dyn Part + '_>]) -> Result<(), Failure> {
        let mut locked = self.lock(commit)?;
        commit.go_on(rest)?;
        locked.install(commit);
        Ok(())
    }

    /// Does what has to wait until no lock is held: drops what was displaced, makes room elsewhere.
    fn unlocked(&mut self);

    /// How far the part reaches.
    fn kind(&self) -> CommitKind {
        CommitKind::Write
    }

    /// Runs all foreign code that the part needs, before anything is locked. Adds the lines that come by that to `order`.
    fn prepare(&mut self, _label: Option<&Arc<str>>, _order: &mut Order) {}

    /// Looks once more for keys that its predicates mark: hooks have run since [`prepare`](Self::prepare), and loads may
    /// have begun. To be called without locks.
    fn mark_matching_again(&mut self) {}

    /// Has it mark all entries that it does not write.
    fn mark_rest(&mut self) {}

    /// Has it mark the entries with these tags of their own that it does not write. To be called without locks.
    fn mark_tagged(&mut self, _tags: &[Tag]) {}

    /// Tells what became of the entries of a snapshot.
    fn restored(&mut self, _report: &mut RestoreReport) {}

    /// One line of the part, for hooks and listings.
    fn change(&self, _line: usize) -> Option<Change> {
        None
    }

    /// Ends the part, and keeps what can be used again.
    fn recycle(self: Box<Self>) {}

    /// The set of writes that this is, if it is one.
    fn as_any(&self) -> Option<&dyn Any> {
        None
    }

    /// The set of writes that this is, if it is one.
    fn as_any_mut(&mut self) -> Option<&mut dyn Any> {
        None
    }
}

/// A part that holds its locks. Dropping it unlocks.
#[doc(hidden)]
pub trait LockedPart {
    /// Makes the changes of a sealed commit.
    fn install(&mut self, commit: &Commit<'_>);
}

/// What a part has locked that has nothing to do.
impl LockedPart for () {
    fn install(&mut self, _: &Commit<'_>) {}
}

/// Parts whose guards are kept on the stack: in a debug build one takes up to 2 KiB of it. Few commits have more.
const ON_STACK: usize = if cfg!(cache_model) { 2 } else { 16 };

/// A commit on its way.
#[doc(hidden)]
#[derive(Debug)]
pub struct Commit<'a> {
    core: &'a Core,
    /// What the listeners will be told, if there are any.
    pub(crate) changes: Vec<Change>,
    /// Marks and touches have no revision, and a read alone needs no gate.
    pub(crate) kind: CommitKind,
    /// When the commit was begun; times of what it writes begin here. Read before anything is locked, since a clock may
    /// be foreign code, and after the hooks, which may take long.
    pub(crate) now: Moment,
    /// A base that was found changed. Kept until all parts have looked at theirs, so that all merges that were
    /// overtaken run again at once.
    pub(crate) overtaken: Option<Failure>,
    /// Whether no other write may come between the look at the first table and the lock of the last.
    is_alone: bool,
    /// Set when nothing can fail any more and all locks are held: who sees a write of this commit sees it set.
    sign: Option<&'a AtomicBool>,
    revision: u64,
}

#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CommitKind {
    /// Reads to be validated.
    Read,
    /// Touches and marks besides.
    Mark,
    /// Writes besides.
    Write,
}

/// Why a commit could not be installed.
#[doc(hidden)]
pub enum Failure {
    /// A save is copying: to be tried again when it is done.
    GateClosed,
    /// A base that something was merged into has changed: the merges have to run again.
    StaleBase(&'static str, Box<dyn AnyEntryKey>),
    /// A key that was read has changed.
    StaleRead(&'static str, Box<dyn AnyEntryKey>),
}

/// A key that is printed later, outside the locks.
#[doc(hidden)]
pub trait AnyEntryKey: Debug + Send + Sync {}
impl<T: Debug + Send + Sync> AnyEntryKey for T {}

/// The key of a conflict.
pub(super) struct ConflictKey<Q>(pub(super) Q);

impl<Q: Query> Debug for ConflictKey<Q> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        ShownKey(&self.0).fmt(f)
    }
}

impl<'a> Commit<'a> {
    pub(crate) fn new(core: &'a Core, kind: CommitKind) -> Self {
        Self {
            core,
            changes: Vec::new(),
            kind,
            now: if kind == CommitKind::Read { core.now() } else { core.precise_now() },
            overtaken: None,
            is_alone: false,
            sign: None,
            revision: 0,
        }
    }

    pub(crate) fn with_sign(mut self, sign: Option<&'a AtomicBool>) -> Self {
        self.sign = sign;
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

    /// Goes on with the rest of the parts, and seals the commit after the last.
    pub(crate) fn go_on(&mut self, rest: &mut [Box<dyn Part + '_>]) -> Result<(), Failure> {
        match rest.split_first_mut() {
            Some((next, rest)) => next.apply(self, rest),
            None => self.seal(),
        }
    }

    /// Runs all parts, which must be sorted by their tables. Returns the revision, 0 if nothing is written.
    pub(crate) fn run(mut self, parts: &mut [Box<dyn Part + '_>]) -> Result<u64, Failure> {
        let closed = self.is_alone.then(|| self.core.gate.close());
        loop {
            self.core.gate.pass();
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
        Ok(self.revision)
    }

    fn apply(&mut self, parts: &mut [Box<dyn Part + '_>]) -> Result<(), Failure> {
        if parts.len() <= ON_STACK {
            return self.go_on(parts);
        }
        let mut locked = Vec::with_capacity(parts.len());
        for part in parts {
            locked.push(part.lock(self)?);
        }
        self.seal()?;
        // As on the way back from the last one.
        while let Some(mut part) = locked.pop() {
            part.install(self);
        }
        Ok(())
    }

    fn seal(&mut self) -> Result<(), Failure> {
        if let Some(overtaken) = self.overtaken.take() {
            return Err(overtaken);
        }
        if self.kind > CommitKind::Read && self.core.gate.is_closed() {
            return Err(Failure::GateClosed);
        }
        if let Some(sign) = self.sign {
            sign.store(true, Ordering::Release);
        }
        let changes = std::mem::take(&mut self.changes);
        match self.kind {
            CommitKind::Write => self.revision = self.core.seal(changes),
            CommitKind::Mark | CommitKind::Read => self.core.note(changes),
        }
        Ok(())
    }
}

impl Debug for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::GateClosed => f.write_str("GateClosed"),
            Self::StaleBase(table, key) => f.debug_tuple("StaleBase").field(table).field(key).finish(),
            Self::StaleRead(table, key) => f.debug_tuple("StaleRead").field(table).field(key).finish(),
        }
    }
}
