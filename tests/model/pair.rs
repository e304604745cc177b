//! Two caches, each with its model. They share a clock, and a snapshot of either can be restored into both.

mod key;
mod side;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_core::{
    Cache, Change as Told, ChangeKind, CommitError, EntryTimes, Freshness, Holds, ManualClock, Moment,
    Pinned, Query, Receipt, Removal as Gone, RemovalCounts, Revision, TableOptions, Transaction,
};

use crate::naive::saved::{Restored, Saved};
use crate::naive::{Bound, Entry, HistoryEntry, Removal, Rules, Table, Write};
use crate::steps::{Change, Commit, Given, KEYS, Step};
use crate::{Key, Numbered, Other, Registry, Store, Value, seconds};

pub struct Pair {
    clock: Arc<ManualClock>,
    sides: [Side; 2],
    current: usize,
    file: Option<File>,
}

/// The last snapshot.
struct File {
    bytes: Vec<u8>,
    saved_at: Duration,
    /// The last revision before the save.
    revision: Option<Revision>,
    /// Its entries, in file order.
    tables: [Vec<Saved>; 2],
}

/// The program's handles, by table and key, with the numbers of their allocations.
type Handles = BTreeMap<(usize, u16), Vec<(u64, Arc<Value>)>>;

/// The program's pins, by table and key.
type Pins = BTreeMap<(usize, u16), Vec<Box<dyn AnyPin>>>;

/// One cache and its model.
struct Side {
    store: Store,
    tables: [Table; 2],
    handles: Handles,
    pins: Pins,
    revision: Option<Revision>,
    /// The events that the listeners got, if there are any.
    heard: Option<Arc<Mutex<Heard>>>,
    /// The changes that they should have got.
    changes: Vec<ChangeOf>,
    /// How many values each table has removed.
    removals: [RemovalCounts; 2],
    numbers: Rc<Cell<u64>>,
}

#[derive(Debug, Default)]
struct Heard {
    changes: Vec<ChangeOf>,
    removals: [Vec<Removal>; 2],
}

#[derive(Debug, PartialEq, Eq)]
struct ChangeOf {
    table: usize,
    key: u16,
    kind: ChangeKind,
    revision: Option<Revision>,
    number: Option<u64>,
}

/// A pin of either table.
trait AnyPin {
    fn get(&self) -> Option<u64>;
}

impl<Q: Numbered> AnyPin for Pinned<Q> {
    fn get(&self) -> Option<u64> {
        self.get().map(|value| value.number)
    }
}

/// Operations on one key.
struct At<'a, Q> {
    side: &'a mut Side,
    query: Q,
}

/// A key of a table that is known by its place.
macro_rules! at {
    ($side:expr, $table:expr, $key:expr, |$at:ident| $do:expr) => {
        match $table {
            0 => {
                let mut $at = At { side: $side, query: Key($key) };
                $do
            }
            _ => {
                let mut $at = At { side: $side, query: Other($key) };
                $do
            }
        }
    };
}
use at;

/// An open transaction and its expected effects.
#[derive(Default)]
struct Open {
    writes: Vec<Line>,
    reads: Vec<Read>,
    /// Handles of values that will be written.
    handles: Vec<(usize, u16, u64, Arc<Value>)>,
    known: BTreeSet<(usize, u16)>,
}

struct Line {
    table: usize,
    key: u16,
    kind: Kind,
}

enum Kind {
    Set(Write),
    Merge {
        write: Write,
        /// Number of the value that it was last made from.
        base: Arc<Mutex<Option<u64>>>,
        /// Number of the value that was present when it was first made.
        first: Option<u64>,
        writes: u64,
    },
    Remove,
    Touch,
    Invalidate,
}

/// What a transaction read of a key.
struct Read {
    table: usize,
    key: u16,
    revision: Option<Revision>,
    writes: u64,
    disturbances: u64,
}

impl Pair {
    pub fn new(rules: [[Rules; 2]; 2], has_listeners: bool) -> Self {
        let clock = Arc::new(ManualClock::new());
        clock.advance(seconds(1_000));
        let numbers = Rc::new(Cell::new(0));
        let sides = rules.map(|rules| Side::new(&clock, rules, has_listeners, &numbers));
        Self { clock, sides, current: 0, file: None }
    }

    fn side(&mut self) -> &mut Side {
        &mut self.sides[self.current]
    }

