//! No deadline is early: not with a clock that moves by nanoseconds, not with one that moves in steps, not with the
//! system clock.

use std::time::Instant;

use cache_core::{Builder, Clock, EntryTimes, Freshness, Moment};
use cache_tests::{LONGEST_WAIT, sized};
use proptest::prelude::*;

use super::*;

/// A clock whose cheap reading moves in steps, as that of the system does.
#[derive(Debug)]
struct Stepping {
    precise: ManualClock,
    step: u64,
}

impl Stepping {
    fn at(nanos: u64, step: u64) -> Arc<Self> {
        let clock = Self { precise: ManualClock::new(), step };
        clock.precise.advance(Duration::from_nanos(nanos));
        Arc::new(clock)
    }

    fn nanos(&self) -> u64 {
        u64::try_from(self.precise.now().since(Moment::ORIGIN).as_nanos()).unwrap()
    }

    fn go_to(&self, nanos: u64) {
        self.precise.advance(Duration::from_nanos(nanos.checked_sub(self.nanos()).unwrap()));
    }

    /// Moves to the first moment at which the cheap reading has reached this time.
    fn go_to_step_of(&self, nanos: u64) {
        self.go_to(nanos.next_multiple_of(self.step));
    }
}

impl Clock for Stepping {
    fn now(&self) -> Moment {
        Moment::ORIGIN + Duration::from_nanos(self.nanos() / self.step * self.step)
    }

    fn precise_now(&self) -> Moment {
        self.precise.now()
    }
}

/// Sets one of the times of a table.
type Setting = fn(Builder<Shelf>, Duration) -> Builder<Shelf>;

const TTL: Setting = |builder, time| builder.table::<GetBook>(|table| table.ttl(time));
const TTI: Setting = |builder, time| builder.table::<GetBook>(|table| table.tti(time));
const FRESH: Setting = |builder, time| builder.table::<GetBook>(|table| table.fresh(time));
const NONE: Setting = |builder, _| builder;

/// Restarts the time of a book. Returns `false` if it is already over.
type Start = (&'static str, fn(&Cache<Shelf>, Duration) -> bool);

const WRITES: [Start; 6] = [
    ("insert", |cache, _| {
        cache.insert(GetBook(1), book("new"));
        true
    }),
    ("load on a miss", |cache, _| {
        cache.remove(&GetBook(1));
        cache.get_or_insert_with(&GetBook(1), || book("new"));
        true
    }),
    ("watch", |cache, _| {
        let watch = cache.watch(&GetBook(1));
        watch.store(book("new"), EntryTimes::new().as_of(cache.now()));
        true
    }),
    ("set", |cache, _| {
        let mut tx = cache.begin();
        tx.set(GetBook(1), book("new"));
        tx.commit().unwrap();
        true
    }),
    ("touch", |cache, _| cache.touch(&GetBook(1))),
    ("tx.touch", |cache, _| {
        let mut tx = cache.begin();
        let is_there = tx.touch(&GetBook(1));
        tx.commit().unwrap();
        is_there
    }),
];

const TIMED_WRITES: [Start; 3] = [
    ("insert_timed", |cache, time| {
        cache.insert_timed(GetBook(1), book("new"), EntryTimes::new().ttl(time).fresh(time));
        true
    }),
    ("set_timed", |cache, time| {
        let mut tx = cache.begin();
        tx.set_timed(GetBook(1), book("new"), EntryTimes::new().ttl(time).fresh(time));
        tx.commit().unwrap();
        true
    }),
    ("touch of timed", |cache, time| {
        cache.insert_timed(GetBook(1), book("new"), EntryTimes::new().ttl(time).fresh(time));
        cache.touch(&GetBook(1))
    }),
];

const USES: [Start; 3] = [
    ("get", |cache, _| cache.get(&GetBook(1)).is_some()),
    ("get_entry", |cache, _| cache.get_entry(&GetBook(1)).is_some()),
    ("tx.get", |cache, _| cache.begin().get(&GetBook(1)).is_some()),
];

/// Returns all pairs of a setting and a matching start.
fn cases() -> impl Iterator<Item = (&'static str, Setting, Start)> {
    let mut cases = Vec::new();
    cases.extend(WRITES.map(|start| ("ttl", TTL, start)));
    cases.extend(WRITES.map(|start| ("tti", TTI, start)));
    cases.extend(WRITES.map(|start| ("fresh", FRESH, start)));
    cases.extend(TIMED_WRITES.map(|start| ("own times", NONE, start)));
    cases.extend(USES.map(|start| ("tti", TTI, start)));
    cases.into_iter()
}

/// Returns whether the time of the book is not over. Does not count as a use.
fn is_running(cache: &Cache<Shelf>) -> bool {
    let entry = cache.peek_entry(&GetBook(1));
    entry.is_some_and(|entry| !entry.is_expired() && entry.freshness() == Freshness::Fresh)
}

/// Returns a cache with a book whose time begins at `start`, with a stepping clock.
fn started(
    setting: Setting,
    start: Start,
    at: u64,
    time: Duration,
    step: u64,
) -> (Cache<Shelf>, Arc<Stepping>) {
    let clock = Stepping::at(at - 1, step);
    let cache = setting(Cache::builder().clock(Arc::clone(&clock)), time).build().unwrap();
    cache.insert(GetBook(1), book("old"));
    clock.go_to(at);
    assert!((start.1)(&cache, time), "{} finds the book", start.0);
    (cache, clock)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(sized(60, 200)))]

    #[test]
    fn a_time_ends_with_the_first_step_after_it_and_never_before_it(
        at in 1_000_u64..100_000_000,
        time in 2_u64..10_000_000,
        step in prop_oneof![Just(1_u64), 2_u64..1_000, Just(4_000_000)],
    ) {
        for (name, setting, start) in cases() {
            let (cache, clock) = started(setting, start, at, Duration::from_nanos(time), step);
            let context = format!("{name} by {}", start.0);
            prop_assert!(is_running(&cache), "{context}, at once");
            clock.go_to(at + time - 1);
            prop_assert!(is_running(&cache), "{context}, a nanosecond before its end");
            clock.go_to_step_of(at + time);
            prop_assert!(!is_running(&cache), "{context}, at the first step after its end");
        }
    }
}

