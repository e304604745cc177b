//! The conditional lines of transactions: answers of loads, values that follow from a change, and fills. None of them
//! replaces something newer, and only an answer makes other loads out of date.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cache_model::client_support::{AnyStoreOutcome, AnyWatch, BroughtEntries, Inputs, ValueHandle};
use cache_model::{CommitError, EntryTimes, Freshness, Revision};

use crate::{Few, Recent, Store, check, load_and_change, part, store, together};

/// Begins a load of a key of `Few`.
fn begin(store: &Store, key: u64) -> AnyWatch {
    AnyWatch::new(store.any_table_ref::<Few>(), Few(key), None)
}

/// Commits the answer of a load of a key of `Few`, with a record of the same value.
fn finish(store: &Store, load: &AnyWatch, value: u64, inputs: &Inputs) -> AnyStoreOutcome {
    let mut tx = store.begin();
    tx.set(Recent(1), value);
    tx.set_watched(load, &ValueHandle::new::<Few>(Arc::new(value)), EntryTimes::new(), inputs);
    tx.commit().unwrap().stored(load).unwrap()
}

/// Replaces the value of a revision of the first key. Returns whether it was there.
fn follow(store: &Store, value: u64, seen: Revision) -> bool {
    let mut tx = store.begin();
    tx.follow(Few(1), value, seen);
    tx.commit().unwrap().is_stored(&store.any_table_ref::<Few>(), &Few(1))
}

fn revision_of(store: &Store, key: &Few) -> Revision {
    store.get_entry(key).unwrap().revision()
}

#[test]
fn an_answer_never_replaces_a_later_change_and_its_record_is_written_all_the_same() {
    let changes: [fn(&Store); 4] = [
        |store| drop(store.insert(Few(1), 2)),
        |store| _ = store.remove(&Few(1)),
        |store| _ = store.invalidate(&Few(1)),
        |store| store.clear(),
    ];
    for change in changes {
        check(move || {
            let store = store();
            let load = |store: &Store, source: &dyn Fn() -> u64| {
                let load = begin(store, 1);
                finish(store, &load, source(), &Inputs::default());
            };
            load_and_change(&store, load, change);
            assert!(store.get_fresh(&Few(1)).is_none_or(|value| *value == 2));
        });
    }
}

#[test]
fn of_two_answers_of_one_key_a_retired_one_is_not_stored() {
    check(|| {
        let store = store();
        let old = Arc::new(begin(&store, 1));
        let retired = Arc::clone(&old);
        together(vec![
            part(&store, move |store| drop(finish(&store, &old, 1, &Inputs::default()))),
            part(&store, move |store| {
                retired.retire();
                let new = begin(&store, 1);
                assert!(matches!(finish(&store, &new, 2, &Inputs::default()), AnyStoreOutcome::Written));
            }),
        ]);
        assert_eq!(store.get(&Few(1)).as_deref(), Some(&2));
    });
}

/// A reader that sees the answer sees the record that was committed with it.
#[test]
fn an_answer_and_its_record_are_seen_together() {
    check(|| {
        let store = store();
        together(vec![
            part(&store, |store| {
                let load = begin(&store, 1);
                finish(&store, &load, 2, &Inputs::default());
            }),
            part(&store, |store| {
                if store.get(&Few(1)).is_some() {
                    assert_eq!(store.get(&Recent(1)).as_deref(), Some(&2));
                }
            }),
        ]);
    });
}

/// If a thread has changed an input and then finds no answer, no answer stored later is fresh unless it was built from
/// the change.
#[test]
fn an_answer_is_marked_if_an_input_has_changed_before_it_was_stored() {
    check(|| {
        let store = store();
        store.insert(Few(2), 1);
        let came_first = Arc::new(AtomicBool::new(false));
        let noted = Arc::clone(&came_first);
        together(vec![
            part(&store, |store| {
                let (load, mut inputs) = (begin(&store, 1), Inputs::default());
                let seen = store.get(&Few(2));
                store.note_input(&mut inputs, &Few(2), seen.as_ref(), false, None);
                finish(&store, &load, *seen.unwrap(), &inputs);
            }),
            part(&store, move |store| {
                store
                    .transact(|tx| {
                        // In the table of the record too, so that both need the locks of both.
                        tx.set(Recent(3), 3);
                        tx.set(Few(2), 2);
                        Ok::<_, CommitError>(())
                    })
                    .unwrap();
                noted.store(store.get(&Few(1)).is_none(), Ordering::SeqCst);
            }),
        ]);
        if came_first.load(Ordering::SeqCst) {
            assert!(store.get_fresh(&Few(1)).is_none_or(|value| *value == 2));
        }
    });
}

