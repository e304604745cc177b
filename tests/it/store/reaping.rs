//! When keys whose value is gone are removed.

use cache_core::{Cache, Change, ChangeKind};
use cache_tests::{LONGEST_WAIT, sized};

use super::*;

/// Number of survivors that one write visits.
const VISITS: usize = 8;

fn books(capacity: u64) -> Cache<Shelf> {
    Cache::<Shelf>::builder().table::<GetBook>(|table| table.capacity(capacity).history(0)).build().unwrap()
}

fn slots<R: Registry>(cache: &Cache<R>, name: &str) -> usize {
    let report = table(cache, name);
    report.live() + report.dead
}

#[test]
fn with_nothing_held_the_slots_never_pass_the_bound() {
    let cache = books(1_000);
    for n in 0..100_000 {
        cache.insert(GetBook(n), book("x"));
        if n % 1_000 == 0 {
            assert!(slots(&cache, "get_book") <= 1_000, "{}", slots(&cache, "get_book"));
        }
    }
    assert_eq!(slots(&cache, "get_book"), 1_000);
    assert_eq!(table(&cache, "get_book").dead, 0);
}

#[test]
fn values_dropped_at_once_do_not_pile_up_their_keys() {
    let cache = Cache::<Shelf>::new();
    for n in 0..10_000 {
        drop(cache.insert(GetText(n), "dropped"));
    }
    // A table without a bound is split into at most 32 shards.
    assert!(slots(&cache, "get_text") <= 32 * (VISITS + 1), "{}", slots(&cache, "get_text"));
}

/// Writes to a table of one shard until it has no dead key left. Returns the number of writes.
fn writes_until_clean(cache: &Cache<Shelf>, limit: usize) -> usize {
    let mut last = table(cache, "get_book").dead;
    for writes in 0..=limit {
        let dead = table(cache, "get_book").dead;
        assert!(dead <= last, "dead keys grow: {last}, {dead}");
        if dead == 0 {
            return writes;
        }
        last = dead;
        cache.insert(GetBook(u32::MAX), book("x"));
    }
    panic!("{last} dead keys are left after {limit} writes");
}

#[test]
fn each_write_takes_its_share_of_the_dead() {
    let cache = books(100);
    let held: Vec<_> = (0..4_100).map(|n| cache.insert(GetBook(n), book("held"))).collect();
    assert_eq!(table(&cache, "get_book").survivors, 4_000);
    drop(held);
    assert_eq!(table(&cache, "get_book").dead, 4_000);
    cache.insert(GetBook(u32::MAX), book("x"));
    let dead = table(&cache, "get_book").dead;
    assert!((3_990..=3_992).contains(&dead), "{dead}");
    let writes = writes_until_clean(&cache, 4_000 / VISITS);
    assert!(writes > 400, "a write reaps only a few: {writes}");
}

#[test]
fn many_values_that_die_at_once_are_reaped_by_writes() {
    let cache = books(1_000);
    let survivors = sized(10_000, 100_000);
    let held: Vec<_> =
        (0..survivors as u32 + 1_000).map(|n| cache.insert(GetBook(n), book("held"))).collect();
    assert_eq!(table(&cache, "get_book").survivors, survivors);
    drop(held);
    let mut last = table(&cache, "get_book").dead;
    assert_eq!((last, cache.count::<GetBook>()), (survivors, 1_000));
    // The few shards get about equal numbers of keys; twice the average is enough.
    for n in 0..(2 * survivors / VISITS) as u32 {
        cache.insert(GetBook(n), book("x"));
        if n % 100 == 0 {
            let dead = table(&cache, "get_book").dead;
            assert!(dead <= last);
            last = dead;
        }
    }
    assert_eq!(table(&cache, "get_book").dead, 0);
    assert_eq!(slots(&cache, "get_book"), 1_000);
}

#[test]
fn the_dead_are_found_among_the_living() {
    let cache = books(10);
    let mut held: Vec<_> = (0..2_010).map(|n| cache.insert(GetBook(n), book("held"))).collect();
    let mut n = 0;
    held.retain(|_| {
        n += 1;
        n % 2 == 0
    });
    writes_until_clean(&cache, 2_010 / VISITS + 2);
    // All values that are held, except those that the table keeps.
    assert!(table(&cache, "get_book").survivors >= 1_005 - 10);
    drop(held);
}

#[test]
fn survivors_that_come_and_go_do_not_hold_up_the_reaping() {
    let cache = books(100);
    let held: Vec<_> = (0..1_000).map(|n| cache.insert(GetBook(n), book("held"))).collect();
    // Each round brings survivors back and evicts as many others.
    for round in 0..5_000_u32 {
        for n in 0..16 {
            assert!(cache.get(&GetBook((round * 16 + n) % 1_000)).is_some());
        }
        cache.touch(&GetBook(round % 1_000));
    }
    drop(held);
    let dead = table(&cache, "get_book").dead;
    assert!(dead >= 800, "{dead}");
    writes_until_clean(&cache, dead / VISITS + 2);
}

#[test]
fn a_commit_that_removes_many_survivors_does_not_hold_up_the_reaping() {
    let cache = books(10);
    let held: Vec<_> = (0..5_010).map(|n| cache.insert(GetBook(n), book("held"))).collect();
    let mut tx = cache.begin();
    for n in 0..4_900 {
        tx.remove(&GetBook(n));
    }
    tx.commit().unwrap();
    drop(held);
    let dead = table(&cache, "get_book").dead;
    assert!((90..=110).contains(&dead), "{dead}");
    writes_until_clean(&cache, dead / VISITS + 2);
}

