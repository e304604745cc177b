//! What a restore brings back: values, order, marks and residency.

use std::sync::Mutex;

use cache_core::{Dynamic, Freshness, Residency, SkipReason};

use super::*;

#[test]
fn an_empty_cache_is_saved_and_restored() {
    let (cache, clock) = library();
    let bytes = saved(&cache);
    let report = restore(&restarted(&clock, Duration::ZERO).0, &bytes);
    assert_eq!(report.restored(), 0);
    assert!(report.skipped().next().is_none());
    let revision = cache.revision();
    restore(&cache, &bytes);
    assert!(cache.is_empty());
    assert_eq!(cache.revision(), revision, "nothing was committed");
}

#[test]
fn what_was_cleared_comes_back_with_its_values() {
    let (cache, _) = library();
    for id in 0..2000 {
        cache.insert(GetBook { id }, book(id));
    }
    let bytes = saved(&cache);
    cache.clear();
    assert!(cache.is_empty());
    let report = restore(&cache, &bytes);
    assert_eq!((report.restored(), cache.count::<GetBook>()), (2000, 2000));
    assert!((0..2000).all(|id| *cache.get(&GetBook { id }).unwrap() == book(id)));
}

#[test]
fn the_order_of_use_comes_back() {
    let (cache, clock) = library();
    for id in 1..=4 {
        cache.insert(GetRecent(id), id.to_string());
    }
    drop((cache.get(&GetRecent(1)), cache.get(&GetRecent(3))));
    let (restored, _) = restarted(&clock, Duration::ZERO);
    restore(&restored, &saved(&cache));
    for cache in [&cache, &restored] {
        let mut victims = Vec::new();
        let mut present = vec![1, 2, 3, 4];
        for id in 10..14 {
            cache.insert(GetRecent(id), id.to_string());
            victims.extend(present.extract_if(.., |id| cache.peek(&GetRecent(*id)).is_none()));
        }
        assert_eq!(victims, [2, 4, 1, 3]);
    }
}

/// Small enough for one shard, where the order of the default policy is exact.
#[test]
fn the_default_policy_continues_where_it_was() {
    // A seed for which the policy distinguishes the keys.
    let builder = || Cache::<Library>::builder().hash_seed(1);
    let small = || builder().table::<GetBook>(|table| table.capacity(50)).build().unwrap();
    let cache = small();
    for id in 0..50 {
        cache.insert(GetBook { id }, book(id));
    }
    for _ in 0..3 {
        (10..20).for_each(|id| drop(cache.get(&GetBook { id })));
    }
    // Evicts some of the unused entries, and moves the used ones to the main queue.
    (50..70).for_each(|id| drop(cache.insert(GetBook { id }, book(id))));
    let restored = small();
    restore(&restored, &saved(&cache));
    let present =
        |cache: &Cache<Library>| (0..200).map(|id| cache.peek(&GetBook { id }).is_some()).collect::<Vec<_>>();
    assert_eq!(present(&restored), present(&cache));
    // Enough entries that the used ones must be used again in both caches.
    for id in 100..200 {
        cache.insert(GetBook { id }, book(id));
        restored.insert(GetBook { id }, book(id));
        assert_eq!(present(&restored), present(&cache), "after {id}");
    }
}

