//! Loads that do not block a thread: a loaded value never replaces a newer one.

use std::sync::OnceLock;

use cache_core::client_support::Inputs;
use cache_core::{EntryTimes, Freshness, Moment, StoreOutcome, Watch};

use super::load_on_miss::{Files, GetSaved};
use super::*;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 100, fresh = "10s", eq, tags("numbers", "equal"))]
struct GetEqual(u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 100, tags("numbers"))]
struct GetTagged(u32);

registry! {
    struct Watched { crate::store::watches::GetEqual, crate::store::watches::GetTagged }
}

#[track_caller]
fn is_stored(cache: &Cache<Shelf>, watch: &Watch<GetBook>) -> bool {
    let stored = watch.store(book("loaded"), EntryTimes::new());
    let is_written = matches!(stored, StoreOutcome::Written(_));
    let loaded = stored.into_value();
    assert_eq!(loaded.title, "loaded");
    let is_there = cache.get(watch.key()).is_some_and(|value| Arc::ptr_eq(&value, &loaded));
    assert_eq!(is_there, is_written);
    is_written
}

#[test]
fn what_was_loaded_while_nothing_happened_is_stored() {
    let (cache, _) = shelf();
    let absent = cache.watch(&GetBook(1));
    assert!(!absent.is_overtaken() && is_stored(&cache, &absent));
    let present = cache.watch(&GetBook(1));
    assert!(is_stored(&cache, &present));
}

/// The changes that affect all books.
pub(super) const HITS_ALL: [&str; 4] =
    ["clear", "invalidate_all", "tx.invalidate_query", "tx.invalidate_all"];

pub(super) type Change = fn(&Cache<Shelf>);

