//! Time passes while the program is down.

use std::time::{SystemTime, UNIX_EPOCH};

use cache_core::{Clock, EntryTimes, Freshness, Moment, Residency, RestoreOptions};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn quote() -> GetQuote {
    GetQuote("gold".to_owned())
}

#[test]
fn remaining_times_shrink_by_the_time_that_passed() {
    let (cache, clock) = library();
    cache.insert(quote(), 7u64);
    clock.advance(2 * SECOND);
    let bytes = saved(&cache);
    let (restored, later) = restarted(&clock, 3 * SECOND);
    let report = restore(&restored, &bytes);
    assert_eq!(report.elapsed, 3 * SECOND);
    let entry = restored.get_entry(&quote()).unwrap();
    assert_eq!((entry.age(), entry.remaining()), (5 * SECOND, Some(5 * SECOND)));
    assert_eq!(entry.freshness(), Freshness::Stale);
    drop(entry);
    later.advance(5 * SECOND);
    assert!(restored.get(&quote()).is_none());
}

#[test]
fn what_expired_meanwhile_is_left_out_and_counted() {
    let (cache, clock) = library();
    cache.insert(quote(), 7u64);
    cache.insert_timed(GetQuote("iron".to_owned()), 8u64, EntryTimes::new().ttl(60 * SECOND));
    cache.insert(GetSession(1), 1u64);
    let bytes = saved(&cache);
    let (restored, _) = restarted(&clock, 10 * SECOND);
    let report = restore(&restored, &bytes);
    assert_eq!(report.restored(), 1);
    let expired: u64 = report.tables.iter().map(|table| table.expired).sum();
    assert_eq!(expired, 2);
    assert_eq!(*restored.get(&GetQuote("iron".to_owned())).unwrap(), 8);
}

#[test]
fn what_expired_before_the_save_is_not_in_it() {
    let (cache, clock) = library();
    let _held = cache.insert(quote(), 7u64);
    clock.advance(10 * SECOND);
    let report = restore(&restarted(&clock, Duration::ZERO).0, &saved(&cache));
    assert_eq!((report.restored(), report.tables.iter().map(|table| table.expired).sum::<u64>()), (0, 0));
}

#[test]
fn time_to_idle_continues() {
    let (cache, clock) = library();
    cache.insert(GetSession(1), 1u64);
    cache.insert(GetSession(2), 2u64);
    clock.advance(6 * SECOND);
    drop(cache.get(&GetSession(2)));
    clock.advance(2 * SECOND);
    let (restored, later) = restarted(&clock, SECOND);
    restore(&restored, &saved(&cache));
    later.advance(2 * SECOND);
    assert!(restored.peek(&GetSession(1)).is_none(), "idle for 8 s, 1 s and 2 s");
    assert!(restored.peek(&GetSession(2)).is_some(), "idle for 2 s, 1 s and 2 s");
    later.advance(5 * SECOND);
    assert!(restored.peek(&GetSession(2)).is_none());
}

#[test]
fn a_wall_clock_that_went_backwards_counts_as_no_time() {
    let (cache, clock) = library();
    cache.insert(quote(), 7u64);
    clock.advance(4 * SECOND);
    let bytes = saved(&cache);
    let (restored, later) = restarted(&clock, Duration::ZERO);
    later.set_wall(clock.wall() - 3600 * SECOND);
    let report = restore(&restored, &bytes);
    assert_eq!(report.elapsed, Duration::ZERO);
    assert_eq!(restored.get_entry(&quote()).unwrap().remaining(), Some(6 * SECOND));
}

#[test]
fn a_monotonic_clock_that_went_backwards_does_not_break_a_save() {
    let (cache, clock) = library();
    cache.insert(quote(), 7u64);
    clock.go_back(100 * SECOND);
    let bytes = saved(&cache);
    let (restored, _) = restarted(&clock, Duration::ZERO);
    restore(&restored, &bytes);
    assert_eq!(restored.get_entry(&quote()).unwrap().age(), Duration::ZERO);
}

#[test]
fn times_given_with_a_write_come_back() {
    let (cache, clock) = library();
    let write = EntryTimes::new().as_of(cache.now() - 20 * SECOND).fresh(30 * SECOND).ttl(Duration::MAX);
    cache.insert_timed(quote(), 7u64, write);
    let (restored, later) = restarted(&clock, Duration::ZERO);
    restore(&restored, &saved(&cache));
    let entry = restored.get_entry(&quote()).unwrap();
    assert_eq!((entry.age(), entry.remaining(), entry.freshness()), (20 * SECOND, None, Freshness::Fresh));
    later.advance(10 * SECOND);
    assert_eq!(restored.get_entry(&quote()).unwrap().freshness(), Freshness::Stale);
    later.advance(Duration::from_secs(1_000_000_000));
    assert!(restored.get(&quote()).is_some());
}

