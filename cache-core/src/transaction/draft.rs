//! The pending changes of a transaction, without its registry type, and the attempts to commit them.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::mem::{self, ManuallyDrop};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll, Waker};

use smallvec::SmallVec;

use super::Backoff;
use crate::commit::bulk::{MarkPart, MarkTaggedPart};
use crate::commit::write_set::simple::commit_simply;
use crate::commit::write_set::{WriteOrder, WriteSet};
use crate::commit::{Commit, CommitKind, Failure, Part, dynamic};
use crate::erased::{ErasedTable, UsedTable};
use crate::error::CommitError;
use crate::event::Change;
use crate::hooks::{self, Hook, Proposal};
use crate::reentrancy;
use crate::shared::Shared;
use crate::tag::Tag;

/// Maximum number of attempts of a commit whose merges keep being overtaken, if hooks run each time.
pub(super) const ATTEMPTS_WITH_HOOKS: usize = 16;

/// What a commit does between its attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    /// Blocks its thread for a while, if there are hooks.
    Thread,
    /// Yields to other tasks.
    Task,
}

/// The pending changes of a transaction, without its registry type.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) parts: DraftParts,
    pub(super) order: WriteOrder,
    pub(super) label: Option<Arc<str>>,
    pub(super) context: Option<Arc<dyn Any + Send + Sync>>,
    /// Tables whose other entries, which this transaction does not write, are marked.
    pub(super) marked: MarkedTables,
    pub(super) committed_flag: Option<Arc<AtomicBool>>,
    pub(super) skips_hooks: bool,
    /// Whether the listeners of the tables are not told: the caller tells them what they need to know.
    pub(super) skips_change_listeners: bool,
    /// Called before the locks are taken.
    pub(super) guard: Option<GuardOf>,
}

/// Returns what is called when a commit is installed and dropped otherwise, or why there must be no commit.
pub(super) type GuardOf = Box<dyn FnMut() -> Result<Box<dyn FnOnce()>, CommitError> + Send>;

/// Some of the tables of a cache.
#[derive(Debug, Default)]
pub(super) enum MarkedTables {
    #[default]
    None,
    Tagged(Vec<Tag>),
    All,
}

impl MarkedTables {
    fn has(&self, tags: &'static [&'static str]) -> bool {
        match self {
            Self::None => false,
            Self::Tagged(marked) => marked.iter().any(|tag| tag.is_among(tags)),
            Self::All => true,
        }
    }

    /// Returns the tags that are marked, for tables that are not marked as a whole.
    fn tags(&self) -> &[Tag] {
        match self {
            Self::Tagged(tags) => tags,
            Self::None | Self::All => &[],
        }
    }
}