/// Returns all ways to change the first book.
pub(super) fn changes() -> [(&'static str, Change); 18] {
    [
        ("insert", |cache| drop(cache.insert(GetBook(1), book("new")))),
        ("remove", |cache| _ = cache.remove(&GetBook(1))),
        ("insert and remove", |cache| {
            cache.insert(GetBook(1), book("new"));
            cache.remove(&GetBook(1));
        }),
        ("clear", |cache| cache.clear()),
        ("invalidate", |cache| _ = cache.invalidate(&GetBook(1))),
        ("invalidate_where", |cache| _ = cache.invalidate_where::<GetBook>(|key| key.0 == 1)),
        ("invalidate_all", |cache| _ = cache.invalidate_all()),
        ("set", |cache| {
            let mut tx = cache.begin();
            tx.set(GetBook(1), book("new"));
            tx.commit().unwrap();
        }),
        ("merge", |cache| {
            let mut tx = cache.begin();
            tx.merge_with(GetBook(1), |_| book("merged"));
            tx.commit().unwrap();
        }),
        ("tx.update", |cache| {
            let mut tx = cache.begin();
            tx.update(&GetBook(1), |_| book("changed"));
            tx.commit().unwrap();
        }),
        ("tx.remove", |cache| {
            let mut tx = cache.begin();
            tx.remove(&GetBook(1));
            tx.commit().unwrap();
        }),
        ("tx.invalidate", |cache| {
            let mut tx = cache.begin();
            tx.invalidate(&GetBook(1));
            tx.commit().unwrap();
        }),
        ("tx.invalidate_where", |cache| {
            let mut tx = cache.begin();
            tx.invalidate_where::<GetBook>(|key| key.0 == 1);
            tx.commit().unwrap();
        }),
        ("tx.invalidate_query", |cache| {
            let mut tx = cache.begin();
            tx.invalidate_query::<GetBook>();
            tx.commit().unwrap();
        }),
        ("tx.invalidate_all", |cache| {
            let mut tx = cache.begin();
            tx.invalidate_all();
            tx.commit().unwrap();
        }),
        ("tx.touch and tx.invalidate", |cache| {
            let mut tx = cache.begin();
            tx.touch(&GetBook(1));
            tx.invalidate(&GetBook(1));
            tx.commit().unwrap();
        }),
        ("refresh", |cache| drop(cache.refresh(GetBook(1), book("new")))),
        ("another watch", |cache| {
            cache.watch(&GetBook(1)).store(book("new"), EntryTimes::new());
        }),
    ]
}

#[test]
fn anything_newer_overtakes_a_watch_of_a_key_present_or_absent() {
    for (name, change) in changes() {
        for is_present in [true, false] {
            let (cache, _) = shelf();
            if is_present {
                cache.insert(GetBook(1), book("old"));
            }
            let (watch, other) = (cache.watch(&GetBook(1)), cache.watch(&GetBook(2)));
            change(&cache);
            assert!(watch.is_overtaken(), "{name}, present: {is_present}");
            assert!(!is_stored(&cache, &watch), "{name}, present: {is_present}");
            let hits_all = HITS_ALL.contains(&name);
            assert_eq!(other.is_overtaken(), hits_all, "{name}, present: {is_present}");
        }
    }
}

#[test]
fn a_mark_after_a_touch_overtakes_a_watch_of_a_key_that_has_gone_meanwhile() {
    let (cache, _) = shelf();
    cache.insert(GetBook(1), book("old"));
    let mut tx = cache.begin();
    assert!(tx.touch(&GetBook(1)));
    cache.remove(&GetBook(1));
    let watch = cache.watch(&GetBook(1));
    assert!(!tx.invalidate(&GetBook(1)));
    tx.commit().unwrap();
    assert!(watch.is_overtaken() && !is_stored(&cache, &watch));
}

#[test]
fn a_key_is_listed_once_among_the_writes_whatever_happened_to_it() {
    let (cache, _) = shelf();
    cache.insert(GetBook(1), book("old"));
    let mut tx = cache.begin();
    tx.touch(&GetBook(1));
    cache.remove(&GetBook(1));
    assert!(!tx.update(&GetBook(1), |_| book("changed")));
    tx.invalidate(&GetBook(1));
    tx.set(GetBook(1), book("new"));
    assert_eq!(tx.writes().len(), 1);
}

#[test]
fn a_newer_answer_that_equals_the_present_one_overtakes_older_loads() {
    let answers: [fn(&Cache<Watched>); 2] = [
        |cache| drop(cache.refresh(GetEqual(1), 2)),
        |cache| {
            let stored = cache.watch(&GetEqual(1)).store(2, EntryTimes::new());
            assert!(matches!(stored, StoreOutcome::Kept(_)));
        },
    ];
    for answer in answers {
        let cache = Cache::<Watched>::new();
        cache.insert(GetEqual(1), 2u32);
        let older = cache.watch(&GetEqual(1));
        answer(&cache);
        assert!(matches!(older.store(1, EntryTimes::new()), StoreOutcome::Overtaken(_)));
        assert_eq!(cache.get(&GetEqual(1)).as_deref(), Some(&2));
    }
}

#[test]
fn a_predicate_marks_what_begins_to_load_while_a_hook_runs() {
    let (shared, begun) = (Arc::new(OnceLock::<Cache<Shelf>>::new()), Arc::new(Mutex::new(None)));
    let (cache_of_hook, begun_by_hook) = (Arc::clone(&shared), Arc::clone(&begun));
    let builder = Cache::<Shelf>::builder().before_commit(move |_| {
        *begun_by_hook.lock() = cache_of_hook.get().map(|cache| cache.watch(&GetBook(1)));
        Ok(())
    });
    let cache = builder.build().unwrap();
    shared.set(cache.clone()).unwrap();
    cache.insert(GetBook(2), book("present"));
    let mut tx = cache.begin();
    tx.invalidate_where::<GetBook>(|_| true);
    tx.commit().unwrap();
    let watch = begun.lock().take().unwrap();
    assert!(watch.is_overtaken() && !is_stored(&cache, &watch));
}

#[test]
fn what_is_not_a_write_overtakes_no_watch() {
    let (cache, _) = shelf();
    cache.insert(GetBook(1), book("old"));
    let watch = cache.watch(&GetBook(1));
    cache.touch(&GetBook(1));
    let _ = (cache.get(&GetBook(1)), cache.pin(&GetBook(1)));
    for other in 2..3_000 {
        cache.insert(GetBook(other), book("other"));
    }
    let mut tx = cache.begin();
    tx.set(GetBook(1), book("given up"));
    tx.invalidate(&GetBook(1));
    drop(tx);
    assert!(!watch.is_overtaken() && is_stored(&cache, &watch));
}

#[test]
fn a_mark_on_an_absent_key_is_not_a_change() {
    let (cache, _) = shelf();
    let mut tx = cache.begin();
    assert!(!tx.invalidate(&GetBook(1)));
    assert!(tx.writes().is_empty() && tx.get(&GetBook(1)).is_none());
    assert_eq!(tx.commit().unwrap().revision(), None);
    let mut tx = cache.begin();
    tx.invalidate(&GetBook(1));
    tx.set(GetBook(1), book("set"));
    assert_eq!(tx.writes().len(), 1);
    tx.commit().unwrap();
    assert!(cache.get_fresh(&GetBook(1)).is_some());
}

#[test]
fn a_retired_watch_stores_nothing() {
    let (cache, _) = shelf();
    let watch = cache.watch(&GetBook(1));
    watch.retire();
    assert!(!is_stored(&cache, &watch));
}

#[test]
fn of_two_watches_the_retired_one_does_not_overtake_the_other() {
    let (cache, _) = shelf();
    let old = cache.watch(&GetBook(1));
    old.retire();
    let new = cache.watch(&GetBook(1));
    assert!(!is_stored(&cache, &old));
    assert!(is_stored(&cache, &new));
}

#[test]
fn an_equal_value_keeps_the_present_one_with_a_new_date() {
    let clock = Arc::new(ManualClock::new());
    let cache = Cache::<Watched>::builder().clock(Arc::clone(&clock)).build().unwrap();
    let first = cache.insert(GetEqual(1), 7);
    clock.advance(Duration::from_secs(20));
    cache.invalidate(&GetEqual(1));
    let watch = cache.watch(&GetEqual(1));
    let started = cache.now();
    clock.advance(Duration::from_secs(4));
    let revision = cache.revision();
    let StoreOutcome::Kept(kept) = watch.store(7, EntryTimes::new().as_of(started)) else {
        panic!("written")
    };
    assert!(Arc::ptr_eq(&kept, &first));
    assert_eq!(cache.revision(), revision);
    let entry = cache.peek_entry(&GetEqual(1)).unwrap();
    assert_eq!((entry.age(), entry.freshness()), (Duration::from_secs(4), Freshness::Fresh));

    let watch = cache.watch(&GetEqual(1));
    cache.invalidate(&GetEqual(1));
    assert!(matches!(watch.store(7, EntryTimes::new().as_of(Moment::ORIGIN)), StoreOutcome::Overtaken(_)));
    assert_eq!(cache.peek_entry(&GetEqual(1)).unwrap().freshness(), Freshness::Invalidated);
}

#[test]
fn what_was_built_from_a_value_that_has_changed_in_any_way_is_stored_and_marked() {
    let unchanged: (&str, Change) = ("nothing", |_| {});
    for (name, change) in changes().into_iter().chain([unchanged]) {
        let (cache, _) = shelf();
        let (old, mut inputs) = (cache.insert(GetBook(1), book("old")), Inputs::default());
        cache.note_input(&mut inputs, &GetBook(1), Some(&old), false, None);
        let watch = cache.watch(&GetBook(2));
        change(&cache);
        let stored = watch.store_built(book("built"), EntryTimes::new(), &inputs);
        match name {
            "nothing" => assert!(matches!(stored, StoreOutcome::Written(_))),
            all if HITS_ALL.contains(&all) => assert!(matches!(stored, StoreOutcome::Overtaken(_)), "{name}"),
            _ => assert!(matches!(stored, StoreOutcome::Marked(_)), "{name}: {stored:?}"),
        }
        let is_marked =
            cache.peek_entry(&GetBook(2)).map(|entry| entry.freshness() == Freshness::Invalidated);
        let expected = (!HITS_ALL.contains(&name)).then_some(name != "nothing");
        assert_eq!(is_marked, expected, "{name}");
    }
}

#[test]
fn all_that_matches_is_marked_and_counted() {
    let (cache, _) = shelf();
    for number in 0..10 {
        cache.insert(GetBook(number), book("old"));
        cache.insert(GetTwin(number), book("old"));
    }
    assert_eq!(cache.invalidate_where::<GetBook>(|key| key.0 < 3), 3);
    assert!(cache.get_fresh(&GetBook(2)).is_none() && cache.get_fresh(&GetBook(3)).is_some());
    assert!(cache.get(&GetBook(2)).is_some() && cache.get_fresh(&GetTwin(2)).is_some());
    assert_eq!(cache.invalidate_all(), 20);
    assert!(cache.get_fresh(&GetTwin(2)).is_none());
}

#[test]
fn a_peek_leaves_the_counters() {
    let (cache, _) = shelf();
    cache.insert(GetBook(1), book("old"));
    let before = cache.inspect();
    assert!(cache.peek_entry(&GetBook(1)).is_some() && cache.peek_entry(&GetBook(2)).is_none());
    let after = cache.inspect();
    let counts = |inspection: &cache_core::Inspection| {
        inspection.tables.iter().map(|table| (table.hits, table.misses)).collect::<Vec<_>>()
    };
    assert_eq!(counts(&before), counts(&after));
}

#[test]
fn a_load_on_one_thread_never_undoes_writes_on_another() {
    let (cache, _) = shelf();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                cache.watch(&GetBook(1)).store(book("loaded"), EntryTimes::new());
                cache.watch(&GetBook(1)).retire();
            }
        });
        for _ in 0..20_000 {
            let watch = cache.watch(&GetBook(1));
            cache.insert(GetBook(1), book("written"));
            assert!(matches!(watch.store(book("late"), EntryTimes::new()), StoreOutcome::Overtaken(_)));
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_ne!(cache.get(&GetBook(1)).unwrap().title, "late");
}

