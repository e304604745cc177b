//! The reads and writes of one transaction in one table, whose query is unknown. Keys and values are in its
//! [typed part](super::typed_writes).

mod conditional;
mod install;
mod marks;
mod prepare;
pub(crate) mod simple;

use std::any::TypeId;
use std::cell::RefCell;
use std::sync::Arc;

use smallvec::SmallVec;

use super::conditional::{ConditionalWrite, LineOutcome};
use super::inputs::InputsOfTable;
use super::merges::AnyMerges;
use super::{CommitKind, Part, Steps};
use crate::clock::{Moment, Revision};
use crate::commit::affected::Affected;
use crate::entry_times::EntryTimes;
use crate::erased::{ErasedTable, UsedTable};
use crate::event::{Change, ChangeKind};
use crate::hash_index::HashIndex;
use crate::shard::erased::{AnyPair, AnyPairs};
use crate::shard::key::{AnyKey, IsKey};
use crate::shard::{Incoming, Location, ReadVersion};
use crate::sync::thread_local;
use crate::table::handle::ErasedTableRef;
use crate::table::head::Head;
use crate::table::tags::TagLists;
use crate::table::watchers::KeyEvent;

/// The lines of one transaction in one table.
pub(crate) struct WriteSet {
    query: TypeId,
    table_index: usize,
    /// `None` while the set is stored for reuse.
    table_ref: Option<ErasedTableRef>,
    lines: WriteLines,
}

struct WriteLines {
    /// Keys and values, by line.
    pairs: Box<dyn AnyPairs>,
    /// Copies of the pairs to be installed. After that, what they displaced, until no lock is held.
    copies: Box<dyn AnyPairs>,
    lines: Vec<WriteLine>,
    /// The incoming values, by line. `None` for simple writes.
    incoming: Vec<Option<Incoming>>,
    /// Lines by key, once there are so many that a linear search takes longer than hashing.
    index: HashIndex,
    /// The loads and watches to notify once the commit is certain.
    affected: Affected,
    /// Whether everything that is not written here is marked.
    marks_rest: bool,
    /// Which other keys are marked. Evaluated when the commit begins.
    marks_where: Vec<Predicate>,
    /// The inputs of an answer from this table. They must not have changed.
    inputs: Option<Arc<InputsOfTable>>,
    /// The tags of keys with a written value, by line.
    tags: TagLists,
    /// Moment and revision of the commit.
    now: Moment,
    revision: u64,
}

/// Keys in the order of their first write: table and line.
pub(crate) type WriteOrder = SmallVec<[(usize, usize); 4]>;

type Predicate = Box<dyn Fn(&dyn AnyKey) -> bool + Send>;

/// Number of lines that are searched one by one.
const SEARCHED: usize = 8;
/// Largest capacity, in lines, of an emptied set that is stored for reuse.
const MAX_KEPT_LINES: usize = 64;

struct WriteLine {
    hash: u32,
    /// The committed version that the transaction read, if it did.
    read: Option<ReadVersion>,
    write: Write,
    /// Whether it is in the order of the writes.
    is_listed: bool,
    at: Location,
}

/// What the commit does to a key.
enum Write {
    None,
    Set {
        times: Option<Box<EntryTimes>>,
        mark: Mark,
    },
    Merge(Box<PendingMerge>),
    Remove,
    Mark {
        touch: bool,
        invalidate: bool,
    },
    /// A mark on an absent key, or a change of a part of it: a running load of the key is out of date. Not a
    /// change by itself, unless the key is present at the time of the commit.
    Overtake,
    /// A value that is written only if nothing newer has happened to the key. No hook sees it.
    Conditional(Box<ConditionalWrite>),
}

/// Whether a written value is marked as invalidated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    No,
    Yes,
    /// As the replaced entry is at the time of the commit. If that entry is gone, this is unknown.
    Kept,
}

impl Mark {
    fn of(is_invalidated: bool) -> Self {
        if is_invalidated { Self::Yes } else { Self::No }
    }
}

