//! The event queue: every thread that changes the cache adds to it, and one thread at a time drains it.

use std::sync::{Arc, Mutex};

use cache_model::{Change, Removal};

use crate::{Recent, Weak, builder, check, part, together};

#[test]
fn every_commit_is_delivered_once_in_order() {
    check(|| {
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&received);
        let store = builder()
            .after_commit(move |change: &Change| {
                shuttle::thread::yield_now();
                log.lock().unwrap().push(change.revision().unwrap());
            })
            .build()
            .unwrap();
        let write = |id| {
            part(&store, move |store| {
                store.insert(Weak(id), id);
                let mut tx = store.begin();
                tx.set(Weak(9), id);
                tx.commit().unwrap();
            })
        };
        together(vec![write(1), write(2), write(3)]);
        let received = received.lock().unwrap();
        assert_eq!(received.len(), 6, "an event was not delivered");
        assert!(received.is_sorted());
    });
}

#[test]
fn a_listener_may_write_to_the_cache() {
    check(|| {
        let received = Arc::new(Mutex::new(0));
        let log = Arc::clone(&received);
        let inner: Arc<Mutex<Option<crate::Store>>> = Arc::default();
        let own = Arc::clone(&inner);
        let store = builder()
            .after_commit(move |change: &Change| {
                *log.lock().unwrap() += 1;
                if let Some((Weak(1), _)) = change.of::<Weak>() {
                    let store = own.lock().unwrap().clone();
                    store.unwrap().insert(Weak(5), 5);
                }
            })
            .build()
            .unwrap();
        *inner.lock().unwrap() = Some(store.clone());
        let write = |id| part(&store, move |store| drop(store.insert(Weak(id), id)));
        together(vec![write(1), write(1), write(2)]);
        assert_eq!(*received.lock().unwrap(), 5);
        inner.lock().unwrap().take();
    });
}

#[test]
fn every_value_that_left_is_delivered_once() {
    check(|| {
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&received);
        let store = builder()
            .on_removal(move |removal: &Removal| {
                let value = removal.of::<Recent>().map(|(_, value)| **value);
                log.lock().unwrap().push(value.unwrap());
            })
            .build()
            .unwrap();
        let write = |from| {
            part(&store, move |store| {
                for id in from..from + 3 {
                    store.insert(Recent(id), id);
                }
            })
        };
        together(vec![write(10), write(20)]);
        store.clear();
        let mut received = received.lock().unwrap().clone();
        received.sort_unstable();
        assert_eq!(received, [10, 11, 12, 20, 21, 22]);
    });
}

#[test]
fn a_survivor_that_dies_as_it_is_removed_is_counted_and_delivered_or_neither() {
    check(|| {
        let received = Arc::new(Mutex::new(0));
        let log = Arc::clone(&received);
        let store = builder().on_removal(move |_: &Removal| *log.lock().unwrap() += 1).build().unwrap();
        let last = store.insert(Weak(1), 1);
        together(vec![
            part(&store, |store| {
                store.remove(&Weak(1));
            }),
            part(&store, move |_| {
                shuttle::thread::yield_now();
                drop(last);
            }),
        ]);
        let counted: u64 = store.inspect().tables.iter().map(|table| table.removals.removed).sum();
        assert_eq!(counted, *received.lock().unwrap());
    });
}
