//! Which listeners get which removals and changes, once and in order.

use std::collections::HashMap;

use cache_core::{ChangeKind, Query, RemovalCause};

use super::*;

type Heard = Arc<Mutex<Vec<(&'static str, RemovalCause, String)>>>;

/// Returns a cache that records each removal by table, cause and key.
fn listening() -> (Cache<Shelf>, Arc<ManualClock>, Heard) {
    let heard = Heard::default();
    let clock = Arc::new(ManualClock::new());
    let log = Arc::clone(&heard);
    let cache = Cache::builder()
        .clock(Arc::clone(&clock))
        .on_removal(move |removal| {
            log.lock().push((removal.table(), removal.cause(), format!("{:?}", removal.key())));
        })
        .build()
        .unwrap();
    (cache, clock, heard)
}

fn one(
    table: &'static str,
    cause: RemovalCause,
    key: impl std::fmt::Debug,
) -> (&'static str, RemovalCause, String) {
    (table, cause, format!("{key:?}"))
}

#[test]
fn each_cause_is_received_once() {
    let (cache, clock, heard) = listening();
    let take = || std::mem::take(&mut *heard.lock());
    cache.insert(GetRecent(1), 1);
    assert_eq!(take(), [], "nothing has been removed yet");
    cache.insert(GetRecent(1), 2);
    assert_eq!(take(), [one("get_recent", RemovalCause::Replaced, GetRecent(1))]);
    for n in 2..=5 {
        cache.insert(GetRecent(n), n);
    }
    assert_eq!(take(), [one("get_recent", RemovalCause::Evicted, GetRecent(1))]);
    cache.remove(&GetRecent(2));
    assert_eq!(take(), [one("get_recent", RemovalCause::Removed, GetRecent(2))]);
    cache.remove(&GetRecent(2));
    assert_eq!(take(), []);
    cache.insert(GetQuote(1), 1);
    clock.advance(SECOND * 5);
    assert!(cache.get(&GetQuote(1)).is_none());
    assert_eq!(take(), [one("get_quote", RemovalCause::Expired, GetQuote(1))]);
    assert!(cache.get(&GetQuote(1)).is_none());
    cache.reap();
    assert_eq!(take(), []);
    for n in 3..=5 {
        cache.remove(&GetRecent(n));
    }
    take();
    cache.insert(GetRecent(9), 9);
    cache.insert(GetBook(1), book("one"));
    cache.clear();
    let cleared = take();
    assert_eq!(cleared.len(), 2);
    assert!(cleared.contains(&one("get_book", RemovalCause::Cleared, GetBook(1))));
    assert!(cleared.contains(&one("get_recent", RemovalCause::Cleared, GetRecent(9))));
    let removals = table(&cache, "get_recent").removals;
    assert_eq!((removals.replaced, removals.evicted, removals.removed, removals.cleared), (1, 1, 4, 1));
    assert_eq!(table(&cache, "get_quote").removals.expired, 1);
}

#[test]
fn listeners_receive_what_commits_replace_and_remove() {
    let (cache, _, heard) = listening();
    cache.insert(GetRecent(1), 1);
    cache.insert(GetRecent(2), 2);
    let mut tx = cache.begin();
    tx.set(GetRecent(1), 11);
    tx.remove(&GetRecent(2));
    tx.set(GetRecent(3), 3);
    assert!(heard.lock().is_empty());
    tx.commit().unwrap();
    assert_eq!(
        *heard.lock(),
        [
            one("get_recent", RemovalCause::Replaced, GetRecent(1)),
            one("get_recent", RemovalCause::Removed, GetRecent(2))
        ]
    );
}

#[test]
fn a_listener_gets_the_value_that_left() {
    let kept: Arc<Mutex<Vec<Arc<u32>>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let cache = Cache::<Shelf>::builder()
        .on_removal(move |removal| {
            assert!(removal.of::<GetTwin>().is_none(), "the removal is of another query");
            let (key, value) = removal.of::<GetOne>().unwrap();
            assert_eq!(key.0 * 10, **value);
            keep.lock().push(Arc::clone(value));
        })
        .build()
        .unwrap();
    let first = cache.insert(GetOne(1), 10);
    cache.insert(GetOne(2), 20);
    assert!(Arc::ptr_eq(&first, &kept.lock()[0]));
    drop(first);
    assert_eq!(cache.get(&GetOne(1)).as_deref(), Some(&10), "the listener keeps it alive");
    kept.lock().clear();
    assert!(cache.get(&GetOne(1)).is_none());
}

#[test]
fn listeners_receive_no_value_that_had_died_before() {
    let (cache, _, heard) = listening();
    drop(cache.insert(GetText(1), "dead"));
    cache.insert(GetText(1), "replaces nothing");
    drop(cache.insert(GetText(2), "dead"));
    cache.remove(&GetText(2));
    drop(cache.insert(GetText(3), "dead"));
    cache.reap();
    drop(cache.insert(GetText(4), "dead"));
    cache.clear();
    assert_eq!(*heard.lock(), []);
}

#[test]
fn an_evicted_value_that_dies_later_is_received_once() {
    let (cache, _, heard) = listening();
    let held = cache.insert(GetOne(1), 10);
    cache.insert(GetOne(2), 20);
    assert_eq!(*heard.lock(), [one("get_one", RemovalCause::Evicted, GetOne(1))]);
    drop(held);
    cache.reap();
    assert_eq!(heard.lock().len(), 1);
}

#[test]
fn listeners_receive_removed_and_replaced_survivors() {
    let (cache, _, heard) = listening();
    let held =
        [cache.insert(GetText(1), "one"), cache.insert(GetText(2), "two"), cache.insert(GetText(3), "three")];
    cache.remove(&GetText(1));
    let two = cache.insert(GetText(2), "new");
    cache.clear();
    let heard: Vec<_> = heard.lock().iter().map(|(_, cause, key)| (*cause, key.clone())).collect();
    assert_eq!(heard[0], (RemovalCause::Removed, "GetText(1)".to_owned()));
    assert_eq!(heard[1], (RemovalCause::Replaced, "GetText(2)".to_owned()));
    assert_eq!(heard.len(), 4, "{heard:?}");
    assert!(heard[2..].iter().all(|(cause, _)| *cause == RemovalCause::Cleared));
    drop((held, two));
}

#[test]
fn removals_and_changes_of_one_key_are_received_in_their_order() {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let (changes, removals) = (Arc::clone(&heard), Arc::clone(&heard));
    let cache = Cache::<Shelf>::builder()
        .after_commit(move |change| {
            let revision = change.revision().map_or(0, |revision| revision.get());
            changes.lock().push(format!("{revision} {:?}", change.kind()));
        })
        .on_removal(move |removal| {
            let (_, value) = removal.of::<GetBook>().unwrap();
            removals.lock().push(format!("{:?} {}", removal.cause(), value.title));
        })
        .build()
        .unwrap();
    cache.insert(GetBook(1), book("a"));
    cache.insert(GetBook(1), book("b"));
    cache.remove(&GetBook(1));
    let mut tx = cache.begin();
    tx.merge_with(GetBook(1), |_: Option<&Book>| book("c"));
    tx.commit().unwrap();
    assert_eq!(
        *heard.lock(),
        ["1 Set", "2 Set", "Replaced a", "3 Removed", "Removed b", "4 Merged"].map(str::to_owned)
    );
}

#[test]
fn a_listener_may_change_the_cache_that_it_listens_to() {
    in_time(|| {
        let home: Arc<Mutex<Option<Cache<Shelf>>>> = Arc::default();
        let inner = Arc::clone(&home);
        let order: Arc<Mutex<Vec<u32>>> = Arc::default();
        let note = Arc::clone(&order);
        let cache = Cache::<Shelf>::builder()
            .on_removal(move |removal| {
                let cache = inner.lock().clone().unwrap();
                if let Some((key, value)) = removal.of::<GetOne>() {
                    note.lock().push(key.0);
                    // Evicted entries go to another table, and a few are put back.
                    cache.insert(GetRecent(key.0), **value);
                    assert!(cache.get(&GetOne(1_000)).is_none());
                    if key.0 < 3 {
                        cache.insert(GetOne(key.0 + 10), 0);
                    }
                    let mut tx = cache.begin();
                    tx.set(GetBook(key.0), book("noted"));
                    tx.commit().unwrap();
                }
            })
            .build()
            .unwrap();
        *home.lock() = Some(cache.clone());
        for n in 0..5 {
            cache.insert(GetOne(n), n);
        }
        let order = order.lock().clone();
        assert_eq!(order.len(), table(&cache, "get_one").removals.evicted as usize);
        assert_eq!(cache.count::<GetBook>(), order.len(), "each was delivered once");
        assert_eq!(cache.inspect().listener_panics, 0);
        *home.lock() = None;
    });
}

/// A panic payload that panics itself when it is dropped.
struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("the payload of a panic panics");
    }
}