#[test]
fn a_reap_removes_all_of_them_now() {
    let cache = books(100);
    let held: Vec<_> = (0..1_100).map(|n| cache.insert(GetBook(n), book("held"))).collect();
    let texts: Vec<_> = (0..50).map(|n| cache.insert(GetText(n), "held")).collect();
    assert_eq!(cache.reap(), 0);
    drop(held);
    assert_eq!(cache.reap(), 1_000);
    assert_eq!(slots(&cache, "get_book"), 100);
    drop(texts);
    assert_eq!(cache.reap(), 50);
    assert_eq!(cache.reap(), 0);
}

#[test]
fn the_dead_are_neither_counted_nor_listed() {
    let cache = Cache::<Shelf>::new();
    let mut held: Vec<_> = (0..100).map(|n| cache.insert(GetText(n), "held")).collect();
    held.truncate(30);
    assert_eq!((cache.len(), cache.count::<GetText>()), (30, 30));
    assert_eq!(cache.keys::<GetText>().len(), 30);
    assert_eq!(cache.entries::<GetText>().len(), 30);
    assert_eq!(table(&cache, "get_text").live(), 30);
    drop(held);
    assert!(cache.is_empty());
}

#[test]
fn reads_reap_nothing_and_show_no_dead_values() {
    let cache = Cache::<Shelf>::new();
    let held: Vec<_> = (0..100).map(|n| cache.insert(GetText(n), "held")).collect();
    drop(held);
    assert!((0..100).all(|n| cache.get(&GetText(n)).is_none()));
    assert_eq!(table(&cache, "get_text").dead, 100);
    assert_eq!(cache.reap(), 100);
}

#[test]
fn many_inserts_stay_within_the_bound() {
    let cache = books(1_000);
    let value = Arc::new(book("shared by all, so that only the slots count"));
    drop(cache.insert(GetBook(0), Arc::clone(&value)));
    drop(value);
    for n in 0..sized(100_000, 1_000_000) {
        drop(cache.insert(GetBook(n), Book { title: String::new() }));
    }
    let report = table(&cache, "get_book");
    assert_eq!((report.residents, report.survivors, report.dead), (1_000, 0, 0));
}

#[test]
fn removing_a_key_whose_value_has_died_is_not_a_commit() {
    let heard = Arc::new(AtomicBool::new(false));
    let listener = Arc::clone(&heard);
    let note = move |change: &Change| listener.store(change.kind() == ChangeKind::Removed, Ordering::SeqCst);
    let cache = Cache::<Shelf>::builder().after_commit(note).build().unwrap();
    drop(cache.insert(GetText(1), "one"));
    let revision = cache.revision();
    assert!(!cache.remove(&GetText(1)));
    assert_eq!((cache.revision(), heard.load(Ordering::SeqCst)), (revision, false));
}

/// Busy-waits until something has happened on another thread.
#[track_caller]
fn wait_until(has_happened: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !has_happened() {
        assert!(start.elapsed() < LONGEST_WAIT, "timed out");
        thread::yield_now();
    }
}

/// Returns a value that signals its drop.
fn signalling(sender: &mpsc::Sender<u32>, number: u32) -> OnDrop {
    let sender = sender.clone();
    OnDrop::new(move || sender.send(number).unwrap())
}

#[test]
fn a_reaper_releases_expired_entries_of_an_idle_cache() {
    let (cache, clock) = shelf();
    let (sender, dropped) = mpsc::channel();
    let _reaper = cache.reap_every(Duration::ZERO).unwrap();
    for number in 0..3 {
        cache.insert(GetTimedOnDrop(number), signalling(&sender, number));
        clock.advance(SECOND * 5);
        assert_eq!(dropped.recv_timeout(LONGEST_WAIT), Ok(number));
    }
}

#[test]
fn a_reaper_gives_back_the_memory_of_the_dead_in_an_idle_cache() {
    let (cache, _) = shelf();
    for number in 0..100 {
        drop(cache.insert(GetText(number), "dead"));
    }
    assert!(table(&cache, "get_text").dead > 0, "nothing has been written since");
    let _reaper = cache.reap_every(Duration::from_millis(1)).unwrap();
    wait_until(|| table(&cache, "get_text").dead == 0);
}

#[test]
fn a_reaper_continues_after_the_drop_of_a_value_has_panicked() {
    let (cache, clock) = shelf();
    let (sender, dropped) = mpsc::channel();
    let _reaper = cache.reap_every(Duration::from_millis(1)).unwrap();
    let first_sender = sender.clone();
    let first = move || {
        first_sender.send(1).unwrap();
        panic!("in a drop");
    };
    for (number, value) in [(1, OnDrop::new(first)), (2, signalling(&sender, 2))] {
        cache.insert(GetTimedOnDrop(number), value);
        clock.advance(SECOND * 5);
        assert_eq!(dropped.recv_timeout(LONGEST_WAIT), Ok(number));
    }
    assert_eq!(cache.inspect().listener_panics, 1);
}

#[test]
fn a_reaper_keeps_no_cache_alive_and_may_outlive_it() {
    for interval in [Duration::ZERO, Duration::from_secs(3_600), Duration::MAX] {
        let (cache, _) = shelf();
        let (sender, dropped) = mpsc::channel();
        cache.insert(GetTimedOnDrop(1), signalling(&sender, 1));
        let reaper = cache.reap_every(interval).unwrap();
        drop(cache);
        assert_eq!(dropped.recv_timeout(LONGEST_WAIT), Ok(1));
        drop(reaper);
    }
}
