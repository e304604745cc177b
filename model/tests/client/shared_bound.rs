//! Reads of a copy while the feed's task marks it, and then extends until when copies are fresh.

use std::sync::Arc;
use std::time::Duration;

use cache_model::{Freshness, Moment};
use shuttle::thread;

use crate::bound::Bound;
use crate::{Get, Store, check};

const KEY: Get = Get(1);

/// So long after the clock's origin. Far more than a cheap clock lags behind.
fn at(seconds: u64) -> Moment {
    Moment::ORIGIN + Duration::from_secs(seconds)
}

/// What a hit returns at that time: the bound is read first, then the copy with its mark.
fn hit(store: &Store, bound: &Bound, now: Moment) -> Option<u64> {
    let until = bound.until();
    let entry = store.get_entry(&KEY)?;
    let is_fresh = entry.freshness() != Freshness::Invalidated && now <= until;
    is_fresh.then(|| **entry.value())
}

/// The bound is over, so that a hit needs the extended one, which comes after the mark.
#[test]
fn a_copy_that_was_dropped_is_not_fresh_by_the_bound_that_was_extended_after_its_mark() {
    check(|| {
        let (store, bound) = (Store::new(), Arc::new(Bound::default()));
        store.insert(KEY, 1);
        bound.extend(at(2));
        let (reader, seen) = (store.clone(), Arc::clone(&bound));
        let reading = thread::spawn(move || {
            for _ in 0..3 {
                assert_eq!(hit(&reader, &seen, at(3)), None);
            }
        });
        store.invalidate(&KEY);
        bound.extend(at(4));
        reading.join().unwrap();
        // Another key's copy is fresh again.
        store.insert(KEY, 2);
        assert_eq!(hit(&store, &bound, at(3)), Some(2));
    });
}

#[test]
fn a_bound_that_ended_makes_nothing_fresh_once_that_was_seen() {
    check(|| {
        let (store, bound) = (Store::new(), Arc::new(Bound::default()));
        store.insert(KEY, 1);
        bound.extend(at(4));
        let (reader, seen) = (store.clone(), Arc::clone(&bound));
        let reading = thread::spawn(move || {
            let hits = [(); 3].map(|()| hit(&reader, &seen, at(3)));
            assert!(hits.is_sorted_by(|a, b| a >= b), "a copy came back: {hits:?}");
        });
        bound.end();
        store.invalidate(&KEY);
        bound.extend(at(5));
        reading.join().unwrap();
        assert_eq!(hit(&store, &bound, at(3)), None);
    });
}