#[test]
fn what_a_panic_of_a_listener_carries_may_panic_too() {
    let heard = Arc::new(Mutex::new(0));
    let log = Arc::clone(&heard);
    let cache = Cache::<Shelf>::builder()
        .after_commit(|_| std::panic::panic_any(PanicsOnDrop))
        .after_commit(move |_| *log.lock() += 1)
        .build()
        .unwrap();
    cache.insert(GetOne(1), 10);
    cache.insert(GetOne(2), 20);
    assert_eq!(*heard.lock(), 2, "the next listener receives it nevertheless");
    assert_eq!(cache.inspect().listener_panics, 2);
}

#[test]
fn a_listener_that_panics_is_reported_and_undoes_nothing() {
    let heard = Arc::new(Mutex::new(0));
    let log = Arc::clone(&heard);
    let cache = Cache::<Shelf>::builder()
        .after_commit(|_| panic!("in a listener"))
        .on_removal(|_| panic!("in another listener"))
        .on_removal(move |_| *log.lock() += 1)
        .build()
        .unwrap();
    cache.insert(GetOne(1), 10);
    cache.insert(GetOne(2), 20);
    assert_eq!(cache.get(&GetOne(2)).as_deref(), Some(&20));
    assert_eq!(*heard.lock(), 1, "the next listener receives it nevertheless");
    assert_eq!(cache.inspect().listener_panics, 3);
}