struct PendingMerge {
    merges: Box<dyn AnyMerges>,
    /// The version that it was made from.
    base: ReadVersion,
    /// Set when a commit has found the base changed.
    is_stale: bool,
    is_invalidated: bool,
}

impl Write {
    fn kind(&self) -> Option<ChangeKind> {
        match self {
            Self::None | Self::Overtake | Self::Conditional(_) => None,
            Self::Set { .. } => Some(ChangeKind::Set),
            Self::Merge(_) => Some(ChangeKind::Merged),
            Self::Remove => Some(ChangeKind::Removed),
            Self::Mark { invalidate: true, .. } => Some(ChangeKind::Invalidated),
            Self::Mark { .. } => Some(ChangeKind::Touched),
        }
    }

    /// Returns the event for the loads and watches of the key. A conditional write finds them by itself.
    fn key_event(&self) -> Option<KeyEvent> {
        match self {
            Self::None | Self::Conditional(_) => None,
            Self::Mark { invalidate: false, .. } => Some(KeyEvent::Touched),
            Self::Mark { invalidate: true, .. } | Self::Overtake => Some(KeyEvent::Marked),
            Self::Set { .. } | Self::Merge(_) | Self::Remove => Some(KeyEvent::Replaced),
        }
    }

    /// Returns whether copies of the entry that are kept elsewhere are out of date.
    fn is_change(&self) -> bool {
        match self {
            Self::None | Self::Mark { invalidate: false, .. } => false,
            Self::Conditional(write) => write.is_change(),
            _ => true,
        }
    }

    /// Returns whether a value from elsewhere is written: copies of it are good, answers built from the last one are not.
    fn is_answer(&self) -> bool {
        matches!(self, Self::Conditional(write) if write.outcome == LineOutcome::Written)
    }

    fn is_mark_or_removal(&self) -> bool {
        matches!(self, Self::Remove | Self::Mark { invalidate: true, .. } | Self::Overtake)
    }

    fn has_value(&self) -> bool {
        matches!(self, Self::Set { .. } | Self::Merge(_) | Self::Conditional(_))
    }

    /// Returns whether the key is changed whatever has happened to it, so that no condition counts.
    fn is_unconditional(&self) -> bool {
        matches!(self, Self::Set { .. } | Self::Merge(_) | Self::Remove)
    }

    /// Returns when the value was true, if that is not the moment of the commit.
    fn as_of(&self) -> Option<Moment> {
        match self {
            Self::Set { times: Some(times), .. } => times.as_of,
            _ => None,
        }
    }
}

/// A transaction's own write of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    Value,
    Removed,
    /// No own write: the committed value counts.
    Nothing,
}

impl WriteLine {
    /// Returns whether it only writes an unmarked value, with the times of the table.
    fn is_simple(&self) -> bool {
        matches!(self.write, Write::Set { times: None, mark: Mark::No })
    }

    fn is_written(&self) -> bool {
        !matches!(self.write, Write::None)
    }
}

impl WriteSet {
    /// Creates an empty set for the table at `index`, which is that of `table_ref`. `pairs` creates lists of
    /// its query.
    pub(crate) fn of(
        query: TypeId,
        table_index: usize,
        table_ref: ErasedTableRef,
        pairs: fn(usize) -> Box<dyn AnyPairs>,
    ) -> Box<Self> {
        let mut set = take_spare(query).unwrap_or_else(|| {
            let lines = WriteLines {
                pairs: pairs(0),
                copies: pairs(0),
                lines: Vec::new(),
                incoming: Vec::new(),
                index: HashIndex::default(),
                affected: Affected::default(),
                marks_rest: false,
                marks_where: Vec::new(),
                inputs: None,
                tags: TagLists::default(),
                now: Moment::ORIGIN,
                revision: 0,
            };
            Box::new(Self { query, table_index, table_ref: None, lines })
        });
        set.table_index = table_index;
        set.table_ref = Some(table_ref);
        set
    }

    pub(crate) fn query(&self) -> TypeId {
        self.query
    }

