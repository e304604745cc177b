//! What one transaction has read and wants to write in one table.

mod part;

use std::sync::Arc;

use super::{Order, spare};
use crate::clock::Moment;
use crate::event::ChangeKind;
use crate::hashed::Hashed;
use crate::query::{Lookup, Query};
use crate::table::shard::{Incoming, Outbox, Place, Seen};
use crate::table::tags::{TagLists, Tags};
use crate::table::watchers::Watcher;
use crate::table::{Table, Times, Use};

/// Where the table of `Q` lives.
pub(crate) trait Home<Q: Query>: Send + Sync {
    fn table(&self) -> &Table<Q>;
}

/// The lines of one transaction in one table.
pub(crate) struct WriteSet<Q: Query> {
    /// Nowhere while it is put away.
    home: Option<Arc<dyn Home<Q>>>,
    lines: Vec<Line<Q>>,
    /// Lines by key, once there are so many that a search takes longer than a hash.
    index: Hashed,
    out: Outbox<Q>,
    /// Those to be told of what the commit does, once that is certain.
    told: Told<Q>,
    /// Whether all that is not written here is to be marked.
    marks_rest: bool,
    /// Which of the rest is to be marked. Asked when the commit begins.
    marks_where: Vec<Predicate<Q>>,
    /// The tags of the keys of the lines that write a value, by the places of the lines.
    tags: TagLists,
    /// Moment and revision of the commit.
    now: Moment,
    revision: u64,
}

pub(crate) type Predicate<Q> = Box<dyn Fn(&Q) -> bool + Send>;

/// Loads and watches of keys that a commit changes. Found before nothing can fail any more, since that compares keys,
/// which is foreign code. Dropped without locks: a load may hold an answer.
struct Told<Q: Query> {
    replaced: Vec<Arc<Watcher<Q>>>,
    marked: Vec<Arc<Watcher<Q>>>,
    touched: Vec<Arc<Watcher<Q>>>,
}

impl<Q: Query> Told<Q> {
    const fn new() -> Self {
        Self { replaced: Vec::new(), marked: Vec::new(), touched: Vec::new() }
    }

    fn find(&mut self, table: &Table<Q>, line: &Line<Q>) {
        let told = match line.write {
            Write::None => return,
            Write::Mark { invalidate: false, .. } => &mut self.touched,
            Write::Mark { invalidate: true, .. } | Write::Overtake => &mut self.marked,
            Write::Set { .. } | Write::Merge { .. } | Write::Remove => &mut self.replaced,
        };
        table.watchers.find(line.hash, &line.key, |watcher| told.push(Arc::clone(watcher)));
    }

    fn tell(&self) {
        self.replaced.iter().for_each(|watcher| watcher.overtake());
        self.marked.iter().for_each(|watcher| watcher.overtake_by_mark());
        self.touched.iter().for_each(|watcher| watcher.ring_later());
    }

    fn clear(&mut self) {
        self.replaced.clear();
        self.marked.clear();
        self.touched.clear();
    }
}

/// Lines that are searched one by one.
const SEARCHED: usize = 8;
/// Lines that an emptied set may have room for if it is to be used again.
const MOST_KEPT: usize = 64;

fn table_of<Q: Query>(home: &Option<Arc<dyn Home<Q>>>) -> &Table<Q> {
    home.as_ref().expect("a set of writes is at home in a table while it is in use").table()
}

struct Line<Q: Query> {
    key: Q,
    hash: u32,
    /// What the transaction was told of the committed state, if it asked.
    read: Option<Seen>,
    write: Write<Q::Value>,
    place: Place,
    incoming: Option<(Q, Incoming<Q::Value>)>,
}

fn find_line<Q: Query, L: Lookup<Query = Q>>(
    lines: &[Line<Q>],
    index: &Hashed,
    lookup: &L,
    hash: u32,
) -> Option<usize> {
    let is_it = |line: &Line<Q>| line.hash == hash && lookup.is_key(&line.key);
    if lines.len() <= SEARCHED {
        return lines.iter().position(is_it);
    }
    index.find(hash, |at| is_it(&lines[at]))
}

/// What is to become of a key.
enum Write<V: ?Sized> {
    None,
    Set {
        value: Arc<V>,
        times: Option<Box<Times>>,
        mark: Mark,
    },
    Merge {
        made: Box<Made<V>>,
        value: Arc<V>,
        is_invalidated: bool,
    },
    Remove,
    Mark {
        touch: bool,
        invalidate: bool,
    },
    /// A mark on a key that was not there, or a change of a part of it: what is being loaded for it is out of date. No
    /// change by itself, unless the key has come by the time of the commit.
    Overtake,
}

