//! Loads on a miss: one thread computes, the others wait, and what is written meanwhile wins.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_model::{Cache, Query, Tag, Transaction, registry};
use shuttle::thread;

use crate::{Few, Registry, Store, Weak, check, part, store, together};

#[test]
fn one_thread_computes_for_all_callers() {
    check(|| {
        let store = store();
        let loads = Arc::new(AtomicUsize::new(0));
        let ask = |_| {
            let loads = Arc::clone(&loads);
            part(&store, move |store| {
                let value = store.get_or_insert_with(&Few(1), || {
                    loads.fetch_add(1, Ordering::SeqCst);
                    thread::yield_now();
                    7
                });
                assert_eq!(*value, 7);
            })
        };
        together((0..3).map(ask).collect());
        assert_eq!(loads.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn when_one_fails_another_takes_over() {
    check(|| {
        let store = store();
        let loads = Arc::new(AtomicUsize::new(0));
        let ask = |_| {
            let loads = Arc::clone(&loads);
            part(&store, move |store| {
                let load = || match loads.fetch_add(1, Ordering::SeqCst) {
                    0 => Err("the first load fails"),
                    number => Ok(number as u64),
                };
                let answer = store.get_or_try_insert_with(&Few(1), load);
                assert!(answer.is_ok_and(|value| *value == 1) || loads.load(Ordering::SeqCst) > 0);
            })
        };
        together((0..3).map(ask).collect());
        assert_eq!(loads.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn when_one_panics_another_takes_over() {
    check(|| {
        let store = store();
        let loads = Arc::new(AtomicUsize::new(0));
        let ask = |_| {
            let loads = Arc::clone(&loads);
            part(&store, move |store| {
                let load = || match loads.fetch_add(1, Ordering::SeqCst) {
                    // Not by `panic!`, whose hook prints.
                    0 => resume_unwind(Box::new("the first load panics")),
                    number => number as u64,
                };
                let ask = || store.get_or_insert_with(&Few(1), load);
                if let Ok(value) = catch_unwind(AssertUnwindSafe(ask)) {
                    assert_eq!(*value, 1);
                }
            })
        };
        together((0..3).map(ask).collect());
        assert_eq!(loads.load(Ordering::SeqCst), 2);
        assert_eq!(store.get(&Few(1)).as_deref(), Some(&1));
    });
}

#[test]
fn a_write_meanwhile_wins() {
    check(|| {
        let store = store();
        together(vec![
            part(&store, |store| {
                let value = store.get_or_insert_with(&Few(1), || 1);
                assert!(*value == 1 || *value == 2);
            }),
            part(&store, |store| drop(store.insert(Few(1), 2))),
        ]);
        assert_eq!(store.get(&Few(1)).as_deref(), Some(&2));
    });
}

#[test]
fn a_load_that_began_before_a_removal_is_not_kept_nor_given_to_later_callers() {
    check(|| {
        let store = store();
        // A load gives the value of the source at that moment.
        let source = Arc::new(AtomicUsize::new(1));
        let (old, new) = (Arc::clone(&source), Arc::clone(&source));
        let load = |source: &AtomicUsize| {
            let value = source.load(Ordering::SeqCst) as u64;
            thread::yield_now();
            value
        };
        together(vec![
            part(&store, move |store| {
                store.get_or_insert_with(&Few(1), || load(&old));
            }),
            part(&store, move |store| {
                // The source changes, and the program reports it to the cache.
                new.store(2, Ordering::SeqCst);
                store.remove(&Few(1));
                assert_eq!(
                    *store.get_or_insert_with(&Few(1), || load(&new)),
                    2,
                    "an answer from before the removal was stored"
                );
            }),
        ]);
        assert_eq!(store.get(&Few(1)).as_deref(), Some(&2));
    });
}

/// How a program reports to a store that the source of `Few(1)` has changed. The first part comes before the change.
type Mark = fn(&Store) -> Box<dyn FnOnce(&Store)>;

fn in_transaction(store: &Store, mark: fn(&mut Transaction<Registry>)) -> Box<dyn FnOnce(&Store)> {
    let mut tx = store.begin();
    mark(&mut tx);
    Box::new(move |_| drop(tx.commit().unwrap()))
}

const MARKS: [Mark; 11] = [
    |_| Box::new(|store| _ = store.invalidate(&Few(1))),
    |_| Box::new(|store| _ = store.invalidate_where::<Few>(|key| key.0 == 1)),
    |_| Box::new(|store| _ = store.invalidate_tag(Tag::new("few", 1))),
    |_| Box::new(|store| _ = store.invalidate_all()),
    |_| Box::new(|store| store.clear()),
    |store| in_transaction(store, |tx| _ = tx.invalidate(&Few(1))),
    |store| in_transaction(store, |tx| tx.invalidate_where::<Few>(|key| key.0 == 1)),
    |store| in_transaction(store, |tx| tx.invalidate_tag(Tag::new("few", 1))),
    |store| {
        in_transaction(store, |tx| {
            tx.set(Few(2), 2);
            tx.invalidate_tag(Tag::new("few", 1));
        })
    },
    |store| in_transaction(store, |tx| tx.invalidate_query::<Few>()),
    |store| in_transaction(store, |tx| tx.invalidate_all()),
];

#[test]
fn a_value_loaded_before_a_mark_is_not_fresh_after_it_and_not_given_to_later_loads() {
    for mark in MARKS {
        check(move || {
            let store = store();
            let source = Arc::new(AtomicUsize::new(1));
            let load = |source: &Arc<AtomicUsize>| {
                let source = Arc::clone(source);
                move || {
                    let value = source.load(Ordering::SeqCst) as u64;
                    thread::yield_now();
                    value
                }
            };
            let (old, new) = (load(&source), load(&source));
            together(vec![
                part(&store, move |store| _ = store.get_or_insert_with(&Few(1), old)),
                part(&store, move |store| {
                    let mark = mark(&store);
                    source.store(2, Ordering::SeqCst);
                    mark(&store);
                    let fresh = store.get_fresh(&Few(1));
                    assert!(fresh.is_none_or(|value| *value == 2), "a value from before the mark is fresh");
                    let is_marked = store.peek(&Few(1)).is_some();
                    let value = store.get_or_insert_with(&Few(1), new);
                    assert!(is_marked || *value == 2, "an answer from before the mark was returned unmarked");
                }),
            ]);
            assert!(store.get_fresh(&Few(1)).is_none_or(|value| *value == 2));
        });
    }
}

#[test]
fn a_load_does_not_take_the_place_of_a_later_write_that_has_died() {
    check(|| {
        let store = store();
        let loaded = Arc::new(AtomicUsize::new(0));
        let begun = Arc::clone(&loaded);
        together(vec![
            part(&store, move |store| {
                let held = store.get_or_insert_with(&Weak(1), || {
                    begun.store(1, Ordering::SeqCst);
                    thread::yield_now();
                    1
                });
                thread::yield_now();
                drop(held);
            }),
            part(&store, move |store| {
                let came_later = loaded.load(Ordering::SeqCst) == 1;
                let was_there = store.peek(&Weak(1)).is_some();
                drop(store.insert(Weak(1), 2));
                if came_later && !was_there {
                    assert_ne!(
                        store.get(&Weak(1)).as_deref(),
                        Some(&1),
                        "a value from before the write is stored"
                    );
                }
            }),
        ]);
    });
}

/// A value that writes to its cache when it is dropped.
#[derive(Debug)]
pub struct OnDrop(Option<Cache<Loads>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(cache) = self.0.take() {
            drop(cache.insert(GetOnDrop(1), OnDrop(None)));
        }
    }
}

/// A table that keeps only values in use.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = OnDrop)]
pub struct GetOnDrop(pub u64);

registry! {
    pub struct Loads {
        crate::flights::GetOnDrop,
    }
}

#[test]
fn no_answer_is_dropped_while_a_writer_holds_the_lock() {
    check(|| {
        let cache = Cache::<Loads>::new();
        let (reader, writer) = (cache.clone(), cache);
        together(vec![
            // It may miss, and find the first value when its turn to load comes.
            Box::new(move || drop(reader.get_or_insert_with(&GetOnDrop(1), || OnDrop(None)))),
            Box::new(move || {
                drop(writer.insert(GetOnDrop(1), OnDrop(Some(writer.clone()))));
                drop(writer.insert(GetOnDrop(1), OnDrop(None)));
            }),
        ]);
    });
}
