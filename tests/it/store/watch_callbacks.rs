//! A watch of a key may have a callback that runs whenever the key changes.

use std::sync::atomic::{AtomicUsize, Ordering};

use cache_core::Watch;
use cache_tests::sized;

use super::watches::{HITS_ALL, changes};
use super::*;

/// Returns a watch of a book that counts its calls. Each call reads the book, and writes another one.
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
fn a_callback_runs_each_time_for_its_key_and_for_no_other() {
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
fn a_callback_runs_for_a_touch_although_that_is_not_a_write() {
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
fn a_callback_finds_the_change_done() {
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
fn a_dropped_watch_makes_no_calls_and_a_panic_of_a_callback_is_counted() {
    let (cache, _) = shelf();
    let (watch, calls) = counted(&cache, &GetBook(1));
    drop(watch);
    cache.insert(GetBook(1), book("new"));
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    let _watch = cache.watch_with(&GetBook(1), || panic!("the callback panics"));
    cache.insert(GetBook(1), book("newer"));
    assert_eq!(cache.inspect().listener_panics, 1);
    assert_eq!(cache.get(&GetBook(1)).unwrap().title, "newer");
}

/// Number of steps of a chain in which each change causes the next one. Far more than fit on the stack of a
/// thread.
fn chain() -> usize {
    sized(20_000, 200_000)
}

#[test]
fn a_callback_may_trigger_itself_any_number_of_times() {
    let (cache, _) = shelf();
    let (steps, inner) = (Arc::new(AtomicUsize::new(0)), cache.clone());
    let count = Arc::clone(&steps);
    let _watch = cache.watch_with(&GetOne(1), move || {
        if count.fetch_add(1, Ordering::SeqCst) + 1 < chain() {
            inner.insert(GetOne(1), 1);
        }
    });
    cache.insert(GetOne(1), 0);
    assert_eq!(steps.load(Ordering::SeqCst), chain());
}

#[test]
fn callbacks_of_two_caches_may_trigger_each_other() {
    let caches = [shelf().0, shelf().0];
    let steps = Arc::new(AtomicUsize::new(0));
    let callback = |to: &Cache<Shelf>| {
        let (count, to) = (Arc::clone(&steps), to.clone());
        move || {
            if count.fetch_add(1, Ordering::SeqCst) + 1 < chain() {
                let mut tx = to.begin();
                tx.invalidate(&GetOne(1));
                tx.commit().unwrap();
            }
        }
    };
    let _watches = [
        caches[0].watch_with(&GetOne(1), callback(&caches[1])),
        caches[1].watch_with(&GetOne(1), callback(&caches[0])),
    ];
    caches[0].insert(GetOne(1), 0);
    assert_eq!(steps.load(Ordering::SeqCst), chain());
}

#[test]
fn listeners_and_callbacks_may_keep_changing_what_the_others_receive() {
    let steps = Arc::new(AtomicUsize::new(0));
    let cache = Arc::new(std::sync::OnceLock::<Cache<Shelf>>::new());
    let next = {
        let (count, cache) = (Arc::clone(&steps), Arc::clone(&cache));
        move || {
            let step = count.fetch_add(1, Ordering::SeqCst) + 1;
            if step < chain()
                && let Some(cache) = cache.get()
            {
                let mut tx = cache.begin();
                // The listener gets each commit. The removal listener and a callback get each insert into a
                // full table.
                tx.set(GetOne(step as u32), 0);
                tx.commit().unwrap();
                cache.invalidate(&GetBook(1));
            }
        }
    };
    let (hear, leave) = (next.clone(), next.clone());
    let built = Cache::<Shelf>::builder()
        .after_commit(move |change| {
            if change.of::<GetOne>().is_some() {
                hear();
            }
        })
        .on_removal(move |_| leave())
        .build()
        .unwrap();
    let cache = cache.get_or_init(|| built);
    let _watch = cache.watch_with(&GetBook(1), next);
    cache.insert(GetOne(0), 0);
    assert!(steps.load(Ordering::SeqCst) >= chain());
    assert_eq!(cache.inspect().listener_panics, 0);
}

#[test]
fn a_callback_on_one_thread_does_not_wait_for_that_of_another() {
    in_time(|| {
        let (cache, _) = shelf();
        let (entered, enter) = mpsc::channel();
        let (leave, left) = mpsc::channel::<()>();
        let left = Mutex::new(left);
        let _slow = cache.watch_with(&GetOne(1), move || {
            entered.send(()).unwrap();
            left.lock().recv().unwrap();
        });
        let called = Signal::default();
        let call = called.clone();
        let _quick = cache.watch_with(&GetTwin(1), move || call.give());
        thread::scope(|scope| {
            scope.spawn(|| cache.insert(GetOne(1), 1));
            enter.recv().unwrap();
            cache.insert(GetTwin(1), book("other"));
            assert!(called.is_given());
            leave.send(()).unwrap();
        });
    });
}