/// Whether a value that is written is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    No,
    Yes,
    /// As the entry is that it takes the place of at the time of the commit. If that has gone, nobody knows.
    Kept,
}

impl Mark {
    fn of(is_invalidated: bool) -> Self {
        if is_invalidated { Self::Yes } else { Self::No }
    }
}

pub(crate) type Merging<V> = Box<dyn Fn(Option<&V>) -> Arc<V> + Send>;

/// How a value was merged.
struct Made<V: ?Sized> {
    steps: Vec<Merging<V>>,
    base: Base,
}

/// What a merge was made from.
struct Base {
    seen: Seen,
    /// Set when a commit has found it changed.
    is_stale: bool,
}

impl<V: ?Sized> Write<V> {
    fn kind(&self) -> Option<ChangeKind> {
        match self {
            Self::None | Self::Overtake => None,
            Self::Set { .. } => Some(ChangeKind::Set),
            Self::Merge { .. } => Some(ChangeKind::Merged),
            Self::Remove => Some(ChangeKind::Removed),
            Self::Mark { invalidate: true, .. } => Some(ChangeKind::Invalidated),
            Self::Mark { .. } => Some(ChangeKind::Touched),
        }
    }

    /// Whether copies of the entry that are kept elsewhere are out of date.
    fn is_change(&self) -> bool {
        !matches!(self, Self::None | Self::Mark { invalidate: false, .. })
    }

    /// When the value was true, if that is not the moment of the commit.
    fn as_of(&self) -> Option<Moment> {
        match self {
            Self::Set { times: Some(times), .. } => times.as_of,
            _ => None,
        }
    }

    fn value(&self) -> Option<&Arc<V>> {
        match self {
            Self::Set { value, .. } | Self::Merge { value, .. } => Some(value),
            _ => None,
        }
    }
}

/// What a transaction has of its own for a key.
enum Own<V: ?Sized> {
    Nothing,
    Value(Arc<V>),
    Removed,
}

impl<Q: Query> Line<Q> {
    fn is_written(&self) -> bool {
        !matches!(self.write, Write::None)
    }

    /// The tags of the key, if a value is written under it.
    fn tags(&self, table: &Table<Q>) -> Tags {
        self.write.value().map(|_| table.tags(&self.key)).unwrap_or_default()
    }
}

impl<Q: Query> WriteSet<Q> {
    /// An empty one.
    pub(crate) fn of(home: Arc<dyn Home<Q>>) -> Box<Self> {
        let mut set = spare::take().unwrap_or_else(|| {
            Box::new(Self {
                home: None,
                lines: Vec::new(),
                index: Hashed::default(),
                out: Outbox::new(),
                told: Told::new(),
                marks_rest: false,
                marks_where: Vec::new(),
                tags: TagLists::default(),
                now: Moment::ORIGIN,
                revision: 0,
            })
        });
        set.home = Some(home);
        set
    }

    fn table(&self) -> &Table<Q> {
        table_of(&self.home)
    }

    /// Own write, else what is committed now; the latter is remembered.
    pub(crate) fn get<L: Lookup<Query = Q>>(&mut self, lookup: &L) -> Option<Arc<Q::Value>> {
        match self.own(lookup) {
            Own::Value(value) => Some(value),
            Own::Removed => None,
            Own::Nothing => self.read(lookup),
        }
    }

    /// Replaces the whole value. Returns whether this is the first write of the key.
    pub(crate) fn set(&mut self, key: Q, value: Arc<Q::Value>, times: Times) -> Option<usize> {
        let times = (times != Times::new()).then(|| Box::new(times));
        self.put(key, Write::Set { value, times, mark: Mark::No })
    }

    /// Replaces a value, which keeps its times and its mark, by one that is made from it, once. Returns whether there is
    /// one, and the line if this is its first write.
    pub(crate) fn update<L: Lookup<Query = Q>>(
        &mut self,
        lookup: &L,
        update: impl FnOnce(&Arc<Q::Value>) -> Arc<Q::Value>,
    ) -> (bool, Option<usize>) {
        match self.own(lookup) {
            Own::Value(present) => {
                self.amend(lookup, update(&present));
                (true, None)
            }
            Own::Removed => (false, None),
            Own::Nothing => self.update_committed(lookup, update),
        }
    }

    /// Replaces a value that is to be written, which keeps its times and its mark.
    fn amend<L: Lookup<Query = Q>>(&mut self, lookup: &L, value: Arc<Q::Value>) {
        let Some(line) = self.find(lookup).map(|at| &mut self.lines[at]) else { return };
        match &mut line.write {
            Write::Set { value: present, .. } => *present = value,
            Write::Merge { made, is_invalidated, .. } => {
                // It may have been made from that, and cannot be made again.
                line.read.get_or_insert(made.base.seen);
                line.write = Write::Set { value, times: None, mark: Mark::of(*is_invalidated) };
            }
            _ => {}
        }
    }

