//! Two caches and what should be in them, side by side. They have one clock, and a snapshot of either can be restored
//! into both.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_core::{
    Cache, Change as Told, ChangeKind, CommitError, Freshness, Holds, ManualClock, Moment, Pinned, Query,
    Receipt, Removal as Gone, Removals, Revision, TableOptions, Times, Transaction,
};

use crate::naive::{Bound, Entry, Past, Removal, Restored, Rules, Saved, Table, Write};
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
    /// The last one that was given out before.
    revision: Option<Revision>,
    /// Its entries, in its order.
    tables: [Vec<Saved>; 2],
}

/// One cache and what should be in it.
struct Side {
    store: Store,
    tables: [Table; 2],
    /// The program's handles, by table and key, with the numbers of their allocations.
    handles: BTreeMap<(usize, u16), Vec<(u64, Arc<Value>)>>,
    pins: BTreeMap<(usize, u16), Vec<Box<dyn AnyPin>>>,
    revision: Option<Revision>,
    /// What the listeners have heard, if there are any.
    heard: Option<Arc<Mutex<Heard>>>,
    /// Changes that they should have heard of.
    changes: Vec<ChangeOf>,
    /// How many values have left each table.
    removals: [Removals; 2],
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

/// What is done with one key.
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

/// An open transaction and what it should do.
#[derive(Default)]
struct Open {
    writes: Vec<Line>,
    reads: Vec<Read>,
    /// Handles of values that are to be written.
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
        /// Number of the value that it was made from last.
        base: Arc<Mutex<Option<u64>>>,
        /// That of the value that was there when it was made first.
        first: Option<u64>,
        writes: u64,
    },
    Remove,
    Touch,
    Invalidate,
}

/// What a transaction was told of a key.
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
        // Entries that were written at once may stand in any order, which is that of the file from now on.
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
        // Numbers that were given out before the save are not given out again.
        side.revision = side.revision.max(file.revision);
        let revision = is_written.then(|| side.next_revision());
        assert_eq!(side.store.revision(), side.revision, "a revision for no write");
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
            // What the report kept goes with it.
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
            // What several changes of one key add up to is tested elsewhere.
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

