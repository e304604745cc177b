//! Panics of user code inside a call of the cache: the caller gets them, nothing is half applied, and the
//! next call works.

use std::cell::Cell;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use cache_core::{Clock, CommitError, Moment, Query, registry};

use super::*;

thread_local! {
    /// The point that panics on this thread, and the number of calls before it does.
    static ARMED: Cell<Option<(PanicPoint, u32)>> = const { Cell::new(None) };
    /// Called by the next clone of a key on this thread.
    static AT_CLONE: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PanicPoint {
    Weigh,
    Clone,
    Eq,
    Hash,
    Debug,
    Drop,
}

impl PanicPoint {
    /// Panics if this point is armed.
    fn reach(self) {
        if let Some((point, left)) = ARMED.get()
            && point == self
        {
            ARMED.set((left > 0).then(|| (point, left - 1)));
            if left == 0 {
                // Without a message: this happens hundreds of times.
                resume_unwind(Box::new(self));
            }
        }
    }

    /// Runs `act`, in which the call after `left` others of this kind panics. Returns whether that call was
    /// reached.
    fn during(self, left: u32, act: impl FnOnce()) -> bool {
        ARMED.set(Some((self, left)));
        let result = catch_unwind(AssertUnwindSafe(act));
        ARMED.set(None);
        result.is_err()
    }
}

/// A key whose every operation may panic.
pub struct Key(pub u32);

impl Clone for Key {
    fn clone(&self) -> Self {
        PanicPoint::Clone.reach();
        if let Some(act) = AT_CLONE.take() {
            act();
        }
        Self(self.0)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        PanicPoint::Eq.reach();
        self.0 == other.0
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        PanicPoint::Hash.reach();
        self.0.hash(state);
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        PanicPoint::Debug.reach();
        write!(f, "Key({})", self.0)
    }
}

/// A value whose `Drop` may panic.
#[derive(Debug)]
pub struct Brittle(pub u32);

impl Drop for Brittle {
    fn drop(&mut self) {
        PanicPoint::Drop.reach();
    }
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Brittle, max_weight = 8, weigh = Weighed::weight)]
pub struct Weighed(pub Key);

impl Weighed {
    fn weight(&self, _: &Brittle) -> u32 {
        PanicPoint::Weigh.reach();
        1
    }
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Brittle, lru = 8, ttl = "5s", history = 1)]
pub struct Ordered(pub Key);

registry! {
    pub struct PanickingTables {
        Weighed,
        Ordered,
    }
}

/// Returns a full cache of two tables.
fn full(is_heard: bool) -> (Cache<PanickingTables>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    let builder = Cache::<PanickingTables>::builder().clock(Arc::clone(&clock));
    let builder = match is_heard {
        true => builder.on_removal(|_| {}).after_commit(|_| {}),
        false => builder,
    };
    let cache = builder.build().unwrap();
    for n in 0..8 {
        cache.insert(Weighed(Key(n)), Brittle(n));
        cache.insert(Ordered(Key(n)), Brittle(n));
    }
    (cache, clock)
}

/// Checks that each table can be used completely: no entry is stuck, and the counts are correct.
#[track_caller]
fn assert_usable(cache: &Cache<PanickingTables>, context: &str) {
    for n in 100..108 {
        cache.insert(Weighed(Key(n)), Brittle(n));
        cache.insert(Ordered(Key(n)), Brittle(n));
    }
    // Twice: the default policy gives used entries another round.
    for n in 108..130 {
        cache.insert(Weighed(Key(n)), Brittle(n));
        cache.insert(Ordered(Key(n)), Brittle(n));
    }
    for report in cache.inspect().tables.iter().filter(|table| table.name != "dynamic") {
        assert_eq!((report.residents, report.weight), (8, 8), "{context}: {}", report.name);
    }
    assert!((122..130).all(|n| cache.get(&Ordered(Key(n))).is_some()), "{context}: the order is exact");
    let mut tx = cache.begin();
    tx.set(Weighed(Key(1_000)), Brittle(0));
    tx.set(Ordered(Key(1_000)), Brittle(0));
    tx.commit().unwrap();
    cache.clear();
    assert_eq!(cache.len(), 0, "{context}");
    for n in 0..8 {
        cache.insert(Weighed(Key(n)), Brittle(n));
        cache.insert(Ordered(Key(n)), Brittle(n));
    }
    assert_eq!(cache.len(), 16, "{context}: the whole capacity is free again");
}

