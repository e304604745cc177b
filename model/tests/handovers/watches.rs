//! Async loads: a retired or overtaken load never replaces what is newer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cache_model::client_support::Inputs;
use cache_model::{CommitError, EntryState, EntryTimes, Freshness, StoreOutcome};

use crate::{Few, Recent, Store, check, part, store, together};

#[test]
fn a_load_that_was_retired_overtakes_none_that_began_after() {
    check(|| {
        let store = store();
        let old = Arc::new(store.watch(&Few(1)));
        let retired = Arc::clone(&old);
        together(vec![
            part(&store, move |_| drop(old.store(1, EntryTimes::new()))),
            part(&store, move |store| {
                retired.retire();
                let new = store.watch(&Few(1));
                assert!(matches!(new.store(2, EntryTimes::new()), StoreOutcome::Written(_)));
            }),
        ]);
        assert_eq!(store.get(&Few(1)).as_deref(), Some(&2));
    });
}

#[test]
fn what_was_loaded_before_a_change_is_not_stored_after_it() {
    check(|| {
        let store = store();
        let source = Arc::new(AtomicUsize::new(1));
        let loaded = Arc::clone(&source);
        together(vec![
            part(&store, move |store| {
                let watch = store.watch(&Few(1));
                let value = loaded.load(Ordering::SeqCst) as u64;
                watch.store(value, EntryTimes::new());
            }),
            part(&store, move |store| {
                source.store(2, Ordering::SeqCst);
                store.invalidate_where::<Few>(|_| true);
            }),
        ]);
        // It was loaded after the change, is marked, or is absent.
        assert!(store.get_fresh(&Few(1)).is_none_or(|value| *value == 2));
    });
}

#[test]
fn a_change_of_a_part_is_not_undone_by_what_was_loaded_before_it() {
    for keeps_a_thread in [false, true] {
        check(move || {
            let store = store();
            let source = Arc::new(AtomicUsize::new(1));
            let loaded = Arc::clone(&source);
            together(vec![
                part(&store, move |store| {
                    let load = || loaded.load(Ordering::SeqCst) as u64;
                    if keeps_a_thread {
                        store.get_or_insert_with(&Few(1), load);
                    } else {
                        let watch = store.watch(&Few(1));
                        watch.store(load(), EntryTimes::new());
                    }
                }),
                part(&store, move |store| {
                    source.store(2, Ordering::SeqCst);
                    store.transact(|tx| Ok::<_, CommitError>(tx.update(&Few(1), |_| 2_u64))).unwrap();
                }),
            ]);
            // It was changed, was loaded after the change, or is absent.
            assert!(store.get(&Few(1)).is_none_or(|value| *value == 2));
        });
    }
}

#[test]
fn the_callbacks_of_a_key_end_with_its_last_write() {
    check(|| {
        let store = store();
        let seen = Arc::new(AtomicUsize::new(0));
        let (reader, noted) = (store.clone(), Arc::clone(&seen));
        let _watch = store.watch_with(&Few(1), move || {
            // Callbacks may run on two threads at once. The largest value that they see counts: that of the last
            // write.
            let value = reader.get(&Few(1)).map_or(0, |value| *value as usize);
            noted.fetch_max(value, Ordering::SeqCst);
        });
        together(vec![
            part(&store, |store| drop((store.insert(Few(1), 1), store.insert(Few(1), 2)))),
            part(&store, |store| drop((store.insert(Few(2), 9), store.remove(&Few(2))))),
        ]);
        assert_eq!(seen.load(Ordering::SeqCst), 2);
    });
}

/// If a thread has changed an input and then finds no answer, no answer stored later is up to date unless it was built
/// from the change.
#[test]
fn an_answer_is_not_up_to_date_if_an_input_has_changed_before_it_was_stored() {
    type Change = fn(&Store);
    let changes: [Change; 4] = [
        |store| drop(store.insert(Few(1), 2)),
        |store| _ = store.invalidate(&Few(1)),
        |store| _ = store.remove(&Few(1)),
        |store| {
            store
                .transact(|tx| {
                    // In the table of the answer too, so that both need the locks of both.
                    tx.set(Recent(3), 3);
                    tx.set(Few(1), 2);
                    Ok::<_, CommitError>(())
                })
                .unwrap();
        },
    ];
    for change in changes {
        check(move || {
            let store = store();
            let _input = store.insert(Few(1), 1);
            let (was_old, is_late) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
            let (old, late) = (Arc::clone(&was_old), Arc::clone(&is_late));
            together(vec![
                part(&store, move |store| {
                    let (watch, mut inputs) = (store.watch(&Recent(1)), Inputs::default());
                    // A client reads like this: a marked entry is not an answer.
                    let found = store.value_and_state(&Few(1), false);
                    let found = found.filter(|(_, state)| state.freshness != Freshness::Invalidated);
                    let Some((value, _)) = found else { return };
                    old.store(*value == 1, Ordering::SeqCst);
                    store.note_input(&mut inputs, &Few(1), Some(&value), false, None);
                    watch.store_built(*value, EntryTimes::new(), &inputs);
                }),
                part(&store, move |store| {
                    change(&store);
                    late.store(store.peek(&Recent(1)).is_none(), Ordering::SeqCst);
                }),
            ]);
            if was_old.load(Ordering::SeqCst) && is_late.load(Ordering::SeqCst) {
                let (_, state) =
                    store.value_and_state(&Recent(1), false).expect("the answer is stored, and marked");
                assert_eq!(state.freshness, Freshness::Invalidated);
            }
        });
    }
}

/// Two answers, each built from the other: their locks are always taken in the same order.
#[test]
fn answers_that_are_built_from_each_other_are_stored_without_a_deadlock() {
    check(|| {
        let store = store();
        let (few, recent) = (store.insert(Few(1), 1), store.insert(Recent(1), 1));
        together(vec![
            part(&store, move |store| {
                let (watch, mut inputs) = (store.watch(&Few(1)), Inputs::default());
                store.note_input(&mut inputs, &Recent(1), Some(&recent), false, None);
                assert!(!matches!(
                    watch.store_built(2, EntryTimes::new(), &inputs),
                    StoreOutcome::Overtaken(_)
                ));
            }),
            part(&store, move |store| {
                let (watch, mut inputs) = (store.watch(&Recent(1)), Inputs::default());
                store.note_input(&mut inputs, &Few(1), Some(&few), false, None);
                assert!(!matches!(
                    watch.store_built(2, EntryTimes::new(), &inputs),
                    StoreOutcome::Overtaken(_)
                ));
            }),
        ]);
        let state = |found: Option<(Arc<u64>, EntryState)>| found.expect("the answer is stored").1.freshness;
        let states =
            (state(store.value_and_state(&Few(1), false)), state(store.value_and_state(&Recent(1), false)));
        // The one that was stored first is up to date.
        let are_marked = [states.0, states.1].map(|state| state == Freshness::Invalidated);
        assert_eq!(are_marked.iter().filter(|is_marked| **is_marked).count(), 1, "{states:?}");
    });
}
