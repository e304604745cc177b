//! Whether the answers of mutations that overlapped have come in the order in which the mutations began. Changes nothing
//! itself: it says which keys are to be marked, and when.
//!
//! What overlapped is compared by two numbers that each has: that of its begin, and the revision of its commit. Two that
//! have written one key and do not stand in the same order by both are inverted: the answer of the older one, which the
//! server may have given before that of the younger, has replaced the younger one's. It does not matter in which order they
//! come here to say so.
//!
//! So has an answer that is committed after a younger mutation has marked its key: it takes the mark away. A mutation says
//! before its commit what that marks, so each commit that comes later finds it; one that came earlier is marked by it.
//!
//! What is changed or marked without a mutation has a number too, from the call on.

use std::any::TypeId;
use std::collections::VecDeque;

use cache_core::{Query, Revision, Tag};
use parking_lot::Mutex;

use crate::app::App;
use crate::client::Client;

/// Writes, and marks, that are remembered while mutations run. Who overlaps more is taken for inverted.
const MOST_WRITES: usize = 4_096;

/// A key by its hash and that of its type: two keys that share one cost a load that was not needed.
pub(crate) type KeyHash = u64;

/// The mutations of a client that run, and what was written while they did.
pub(crate) struct WriteOrder<A: App> {
    state: Mutex<State<A>>,
}

struct State<A: App> {
    /// Number of the last mutation that began.
    last: u64,
    /// By their numbers.
    running: Vec<Member>,
    /// By their revisions.
    writes: VecDeque<Write>,
    /// In the order in which they were noted.
    marks: VecDeque<MarkedBy>,
    /// The youngest mutation of which there were writes or marks.
    youngest: u64,
    /// Mutations up to this number have overlapped writes that are not remembered.
    forgotten: u64,
    late: Vec<Late<A>>,
}

/// A mutation that runs, or a layer that stands.
struct Member {
    number: u64,
    /// `None` for a layer, which is waited for by nobody: people may take long.
    kind: Option<TypeId>,
    /// Keys that its layer changes.
    expects: Vec<KeyHash>,
}

struct Write {
    key: KeyHash,
    /// Number of its mutation.
    number: u64,
    kind: Option<TypeId>,
    revision: u64,
    /// The youngest mutation that it has overlapped.
    horizon: u64,
}

/// What a mutation has marked.
struct MarkedBy {
    number: u64,
    /// Commits up to this revision came before the marks.
    revision: u64,
    marked: Marked,
}

/// What a mutation marks: more keys than it does, at times, which cost a load that was not needed.
pub(crate) enum Marked {
    Key(KeyHash),
    /// Keys of a query.
    Query(TypeId),
    Tag(Tag),
    All,
}

impl Marked {
    fn covers<A: App>(&self, written: &Written<A>) -> bool {
        match self {
            Self::Key(key) => *key == written.key,
            Self::Query(query) => *query == written.query,
            Self::Tag(tag) => written.tags.contains(tag),
            Self::All => true,
        }
    }
}

/// A key that is to be marked when those have ended that may write it too.
struct Late<A: App> {
    key: KeyHash,
    waits_for: Vec<u64>,
    mark: Mark<A>,
}

type Mark<A> = Box<dyn FnOnce(&Client<A>) + Send>;

/// A key that a mutation has written.
pub(crate) struct Written<A: App> {
    pub(crate) key: KeyHash,
    query: TypeId,
    /// Those of its query, and its own.
    tags: Vec<Tag>,
    /// Has it loaded at its next read, at once if it is observed.
    mark: Mark<A>,
}

impl<A: App> Written<A> {
    pub(crate) fn new<Q: Query>(hash: KeyHash, key: Q, mark: fn(&Client<A>, &Q)) -> Self {
        let tags = Q::TAGS.iter().map(|&tag| Tag::from(tag)).chain(key.tags_of()).collect();
        let mark = Box::new(move |client: &Client<A>| mark(client, &key));
        Self { key: hash, query: TypeId::of::<Q>(), tags, mark }
    }
}

/// A mutation that runs, or a layer that stands, until it is dropped.
pub(crate) struct Begun<A: App> {
    client: Client<A>,
    number: u64,
}

impl<A: App> WriteOrder<A> {
    /// Whether there is a mutation that runs, or a layer that stands.
    pub(crate) fn has_running(&self) -> bool {
        !self.state.lock().running.is_empty()
    }
}

impl<A: App> Begun<A> {
    /// `kind` is the type of a mutation; `expects` are the keys that its layer changes.
    pub(crate) fn new(client: &Client<A>, kind: Option<TypeId>, expects: Vec<KeyHash>) -> Self {
        let mut state = client.write_order().state.lock();
        state.last += 1;
        let number = state.last;
        state.running.push(Member { number, kind, expects });
        drop(state);
        Self { client: client.clone(), number }
    }

    /// Notes what the next commit is to mark, in place of what was noted before.
    pub(crate) fn marks(&self, marked: Vec<Marked>) {
        // Before the note: what is committed meanwhile may be taken for later, and never for earlier.
        let revision = self.client.cache().revision().map_or(0, Revision::get);
        self.client.write_order().state.lock().note_marks(self.number, revision, marked);
    }