type Action = (&'static str, fn(&Cache<PanickingTables>, &ManualClock));

const ACTIONS: [Action; 14] = [
    ("get", |cache, _| drop((cache.get(&Weighed(Key(1))), cache.get(&Ordered(Key(1)))))),
    ("insert", |cache, _| {
        drop((cache.insert(Weighed(Key(50)), Brittle(0)), cache.insert(Ordered(Key(50)), Brittle(0))))
    }),
    ("replace", |cache, _| {
        drop((cache.insert(Weighed(Key(1)), Brittle(0)), cache.insert(Ordered(Key(1)), Brittle(0))))
    }),
    ("insert of what is evicted while it is held", |cache, _| {
        let held = (cache.values::<Weighed>(), cache.values::<Ordered>());
        for n in 60..64 {
            cache.insert(Weighed(Key(n)), Brittle(n));
            cache.insert(Ordered(Key(n)), Brittle(n));
        }
        drop(held);
    }),
    ("remove", |cache, _| assert!(cache.remove(&Weighed(Key(1))) && cache.remove(&Ordered(Key(1))))),
    ("touch and invalidate", |cache, _| {
        cache.touch(&Weighed(Key(1)));
        cache.invalidate(&Ordered(Key(1)));
    }),
    ("commit", |cache, _| {
        let mut tx = cache.begin();
        tx.get(&Weighed(Key(3)));
        tx.set(Weighed(Key(1)), Brittle(0));
        tx.set(Weighed(Key(70)), Brittle(0));
        tx.remove(&Ordered(Key(1)));
        tx.merge_with(Ordered(Key(2)), |_: Option<&Brittle>| Brittle(0));
        tx.touch(&Ordered(Key(3)));
        tx.commit().unwrap();
    }),
    ("conflict", |cache, _| {
        let mut tx = cache.begin();
        tx.get(&Weighed(Key(3)));
        tx.set(Ordered(Key(1)), Brittle(0));
        cache.insert(Weighed(Key(3)), Brittle(0));
        let CommitError::Conflict { .. } = tx.commit().unwrap_err() else { panic!("expected a conflict") };
    }),
    ("pin and unpin", |cache, _| {
        let pins = (cache.pin(&Weighed(Key(1))), cache.pin(&Ordered(Key(80))));
        cache.insert(Ordered(Key(80)), Brittle(0));
        drop(pins);
    }),
    ("load", |cache, _| drop(cache.get_or_insert_with(&Weighed(Key(90)), || Brittle(0)))),
    ("list", |cache, _| drop((cache.entries::<Weighed>(), cache.keys::<Ordered>()))),
    ("inspect", |cache, _| drop((cache.inspect_entries(), format!("{:?}", cache.entries::<Weighed>())))),
    ("expiry", |cache, clock| {
        clock.advance(SECOND * 5);
        drop(cache.get(&Ordered(Key(1))));
        cache.reap();
    }),
    ("clear", |cache, _| cache.clear()),
];

#[test]
fn whatever_panics_wherever_it_does_the_cache_stays_usable() {
    in_time(|| {
        let mut panics = 0;
        for point in [
            PanicPoint::Weigh,
            PanicPoint::Clone,
            PanicPoint::Eq,
            PanicPoint::Hash,
            PanicPoint::Debug,
            PanicPoint::Drop,
        ] {
            for (name, action) in ACTIONS {
                for is_heard in [false, true] {
                    for left in 0.. {
                        let (cache, clock) = full(is_heard);
                        let has_panicked = point.during(left, || action(&cache, &clock))
                            || cache.inspect().listener_panics > 0;
                        assert_usable(
                            &cache,
                            &format!("{point:?} number {left} in {name}, heard: {is_heard}"),
                        );
                        if !has_panicked {
                            break;
                        }
                        panics += 1;
                    }
                }
            }
        }
        assert!(panics > 200, "{panics}");
    });
}

#[test]
fn a_commit_to_two_tables_is_applied_whole_or_not_at_all_whatever_panics() {
    in_time(|| {
        for point in
            [PanicPoint::Weigh, PanicPoint::Clone, PanicPoint::Eq, PanicPoint::Hash, PanicPoint::Drop]
        {
            for is_heard in [false, true] {
                for left in 0.. {
                    let (cache, _) = full(is_heard);
                    let held = (cache.values::<Weighed>(), cache.values::<Ordered>());
                    let watches = (cache.watch(&Weighed(Key(3))), cache.watch(&Weighed(Key(1))));
                    let has_panicked = point.during(left, || {
                        let mut tx = cache.begin();
                        tx.touch(&Weighed(Key(3)));
                        tx.set(Weighed(Key(50)), Brittle(50));
                        tx.set(Weighed(Key(1)), Brittle(50));
                        tx.set(Ordered(Key(50)), Brittle(50));
                        tx.remove(&Ordered(Key(1)));
                        let _ = tx.commit();
                    });
                    let is_applied = [
                        cache.get(&Weighed(Key(50))).is_some(),
                        cache.get(&Weighed(Key(1))).is_some_and(|value| value.0 == 50),
                        cache.get(&Ordered(Key(50))).is_some(),
                        cache.get(&Ordered(Key(1))).is_none(),
                    ];
                    assert!(
                        is_applied == [true; 4] || is_applied == [false; 4],
                        "{point:?} number {left}, heard: {is_heard}: {is_applied:?}"
                    );
                    drop((held, watches));
                    if !has_panicked && cache.inspect().listener_panics == 0 {
                        break;
                    }
                }
            }
        }
    });
}

#[test]
fn a_panic_of_the_weigher_reaches_the_writer_and_writes_nothing() {
    let (cache, _) = full(false);
    let before = cache.revision();
    assert!(PanicPoint::Weigh.during(0, || drop(cache.insert(Weighed(Key(1)), Brittle(99)))));
    assert_eq!(cache.get(&Weighed(Key(1))).unwrap().0, 1);
    let commit = || {
        let mut tx = cache.begin();
        tx.set(Ordered(Key(1)), Brittle(99));
        tx.set(Weighed(Key(1)), Brittle(99));
        tx.set(Weighed(Key(2)), Brittle(99));
        let _ = tx.commit();
    };
    for left in 0..2 {
        assert!(PanicPoint::Weigh.during(left, commit));
        assert_eq!(cache.get(&Ordered(Key(1))).unwrap().0, 1);
        assert_eq!(cache.get(&Weighed(Key(1))).unwrap().0, 1);
        assert_eq!(cache.get(&Weighed(Key(2))).unwrap().0, 2);
    }
    assert_eq!(cache.revision(), before);
    assert!(!PanicPoint::Weigh.during(2, commit));
    assert_eq!(cache.get(&Weighed(Key(2))).unwrap().0, 99);
}

#[test]
fn a_panic_of_a_merge_reaches_the_caller_and_writes_nothing() {
    let (cache, _) = shelf();
    cache.insert(GetBook(1), book("before"));
    let before = cache.revision();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut tx = cache.begin();
        tx.set(GetBook(2), book("other"));
        tx.merge_with(GetBook(1), |_: Option<&Book>| -> Book { panic!("in a merge") });
        tx.commit()
    }));
    assert!(result.is_err());
    // A merge that has to run again at the commit, and panics then.
    let mut tx = cache.begin();
    tx.set(GetBook(2), book("other"));
    tx.merge_with(GetBook(1), |old: Option<&Book>| {
        assert_eq!(old.unwrap().title, "before");
        book("merged")
    });
    cache.insert(GetBook(1), book("in between"));
    assert!(catch_unwind(AssertUnwindSafe(|| tx.commit())).is_err());
    assert_eq!(cache.get(&GetBook(1)).unwrap().title, "in between");
    assert!(cache.get(&GetBook(2)).is_none());
    assert_eq!(cache.revision().unwrap().get(), before.unwrap().get() + 1);
}