/// Used entries of the target cache move to where the snapshot has them.
#[test]
fn the_default_policy_continues_where_it_was_when_entries_are_replaced() {
    // A seed for which the policy distinguishes the keys.
    let builder = || Cache::<Library>::builder().hash_seed(1);
    let small = || builder().table::<GetBook>(|table| table.capacity(10)).build().unwrap();
    let insert = |cache: &Cache<Library>, ids: std::ops::Range<u64>| {
        ids.for_each(|id| drop(cache.insert(GetBook { id }, book(id))));
    };
    let (cache, other) = (small(), small());
    insert(&cache, 0..10);
    (0..5).for_each(|id| drop(cache.get(&GetBook { id })));
    let bytes = saved(&cache);
    // In another order, and with other entries used.
    (0..10).rev().for_each(|id| drop(other.insert(GetBook { id }, book(id))));
    (5..10).for_each(|id| drop(other.get(&GetBook { id })));
    restore(&other, &bytes);
    for id in 100..120 {
        insert(&cache, id..id + 1);
        insert(&other, id..id + 1);
        let present = |cache: &Cache<Library>| {
            (0..200).filter(|&id| cache.peek(&GetBook { id }).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(present(&other), present(&cache), "after {id}");
    }
}

/// The default policy does not know which entry was used last, but it knows which were used after their insertion.
#[test]
fn a_smaller_capacity_keeps_what_is_in_use_before_what_came_later() {
    let cache = Cache::<Library>::new();
    (0..100).for_each(|id| drop(cache.insert(GetBook { id }, book(id))));
    (0..20).for_each(|id| drop(cache.get(&GetBook { id })));
    let small = Cache::<Library>::builder().table::<GetBook>(|table| table.capacity(30)).build().unwrap();
    let report = restore(&small, &saved(&cache));
    assert_eq!(report.restored(), 30);
    let mut kept: Vec<u64> = small.keys::<GetBook>().iter().map(|key| key.id).collect();
    kept.sort_unstable();
    let newest = 90..100;
    assert_eq!(kept, (0..20).chain(newest).collect::<Vec<_>>());
}

#[test]
fn saving_a_restored_cache_writes_the_same_content() {
    let (cache, clock) = library();
    for id in 0..3000 {
        cache.insert(GetBook { id }, book(id));
    }
    (0..4).for_each(|id| drop(cache.insert(GetRecent(id), "text".to_owned())));
    cache.insert(GetQuote("a".to_owned()), 5u64);
    cache.invalidate(&GetQuote("a".to_owned()));
    let first = saved(&cache);
    let (second, _) = restarted(&clock, Duration::ZERO);
    restore(&second, &first);
    let again = saved(&second);
    let (third, _) = restarted(&clock, Duration::ZERO);
    restore(&third, &again);
    let mut keys = third.keys::<GetBook>();
    keys.sort_by_key(|key| key.id);
    assert!(keys.iter().map(|key| key.id).eq(0..3000));
    assert!(keys.iter().all(|key| *third.peek(key).unwrap() == book(key.id)));
    assert_eq!(third.get_entry(&GetQuote("a".to_owned())).unwrap().freshness(), Freshness::Invalidated);
}

#[test]
fn a_restore_replaces_what_is_in_the_file_and_leaves_the_rest() {
    let (cache, _) = library();
    cache.insert(GetBook { id: 1 }, book(100));
    cache.insert(GetBook { id: 2 }, book(200));
    let bytes = saved(&cache);
    cache.insert(GetBook { id: 2 }, book(201));
    cache.insert(GetBook { id: 3 }, book(300));
    let before = cache.revision();
    restore(&cache, &bytes);
    let pages = |id| cache.get(&GetBook { id }).unwrap().pages;
    assert_eq!((pages(1), pages(2), pages(3)), (100, 200, 300));
    assert_eq!(cache.revision().unwrap().get(), before.unwrap().get() + 1, "one commit");
}

#[test]
fn a_restore_is_a_commit_that_open_transactions_notice() {
    let (cache, _) = library();
    cache.insert(GetBook { id: 1 }, book(1));
    let bytes = saved(&cache);
    let mut tx = cache.begin();
    tx.get(&GetBook { id: 1 });
    tx.set(GetBook { id: 2 }, book(2));
    restore(&cache, &bytes);
    assert!(tx.commit().is_err());
    assert!(cache.get(&GetBook { id: 2 }).is_none());
}

#[test]
fn revisions_continue_after_those_of_the_saved_cache() {
    let (cache, clock) = library();
    (0..100).for_each(|id| drop(cache.insert(GetBook { id }, book(id))));
    let (restored, _) = restarted(&clock, Duration::ZERO);
    restore(&restored, &saved(&cache));
    restored.insert(GetBook { id: 0 }, book(0));
    assert!(restored.revision().unwrap() > cache.revision().unwrap());
}

#[test]
fn open_transactions_are_not_saved() {
    let (cache, clock) = library();
    cache.insert(GetBook { id: 1 }, book(1));
    let mut tx = cache.begin();
    tx.set(GetBook { id: 1 }, book(10));
    tx.set(GetBook { id: 2 }, book(20));
    let bytes = saved(&cache);
    tx.commit().unwrap();
    let (restored, _) = restarted(&clock, Duration::ZERO);
    restore(&restored, &bytes);
    assert_eq!(restored.get(&GetBook { id: 1 }).unwrap().pages, 1);
    assert!(restored.get(&GetBook { id: 2 }).is_none());
}

#[test]
fn a_smaller_capacity_keeps_the_most_recently_used_and_reports_the_rest() {
    let (cache, _) = library();
    for id in 1..=4 {
        cache.insert(GetRecent(id), id.to_string());
    }
    drop(cache.get(&GetRecent(1)));
    let small = Cache::<Library>::builder().table::<GetRecent>(|table| table.lru(2)).build().unwrap();
    let report = restore(&small, &saved(&cache));
    let table = report.tables.iter().find(|table| table.name == "get_recent").unwrap();
    assert_eq!((table.restored, table.over_bound), (2, 2));
    let mut keys = small.keys::<GetRecent>();
    keys.sort_by_key(|key| key.0);
    assert_eq!(keys, [GetRecent(1), GetRecent(4)]);
}

#[test]
fn entries_heavier_than_a_smaller_bound_are_left_out() {
    let (cache, _) = library();
    cache.insert(GetBlob(1), vec![0; 60]);
    cache.insert(GetBlob(2), vec![0; 20]);
    let small = Cache::<Library>::builder().table::<GetBlob>(|table| table.max_weight(50)).build().unwrap();
    let report = restore(&small, &saved(&cache));
    assert_eq!((report.restored(), small.count::<GetBlob>()), (1, 1));
    assert!(report.to_string().contains("1 over its bound"), "{report}");
}

#[test]
fn survivors_are_saved_on_request() {
    let (cache, clock) = library();
    let held: Vec<_> = (0..6).map(|id| cache.insert(GetRecent(id), id.to_string())).collect();
    let report = restore(&restarted(&clock, Duration::ZERO).0, &saved(&cache));
    assert_eq!(report.restored(), 4);
    let mut bytes = Vec::new();
    cache.save_options().with_survivors().write_to(&mut bytes).unwrap();
    let (large, _) = restarted(&clock, Duration::ZERO);
    let report = restore(&large, &bytes);
    let table = report.tables.iter().find(|table| table.name == "get_recent").unwrap();
    assert_eq!((table.restored, table.over_bound), (4, 2));
    assert!(large.peek(&GetRecent(0)).is_none(), "survivors are the least recently used");
    drop(held);
}

#[test]
fn values_of_a_table_that_keeps_nothing_live_as_long_as_the_report() {
    let (cache, clock) = library();
    let held = cache.insert(GetText(1), "the whole text");
    let mut bytes = Vec::new();
    cache.save_options().with_survivors().write_to(&mut bytes).unwrap();
    let (restored, _) = restarted(&clock, Duration::ZERO);
    let report = restore(&restored, &bytes);
    assert_eq!(&*restored.get(&GetText(1)).unwrap(), &*held);
    let kept: Vec<_> = report.kept::<GetText>().collect();
    assert!(matches!(kept[..], [(GetText(1), text)] if **text == *held));
    drop(report);
    assert!(restored.get(&GetText(1)).is_none());
}

#[test]
fn pinned_entries_are_saved_and_come_back_without_their_pin() {
    let (cache, clock) = library();
    let _pin = cache.pin(&GetText(1));
    cache.insert(GetText(1), "kept by a pin");
    let (restored, _) = restarted(&clock, Duration::ZERO);
    let report = restore(&restored, &saved(&cache));
    assert_eq!(report.kept::<GetText>().count(), 1);
    assert_eq!(restored.get_entry(&GetText(1)).unwrap().residency(), Residency::Survivor);
}

#[test]
fn a_pin_of_the_restored_cache_holds_what_comes_back() {
    let (cache, clock) = library();
    let _held = cache.insert(GetText(1), "text");
    let mut bytes = Vec::new();
    cache.save_options().with_survivors().write_to(&mut bytes).unwrap();
    let (restored, _) = restarted(&clock, Duration::ZERO);
    let pin = restored.pin(&GetText(1));
    drop(restore(&restored, &bytes));
    assert_eq!(&*pin.get().unwrap(), "text");
}

/// A value written under a pinned key is kept beyond the bound and its time, and so is a restored one.
#[test]
fn a_pin_of_the_restored_cache_holds_an_entry_whose_time_is_over() {
    let (cache, clock) = library();
    for name in ["pinned", "other"] {
        cache.insert(GetQuote(name.to_owned()), 5u64);
    }
    let (restored, _) = restarted(&clock, Duration::from_secs(60));
    let pin = restored.pin(&GetQuote("pinned".to_owned()));
    let report = restore(&restored, &saved(&cache));
    assert_eq!(pin.get().as_deref(), Some(&5));
    let entry = restored.get_entry(pin.key()).unwrap();
    assert!(entry.is_expired() && entry.residency() == Residency::Pinned);
    assert!(restored.get_fresh(pin.key()).is_none());
    let table = report.tables.iter().find(|table| table.name == "get_quote").unwrap();
    assert_eq!((table.restored, table.expired), (1, 1));
    drop((entry, pin));
    assert!(restored.is_empty());
}

#[test]
fn tables_that_are_not_persisted_are_named() {
    let (cache, clock) = library();
    cache.insert(GetSecret, Mutex::new(1));
    let mut bytes = Vec::new();
    let report = cache.save_to(&mut bytes).unwrap();
    assert_eq!(report.not_persisted, ["get_secret"]);
    assert!(report.to_string().contains("not persisted: get_secret"), "{report}");
    assert_eq!(report.bytes, bytes.len() as u64);
    assert!(
        restore(&restarted(&clock, Duration::ZERO).0, &bytes)
            .tables
            .iter()
            .all(|table| table.name != "get_secret")
    );
}

#[test]
fn listeners_receive_what_a_restore_writes() {
    let (cache, _) = library();
    cache.insert(GetBook { id: 1 }, book(1));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&heard);
    let listening = Cache::<Library>::builder()
        .after_commit(move |change| listener.lock().unwrap().push(change.table()))
        .build()
        .unwrap();
    restore(&listening, &saved(&cache));
    assert_eq!(*heard.lock().unwrap(), ["get_book"]);
}

mod nothing {
    use super::*;

    #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[query(value = u8, capacity = 10, persist)]
    pub struct GetNothing;

    registry! { pub struct Nothing { GetNothing } }
}

#[test]
fn progress_of_save_and_restore_ends_with_all_entries() {
    let (cache, _) = library();
    (0..3000).for_each(|id| drop(cache.insert(GetBook { id }, book(id))));
    let (mut bytes, mut steps) = (Vec::new(), Vec::new());
    cache.save_options().on_progress(|done, of| steps.push((done, of))).write_to(&mut bytes).unwrap();
    assert!(steps.len() >= 3 && steps.is_sorted() && steps.last() == Some(&(3000, 3000)), "{steps:?}");
    steps.clear();
    cache.restore_options().on_progress(|done, of| steps.push((done, of))).read_from(&bytes[..]).unwrap();
    assert!(steps.is_sorted() && steps.last() == Some(&(3000, 3000)), "{steps:?}");
    // None of its tables is known.
    steps.clear();
    let other = Cache::<nothing::Nothing>::new();
    other.restore_options().on_progress(|done, of| steps.push((done, of))).read_from(&bytes[..]).unwrap();
    assert_eq!(steps.last(), Some(&(3000, 3000)));
}

#[test]
fn dynamic_entries_of_registered_types_come_back_and_the_others_are_named() {
    let cache = || Cache::<Library>::builder().register::<u32>("number").build().unwrap();
    let first = cache();
    first.dynamic().insert::<u32>("n", 5);
    first.dynamic().insert::<Mutex<u32>>("secret", Mutex::new(1));
    let mut bytes = Vec::new();
    let report = first.save_to(&mut bytes).unwrap();
    let skipped: Vec<_> = report.tables.iter().flat_map(|table| &table.skipped.named).collect();
    assert!(matches!(&skipped[..], [entry] if entry.key.as_deref() == Some("secret")), "{report}");

    let second = cache();
    restore(&second, &bytes);
    assert_eq!(second.dynamic().get_as::<u32>("n").unwrap().as_deref(), Some(&5));
    assert!(second.get(&Dynamic::new("secret")).is_none());

    let without = Cache::<Library>::new();
    let report = restore(&without, &bytes);
    let table = report.tables.iter().find(|table| table.name == "dynamic").unwrap();
    assert_eq!(table.skipped_entries.named[0].reason, SkipReason::UnknownTag { tag: "number".to_owned() });
}

#[test]
fn the_table_of_dynamic_entries_is_shown_only_if_there_were_any() {
    let cache = || Cache::<Library>::builder().register::<u32>("number").build().unwrap();
    let first = cache();
    let report = restore(&cache(), &saved(&first)).to_string();
    assert!(report.contains("get_book: 0 entries") && !report.contains("dynamic"), "{report}");
    first.dynamic().insert::<u32>("n", 5);
    let report = restore(&cache(), &saved(&first)).to_string();
    assert!(report.contains("dynamic: 1 entry"), "{report}");
    let report = restore(&Cache::<Library>::new(), &saved(&first)).to_string();
    assert!(report.contains("dynamic: 0 entries, skipped 1"), "{report}");
}

#[test]
fn only_a_dynamic_entry_that_does_not_decode_is_skipped() {
    let cache = || Cache::<Library>::builder().register::<String>("text").build().unwrap();
    let first = cache();
    for name in ["one", "two", "three"] {
        first.dynamic().insert::<String>(name, format!("of {name}"));
    }
    // The first letter of the searched text, whether that is a value or a name.
    for (spoilt, key) in [(&b"of two"[..], Some("two")), (b"two\x04\0\0\0text", None)] {
        let mut bytes = saved(&first);
        let at = bytes.windows(spoilt.len()).position(|bytes| bytes == spoilt).unwrap();
        bytes[at] = 0xff;
        cache_tests::hostile::mend(&mut bytes);
        let second = cache();
        let report = restore(&second, &bytes);
        let table = report.tables.iter().find(|table| table.name == "dynamic").unwrap();
        let [entry] = &table.skipped_entries.named[..] else { panic!("one entry is skipped: {report}") };
        assert_eq!(entry.key.as_deref(), key);
        assert!(matches!(entry.reason, SkipReason::Undecodable { .. }), "{entry}");
        assert_eq!((table.restored, second.dynamic().get_as::<String>("two").unwrap()), (2, None));
    }
}

/// A `Drop` writes to the cache while the save skips entries that it cannot write.
#[test]
fn values_dropped_by_a_save_may_write_to_the_cache() {
    struct Noisy(Cache<Library>);
    impl Drop for Noisy {
        fn drop(&mut self) {
            self.0.insert(GetBook { id: 99 }, book(99));
        }
    }
    let cache = Cache::<Library>::new();
    let writer = cache.clone();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for _ in 0..2000 {
                writer.dynamic().insert::<Noisy>("noisy", Noisy(writer.clone()));
            }
            writer.dynamic().remove("noisy");
        });
        (0..100).for_each(|_| drop(saved(&cache)));
    });
}