/// Returns the tables of a cache.
type TablesOf<'a> = &'a (dyn Fn() -> Vec<&'a dyn ErasedTable> + Sync);

/// The write sets of a transaction, one per table. Most transactions have few. Only [`drop`](Drop::drop) drops them, so
/// that their drop is not compiled into each program.
#[derive(Default)]
pub(crate) struct DraftParts(pub(super) ManuallyDrop<SmallVec<[Box<WriteSet>; 4]>>);

impl Drop for DraftParts {
    #[inline(never)]
    fn drop(&mut self) {
        let mut parts = mem::take(&mut *self.0);
        while let Some(part) = parts.pop() {
            part.recycle();
        }
    }
}

impl Draft {
    /// Remembers the order of a key that is written for the first time.
    #[inline(never)]
    pub(super) fn note(&mut self, table: usize, line: Option<usize>) {
        if let Some(line) = line {
            self.order.push((table, line));
        }
    }

    pub(super) fn writes(&self) -> Vec<Change> {
        let part = |table| self.parts.0.iter().find(|part| part.table_index() == table);
        self.order.iter().filter_map(|&(table, line)| part(table)?.change(line)).collect()
    }

    pub(super) fn invalidate_tag(&mut self, tag: Tag) {
        match &mut self.marked {
            MarkedTables::None => self.marked = MarkedTables::Tagged(vec![tag]),
            MarkedTables::Tagged(tags) => tags.push(tag),
            MarkedTables::All => {}
        }
    }

    /// Commits the transaction. Returns the revision, 0 if nothing is written.
    pub(super) fn commit(&mut self, shared: &Shared, tables: TablesOf<'_>) -> Result<u64, CommitError> {
        if !self.skips_hooks && shared.hooks.iter().any(Hook::is_async) {
            return Err(CommitError::AsyncHook);
        }
        if let Some(revision) = self.commit_simply(shared) {
            self.tell_changes(shared);
            return Ok(revision);
        }
        let committed = pin!(self.commit_in_attempts(shared, tables, ATTEMPTS_WITH_HOOKS, Pause::Thread));
        match committed.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(committed) => committed,
            // Without async hooks it only blocks its thread.
            Poll::Pending => Err(CommitError::AsyncHook),
        }
    }

    /// Tells the listeners of the tables what was committed.
    #[inline]
    fn tell_changes(&self, shared: &Shared) {
        if shared.has_change_listeners() && !self.skips_change_listeners {
            self.parts.0.iter().for_each(|part| part.tell_changes());
        }
    }

    /// Commits as [`commit`](Self::commit) does, but waits for async hooks, and yields to other tasks between
    /// its attempts.
    pub(super) async fn commit_async(
        &mut self,
        shared: &Shared,
        tables: TablesOf<'_>,
        attempts: usize,
    ) -> Result<u64, CommitError> {
        match self.commit_simply(shared) {
            Some(revision) => {
                self.tell_changes(shared);
                Ok(revision)
            }
            None => self.commit_in_attempts(shared, tables, attempts, Pause::Task).await,
        }
    }

    async fn commit_in_attempts(
        &mut self,
        shared: &Shared,
        tables: TablesOf<'_>,
        mut left: usize,
        pause: Pause,
    ) -> Result<u64, CommitError> {
        let mut backoff = Backoff::default();
        loop {
            left = left.saturating_sub(1);
            let begun = shared.now();
            self.prepare(shared)?;
            let proposal = self.proposal(shared);
            if let Some(proposal) = &proposal {
                hooks::run(&shared.hooks, shared.id, proposal).await.map_err(CommitError::Refused)?;
                self.mark_matching_again();
            }
            if let Some(revision) = self.attempt(shared, tables, left == 0)? {
                self.tell_changes(shared);
                return Ok(revision);
            }
            match pause {
                Pause::Thread if proposal.is_some() => backoff.wait(shared, begun),
                Pause::Thread => {}
                Pause::Task => yield_now().await,
            }
        }
    }

    /// Commits plain writes without hooks, a single one as [`Cache::insert`](crate::Cache::insert) does.
    /// Returns their revision; `None` if nothing was done.
    fn commit_simply(&mut self, shared: &Shared) -> Option<u64> {
        let is_plain = matches!(self.marked, MarkedTables::None)
            && self.label.is_none()
            && self.committed_flag.is_none()
            && self.guard.is_none();
        if !is_plain || !shared.hooks.is_empty() {
            return None;
        }
        let single = match &mut self.parts.0[..] {
            [part] => part.commit_simply(),
            _ => None,
        };
        single.or_else(|| commit_simply(shared, &mut self.parts.0))
    }

    fn has_hooks(&self, shared: &Shared) -> bool {
        !self.skips_hooks && !shared.hooks.is_empty()
    }

    fn prepare(&mut self, shared: &Shared) -> Result<(), CommitError> {
        if reentrancy::is_inside(shared.id) {
            return Err(CommitError::InsideHook);
        }
        self.parts.0.sort_unstable_by_key(|part| part.table_index());
        for part in self.parts.0.iter_mut() {
            part.prepare(self.label.as_ref(), &mut self.order);
        }
        Ok(())
    }

    fn mark_matching_again(&mut self) {
        self.parts.0.iter_mut().for_each(|part| part.mark_matching_again());
    }

    /// Returns the proposal for the hooks; `None` without hooks or without changes.
    fn proposal(&self, shared: &Shared) -> Option<Proposal> {
        let has_hooks = self.has_hooks(shared) && !self.order.is_empty();
        has_hooks.then(|| Proposal::new(self.writes(), self.label.clone(), self.context.clone()))
    }

    /// Tries to install everything. Returns `None` if a merge was overtaken and must run again.
    fn attempt(
        &mut self,
        shared: &Shared,
        tables: TablesOf<'_>,
        is_last_with_hooks: bool,
    ) -> Result<Option<u64>, CommitError> {
        let committed_flag = self.committed_flag.as_deref();
        let guard = self.guard.as_mut().map(|guard| guard()).transpose()?;
        let overtaken = {
            let mut marks = match self.marked {
                MarkedTables::None => Marks::default(),
                _ => marks(tables(), &mut self.parts, &self.marked),
            };
            let mut parts = marks.with(&mut self.parts);
            let kind = parts.iter().map(|part| part.kind()).max().unwrap_or(CommitKind::Read);
            Commit::new(shared, kind).with_committed_flag(committed_flag).guarded_by(guard).run(&mut parts)
        };
        let overtaken = match overtaken {
            Ok(revision) => {
                shared.log.note(revision, self.label.as_ref(), || self.written_tables());
                shared.drain();
                return Ok(Some(revision));
            }
            Err(Failure::StaleBase(table, key)) => (table, key),
            Err(Failure::StaleRead(table, key)) => {
                return Err(CommitError::Conflict { table, key: format!("{key:?}") });
            }
            Err(Failure::StaleAnswer) => {
                self.parts.0.iter_mut().for_each(|part| part.mark_answers());
                return Ok(None);
            }
            Err(Failure::GateClosed) => return Ok(None),
        };
        if is_last_with_hooks && self.has_hooks(shared) {
            let (table, key) = overtaken;
            return Err(CommitError::Conflict { table, key: format!("{key:?}") });
        }
        Ok(None)
    }

    fn written_tables(&self) -> Vec<&'static str> {
        let mut tables = Vec::new();
        for table in self.writes().iter().map(Change::table) {
            if !tables.contains(&table) {
                tables.push(table);
            }
        }
        for part in self.parts.0.iter().filter(|part| part.has_conditional_write()) {
            if !tables.contains(&part.table_name()) {
                tables.push(part.table_name());
            }
        }
        tables
    }
}