#[test]
fn neither_a_touch_nor_a_read_calls_a_listener() {
    let heard: Arc<Mutex<Vec<ChangeKind>>> = Arc::default();
    let log = Arc::clone(&heard);
    let cache =
        Cache::<Shelf>::builder().after_commit(move |change| log.lock().push(change.kind())).build().unwrap();
    cache.insert(GetBook(1), book("one"));
    cache.touch(&GetBook(1));
    let mut tx = cache.begin();
    tx.get(&GetBook(1));
    tx.touch(&GetBook(1));
    tx.commit().unwrap();
    assert_eq!(*heard.lock(), [ChangeKind::Set]);
}

#[test]
fn a_program_may_retain_by_type_with_a_listener() {
    let kept: Arc<Mutex<HashMap<&'static str, Arc<str>>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let clock = Arc::new(ManualClock::new());
    let unbounded = cache_core::TableOptions::unbounded;
    let cache = Cache::<Shelf>::builder()
        .clock(clock)
        .table::<GetBook>(|table| unbounded(table).history(0))
        .table::<GetTwin>(unbounded)
        .table::<GetOne>(unbounded)
        .after_commit(move |change| {
            if let Some((_, Some(text))) = change.of::<GetText>() {
                keep.lock().insert(change.table(), Arc::clone(text));
            }
        })
        .build()
        .unwrap();
    let others = (
        cache.insert(GetBook(1), book("a")),
        cache.insert(GetTwin(1), book("b")),
        cache.insert(GetOne(1), 1),
    );
    for n in 0..5 {
        drop(cache.insert(GetText(n), format!("text {n}")));
    }
    drop(others);
    assert_eq!(cache.len(), 1, "the last written entry of the only table that the listener retains");
    assert_eq!(cache.get(&GetText(4)).as_deref(), Some("text 4"));
}

/// Four tables that keep nothing.
mod four {
    use cache_core::{Query, registry};

    macro_rules! keep_nothing {
        ($($name:ident),*) => {$(
            #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
            #[query(value = String)]
            pub struct $name(pub u32);
        )*};
    }
    keep_nothing!(First, Second, Third, Fourth);

    registry! {
        pub struct Four {
            First,
            Second,
            Third,
            Fourth,
        }
    }
}

#[test]
fn a_listener_keeps_the_last_value_of_two_of_four_tables() {
    use four::{First, Four, Fourth, Second, Third};
    let kept: Arc<Mutex<HashMap<&'static str, Arc<String>>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let cache = Cache::<Four>::builder()
        .after_commit(move |change| {
            let second = change.of::<Second>().and_then(|(_, value)| value);
            let fourth = change.of::<Fourth>().and_then(|(_, value)| value);
            if let Some(value) = second.or(fourth) {
                keep.lock().insert(change.table(), Arc::clone(value));
            }
        })
        .build()
        .unwrap();
    for n in 0..3 {
        let mut tx = cache.begin();
        tx.set(First(n), format!("first {n}"));
        tx.set(Second(n), format!("second {n}"));
        tx.set(Third(n), format!("third {n}"));
        tx.set(Fourth(n), format!("fourth {n}"));
        drop(tx.commit().unwrap());
    }
    assert_eq!(cache.len(), 2);
    assert_eq!(cache.get(&Second(2)).unwrap().as_str(), "second 2");
    assert_eq!(cache.get(&Fourth(2)).unwrap().as_str(), "fourth 2");
    cache.reap();
    assert!(cache.inspect().tables.iter().all(|table| table.dead == 0));
    assert_eq!(cache.len(), 2);
    let name = <Second as Query>::NAME;
    assert_eq!(kept.lock().remove(name).unwrap().as_str(), "second 2");
    assert!(cache.get(&Second(2)).is_none());
}

#[test]
fn every_thread_has_received_its_own_removals_when_all_are_done() {
    let (cache, _, heard) = listening();
    thread::scope(|scope| {
        for thread in 0..4 {
            let cache = &cache;
            scope.spawn(move || {
                for n in 0..500 {
                    cache.insert(GetBook(thread), book(&n.to_string()));
                }
            });
        }
    });
    assert_eq!(heard.lock().len(), 4 * 499);
    assert!(heard.lock().iter().all(|(_, cause, _)| *cause == RemovalCause::Replaced));
}
