//! Merges: they build on the value that is present at the commit, however often it changes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use cache_core::{Cache, CommitError};

use crate::shop::*;

fn add(by: i64) -> impl Fn(Option<&i64>) -> i64 + Send + 'static {
    move |old| old.copied().unwrap_or(0) + by
}

#[test]
fn two_transactions_merge_different_fields_of_the_same_entries() {
    let cache = shop();
    cache.insert(GetPerson(1), Person { name: Some("N"), ..Person::default() });
    let job = Person { job: Some("j"), ..Person::default() };
    let town = Person { town: Some("t"), ..Person::default() };
    let (mut first, mut second) = (cache.begin(), cache.begin());
    for id in [1, 3] {
        first.merge(GetPerson(id), job.clone());
        second.merge(GetPerson(id), town.clone());
    }
    assert_eq!(
        (first.get(&GetPerson(3)).as_deref(), second.get(&GetPerson(3)).as_deref()),
        (Some(&job), Some(&town))
    );
    first.commit().unwrap();
    assert_eq!(second.get(&GetPerson(3)).as_deref(), Some(&town), "its view is unchanged");
    second.commit().unwrap();
    let both = |name| Person { name, job: Some("j"), town: Some("t") };
    assert_eq!(*cache.get(&GetPerson(1)).unwrap(), both(Some("N")));
    assert_eq!(*cache.get(&GetPerson(3)).unwrap(), both(None));
}

#[test]
fn of_two_merges_of_one_field_the_later_commit_wins() {
    let cache = shop();
    let name = |name| Person { name: Some(name), ..Person::default() };
    let (mut first, mut second) = (cache.begin(), cache.begin());
    first.merge(GetPerson(1), name("first"));
    second.merge(GetPerson(1), name("second"));
    second.commit().unwrap();
    first.commit().unwrap();
    assert_eq!(*cache.get(&GetPerson(1)).unwrap(), name("first"));
}

#[test]
fn a_later_merge_of_a_key_builds_on_the_earlier_one_also_when_both_run_again() {
    let cache = shop();
    cache.insert(GetBalance(1), 10);
    let mut tx = cache.begin();
    tx.merge_with(GetBalance(1), add(1));
    tx.merge_with(GetBalance(1), |old: Option<&i64>| old.unwrap() * 2);
    assert_eq!(tx.get(&GetBalance(1)).as_deref(), Some(&22));
    cache.insert(GetBalance(1), 100);
    let receipt = tx.commit().unwrap();
    assert_eq!(balance(&cache, 1), 202);
    assert!(Arc::ptr_eq(receipt.get(&GetBalance(1)).unwrap(), &cache.get(&GetBalance(1)).unwrap()));
}

#[test]
fn a_merge_runs_again_on_a_base_that_was_removed_cleared_or_made() {
    let cache = shop();
    let overtake: [(&str, fn(&Cache<Shop>), i64); 4] = [
        ("removed", |cache| assert!(cache.remove(&GetBalance(1))), 1),
        ("cleared", |cache| cache.clear(), 1),
        (
            "removed and written",
            |cache| {
                cache.remove(&GetBalance(1));
                cache.insert(GetBalance(1), 5);
            },
            6,
        ),
        (
            "written twice",
            |cache| {
                cache.insert(GetBalance(1), 5);
                cache.insert(GetBalance(1), 6);
            },
            7,
        ),
    ];
    for (what, overtake, expected) in overtake {
        cache.insert(GetBalance(1), 10);
        let mut tx = cache.begin();
        tx.merge_with(GetBalance(1), add(1));
        overtake(&cache);
        tx.commit().unwrap();
        assert_eq!(balance(&cache, 1), expected, "{what}");
    }
    cache.clear();
    let mut tx = cache.begin();
    tx.merge_with(GetBalance(1), add(1));
    cache.insert(GetBalance(1), 10);
    tx.commit().unwrap();
    assert_eq!(balance(&cache, 1), 11, "made");
}

