//! Commits against commits, and against readers of several keys.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use cache_model::{CommitError, Revision};

use crate::{Few, Recent, Store, Weak, check, part, store, together};

fn add_one(store: &Store) -> Revision {
    let mut tx = store.begin();
    tx.merge_with(Recent(1), |old: Option<&u64>| old.copied().unwrap_or(0) + 1);
    tx.merge_with(Few(1), |old: Option<&u64>| old.copied().unwrap_or(0) + 1);
    tx.commit().unwrap().revision().unwrap()
}

#[test]
fn no_merge_is_lost_and_no_revision_given_twice() {
    check(|| {
        let store = store();
        let revisions = Arc::new(Mutex::new(BTreeSet::new()));
        let adding = |_| {
            let revisions = Arc::clone(&revisions);
            part(&store, move |store| {
                let (first, second) = (add_one(&store), add_one(&store));
                assert!(first < second);
                revisions.lock().unwrap().extend([first, second]);
            })
        };
        together((0..3).map(adding).collect());
        assert_eq!(store.get(&Recent(1)).as_deref(), Some(&6));
        assert_eq!(store.get(&Few(1)).as_deref(), Some(&6));
        assert_eq!(revisions.lock().unwrap().len(), 6);
    });
}

#[test]
fn of_two_that_read_each_others_key_one_sees_the_other() {
    check(|| {
        let store = store();
        let was_alone = Arc::new(Mutex::new(0));
        let claim = |mine: u64, other: u64| {
            let was_alone = Arc::clone(&was_alone);
            part(&store, move |store| {
                let is_alone = store.transact(|tx| {
                    let is_alone = tx.get(&Recent(other)).is_none();
                    if is_alone {
                        tx.set(Recent(mine), mine);
                    }
                    Ok::<_, CommitError>(is_alone)
                });
                *was_alone.lock().unwrap() += u32::from(is_alone.unwrap());
            })
        };
        together(vec![claim(1, 2), claim(2, 1)]);
        assert_eq!(*was_alone.lock().unwrap(), 1);
    });
}

#[test]
fn a_read_of_an_absent_key_is_overtaken_though_its_value_was_reaped_meanwhile() {
    check(|| {
        let store = store();
        // Creates the shards, and leaves revisions of removed keys in them.
        drop(store.insert(Weak(1), 0));
        let has_read = Arc::new(AtomicBool::new(false));
        let overtaking = Arc::new(Mutex::new(None));
        let (read, overtaken_by) = (Arc::clone(&has_read), Arc::clone(&overtaking));
        let (committed, other) = (Arc::new(Mutex::new(None)), Arc::clone(&overtaking));
        let commit = Arc::clone(&committed);
        together(vec![
            part(&store, move |store| {
                let mut tx = store.begin();
                if tx.get(&Weak(1)).is_some() {
                    return;
                }
                has_read.store(true, Ordering::SeqCst);
                tx.set(Few(1), 1);
                *commit.lock().unwrap() = tx.commit().ok().and_then(|receipt| receipt.revision());
            }),
            part(&store, move |store| {
                let comes_after = read.load(Ordering::SeqCst);
                let mut tx = store.begin();
                tx.set(Weak(1), 7);
                let revision = tx.commit().unwrap().revision();
                store.reap();
                if comes_after {
                    *overtaken_by.lock().unwrap() = revision;
                }
            }),
        ]);
        let (committed, overtaking) = (*committed.lock().unwrap(), *other.lock().unwrap());
        if let (Some(committed), Some(overtaking)) = (committed, overtaking) {
            assert!(committed < overtaking, "a commit succeeded although its read was overtaken");
        }
    });
}

/// Writes one number under two keys of different tables, or removes both.
fn write_both(store: &Store, number: u64) {
    let mut tx = store.begin();
    if number == 0 {
        tx.remove(&Recent(1));
        tx.remove(&Few(1));
    } else {
        tx.set(Few(1), number);
        tx.set(Recent(1), number);
    }
    tx.commit().unwrap();
}

#[test]
fn keys_read_together_are_of_one_moment() {
    check(|| {
        let store = store();
        let reading = |_| {
            part(&store, |store| {
                for _ in 0..2 {
                    let (recent, few) = store.get_all((&Recent(1), &Few(1)));
                    assert_eq!(recent, few);
                }
            })
        };
        let mut parts: Vec<_> = (0..2).map(reading).collect();
        parts.push(part(&store, |store| [1, 0, 2].into_iter().for_each(|number| write_both(&store, number))));
        parts.push(part(&store, |store| write_both(&store, 3)));
        together(parts);
    });
}

#[test]
fn a_transaction_that_only_reads_sees_one_moment() {
    check(|| {
        let store = store();
        together(vec![
            part(&store, |store| {
                let read = store.transact(|tx| Ok::<_, CommitError>((tx.get(&Few(1)), tx.get(&Recent(1)))));
                let (few, recent) = read.unwrap();
                assert_eq!(few, recent);
            }),
            part(&store, |store| [1, 0, 2].into_iter().for_each(|number| write_both(&store, number))),
        ]);
    });
}

#[test]
fn a_reader_that_has_seen_one_write_of_a_commit_sees_all() {
    check(|| {
        let store = store();
        let number = |value: Option<Arc<u64>>| value.map_or(0, |value| *value);
        together(vec![
            part(&store, move |store| {
                let few = number(store.get(&Few(1)));
                assert!(number(store.get(&Recent(1))) >= few);
            }),
            part(&store, move |store| {
                let recent = number(store.get(&Recent(1)));
                assert!(number(store.get(&Few(1))) >= recent);
            }),
            part(&store, |store| [1, 2].into_iter().for_each(|number| write_both(&store, number))),
        ]);
    });
}

#[test]
fn clear_is_one_moment_of_all_tables() {
    check(|| {
        let store = store();
        write_both(&store, 1);
        together(vec![
            part(&store, |store| {
                let (recent, few) = store.get_all((&Recent(1), &Few(1)));
                assert_eq!(recent, few);
            }),
            part(&store, |store| store.clear()),
            part(&store, |store| write_both(&store, 2)),
        ]);
        let left = store.get_all((&Recent(1), &Few(1)));
        assert_eq!(left.0, left.1);
    });
}
