//! What a transaction is to commit, its registry unknown, and the attempts to commit it.

use std::any::Any;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Poll;

use smallvec::SmallVec;

use super::hooks::{self, Hook, Proposal};
use super::{Backoff, Order};
use crate::asking;
use crate::commit::bulk::{Lent, Marking, MarkingTagged};
use crate::commit::write_set::WriteSet;
use crate::commit::{Commit, CommitKind, Failure, Part};
use crate::core::Core;
use crate::erased::{ErasedTable, UsedTable};
use crate::error::CommitError;
use crate::event::Change;
use crate::tag::Tag;

/// Attempts of a commit whose merges keep being overtaken, if there are hooks to be asked each time.
pub(super) const ATTEMPTS_WITH_HOOKS: usize = 16;

/// What a transaction is to commit, its registry unknown.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) parts: Parts,
    pub(super) order: Order,
    pub(super) label: Option<Arc<str>>,
    pub(super) context: Option<Arc<dyn Any + Send + Sync>>,
    /// Tables of which all that is not written is to be marked.
    pub(super) marked: Tables,
    pub(super) sign: Option<Arc<AtomicBool>>,
}

/// Some of the tables of a cache.
#[derive(Debug, Default)]
pub(super) enum Tables {
    #[default]
    None,
    Tagged(Vec<Tag>),
    All,
}

impl Tables {
    fn has(&self, tags: &'static [&'static str]) -> bool {
        match self {
            Self::None => false,
            Self::Tagged(marked) => marked.iter().any(|tag| tag.is_among(tags)),
            Self::All => true,
        }
    }

    /// The tags that are marked, for tables that are not marked as a whole.
    fn tags(&self) -> &[Tag] {
        match self {
            Self::Tagged(tags) => tags,
            Self::None | Self::All => &[],
        }
    }
}

