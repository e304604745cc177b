//! Whether the answers of mutations that overlapped have come in the order in which the mutations began. Changes nothing
//! itself: it says which keys are to be marked, and when.
//!
//! What overlapped is compared by two numbers that each has: that of its begin, and the revision of its commit. Two that
//! have written one key and do not stand in the same order by both are inverted: the answer of the older one, which the
//! server may have given before that of the younger, has replaced the younger one's. It does not matter in which order they
//! come here to say so.

use std::any::TypeId;
use std::collections::{BTreeMap, VecDeque};
use std::hash::BuildHasher;

use cache_core::Query;
use foldhash::fast::RandomState;
use parking_lot::Mutex;

use crate::app::App;
use crate::client::Client;

/// Writes that are remembered while mutations run. Who overlaps more is taken for inverted.
const MOST_WRITES: usize = 4_096;

/// A key by its hash and that of its type: two keys that share one cost a load that was not needed.
pub(crate) type KeyHash = u64;

/// The mutations of a client that run, and what was written while they did.
pub(crate) struct WriteOrder<A: App> {
    hasher: RandomState,
    state: Mutex<State<A>>,
}

struct State<A: App> {
    /// Number of the last mutation that began.
    last: u64,
    running: BTreeMap<u64, Member>,
    /// In the order in which they were noted.
    writes: VecDeque<Write>,
    /// Mutations up to this number have overlapped writes that are not remembered.
    forgotten: u64,
    late: Vec<Late<A>>,
}

/// A mutation that runs, or a layer that stands.
struct Member {
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
    /// Has it loaded at its next read, at once if it is observed.
    pub(crate) mark: Mark<A>,
}

/// A mutation that runs, or a layer that stands, until it is dropped.
pub(crate) struct Begun<A: App> {
    client: Client<A>,
    number: u64,
}

impl<A: App> WriteOrder<A> {
    pub(crate) fn hash<Q: Query>(&self, key: &Q) -> KeyHash {
        self.hasher.hash_one((TypeId::of::<Q>(), key))
    }
}

impl<A: App> Begun<A> {
    /// `kind` is the type of a mutation; `expects` are the keys that its layer changes.
    pub(crate) fn new(client: &Client<A>, kind: Option<TypeId>, expects: Vec<KeyHash>) -> Self {
        let mut state = client.write_order().state.lock();
        state.last += 1;
        let number = state.last;
        state.running.insert(number, Member { kind, expects });
        drop(state);
        Self { client: client.clone(), number }
    }

    /// Notes what was written by the commit of a revision, and marks the keys of which an answer has come out of order: now,
    /// or when the others have ended that may write them.
    pub(crate) fn wrote(&self, revision: u64, written: Vec<Written<A>>) {
        let marks = self.client.write_order().state.lock().note(self.number, revision, written);
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
    /// Returns the marks that are to be made now.
    fn note(&mut self, number: u64, revision: u64, mut written: Vec<Written<A>>) -> Vec<Mark<A>> {
        written.sort_unstable_by_key(|written| written.key);
        written.dedup_by_key(|written| written.key);
        let kind = self.running.get(&number).and_then(|member| member.kind);
        let mut marks = Vec::new();
        for Written { key, mark } in written {
            if self.is_inverted(key, number, revision) && !self.late.iter().any(|late| late.key == key) {
                let waits_for = self.others_of(key, number, kind);
                match waits_for.is_empty() {
                    true => marks.push(mark),
                    false => self.late.push(Late { key, waits_for, mark }),
                }
            }
            // Without others nobody can come too late.
            if self.running.len() > 1 {
                self.writes.push_back(Write { key, number, kind, revision, horizon: self.last });
            }
        }
        while self.writes.len() > MOST_WRITES {
            self.forgotten = self.writes.pop_front().map_or(self.forgotten, |write| write.horizon);
        }
        marks
    }

    fn is_inverted(&self, key: KeyHash, number: u64, revision: u64) -> bool {
        let mut others = self.writes.iter().filter(|other| other.key == key && other.number != number);
        number <= self.forgotten || others.any(|other| (other.number > number) != (other.revision > revision))
    }

    /// Mutations that run and may write a key too: those whose layers change it, and those of the types that have written it.
    fn others_of(&self, key: KeyHash, number: u64, kind: Option<TypeId>) -> Vec<u64> {
        let has_written = |kind| self.writes.iter().any(|write| write.key == key && write.kind == Some(kind));
        let may_write = |member: &Member| {
            member.kind.is_some_and(|other| {
                kind == Some(other) || member.expects.contains(&key) || has_written(other)
            })
        };
        let others = self.running.iter().filter(|&(&other, member)| other != number && may_write(member));
        others.map(|(&other, _)| other).collect()
    }

    /// Returns the marks that have waited for the end of this one alone.
    fn end(&mut self, number: u64) -> Vec<Mark<A>> {
        self.running.remove(&number);
        for late in &mut self.late {
            late.waits_for.retain(|other| *other != number);
        }
        match self.running.first_key_value() {
            Some((&oldest, _)) => {
                while self.writes.front().is_some_and(|write| write.horizon < oldest) {
                    self.writes.pop_front();
                }
            }
            None => self.writes.clear(),
        }
        self.late.extract_if(.., |late| late.waits_for.is_empty()).map(|late| late.mark).collect()
    }
}

impl<A: App> Default for WriteOrder<A> {
    fn default() -> Self {
        let state = State {
            last: 0,
            running: BTreeMap::new(),
            writes: VecDeque::new(),
            forgotten: 0,
            late: Vec::new(),
        };
        Self { hasher: RandomState::default(), state: Mutex::new(state) }
    }
}

#[cfg(test)]
mod tests;