    pub fn run(&mut self, step: &Step) {
        match step {
            Step::Advance(time) => {
                self.clock.advance(seconds(*time));
                self.sides
                    .iter_mut()
                    .flat_map(|side| &mut side.tables)
                    .for_each(|table| table.now += seconds(*time));
            }
            Step::Switch => self.current = 1 - self.current,
            Step::Save(with_survivors) => self.save(*with_survivors),
            Step::Restore(is_held) => self.restore(*is_held),
            Step::Commit(commit) => self.commit(commit),
            step => self.side().run(step),
        }
        self.side().compare_heard();
    }

    fn save(&mut self, with_survivors: bool) {
        let saved_at = self.side().tables[0].now;
        let side = &mut self.sides[self.current];
        side.sweep();
        let mut bytes = Vec::new();
        let saving = side.store.save_options();
        let saving = if with_survivors { saving.with_survivors() } else { saving };
        let report = saving.write_to(&mut bytes).unwrap();
        let mut tables = [0, 1].map(|table| side.tables[table].saved(with_survivors));
        assert_eq!(report.entries(), tables.iter().map(Vec::len).sum::<usize>() as u64);
        // Entries that were written at once may be in any order. From now on the model uses that of the file.
        for (table, order) in tables.iter_mut().zip(order_of(&bytes, &self.clock)) {
            assert_eq!(table.len(), order.len());
            table.sort_by_key(|saved| order.iter().position(|&key| key == saved.key).unwrap());
            assert!(table.is_sorted_by_key(|saved| saved.rank), "{table:?}");
        }
        self.file = Some(File { bytes, saved_at, revision: side.store.revision(), tables });
    }

    fn restore(&mut self, is_held: bool) {
        let (Some(file), side) = (&self.file, &mut self.sides[self.current]) else { return };
        side.sweep();
        let elapsed = side.tables[0].now - file.saved_at;
        let report = side.store.restore_from(&*file.bytes).unwrap();
        assert_eq!(report.elapsed, elapsed);
        let chosen = [0, 1].map(|table| side.tables[table].chosen(&file.tables[table], elapsed));
        let is_written = chosen.iter().any(|(lines, _)| !lines.is_empty());
        // Revisions from before the save are not used again.
        side.revision = side.revision.max(file.revision);
        let revision = is_written.then(|| side.next_revision());
        assert_eq!(side.store.revision(), side.revision, "a revision without a write");
        for (table, (lines, mut expected)) in chosen.into_iter().enumerate() {
            let name = [Key::NAME, Other::NAME][table];
            let found = report.tables.iter().find(|table| table.name == name).unwrap();
            let counts = |report: &Restored| (report.restored, report.expired, report.over_bound);
            assert_eq!((found.restored, found.expired, found.over_bound), counts(&expected));
            let Some(revision) = revision.filter(|_| !lines.is_empty()) else { continue };
            let numbers = Rc::clone(&side.numbers);
            let mut allocate = || next(&numbers);
            side.tables[table].restore(&lines, elapsed, revision, &mut allocate, &mut expected);
            for (saved, &(key, _)) in lines.iter().zip(&expected.written) {
                side.tell(table, key, ChangeKind::Set, Some(revision), Some(saved.number));
            }
            let kept = at!(&mut *side, table, 0, |at| at.kept(&report));
            assert_eq!(kept.len(), expected.kept.len());
            for ((key, value), &(expected, allocation)) in kept.into_iter().zip(&expected.kept) {
                assert_eq!(key, expected);
                side.handles.entry((table, key)).or_default().push((allocation, value));
            }
        }
        drop(report);
        if !is_held {
            // Values that the report kept are dropped with it.
            let kept: Vec<_> =
                side.handles.keys().copied().filter(|&(table, _)| side.keeps_nothing(table)).collect();
            kept.into_iter().for_each(|(table, key)| side.drop_handles(table, key));
        }
        side.check();
    }

    /// Runs the lines of a transaction, what happens meanwhile, and its commit.
    fn commit(&mut self, commit: &Commit) {
        let mut tx = self.side().store.begin();
        if let Some(label) = &commit.label {
            tx.label(label.as_str());
        }
        let mut open = Open::default();
        for (table, key, change) in &commit.lines {
            // Several changes of one key are tested elsewhere.
            if open.known.insert((*table, *key)) {
                at!(self.side(), *table, *key, |at| at.line(
                    &mut tx,
                    change,
                    commit.label.as_ref(),
                    &mut open
                ));
            }
        }
        self.side().compare_heard();
        commit.meanwhile.iter().for_each(|step| self.run(step));
        self.side().finish_commit(tx, open, commit.is_held);
    }

    pub fn finish(mut self) {
        for side in &mut self.sides {
            side.check();
            side.finish();
        }
    }
}

