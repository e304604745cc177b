//! Tables with a capacity or an exact order, and perhaps a time to live, have a simple write path unless
//! there are listeners. Both paths have the same result.

use std::cell::Cell;

use cache_core::{CommitError, EntryTimes, Freshness, Residency};
use cache_tests::{LONGEST_WAIT, sized};
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Insert(u32),
    Commit(u32),
    Get(u32),
    Remove(u32),
    Invalidate(u32),
    Touch(u32),
    /// Keeps the value of a key alive.
    Hold(u32),
    Pin(u32),
    /// Drops all handles and pins, and reaps the values that die with them.
    LetGo,
    Wait(u64),
    /// Sets the clock back.
    GoBack(u64),
    /// Writes an answer that was true this many milliseconds ahead.
    InsertAhead(u32, u64),
    /// Writes an answer that was true this many milliseconds ago: it may have expired already.
    InsertBehind(u32, u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || 0_u32..120;
    // Handles and pins are rare, since no write is simple meanwhile.
    let step = prop_oneof![
        40 => key().prop_map(Step::Insert),
        10 => key().prop_map(Step::Commit),
        40 => key().prop_map(Step::Get),
        2 => key().prop_map(Step::Remove),
        2 => key().prop_map(Step::Invalidate),
        2 => key().prop_map(Step::Touch),
        1 => key().prop_map(Step::Hold),
        1 => key().prop_map(Step::Pin),
        4 => Just(Step::LetGo),
        2 => (1_u64..400).prop_map(Step::Wait),
        1 => (1_u64..400).prop_map(Step::GoBack),
        2 => (key(), 1_u64..900).prop_map(|(id, millis)| Step::InsertAhead(id, millis)),
        2 => (key(), 1_u64..2_000).prop_map(|(id, millis)| Step::InsertBehind(id, millis)),
    ];
    proptest::collection::vec(step, 1..400)
}

#[derive(Clone, Copy, Debug)]
enum Bound {
    Capacity(u64),
    Lru(u64),
}

/// A cache, with the handles and pins of the program.
struct Side {
    cache: Cache<Shelf>,
    clock: Arc<ManualClock>,
    /// Whether there are listeners, so that no write is simple.
    is_heard: bool,
    held: Vec<Arc<Book>>,
    pins: Vec<cache_core::Pinned<GetBook>>,
}

impl Side {
    fn new(bound: Bound, ttl: Option<Duration>, seed: u64, is_heard: bool) -> Self {
        let clock = Arc::new(ManualClock::new());
        let builder = Cache::builder().clock(Arc::clone(&clock)).hash_seed(seed).table::<GetBook>(|table| {
            let table = match bound {
                Bound::Capacity(entries) => table.capacity(entries),
                Bound::Lru(entries) => table.lru(entries),
            };
            let table = table.history(0);
            ttl.map_or(table, |ttl| table.ttl(ttl))
        });
        let builder = if is_heard { builder.on_removal(|_| {}) } else { builder };
        Self { cache: builder.build().unwrap(), clock, is_heard, held: Vec::new(), pins: Vec::new() }
    }

    /// Runs a step. Returns its answer.
    fn run(&mut self, step: &Step) -> Option<String> {
        self.clock.advance(Duration::from_millis(7));
        let cache = &self.cache;
        let title = |id: u32| book(&format!("{id}"));
        match step {
            Step::Insert(id) => drop(cache.insert(GetBook(*id), title(*id))),
            // A general commit evicts after it has written, and so may evict another entry.
            Step::Commit(id) if !self.is_calm() => drop(cache.insert(GetBook(*id), title(*id))),
            Step::Commit(id) => {
                let mut tx = cache.begin();
                tx.set(GetBook(*id), title(*id));
                tx.commit().unwrap();
            }
            Step::Get(id) => return cache.get(&GetBook(*id)).map(|book| book.title.clone()),
            Step::Remove(id) => return Some(cache.remove(&GetBook(*id)).to_string()),
            Step::Invalidate(id) => return Some(cache.invalidate(&GetBook(*id)).to_string()),
            Step::Touch(id) => return Some(cache.touch(&GetBook(*id)).to_string()),
            Step::Hold(id) => self.held.extend(cache.peek(&GetBook(*id))),
            Step::Pin(id) => self.pins.push(cache.pin(&GetBook(*id))),
            Step::GoBack(millis) => self.clock.go_back(Duration::from_millis(*millis)),
            Step::InsertAhead(id, millis) => {
                let times = EntryTimes::new().as_of(cache.now() + Duration::from_millis(*millis));
                cache.insert_timed(GetBook(*id), title(*id), times);
            }
            Step::InsertBehind(id, millis) => {
                let times = EntryTimes::new().as_of(cache.now() - Duration::from_millis(*millis));
                // Held to the end, so that an entry that is released at once is a survivor.
                self.held.push(cache.insert_timed(GetBook(*id), title(*id), times));
            }
            Step::Wait(millis) => self.clock.advance(Duration::from_millis(*millis)),
            Step::LetGo => {
                self.held.clear();
                self.pins.clear();
                return Some(cache.reap().to_string());
            }
        }
        None
    }

