//! Finds answers of overlapping mutations that arrived in a different order than the mutations began. Changes nothing
//! itself: it returns which keys to mark, and when.
//!
//! Each mutation has two numbers: one from when it began, and the revision of its commit. Two mutations that have
//! written the same key are inverted if these numbers disagree on their order: the older answer, which the server may
//! have given first, has replaced the newer one. It does not matter which of the two is noted first.
//!
//! An answer that is committed after a newer mutation has marked its key is inverted too, since it removes the mark. A
//! mutation notes its marks before its commit, so each later commit finds them; an earlier commit is marked by them.
//!
//! Changes and marks without a mutation also get a number, when they are called.

use std::any::TypeId;
use std::collections::VecDeque;

use cache_core::{Query, Tag};
use parking_lot::Mutex;

/// The bound on remembered writes, and on remembered marks. A mutation that overlapped more counts as inverted.
const MAX_WRITES: usize = 4_096;

/// The hash of a key and its type. A collision costs one needless load.
pub(crate) type KeyHash = u64;

/// The running mutations of a client, and what was written while they ran.
pub(crate) struct WriteOrder<C> {
    state: Mutex<OrderState<C>>,
}

struct OrderState<C> {
    /// Number of the last mutation that began.
    last: u64,
    /// Sorted by their numbers.
    running: Vec<Running>,
    /// Sorted by their revisions.
    writes: VecDeque<OrderedWrite>,
    /// In the order in which they were noted.
    marks: VecDeque<NotedMark>,
    /// The newest mutation that has written or marked anything.
    youngest: u64,
    /// Mutations up to this number may have overlapped writes that are no longer remembered.
    forgotten: u64,
    delayed: Vec<DelayedMark<C>>,
}

/// A running mutation, or an existing layer.
struct Running {
    number: u64,
    /// `None` for a layer. No mutation waits for a layer, which may exist for a long time.
    kind: Option<TypeId>,
    /// The keys that the mutation's layer changes.
    expects: Vec<KeyHash>,
}

struct OrderedWrite {
    key: KeyHash,
    /// Number of its mutation.
    number: u64,
    kind: Option<TypeId>,
    revision: u64,
    /// The newest mutation that it overlaps.
    horizon: u64,
}

/// A mark of a mutation.
struct NotedMark {
    number: u64,
    /// Commits up to this revision came before the mark.
    revision: u64,
    marked: MarkTarget,
}

/// The keys that a mutation marks. It may name more keys than are marked, each of which costs a needless load.
pub(crate) enum MarkTarget {
    Key(KeyHash),
    /// All keys of a query.
    Query(TypeId),
    Tag(Tag),
    All,
}

impl MarkTarget {
    fn covers<C>(&self, written: &WrittenEntry<C>) -> bool {
        match self {
            Self::Key(key) => *key == written.key,
            Self::Query(query) => *query == written.query,
            Self::Tag(tag) => written.tags.contains(tag),
            Self::All => true,
        }
    }
}

/// A key to be marked when all other mutations that may write it have ended.
struct DelayedMark<C> {
    key: KeyHash,
    waits_for: Vec<u64>,
    mark: MarkAction<C>,
}

pub(super) type MarkAction<C> = Box<dyn FnOnce(&C) + Send>;

/// A key that a mutation has written.
pub(crate) struct WrittenEntry<C> {
    pub(crate) key: KeyHash,
    query: TypeId,
    /// The tags of its query, and its own.
    tags: Vec<Tag>,
    /// Marks the key, so that the next read loads it; at once if it is observed.
    mark: MarkAction<C>,
}

impl<C: 'static> WrittenEntry<C> {
    pub(crate) fn new<Q: Query>(hash: KeyHash, key: Q, mark: fn(&C, &Q)) -> Self {
        let tags = Q::TAGS.iter().map(|&tag| Tag::from(tag)).chain(key.tags_of()).collect();
        let mark = Box::new(move |client: &C| mark(client, &key));
        Self { key: hash, query: TypeId::of::<Q>(), tags, mark }
    }
}

impl<C> WriteOrder<C> {
    /// Whether there is a running mutation or a layer.
    pub(crate) fn has_running(&self) -> bool {
        !self.state.lock().running.is_empty()
    }

    /// Adds a mutation. Returns its number.
    pub(super) fn begin(&self, kind: Option<TypeId>, expects: Vec<KeyHash>) -> u64 {
        let mut state = self.state.lock();
        state.last += 1;
        let number = state.last;
        state.running.push(Running { number, kind, expects });
        number
    }

    /// Whether the writes of the only running mutation have nothing to be compared with.
    pub(super) fn is_alone(&self) -> bool {
        self.state.lock().is_alone()
    }

    /// Notes what the commit of a revision has written. Returns the marks to make now.
    pub(super) fn note(
        &self,
        number: u64,
        revision: u64,
        written: Vec<WrittenEntry<C>>,
    ) -> Vec<MarkAction<C>> {
        self.state.lock().note(number, revision, written)
    }

    /// Notes what the next commit of a mutation is going to mark.
    pub(super) fn note_marks(&self, number: u64, revision: u64, marked: Vec<MarkTarget>) {
        self.state.lock().note_marks(number, revision, marked);
    }