/// Returns the keys of a snapshot in order: the order in which a restore into enough room reports them.
fn order_of(bytes: &[u8], clock: &Arc<ManualClock>) -> [Vec<u16>; 2] {
    let heard = Arc::new(Mutex::new(Heard::default()));
    let builder = Cache::<Registry>::builder().clock(Arc::clone(clock));
    let all = |_| TableOptions::new().lru(1_000);
    let store = listening(builder.table::<Key>(all).table::<Other>(all), &heard).build().unwrap();
    // Expired entries that were pinned are in the snapshot as well.
    let _pins: Vec<_> = (0..KEYS).map(|key| (store.pin(&Key(key)), store.pin(&Other(key)))).collect();
    store.restore_from(bytes).unwrap();
    let heard = std::mem::take(&mut *heard.lock().unwrap());
    [0, 1].map(|table| {
        heard.changes.iter().filter(|change| change.table == table).map(|change| change.key).collect()
    })
}

fn listening(
    builder: cache_core::Builder<Registry>,
    heard: &Arc<Mutex<Heard>>,
) -> cache_core::Builder<Registry> {
    let (changes, removals) = (Arc::clone(heard), Arc::clone(heard));
    builder
        .after_commit(move |change| changes.lock().unwrap().changes.push(ChangeOf::heard(change)))
        .on_removal(move |gone| {
            let (table, removal) = Removal::heard(gone);
            removals.lock().unwrap().removals[table].push(removal);
        })
}

impl ChangeOf {
    fn heard(change: &Told) -> Self {
        let (table, key, value) = match (change.of::<Key>(), change.of::<Other>()) {
            (Some((key, value)), _) => (0, key.0, value),
            (_, Some((key, value))) => (1, key.0, value),
            _ => panic!("a change of {}", change.table()),
        };
        let number = value.map(|value| value.number);
        Self { table, key, kind: change.kind(), revision: change.revision(), number }
    }
}

impl Removal {
    fn heard(gone: &Gone) -> (usize, Self) {
        let (table, key, value) = match (gone.of::<Key>(), gone.of::<Other>()) {
            (Some((key, value)), _) => (0, key.0, value),
            (_, Some((key, value))) => (1, key.0, value),
            _ => panic!("a removal from {}", gone.table()),
        };
        (table, Self::new(key, value.number, gone.cause()))
    }
}

fn next(numbers: &Cell<u64>) -> u64 {
    numbers.set(numbers.get() + 1);
    numbers.get()
}

impl Read {
    /// The key, as an error names it.
    fn key(&self) -> String {
        let keys: [Box<dyn Debug>; 2] = [Box::new(Key(self.key)), Box::new(Other(self.key))];
        format!("{:?}", keys[self.table])
    }

    /// Returns whether the key was written after it was read: a commit must conflict.
    fn is_overwritten(&self, table: &Table) -> bool {
        table.writes.get(&self.key).copied().unwrap_or_default() != self.writes
    }

    /// Returns whether a commit may conflict: if the key was written, or is absent and the table may have
    /// forgotten keys since it was read. A key that is still present never conflicts.
    fn may_conflict(&self, table: &Table) -> bool {
        let is_there = table.alive(self.key).is_some_and(|entry| Some(entry.revision) == self.revision);
        self.is_overwritten(table) || (!is_there && table.disturbances != self.disturbances)
    }
}

impl Line {
    /// Checks that a merge was made from the value at the commit. A value that was only evicted, or has died,
    /// may still be its base.
    fn check_base(&self, table: &Table) {
        let Kind::Merge { base, first, writes, .. } = &self.kind else { return };
        let present = table.alive(self.key).map(|entry| entry.number);
        let is_written = table.writes.get(&self.key).copied().unwrap_or_default() != *writes;
        let base = *base.lock().unwrap();
        assert!(
            base == present || (!is_written && base == *first),
            "made from {base:?}, not from {present:?}"
        );
    }

    fn apply(&self, table: &mut Table, revision: Option<Revision>) {
        match &self.kind {
            Kind::Set(write) => {
                let write = Write { used_at: table.now, ..write.clone() };
                table.put(self.key, write, revision.unwrap());
            }
            // Its time is that of the commit.
            Kind::Merge { write, .. } => {
                let write = Write { as_of: table.now, used_at: table.now, ..write.clone() };
                table.put(self.key, write, revision.unwrap());
            }
            Kind::Remove => drop(table.take(self.key)),
            Kind::Touch => drop(table.touch(self.key)),
            Kind::Invalidate => drop(table.invalidate(self.key)),
        }
    }
}
