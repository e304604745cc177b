//! Loads that bring entries of other keys along: they never undo a change, and never replace newer entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_model::client_support::{AnswerFacts, AnyStoreOutcome, AnyWatch, BroughtEntries, Inputs};
use cache_model::{CommitError, EntryTimes, StoreOutcome, Tag};

use crate::{Few, Recent, Store, check, load_and_change, part, store, together};

/// Begins a load of a key of `Recent`.
fn begin(store: &Store, key: u64) -> AnyWatch {
    AnyWatch::new(store.any_table_ref::<Recent>(), Recent(key), None)
}

fn facts<'a>(inputs: &'a Inputs, brought: &'a mut [BroughtEntries]) -> AnswerFacts<'a> {
    AnswerFacts { times: EntryTimes::new(), inputs, is_unchanged: false, brought }
}

/// Stores the answer of a load, which brings the first key of `Few` along.
fn finish(store: &Store, load: &AnyWatch, key: u64, brought: u64) -> AnyStoreOutcome {
    let mut entries = BroughtEntries::new(store.any_table_ref::<Few>());
    entries.add(Few(1), Arc::new(brought));
    load.store(Recent(key), Arc::new(1), facts(&Inputs::default(), &mut [entries]))
}

/// Checks what is left after a load that brings the first key of `Few` along and a change of this key.
#[track_caller]
fn check_against_change(change: fn(&Store), is_right: fn(&Store) -> bool) {
    for is_present in [false, true] {
        check(move || {
            let store = store();
            if is_present {
                store.insert(Few(1), 1);
            }
            let load = |store: &Store, source: &dyn Fn() -> u64| {
                let load = begin(store, 1);
                finish(store, &load, 1, source());
            };
            load_and_change(&store, load, change);
            assert!(is_right(&store));
        });
    }
}

/// A fresh value was loaded after the change.
fn has_nothing_old(store: &Store) -> bool {
    store.get_fresh(&Few(1)).is_none_or(|value| *value == 2)
}

#[test]
fn a_write_is_not_undone() {
    let has_new = |store: &Store| store.get(&Few(1)).as_deref() == Some(&2);
    check_against_change(|store| drop(store.insert(Few(1), 2)), has_new);
    check_against_change(
        |store| drop(store.transact(|tx| Ok::<_, CommitError>(tx.set(Few(1), 2))).unwrap()),
        has_new,
    );
}

#[test]
fn a_removal_is_not_undone() {
    let has_nothing_old = |store: &Store| store.get(&Few(1)).is_none_or(|value| *value == 2);
    check_against_change(|store| _ = store.remove(&Few(1)), has_nothing_old);
    check_against_change(
        |store| _ = store.transact(|tx| Ok::<_, CommitError>(tx.remove(&Few(1)))).unwrap(),
        has_nothing_old,
    );
    check_against_change(|store| store.clear(), has_nothing_old);
}

#[test]
fn a_mark_is_not_undone() {
    check_against_change(|store| _ = store.invalidate(&Few(1)), has_nothing_old);
    check_against_change(|store| _ = store.invalidate_where::<Few>(|_| true), has_nothing_old);
    check_against_change(|store| _ = store.invalidate_tag(Tag::new("few", 1)), has_nothing_old);
    check_against_change(
        |store| _ = store.transact(|tx| Ok::<_, CommitError>(tx.invalidate(&Few(1)))).unwrap(),
        has_nothing_old,
    );
    check_against_change(
        |store| _ = store.transact(|tx| Ok::<_, CommitError>(tx.update(&Few(1), |_| 2_u64))).unwrap(),
        has_nothing_old,
    );
}

#[test]
fn a_load_of_the_key_that_began_later_counts() {
    check(|| {
        let store = store();
        let (earlier, later) = (begin(&store, 1), store.watch(&Few(1)));
        together(vec![
            part(&store, move |store| drop(finish(&store, &earlier, 1, 1))),
            part(&store, move |_| {
                assert!(matches!(later.store(2, EntryTimes::new()), StoreOutcome::Written(_)));
            }),
        ]);
        assert_eq!(store.get(&Few(1)).as_deref(), Some(&2));
    });
}

#[test]
fn a_load_of_the_key_that_began_earlier_does_not_count() {
    check(|| {
        let store = store();
        let (earlier, later) = (store.watch(&Few(1)), begin(&store, 1));
        together(vec![
            part(&store, move |_| drop(earlier.store(1, EntryTimes::new()))),
            part(&store, move |store| drop(finish(&store, &later, 1, 2))),
        ]);
        // An earlier load that has stored its answer may keep the later one from bringing the key.
        assert!(store.get(&Few(1)).is_some());
        let next = begin(&store, 2);
        finish(&store, &next, 2, 3);
        assert_eq!(store.get(&Few(1)).as_deref(), Some(&3));
    });
}

#[test]
fn of_two_loads_that_bring_a_key_the_later_one_counts() {
    check(|| {
        let store = store();
        let (earlier, later) = (begin(&store, 1), begin(&store, 2));
        let stored_later = Arc::new(AtomicUsize::new(0));
        let noted = Arc::clone(&stored_later);
        together(vec![
            part(&store, move |store| drop(finish(&store, &earlier, 1, 1))),
            part(&store, move |store| {
                finish(&store, &later, 2, 2);
                let value = store.get(&Few(1)).map_or(0, |value| *value as usize);
                noted.store(value, Ordering::SeqCst);
            }),
        ]);
        let value = store.get(&Few(1)).map(|value| *value as usize);
        assert_eq!(value, Some(stored_later.load(Ordering::SeqCst)), "nothing older has replaced it");
    });
}

/// A reader that sees the answer sees what came with it.
#[test]
fn the_answer_and_what_it_brings_are_seen_together() {
    check(|| {
        let store = store();
        together(vec![
            part(&store, |store| {
                let load = begin(&store, 1);
                finish(&store, &load, 1, 2);
            }),
            part(&store, |store| {
                if store.get(&Recent(1)).is_some() {
                    assert_eq!(store.get(&Few(1)).as_deref(), Some(&2));
                }
            }),
        ]);
    });
}

/// Each brings the answer of the other: the locks of both are taken in one order.
#[test]
fn loads_that_bring_the_answers_of_each_other_end() {
    check(|| {
        let store = store();
        together(vec![
            part(&store, |store| {
                let load = begin(&store, 1);
                finish(&store, &load, 1, 1);
            }),
            part(&store, |store| {
                let load = AnyWatch::new(store.any_table_ref::<Few>(), Few(1), None);
                let mut entries = BroughtEntries::new(store.any_table_ref::<Recent>());
                entries.add(Recent(1), Arc::new(2));
                load.store(Few(1), Arc::new(2), facts(&Inputs::default(), &mut [entries]));
            }),
        ]);
        assert!(store.get(&Few(1)).is_some() && store.get(&Recent(1)).is_some());
    });
}
