//! Entries without a deadline never read the clock.

use std::sync::atomic::AtomicU64;

use cache_core::{Clock, EntryTimes, Moment};

use super::*;

/// Counts how often it is read.
#[derive(Debug, Default)]
struct Counting {
    inner: ManualClock,
    reads: AtomicU64,
}

impl Counting {
    fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }
}

impl Clock for Counting {
    fn now(&self) -> Moment {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.now()
    }
}

fn counted() -> (Cache<Shelf>, Arc<Counting>) {
    let clock = Arc::new(Counting::default());
    (Cache::builder().clock(Arc::clone(&clock)).build().unwrap(), clock)
}

#[test]
fn reads_of_entries_without_deadlines_never_read_the_clock() {
    let (cache, clock) = counted();
    let held = cache.insert(GetText(1), "held");
    cache.insert(GetBook(1), book("resident"));
    cache.insert(GetRecent(1), 1);
    cache.insert(GetBlob(1), vec![1]);
    let survivor = cache.insert(GetOne(1), 1);
    cache.insert(GetOne(2), 2);
    let pin = cache.pin(&GetBook(2));
    cache.insert(GetBook(2), book("pinned"));
    // An entry with its own time does not make its table read the clock for the others.
    cache.insert_timed(GetBook(3), book("timed"), EntryTimes::new().ttl(SECOND));
    let mut tx = cache.begin();
    let before = clock.reads();
    for _ in 0..10 {
        assert!(cache.get(&GetText(1)).is_some());
        assert!(cache.get(&GetBook(1)).is_some());
        assert!(cache.peek(&GetBook(1)).is_some());
        assert!(cache.get(&GetRecent(1)).is_some());
        assert!(cache.get(&GetBlob(1)).is_some());
        assert!(cache.get(&GetOne(1)).is_some(), "a survivor");
        assert!(cache.get(&GetBook(4)).is_none(), "a miss");
        assert!(pin.get().is_some());
        assert!(tx.get(&GetBook(1)).is_some());
        assert!(tx.committed(&GetBook(1)).is_some());
        assert!(cache.get_all((&GetBook(1), &GetRecent(1))).0.is_some());
        assert!(cache.history(&GetBook(1)).is_empty());
        assert_eq!(*cache.get_or_insert_with(&GetRecent(1), || 2_u32), 1);
    }
    assert_eq!(clock.reads(), before);
    drop((held, survivor));
}

#[test]
fn a_read_of_an_entry_with_a_deadline_reads_the_clock_once() {
    let (cache, clock) = counted();
    cache.insert(GetQuote(1), 1);
    cache.insert(GetSession(1), 1);
    cache.insert_timed(GetBook(3), book("timed"), EntryTimes::new().ttl(SECOND));
    let before = clock.reads();
    assert!(cache.get(&GetQuote(1)).is_some());
    assert!(cache.get(&GetSession(1)).is_some());
    assert!(cache.get(&GetBook(3)).is_some());
    assert_eq!(clock.reads(), before + 3);
}