#[test]
fn a_panic_of_a_hook_reaches_the_caller_and_writes_nothing() {
    let is_armed = Signal::default();
    let armed = is_armed.clone();
    let cache = Cache::<Shelf>::builder()
        .before_commit(move |_| {
            assert!(!armed.is_given(), "in a hook");
            Ok(())
        })
        .build()
        .unwrap();
    let commit = || {
        let mut tx = cache.begin();
        tx.set(GetBook(1), book("written"));
        tx.commit()
    };
    is_armed.give();
    assert!(catch_unwind(AssertUnwindSafe(commit)).is_err());
    assert!(cache.get(&GetBook(1)).is_none());
    assert_eq!(cache.revision(), None);
    // This thread is no longer inside the hook: other commits are not refused as commits from within one.
    let unarmed = Cache::<Shelf>::builder().before_commit(|_| Ok(())).build().unwrap();
    let mut tx = unarmed.begin();
    tx.set(GetBook(1), book("written"));
    tx.commit().unwrap();
    is_armed.0.store(false, Ordering::SeqCst);
    commit().unwrap();
    assert!(cache.get(&GetBook(1)).is_some());
}

#[test]
fn a_panic_of_a_drop_leaves_the_other_values_to_be_dropped() {
    let (cache, _) = shelf();
    let dropped = Arc::new(Mutex::new(0));
    for n in 0..2 {
        let count = Arc::clone(&dropped);
        cache.insert(
            GetRecentOnDrop(n),
            OnDrop::new(move || {
                *count.lock() += 1;
                assert!(n != 0, "in a drop");
            }),
        );
    }
    assert!(catch_unwind(AssertUnwindSafe(|| cache.clear())).is_err());
    assert_eq!(*dropped.lock(), 2);
    assert_eq!(cache.len(), 0);
    cache.insert(GetRecentOnDrop(1), OnDrop::silent());
    assert_eq!(cache.len(), 1);
}