/// Keys of a snapshot in their order: the order in which a restore tells of them, where there is room for all.
fn order_of(bytes: &[u8], clock: &Arc<ManualClock>) -> [Vec<u16>; 2] {
    let heard = Arc::new(Mutex::new(Heard::default()));
    let builder = Cache::<Registry>::builder().clock(Arc::clone(clock));
    let all = |_| TableOptions::new().lru(1_000);
    let store = listening(builder.table::<Key>(all).table::<Other>(all), &heard).build().unwrap();
    // What has expired and was pinned is in the snapshot as well.
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

impl Side {
    fn new(
        clock: &Arc<ManualClock>,
        rules: [Rules; 2],
        has_listeners: bool,
        numbers: &Rc<Cell<u64>>,
    ) -> Self {
        let options = rules.map(options);
        // A seed with which the default policy tells the keys apart; see `policy`.
        let mut builder = Cache::builder()
            .table::<Key>(|_| options[0])
            .table::<Other>(|_| options[1])
            .clock(Arc::clone(clock))
            .hash_seed(1);
        let heard = has_listeners.then(Arc::default);
        if let Some(heard) = &heard {
            builder = listening(builder, heard);
        }
        Self {
            store: builder.build().unwrap(),
            tables: rules.map(|rules| Table::new(rules, seconds(1_000))),
            handles: BTreeMap::new(),
            pins: BTreeMap::new(),
            revision: None,
            heard,
            changes: Vec::new(),
            removals: Default::default(),
            numbers: Rc::clone(numbers),
        }
    }

    fn run(&mut self, step: &Step) {
        let before = self.store.revision();
        match *step {
            Step::Get(table, key, is_held) => at!(self, table, key, |at| at.get(is_held)),
            Step::GetAll(one, other) => self.get_all(one, other),
            Step::Peek(table, key) => at!(self, table, key, |at| at.peek()),
            Step::GetFresh(table, key) => at!(self, table, key, |at| at.get_fresh()),
            Step::Insert(table, key, ref given, is_held) => {
                return at!(self, table, key, |at| at.insert(given, is_held));
            }
            Step::Load(table, key) => return at!(self, table, key, |at| at.load()),
            Step::Remove(table, key) => return at!(self, table, key, |at| at.remove()),
            Step::Touch(table, key) => at!(self, table, key, |at| at.touch()),
            Step::Invalidate(table, key) => at!(self, table, key, |at| at.invalidate()),
            Step::Pin(table, key) => at!(self, table, key, |at| at.pin()),
            Step::Unpin(table, key) => at!(self, table, key, |at| at.unpin()),
            Step::Clear => {
                self.sweep_all();
                self.store.clear();
                self.tables.iter_mut().for_each(Table::clear);
                self.next_revision();
                assert!(self.store.is_empty());
                return;
            }
            Step::Reap => self.reap(),
            Step::DropHandles(table, key) => self.drop_handles(table, key),
            Step::Check => self.check(),
            ref step => unreachable!("{step:?} concerns both caches"),
        }
        assert_eq!(self.store.revision(), before, "a revision for no write");
    }

    /// Lets go of what has expired in the tables with a bound. When others do so, and so who is pushed out, is not
    /// promised.
    fn sweep(&mut self) {
        for table in [0, 1] {
            if self.tables[table].rules.bound != Bound::None {
                at!(&mut *self, table, 0, |at| at.sweep());
            }
        }
    }

    /// The same in all tables, where somebody listens or it matters else.
    fn sweep_all(&mut self) {
        for table in [0, 1] {
            at!(&mut *self, table, 0, |at| at.sweep());
        }
    }

    fn get_all(&mut self, one: u16, other: u16) {
        let (found, found_other) = self.store.get_all((&Key(one), &Other(other)));
        let expected =
            [(0, one), (1, other)].map(|(table, key)| self.tables[table].get(key).map(|entry| entry.number));
        assert_eq!([found, found_other].map(|found| found.map(|value| value.number)), expected);
    }

    fn reap(&mut self) {
        self.sweep();
        self.store.reap();
        for table in &mut self.tables {
            table.begin();
            table.finish(None);
        }
        assert!(self.store.inspect().tables.iter().all(|report| report.dead == 0));
        assert_eq!(self.store.reap(), 0);
    }

    /// The revision of the write that has just been made: later than all before.
    #[track_caller]
    fn next_revision(&mut self) -> Revision {
        let revision = self.store.revision().unwrap();
        assert!(self.revision.is_none_or(|last| last < revision), "a write without a revision of its own");
        self.revision = Some(revision);
        revision
    }

    fn tell(
        &mut self,
        table: usize,
        key: u16,
        kind: ChangeKind,
        revision: Option<Revision>,
        number: Option<u64>,
    ) {
        self.changes.push(ChangeOf { table, key, kind, revision, number });
    }

    /// Compares what the listeners have heard since the last time with what has happened.
    #[track_caller]
    fn compare_heard(&mut self) {
        if self.heard.is_some() {
            self.sweep_all();
        }
        let changes = std::mem::take(&mut self.changes);
        let removals = [0, 1].map(|table| std::mem::take(&mut self.tables[table].removals));
        for (counts, removals) in self.removals.iter_mut().zip(&removals) {
            removals.iter().for_each(|removal| removal.count(counts));
        }
        let Some(heard) = &self.heard else { return };
        let heard = std::mem::take(&mut *heard.lock().unwrap());
        assert_eq!(heard.changes, changes);
        for (mut heard, mut expected) in heard.removals.into_iter().zip(removals) {
            heard.sort_unstable();
            expected.sort_unstable();
            assert_eq!(heard, expected);
        }
    }

    fn keeps_nothing(&self, table: usize) -> bool {
        let Rules { bound, ttl, tti, .. } = self.tables[table].rules;
        bound == Bound::None && ttl.is_none() && tti.is_none()
    }

    /// Takes a handle into the program's keeping.
    fn hold(&mut self, table: usize, key: u16, allocation: u64, handle: Arc<Value>) {
        self.tables[table].hold(allocation);
        self.handles.entry((table, key)).or_default().push((allocation, handle));
    }

    fn drop_handles(&mut self, table: usize, key: u16) {
        for (allocation, handle) in self.handles.remove(&(table, key)).unwrap_or_default() {
            drop(handle);
            self.tables[table].release(allocation);
        }
    }

    /// Commits, and does the same to the model.
    fn finish_commit(&mut self, tx: Transaction<Registry>, open: Open, is_held: bool) {
        self.sweep_all();
        let Open { mut writes, reads, mut handles, .. } = open;
        let receipt = match tx.commit() {
            Ok(receipt) => {
                let is_missed = reads.iter().find(|read| read.is_overwritten(&self.tables[read.table]));
                assert!(
                    is_missed.is_none_or(|read| panic!("{} of table {} was written", read.key, read.table))
                );
                receipt
            }
            Err(CommitError::Conflict { key, .. }) => {
                let doubted = reads.iter().filter(|read| read.may_conflict(&self.tables[read.table]));
                let doubted: Vec<String> = doubted.map(Read::key).collect();
                assert!(doubted.contains(&key), "{key} conflicts, and only {doubted:?} may");
                for (table, _, allocation, handle) in handles {
                    drop(handle);
                    self.tables[table].release(allocation);
                }
                return;
            }
            Err(error) => panic!("{error}"),
        };
        let has_revision = |line: &Line| !matches!(line.kind, Kind::Touch | Kind::Invalidate);
        let revision = writes.iter().any(has_revision).then(|| self.next_revision());
        assert_eq!(receipt.revision(), revision);
        writes.sort_by_key(|line| line.table);
        for line in &writes {
            line.check_base(&self.tables[line.table]);
            self.tell_line(line, revision);
            if let Kind::Merge { write, .. } = &line.kind {
                let handle = at!(&mut *self, line.table, line.key, |at| at.merged(&receipt));
                self.tables[line.table].hold(write.allocation);
                handles.push((line.table, line.key, write.allocation, handle));
            }
        }
        for (at, table) in self.tables.iter_mut().enumerate() {
            let lines: Vec<&Line> = writes.iter().filter(|line| line.table == at).collect();
            if !lines.is_empty() {
                table.begin();
                lines.iter().for_each(|line| line.apply(table, revision));
                table.finish(revision);
            }
        }
        drop(receipt);
        for (table, key, allocation, handle) in handles {
            self.tables[table].release(allocation);
            if is_held {
                self.hold(table, key, allocation, handle);
            }
        }
    }

    fn tell_line(&mut self, line: &Line, revision: Option<Revision>) {
        let Line { table, key, kind } = line;
        match kind {
            Kind::Set(write) => self.tell(*table, *key, ChangeKind::Set, revision, Some(write.number)),
            Kind::Merge { write, .. } => {
                self.tell(*table, *key, ChangeKind::Merged, revision, Some(write.number));
            }
            Kind::Remove => self.tell(*table, *key, ChangeKind::Removed, revision, None),
            Kind::Invalidate if self.tables[*table].alive(*key).is_some() => {
                self.tell(*table, *key, ChangeKind::Invalidated, None, None);
            }
            Kind::Invalidate | Kind::Touch => {}
        }
    }

    /// Compares the whole state.
    #[track_caller]
    fn check(&mut self) {
        self.sweep_all();
        for table in [0, 1] {
            at!(&mut *self, table, 0, |at| at.check_table());
        }
        let readable: usize =
            self.tables.iter().map(|table| (0..KEYS).filter_map(|key| table.alive(key)).count()).sum();
        assert_eq!(self.store.len(), readable);
        let pins = std::mem::take(&mut self.pins);
        for (&(table, key), pins) in &pins {
            for pin in pins {
                assert_eq!(pin.get(), self.tables[table].get(key).map(|entry| entry.number));
            }
        }
        self.pins = pins;
    }

    /// With nothing held, a few writes leave no dead key; and the tables still keep just what they may.
    fn finish(&mut self) {
        self.handles.clear();
        self.pins.clear();
        for table in [0, 1] {
            at!(&mut *self, table, KEYS, |at| at.fill());
        }
    }
}

fn options(rules: Rules) -> TableOptions {
    let mut options = match rules.bound {
        Bound::None => TableOptions::new(),
        Bound::Lru(limit) => TableOptions::new().lru(limit),
        Bound::Capacity(limit) => TableOptions::new().capacity(limit),
        Bound::Weight(limit) => TableOptions::new().max_weight(limit),
    };
    options = options.history(rules.history.try_into().unwrap());
    options = rules.ttl.map_or(options, |time| options.ttl(time));
    options = rules.tti.map_or(options, |time| options.tti(time));
    rules.fresh.map_or(options, |time| options.fresh(time))
}

impl Read {
    /// The key, as an error names it.
    fn key(&self) -> String {
        let keys: [Box<dyn Debug>; 2] = [Box::new(Key(self.key)), Box::new(Other(self.key))];
        format!("{:?}", keys[self.table])
    }

    /// Whether the key was written after it was read: a commit must conflict.
    fn is_overwritten(&self, table: &Table) -> bool {
        table.writes.get(&self.key).copied().unwrap_or_default() != self.writes
    }

    /// Whether a commit may conflict: if the key was written, or is not there while the table may have forgotten keys
    /// since it was read. A key that is still there is never doubted.
    fn may_conflict(&self, table: &Table) -> bool {
        let is_there = table.alive(self.key).is_some_and(|entry| Some(entry.revision) == self.revision);
        self.is_overwritten(table) || (!is_there && table.disturbances != self.disturbances)
    }
}

impl Line {
    /// A merge was made from what is there at the commit. What has only been pushed out, or has died, may still be its
    /// base.
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

impl<Q: Numbered> At<'_, Q>
where
    Registry: Holds<Q>,
{
    fn key(&self) -> u16 {
        self.query.number()
    }

    fn store(&self) -> &Store {
        &self.side.store
    }

    fn table(&mut self) -> &mut Table {
        &mut self.side.tables[Q::TABLE]
    }

    fn number(&mut self, entry: Option<Entry>) -> Option<u64> {
        entry.map(|entry| entry.number)
    }

    fn sweep(&mut self) {
        let _ = self.store().count::<Q>();
        self.table().sweep();
    }

    // Reading

    fn get(&mut self, is_held: bool) {
        let (key, found) = (self.key(), self.store().get(&self.query));
        let entry = self.table().get(key);
        assert_eq!(found.as_ref().map(|value| value.number), entry.as_ref().map(|entry| entry.number));
        let (Some(found), Some(entry)) = (found, entry) else { return };
        assert!(Arc::ptr_eq(&found, &self.store().peek(&self.query).unwrap()));
        if is_held {
            self.side.hold(Q::TABLE, key, entry.allocation, found);
        }
    }

    fn peek(&mut self) {
        let (key, found) = (self.key(), self.store().peek(&self.query));
        assert_eq!(found.map(|value| value.number), self.table().peek(key));
    }

    fn get_fresh(&mut self) {
        let (key, found) = (self.key(), self.store().get_fresh(&self.query));
        let table = self.table();
        let entry = table.get(key);
        let is_fresh = |entry: &Entry| table.freshness(entry) == Freshness::Fresh && !table.is_expired(entry);
        assert_eq!(found.map(|value| value.number), entry.filter(is_fresh).map(|entry| entry.number));
    }

    // Writing

    /// A write as the store and as the model is told of it.
    fn write_of(&mut self, given: &Given, label: Option<&String>) -> (Value, Times, Write) {
        let number = next(&self.side.numbers);
        let now = self.table().now;
        let as_of = now - seconds(given.since);
        let (ttl, fresh) = (given.ttl.map(seconds), given.fresh.map(seconds));
        let mut times = Times::new().as_of(Moment::ORIGIN + as_of);
        times = ttl.map_or(times, |ttl| times.ttl(ttl));
        times = fresh.map_or(times, |fresh| times.fresh(fresh));
        let write = Write {
            number,
            allocation: number,
            given_weight: given.weight,
            as_of,
            used_at: now,
            ttl,
            fresh,
            is_invalidated: false,
            label: label.cloned(),
            standing: None,
        };
        (Value { number, weight: given.weight }, times, write)
    }

    fn plain() -> Given {
        Given { weight: 3, since: 0, ttl: None, fresh: None }
    }

    fn insert(&mut self, given: &Given, is_held: bool) {
        self.side.sweep();
        let (value, times, write) = self.write_of(given, None);
        let handle = self.store().insert_timed(self.query, value, times);
        self.inserted(write, handle, is_held);
    }

    /// The writer's handle is there until the write is over.
    fn inserted(&mut self, write: Write, handle: Arc<Value>, is_held: bool) {
        let (key, allocation, number) = (self.key(), write.allocation, write.number);
        let revision = self.side.next_revision();
        self.side.tell(Q::TABLE, key, ChangeKind::Set, Some(revision), Some(number));
        self.table().hold(allocation);
        self.table().insert(key, write, revision);
        self.table().release(allocation);
        if is_held {
            self.side.hold(Q::TABLE, key, allocation, handle);
        }
    }

    fn load(&mut self) {
        self.side.sweep();
        let (value, _, write) = self.write_of(&Self::plain(), None);
        let key = self.key();
        let expected = self.table().get(key);
        let mut is_loaded = false;
        let handle = self.store().get_or_insert_with(&self.query, || {
            is_loaded = true;
            value
        });
        assert_eq!(is_loaded, expected.is_none());
        match expected {
            Some(entry) => assert_eq!(handle.number, entry.number),
            None => self.inserted(write, handle, false),
        }
    }

    fn remove(&mut self) {
        self.side.sweep_all();
        let key = self.key();
        let was_readable = self.table().alive(key).is_some();
        assert_eq!(self.store().remove(&self.query), was_readable);
        if !was_readable {
            return;
        }
        let revision = self.side.next_revision();
        self.side.tell(Q::TABLE, key, ChangeKind::Removed, Some(revision), None);
        self.table().begin();
        self.table().take(key);
        self.table().finish(Some(revision));
    }

    fn touch(&mut self) {
        self.side.sweep();
        let key = self.key();
        self.table().begin();
        assert_eq!(self.store().touch(&self.query), self.table().touch(key));
        self.table().finish(None);
    }

    fn invalidate(&mut self) {
        self.side.sweep();
        let key = self.key();
        self.table().begin();
        let is_there = self.table().invalidate(key);
        assert_eq!(self.store().invalidate(&self.query), is_there);
        if is_there {
            self.side.tell(Q::TABLE, key, ChangeKind::Invalidated, None, None);
        }
        self.table().finish(None);
    }

    fn pin(&mut self) {
        self.side.sweep();
        let (key, pin) = (self.key(), self.store().pin(&self.query));
        self.side.pins.entry((Q::TABLE, key)).or_default().push(Box::new(pin));
        self.table().begin();
        self.table().pin(key);
        self.table().finish(None);
    }

    fn unpin(&mut self) {
        self.side.sweep();
        let key = self.key();
        if let Some(pin) = self.side.pins.get_mut(&(Q::TABLE, key)).and_then(Vec::pop) {
            drop(pin);
            self.table().begin();
            self.table().unpin(key);
            self.table().finish(None);
        }
    }

    /// One line of a transaction.
    fn line(
        &mut self,
        tx: &mut Transaction<Registry>,
        change: &Change,
        label: Option<&String>,
        open: &mut Open,
    ) {
        let (query, key) = (self.query, self.key());
        let kind = match change {
            Change::Set(given) => {
                let (value, times, write) = self.write_of(given, label);
                let handle = tx.set_timed(query, value, times);
                self.table().hold(write.allocation);
                open.handles.push((Q::TABLE, key, write.allocation, handle));
                Kind::Set(write)
            }
            Change::Merge => self.merge(tx, label),
            Change::Remove => {
                assert_eq!(tx.remove(&query), self.table().peek(key).is_some());
                assert_eq!(tx.get(&query), None);
                Kind::Remove
            }
            Change::Touch => {
                let is_there = tx.touch(&query);
                assert_eq!(is_there, self.table().peek(key).is_some());
                if !is_there {
                    return;
                }
                Kind::Touch
            }
            // A mark on a key that is not there overtakes what is being loaded for it.
            Change::Invalidate => {
                assert_eq!(tx.invalidate(&query), self.table().peek(key).is_some());
                Kind::Invalidate
            }
            Change::Read => {
                let found = tx.get(&query).map(|value| value.number);
                let entry = self.table().get(key);
                let revision = entry.as_ref().map(|entry| entry.revision);
                assert_eq!(found, self.number(entry));
                let table = self.table();
                let writes = table.writes.get(&key).copied().unwrap_or_default();
                let disturbances = table.disturbances;
                open.reads.push(Read { table: Q::TABLE, key, revision, writes, disturbances });
                return;
            }
        };
        open.writes.push(Line { table: Q::TABLE, key, kind });
    }

    fn merge(&mut self, tx: &mut Transaction<Registry>, label: Option<&String>) -> Kind {
        let (query, key) = (self.query, self.key());
        let (value, _, write) = self.write_of(&Self::plain(), label);
        let entry = self.table().get(key);
        let first = self.number(entry);
        let base = Arc::new(Mutex::new(None));
        let last = Arc::clone(&base);
        tx.merge_with(query, move |found: Option<&Value>| {
            *last.lock().unwrap() = found.map(|value| value.number);
            value.clone()
        });
        assert_eq!(*base.lock().unwrap(), first);
        let writes = self.table().writes.get(&key).copied().unwrap_or_default();
        Kind::Merge { write, base, first, writes }
    }

    fn merged(&mut self, receipt: &Receipt<Registry>) -> Arc<Value> {
        Arc::clone(receipt.get(&self.query).unwrap())
    }

    fn kept(&mut self, report: &cache_core::RestoreReport) -> Vec<(u16, Arc<Value>)> {
        report.kept::<Q>().iter().map(|(key, value)| (key.number(), Arc::clone(value))).collect()
    }

    // Comparing

    /// Compares all of a table.
    #[track_caller]
    fn check_table(&mut self) {
        let mut listed = self.store().entries::<Q>();
        listed.sort_by_key(|entry| entry.key().number());
        self.table().sweep();
        let keys: Vec<u16> = listed.iter().map(|entry| entry.key().number()).collect();
        let readable: Vec<u16> = (0..KEYS).filter(|&key| self.table().alive(key).is_some()).collect();
        assert_eq!(keys, readable, "listed, and readable");
        for entry in &listed {
            let (key, query) = (entry.key().number(), *entry.key());
            assert!(Arc::ptr_eq(entry.value(), &self.store().peek(&query).unwrap()));
            let history: Vec<Past> = self.store().history(&query).into_iter().map(past).collect();
            let table = self.table();
            let expected = table.alive(key).unwrap();
            assert_eq!(entry.value().number, expected.number);
            assert_eq!(entry.residency(), expected.residency(), "{key}");
            assert_eq!(entry.revision(), expected.revision, "{key}");
            assert_eq!(entry.freshness(), table.freshness(expected), "{key}");
            assert_eq!(entry.is_expired(), table.is_expired(expected), "{key}");
            assert_eq!(u64::from(entry.state().weight), expected.weight);
            assert_eq!(entry.age(), table.now - expected.as_of);
            assert_eq!(entry.remaining(), table.remaining(expected), "{key}");
            assert_eq!(history, expected.history, "{key}");
        }
        for key in (0..KEYS).filter(|key| !readable.contains(key)) {
            assert_eq!(self.store().peek(&Q::new(key)), None);
        }
        assert_eq!(self.store().count::<Q>(), readable.len());
        let report = self.store().inspect().tables.remove(Q::TABLE);
        assert_eq!((report.name, report.live()), (Q::NAME, readable.len()));
        assert_eq!(report.pins, self.table().pins.len());
        if self.table().rules.bound != Bound::None {
            assert_eq!(report.weight, self.table().used());
        }
        self.side.compare_heard();
        assert_eq!(report.removals, self.side.removals[Q::TABLE]);
    }

    /// Fills the table to the last with new entries, when nothing is held any more.
    fn fill(&mut self) {
        let report = self.store().inspect().tables.remove(Q::TABLE);
        let limit = self.table().limit();
        if limit == u64::MAX {
            return;
        }
        // One shard: each write visits eight of those that may be dead.
        for _ in 0..(report.dead + report.survivors).div_ceil(8) {
            self.store().insert(self.query, Value { number: 0, weight: 1 });
        }
        let report = || self.side.store.inspect().tables.remove(Q::TABLE);
        assert_eq!(report().dead, 0);
        // A heavy entry that one of the first ones pushes out leaves room, which the others fill.
        let light = |key| drop(self.side.store.insert(Q::new(100 + key), Value { number: 0, weight: 1 }));
        let first = u16::try_from(limit).unwrap();
        (0..=first).for_each(light);
        let room = u16::try_from(limit - report().weight).unwrap();
        (first + 1..=first + room).for_each(light);
        assert_eq!(report().weight, limit, "the sum of weights has drifted");
    }
}

fn past(past: cache_core::Past<Value>) -> Past {
    let label = past.label.map(|label| label.to_string());
    Past { number: past.value.number, revision: past.revision, label }
}
