//! Reads while values die, and removals of dead keys while they are written again.

use shuttle::thread;

use crate::{Weak, check, part, report, store, together};

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