#[test]
fn a_merge_does_not_run_again_when_nothing_came_in_between() {
    let cache = shop();
    cache.insert(GetBalance(1), 10);
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let mut tx = cache.begin();
    tx.merge_with(GetBalance(1), move |old: Option<&i64>| {
        counted.fetch_add(1, Ordering::Relaxed);
        old.unwrap() + 1
    });
    cache.insert(GetBalance(2), 1);
    cache.touch(&GetBalance(1));
    cache.invalidate(&GetBalance(1));
    tx.commit().unwrap();
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

/// Each attempt runs the hooks again, and after sixteen attempts the commit gives up.
#[test]
fn all_merges_that_were_overtaken_run_again_in_one_attempt() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let (cache, _) = timed(|builder| {
        builder.before_commit(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    });
    let mut tx = cache.begin();
    for id in 0..20 {
        tx.merge_with(GetBalance(id), add(1));
        tx.merge_with(GetTotal(id), add(1));
    }
    for id in 0..20 {
        cache.insert(GetBalance(id), 10);
        cache.insert(GetTotal(id), 10);
    }
    tx.commit().unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert!((0..20).all(|id| balance(&cache, id) == 11 && *cache.get(&GetTotal(id)).unwrap() == 11));
}

#[test]
fn increments_by_many_threads_add_up() {
    let cache = shop();
    thread::scope(|scope| {
        for thread in 0..8 {
            let cache = &cache;
            scope.spawn(move || {
                for round in 0..1000 {
                    let mut tx = cache.begin();
                    tx.merge_with(GetBalance(1), add(1));
                    if round % 4 == 0 {
                        tx.merge_with(GetTotal(thread % 2), add(1));
                    }
                    tx.commit().unwrap();
                }
            });
        }
    });
    assert_eq!(balance(&cache, 1), 8000);
    assert_eq!([0, 1].map(|id| *cache.get(&GetTotal(id)).unwrap()), [1000, 1000]);
}

/// Bit sets under union, and maxima: the order of the commits does not matter, but a lost one does.
#[test]
fn an_associative_merge_by_many_threads_is_the_fold_of_all() {
    let cache = shop();
    thread::scope(|scope| {
        for thread in 0..6 {
            let cache = &cache;
            scope.spawn(move || {
                for bit in 0..10 {
                    let mut tx = cache.begin();
                    let bit = 1i64 << (thread * 10 + bit);
                    tx.merge_with(GetTotal(1), move |old: Option<&i64>| old.copied().unwrap_or(0) | bit);
                    tx.merge_with(GetBalance(1), move |old: Option<&i64>| old.copied().unwrap_or(0).max(bit));
                    tx.commit().unwrap();
                }
            });
        }
    });
    assert_eq!(*cache.get(&GetTotal(1)).unwrap(), (1 << 60) - 1);
    assert_eq!(balance(&cache, 1), 1 << 59);
}

#[test]
fn a_commit_paused_in_a_merge_blocks_no_other() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    let (is_paused, paused) = channel();
    let (go_on, may_go_on) = channel::<()>();
    let mut runs = AtomicUsize::new(0);
    let mut tx = cache.begin();
    let may_go_on = std::sync::Mutex::new(may_go_on);
    let count = std::mem::take(&mut runs);
    tx.merge_with(GetBalance(1), move |old: Option<&i64>| {
        if count.fetch_add(1, Ordering::Relaxed) == 1 {
            is_paused.send(()).unwrap();
            may_go_on.lock().unwrap().recv().unwrap();
        }
        old.unwrap() + 1
    });
    tx.set(GetTotal(1), 1);
    cache.insert(GetBalance(1), 10);
    thread::scope(|scope| {
        let go_on = go_on;
        let committing = scope.spawn(|| tx.commit());
        paused.recv().unwrap();
        // The commit is in the middle of its second attempt.
        let mut other = cache.begin();
        other.set(GetBalance(2), 2);
        other.merge_with(GetTotal(1), add(5));
        other.commit().unwrap();
        cache.insert(GetBalance(1), 100);
        assert_eq!((balance(&cache, 1), balance(&cache, 2)), (100, 2));
        let mut bytes = Vec::new();
        cache.save_to(&mut bytes).unwrap();
        go_on.send(()).unwrap();
        committing.join().unwrap().unwrap();
    });
    assert_eq!(balance(&cache, 1), 101);
    assert_eq!(*cache.get(&GetTotal(1)).unwrap(), 1);
}

