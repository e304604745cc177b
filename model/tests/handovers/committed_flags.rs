//! What is shown on top of a value until a commit replaces it, and what else a commit marks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cache_model::EntryTimes;

use crate::{Few, Recent, check, part, store, together};

/// The reader adds 1 to what it reads until the flag is set, as the commit does permanently.
#[test]
fn a_reader_that_checks_the_flag_before_and_after_it_reads_sees_no_half_of_a_commit() {
    check(|| {
        let store = store();
        store.insert(Recent(1), 1);
        store.insert(Few(1), 1);
        let flag = Arc::new(AtomicBool::new(false));
        let set = Arc::clone(&flag);
        let writing = part(&store, move |store| {
            let mut tx = store.begin();
            tx.set(Recent(1), 2);
            tx.set(Few(1), 2);
            tx.committed_flag(set);
            tx.commit().unwrap();
        });
        let reading = part(&store, move |store| {
            for _ in 0..3 {
                let (recent, few) = loop {
                    let is_set = flag.load(Ordering::Acquire);
                    let read = (store.get(&Recent(1)).unwrap(), store.get(&Few(1)).unwrap());
                    if flag.load(Ordering::Acquire) == is_set {
                        break if is_set { (*read.0, *read.1) } else { (*read.0 + 1, *read.1 + 1) };
                    }
                };
                assert_eq!((recent, few), (2, 2));
            }
        });
        together(vec![writing, reading]);
    });
}

/// A load that began before a mark is stored before it and marked, or not stored.
#[test]
fn no_load_slips_past_a_transaction_that_marks_all_of_its_table() {
    check(|| {
        let store = store();
        let watch = store.watch(&Few(1));
        let storing = part(&store, move |_| drop(watch.store(1, EntryTimes::new())));
        let marking = part(&store, |store| {
            let mut tx = store.begin();
            tx.set(Few(2), 2);
            tx.invalidate_query::<Few>();
            tx.set(Recent(1), 1);
            tx.commit().unwrap();
        });
        together(vec![storing, marking]);
        let is_marked = |key| store.peek_entry(&Few(key)).map(|entry| entry.freshness());
        assert_ne!(is_marked(1), Some(cache_model::Freshness::Fresh));
        assert_eq!(is_marked(2), Some(cache_model::Freshness::Fresh));
    });
}