#[test]
fn the_quick_look_says_yes_only_where_the_full_one_does() {
    let clock = Arc::new(ManualClock::new());
    let cache = Cache::<Watched>::builder().clock(Arc::clone(&clock)).build().unwrap();
    let second = Duration::from_secs(1);
    cache.insert(GetEqual(0), 0);
    cache.insert_timed(GetEqual(1), 1, EntryTimes::new().fresh(3 * second));
    cache.insert_timed(GetEqual(2), 2, EntryTimes::new().ttl(3 * second));
    cache.insert(GetEqual(3), 3);
    cache.invalidate(&GetEqual(3));
    for age in 0..20 {
        let quick = [0, 1, 2, 3, 4].map(|key| cache.plainly_fresh(&GetEqual(key)));
        assert_eq!(quick[0].is_some(), age < 10);
        for (key, quick) in (0..).zip(quick) {
            assert!(quick.is_none() || quick == cache.get_fresh(&GetEqual(key)), "{key} at {age} s");
        }
        clock.advance(second);
    }
    let (cache, _) = shelf();
    cache.insert(GetQuote(1), 1);
    assert!(cache.plainly_fresh(&GetQuote(1)).is_some());
    cache.insert(GetBook(1), book("timeless"));
    assert!(cache.plainly_fresh(&GetBook(1)).is_none());
}