#[test]
fn a_panic_of_a_merge_applies_nothing_and_spoils_nothing() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    let mut tx = cache.begin();
    tx.set(GetTotal(1), 1);
    tx.merge_with(GetBalance(1), |old: Option<&i64>| {
        assert_ne!(old, Some(&13), "no thirteens");
        old.unwrap() + 1
    });
    // At the call, and the transaction continues.
    let panic = catch_unwind(AssertUnwindSafe(|| {
        tx.merge_with(GetBalance(1), |_: Option<&i64>| -> i64 { panic!("never") });
    }));
    assert!(panic.is_err());
    assert_eq!(tx.get(&GetBalance(1)).as_deref(), Some(&2));
    // At the commit, when it runs again.
    cache.insert(GetBalance(1), 13);
    let revision = cache.revision();
    assert!(catch_unwind(AssertUnwindSafe(|| tx.commit())).is_err());
    assert_eq!((balance(&cache, 1), cache.revision()), (13, revision));
    assert!(cache.get(&GetTotal(1)).is_none());
    let mut tx = cache.begin();
    tx.merge_with(GetBalance(1), add(1));
    tx.commit().unwrap();
    assert_eq!(balance(&cache, 1), 14);
}

#[test]
fn update_once_runs_at_the_call_and_may_borrow() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    let mut seen = Vec::new();
    let mut tx = cache.begin();
    let value = tx.update_once(GetBalance(1), |old| {
        seen.push(old.copied());
        old.unwrap() + 1
    });
    tx.update_once(GetBalance(2), |old| {
        seen.push(old.copied());
        9
    });
    assert_eq!(seen, [Some(1), None]);
    tx.commit().unwrap();
    assert!(Arc::ptr_eq(&value, &cache.get(&GetBalance(1)).unwrap()));
    assert_eq!((balance(&cache, 1), balance(&cache, 2)), (2, 9));
}

#[test]
fn update_once_does_not_run_again_but_conflicts() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    for (id, overtaken) in [(1, 10), (2, 20)] {
        let mut tx = cache.begin();
        tx.update_once(GetBalance(id), |old| old.copied().unwrap_or(0) + 1);
        cache.insert(GetBalance(id), overtaken);
        assert_eq!(conflict(tx.commit()), ("get_balance", format!("GetBalance({id})")));
        assert_eq!(balance(&cache, id), overtaken);
    }
}

#[test]
fn update_once_on_a_merge_conflicts_if_the_base_of_the_merge_was_overtaken() {
    let cache = shop();
    cache.insert(GetBalance(1), 10);
    let mut tx = cache.begin();
    tx.merge_with(GetBalance(1), add(1));
    tx.update_once(GetBalance(1), |old| old.unwrap() * 2);
    cache.insert(GetBalance(1), 100);
    assert_eq!(conflict(tx.commit()).0, "get_balance");
    assert_eq!(balance(&cache, 1), 100, "22 would have lost an update");
}

#[test]
fn a_set_that_was_made_from_a_merge_conflicts_if_the_base_of_the_merge_was_overtaken() {
    let cache = shop();
    cache.insert(GetBalance(1), 10);
    let mut tx = cache.begin();
    tx.merge_with(GetBalance(1), add(1));
    let merged = tx.get(&GetBalance(1)).unwrap();
    tx.set(GetBalance(1), *merged * 2);
    cache.insert(GetBalance(1), 100);
    conflict(tx.commit());
    assert_eq!(balance(&cache, 1), 100);
}

#[test]
fn a_merge_of_a_key_that_was_read_first_conflicts_instead_of_running_again() {
    let cache = shop();
    cache.insert(GetBalance(1), 10);
    let mut tx = cache.begin();
    let read = *tx.get(&GetBalance(1)).unwrap();
    tx.merge_with(GetBalance(1), move |_: Option<&i64>| read + 1);
    cache.insert(GetBalance(1), 100);
    conflict(tx.commit());
    assert_eq!(balance(&cache, 1), 100);
}

#[test]
fn a_merge_by_transact_runs_until_it_is_in() {
    let cache = shop();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let mut result = Err(CommitError::InsideHook);
                    // A conflict after all attempts is an ordinary error, which is retried here.
                    while result.is_err() {
                        result = cache.transact(|tx| {
                            let old = tx.get(&GetBalance(1)).map_or(0, |old| *old);
                            tx.set(GetBalance(1), old + 1);
                            Ok::<_, CommitError>(())
                        });
                    }
                }
            });
        }
    });
    assert_eq!(balance(&cache, 1), 800);
}