    /// Returns all entries with their states, in the order of their keys.
    fn entries(&self) -> Vec<(u32, String, u64, Duration, Freshness, Residency)> {
        let mut entries: Vec<_> = self
            .cache
            .entries::<GetBook>()
            .iter()
            .map(|entry| {
                let state = entry.state();
                let title = entry.value().title.clone();
                (entry.key().0, title, state.revision.get(), state.age, state.freshness, state.residency)
            })
            .collect();
        entries.sort_by_key(|(id, ..)| *id);
        entries
    }

    /// Returns whether each write is simple.
    fn is_calm(&self) -> bool {
        let TableReport { survivors, dead, pins, .. } = self.report();
        !self.is_heard && survivors + dead + pins == 0
    }

    fn report(&self) -> TableReport {
        let inspection = self.cache.inspect();
        inspection.tables.into_iter().find(|table| table.name == GetBook::NAME).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(sized(30, 100)))]

    #[test]
    fn simple_writes_and_general_ones_leave_the_same(
        bound in prop_oneof![(1_u64..90).prop_map(Bound::Capacity), (1_u64..90).prop_map(Bound::Lru)],
        ttl in prop_oneof![Just(None), (100_u64..900).prop_map(|millis| Some(Duration::from_millis(millis)))],
        seed in any::<u64>(),
        steps in steps(),
    ) {
        let (mut simple, mut general) = (Side::new(bound, ttl, seed, false), Side::new(bound, ttl, seed, true));
        for (at, step) in steps.iter().enumerate() {
            prop_assert_eq!(simple.run(step), general.run(step), "step {}: {:?}", at, step);
            prop_assert_eq!(simple.entries(), general.entries(), "step {}: {:?}", at, step);
        }
        let (simple, general) = (simple.report(), general.report());
        prop_assert_eq!((simple.hits, simple.misses, simple.dead), (general.hits, general.misses, general.dead));
        prop_assert_eq!(simple.removals, general.removals);
    }
}

/// What a commit does to one key.
#[derive(Clone, Copy, Debug)]
enum Change {
    Set,
    Merge,
    Remove,
    Mark,
}

