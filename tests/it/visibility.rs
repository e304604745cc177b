//! Every reader sees all of a commit or nothing of it.

use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::SystemTime;

use cache_core::{Cache, Clock, CommitError, Moment, Query, Shape, registry};
use cache_tests::sized;
use serde::{Deserialize, Serialize};

use crate::shop::*;

fn set_both(cache: &Cache<Shop>, number: i64) {
    let mut tx = cache.begin();
    // The order of the writes is not that in which the tables are locked.
    if number % 2 == 0 {
        tx.set(GetTotal(1), number);
    }
    tx.set(GetBalance(1), number);
    tx.set(GetTotal(1), number);
    tx.set(GetBalance(2), number);
    tx.commit().unwrap();
}

fn number<T: AsRef<i64>>(value: Option<T>) -> i64 {
    value.map_or(0, |value| *value.as_ref())
}

/// Runs `look` repeatedly while another thread commits.
fn during_commits(cache: &Cache<Shop>, mut look: impl FnMut()) {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1.. {
                set_both(cache, number);
                if is_done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        // The writer ends even if a look fails.
        struct End<'a>(&'a AtomicBool);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _end = End(&is_done);
        (0..3000).for_each(|_| look());
    });
}

#[test]
fn get_all_reads_keys_of_several_tables_at_one_moment() {
    let cache = shop();
    let mut last = 0;
    during_commits(&cache, || {
        let (a, b, c) = cache.get_all((&GetBalance(1), &GetTotal(1), &GetBalance(2)));
        let numbers = [number(a), number(b), number(c)];
        assert!(numbers.iter().all(|number| *number == numbers[0]), "{numbers:?}");
        assert!(numbers[0] >= last, "revisions do not go back");
        last = numbers[0];
    });
}

#[test]
fn get_all_sees_absence_at_the_same_moment() {
    let cache = shop();
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // The two are never present together, and one of them always is.
            cache.insert(GetBalance(1), 1);
            while !is_done.load(Ordering::Relaxed) {
                for is_left in [false, true] {
                    let mut tx = cache.begin();
                    match is_left {
                        true => {
                            tx.set(GetBalance(1), 1);
                            tx.remove(&GetTotal(1));
                        }
                        false => {
                            tx.remove(&GetBalance(1));
                            tx.set(GetTotal(1), 1);
                        }
                    }
                    tx.commit().unwrap();
                }
            }
        });
        let mut is_begun = false;
        for _ in 0..3000 {
            let (a, b) = cache.get_all((&GetBalance(1), &GetTotal(1)));
            is_begun |= a.is_some() || b.is_some();
            if is_begun && a.is_some() == b.is_some() {
                is_done.store(true, Ordering::Relaxed);
                panic!("both or neither: {a:?} {b:?}");
            }
        }
        is_done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn get_all_gives_each_value_in_its_place_and_counts_as_uses() {
    let cache = shop();
    let total = cache.insert(GetTotal(2), 5);
    cache.insert(GetRecent(1), "1");
    cache.insert(GetRecent(2), "2");
    let (a, b, c) = cache.get_all((&GetBalance(2), &GetTotal(2), &GetRecent(1)));
    assert!(a.is_none() && std::sync::Arc::ptr_eq(&b.unwrap(), &total));
    assert_eq!(c.as_deref(), Some("1"));
    cache.insert(GetRecent(3), "3");
    assert!(cache.peek(&GetRecent(1)).is_some() && cache.peek(&GetRecent(2)).is_none());
    assert_eq!(cache.get_all((&GetTotal(2),)).0.as_deref(), Some(&5));
    let all = cache.get_all((
        &GetTotal(2),
        &GetTotal(2),
        &GetTotal(2),
        &GetTotal(2),
        &GetTotal(2),
        &GetTotal(2),
        &GetTotal(2),
        &GetTotal(3),
    ));
    assert!(all.6.is_some() && all.7.is_none());
}

#[test]
fn a_read_only_transact_that_commits_saw_one_moment() {
    let cache = shop();
    during_commits(&cache, || {
        let read: Result<_, CommitError> =
            cache.transact(|tx| Ok((number(tx.get(&GetBalance(1))), number(tx.get(&GetTotal(1))))));
        if let Ok((a, b)) = read {
            assert_eq!(a, b);
        }
    });
}