    pub(crate) fn table_name(&self) -> &'static str {
        self.table().name()
    }

    pub(super) fn pairs(&self) -> &dyn AnyPairs {
        &*self.lines.pairs
    }

    pub(super) fn pairs_mut(&mut self) -> &mut dyn AnyPairs {
        &mut *self.lines.pairs
    }

    /// Returns the line of a key.
    pub(super) fn find(&self, hash: u32, is_key: IsKey<'_>) -> Option<usize> {
        self.lines.find(hash, is_key)
    }

    /// Returns the line of a key, hashed as the table does.
    pub(super) fn find_in_use(&self, hash: &dyn Fn(&Head) -> u32, is_key: IsKey<'_>) -> Option<usize> {
        self.find(hash(self.table().head()), is_key)
    }

    /// Adds the line of a key that has been added to the typed part.
    pub(super) fn add(&mut self, hash: u32) -> usize {
        self.lines.add(hash)
    }

    /// Writes a pair. Returns the line if this is the first write of the key.
    pub(super) fn set_pair(
        &mut self,
        hash: u32,
        pair: &mut dyn AnyPair,
        times: Option<Box<EntryTimes>>,
    ) -> Option<usize> {
        let key = pair.key()?;
        match self.find(hash, &|other| key.equals(other)) {
            Some(line) => {
                let first = self.set(line, times, Mark::No);
                self.lines.pairs.pair_mut(line).swap(pair, false);
                first
            }
            None => {
                self.lines.pairs.add().swap(pair, true);
                Some(self.lines.push(hash, Write::Set { times, mark: Mark::No }))
            }
        }
    }

    pub(super) fn own(&self, line: usize) -> Own {
        match &self.lines.lines[line].write {
            Write::Remove => Own::Removed,
            write if write.has_value() => Own::Value,
            _ => Own::Nothing,
        }
    }

    /// Remembers the version of a key that was read, for validation.
    pub(super) fn remember(&mut self, line: usize, seen: ReadVersion) {
        // The first answer counts: if a later one differs, the commit must fail.
        self.lines.lines[line].read.get_or_insert(seen);
    }

    /// Records that the typed part has a new value. Returns the line if this is the first write of the key.
    pub(super) fn set(&mut self, line: usize, times: Option<Box<EntryTimes>>, mark: Mark) -> Option<usize> {
        self.lines.put(line, Write::Set { times, mark })
    }

    /// Records that the value of a line is replaced. The entry keeps its times and its mark.
    pub(super) fn amend(&mut self, line: usize) {
        if let Write::Merge(merge) = &self.lines.lines[line].write {
            let mark = Mark::of(merge.is_invalidated);
            self.lines.put(line, Write::Set { times: None, mark });
        }
    }

    /// Begins to replace a committed value by one made from it. Returns its times and mark; `None` if there
    /// is no committed value.
    pub(super) fn begin_update(
        &mut self,
        line: usize,
        is_there: bool,
        mut times: EntryTimes,
        seen: ReadVersion,
    ) -> Option<(EntryTimes, Mark)> {
        let is_meant = self.lines.is_marked_by_predicate_at(line);
        self.remember(line, seen);
        let write = &self.lines.lines[line].write;
        if !is_there {
            if !write.is_change() {
                self.lines.overtake(line);
            }
            return None;
        }
        let mark = match *write {
            Write::Mark { touch, invalidate } => {
                times.as_of = times.as_of.filter(|_| !touch);
                Mark::of(invalidate)
            }
            _ if is_meant => Mark::Yes,
            _ => Mark::Kept,
        };
        Some((times, mark))
    }

    /// Records a merge into a committed value. Returns the line if this is the first write of the key.
    pub(super) fn merge(
        &mut self,
        line: usize,
        seen: ReadVersion,
        merges: Box<dyn AnyMerges>,
    ) -> Option<usize> {
        let merge = PendingMerge { merges, base: seen, is_stale: false, is_invalidated: false };
        self.lines.put(line, Write::Merge(Box::new(merge)))
    }

    /// Records a merge into an own value. Returns its merges if it was merged before.
    pub(super) fn merge_own(&mut self, line: usize) -> Option<&mut dyn AnyMerges> {
        match &mut self.lines.lines[line].write {
            Write::Set { mark, .. } => {
                *mark = Mark::No;
                None
            }
            Write::Merge(merge) => {
                merge.is_invalidated = false;
                Some(&mut *merge.merges)
            }
            _ => None,
        }
    }

    pub(super) fn remove(&mut self, line: usize) -> Option<usize> {
        self.lines.put(line, Write::Remove)
    }

    /// Commits the set, if it is all of its transaction and writes a single value. Returns the revision.
    pub(crate) fn commit_simply(&mut self) -> Option<u64> {
        let WriteLines { lines, marks_rest: false, marks_where, .. } = &self.lines else { return None };
        let [WriteLine { hash, read: None, write: Write::Set { times: None, mark: Mark::No }, .. }] =
            lines[..]
        else {
            return None;
        };
        let table = self.table();
        if !marks_where.is_empty() || !table.head().has_simple_writes {
            return None;
        }
        let (table, lines) = self.split();
        lines.copy();
        if !lines.copies.pair(0).has_value() {
            return None;
        }
        let revision = table.used()?.insert_simply(hash, lines.copies.pair_mut(0))?;
        lines.revision = revision;
        lines.copies.clear();
        Some(revision)
    }

    /// Returns one line as a change, for hooks and listings.
    pub(crate) fn change(&self, line: usize) -> Option<Change> {
        let kind = self.lines.lines.get(line)?.write.kind()?;
        let entry = self.lines.pairs.pair(line).entry()?;
        let revision = (self.lines.revision > 0).then_some(Revision(self.lines.revision));
        Some(Change { table: self.table().head().name, revision, kind, entry })
    }

    /// Tells the listeners of the table what the transaction has written and removed.
    pub(crate) fn tell_changes(&self) {
        self.table().head().tell_changes(|| {
            let lines = self.lines.lines.iter().enumerate();
            let changed = lines.filter(|(_, line)| line.write.is_unconditional());
            changed.map(|(at, _)| key_of(&*self.lines.pairs, at).to_box()).collect()
        });
    }

    /// Ends the set, and stores its memory for reuse.
    pub(crate) fn recycle(mut self: Box<Self>) {
        // Values first, while their cache is certain to exist.
        self.lines.clear();
        self.table_ref = None;
        if self.lines.lines.capacity() <= MAX_KEPT_LINES {
            put_spare(self);
        }
    }

    fn table(&self) -> &dyn ErasedTable {
        self.table_ref.as_ref().expect("a write set has a table while it is in use").table()
    }

    /// Returns the table and the lines of a set in use.
    fn split(&mut self) -> (&dyn ErasedTable, &mut WriteLines) {
        let table_ref = self.table_ref.as_ref().expect("a write set has a table while it is in use");
        (table_ref.table(), &mut self.lines)
    }
}