fn changes() -> impl Strategy<Value = Vec<(u32, Change)>> {
    let change = prop_oneof![
        6 => Just(Change::Set),
        2 => Just(Change::Merge),
        1 => Just(Change::Remove),
        1 => Just(Change::Mark),
    ];
    proptest::collection::hash_map(0_u32..40, change, 1..12)
        .prop_map(|changes| changes.into_iter().collect::<Vec<_>>())
        .prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(sized(100, 300)))]

    #[test]
    fn a_commit_of_several_keys_to_a_full_table_leaves_each_key_its_own_value(
        capacity in 1_u64..24,
        commits in proptest::collection::vec(changes(), 1..12),
    ) {
        let builder = Cache::<Shelf>::builder();
        let cache = builder.table::<GetBook>(|table| table.capacity(capacity).history(0)).build().unwrap();
        for id in 0..40 {
            cache.insert(GetBook(id), book(&format!("{id} at first")));
        }
        for (at, changes) in commits.iter().enumerate() {
            let title = |id: u32| format!("{id} by commit {at}");
            let mut tx = cache.begin();
            for &(id, change) in changes {
                match change {
                    Change::Set => drop(tx.set(GetBook(id), book(&title(id)))),
                    Change::Merge => {
                        let title = title(id);
                        tx.merge_with(GetBook(id), move |_: Option<&Book>| Book { title: title.clone() });
                    }
                    Change::Remove => drop(tx.remove(&GetBook(id))),
                    Change::Mark => drop(tx.invalidate(&GetBook(id))),
                }
            }
            // Keeps what was written readable, whatever the capacity.
            let receipt = tx.commit().unwrap();
            for &(id, change) in changes {
                let present = cache.peek(&GetBook(id)).map(|book| book.title.clone());
                match change {
                    Change::Set | Change::Merge => prop_assert_eq!(present, Some(title(id)), "{} of {:?}", id, changes),
                    Change::Remove => prop_assert_eq!(present, None, "{} of {:?}", id, changes),
                    Change::Mark => {}
                }
            }
            for entry in cache.entries::<GetBook>() {
                let (id, title) = (entry.key().0, &entry.value().title);
                prop_assert!(title.starts_with(&format!("{id} ")), "{} has {:?}", id, title);
            }
            drop(receipt);
            let report = cache.inspect().tables.into_iter().find(|table| table.name == GetBook::NAME).unwrap();
            prop_assert!(report.residents as u64 <= capacity);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(sized(60, 200)))]

    #[test]
    fn a_commit_of_values_only_keeps_all_of_them_and_evicts_others(
        capacity in 8_u64..24,
        commits in proptest::collection::vec(proptest::collection::hash_set(0_u32..40, 2..8), 1..12),
    ) {
        let sides = [true, false].map(|is_heard| Side::new(Bound::Capacity(capacity), None, 0, is_heard));
        for (at, ids) in commits.iter().enumerate() {
            let revisions = sides.each_ref().map(|side| {
                let mut tx = side.cache.begin();
                for &id in ids {
                    // Absent or present, it is unchanged at the commit.
                    tx.get(&GetBook(id));
                    tx.set(GetBook(id), book(&format!("{id} by commit {at}")));
                }
                tx.commit().unwrap().revision()
            });
            prop_assert_eq!(revisions[0], revisions[1]);
            for side in &sides {
                for &id in ids {
                    let present = side.cache.peek(&GetBook(id)).map(|book| book.title.clone());
                    prop_assert_eq!(present, Some(format!("{id} by commit {at}")), "of {:?}", ids);
                }
                prop_assert!(side.report().residents as u64 <= capacity);
            }
            prop_assert_eq!(sides[0].report().residents, sides[1].report().residents);
        }
    }
}

#[test]
fn a_commit_of_values_only_conflicts_with_a_write_to_a_key_that_it_read() {
    let cache = Side::new(Bound::Capacity(8), None, 0, false).cache;
    cache.insert(GetBook(1), book("old"));
    for id in [1, 9] {
        let mut tx = cache.begin();
        tx.get(&GetBook(id));
        tx.set(GetBook(2), book("two"));
        tx.set(GetBook(3), book("three"));
        cache.insert(GetBook(id), book("new"));
        let Err(CommitError::Conflict { table, key }) = tx.commit() else { panic!("{id} was changed") };
        assert_eq!((table, key), (GetBook::NAME, format!("{:?}", GetBook(id))));
        assert!(cache.peek(&GetBook(2)).is_none() && cache.peek(&GetBook(3)).is_none());
    }
}

#[test]
fn a_commit_of_values_only_overtakes_the_loads_of_their_keys() {
    let cache = Side::new(Bound::Capacity(8), None, 0, false).cache;
    let answer = cache.get_or_insert_with(&GetBook(1), || {
        let mut tx = cache.begin();
        tx.set(GetBook(1), book("committed"));
        tx.set(GetBook(2), book("committed"));
        tx.commit().unwrap();
        // So that only the load itself shows that it is out of date.
        (10..90).for_each(|id| drop(cache.insert(GetBook(id), book("another"))));
        assert!(cache.peek(&GetBook(1)).is_none());
        book("loaded")
    });
    assert_eq!(answer.title, "loaded");
    assert!(cache.peek(&GetBook(1)).is_none(), "an answer loaded before the commit was stored after it");
}

#[test]
fn what_a_commit_of_one_value_replaces_or_evicts_dies_with_it() {
    let builder = Cache::<Shelf>::builder();
    let cache = builder.table::<GetBook>(|table| table.capacity(1).history(0)).build().unwrap();
    let old = Arc::downgrade(&cache.insert(GetBook(1), book("old")));
    let mut tx = cache.begin();
    tx.set(GetBook(1), book("new"));
    let replacing = tx.commit().unwrap();
    assert!(old.upgrade().is_none(), "the receipt keeps a replaced value");

    let evicted = Arc::downgrade(&cache.get(&GetBook(1)).unwrap());
    drop(replacing);
    let mut tx = cache.begin();
    tx.set(GetBook(2), book("another"));
    let evicting = tx.commit().unwrap();
    assert_eq!(cache.count::<GetBook>(), 1);
    assert!(evicted.upgrade().is_none(), "the receipt keeps an evicted value");
    drop(evicting);
}

