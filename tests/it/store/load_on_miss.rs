//! One caller computes what is missing, the others wait for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::AtomicUsize;

use cache_core::{CommitError, Times};

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
            assert_eq!(calls.load(Ordering::SeqCst), 1, "all hold it until the last has it");
        }
    });
}

/// Runs a load on one thread that ends as `first` says once another thread waits for it, and returns what that got.
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

/// Whether the answer of a load is kept, during which `meanwhile` happens.
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
        // The usual order of things: the row is deleted, then its entry, which is not there yet.
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
        drop(cache.insert(GetText(1), "newer, and held by nobody"));
        "older"
    });
    assert_eq!(&*got, "older", "there is no other value left to answer with");
    assert!(cache.get(&GetText(1)).is_none(), "an old answer does not pass for the present one");
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
fn a_load_that_asks_for_its_own_key_computes_at_once() {
    let got = in_time(|| {
        let (cache, _) = shelf();
        let got = cache.get_or_insert_with(&GetBook(1), || {
            let inner = cache.get_or_insert_with(&GetBook(1), || book("inner"));
            book(&format!("around {}", inner.title))
        });
        assert!(Arc::ptr_eq(&got, &cache.get(&GetBook(1)).unwrap()));
        got.title.clone()
    });
    assert_eq!(got, "inner", "the inner one was written meanwhile");
}

#[test]
fn a_load_may_use_the_cache_and_load_other_keys() {
    in_time(|| {
        let (cache, _) = shelf();
        let got = cache.get_or_insert_with(&GetOne(1), || {
            let other = cache.get_or_insert_with(&GetOne(2), || 2_u32);
            cache.insert(GetOne(3), 3);
            cache.insert_timed(GetOne(4), 4, Times::new().ttl(SECOND));
            cache.reap();
            *other + cache.entries::<GetOne>().len() as u32
        });
        assert_eq!(*got, 2 + 2, "the held one and the last one are listed");
    });
}

#[test]
fn a_load_holds_up_nobody_else() {
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
