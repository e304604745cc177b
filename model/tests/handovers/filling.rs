//! Copies from elsewhere that fill a missing key while it is loaded: they replace nothing, undo no change, and retire
//! no load.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_model::client_support::{AnyWatch, ValueHandle};
use cache_model::{CommitError, EntryTimes, Query, StoreOutcome};

use crate::{Recent, Store, check, part, store, together};

fn watch(store: &Store) -> AnyWatch {
    AnyWatch::new(store.any_table_ref::<Recent>(), Recent(1), None)
}

/// Writes a copy, and returns whether it was written.
fn fill(watch: &AnyWatch, value: u64) -> bool {
    let codec = Recent::persistence().unwrap().entry_codec();
    watch.fill(codec, &Recent(1), &ValueHandle::new::<Recent>(Arc::new(value)), &EntryTimes::new())
}

/// Copies are kept elsewhere, and a change makes them obsolete: a fill reads one of them, a change comes after it.
#[track_caller]
fn check_against_change(change: fn(&Store), is_right: fn(&Store) -> bool) {
    check(move || {
        let store = store();
        let copy = Arc::new(AtomicUsize::new(1));
        let read = Arc::clone(&copy);
        together(vec![
            part(&store, move |store| {
                let watch = watch(&store);
                fill(&watch, read.load(Ordering::SeqCst) as u64);
            }),
            part(&store, move |store| {
                copy.store(2, Ordering::SeqCst);
                change(&store);
            }),
        ]);
        assert!(is_right(&store));
    });
}

#[test]
fn a_copy_does_not_undo_a_write() {
    let has_new = |store: &Store| store.get(&Recent(1)).as_deref() == Some(&2);
    check_against_change(|store| drop(store.insert(Recent(1), 2)), has_new);
    check_against_change(
        |store| drop(store.transact(|tx| Ok::<_, CommitError>(tx.set(Recent(1), 2))).unwrap()),
        has_new,
    );
}

#[test]
fn a_copy_does_not_undo_a_removal() {
    let has_nothing_old = |store: &Store| store.get(&Recent(1)).is_none_or(|value| *value == 2);
    check_against_change(|store| _ = store.remove(&Recent(1)), has_nothing_old);
    check_against_change(
        |store| _ = store.transact(|tx| Ok::<_, CommitError>(tx.remove(&Recent(1)))).unwrap(),
        has_nothing_old,
    );
    check_against_change(|store| store.clear(), has_nothing_old);
}

#[test]
fn a_copy_does_not_undo_a_mark() {
    let has_nothing_old = |store: &Store| store.get_fresh(&Recent(1)).is_none_or(|value| *value == 2);
    check_against_change(|store| _ = store.invalidate(&Recent(1)), has_nothing_old);
    check_against_change(|store| _ = store.invalidate_where::<Recent>(|_| true), has_nothing_old);
    check_against_change(|store| _ = store.invalidate_all(), has_nothing_old);
}

#[test]
fn a_load_that_runs_beside_a_copy_stores_its_answer() {
    check(|| {
        let store = store();
        let (lookup, load) = (watch(&store), store.watch(&Recent(1)));
        together(vec![
            part(&store, move |_| _ = fill(&lookup, 1)),
            part(&store, move |_| {
                assert!(matches!(load.store(2, EntryTimes::new()), StoreOutcome::Written(_)));
            }),
        ]);
        assert_eq!(store.get(&Recent(1)).as_deref(), Some(&2));
    });
}

#[test]
fn of_two_copies_the_first_is_kept() {
    check(|| {
        let store = store();
        let written = Arc::new(AtomicUsize::new(0));
        let fills = [1, 2].map(|value| {
            let (lookup, written) = (watch(&store), Arc::clone(&written));
            part(&store, move |_| _ = written.fetch_add(usize::from(fill(&lookup, value)), Ordering::SeqCst))
        });
        together(fills.into());
        assert_eq!(written.load(Ordering::SeqCst), 1);
        assert!(store.get(&Recent(1)).is_some());
    });
}