#[test]
fn a_transaction_can_be_used_after_the_clone_of_a_key_has_panicked() {
    for left in 0..4 {
        let (cache, _) = full(false);
        let mut tx = cache.begin();
        let has_panicked = PanicPoint::Clone.during(left, || {
            tx.invalidate(&Weighed(Key(500)));
            tx.invalidate(&Ordered(Key(500)));
        });
        tx.set(Weighed(Key(1)), Brittle(11));
        tx.set(Ordered(Key(2)), Brittle(22));
        assert_eq!(tx.get(&Weighed(Key(1))).unwrap().0, 11, "the Clone after {left}: {has_panicked}");
        tx.commit().unwrap();
        let (one, two) = cache.get_all((&Weighed(Key(1)), &Ordered(Key(2))));
        assert_eq!((one.unwrap().0, two.unwrap().0), (11, 22), "the Clone after {left}: {has_panicked}");
        assert_usable(&cache, "a transaction");
    }
}

#[test]
fn a_load_ends_though_the_drop_of_what_it_released_panics() {
    let (cache, clock) = full(false);
    cache.remove(&Ordered(Key(1)));
    // An entry comes after the load has read the key, and has expired when the load replaces it.
    let store = cache.clone();
    AT_CLONE.set(Some(Box::new(move || {
        store.insert(Ordered(Key(1)), Brittle(1));
        clock.advance(SECOND * 5);
    })));
    let load = || drop(cache.get_or_insert_with(&Ordered(Key(1)), || Brittle(7)));
    assert!(PanicPoint::Drop.during(0, load));
    let found = in_time({
        let cache = cache.clone();
        move || cache.get_or_insert_with(&Ordered(Key(1)), || Brittle(8))
    });
    assert_eq!(found.0, 8);
}