#[test]
fn a_value_whose_drop_panics_in_a_transaction_harms_no_later_commit() {
    let builder = Cache::<Shelf>::builder();
    let cache = builder.table::<GetOnDrop>(|table| table.capacity(2).history(0)).build().unwrap();
    let mut tx = cache.begin();
    tx.set(GetOnDrop(1), OnDrop::new(|| panic!("dropped")));
    let removed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| tx.remove(&GetOnDrop(1))));
    assert!(removed.is_err());
    tx.set(GetOnDrop(2), OnDrop::silent());
    tx.commit().unwrap();
    assert!(cache.get(&GetOnDrop(1)).is_none() && cache.get(&GetOnDrop(2)).is_some());
    for id in 10..100 {
        cache.insert(GetOnDrop(id), OnDrop::silent());
        assert!(cache.get(&GetOnDrop(id)).is_some() && cache.count::<GetOnDrop>() <= 2);
    }
}

#[test]
fn a_table_is_within_its_bound_although_the_drop_of_what_it_evicts_panics() {
    let builder = Cache::<Shelf>::builder();
    let cache = builder.table::<GetOnDrop>(|table| table.capacity(2).history(0)).build().unwrap();
    cache.commit_log().keep(10);
    cache.insert(GetOnDrop(1), OnDrop::new(|| panic!("dropped")));
    cache.insert(GetOnDrop(2), OnDrop::silent());
    let mut commits = 2;
    for id in 3..10 {
        let inserted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            cache.insert(GetOnDrop(id), OnDrop::silent());
        }));
        commits += 1;
        assert_eq!(cache.commit_log().recent().len(), commits, "also of a write that panics: {inserted:?}");
        let report = cache.inspect().tables.into_iter().find(|table| table.name == GetOnDrop::NAME).unwrap();
        assert!(report.live() <= 2, "{id}: {report:?}");
    }
}

thread_local! {
    /// Called by the next comparison of keys on this thread.
    static AT_EQ: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
}

/// All keys of a group are in one of two shards.
#[derive(Query, Clone, Copy, Debug, Eq)]
#[query(value = OnDrop, capacity = 512)]
pub struct Grouped {
    group: u32,
    number: u32,
}

impl PartialEq for Grouped {
    fn eq(&self, other: &Self) -> bool {
        if let Some(act) = AT_EQ.take() {
            act();
        }
        (self.group, self.number) == (other.group, other.number)
    }
}

impl std::hash::Hash for Grouped {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.group.hash(state);
    }
}

registry! {
    pub struct Groups {
        Grouped,
    }
}

/// Returns the first key of a group whose shard is not locked.
fn key_of_free_group(cache: &Cache<Groups>) -> Grouped {
    let (sender, receiver) = mpsc::channel();
    for group in 1..32 {
        let (cache, sender) = (cache.clone(), sender.clone());
        thread::spawn(move || {
            let key = Grouped { group, number: 0 };
            drop(cache.peek(&key));
            let _ = sender.send(key);
        });
    }
    receiver.recv_timeout(LONGEST_WAIT).expect("half of the groups are in the other shard")
}

#[test]
fn a_commit_drops_what_it_replaced_though_another_write_overfills_the_table_meanwhile() {
    let cache = Cache::<Groups>::new();
    let key = |number| Grouped { group: 0, number };
    let droppers = Arc::new(Mutex::new(Vec::new()));
    let replaced = [0, 1].map(|number| {
        let droppers = Arc::clone(&droppers);
        let value = OnDrop::new(move || droppers.lock().push(thread::current().id()));
        Arc::downgrade(&cache.insert(key(number), value))
    });
    (2..512).for_each(|number| drop(cache.insert(key(number), OnDrop::silent())));
    let mut tx = cache.begin();
    tx.set(key(0), OnDrop::silent());
    tx.set(key(1), OnDrop::silent());
    let store = cache.clone();
    let (sender, receiver) = mpsc::channel();
    AT_EQ.set(Some(Box::new(move || {
        // The commit has locked its shard. There is nothing to evict in the other one.
        let other = key_of_free_group(&store);
        let writer = store.clone();
        sender.send(thread::spawn(move || drop(writer.insert(other, OnDrop::silent())))).unwrap();
        while store.peek(&other).is_none() {
            thread::yield_now();
        }
    })));
    tx.commit().unwrap();
    assert!(replaced.iter().all(|value| value.strong_count() == 0), "the shard keeps a replaced value");
    assert_eq!(*droppers.lock(), [thread::current().id(); 2]);
    receiver.recv().unwrap().join().unwrap();
    // Both may have made room for it, at once.
    assert!((511..=512).contains(&cache.len()), "{} entries", cache.len());
}