    fn update_committed<L: Lookup<Query = Q>>(
        &mut self,
        lookup: &L,
        update: impl FnOnce(&Arc<Q::Value>) -> Arc<Q::Value>,
    ) -> (bool, Option<usize>) {
        let (present, mut times, seen) = self.table().sight_timed(lookup);
        let is_meant = !self.marks_where.is_empty() && self.is_marked_by_predicate(&lookup.to_key());
        let own = self.remember(lookup, seen);
        let Some(present) = present else {
            if !own.is_change() {
                self.overtake(lookup);
            }
            return (false, None);
        };
        let mark = match *own {
            Write::Mark { touch, invalidate } => {
                times.as_of = times.as_of.filter(|_| !touch);
                Mark::of(invalidate)
            }
            _ if is_meant => Mark::Yes,
            _ => Mark::Kept,
        };
        let value = update(&present);
        (true, self.put(lookup.to_key(), Write::Set { value, times: Some(Box::new(times)), mark }))
    }

    pub(crate) fn merge(&mut self, key: Q, step: Merging<Q::Value>) -> Option<usize> {
        let at = self.find(&key);
        let Some(line) = at.map(|at| &mut self.lines[at]) else { return self.merge_committed(key, step) };
        match &mut line.write {
            Write::None | Write::Overtake | Write::Mark { .. } => self.merge_committed(key, step),
            Write::Remove => {
                let write = Write::Set { value: step(None), times: None, mark: Mark::No };
                self.put(key, write)
            }
            Write::Set { value, mark, .. } => {
                *value = step(Some(value));
                *mark = Mark::No;
                None
            }
            Write::Merge { made, value, is_invalidated } => {
                *value = step(Some(value));
                *is_invalidated = false;
                made.steps.push(step);
                None
            }
        }
    }

    fn merge_committed(&mut self, key: Q, step: Merging<Q::Value>) -> Option<usize> {
        let (value, seen) = self.table().sight(&key, Use::Counted);
        let merged = step(value.as_deref());
        let base = Base { seen, is_stale: false };
        let made = Box::new(Made { steps: vec![step], base });
        self.put(key, Write::Merge { made, value: merged, is_invalidated: false })
    }

    /// Replaces the value by one made from the present one, once: if that changes, the commit fails.
    pub(crate) fn update_once(
        &mut self,
        key: Q,
        update: impl FnOnce(Option<&Q::Value>) -> Arc<Q::Value>,
    ) -> (Arc<Q::Value>, Option<usize>) {
        let present = self.get(&key);
        let value = update(present.as_deref());
        let first = self.set(key, Arc::clone(&value), Times::new());
        (value, first)
    }

    /// Returns whether there was something to remove, and the line if this is its first write.
    pub(crate) fn remove<L: Lookup<Query = Q>>(&mut self, lookup: &L) -> (bool, Option<usize>) {
        let was_there = match self.own(lookup) {
            Own::Value(_) => true,
            Own::Removed => false,
            Own::Nothing => self.table().peek(lookup).is_some(),
        };
        (was_there, self.put(lookup.to_key(), Write::Remove))
    }

    pub(crate) fn touch<L: Lookup<Query = Q>>(&mut self, lookup: &L) -> (bool, Option<usize>) {
        self.mark(lookup, |_| Write::Mark { touch: true, invalidate: false }, false)
    }

    pub(crate) fn invalidate<L: Lookup<Query = Q>>(&mut self, lookup: &L) -> (bool, Option<usize>) {
        self.mark(lookup, |touch| Write::Mark { touch, invalidate: true }, true)
    }

    /// Has the commit mark all keys that `matches`, unless they are written or touched here.
    pub(crate) fn invalidate_where(&mut self, matches: Predicate<Q>) {
        self.marks_where.push(matches);
    }

    fn is_marked_by_predicate(&self, key: &Q) -> bool {
        self.marks_where.iter().any(|matches| matches(key))
    }

    /// Makes lines for the keys that a predicate marks. Whatever happens from now on came after the commit was begun.
    fn mark_matching(&mut self, order: &mut Order) {
        if self.marks_where.is_empty() {
            return;
        }
        let table = self.table();
        let at = table.index();
        // Keys that are neither there nor watched are known by copies alone.
        table.trail().note_all();
        // Before the keys, so that what is being loaded is either overtaken or among them.
        let watchers = table.watchers.all();
        let mut keys = table.keys();
        keys.extend(watchers.iter().map(|watcher| watcher.key().clone()));
        keys.retain(|key| self.is_marked_by_predicate(key));
        for key in &keys {
            order.extend(self.mark_unwritten(key).map(|line| (at, line)));
        }
    }

