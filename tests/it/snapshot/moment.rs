//! A save captures one moment of the whole cache.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// Ends the writer even if the test fails.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Every commit writes the same number into two tables, so the numbers in a snapshot are equal.
#[test]
fn a_save_never_sees_half_a_commit() {
    let cache = Cache::<Library>::new();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1u64.. {
                let mut tx = cache.begin();
                tx.set(GetBook { id: 1 }, book(number));
                tx.set(GetQuote("q".to_owned()), number);
                tx.commit().unwrap();
                if is_done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let _done = Done(&is_done);
        let mut last = 0;
        for _ in 0..300 {
            let restored = Cache::<Library>::new();
            restore(&restored, &saved(&cache));
            let book = restored.get(&GetBook { id: 1 }).map(|book| u64::from(book.pages));
            let quote = restored.get(&GetQuote("q".to_owned())).map(|quote| *quote);
            assert_eq!(book, quote);
            assert!(book.unwrap_or(0) >= last, "a later save has a later moment");
            last = book.unwrap_or(0);
        }
    });
}

#[test]
fn saves_and_restores_of_one_cache_at_once_end() {
    let cache = Cache::<Library>::new();
    (0..500).for_each(|id| drop(cache.insert(GetBook { id }, book(id))));
    let bytes = saved(&cache);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..30).for_each(|_| drop(saved(&cache))));
            scope.spawn(|| (0..30).for_each(|_| drop(restore(&cache, &bytes))));
        }
        (0..2000).for_each(|id| drop(cache.insert(GetBook { id: id % 600 }, book(id))));
    });
    assert!(cache.count::<GetBook>() >= 500);
}
