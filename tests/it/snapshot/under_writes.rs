//! A save has the entries of one moment, whatever is written while it runs.
//!
//! The values write to their cache while the save encodes them, on the thread of the save and so always at
//! the same places. The result must be, byte for byte, that of a save of the same cache without writes:
//! an undisturbed save is the model. Only the use counts of the default policy may be later ones.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Weak;

use cache_core::{Holds, Pinned, TableOptions};
use cache_tests::hostile::frames;
use proptest::collection::vec;
use proptest::prelude::*;
use serde::{Deserializer, Serializer, ser};

use super::*;

/// A number that runs the next step of the test while it is encoded.
#[derive(Debug, PartialEq, Shape)]
pub struct Probe(#[shape(opaque)] u32);

/// Steps, each with the number of values that are encoded before it.
type Script = VecDeque<(u16, Step)>;

thread_local! {
    static SCRIPT: RefCell<Option<(Script, State)>> = const { RefCell::new(None) };
    static FAILURE: Cell<Option<Failure>> = const { Cell::new(None) };
    /// Steps that have been run.
    static RUN: Cell<usize> = const { Cell::new(0) };
}

impl Serialize for Probe {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Taken out, so that a save that is itself a step does not run further steps.
        if let Some((mut script, mut state)) = SCRIPT.take() {
            while let Some((0, step)) = script.front() {
                state.run(step);
                RUN.set(RUN.get() + 1);
                script.pop_front();
            }
            if let Some((wait, _)) = script.front_mut() {
                *wait -= 1;
            }
            SCRIPT.set(Some((script, state)));
        }
        match FAILURE.get() {
            Some(Failure::Error) => return Err(ser::Error::custom("the number cannot be encoded")),
            Some(Failure::Panic) => panic!("the number cannot be encoded"),
            _ => {}
        }
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Probe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u32::deserialize(deserializer).map(Self)
    }
}

trait Numbered: Query<Value = Probe> {
    fn new(number: u32) -> Self;
}

macro_rules! numbered {
    ($($name:ident ($($options:tt)*))+) => {
        $(
            #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
            #[query(value = Probe, persist $($options)*)]
            pub struct $name(u32);

            impl Numbered for $name {
                fn new(number: u32) -> Self {
                    Self(number)
                }
            }
        )+
    };
}

fn weight<K>(_: &K, value: &Probe) -> u32 {
    1 + value.0 % 3
}

numbered! {
    // Comes first: its values run steps before any entry of the others is copied.
    First(, capacity = 100)
    InQueues(, capacity = 20)
    InOrder(, lru = 20)
    Timed(, ttl = "1s")
    Heavy(, max_weight = 40, weigh = weight)
    // Kept by holders of the values.
    Held()
    Last(, capacity = 100)
}

/// A key that temporarily cannot be cloned.
#[derive(Query, Shape, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[query(value = Probe, capacity = 100, persist)]
pub struct Fragile(u32);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        assert!(FAILURE.get() != Some(Failure::PanicOfWriter), "{} cannot be cloned", self.0);
        Self(self.0)
    }
}