    /// Has a key marked that is not written here. Returns the line if this is its first write.
    fn mark_unwritten(&mut self, key: &Q) -> Option<usize> {
        let is_written = self.find(key).is_some_and(|line| self.lines[line].is_written());
        if is_written { None } else { self.invalidate(key).1 }
    }

    fn mark<L: Lookup<Query = Q>>(
        &mut self,
        lookup: &L,
        mark: impl FnOnce(bool) -> Write<Q::Value>,
        invalidates: bool,
    ) -> (bool, Option<usize>) {
        let at = self.find(lookup);
        let was_touched = match at.map(|at| &mut self.lines[at].write) {
            Some(Write::Remove) => return (false, None),
            Some(Write::Set { mark, times, .. }) => {
                *mark = Mark::of(invalidates);
                if !invalidates && let Some(times) = times {
                    times.as_of = None;
                }
                return (true, None);
            }
            Some(Write::Merge { is_invalidated, .. }) => {
                *is_invalidated = invalidates;
                return (true, None);
            }
            Some(Write::Mark { touch, .. }) => *touch,
            Some(Write::None | Write::Overtake) | None => false,
        };
        if self.table().peek(lookup).is_none() {
            if invalidates {
                self.overtake(lookup);
            }
            return (false, None);
        }
        (true, self.put(lookup.to_key(), mark(was_touched)))
    }

    /// Has what is being loaded for an absent key retired.
    fn overtake<L: Lookup<Query = Q>>(&mut self, lookup: &L) {
        match self.find(lookup).map(|at| &mut self.lines[at].write) {
            Some(Write::Mark { invalidate, .. }) => *invalidate = true,
            _ => drop(self.put(lookup.to_key(), Write::Overtake)),
        }
    }

    /// Value that was written under a key.
    pub(crate) fn written<L: Lookup<Query = Q>>(&self, lookup: &L) -> Option<&Arc<Q::Value>> {
        self.find(lookup).and_then(|at| self.lines[at].write.value())
    }

    fn own<L: Lookup<Query = Q>>(&self, lookup: &L) -> Own<Q::Value> {
        match self.find(lookup).map(|at| &self.lines[at].write) {
            Some(Write::Remove) => Own::Removed,
            Some(write) => write.value().map_or(Own::Nothing, |value| Own::Value(Arc::clone(value))),
            None => Own::Nothing,
        }
    }

    fn read<L: Lookup<Query = Q>>(&mut self, lookup: &L) -> Option<Arc<Q::Value>> {
        let (value, seen) = self.table().sight(lookup, Use::Counted);
        self.remember(lookup, seen);
        value
    }

    /// Remembers what a key was seen to be, to be validated. Returns what is to become of it so far.
    fn remember<L: Lookup<Query = Q>>(&mut self, lookup: &L, seen: Seen) -> &Write<Q::Value> {
        let hash = self.table().hash(lookup);
        let at = self.find_hashed(lookup, hash).unwrap_or_else(|| self.add(lookup.to_key(), hash));
        // The first answer counts: if a later one differs, the commit is to fail.
        self.lines[at].read.get_or_insert(seen);
        &self.lines[at].write
    }

    fn put(&mut self, key: Q, write: Write<Q::Value>) -> Option<usize> {
        let hash = self.table().hash(&key);
        let at = match self.find_hashed(&key, hash) {
            Some(at) => at,
            None => self.add(key, hash),
        };
        let line = &mut self.lines[at];
        let old = std::mem::replace(&mut line.write, write);
        if let Write::Merge { made, .. } = &old {
            // What replaces a merge may have been made from it, and cannot be made again.
            line.read.get_or_insert(made.base.seen);
        }
        old.kind().is_none().then_some(at)
    }

    fn find<L: Lookup<Query = Q>>(&self, lookup: &L) -> Option<usize> {
        self.find_hashed(lookup, self.table().hash(lookup))
    }

    fn find_hashed<L: Lookup<Query = Q>>(&self, lookup: &L, hash: u32) -> Option<usize> {
        find_line(&self.lines, &self.index, lookup, hash)
    }

    fn add(&mut self, key: Q, hash: u32) -> usize {
        let at = self.lines.len();
        let place = Place::default();
        self.lines.push(Line { key, hash, read: None, write: Write::None, place, incoming: None });
        if self.lines.len() > SEARCHED {
            let from = if at == SEARCHED { 0 } else { at };
            for at in from..=at {
                self.index.insert(self.lines[at].hash, at);
            }
        }
        at
    }
}