#[test]
fn a_reader_of_one_write_sees_the_others() {
    let cache = shop();
    let mut last = 0;
    during_commits(&cache, || {
        let a = number(cache.get(&GetBalance(1)));
        let b = number(cache.get(&GetTotal(1)));
        let c = number(cache.get(&GetBalance(2)));
        let again = number(cache.get(&GetBalance(1)));
        assert!(a >= last && b >= a && c >= b && again >= c, "{last} {a} {b} {c} {again}");
        last = again;
    });
}

#[test]
fn a_thread_that_learns_of_one_write_from_another_thread_sees_the_others() {
    let cache = shop();
    let (sender, receiver) = channel();
    thread::scope(|scope| {
        let cache = &cache;
        scope.spawn(move || {
            for a in receiver {
                let b = number(cache.get(&GetTotal(1)));
                assert!(b >= a, "{b} after {a}");
            }
        });
        during_commits(cache, || sender.send(number(cache.get(&GetBalance(1)))).unwrap());
        drop(sender);
    });
}

#[test]
fn listings_and_entries_show_committed_values_only() {
    let cache = shop();
    during_commits(&cache, || {
        let entries = cache.entries::<GetBalance>();
        assert!(entries.iter().all(|entry| entry.revision() <= cache.revision().unwrap()));
        assert!(entries.len() == cache.keys::<GetBalance>().len() || entries.is_empty());
    });
}

// A table creates its shards at its first write. At that moment a clear or a save could miss the table and yet
// see the same commit in another table. To extend this moment, an insert that stops in the `Eq` of its key locks
// a table in between.

/// Empty at first.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u32, capacity = 100, persist)]
pub struct GetFirst;

#[derive(Query, Shape, Clone, Debug, Serialize, Deserialize)]
#[query(value = u32, capacity = 100, persist)]
pub struct GetBetween;

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u32, capacity = 100, persist)]
pub struct GetLast;

registry! {
    pub struct Row {
        GetFirst,
        GetBetween,
        GetLast,
    }
}

/// Signals that a commit has arrived, and waits.
type Stop = (Sender<()>, Receiver<()>);

thread_local! {
    /// What `Eq` does on this thread.
    static STOP: RefCell<Option<Stop>> = const { RefCell::new(None) };
    /// Notified when the clock is read on this thread.
    static READ: RefCell<Option<Sender<()>>> = const { RefCell::new(None) };
}

impl PartialEq for GetBetween {
    fn eq(&self, _: &Self) -> bool {
        if let Some((come, go_on)) = STOP.take() {
            come.send(()).unwrap();
            go_on.recv().unwrap();
        }
        true
    }
}

impl Eq for GetBetween {}

impl Hash for GetBetween {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

#[derive(Debug)]
struct NotifyingClock;

impl NotifyingClock {
    fn notify() {
        if let Some(sender) = READ.take() {
            sender.send(()).unwrap();
        }
    }
}

impl Clock for NotifyingClock {
    fn now(&self) -> Moment {
        Self::notify();
        Moment::ORIGIN
    }