    /// Removes a mutation. Returns the marks that waited only for its end.
    pub(super) fn end(&self, number: u64) -> Vec<MarkAction<C>> {
        self.state.lock().end(number)
    }
}

impl<C> OrderState<C> {
    /// The index of a running mutation.
    fn at(&self, number: u64) -> Option<usize> {
        self.running.binary_search_by_key(&number, |running| running.number).ok()
    }

    /// Whether the writes of the only running mutation have nothing to be compared with.
    fn is_alone(&self) -> bool {
        self.running.len() == 1 && self.writes.is_empty() && self.marks.is_empty()
    }

    /// Returns the marks to make now.
    fn note(&mut self, number: u64, revision: u64, mut written: Vec<WrittenEntry<C>>) -> Vec<MarkAction<C>> {
        written.sort_unstable_by_key(|written| written.key);
        written.dedup_by_key(|written| written.key);
        let kind = self.at(number).and_then(|at| self.running[at].kind);
        let mut marks = Vec::new();
        for written in written {
            let is_inverted = self.is_inverted(&written, number, revision);
            let WrittenEntry { key, mark, .. } = written;
            if is_inverted && !self.delayed.iter().any(|delayed| delayed.key == key) {
                let waits_for = self.others_of(key, number, kind);
                match waits_for.is_empty() {
                    true => marks.push(mark),
                    false => self.delayed.push(DelayedMark { key, waits_for, mark }),
                }
            }
            // Without other mutations no answer can be late.
            if self.running.len() > 1 {
                let at = self.writes.partition_point(|other| other.revision <= revision);
                self.writes.insert(at, OrderedWrite { key, number, kind, revision, horizon: self.last });
                self.youngest = self.youngest.max(number);
            }
        }
        while self.writes.len() > MAX_WRITES {
            let horizon = self.writes.pop_front().map_or(0, |write| write.horizon);
            self.forgotten = self.forgotten.max(horizon);
        }
        marks
    }

    fn note_marks(&mut self, number: u64, revision: u64, marked: Vec<MarkTarget>) {
        self.marks.retain(|other| other.number != number);
        // Without older mutations no answer can be late.
        if self.running.first().is_none_or(|oldest| oldest.number >= number) {
            return;
        }
        if !marked.is_empty() {
            self.youngest = self.youngest.max(number);
        }
        self.marks.extend(marked.into_iter().map(|marked| NotedMark { number, revision, marked }));
        while self.marks.len() > MAX_WRITES {
            let oldest = self.marks.pop_front().map_or(0, |mark| mark.number);
            self.forgotten = self.forgotten.max(oldest.saturating_sub(1));
        }
    }

    fn is_inverted(&self, written: &WrittenEntry<C>, number: u64, revision: u64) -> bool {
        let at = self.writes.partition_point(|other| other.revision <= revision);
        let is_same = |other: &&OrderedWrite| other.key == written.key;
        // Usually there are few.
        let mut later = self.writes.range(at..).filter(is_same);
        if number <= self.forgotten || later.any(|other| other.number < number) {
            return true;
        }
        // No change is newer, so there is nothing to compare with.
        if number >= self.youngest {
            return false;
        }
        let mut earlier = self.writes.range(..at).filter(is_same);
        let mut marks = self.marks.iter().filter(|mark| mark.number > number);
        earlier.any(|other| other.number > number)
            || marks.any(|mark| revision > mark.revision && mark.marked.covers(written))
    }

    /// Running mutations that may write a key too: those whose layers change it, and those of the types that have
    /// written it.
    fn others_of(&self, key: KeyHash, number: u64, kind: Option<TypeId>) -> Vec<u64> {
        let has_written = |kind| self.writes.iter().any(|write| write.key == key && write.kind == Some(kind));
        let may_write = |running: &Running| {
            running.kind.is_some_and(|other| {
                kind == Some(other) || running.expects.contains(&key) || has_written(other)
            })
        };
        let others = self.running.iter().filter(|running| running.number != number && may_write(running));
        others.map(|running| running.number).collect()
    }

    /// Returns the marks that waited only for the end of this mutation.
    fn end(&mut self, number: u64) -> Vec<MarkAction<C>> {
        if let Some(at) = self.at(number) {
            self.running.remove(at);
        }
        for delayed in &mut self.delayed {
            delayed.waits_for.retain(|other| *other != number);
        }
        match self.running.first().map(|running| running.number) {
            Some(oldest) => {
                while self.writes.front().is_some_and(|write| write.horizon < oldest) {
                    self.writes.pop_front();
                }
                self.marks.retain(|mark| oldest < mark.number);
            }
            None => {
                self.writes.clear();
                self.marks.clear();
            }
        }
        self.delayed
            .extract_if(.., |delayed| delayed.waits_for.is_empty())
            .map(|delayed| delayed.mark)
            .collect()
    }
}

impl<C> Default for WriteOrder<C> {
    fn default() -> Self {
        let state = OrderState {
            last: 0,
            running: Vec::new(),
            writes: VecDeque::new(),
            marks: VecDeque::new(),
            youngest: 0,
            forgotten: 0,
            delayed: Vec::new(),
        };
        Self { state: Mutex::new(state) }
    }
}

#[cfg(test)]
mod tests;