impl Hash for Fragile {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Numbered for Fragile {
    fn new(number: u32) -> Self {
        Self(number)
    }
}

registry! {
    pub struct SavedTables {
        crate::snapshot::under_writes::First,
        crate::snapshot::under_writes::InQueues,
        crate::snapshot::under_writes::InOrder,
        crate::snapshot::under_writes::Timed,
        crate::snapshot::under_writes::Heavy,
        crate::snapshot::under_writes::Held,
        crate::snapshot::under_writes::Last,
        crate::snapshot::under_writes::Fragile,
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Table {
    InQueues,
    InOrder,
    Timed,
    Heavy,
    Held,
}

const TABLES: [Table; 5] = [Table::InQueues, Table::InOrder, Table::Timed, Table::Heavy, Table::Held];

#[derive(Clone, Debug)]
enum Action {
    Insert(u32),
    Remove,
    Touch,
    Invalidate,
    /// A read, which makes a survivor resident again.
    Get,
    Hold,
    Pin,
}

#[derive(Clone, Debug)]
enum Step {
    Key(Table, u32, Action),
    /// Writes many keys, one after the other.
    Range(Table, u32, u32, Action),
    Commit(Vec<(Table, u32, Option<u32>)>),
    InvalidateAll,
    Clear,
    ReleaseHeld,
    Unpin,
    Advance(u64),
    Reap,
    Save,
    /// Makes the encoding of the values of one table fail from now on.
    Fail(Failure),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Failure {
    Error,
    Panic,
    /// The `Clone` of a key panics while a writer puts the key aside.
    PanicOfWriter,
}

/// A pin of any table.
trait Claim {}
impl<Q: Query> Claim for Pinned<Q> {}

struct State {
    cache: Cache<SavedTables>,
    clock: Arc<ManualClock>,
    held: Vec<Arc<Probe>>,
    pins: Vec<Box<dyn Claim>>,
    /// All values that were ever written.
    written: Vec<Weak<Probe>>,
}

impl State {
    fn new(large: Option<Table>) -> Self {
        let clock = Arc::new(ManualClock::new());
        clock.advance(Duration::from_secs(1_000));
        // More than a few chunks of one shard, and some for each of several shards.
        let limit = |table: Table| match large {
            Some(large) if large == table => 8_000,
            _ => 20,
        };
        let cache = Cache::<SavedTables>::builder()
            .hash_seed(1)
            .clock(Arc::clone(&clock))
            .table::<InQueues>(|_| TableOptions::new().capacity(limit(Table::InQueues)))
            .table::<InOrder>(|_| TableOptions::new().lru(limit(Table::InOrder)))
            .table::<Heavy>(|_| TableOptions::new().max_weight(2 * limit(Table::Heavy)))
            .build()
            .unwrap();
        let mut state = Self { cache, clock, held: Vec::new(), pins: Vec::new(), written: Vec::new() };
        for number in 0..40 {
            state.insert(First(number), number);
            state.insert(Last(number), number);
            state.insert(Fragile(number), number);
        }
        for table in TABLES {
            let count = u32::try_from(limit(table)).unwrap() * 7 / 8;
            state.run(&Step::Range(table, 0, count, Action::Insert(7)));
        }
        state
    }

    fn insert<Q: Numbered>(&mut self, key: Q, value: u32) -> Arc<Probe>
    where
        SavedTables: Holds<Q>,
    {
        let value = self.cache.insert(key, Probe(value));
        self.written.push(Arc::downgrade(&value));
        value
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Key(table, key, action) => self.act_on(*table, *key, action),
            Step::Range(table, start, count, action) => {
                (*start..start + count).for_each(|key| self.act_on(*table, key, action));
            }
            Step::Commit(writes) => self.commit(writes),
            Step::InvalidateAll => drop(self.cache.invalidate_all()),
            Step::Clear => self.cache.clear(),
            Step::ReleaseHeld => self.held.clear(),
            Step::Unpin => drop(self.pins.pop()),
            Step::Advance(millis) => self.clock.advance(Duration::from_millis(*millis)),
            Step::Reap => drop(self.cache.reap()),
            Step::Save => drop(saved(&self.cache)),
            Step::Fail(failure) => {
                FAILURE.set(Some(*failure));
                if *failure == Failure::PanicOfWriter {
                    self.insert(Fragile(1), 2);
                    assert_eq!(self.cache.get(&Fragile(1)).unwrap().0, 2, "the writer has finished");
                }
            }
        }
    }

    /// Drops the cache. A save that has ended keeps nothing.
    #[track_caller]
    fn check_end(self) {
        let Self { cache, held, pins, written, .. } = self;
        drop((held, pins));
        cache.clear();
        assert_eq!(written.iter().filter(|value| value.strong_count() > 0).count(), 0);
    }

    fn act_on(&mut self, table: Table, key: u32, action: &Action) {
        match table {
            Table::InQueues => self.act(InQueues::new(key), action, false),
            Table::InOrder => self.act(InOrder::new(key), action, false),
            Table::Timed => self.act(Timed::new(key), action, false),
            Table::Heavy => self.act(Heavy::new(key), action, false),
            Table::Held => self.act(Held::new(key), action, true),
        }
    }

    fn act<Q: Numbered>(&mut self, key: Q, action: &Action, is_held: bool)
    where
        SavedTables: Holds<Q>,
    {
        match action {
            Action::Insert(value) => {
                let value = self.insert(key, *value);
                if is_held {
                    self.held.push(value);
                }
            }
            Action::Remove => drop(self.cache.remove(&key)),
            Action::Touch => drop(self.cache.touch(&key)),
            Action::Invalidate => drop(self.cache.invalidate(&key)),
            Action::Get => drop(self.cache.get(&key)),
            Action::Hold => self.held.extend(self.cache.peek(&key)),
            Action::Pin => self.pins.push(Box::new(self.cache.pin(&key))),
        }
    }

    fn commit(&mut self, writes: &[(Table, u32, Option<u32>)]) {
        let mut tx = self.cache.begin();
        for &(table, key, value) in writes {
            macro_rules! write {
                ($query:ident) => {
                    match value {
                        Some(value) => self.written.push(Arc::downgrade(&tx.set($query(key), Probe(value)))),
                        None => drop(tx.remove(&$query(key))),
                    }
                };
            }
            match table {
                Table::InQueues => write!(InQueues),
                Table::InOrder => write!(InOrder),
                Table::Timed => write!(Timed),
                Table::Heavy => write!(Heavy),
                Table::Held => write!(Held),
            }
        }
        tx.commit().unwrap();
    }
}

fn table() -> impl Strategy<Value = Table> {
    prop::sample::select(&TABLES[..])
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (100..1_000_u32).prop_map(Action::Insert),
        2 => Just(Action::Remove),
        1 => Just(Action::Touch),
        1 => Just(Action::Invalidate),
        1 => Just(Action::Get),
        2 => Just(Action::Hold),
        1 => Just(Action::Pin),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (table(), 0..30_u32, action()).prop_map(|(table, key, action)| Step::Key(table, key, action)),
        4 => (table(), 0..8_000_u32, 1..300_u32, action())
            .prop_map(|(table, start, count, action)| Step::Range(table, start, count, action)),
        3 => vec((table(), 0..30_u32, prop::option::of(100..1_000_u32)), 1..5).prop_map(Step::Commit),
        1 => Just(Step::InvalidateAll),
        1 => Just(Step::Clear),
        1 => Just(Step::ReleaseHeld),
        1 => Just(Step::Unpin),
        1 => (0..2_000_u64).prop_map(Step::Advance),
        1 => Just(Step::Reap),
        1 => Just(Step::Save),
    ]
}

fn save(cache: &Cache<SavedTables>, with_survivors: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let options = cache.save_options().threads(1);
    let options = if with_survivors { options.with_survivors() } else { options };
    options.write_to(&mut bytes).unwrap();
    bytes
}

/// Saves while the steps run. Returns the state afterwards.
fn save_disturbed(state: State, with_survivors: bool, script: Script) -> (Vec<u8>, State) {
    let cache = state.cache.clone();
    RUN.set(0);
    SCRIPT.set(Some((script, state)));
    let bytes = save(&cache, with_survivors);
    let (_, state) = SCRIPT.take().expect("each value puts the script back");
    (bytes, state)
}

/// Returns the tables, blocks and end of a snapshot, without use counts and checksums.
fn content(bytes: &[u8]) -> Vec<Vec<u8>> {
    const IDLE: u32 = 16;
    const MARKS: u32 = 2;
    const UNIFORM: u32 = 1;
    let number = |at: &[u8]| u32::from_le_bytes(at[..4].try_into().unwrap());
    let mut content = vec![bytes[..44].to_vec()];
    for frame in frames(bytes) {
        let frame = &bytes[frame];
        let mut body = [&frame[..16], &frame[24..]].concat();
        if frame.starts_with(b"BLOC") {
            let (count, columns) = (number(&frame[24..]) as usize, number(&frame[28..]));
            let lengths = if columns & UNIFORM != 0 { 4 } else { 4 * count };
            let idles = if columns & IDLE != 0 { 8 * count } else { 0 };
            let marks = 16 + 8 + lengths + 8 * count + idles;
            if columns & MARKS != 0 {
                (0..count).for_each(|entry| body[marks + 4 * entry + 2] = 0);
            } else {
                // As if the column were present.
                body[20] |= 2;
                body.splice(marks..marks, vec![0; 4 * count]);
            }
            // The length depends on the columns.
            body[8..16].fill(0);
        } else if frame.starts_with(b"ENDS") {
            body.truncate(24);
        }
        content.push(body);
    }
    content
}

fn check(large: Option<Table>, with_survivors: bool, before: &[Step], script: Script) {
    let mut state = State::new(large);
    before.iter().for_each(|step| state.run(step));
    let calm = save(&state.cache, with_survivors);
    let (disturbed, state) = save_disturbed(state, with_survivors, script);
    for (frame, (calm, disturbed)) in content(&calm).iter().zip(&content(&disturbed)).enumerate() {
        assert!(calm == disturbed, "frame {frame} differs:\n{calm:?}\n{disturbed:?}");
    }
    assert_eq!(content(&calm).len(), content(&disturbed).len());
    state.check_end();
}

fn cases() -> u32 {
    std::env::var("CACHE_SAVE_CASES").map_or(64, |cases| cases.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_save_is_that_of_its_moment_whatever_is_written_meanwhile(
        large in prop::option::of(table()),
        with_survivors: bool,
        before in vec(step(), 0..30),
        script in vec((0..40_u16, step()), 1..40),
    ) {
        check(large, with_survivors, &before, script.into());
    }
}

/// Runs one step between any two copies of a large table.
#[track_caller]
fn check_large(table: Table, with_survivors: bool, before: &[Step], steps: impl Fn(u32) -> Vec<Step>) {
    let script: Script =
        (0..600).flat_map(|number| steps(number).into_iter().map(|step| (10, step))).collect();
    let count = script.len();
    check(Some(table), with_survivors, before, script);
    assert!(RUN.get() > count / 2, "{} of {count} steps were run", RUN.get());
}

#[test]
fn entries_that_are_replaced_or_removed_during_a_save_are_saved_as_they_were() {
    for table in TABLES {
        check_large(table, true, &[], |number| {
            let key = number * 7919 % 7_000;
            vec![Step::Key(table, key, Action::Insert(number)), Step::Key(table, 6_999 - key, Action::Remove)]
        });
    }
}

#[test]
fn marks_times_and_pins_of_entries_are_those_of_the_moment_of_the_save() {
    for table in TABLES {
        check_large(table, true, &[], |number| {
            let key = number * 7919 % 7_000;
            let action = [Action::Touch, Action::Invalidate, Action::Pin][number as usize % 3].clone();
            vec![Step::Advance(1), Step::Key(table, key, action)]
        });
    }
}

#[test]
fn entries_that_are_evicted_during_a_save_are_in_it_and_new_ones_are_not() {
    for table in [Table::InQueues, Table::InOrder, Table::Heavy] {
        // Entries in use move from the small queue to the main one instead.
        let used = Step::Range(table, 0, 1_000, Action::Get);
        check_large(table, false, &[used], |number| {
            vec![Step::Range(table, 10_000 + 50 * number, 50, Action::Insert(1))]
        });
    }
}

#[test]
fn a_table_that_is_cleared_and_filled_during_a_save_is_saved_as_it_was() {
    for table in TABLES {
        let script = [(300, Step::Clear), (0, Step::Range(table, 0, 8_000, Action::Insert(1)))];
        check(Some(table), true, &[], script.into());
        assert_eq!(RUN.get(), 2);
    }
}

#[test]
fn a_table_that_loses_most_of_its_entries_during_a_save_is_saved_as_it_was() {
    for table in TABLES {
        let script = [(300, Step::Range(table, 100, 8_000, Action::Remove)), (0, Step::Reap)];
        check(Some(table), true, &[], script.into());
        assert_eq!(RUN.get(), 2);
    }
}

#[test]
fn survivors_that_die_during_a_save_are_in_it() {
    let hold = Step::Range(Table::InQueues, 0, 20, Action::Hold);
    let evict = Step::Range(Table::InQueues, 100, 40, Action::Insert(2));
    let mut state = State::new(None);
    [hold, evict].iter().for_each(|step| state.run(step));
    state.run(&Step::Range(Table::Held, 0, 50, Action::Insert(3)));
    let expected = state.cache.count::<InQueues>() + state.cache.count::<Held>();
    assert!(expected > 60);
    let script = [(0, Step::ReleaseHeld), (0, Step::Reap)];
    let (bytes, _) = save_disturbed(state, true, script.into());
    assert_eq!(RUN.get(), 2);
    let restored = Cache::<SavedTables>::builder()
        .table::<InQueues>(|_| TableOptions::new().capacity(1_000))
        .table::<Held>(|_| TableOptions::new().capacity(1_000))
        .build()
        .unwrap();
    restore(&restored, &bytes);
    assert_eq!(restored.count::<InQueues>() + restored.count::<Held>(), expected);
}

/// Two concurrent saves do not wait for each other: one runs while the other encodes a value.
#[test]
fn saves_that_overlap_are_each_of_their_own_moment() {
    let key = |number| Step::Key(Table::InQueues, number, Action::Insert(900 + number));
    let script =
        [(0, key(1)), (0, Step::Save), (0, key(2)), (0, Step::Save), (0, Step::Clear), (0, Step::Save)];
    check(None, true, &[], script.into());
    let mut state = State::new(None);
    let inner = RefCell::new(Vec::new());
    state.run(&key(1));
    let outer = state.cache.clone();
    let mut bytes = Vec::new();
    // The progress callback is also foreign code, and runs between two tables.
    let options = outer.save_options().on_progress(|_, _| {
        let mut inner = inner.borrow_mut();
        if inner.is_empty() {
            state.run(&key(2));
            *inner = saved(&state.cache);
            state.run(&key(3));
        }
    });
    options.write_to(&mut bytes).unwrap();
    let values = |bytes: &[u8]| {
        let restored = Cache::<SavedTables>::new();
        restore(&restored, bytes);
        [1, 2, 3].map(|number| restored.get(&InQueues(number)).map(|value| value.0))
    };
    assert_eq!(values(&bytes), [Some(901), Some(7), Some(7)]);
    assert_eq!(values(&inner.into_inner()), [Some(901), Some(902), Some(7)]);
}

#[test]
fn a_save_that_fails_or_panics_keeps_nothing_and_the_next_one_is_right() {
    for failure in [Failure::Error, Failure::Panic, Failure::PanicOfWriter] {
        let state = State::new(None);
        let cache = state.cache.clone();
        let change = Step::Range(Table::InQueues, 0, 20, Action::Insert(5));
        let script = [(0, change.clone()), (5, change), (0, Step::Fail(failure))];
        SCRIPT.set(Some((script.into(), state)));
        let result = catch_unwind(AssertUnwindSafe(|| cache.save_to(std::io::sink())));
        FAILURE.set(None);
        match (failure, result) {
            (Failure::Error, Ok(result)) => {
                assert!(result.unwrap_err().to_string().contains("the number cannot be encoded"))
            }
            (Failure::Panic, Err(panic)) => {
                assert_eq!(panic.downcast_ref(), Some(&"the number cannot be encoded"))
            }
            (Failure::PanicOfWriter, Err(panic)) => {
                assert_eq!(panic.downcast_ref::<String>().unwrap(), "1 cannot be cloned");
            }
            (failure, result) => panic!("{failure:?} gave {result:?}"),
        }
        let (_, mut state) = SCRIPT.take().unwrap();
        let calm = save(&cache, true);
        let script = [(0, Step::Range(Table::InQueues, 0, 20, Action::Remove)), (0, Step::Clear)];
        let disturbed;
        (disturbed, state) = save_disturbed(state, true, script.into());
        assert!(content(&calm) == content(&disturbed));
        state.check_end();
    }
}