    fn wall(&self) -> SystemTime {
        Self::notify();
        SystemTime::UNIX_EPOCH
    }
}

/// Commits to the first and the last table while `pass` has seen the first and waits for the one in between.
fn commit_while_a_table_in_between_is_locked(pass: impl FnOnce(&Cache<Row>) + Send) -> Cache<Row> {
    let cache = Cache::<Row>::builder().clock(NotifyingClock).build().unwrap();
    cache.insert(GetBetween, 0);
    cache.insert(GetLast, 0);
    let (come, has_come) = channel();
    let (go_on, may_go_on) = channel();
    let (read, was_read) = channel();
    let is_committed = AtomicBool::new(false);
    thread::scope(|scope| {
        let (cache, is_committed, go_on) = (&cache, &is_committed, go_on);
        scope.spawn(move || {
            STOP.set(Some((come, may_go_on)));
            cache.insert(GetBetween, 1);
        });
        has_come.recv().unwrap();
        scope.spawn(move || {
            READ.set(Some(read));
            pass(cache);
        });
        was_read.recv().unwrap();
        // The clock is read shortly before the first table is read.
        (0..2000).for_each(|_| thread::yield_now());
        scope.spawn(|| {
            let mut tx = cache.begin();
            tx.set(GetFirst, 7);
            tx.set(GetLast, 7);
            tx.commit().unwrap();
            is_committed.store(true, Ordering::Release);
        });
        // It should wait now. If it does not, it has time to see half a commit.
        for _ in 0..20_000 {
            if is_committed.load(Ordering::Acquire) {
                break;
            }
            thread::yield_now();
        }
        go_on.send(()).unwrap();
    });
    cache
}

#[test]
fn get_all_reads_again_when_a_commit_came_in_between() {
    let cache = Cache::<Row>::new();
    cache.insert(GetFirst, 0);
    cache.insert(GetBetween, 0);
    cache.insert(GetLast, 0);
    let (come, has_come) = channel();
    let (go_on, may_go_on) = channel();
    thread::scope(|scope| {
        let (cache, go_on) = (&cache, go_on);
        let reading = scope.spawn(move || {
            STOP.set(Some((come, may_go_on)));
            cache.get_all((&GetFirst, &GetBetween, &GetLast))
        });
        has_come.recv().unwrap();
        let mut tx = cache.begin();
        tx.set(GetFirst, 7);
        tx.set(GetLast, 7);
        tx.commit().unwrap();
        go_on.send(()).unwrap();
        let (first, _, last) = reading.join().unwrap();
        assert_eq!((first.as_deref(), last.as_deref()), (Some(&7), Some(&7)));
    });
}

#[test]
fn a_clear_does_not_miss_a_table_that_a_commit_is_creating() {
    let cache = commit_while_a_table_in_between_is_locked(|cache| cache.clear());
    let (first, last) = cache.get_all((&GetFirst, &GetLast));
    assert_eq!(first, last);
}

#[test]
fn a_save_does_not_miss_a_table_that_a_commit_is_creating() {
    let mut bytes = Vec::new();
    commit_while_a_table_in_between_is_locked(|cache| drop(cache.save_to(&mut bytes).unwrap()));
    let restored = Cache::<Row>::new();
    restored.restore_from(&bytes[..]).unwrap();
    let (first, last) = restored.get_all((&GetFirst, &GetLast));
    // A save also reads the tables before its moment, and may wait there until the commit is done.
    let all_or_nothing = [(None, Some(0)), (Some(7), Some(7))];
    assert!(all_or_nothing.contains(&(first.as_deref().copied(), last.as_deref().copied())));
}

#[test]
fn a_clear_takes_all_or_nothing_of_a_commit_that_is_the_first_of_a_table() {
    for round in 0..sized(200, 1000) {
        let cache = shop();
        cache.insert(GetTotal(1), 0);
        let start = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                set_both(&cache, 1);
            });
            start.wait();
            cache.clear();
        });
        let (a, b, c) = cache.get_all((&GetBalance(1), &GetTotal(1), &GetBalance(2)));
        assert!(a.is_some() == b.is_some() && b.is_some() == c.is_some(), "round {round}: {a:?} {b:?} {c:?}");
    }
}

#[test]
fn a_save_has_all_or_nothing_of_a_commit_that_is_the_first_of_a_table() {
    for round in 0..sized(200, 1000) {
        let cache = shop();
        cache.insert(GetTotal(1), 0);
        let start = Barrier::new(2);
        let mut bytes = Vec::new();
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                set_both(&cache, 1);
            });
            start.wait();
            cache.save_to(&mut bytes).unwrap();
        });
        let restored = shop();
        restored.restore_from(&bytes[..]).unwrap();
        let (a, b) = restored.get_all((&GetBalance(1), &GetTotal(1)));
        assert_eq!(number(a), number(b), "round {round}");
    }
}

#[test]
fn a_clear_takes_all_or_nothing_of_a_commit() {
    let cache = shop();
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1.. {
                set_both(&cache, number);
                cache.clear();
                if is_done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        for _ in 0..3000 {
            let (a, b) = cache.get_all((&GetBalance(1), &GetTotal(1)));
            if number(a.as_ref()) != number(b.as_ref()) {
                is_done.store(true, Ordering::Relaxed);
                panic!("{a:?} {b:?}");
            }
        }
        is_done.store(true, Ordering::Relaxed);
    });
}