/// The tables of a cache, to be asked for.
type TablesOf<'a> = &'a (dyn Fn() -> Vec<&'a dyn ErasedTable> + Sync);

/// What a transaction does to each table. Most have to do with few.
#[derive(Default)]
pub(crate) struct Parts(pub(super) SmallVec<[Box<dyn Part>; 2]>);

impl Drop for Parts {
    fn drop(&mut self) {
        self.0.drain(..).for_each(Part::recycle);
    }
}

impl Draft {
    pub(super) fn writes(&self) -> Vec<Change> {
        let part = |table| self.parts.0.iter().find(|part| part.table_index() == table);
        self.order.iter().filter_map(|&(table, line)| part(table)?.change(line)).collect()
    }

    pub(super) fn invalidate_tag(&mut self, tag: Tag) {
        match &mut self.marked {
            Tables::None => self.marked = Tables::Tagged(vec![tag]),
            Tables::Tagged(tags) => tags.push(tag),
            Tables::All => {}
        }
    }

    /// Commits the transaction. Returns the revision, 0 if nothing is written.
    pub(super) fn commit(&mut self, core: &Core, tables: TablesOf<'_>) -> Result<u64, CommitError> {
        if core.hooks.iter().any(Hook::is_async) {
            return Err(CommitError::AsyncHook);
        }
        if let Some(revision) = self.commit_simply(core) {
            return Ok(revision);
        }
        let (mut left, mut backoff) = (ATTEMPTS_WITH_HOOKS, Backoff::default());
        loop {
            left = left.saturating_sub(1);
            let begun = core.now();
            self.prepare(core)?;
            let proposal = self.proposal(core);
            if let Some(proposal) = &proposal {
                hooks::ask(&core.hooks, core.id, proposal).map_err(CommitError::Refused)?;
                self.mark_matching_again();
            }
            if let Some(revision) = self.attempt(core, tables, left == 0)? {
                return Ok(revision);
            }
            if proposal.is_some() {
                backoff.wait(core, begun);
            }
        }
    }

    pub(super) async fn commit_async(
        &mut self,
        core: &Core,
        tables: TablesOf<'_>,
        mut left: usize,
    ) -> Result<u64, CommitError> {
        if let Some(revision) = self.commit_simply(core) {
            return Ok(revision);
        }
        loop {
            left = left.saturating_sub(1);
            self.prepare(core)?;
            if let Some(proposal) = self.proposal(core) {
                hooks::ask_async(&core.hooks, core.id, &proposal).await.map_err(CommitError::Refused)?;
                self.mark_matching_again();
            }
            if let Some(revision) = self.attempt(core, tables, left == 0)? {
                return Ok(revision);
            }
            others_first().await;
        }
    }

    /// Commits a single write that nobody has to be asked about in the way of
    /// [`Cache::insert`](crate::Cache::insert). Returns its revision.
    fn commit_simply(&mut self, core: &Core) -> Option<u64> {
        let is_plain = matches!(self.marked, Tables::None) && self.label.is_none() && self.sign.is_none();
        let [part] = &mut self.parts.0[..] else { return None };
        match is_plain && core.hooks.is_empty() {
            true => part.write_set_mut()?.commit_simply(),
            false => None,
        }
    }

    fn prepare(&mut self, core: &Core) -> Result<(), CommitError> {
        if asking::is_inside(core.id) {
            return Err(CommitError::InsideHook);
        }
        self.parts.0.sort_unstable_by_key(|part| part.table_index());
        for part in &mut self.parts.0 {
            part.prepare(self.label.as_ref(), &mut self.order);
        }
        Ok(())
    }

    fn mark_matching_again(&mut self) {
        self.parts.0.iter_mut().for_each(|part| part.mark_matching_again());
    }

    /// What the hooks are asked about; nothing without hooks or without changes.
    fn proposal(&self, core: &Core) -> Option<Proposal> {
        let has_hooks = !core.hooks.is_empty() && !self.order.is_empty();
        has_hooks.then(|| Proposal::new(self.writes(), self.label.clone(), self.context.clone()))
    }

    /// Tries to install everything. `None`: a merge was overtaken, and has to run again.
    fn attempt(
        &mut self,
        core: &Core,
        tables: TablesOf<'_>,
        is_last_with_hooks: bool,
    ) -> Result<Option<u64>, CommitError> {
        let sign = self.sign.as_deref();
        let overtaken = match self.marked {
            Tables::None => {
                let kind = kind_of(&self.parts.0);
                Commit::new(core, kind).with_sign(sign).run(&mut self.parts.0)
            }
            _ => {
                let mut parts = with_marks(tables(), &mut self.parts, &self.marked);
                let kind = kind_of(&parts);
                Commit::new(core, kind).with_sign(sign).run(&mut parts)
            }
        };
        let overtaken = match overtaken {
            Ok(revision) => {
                core.log.note(revision, self.label.as_ref(), || self.written_tables());
                core.events.drain();
                return Ok(Some(revision));
            }
            Err(Failure::StaleBase(table, key)) => (table, key),
            Err(Failure::StaleRead(table, key)) => {
                return Err(CommitError::Conflict { table, key: format!("{key:?}") });
            }
            Err(Failure::GateClosed | Failure::StaleAnswer) => return Ok(None),
        };
        if is_last_with_hooks && !core.hooks.is_empty() {
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
        tables
    }
}

impl Parts {
    /// The set of writes of a table.
    pub(super) fn write_set(
        &mut self,
        table: usize,
        make: &mut dyn FnMut() -> Box<WriteSet>,
    ) -> &mut WriteSet {
        let at = self.0.iter().position(|part| part.table_index() == table);
        let at = at.unwrap_or_else(|| {
            self.0.push(make());
            self.0.len() - 1
        });
        self.0[at].write_set_mut().expect("the parts of a transaction are sets of writes")
    }
}

/// Lets other tasks of the executor go on first.
pub(super) async fn others_first() {
    let mut is_first = true;
    poll_fn(|cx| {
        if std::mem::take(&mut is_first) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

fn kind_of(parts: &[Box<dyn Part + '_>]) -> CommitKind {
    parts.iter().map(|part| part.kind()).max().unwrap_or(CommitKind::Read)
}

/// The parts of a transaction that also marks what it does not write of some tables.
#[cold]
fn with_marks<'a>(
    all_tables: Vec<&'a dyn ErasedTable>,
    parts: &'a mut Parts,
    marked: &Tables,
) -> Vec<Box<dyn Part + 'a>> {
    let (mut tables, mut indexed) = (Vec::new(), Vec::new());
    for table in all_tables {
        let head = table.head();
        // Also of one that was never used: copies of its entries may be kept elsewhere.
        if marked.has(head.tags) {
            head.trail.note_all();
            tables.extend(table.used());
        } else if head.has_entry_tags && !marked.tags().is_empty() {
            marked.tags().iter().for_each(|tag| head.note_tag(tag));
            indexed.extend(table.used());
        }
    }
    let mut all: Vec<Box<dyn Part + 'a>> = Vec::new();
    for part in &mut parts.0 {
        if take(&mut tables, part.table_index()) {
            part.mark_rest();
        } else if take(&mut indexed, part.table_index()) {
            part.mark_tagged(marked.tags());
        }
        all.push(Box::new(Lent(part.as_mut())));
    }
    for table in tables {
        all.push(Box::new(Marking::new(table)));
    }
    for table in indexed {
        if let Some(marking) = MarkingTagged::new(table, marked.tags()) {
            all.push(Box::new(marking));
        }
    }
    all.sort_unstable_by_key(|part| part.table_index());
    all
}

/// Takes the table with an index out of a list. Returns whether it was there.
fn take(tables: &mut Vec<&dyn UsedTable>, index: usize) -> bool {
    let at = tables.iter().position(|table| table.head().index == index);
    at.map(|at| tables.swap_remove(at)).is_some()
}