fn key_of(pairs: &dyn AnyPairs, line: usize) -> &dyn AnyKey {
    pairs.pair(line).key().expect("a line of a transaction has a key")
}

impl WriteLines {
    fn key(&self, line: usize) -> &dyn AnyKey {
        key_of(&*self.pairs, line)
    }

    /// Copies the pairs of lines that write a value.
    fn copy(&mut self) {
        self.copies.copy_all(&*self.pairs);
    }

    fn find(&self, hash: u32, is_key: IsKey<'_>) -> Option<usize> {
        if self.lines.len() <= SEARCHED {
            let is_it = |line: usize| self.lines[line].hash == hash && is_key(self.key(line));
            return (0..self.lines.len()).find(|&line| is_it(line));
        }
        self.index.find(hash, |line| is_key(self.key(line)))
    }

    fn add(&mut self, hash: u32) -> usize {
        self.push(hash, Write::None)
    }

    fn push(&mut self, hash: u32, write: Write) -> usize {
        let line = self.lines.len();
        let at = Location::default();
        let is_listed = write.kind().is_some();
        self.lines.push(WriteLine { hash, read: None, write, is_listed, at });
        if self.lines.len() > SEARCHED {
            let from = if line == SEARCHED { 0 } else { line };
            for line in from..=line {
                self.index.insert(self.lines[line].hash, line);
            }
        }
        line
    }

