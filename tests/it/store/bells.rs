//! Who watches a key can have something called whenever the key changes.

use std::sync::atomic::{AtomicUsize, Ordering};

use cache_core::Watch;

use super::watches::{HITS_ALL, changes};
use super::*;

/// A watch of a book that counts its calls. Each call reads the book, and writes another.
fn counted(cache: &Cache<Shelf>, book: &GetBook) -> (Watch<GetBook>, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let (count, inner, key) = (Arc::clone(&calls), cache.clone(), book.clone());
    let changed = move || {
        count.fetch_add(1, Ordering::SeqCst);
        let _ = inner.get(&key);
        inner.insert(GetTwin(key.0), super::book("twin"));
    };
    (cache.watch_with(book, changed), calls)
}

#[test]
fn a_bell_rings_each_time_for_its_key_and_for_no_other() {
    for (name, change) in changes() {
        for is_present in [true, false] {
            let (cache, _) = shelf();
            if is_present {
                cache.insert(GetBook(1), book("old"));
            }
            let (_watch, calls) = counted(&cache, &GetBook(1));
            let (_other, other_calls) = counted(&cache, &GetBook(2));
            change(&cache);
            let first = calls.load(Ordering::SeqCst);
            assert!(first > 0, "{name}, present: {is_present}");
            change(&cache);
            assert!(calls.load(Ordering::SeqCst) > first, "{name}, present: {is_present}");
            let hits_all = HITS_ALL.contains(&name);
            assert_eq!(other_calls.load(Ordering::SeqCst) > 0, hits_all, "{name}, present: {is_present}");
        }
    }
}

#[test]
fn a_bell_rings_for_a_touch_though_that_is_no_write() {
    let (cache, _) = shelf();
    cache.insert(GetBook(1), book("old"));
    let (watch, calls) = counted(&cache, &GetBook(1));
    cache.touch(&GetBook(1));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    let mut tx = cache.begin();
    tx.touch(&GetBook(1));
    tx.commit().unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert!(!watch.is_overtaken());
}

#[test]
fn what_rings_finds_the_change_done() {
    let (cache, _) = shelf();
    let (seen, reader) = (Arc::new(Mutex::new(Vec::new())), cache.clone());
    let log = Arc::clone(&seen);
    let changed = move || {
        let title = reader.peek(&GetBook(1)).map(|book| book.title.clone());
        log.lock().push(title);
    };
    let _watch = cache.watch_with(&GetBook(1), changed);
    cache.insert(GetBook(1), book("one"));
    let mut tx = cache.begin();
    tx.set(GetBook(1), book("two"));
    tx.commit().unwrap();
    cache.remove(&GetBook(1));
    let titles = [Some("one".to_owned()), Some("two".to_owned()), None];
    assert_eq!(*seen.lock(), titles);
}

#[test]
fn a_dropped_watch_rings_no_more_and_a_panic_of_a_bell_is_counted() {
    let (cache, _) = shelf();
    let (watch, calls) = counted(&cache, &GetBook(1));
    drop(watch);
    cache.insert(GetBook(1), book("new"));
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    let _watch = cache.watch_with(&GetBook(1), || panic!("the bell breaks"));
    cache.insert(GetBook(1), book("newer"));
    assert_eq!(cache.inspect().listener_panics, 1);
    assert_eq!(cache.get(&GetBook(1)).unwrap().title, "newer");
}