impl DraftParts {
    /// Returns the place of the write set of a table, if there is one.
    #[inline]
    pub(super) fn find(&self, table: usize) -> Option<usize> {
        self.0.iter().position(|part| part.table_index() == table)
    }

    /// Adds the write set of a table.
    pub(super) fn add(&mut self, set: Box<WriteSet>) -> &mut WriteSet {
        self.0.push(set);
        self.at(self.0.len() - 1)
    }

    pub(super) fn get(&self, at: usize) -> &WriteSet {
        &self.0[at]
    }

    #[inline]
    pub(super) fn at(&mut self, at: usize) -> &mut WriteSet {
        &mut self.0[at]
    }
}

/// Lets other tasks of the executor run first.
pub(super) async fn yield_now() {
    let mut is_first = true;
    poll_fn(|cx| {
        if mem::take(&mut is_first) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

/// What a transaction marks in tables to which it does not write.
#[derive(Default)]
struct Marks<'a> {
    tables: Vec<MarkPart<'a>>,
    tagged: Vec<MarkTaggedPart<'a>>,
}

impl Marks<'_> {
    /// Returns these parts and those of a transaction, in the order of their tables.
    fn with<'p>(&'p mut self, parts: &'p mut DraftParts) -> SmallVec<[&'p mut dyn Part; 4]> {
        let mut all: SmallVec<[&'p mut dyn Part; 4]> = SmallVec::new();
        for part in parts.0.iter_mut() {
            all.push(&mut **part);
        }
        if !self.tables.is_empty() || !self.tagged.is_empty() {
            all.extend(dynamic(&mut self.tables));
            all.extend(dynamic(&mut self.tagged));
            all.sort_unstable_by_key(|part| part.table_index());
        }
        all
    }
}

/// Makes the parts of a transaction mark what they do not write in their tables. Returns what must be marked
/// in other tables.
#[cold]
fn marks<'a>(
    all_tables: Vec<&'a dyn ErasedTable>,
    parts: &mut DraftParts,
    marked: &MarkedTables,
) -> Marks<'a> {
    let (mut tables, mut indexed) = (Vec::new(), Vec::new());
    for table in all_tables {
        let head = table.head();
        // Also for a table that was never used: copies of its entries may be kept elsewhere.
        if marked.has(head.tags) {
            head.note_change_of_all();
            tables.extend(table.used());
        } else if head.has_entry_tags && !marked.tags().is_empty() {
            marked.tags().iter().for_each(|tag| head.note_tag(tag));
            indexed.extend(table.used());
        }
    }
    for part in parts.0.iter_mut() {
        if take(&mut tables, part.table_index()) {
            part.mark_all();
        } else if take(&mut indexed, part.table_index()) {
            part.mark_tagged(marked.tags());
        }
    }
    let tagged = |table| MarkTaggedPart::new(table, marked.tags());
    Marks {
        tables: tables.into_iter().map(MarkPart::new).collect(),
        tagged: indexed.into_iter().filter_map(tagged).collect(),
    }
}

/// Takes the table with an index out of a list. Returns whether it was there.
fn take(tables: &mut Vec<&dyn UsedTable>, index: usize) -> bool {
    let at = tables.iter().position(|table| table.head().index == index);
    at.map(|at| tables.swap_remove(at)).is_some()
}
