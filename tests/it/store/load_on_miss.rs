//! One caller computes a missing value, and the others wait for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::AtomicUsize;

use cache_core::{CommitError, Dynamic, DynamicValue, EntryTimes, Freshness, Lookup, Shape};
use serde::{Deserialize, Serialize};

use super::watches::{HITS_ALL, changes};
use super::*;

const THREADS: usize = 8;

#[test]
fn a_value_that_is_there_is_not_computed() {
    let (cache, _) = shelf();
    let written = cache.insert(GetBook(1), book("there"));
    let read = cache.get_or_insert_with(&GetBook(1), || -> Book { panic!("not needed") });
    assert!(Arc::ptr_eq(&written, &read));
}

#[test]
fn a_missing_value_is_computed_and_stored() {
    let (cache, _) = shelf();
    let made = cache.get_or_insert_with(&GetBook(1), || book("made"));
    assert!(Arc::ptr_eq(&made, &cache.get(&GetBook(1)).unwrap()));
    let shared = Arc::new(book("shared"));
    let given = cache.get_or_insert_with(&GetBook(2), || Arc::clone(&shared));
    assert!(Arc::ptr_eq(&given, &shared));
}

#[test]
fn an_error_is_returned_and_not_remembered() {
    let (cache, _) = shelf();
    let failed = cache.get_or_try_insert_with(&GetBook(1), || Err::<Book, _>("no such book"));
    assert_eq!(failed.unwrap_err(), "no such book");
    assert!(cache.get(&GetBook(1)).is_none());
    let made = cache.get_or_try_insert_with(&GetBook(1), || Ok::<_, ()>(book("made")));
    assert_eq!(made.unwrap().title, "made");
}

#[test]
fn eight_threads_that_miss_one_key_compute_it_once() {
    in_time(|| {
        let (cache, _) = shelf();
        let calls = AtomicUsize::new(0);
        let barrier = Barrier::new(THREADS);
        let values: Vec<Arc<Book>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        cache.get_or_insert_with(&GetBook(1), || {
                            calls.fetch_add(1, Ordering::SeqCst);
                            book("made")
                        })
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert!(values.iter().all(|value| Arc::ptr_eq(value, &values[0])));
    });
}

#[test]
fn eight_threads_get_one_value_of_a_table_that_keeps_nothing() {
    in_time(|| {
        for _ in 0..50 {
            let (cache, _) = shelf();
            let barrier = Barrier::new(THREADS);
            let calls = AtomicUsize::new(0);
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        barrier.wait();
                        let value = cache.get_or_insert_with(&GetText(1), || {
                            calls.fetch_add(1, Ordering::SeqCst);
                            "made"
                        });
                        barrier.wait();
                        assert_eq!(&*value, "made");
                    });
                }
            });
            assert_eq!(calls.load(Ordering::SeqCst), 1, "the value stays alive until the last thread has it");
        }
    });
}

/// Runs a load that ends as `first` says once another thread waits for it. Returns what the other thread got.
fn waiter_gets(
    first: impl FnOnce() -> Result<Book, &'static str> + Send,
    second: impl FnOnce() -> Result<Book, &'static str> + Send,
) -> Result<Arc<Book>, &'static str> {
    let (cache, _) = shelf();
    let (started, start) = mpsc::channel();
    let (asked, ask) = mpsc::channel();
    thread::scope(|scope| {
        let cache = &cache;
        scope.spawn(move || {
            let _ = catch_unwind(AssertUnwindSafe(|| {
                cache.get_or_try_insert_with(&GetBook(1), || {
                    started.send(()).unwrap();
                    ask.recv().unwrap();
                    first()
                })
            }));
        });
        start.recv().unwrap();
        let waiter = scope.spawn(move || {
            asked.send(()).unwrap();
            cache.get_or_try_insert_with(&GetBook(1), second)
        });
        waiter.join().unwrap()
    })
}

#[test]
fn one_of_the_waiting_computes_when_the_load_fails() {
    let got = in_time(|| waiter_gets(|| Err("failed"), || Ok(book("second"))));
    assert_eq!(got.unwrap().title, "second");
}