#[test]
fn times_to_serve_a_stale_entry_come_back() {
    let (cache, clock) = library();
    let times = EntryTimes::new().swr(Duration::ZERO).stale_if_error(Duration::MAX);
    cache.insert_timed(quote(), 7u64, times);
    cache.insert_timed(GetQuote("iron".to_owned()), 7u64, EntryTimes::new().swr(3 * SECOND));
    let (restored, _) = restarted(&clock, Duration::ZERO);
    restore(&restored, &saved(&cache));
    let state = restored.get_entry(&quote()).unwrap().state();
    assert_eq!((state.swr(), state.stale_if_error()), (Some(Duration::ZERO), Some(Duration::MAX)));
    let state = restored.get_entry(&GetQuote("iron".to_owned())).unwrap().state();
    assert_eq!((state.swr(), state.stale_if_error()), (Some(3 * SECOND), None));
}

#[test]
fn the_mark_of_an_invalidated_entry_comes_back_and_a_write_clears_it() {
    let (cache, clock) = library();
    cache.insert(quote(), 7u64);
    cache.invalidate(&quote());
    let (restored, _) = restarted(&clock, Duration::ZERO);
    restore(&restored, &saved(&cache));
    assert_eq!(restored.get_entry(&quote()).unwrap().freshness(), Freshness::Invalidated);
    assert!(restored.get_fresh(&quote()).is_none());
    assert!(restored.get(&quote()).is_some());
    restored.insert(quote(), 8u64);
    assert!(restored.get_fresh(&quote()).is_some());
}

/// A clock whose date is the given time after 1970.
#[derive(Debug)]
struct Dated(ManualClock, Duration);

impl Clock for Dated {
    fn now(&self) -> Moment {
        self.0.now()
    }

    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + self.1
    }
}

/// Times and ages that are longer than a file can store mean forever.
#[test]
fn times_without_end_are_without_end_after_a_restore() {
    let (cache, _) = library();
    let times = [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_nanos(u64::MAX)];
    let mut held = Vec::new();
    for (id, time) in (0..).zip(times) {
        let times = EntryTimes::new().ttl(time).fresh(time);
        cache.insert_timed(GetQuote(id.to_string()), 7u64, times);
        cache.insert_timed(GetBook { id }, book(id), times);
        held.push(cache.insert_timed(GetText(0), "text", times));
    }
    let bytes = saved(&cache);
    drop((cache, held));
    for years in [1, 300, 600] {
        let clock = Arc::new(Dated(ManualClock::new(), Duration::from_secs(years * 366 * 86_400)));
        let restored = Cache::<Library>::builder().clock(Arc::clone(&clock)).build().unwrap();
        let report = restore(&restored, &bytes);
        assert_eq!(report.restored(), 7, "{report}");
        clock.0.advance(Duration::from_secs(1_000_000_000));
        for id in 0..3 {
            let (quote, book) = (GetQuote(id.to_string()), GetBook { id });
            let quote = restored.get_entry(&quote).expect("a quote never expires");
            assert_eq!((quote.remaining(), quote.freshness()), (None, Freshness::Fresh));
            let book = restored.get_entry(&book).expect("a book never expires");
            assert_eq!((book.remaining(), book.freshness()), (None, Freshness::Fresh));
        }
        assert_eq!(
            restored.get_entry(&GetText(0)).expect("its time to live keeps it").residency(),
            Residency::Resident
        );
        let mut again = Vec::new();
        restored.save_to(&mut again).unwrap();
        assert_eq!(restore(&Cache::<Library>::new(), &again).restored(), 7);
    }
}

#[test]
fn restored_entries_are_marked_on_request() {
    let (cache, clock) = library();
    cache.insert(quote(), 7u64);
    cache.insert(GetBook { id: 1 }, book(1));
    cache.insert(GetBook { id: 2 }, book(2));
    let bytes = saved(&cache);
    let freshness = |cache: &Cache<Library>| {
        let (quote, book) = (cache.get_entry(&quote()), cache.get_entry(&GetBook { id: 2 }));
        (quote.map(|entry| entry.freshness()), book.map(|entry| entry.freshness()))
    };
    let marked = |options: fn(RestoreOptions<'_, Library>) -> RestoreOptions<'_, Library>| {
        let (restored, _) = restarted(&clock, Duration::ZERO);
        options(restored.restore_options()).read_bytes(&bytes).unwrap();
        restored
    };
    let (fresh, invalidated) = (Some(Freshness::Fresh), Some(Freshness::Invalidated));
    assert_eq!(freshness(&marked(|options| options)), (fresh, fresh));
    assert_eq!(freshness(&marked(|options| options.invalidate::<GetBook>())), (fresh, invalidated));
    let both = marked(|options| options.invalidate::<GetBook>().invalidate::<GetQuote>());
    assert_eq!(freshness(&both), (invalidated, invalidated));
    let all = marked(|options| options.invalidate_all().invalidate::<GetBook>());
    assert_eq!(freshness(&all), (invalidated, invalidated));
    assert!(all.get(&quote()).is_some() && all.get_fresh(&quote()).is_none());
    all.insert(quote(), 8u64);
    assert!(all.get_fresh(&quote()).is_some());
}