#[test]
fn a_panic_of_a_load_leaves_the_key_to_the_next_caller() {
    let (cache, _) = shelf();
    let load = || cache.get_or_insert_with(&GetBook(1), || -> Book { panic!("in a load") });
    assert!(catch_unwind(AssertUnwindSafe(load)).is_err());
    let made = in_time({
        let cache = cache.clone();
        move || cache.get_or_insert_with(&GetBook(1), || book("made"))
    });
    assert_eq!(made.title, "made");
}

#[track_caller]
fn assert_unpinned(cache: &Cache<PanickingTables>, context: &str) {
    for report in cache.inspect().tables.iter() {
        assert_eq!((report.pins, report.pinned), (0, 0), "{context}: {}", report.name);
    }
}

#[test]
fn a_pin_is_taken_back_whatever_panics_while_it_is_made_or_dropped() {
    for point in [PanicPoint::Hash, PanicPoint::Eq, PanicPoint::Clone, PanicPoint::Drop] {
        for is_heard in [false, true] {
            for left in 0.. {
                let context = format!("{point:?} number {left}, heard: {is_heard}");
                let (cache, clock) = full(is_heard);
                clock.advance(SECOND * 5);
                let has_panicked = point.during(left, || {
                    let pins = (cache.pin(&Weighed(Key(1))), cache.pin(&Weighed(Key(50))));
                    // The entry has expired, and is released now.
                    drop((cache.pin(&Ordered(Key(1))), pins));
                });
                assert_unpinned(&cache, &context);
                assert_usable(&cache, &context);
                if !has_panicked && cache.inspect().listener_panics == 0 {
                    break;
                }
            }
        }
    }
}

#[test]
fn the_drop_of_a_pin_calls_neither_hash_nor_eq_of_its_key() {
    let (cache, _) = full(false);
    for point in [PanicPoint::Hash, PanicPoint::Eq, PanicPoint::Clone] {
        let pins = (cache.pin(&Weighed(Key(1))), cache.pin(&Ordered(Key(90))));
        assert_eq!(table(&cache, "weighed").pinned, 1);
        assert!(!point.during(0, || drop(pins)), "{point:?}");
        assert_unpinned(&cache, &format!("{point:?}"));
    }
    assert!(cache.get(&Weighed(Key(1))).is_some());
}

/// A clock that panics while it is armed.
#[derive(Debug, Default)]
struct PanickingClock(AtomicBool);

impl Clock for PanickingClock {
    fn now(&self) -> Moment {
        if self.0.load(Ordering::SeqCst) {
            resume_unwind(Box::new("the clock is broken"));
        }
        Moment::ORIGIN
    }
}

#[test]
fn a_pin_is_taken_back_though_the_clock_panics_while_it_is_dropped() {
    let clock = Arc::new(PanickingClock::default());
    let cache = Cache::<PanickingTables>::builder().clock(Arc::clone(&clock)).build().unwrap();
    for is_unwinding in [false, true] {
        cache.insert(Ordered(Key(1)), Brittle(1));
        let pin = cache.pin(&Ordered(Key(1)));
        assert_eq!(table(&cache, "ordered").pinned, 1);
        clock.0.store(true, Ordering::SeqCst);
        let dropped = catch_unwind(AssertUnwindSafe(|| {
            let _pin = pin;
            if is_unwinding {
                resume_unwind(Box::new("another panic"));
            }
        }));
        clock.0.store(false, Ordering::SeqCst);
        let expected = if is_unwinding { "another panic" } else { "the clock is broken" };
        assert_eq!(dropped.unwrap_err().downcast_ref::<&str>(), Some(&expected));
        assert_unpinned(&cache, expected);
    }
    assert_eq!(cache.inspect().listener_panics, 1, "the panic that could not be propagated");
    assert!(cache.get(&Ordered(Key(1))).is_some());
}
