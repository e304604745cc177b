//! Reads while values die, and removals of dead keys while they are written again; uses in an exact order.

use shuttle::thread;

use crate::{Recent, Weak, check, part, report, store, together};

#[test]
fn a_read_finds_the_whole_value_or_none_while_the_last_handle_is_dropped() {
    check(|| {
        let store = store();
        let handle = store.insert(Weak(1), 10);
        together(vec![
            part(&store, move |_| {
                thread::yield_now();
                drop(handle);
            }),
            part(&store, |store| {
                let first = store.get(&Weak(1));
                let is_gone = first.is_none();
                drop(first);
                let second = store.get(&Weak(1));
                assert!(
                    second.as_deref().is_none_or(|value| *value == 10 && !is_gone),
                    "a dead value came back"
                );
            }),
            part(&store, |store| {
                let listed = store.entries::<Weak>();
                assert!(listed.len() <= 1);
                assert!(listed.iter().all(|entry| **entry.value() == 10));
            }),
        ]);
        assert_eq!(store.get(&Weak(1)), None);
        assert_eq!(store.reap(), 1);
        assert_eq!(report(&store, "weak").dead, 0);
    });
}

#[test]
fn a_key_written_again_is_not_reaped() {
    check(|| {
        let store = store();
        drop(store.insert(Weak(1), 10));
        together(vec![
            part(&store, |store| {
                let held = store.insert(Weak(1), 20);
                assert_eq!(store.get(&Weak(1)).as_ref(), Some(&held));
                thread::yield_now();
                assert_eq!(store.get(&Weak(1)).as_ref(), Some(&held));
            }),
            part(&store, |store| {
                store.reap();
            }),
            part(&store, |store| {
                let value = store.get(&Weak(1));
                assert!(value.is_none_or(|value| *value == 20));
                store.reap();
            }),
        ]);
        store.reap();
        let report = report(&store, "weak");
        assert_eq!((report.live(), report.dead), (0, 0));
    });
}

#[test]
fn a_removal_and_a_reap_take_a_key_out_once() {
    check(|| {
        let store = store();
        let handle = store.insert(Weak(1), 10);
        together(vec![
            part(&store, move |_| drop(handle)),
            part(&store, |store| {
                store.remove(&Weak(1));
            }),
            part(&store, |store| {
                store.reap();
            }),
        ]);
        store.reap();
        let report = report(&store, "weak");
        assert_eq!((report.live(), report.dead), (0, 0));
    });
}

#[test]
fn an_entry_in_exact_order_that_was_read_outlives_one_that_was_not() {
    check(|| {
        let store = store();
        for key in [1, 2] {
            store.insert(Recent(key), key);
        }
        together(vec![
            part(&store, |store| {
                let is_first = store.get(&Recent(1)).is_some();
                assert!(!is_first || store.peek(&Recent(1)).is_some(), "evicted after its use");
            }),
            part(&store, |store| {
                store.insert(Recent(3), 3);
            }),
        ]);
        assert_eq!(store.entries::<Recent>().len(), 2);
    });
}

#[test]
fn in_exact_order_a_use_after_uses_that_overlapped_is_the_latest() {
    // Both threads together fill the buffer of uses.
    const USES: usize = 9;
    check(|| {
        let store = store();
        for key in [1, 2] {
            store.insert(Recent(key), key);
        }
        let uses = |key| {
            part(&store, move |store| {
                for _ in 0..USES {
                    assert!(store.get(&Recent(key)).is_some());
                }
            })
        };
        together(vec![uses(1), uses(2), uses(2)]);
        assert!(store.get(&Recent(1)).is_some());
        store.insert(Recent(3), 3);
        assert!(store.contains(&Recent(1)), "an earlier use of another entry came after it");
        assert!(!store.contains(&Recent(2)));
    });
}