#[test]
fn one_of_the_waiting_computes_when_the_load_panics() {
    let got = in_time(|| waiter_gets(|| panic!("in a load"), || Ok(book("second"))));
    assert_eq!(got.unwrap().title, "second");
}

#[test]
fn the_waiting_get_what_was_loaded() {
    for _ in 0..20 {
        let got = in_time(|| waiter_gets(|| Ok(book("first")), || Err("not needed")));
        assert_eq!(got.unwrap().title, "first");
    }
}

#[test]
fn all_but_the_last_of_eight_may_panic() {
    in_time(|| {
        let (cache, _) = shelf();
        let barrier = Barrier::new(THREADS);
        let calls = AtomicUsize::new(0);
        let loaded = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    barrier.wait();
                    let result = catch_unwind(AssertUnwindSafe(|| {
                        cache.get_or_insert_with(&GetBook(1), || {
                            assert!(calls.fetch_add(1, Ordering::SeqCst) + 1 >= THREADS, "not the last");
                            book("last")
                        })
                    }));
                    if result.is_ok_and(|value| value.title == "last") {
                        loaded.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(calls.load(Ordering::SeqCst), THREADS);
        assert_eq!(loaded.load(Ordering::SeqCst), 1);
        assert_eq!(cache.get(&GetBook(1)).unwrap().title, "last");
    });
}

#[test]
fn a_write_during_a_load_wins_and_all_get_it() {
    let (cache, _) = shelf();
    let got = cache.get_or_insert_with(&GetBook(1), || {
        cache.insert(GetBook(1), book("written"));
        book("loaded")
    });
    assert_eq!(got.title, "written");
    assert_eq!(cache.get(&GetBook(1)).unwrap().title, "written");

    let got = cache.get_or_try_insert_with(&GetBook(2), || {
        let mut tx = cache.begin();
        tx.set(GetBook(2), book("committed"));
        tx.commit()?;
        Ok::<_, CommitError>(book("loaded"))
    });
    assert_eq!(got.unwrap().title, "committed");
    assert_eq!(cache.get(&GetBook(2)).unwrap().title, "committed");
}

#[test]
fn the_waiting_get_what_was_written_during_the_load() {
    in_time(|| {
        let (cache, _) = shelf();
        let (started, start) = mpsc::channel();
        let (written, write) = mpsc::channel();
        thread::scope(|scope| {
            let cache = &cache;
            let loader = scope.spawn(move || {
                cache.get_or_insert_with(&GetText(1), || {
                    started.send(()).unwrap();
                    write.recv().unwrap();
                    "loaded"
                })
            });
            start.recv().unwrap();
            let held = cache.insert(GetText(1), "written");
            let read = cache.get_or_insert_with(&GetText(1), || -> &str { panic!("there is a value") });
            assert!(Arc::ptr_eq(&held, &read));
            written.send(()).unwrap();
            assert!(Arc::ptr_eq(&held, &loader.join().unwrap()));
        });
    });
}

/// Returns whether the answer of a load is stored if `meanwhile` happens during the load.
fn is_stored(meanwhile: impl FnOnce(&Cache<Shelf>)) -> bool {
    let (cache, _) = shelf();
    let got = cache.get_or_insert_with(&GetBook(1), || {
        meanwhile(&cache);
        book("loaded before that")
    });
    assert_eq!(got.title, "loaded before that");
    cache.get(&GetBook(1)).is_some()
}

#[test]
fn a_removal_during_a_load_is_not_undone_by_it() {
    assert!(is_stored(|_| {}));
    assert!(!is_stored(|cache| {
        // The usual order: the row is deleted, then its entry, which does not exist yet.
        cache.remove(&GetBook(1));
    }));
    assert!(!is_stored(|cache| {
        cache.insert(GetBook(1), book("written"));
        cache.remove(&GetBook(1));
    }));
    assert!(!is_stored(|cache| {
        let mut tx = cache.begin();
        tx.remove(&GetBook(1));
        tx.commit().unwrap();
    }));
    assert!(!is_stored(Cache::clear));
    assert!(!is_stored(|cache| {
        cache.insert(GetBook(2), book("other"));
        cache.clear();
    }));
}

#[test]
fn a_write_during_a_load_wins_even_if_its_value_has_died() {
    let (cache, _) = shelf();
    let got = cache.get_or_insert_with(&GetText(1), || {
        drop(cache.insert(GetText(1), "newer, and not held"));
        "older"
    });
    assert_eq!(&*got, "older", "no other value is left to return");
    assert!(cache.get(&GetText(1)).is_none(), "an old answer is not stored as the present one");
}

#[test]
fn what_happens_to_other_keys_does_not_keep_a_load_from_being_stored() {
    assert!(is_stored(|cache| {
        for n in 2..2_000 {
            cache.insert(GetBook(n), book("other"));
            cache.remove(&GetBook(n));
        }
        let mut tx = cache.begin();
        for n in 2..100 {
            tx.remove(&GetBook(n));
        }
        tx.commit().unwrap();
    }));
}

#[test]
fn a_commit_that_fails_does_not_keep_a_load_from_being_stored() {
    assert!(is_stored(|cache| {
        let mut tx = cache.begin();
        assert!(tx.get(&GetBook(2)).is_none());
        tx.set(GetBook(1), book("never committed"));
        cache.insert(GetBook(2), book("in between"));
        assert!(matches!(tx.commit(), Err(CommitError::Conflict { .. })));
    }));
    assert!(is_stored(|cache| {
        let mut tx = cache.begin();
        tx.remove(&GetBook(1));
        assert!(tx.get(&GetTwin(1)).is_none());
        cache.insert(GetTwin(1), book("in between"));
        assert!(matches!(tx.commit(), Err(CommitError::Conflict { .. })));
    }));
}

#[test]
fn a_load_that_reads_its_own_key_computes_at_once() {
    let got = in_time(|| {
        let (cache, _) = shelf();
        let got = cache.get_or_insert_with(&GetBook(1), || {
            let inner = cache.get_or_insert_with(&GetBook(1), || book("inner"));
            book(&format!("around {}", inner.title))
        });
        assert!(Arc::ptr_eq(&got, &cache.get(&GetBook(1)).unwrap()));
        got.title.clone()
    });
    assert_eq!(got, "inner", "the inner value was written meanwhile");
}

#[test]
fn a_load_may_use_the_cache_and_load_other_keys() {
    in_time(|| {
        let (cache, _) = shelf();
        let got = cache.get_or_insert_with(&GetOne(1), || {
            let other = cache.get_or_insert_with(&GetOne(2), || 2_u32);
            cache.insert(GetOne(3), 3);
            cache.insert_timed(GetOne(4), 4, EntryTimes::new().ttl(SECOND));
            cache.reap();
            *other + cache.entries::<GetOne>().len() as u32
        });
        assert_eq!(*got, 2 + 2, "the held entry and the last entry are listed");
    });
}

#[test]
fn a_load_blocks_no_other_key() {
    in_time(|| {
        let (cache, _) = shelf();
        cache.get_or_insert_with(&GetOne(1), || {
            // All keys of the table share one shard.
            thread::scope(|scope| {
                scope.spawn(|| {
                    cache.insert(GetOne(2), 2);
                    assert!(cache.get(&GetOne(1)).is_none());
                    assert_eq!(*cache.get_or_insert_with(&GetOne(3), || 3_u32), 3);
                    cache.clear();
                });
            });
            1_u32
        });
    });
}

#[test]
fn a_load_stores_nothing_fresh_if_its_key_is_changed_or_marked_meanwhile() {
    for (name, change) in changes() {
        let (cache, _) = shelf();
        let got = cache.get_or_insert_with(&GetBook(1), || {
            change(&cache);
            book("loaded")
        });
        let present = cache.get(&GetBook(1));
        let expected = present.as_ref().map_or("loaded", |book| &book.title);
        assert_eq!(got.title, expected, "{name}: the present value, else the loaded one");
        assert!(present.is_none_or(|book| book.title != "loaded"), "{name}");
    }
}

#[test]
fn a_change_of_one_key_does_not_affect_loads_of_others() {
    for (name, change) in changes() {
        let (cache, _) = shelf();
        cache.get_or_insert_with(&GetBook(2), || {
            change(&cache);
            book("loaded")
        });
        let is_stored = cache.get_fresh(&GetBook(2)).is_some();
        assert_eq!(is_stored, !HITS_ALL.contains(&name), "{name}");
    }
}

#[test]
fn a_touch_or_a_pin_does_not_affect_a_load() {
    assert!(is_stored(|cache| {
        cache.touch(&GetBook(1));
        let mut tx = cache.begin();
        tx.touch(&GetBook(1));
        tx.commit().unwrap();
        let _ = cache.pin(&GetBook(1));
        let mut given_up = cache.begin();
        given_up.invalidate(&GetBook(1));
        given_up.invalidate_where::<GetBook>(|_| true);
        given_up.invalidate_all();
    }));
}

#[test]
fn a_pinned_key_that_is_marked_during_its_load_stays_absent() {
    let (cache, _) = shelf();
    let pinned = cache.pin(&GetText(1));
    let got = cache.get_or_insert_with(&GetText(1), || {
        cache.invalidate(&GetText(1));
        "loaded"
    });
    assert_eq!((&*got, pinned.get()), ("loaded", None));
    cache.get_or_insert_with(&GetText(1), || "loaded again");
    assert_eq!(pinned.get().as_deref(), Some("loaded again"), "nothing else holds it");
}

#[test]
fn a_mark_during_the_load_of_a_dynamic_entry_reaches_it() {
    let (cache, _) = shelf();
    let load = |change: &dyn Fn()| {
        let load = || -> Arc<dyn DynamicValue> {
            change();
            Arc::new(7_u32)
        };
        let got = cache.get_or_insert_with(&Dynamic::new("seven"), load);
        assert_eq!((*got).type_name(), "u32");
        cache.dynamic().get_as::<u32>("seven").unwrap()
    };
    assert_eq!(load(&|| _ = cache.invalidate(&Dynamic::new("seven"))), None);
    assert_eq!(load(&|| _ = cache.invalidate_all()), None);
    assert_eq!(load(&|| _ = cache.dynamic().remove("seven")), None);
    assert_eq!(load(&|| {}).as_deref(), Some(&7));
}

#[test]
fn nested_loads_are_each_reached_by_the_mark_of_their_key() {
    let (cache, _) = shelf();
    cache.get_or_insert_with(&GetBook(1), || {
        cache.get_or_insert_with(&GetTwin(1), || {
            cache.get_or_insert_with(&GetBook(2), || {
                cache.invalidate_where::<GetBook>(|key| key.0 == 1);
                cache.invalidate(&GetTwin(1));
                book("inner")
            });
            book("middle")
        });
        book("outer")
    });
    assert!(cache.get(&GetBook(1)).is_none() && cache.get(&GetTwin(1)).is_none());
    assert!(cache.get_fresh(&GetBook(2)).is_some());
}

#[test]
fn a_load_inside_a_load_of_the_same_key_that_began_after_the_mark_is_stored() {
    let (cache, _) = shelf();
    let got = cache.get_or_insert_with(&GetBook(1), || {
        cache.invalidate(&GetBook(1));
        cache.get_or_insert_with(&GetBook(1), || book("after the mark"));
        book("before the mark")
    });
    assert_eq!(got.title, "after the mark");
    assert!(Arc::ptr_eq(&got, &cache.get_fresh(&GetBook(1)).unwrap()));
}

#[test]
fn a_load_inside_a_transaction_is_marked_by_its_commit() {
    let (cache, _) = shelf();
    for marks_first in [true, false] {
        for mark in [
            (|tx| _ = tx.invalidate(&GetBook(1))) as fn(&mut cache_core::Transaction<Shelf>),
            |tx| {
                tx.invalidate_where::<GetBook>(|key| key.0 == 1);
            },
            |tx| tx.invalidate_query::<GetBook>(),
            |tx| tx.invalidate_all(),
        ] {
            cache.clear();
            let load = || {
                let got = cache.get_or_insert_with(&GetBook(1), || book("loaded"));
                assert_eq!(got.title, "loaded");
            };
            let work = |tx: &mut cache_core::Transaction<Shelf>| {
                if marks_first {
                    mark(tx);
                }
                load();
                if !marks_first {
                    mark(tx);
                }
                Ok::<_, CommitError>(())
            };
            cache.transact(work).unwrap();
            let entry = cache.get_entry(&GetBook(1)).unwrap();
            assert_eq!(entry.freshness(), Freshness::Invalidated, "marks first: {marks_first}");
        }
    }
}

/// Runs `before`, then a load during which `meanwhile` happens on another thread. Returns the fresh value
/// afterwards.
#[track_caller]
fn fresh_after<L: Lookup<Query = L> + Query<Value = u32>>(
    cache: &Cache<super::marks::Sides>,
    key: &L,
    meanwhile: impl FnOnce() + Send,
) -> bool
where
    super::marks::Sides: cache_core::Holds<L>,
{
    let got = cache.get_or_insert_with(key, || {
        thread::scope(|scope| _ = scope.spawn(meanwhile));
        7_u32
    });
    assert_eq!(*got, 7);
    cache.get_fresh(key).is_some()
}

#[test]
fn marks_by_tag_reach_only_the_loads_of_their_tables() {
    let cache = Cache::<super::marks::Sides>::new();
    let by_tag = || _ = cache.invalidate_tag("right");
    let by_transaction = || {
        let mut tx = cache.begin();
        tx.invalidate_tag("right");
        tx.commit().unwrap();
    };
    assert!(!fresh_after(&cache, &super::marks::GetRight(1), by_tag));
    assert!(fresh_after(&cache, &super::marks::GetLeft(1), by_tag));
    assert!(!fresh_after(&cache, &super::marks::GetRight(2), by_transaction));
    assert!(fresh_after(&cache, &super::marks::GetLeft(2), by_transaction));
}

#[test]
fn a_caller_before_the_mark_gets_the_load_and_one_after_it_loads_again() {
    in_time(|| {
        let (cache, _) = shelf();
        let (started, start) = mpsc::channel();
        let (finish, finished) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let cache = &cache;
            let old = scope.spawn(move || {
                cache.get_or_insert_with(&GetBook(1), || {
                    started.send(()).unwrap();
                    finished.recv().unwrap();
                    book("old")
                })
            });
            start.recv().unwrap();
            assert!(!cache.invalidate(&GetBook(1)), "there is no entry yet");
            let new = cache.get_or_insert_with(&GetBook(1), || book("new"));
            assert_eq!(new.title, "new", "a load from before the mark is not joined after it");
            finish.send(()).unwrap();
            assert!(Arc::ptr_eq(&old.join().unwrap(), &new), "the newer value wins, and all callers get it");
            assert!(Arc::ptr_eq(&cache.get_fresh(&GetBook(1)).unwrap(), &new));
        });
    });
}

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u32, capacity = 10, persist)]
pub struct GetSaved(pub u32);

registry! {
    pub struct Files { crate::store::load_on_miss::GetSaved }
}

#[test]
fn a_restore_during_a_load_wins_for_the_keys_that_it_restores() {
    let saved = Cache::<Files>::new();
    saved.insert(GetSaved(1), 10);
    let mut file = Vec::new();
    saved.save_to(&mut file).unwrap();
    let cache = Cache::<Files>::new();
    let load = |key| {
        *cache.get_or_insert_with(&GetSaved(key), || {
            cache.restore_from(&*file).unwrap();
            99_u32
        })
    };
    assert_eq!((load(1), load(2)), (10, 99));
    assert_eq!(cache.get_fresh(&GetSaved(1)).as_deref(), Some(&10));
    assert_eq!(cache.get_fresh(&GetSaved(2)).as_deref(), Some(&99), "the restore does not concern this key");
}