#[test]
fn a_tag_marks_the_entries_of_its_queries_and_overtakes_their_watches() {
    let cache = Cache::<Watched>::new();
    cache.insert(GetEqual(1), 1u32);
    cache.insert(GetTagged(1), 1u32);
    let (equal, tagged) = (cache.watch(&GetEqual(2)), cache.watch(&GetTagged(2)));
    assert_eq!(cache.invalidate_tag("none"), 0);
    assert_eq!(cache.invalidate_tag("equal"), 1);
    assert!(cache.get_fresh(&GetEqual(1)).is_none() && cache.get_fresh(&GetTagged(1)).is_some());
    assert!(equal.is_overtaken() && !tagged.is_overtaken());
    assert_eq!(cache.invalidate_tag("numbers"), 2);
    assert!(cache.get_fresh(&GetTagged(1)).is_none() && tagged.is_overtaken());
}

#[test]
fn marks_are_distinguished_from_writes_and_removals() {
    for (name, change) in changes() {
        for is_present in [false, true] {
            let (cache, _) = shelf();
            cache.insert(GetBook(2), book("other"));
            if is_present {
                cache.insert(GetBook(1), book("old"));
            }
            let (watch, other) = (cache.watch(&GetBook(1)), cache.watch(&GetBook(2)));
            assert!(!watch.is_replaced());
            change(&cache);
            // An update of an absent key writes nothing.
            let is_mark = name.contains("invalidate") || (name == "tx.update" && !is_present);
            assert_eq!((watch.is_overtaken(), watch.is_replaced()), (true, !is_mark), "{name}, {is_present}");
            let hits_other = HITS_ALL.contains(&name);
            assert_eq!((other.is_overtaken(), other.is_replaced()), (hits_other, name == "clear"), "{name}");
            // The first value stays.
            cache.insert(GetBook(1), book("newer"));
            cache.invalidate(&GetBook(1));
            assert!(watch.is_replaced(), "{name}");
        }
    }
    let (cache, _) = shelf();
    let retired = cache.watch(&GetBook(1));
    retired.retire();
    assert!(retired.is_replaced());
}

/// A value loaded before a restore may be older or newer than the restored one. The restored value stays, as
/// any value that was written meanwhile does.
#[test]
fn a_restore_overtakes_the_watches_of_the_keys_that_it_restores() {
    let saved = Cache::<Files>::new();
    saved.insert(GetSaved(1), 10);
    let mut file = Vec::new();
    saved.save_to(&mut file).unwrap();
    let cache = Cache::<Files>::new();
    let called = Arc::new(Mutex::new(0));
    let callback = Arc::clone(&called);
    let restored = cache.watch_with(&GetSaved(1), move || *callback.lock() += 1);
    let other = cache.watch(&GetSaved(2));
    cache.restore_from(&*file).unwrap();
    assert_eq!((restored.is_overtaken(), *called.lock()), (true, 1));
    assert!(matches!(restored.store(99, EntryTimes::new()), StoreOutcome::Overtaken(_)));
    assert_eq!(cache.get_fresh(&GetSaved(1)).as_deref(), Some(&10));
    assert!(
        matches!(other.store(99, EntryTimes::new()), StoreOutcome::Written(_)),
        "it has not been restored"
    );
    assert_eq!(cache.get_fresh(&GetSaved(2)).as_deref(), Some(&99));
}
