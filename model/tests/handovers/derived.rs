//! Derived answers: however changes of inputs and stores interleave, an answer that is not marked was built from the
//! present inputs once the changes have returned.

use std::sync::Arc;

use cache_model::client_support::{AnswerFacts, AnyWatch, Inputs};
use cache_model::{EntryTimes, Freshness, Tag, Transaction};

use crate::{Few, Registry, Store, Sum, check, part, store, together};

/// Reads an input as a load does.
fn read_few(store: &Store, inputs: &mut Inputs, key: u64) -> u64 {
    let value = store.get(&Few(key));
    store.note_input(inputs, &Few(key), value.as_ref(), false, None);
    value.map_or(0, |value| *value)
}

fn read_sum(store: &Store, inputs: &mut Inputs, key: u64) -> u64 {
    let value = store.get_fresh(&Sum(key));
    store.note_input(inputs, &Sum(key), value.as_ref(), false, None);
    value.map_or(0, |value| *value)
}

/// Loads an answer that is built by `build`.
fn load(store: &Store, key: u64, build: impl FnOnce(&Store, &mut Inputs) -> u64) {
    let watch = AnyWatch::new(store.any_table_ref::<Sum>(), Sum(key), None);
    let mut inputs = Inputs::default();
    let value = build(store, &mut inputs);
    let facts =
        AnswerFacts { times: EntryTimes::new(), inputs: &inputs, is_unchanged: false, brought: &mut [] };
    watch.store(Sum(key), Arc::new(value), facts);
}

fn commit(store: &Store, work: impl FnOnce(&mut Transaction<Registry>)) {
    let mut tx = store.begin();
    work(&mut tx);
    tx.commit().unwrap();
}

#[test]
fn an_unmarked_answer_was_built_from_the_present_input() {
    let changes: [fn(&Store); 8] = [
        |store| drop(store.insert(Few(1), 2)),
        |store| _ = store.remove(&Few(1)),
        |store| _ = store.invalidate_tag(Tag::new("few", 1)),
        |store| _ = store.invalidate_where::<Few>(|_| true),
        |store| store.clear(),
        |store| commit(store, |tx| drop(tx.set(Few(1), 2))),
        |store| commit(store, |tx| tx.invalidate_tag(Tag::new("few", 1))),
        |store| commit(store, |tx| tx.invalidate_query::<Few>()),
    ];
    for change in changes {
        check(move || {
            let store = store();
            store.insert(Few(1), 1);
            together(vec![
                part(&store, |store| load(&store, 1, |store, inputs| read_few(store, inputs, 1))),
                part(&store, |store| load(&store, 1, |store, inputs| read_few(store, inputs, 1))),
                part(&store, move |store| change(&store)),
            ]);
            if let Some(sum) = store.get_fresh(&Sum(1)) {
                let input = store.get_entry(&Few(1));
                assert!(input.as_ref().is_none_or(|input| input.freshness() == Freshness::Fresh));
                assert_eq!(*sum, input.map_or(0, |input| **input.value()));
            }
        });
    }
}

/// The thread that changes an input finds the answers marked, even if another thread marks them.
#[test]
fn a_change_returns_when_what_was_built_from_it_is_marked() {
    check(|| {
        let store = store();
        for key in [1, 2] {
            store.insert(Few(key), 1);
            load(&store, key, |store, inputs| read_few(store, inputs, key));
        }
        let change = |key| {
            move |store: Store| {
                store.insert(Few(key), 2);
                assert!(store.get_fresh(&Sum(key)).is_none());
            }
        };
        together(vec![part(&store, change(1)), part(&store, change(2))]);
    });
}

/// However late the change has its effect on earlier answers.
#[test]
fn an_answer_that_was_built_from_the_change_stays_fresh() {
    check(|| {
        let store = store();
        store.insert(Few(1), 1);
        load(&store, 1, |store, inputs| read_few(store, inputs, 1));
        together(vec![
            part(&store, |store| drop(store.insert(Few(1), 2))),
            part(&store, |store| {
                let mut built_from = 0;
                load(&store, 1, |store, inputs| {
                    built_from = read_few(store, inputs, 1);
                    built_from
                });
                if built_from == 2 {
                    assert_eq!(store.get_fresh(&Sum(1)).as_deref(), Some(&2));
                }
            }),
        ]);
        assert_eq!(store.get(&Few(1)).as_deref(), Some(&2));
    });
}

#[test]
fn what_was_built_from_a_built_answer_is_marked_too() {
    check(|| {
        let store = store();
        store.insert(Few(1), 1);
        load(&store, 1, |store, inputs| read_few(store, inputs, 1));
        together(vec![
            part(&store, |store| load(&store, 2, |store, inputs| read_sum(store, inputs, 1))),
            part(&store, |store| drop(store.insert(Few(1), 2))),
            part(&store, |store| load(&store, 1, |store, inputs| read_few(store, inputs, 1))),
        ]);
        if let Some(second) = store.get_fresh(&Sum(2)) {
            assert_eq!((store.get_fresh(&Sum(1)).as_deref(), *second), (Some(&2), 2));
        }
    });
}

/// Answers that are built from each other, in one table and with the gate closed meanwhile.
#[test]
fn circles_end() {
    check(|| {
        let store = store();
        load(&store, 1, |store, inputs| read_sum(store, inputs, 2));
        load(&store, 2, |store, inputs| read_sum(store, inputs, 1));
        load(&store, 1, |store, inputs| read_sum(store, inputs, 2));
        together(vec![
            part(&store, |store| drop(store.insert(Sum(1), 1))),
            part(&store, |store| drop(store.insert(Sum(2), 2))),
            part(&store, |store| store.clear()),
        ]);
    });
}
