//! Loads that keep no thread: what is retired or overtaken never gets in the way of what is newer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_model::{CommitError, Stored, Times};

use crate::{Few, check, part, store, together};

#[test]
fn a_load_that_was_retired_overtakes_none_that_began_after() {
    check(|| {
        let store = store();
        let old = Arc::new(store.watch(&Few(1)));
        let retired = Arc::clone(&old);
        together(vec![
            part(&store, move |_| drop(old.store(1, Times::new()))),
            part(&store, move |store| {
                retired.retire();
                let new = store.watch(&Few(1));
                assert!(matches!(new.store(2, Times::new()), Stored::Written(_)));
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
                watch.store(value, Times::new());
            }),
            part(&store, move |store| {
                source.store(2, Ordering::SeqCst);
                store.invalidate_where::<Few>(|_| true);
            }),
        ]);
        // Either it was loaded after the change, or it is marked, or it is not there.
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
                        watch.store(load(), Times::new());
                    }
                }),
                part(&store, move |store| {
                    source.store(2, Ordering::SeqCst);
                    store.transact(|tx| Ok::<_, CommitError>(tx.update(&Few(1), |_| 2_u64))).unwrap();
                }),
            ]);
            // Changed, loaded after the change, or not there.
            assert!(store.get(&Few(1)).is_none_or(|value| *value == 2));
        });
    }
}

#[test]
fn whoever_is_called_about_a_key_has_seen_the_last_write_in_the_end() {
    check(|| {
        let store = store();
        let seen = Arc::new(AtomicUsize::new(0));
        let (reader, noted) = (store.clone(), Arc::clone(&seen));
        let _watch = store.watch_with(&Few(1), move || {
            // Two threads may be called at once; the larger of what they see counts, as the last of a key's writes.
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