    /// Returns the line of a key. Adds one if the key has none.
    fn line(&mut self, hash: u32, key: &dyn AnyKey) -> usize {
        match self.find(hash, &|other| key.equals(other)) {
            Some(line) => line,
            None => {
                self.pairs.add_key(key);
                self.add(hash)
            }
        }
    }

    fn put(&mut self, at: usize, write: Write) -> Option<usize> {
        let line = &mut self.lines[at];
        let has_value = write.has_value();
        let is_first = write.kind().is_some() && !line.is_listed;
        line.is_listed |= is_first;
        let old = std::mem::replace(&mut line.write, write);
        if let Write::Merge(merge) = &old {
            // The value that replaces a merge may have been made from it, and cannot be made again.
            line.read.get_or_insert(merge.base);
        }
        // Last, since the drop of a value may panic.
        if !has_value {
            self.pairs.pair_mut(at).forget_value();
        }
        is_first.then_some(at)
    }

    fn clear(&mut self) {
        self.pairs.clear();
        self.copies.clear();
        self.lines.clear();
        self.marks_rest = false;
        self.revision = 0;
        // Most sets have nothing else.
        self.inputs = None;
        let Self { incoming, index, affected, marks_where, tags, .. } = self;
        if !(incoming.is_empty()
            && index.is_empty()
            && affected.is_empty()
            && marks_where.is_empty()
            && tags.is_empty())
        {
            incoming.clear();
            index.clear();
            affected.clear();
            marks_where.clear();
            tags.clear();
        }
    }
}

impl Part for WriteSet {
    fn table_index(&self) -> usize {
        self.table_index
    }

    fn open(&mut self) -> Option<(&dyn UsedTable, &mut dyn Steps)> {
        let (table, lines) = self.split();
        match lines.lines.is_empty() && !lines.marks_rest && lines.inputs.is_none() {
            true => None,
            false => Some((table.used()?, lines)),
        }
    }

    fn unlocked(&mut self) {
        let (table, lines) = self.split();
        if let Some(table) = table.used() {
            table.enforce_bound(&table.head().context(lines.now, lines.revision));
        }
    }

    fn drop_displaced(&mut self) {
        self.lines.copies.clear();
        self.lines.affected.clear();
    }

    fn kind(&self) -> CommitKind {
        let mut kind = if self.lines.marks_rest { CommitKind::Mark } else { CommitKind::Read };
        for line in &self.lines.lines {
            kind = kind.max(match line.write {
                Write::None => CommitKind::Read,
                // Whether it is written is known under the locks.
                Write::Mark { .. } | Write::Overtake | Write::Conditional(_) => CommitKind::Mark,
                _ => CommitKind::Write,
            });
        }
        kind
    }
}

/// Maximum number of sets that a thread stores, of all queries together.
const MAX_SPARE: usize = 8;

/// Emptied sets of this thread, stored for its next transactions, so that most commits allocate nothing.
type Spare = RefCell<Vec<Box<WriteSet>>>;

thread_local! {
    static SPARE: Spare = const { RefCell::new(Vec::new()) };
}

/// Takes a stored set of a query.
fn take_spare(query: TypeId) -> Option<Box<WriteSet>> {
    let find = |spare: &Spare| {
        let mut spare = spare.borrow_mut();
        let at = spare.iter().position(|one| one.query() == query)?;
        Some(spare.swap_remove(at))
    };
    // A thread that is ending has no stored sets.
    SPARE.try_with(find).ok().flatten()
}

/// Stores an emptied set. Drops it if enough are stored.
fn put_spare(one: Box<WriteSet>) {
    let keep = |spare: &Spare| {
        let mut spare = spare.borrow_mut();
        if spare.len() < MAX_SPARE {
            spare.push(one);
        }
    };
    let _ = SPARE.try_with(keep);
}