#[test]
fn a_following_write_replaces_only_the_revision_that_it_names() {
    let changes: [fn(&Store); 3] =
        [|store| drop(store.insert(Few(1), 9)), |store| _ = store.remove(&Few(1)), |store| store.clear()];
    for (change, left) in changes.into_iter().zip([Some(9), None, None]) {
        check(move || {
            let store = store();
            store.insert(Few(1), 1);
            let seen = revision_of(&store, &Few(1));
            together(vec![
                part(&store, move |store| _ = follow(&store, 2, seen)),
                part(&store, move |store| change(&store)),
            ]);
            assert_eq!(store.get(&Few(1)).as_deref().copied(), left);
        });
    }
}

/// Two changes that each rewrite an entry from the value that they have read: no change is lost.
#[test]
fn of_two_following_writes_of_one_revision_one_is_skipped() {
    check(|| {
        let store = store();
        store.insert(Few(1), 0);
        let add = |store: Store| {
            loop {
                let entry = store.get_entry(&Few(1)).unwrap();
                if follow(&store, **entry.value() + 1, entry.revision()) {
                    return;
                }
            }
        };
        together(vec![part(&store, add), part(&store, add)]);
        assert_eq!(store.get(&Few(1)).as_deref(), Some(&2));
    });
}

/// Otherwise two polled queries that share a part would make each other's loads out of date for ever.
#[test]
fn a_following_write_leaves_loads_current_and_a_mark_where_it_is() {
    check(|| {
        let store = store();
        store.insert(Few(1), 1);
        let load = begin(&store, 1);
        let seen = revision_of(&store, &Few(1));
        together(vec![
            part(&store, move |store| _ = follow(&store, 2, seen)),
            part(&store, move |store| {
                let outcome = finish(&store, &load, 3, &Inputs::default());
                assert!(matches!(outcome, AnyStoreOutcome::Written));
            }),
        ]);
        assert_eq!(store.get(&Few(1)).as_deref(), Some(&3), "the answer is newer than what it follows from");
    });
    check(|| {
        let store = store();
        store.insert(Few(1), 1);
        let seen = revision_of(&store, &Few(1));
        together(vec![
            part(&store, move |store| _ = follow(&store, 2, seen)),
            part(&store, |store| _ = store.invalidate(&Few(1))),
        ]);
        let entry = store.get_entry(&Few(1)).unwrap();
        assert_eq!((**entry.value(), entry.freshness()), (2, Freshness::Invalidated));
    });
}

#[test]
fn a_fill_replaces_nothing_and_leaves_loads_current() {
    check(|| {
        let store = store();
        let load = begin(&store, 2);
        together(vec![
            part(&store, |store| {
                let mut tx = store.begin();
                tx.fill(Few(1), 1, EntryTimes::new());
                tx.fill(Few(2), 1, EntryTimes::new());
                tx.commit().unwrap();
            }),
            part(&store, |store| drop(store.insert(Few(1), 2))),
            part(&store, move |store| {
                let outcome = finish(&store, &load, 3, &Inputs::default());
                assert!(matches!(outcome, AnyStoreOutcome::Written));
            }),
        ]);
        assert_eq!(store.get(&Few(1)).as_deref(), Some(&2));
        assert_eq!(store.get(&Few(2)).as_deref(), Some(&3));
    });
}

#[test]
fn a_brought_line_does_not_undo_a_change() {
    check(|| {
        let store = store();
        let load = |store: &Store, source: &dyn Fn() -> u64| {
            let load = begin(store, 1);
            let value = source();
            let mut brought = BroughtEntries::new(store.any_table_ref::<Few>());
            brought.add(Few(2), Arc::new(value));
            let mut tx = store.begin();
            let answer = ValueHandle::new::<Few>(Arc::new(value));
            tx.set_watched(&load, &answer, EntryTimes::new(), &Inputs::default());
            tx.bring(&load, &brought);
            tx.commit().unwrap();
        };
        load_and_change(&store, load, |store| drop(store.insert(Few(2), 2)));
        // Both fit into the table.
        assert!(store.get(&Few(1)).is_some());
        assert_eq!(store.get(&Few(2)).as_deref(), Some(&2));
    });
}