#[test]
fn a_time_of_zero_is_over_at_once_also_between_two_steps() {
    for setting in [TTL, TTI] {
        let clock = Stepping::at(1_001, 1_000);
        let cache = setting(Cache::builder().clock(clock), Duration::ZERO).build().unwrap();
        let held = cache.insert(GetBook(1), book("held"));
        assert!(cache.get_entry(&GetBook(1)).unwrap().is_expired());
        drop(held);
        assert!(cache.get(&GetBook(1)).is_none());
    }
}

#[test]
fn what_remains_is_never_more_than_the_whole_time() {
    let (cache, _) = started(TTL, WRITES[0], 1_999, Duration::from_nanos(500), 1_000);
    assert_eq!(cache.get_entry(&GetBook(1)).unwrap().remaining(), Some(Duration::from_nanos(500)));
}

#[test]
fn a_time_begins_when_a_commit_is_applied_and_not_before_its_hooks() {
    let clock = Arc::new(ManualClock::new());
    let slow = Arc::clone(&clock);
    let cache = TTL(Cache::builder().clock(Arc::clone(&clock)), SECOND)
        .before_commit(move |_| {
            slow.advance(2 * SECOND);
            Ok(())
        })
        .build()
        .unwrap();
    let mut tx = cache.begin();
    tx.set(GetBook(1), book("new"));
    tx.commit().unwrap();
    assert_eq!(cache.get_entry(&GetBook(1)).unwrap().remaining(), Some(SECOND));
    let mut tx = cache.begin();
    tx.set_timed(GetBook(1), book("new"), EntryTimes::new().as_of(cache.now()));
    tx.commit().unwrap();
    assert!(cache.get(&GetBook(1)).is_none(), "its own age is larger");
}

/// Busy-waits for the end of a time, and returns how long it took since before its start.
fn time_until_over(cache: &Cache<Shelf>, start: Start, time: Duration) -> Duration {
    let before = loop {
        let inserted = Instant::now();
        cache.insert(GetBook(1), book("old"));
        let before = Instant::now();
        // On a busy machine the entry may have expired before its time was renewed.
        if (start.1)(cache, time) && inserted.elapsed() < time {
            break before;
        }
    };
    while is_running(cache) {
        assert!(before.elapsed() < LONGEST_WAIT, "{} never expires", start.0);
        thread::yield_now();
    }
    before.elapsed()
}

#[test]
fn no_time_ends_early_by_the_clock_of_the_system() {
    let time = Duration::from_millis(4);
    for (name, setting, start) in cases() {
        let cache = setting(Cache::builder(), time).build().unwrap();
        for _ in 0..sized(2, 5) {
            let took = time_until_over(&cache, start, time);
            assert!(took >= time, "{name} by {} ended after {took:?}", start.0);
        }
    }
}
