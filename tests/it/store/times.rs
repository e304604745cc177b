//! Deadlines and freshness, with a clock that the test moves.

use cache_core::{Clock, EntryTimes, Freshness, Residency};

use super::*;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn an_entry_is_a_hit_until_its_time_to_live_is_over_and_a_miss_at_once_after_that() {
    let (cache, clock) = shelf();
    cache.insert(GetQuote(1), 10);
    clock.advance(millis(4_900));
    assert_eq!(cache.get(&GetQuote(1)).as_deref(), Some(&10));
    assert_eq!(cache.get_entry(&GetQuote(1)).unwrap().remaining(), Some(millis(100)));
    clock.advance(millis(200));
    assert!(cache.get(&GetQuote(1)).is_none(), "expired, although no sweep has run");
    assert_eq!(table(&cache, "get_quote").removals.expired, 1);
}

type Way = (&'static str, fn(&Cache<Shelf>) -> bool);

/// Each way to access an entry, and whether it finds one.
const WAYS: [Way; 22] = [
    ("get", |cache| cache.get(&GetQuote(1)).is_some()),
    ("peek", |cache| cache.peek(&GetQuote(1)).is_some()),
    ("contains", |cache| cache.contains(&GetQuote(1))),
    ("get_entry", |cache| cache.get_entry(&GetQuote(1)).is_some()),
    ("get_all", |cache| cache.get_all((&GetQuote(1),)).0.is_some()),
    ("get in a transaction", |cache| cache.begin().get(&GetQuote(1)).is_some()),
    ("committed", |cache| cache.begin().committed(&GetQuote(1)).is_some()),
    ("entries", |cache| !cache.entries::<GetQuote>().is_empty()),
    ("keys", |cache| !cache.keys::<GetQuote>().is_empty()),
    ("values", |cache| !cache.values::<GetQuote>().is_empty()),
    ("len", |cache| cache.len() == 1),
    ("count", |cache| cache.count::<GetQuote>() == 1),
    ("inspect", |cache| table(cache, "get_quote").live() == 1),
    ("inspect_entries", |cache| cache.inspect_entries().tables.iter().any(|table| !table.entries.is_empty())),
    ("touch", |cache| cache.touch(&GetQuote(1))),
    ("invalidate", |cache| cache.invalidate(&GetQuote(1))),
    ("remove", |cache| cache.remove(&GetQuote(1))),
    ("remove in a transaction", |cache| cache.begin().remove(&GetQuote(1))),
    ("touch in a transaction", |cache| cache.begin().touch(&GetQuote(1))),
    ("pin", |cache| cache.pin(&GetQuote(1)).get().is_some()),
    ("load on a miss", |cache| *cache.get_or_insert_with(&GetQuote(1), || 99_u32) == 10),
    ("merge", |cache| {
        let mut tx = cache.begin();
        tx.merge_with(GetQuote(1), |old: Option<&u32>| old.copied().unwrap_or(0));
        *tx.get(&GetQuote(1)).unwrap() == 10
    }),
];

#[test]
fn every_way_to_meet_an_entry_finds_it_before_its_deadline_and_not_after() {
    for (name, way) in WAYS {
        for is_over in [false, true] {
            let (cache, clock) = shelf();
            cache.insert(GetQuote(1), 10);
            clock.advance(if is_over { SECOND * 5 } else { millis(4_999) });
            assert_eq!(way(&cache), !is_over, "{name}, over: {is_over}");
        }
    }
}

#[test]
fn an_expired_value_that_is_held_is_returned_and_marked() {
    let (cache, clock) = shelf();
    let held = cache.insert(GetQuote(1), 10);
    clock.advance(millis(5_100));
    assert!(Arc::ptr_eq(&held, &cache.get(&GetQuote(1)).unwrap()));
    let entry = cache.get_entry(&GetQuote(1)).unwrap();
    assert!(entry.is_expired());
    assert_eq!((entry.residency(), entry.remaining()), (Residency::Survivor, Some(Duration::ZERO)));
    assert!(cache.get_fresh(&GetQuote(1)).is_none());
    drop((held, entry));
    assert!(cache.get(&GetQuote(1)).is_none());
}

#[test]
fn an_expired_value_is_refused_as_fresh_even_without_a_freshness_time() {
    let (cache, clock) = shelf();
    let held = cache.insert(GetSession(1), 10);
    assert!(cache.get_fresh(&GetSession(1)).is_some());
    clock.advance(SECOND * 5);
    assert_eq!(cache.get_entry(&GetSession(1)).unwrap().freshness(), Freshness::Fresh);
    assert!(cache.get_fresh(&GetSession(1)).is_none());
    drop(held);
}

#[test]
fn an_expired_entry_is_alive_again_when_it_is_written() {
    let (cache, clock) = shelf();
    let held = cache.insert(GetQuote(1), 10);
    clock.advance(SECOND * 6);
    assert!(cache.get_entry(&GetQuote(1)).unwrap().is_expired());
    cache.insert(GetQuote(1), 11);
    assert_eq!(cache.get_fresh(&GetQuote(1)).as_deref(), Some(&11));
    assert_eq!(*held, 10);
}

#[test]
fn reads_keep_an_entry_from_going_idle() {
    let (cache, clock) = shelf();
    cache.insert(GetSession(1), 10);
    for _ in 0..4 {
        clock.advance(SECOND * 3);
        assert!(cache.get(&GetSession(1)).is_some());
    }
    clock.advance(millis(5_100));
    assert!(cache.get(&GetSession(1)).is_none());
}

#[test]
fn neither_a_peek_nor_contains_keeps_an_entry_from_going_idle() {
    let (cache, clock) = shelf();
    cache.insert(GetSession(1), 10);
    clock.advance(SECOND * 3);
    assert!(cache.peek(&GetSession(1)).is_some());
    assert!(cache.contains(&GetSession(1)));
    assert_eq!(cache.entries::<GetSession>().len(), 1);
    clock.advance(SECOND * 3);
    assert!(cache.get(&GetSession(1)).is_none());
}

#[test]
fn reads_do_not_lengthen_the_time_to_live() {
    let (cache, clock) = shelf();
    cache.insert(GetBoth(1), 10);
    for _ in 0..3 {
        clock.advance(SECOND * 3);
        assert!(cache.get(&GetBoth(1)).is_some());
    }
    clock.advance(SECOND);
    assert!(cache.get(&GetBoth(1)).is_none());
}

#[test]
fn reads_of_a_pinned_entry_keep_it_from_going_idle() {
    let (cache, clock) = shelf();
    cache.insert(GetSession(1), 10);
    let pin = cache.pin(&GetSession(1));
    for _ in 0..3 {
        clock.advance(SECOND * 3);
        assert!(pin.get().is_some());
    }
    drop(pin);
    assert!(cache.get(&GetSession(1)).is_some(), "used a moment ago");
}

#[test]
fn reads_of_an_evicted_entry_keep_it_from_going_idle() {
    let (cache, clock) = shelf();
    let held = cache.insert(GetBoth(1), 10);
    cache.insert(GetBoth(2), 20);
    cache.insert(GetBoth(3), 30);
    assert_eq!(cache.count::<GetBoth>(), 3);
    clock.advance(SECOND * 3);
    assert!(cache.get(&GetBoth(1)).is_some());
    clock.advance(SECOND * 3);
    cache.remove(&GetBoth(2));
    cache.remove(&GetBoth(3));
    drop(held);
    assert!(cache.get(&GetBoth(1)).is_some(), "it came back, and was used three seconds ago");
}

#[test]
fn a_time_of_zero_is_over_at_once() {
    let clock = Arc::new(ManualClock::new());
    let cache = Cache::<Shelf>::builder()
        .clock(clock)
        .table::<GetBook>(|table| table.ttl(Duration::ZERO))
        .table::<GetTwin>(|table| table.tti(Duration::ZERO))
        .table::<GetOne>(|table| table.fresh(Duration::ZERO))
        .build()
        .unwrap();
    drop(cache.insert(GetBook(1), book("gone")));
    assert!(cache.get(&GetBook(1)).is_none());
    let held = cache.insert(GetBook(2), book("held"));
    assert!(cache.get_entry(&GetBook(2)).unwrap().is_expired());
    drop(cache.insert(GetTwin(1), book("gone")));
    assert!(cache.get(&GetTwin(1)).is_none());
    cache.insert(GetOne(1), 1);
    assert_eq!(cache.get_entry(&GetOne(1)).unwrap().freshness(), Freshness::Stale);
    assert!(cache.get_fresh(&GetOne(1)).is_none());
    assert!(cache.get(&GetOne(1)).is_some());
    drop(cache.insert_timed(GetText(1), "gone", EntryTimes::new().ttl(Duration::ZERO)));
    assert!(cache.get(&GetText(1)).is_none());
    drop(held);
}

#[test]
fn a_time_without_end_never_ends() {
    let clock = Arc::new(ManualClock::new());
    let cache = Cache::<Shelf>::builder()
        .clock(Arc::clone(&clock))
        .table::<GetBook>(|table| table.ttl(Duration::MAX))
        .table::<GetTwin>(|table| table.tti(Duration::MAX))
        .table::<GetOne>(|table| table.fresh(Duration::MAX))
        .build()
        .unwrap();
    cache.insert(GetBook(1), book("kept"));
    cache.insert(GetTwin(1), book("kept"));
    cache.insert(GetOne(1), 1);
    drop(cache.insert_timed(GetText(1), "kept", EntryTimes::new().ttl(Duration::MAX).fresh(Duration::MAX)));
    cache.insert_timed(GetQuote(1), 1, EntryTimes::new().ttl(Duration::MAX));
    for _ in 0..3 {
        clock.advance(Duration::from_secs(3_000_000_000));
        for found in [
            cache.get(&GetBook(1)).is_some(),
            cache.get(&GetTwin(1)).is_some(),
            cache.get_fresh(&GetOne(1)).is_some(),
            cache.get_fresh(&GetText(1)).is_some(),
            cache.get(&GetQuote(1)).is_some(),
        ] {
            assert!(found);
        }
        assert_eq!(cache.get_entry(&GetBook(1)).unwrap().remaining(), None);
        assert_eq!(cache.len(), 5);
    }
}

#[test]
fn a_clock_at_its_maximum_breaks_nothing() {
    let (cache, clock) = shelf();
    clock.advance(Duration::from_nanos(i64::MAX as u64) - Duration::from_secs(1_000_000));
    cache.insert(GetQuote(1), 10);
    cache.insert(GetSession(1), 10);
    assert!(cache.get(&GetQuote(1)).is_some());
    assert!(cache.get(&GetSession(1)).is_some());
    assert_eq!(cache.len(), 2);
}

#[test]
fn a_clock_that_goes_back_lets_nothing_expire_early() {
    let (cache, clock) = shelf();
    cache.insert(GetQuote(1), 10);
    cache.insert(GetSession(1), 10);
    clock.advance(SECOND);
    cache.insert(GetQuote(2), 20);
    clock.go_back(SECOND * 2_000_000);
    for _ in 0..3 {
        assert!(cache.get(&GetQuote(1)).is_some());
        assert!(cache.get(&GetSession(1)).is_some());
        assert_eq!(cache.get_entry(&GetQuote(1)).unwrap().age(), Duration::ZERO);
        assert!(cache.get_fresh(&GetQuote(2)).is_some());
        cache.insert(GetQuote(3), 30);
        assert_eq!(cache.len(), 4);
        assert_eq!(cache.reap(), 0);
        clock.advance(SECOND);
    }
    clock.advance(SECOND * 2_000_010);
    assert!(cache.get(&GetQuote(1)).is_none(), "it does not live forever");
    assert!(cache.get(&GetQuote(3)).is_none());
}

#[test]
fn a_time_to_live_given_with_a_write_keeps_an_entry_of_a_table_that_keeps_nothing() {
    let (cache, clock) = shelf();
    drop(cache.insert_timed(GetText(1), "kept for a while", EntryTimes::new().ttl(SECOND * 3)));
    clock.advance(SECOND * 2);
    assert_eq!(cache.get_entry(&GetText(1)).unwrap().residency(), Residency::Resident);
    clock.advance(SECOND);
    assert!(cache.get(&GetText(1)).is_none());

    let mut tx = cache.begin();
    tx.set_timed(GetText(2), "by a commit", EntryTimes::new().ttl(SECOND * 3));
    drop(tx.commit().unwrap());
    clock.advance(SECOND * 2);
    assert!(cache.get(&GetText(2)).is_some());
    drop(cache.insert(GetText(2), "without a time again"));
    assert!(cache.get(&GetText(2)).is_none());
}

#[test]
fn times_given_with_a_write_override_those_of_the_table() {
    let (cache, clock) = shelf();
    cache.insert_timed(GetQuote(1), 1, EntryTimes::new().ttl(SECOND * 60).fresh(SECOND * 30));
    cache.insert_timed(GetQuote(2), 2, EntryTimes::new().ttl(SECOND));
    cache.insert_timed(GetBook(1), book("capacity"), EntryTimes::new().ttl(SECOND * 2));
    clock.advance(SECOND);
    assert!(cache.get(&GetQuote(2)).is_none());
    clock.advance(SECOND);
    assert!(cache.get(&GetBook(1)).is_none());
    clock.advance(SECOND * 8);
    assert!(cache.get_fresh(&GetQuote(1)).is_some());
    clock.advance(SECOND * 20);
    assert_eq!(cache.get_entry(&GetQuote(1)).unwrap().freshness(), Freshness::Stale);
    clock.advance(SECOND * 30);
    assert!(cache.get(&GetQuote(1)).is_none());
}

#[test]
fn a_write_without_times_of_its_own_falls_back_to_those_of_the_table() {
    let (cache, clock) = shelf();
    cache.insert_timed(GetQuote(1), 1, EntryTimes::new().ttl(SECOND * 3_600).fresh(SECOND * 3_600));
    cache.insert(GetQuote(1), 2);
    clock.advance(SECOND * 2);
    assert_eq!(cache.get_entry(&GetQuote(1)).unwrap().freshness(), Freshness::Stale);
    clock.advance(SECOND * 3);
    assert_eq!(cache.len(), 0, "the sweep finds it too");
    assert!(cache.entries::<GetQuote>().is_empty());
    assert!(cache.get(&GetQuote(1)).is_none());
}

#[test]
fn an_expired_entry_is_not_listed_whatever_it_was_before() {
    // Deadlines that move forward, backward and away. Each is handled by a sweep, not by a read.
    let long = EntryTimes::new().ttl(SECOND * 3_600);
    let short = EntryTimes::new().ttl(SECOND);
    let none = EntryTimes::new();
    for first in [long, short, none] {
        for second in [long, short, none] {
            for last in [short, none] {
                let (cache, clock) = shelf();
                let at_start = clock.now();
                cache.insert_timed(GetQuote(1), 1, first);
                cache.insert_timed(GetQuote(1), 2, second);
                cache.touch(&GetQuote(1));
                cache.insert_timed(GetQuote(1), 3, last.as_of(at_start));
                clock.advance(SECOND * 5);
                assert_eq!(cache.len(), 0, "{first:?} {second:?} {last:?}");
                assert_eq!(table(&cache, "get_quote").residents, 0);
            }
        }
    }
}

#[test]
fn age_counts_from_the_moment_when_the_answer_was_true() {
    let clock = Arc::new(ManualClock::new());
    clock.advance(SECOND * 100);
    let cache = Cache::<Shelf>::builder()
        .clock(Arc::clone(&clock))
        .table::<GetBook>(|table| table.fresh(SECOND * 30))
        .build()
        .unwrap();
    let ago = cache.now() - SECOND * 20;
    cache.insert_timed(GetBook(1), book("20 s old"), EntryTimes::new().as_of(ago));
    assert_eq!(cache.get_entry(&GetBook(1)).unwrap().age(), SECOND * 20);
    clock.advance(millis(9_999));
    assert!(cache.get_fresh(&GetBook(1)).is_some());
    clock.advance(millis(1));
    assert_eq!(cache.get_entry(&GetBook(1)).unwrap().freshness(), Freshness::Stale);
    assert!(cache.get(&GetBook(1)).is_some(), "freshness removes nothing");
}

#[test]
fn an_answer_may_be_too_old_when_it_is_written() {
    let (cache, _) = shelf();
    let long_ago = cache.now() - SECOND * 60;
    let held = cache.insert_timed(GetQuote(1), 10, EntryTimes::new().as_of(long_ago));
    assert!(cache.get_entry(&GetQuote(1)).unwrap().is_expired());
    drop(held);
    assert!(cache.get(&GetQuote(1)).is_none());
}

#[test]
fn an_answer_of_the_future_has_no_age_yet() {
    let (cache, clock) = shelf();
    let ahead = cache.now() + SECOND * 10;
    cache.insert_timed(GetQuote(1), 10, EntryTimes::new().as_of(ahead));
    assert_eq!(cache.get_entry(&GetQuote(1)).unwrap().age(), Duration::ZERO);
    clock.advance(SECOND * 14);
    assert!(cache.get(&GetQuote(1)).is_some());
    clock.advance(SECOND);
    assert!(cache.get(&GetQuote(1)).is_none());
}

#[test]
fn a_stale_answer_stays() {
    let (cache, clock) = shelf();
    let written = cache.insert(GetQuote(1), 10);
    assert_eq!(cache.get_entry(&GetQuote(1)).unwrap().freshness(), Freshness::Fresh);
    clock.advance(SECOND * 2);
    assert_eq!(cache.get_entry(&GetQuote(1)).unwrap().freshness(), Freshness::Stale);
    assert!(cache.get_fresh(&GetQuote(1)).is_none());
    assert!(Arc::ptr_eq(&written, &cache.get(&GetQuote(1)).unwrap()));
}

#[test]
fn a_touch_renews_the_times_and_keeps_the_value() {
    let (cache, clock) = shelf();
    let written = cache.insert(GetQuote(1), 10);
    let revision = cache.get_entry(&GetQuote(1)).unwrap().revision();
    let last = cache.revision();
    cache.invalidate(&GetQuote(1));
    for _ in 0..3 {
        clock.advance(SECOND * 4);
        assert!(cache.touch(&GetQuote(1)));
        assert!(Arc::ptr_eq(&written, &cache.get_fresh(&GetQuote(1)).unwrap()));
    }
    let entry = cache.get_entry(&GetQuote(1)).unwrap();
    assert_eq!(
        (entry.revision(), entry.age(), entry.freshness()),
        (revision, Duration::ZERO, Freshness::Fresh)
    );
    assert_eq!(cache.revision(), last, "no commit");
    clock.advance(SECOND * 5);
    assert!(cache.get_entry(&GetQuote(1)).unwrap().is_expired());
    assert!(!cache.touch(&GetQuote(2)), "the key is absent");
}

#[test]
fn a_touch_keeps_the_times_that_the_write_gave() {
    let (cache, clock) = shelf();
    drop(cache.insert_timed(GetText(1), "own time", EntryTimes::new().ttl(SECOND * 10).fresh(SECOND * 3)));
    clock.advance(SECOND * 8);
    assert!(cache.touch(&GetText(1)));
    assert_eq!(cache.get_entry(&GetText(1)).unwrap().remaining(), Some(SECOND * 10));
    clock.advance(SECOND * 3);
    assert_eq!(cache.get_entry(&GetText(1)).unwrap().freshness(), Freshness::Stale);
    clock.advance(SECOND * 7);
    assert!(cache.get(&GetText(1)).is_none());
}

#[test]
fn a_touch_makes_a_survivor_resident_again() {
    let (cache, clock) = shelf();
    let held = cache.insert(GetQuote(1), 10);
    clock.advance(SECOND * 6);
    assert_eq!(cache.get_entry(&GetQuote(1)).unwrap().residency(), Residency::Survivor);
    assert!(cache.touch(&GetQuote(1)));
    assert_eq!(cache.get_entry(&GetQuote(1)).unwrap().residency(), Residency::Resident);
    drop(held);
    assert!(cache.get(&GetQuote(1)).is_some());
    clock.advance(SECOND * 5);
    assert!(cache.get(&GetQuote(1)).is_none());
}

#[test]
fn an_invalidated_entry_is_readable_and_not_fresh_until_it_is_written() {
    let (cache, _) = shelf();
    let written = cache.insert(GetBook(1), book("old"));
    let last = cache.revision();
    assert!(cache.invalidate(&GetBook(1)));
    assert!(Arc::ptr_eq(&written, &cache.get(&GetBook(1)).unwrap()));
    assert!(cache.get_fresh(&GetBook(1)).is_none());
    assert_eq!(cache.get_entry(&GetBook(1)).unwrap().freshness(), Freshness::Invalidated);
    assert_eq!(cache.revision(), last, "no commit");
    cache.insert(GetBook(1), book("new"));
    assert_eq!(cache.get_fresh(&GetBook(1)).unwrap().title, "new");
    assert!(!cache.invalidate(&GetBook(2)));
}

#[test]
fn a_transaction_touches_and_invalidates_when_it_is_committed() {
    let (cache, clock) = shelf();
    cache.insert(GetQuote(1), 10);
    cache.insert(GetQuote(2), 20);
    clock.advance(SECOND * 4);
    let mut tx = cache.begin();
    assert!(tx.touch(&GetQuote(1)));
    assert!(tx.invalidate(&GetQuote(2)));
    assert!(!tx.touch(&GetQuote(3)) && !tx.invalidate(&GetQuote(3)));
    assert_eq!(cache.get_entry(&GetQuote(1)).unwrap().freshness(), Freshness::Stale);
    assert_eq!(cache.get_entry(&GetQuote(2)).unwrap().freshness(), Freshness::Stale);
    tx.commit().unwrap();
    assert_eq!(cache.get_entry(&GetQuote(1)).unwrap().freshness(), Freshness::Fresh);
    assert_eq!(cache.get_entry(&GetQuote(2)).unwrap().freshness(), Freshness::Invalidated);
    clock.advance(SECOND);
    assert!(cache.get(&GetQuote(1)).is_some());
    assert!(cache.get(&GetQuote(2)).is_none());
}

#[test]
fn expired_entries_are_removed_without_being_read() {
    let (cache, clock) = shelf();
    for n in 0..1_000 {
        cache.insert(GetQuote(n), n);
    }
    clock.advance(SECOND * 5);
    // Each write visits a few entries of its shard.
    for n in 1_000..3_000 {
        cache.insert(GetQuote(n % 1_100 + 1_000), n);
    }
    assert_eq!(table(&cache, "get_quote").removals.expired, 1_000);

    let (cache, clock) = shelf();
    for n in 0..1_000 {
        cache.insert(GetSession(n), n);
    }
    clock.advance(SECOND * 5);
    assert_eq!(cache.reap(), 1_000);
    assert_eq!(table(&cache, "get_session").residents, 0);
}

#[test]
fn a_manual_clock_that_was_moved_to_its_end_stays_there() {
    let (cache, clock) = shelf();
    clock.advance(Duration::MAX);
    let end = cache.now();
    clock.advance(SECOND);
    assert_eq!(cache.now(), end);
    clock.advance(Duration::MAX);
    assert_eq!(cache.now(), end);
    clock.go_back(Duration::MAX);
    clock.go_back(Duration::MAX);
    clock.go_back(Duration::MAX);
    assert!(cache.now() < end);
}