    /// Notes what was written by the commit of a revision, and marks the keys of which an answer has come out of order: now,
    /// or when the others have ended that may write them.
    pub(crate) fn wrote(&self, revision: u64, written: impl FnOnce() -> Vec<Written<A>>) {
        let state = &self.client.write_order().state;
        if state.lock().is_alone() {
            return;
        }
        let written = written();
        let marks = state.lock().note(self.number, revision, written);
        marks.into_iter().for_each(|mark| mark(&self.client));
    }
}

impl<A: App> Drop for Begun<A> {
    fn drop(&mut self) {
        let marks = self.client.write_order().state.lock().end(self.number);
        marks.into_iter().for_each(|mark| mark(&self.client));
    }
}

impl<A: App> State<A> {
    /// The place of one that runs.
    fn at(&self, number: u64) -> Option<usize> {
        self.running.binary_search_by_key(&number, |member| member.number).ok()
    }

    /// Whether what one that runs has written is compared with nothing, by nobody.
    fn is_alone(&self) -> bool {
        self.running.len() == 1 && self.writes.is_empty() && self.marks.is_empty()
    }

    /// Returns the marks that are to be made now.
    fn note(&mut self, number: u64, revision: u64, mut written: Vec<Written<A>>) -> Vec<Mark<A>> {
        written.sort_unstable_by_key(|written| written.key);
        written.dedup_by_key(|written| written.key);
        let kind = self.at(number).and_then(|at| self.running[at].kind);
        let mut marks = Vec::new();
        for written in written {
            let is_inverted = self.is_inverted(&written, number, revision);
            let Written { key, mark, .. } = written;
            if is_inverted && !self.late.iter().any(|late| late.key == key) {
                let waits_for = self.others_of(key, number, kind);
                match waits_for.is_empty() {
                    true => marks.push(mark),
                    false => self.late.push(Late { key, waits_for, mark }),
                }
            }
            // Without others nobody can come too late.
            if self.running.len() > 1 {
                let at = self.writes.partition_point(|other| other.revision <= revision);
                self.writes.insert(at, Write { key, number, kind, revision, horizon: self.last });
                self.youngest = self.youngest.max(number);
            }
        }
        while self.writes.len() > MOST_WRITES {
            let horizon = self.writes.pop_front().map_or(0, |write| write.horizon);
            self.forgotten = self.forgotten.max(horizon);
        }
        marks
    }

    fn note_marks(&mut self, number: u64, revision: u64, marked: Vec<Marked>) {
        self.marks.retain(|other| other.number != number);
        // Without older ones nobody can come too late.
        if self.running.first().is_none_or(|oldest| oldest.number >= number) {
            return;
        }
        if !marked.is_empty() {
            self.youngest = self.youngest.max(number);
        }
        self.marks.extend(marked.into_iter().map(|marked| MarkedBy { number, revision, marked }));
        while self.marks.len() > MOST_WRITES {
            let oldest = self.marks.pop_front().map_or(0, |mark| mark.number);
            self.forgotten = self.forgotten.max(oldest.saturating_sub(1));
        }
    }

    fn is_inverted(&self, written: &Written<A>, number: u64, revision: u64) -> bool {
        let at = self.writes.partition_point(|other| other.revision <= revision);
        let is_same = |other: &&Write| other.key == written.key;
        // There are few as a rule.
        let mut later = self.writes.range(at..).filter(is_same);
        if number <= self.forgotten || later.any(|other| other.number < number) {
            return true;
        }
        // What the youngest changes is compared with nothing more, however much is remembered.
        if number >= self.youngest {
            return false;
        }
        let mut earlier = self.writes.range(..at).filter(is_same);
        let mut marks = self.marks.iter().filter(|mark| mark.number > number);
        earlier.any(|other| other.number > number)
            || marks.any(|mark| revision > mark.revision && mark.marked.covers(written))
    }

    /// Mutations that run and may write a key too: those whose layers change it, and those of the types that have written it.
    fn others_of(&self, key: KeyHash, number: u64, kind: Option<TypeId>) -> Vec<u64> {
        let has_written = |kind| self.writes.iter().any(|write| write.key == key && write.kind == Some(kind));
        let may_write = |member: &Member| {
            member.kind.is_some_and(|other| {
                kind == Some(other) || member.expects.contains(&key) || has_written(other)
            })
        };
        let others = self.running.iter().filter(|member| member.number != number && may_write(member));
        others.map(|member| member.number).collect()
    }

    /// Returns the marks that have waited for the end of this one alone.
    fn end(&mut self, number: u64) -> Vec<Mark<A>> {
        if let Some(at) = self.at(number) {
            self.running.remove(at);
        }
        for late in &mut self.late {
            late.waits_for.retain(|other| *other != number);
        }
        match self.running.first().map(|member| member.number) {
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
        self.late.extract_if(.., |late| late.waits_for.is_empty()).map(|late| late.mark).collect()
    }
}

impl<A: App> Default for WriteOrder<A> {
    fn default() -> Self {
        let state = State {
            last: 0,
            running: Vec::new(),
            writes: VecDeque::new(),
            marks: VecDeque::new(),
            youngest: 0,
            forgotten: 0,
            late: Vec::new(),
        };
        Self { state: Mutex::new(state) }
    }
}

#[cfg(test)]
mod tests;
