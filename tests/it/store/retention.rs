//! Bounds and their options, as derived and as given to the builder.

use std::time::Duration;

use cache_core::{Bound, BuildError, Cache, Dynamic, Freshness, TableOptions};

use super::*;

/// Returns a cache whose table of books has these `options`.
#[track_caller]
fn books(options: impl FnOnce(TableOptions) -> TableOptions) -> (Cache<Shelf>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    (Cache::builder().clock(Arc::clone(&clock)).table::<GetBook>(options).build().unwrap(), clock)
}

fn fill(cache: &Cache<Shelf>, keys: std::ops::Range<u32>) {
    for n in keys {
        cache.insert(GetBook(n), book("full"));
    }
}

#[test]
fn the_whole_bound_is_usable_at_every_size() {
    for bound in [1, 2, 3, 10, 255, 256, 257, 511, 512, 1_000, 1_025, 4_096, 5_000, 10_000] {
        for (name, options) in [
            ("capacity", TableOptions::new().capacity(bound)),
            ("lru", TableOptions::new().lru(bound)),
            ("max_weight", TableOptions::new().max_weight(bound)),
        ] {
            let (cache, _) = books(|_| options);
            let bound = u32::try_from(bound).unwrap();
            fill(&cache, 0..bound);
            let report = table(&cache, "get_book");
            assert_eq!(report.residents, bound as usize, "{name} = {bound}");
            assert_eq!(report.removals.evicted, 0, "{name} = {bound}");
            fill(&cache, bound..bound + 7);
            let report = table(&cache, "get_book");
            assert_eq!(report.residents, bound as usize, "{name} = {bound}");
            assert_eq!(report.removals.evicted, 7, "{name} = {bound}");
            assert!(cache.get(&GetBook(bound + 6)).is_some(), "{name} = {bound}: the last entry is present");
        }
    }
}

#[test]
fn a_transaction_may_fill_the_whole_bound_at_once() {
    for bound in [1_u32, 300, 2_000] {
        let (cache, _) = books(|table| table.capacity(bound.into()));
        fill(&cache, 1_000_000..1_000_000 + bound);
        let mut tx = cache.begin();
        for n in 0..bound {
            tx.set(GetBook(n), book("in one commit"));
        }
        drop(tx.commit().unwrap());
        assert!(
            (0..bound).all(|n| cache.get(&GetBook(n)).is_some()),
            "capacity {bound}: no entry evicted another"
        );
        assert_eq!(table(&cache, "get_book").residents, bound as usize);
    }
}

#[test]
fn a_transaction_larger_than_the_bound_leaves_the_table_within_it() {
    let (cache, _) = books(|table| table.capacity(10));
    let mut tx = cache.begin();
    for n in 0..1_000 {
        tx.set(GetBook(n), book("in one commit"));
    }
    let receipt = tx.commit().unwrap();
    assert_eq!(table(&cache, "get_book").residents, 10);
    assert_eq!(cache.count::<GetBook>(), 1_000, "the receipt holds the others");
    drop(receipt);
    assert_eq!(cache.count::<GetBook>(), 10);
}

#[test]
fn replacing_an_entry_evicts_no_other() {
    let (cache, _) = books(|table| table.capacity(10));
    fill(&cache, 0..10);
    for _ in 0..100 {
        cache.insert(GetBook(3), book("again"));
    }
    let report = table(&cache, "get_book");
    assert_eq!((report.residents, report.removals.evicted, report.removals.replaced), (10, 0, 100));
}

#[test]
fn what_is_used_outlives_a_scan_in_the_default_policy() {
    let (cache, _) = books(|table| table.capacity(100));
    fill(&cache, 0..50);
    for _ in 0..5 {
        assert!((0..50).all(|n| cache.get(&GetBook(n)).is_some()));
    }
    fill(&cache, 1_000..3_000);
    let kept = (0..50).filter(|&n| cache.get(&GetBook(n)).is_some()).count();
    assert_eq!(kept, 50);
}

#[test]
fn a_bound_of_zero_is_refused() {
    #[track_caller]
    fn refused(builder: cache_core::Builder<Shelf>, table: &str, option: &str) {
        let error = builder.build().unwrap_err();
        assert!(matches!(error, BuildError::Options { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(table) && text.contains(option) && text.contains("at least 1"), "{text}");
    }
    let builder = Cache::<Shelf>::builder;
    refused(builder().table::<GetBook>(|table| table.capacity(0)), "`get_book`", "`capacity`");
    refused(builder().table::<GetRecent>(|table| table.lru(0)), "`get_recent`", "`lru`");
    refused(builder().table::<GetBlob>(|table| table.max_weight(0)), "`get_blob`", "`max_weight`");
    refused(builder().dynamic(|table| table.capacity(0)), "`dynamic`", "`capacity`");
}

#[test]
fn the_builder_changes_every_option() {
    let (cache, _) = books(|table| table.capacity(3));
    fill(&cache, 0..10);
    assert_eq!(table(&cache, "get_book").bound, Some(Bound::Capacity(3)));
    assert_eq!(cache.count::<GetBook>(), 3);

    let (cache, _) = books(|table| table.lru(3));
    fill(&cache, 0..10);
    assert_eq!(sorted(cache.keys::<GetBook>().iter().map(|key| key.0)), [7, 8, 9]);

    let (cache, _) = books(|table| table.max_weight(3));
    fill(&cache, 0..10);
    assert_eq!(cache.count::<GetBook>(), 3, "without a weigher an entry weighs 1");

    let (cache, _) = books(TableOptions::unbounded);
    drop(cache.insert(GetBook(1), book("not held")));
    assert!(cache.get(&GetBook(1)).is_none());

    let (cache, clock) = books(|table| table.ttl(SECOND * 3));
    fill(&cache, 0..3);
    clock.advance(SECOND * 3);
    assert_eq!(cache.count::<GetBook>(), 0);

    let (cache, clock) = books(|table| table.tti(SECOND * 3));
    fill(&cache, 0..3);
    clock.advance(SECOND * 2);
    assert!(cache.get(&GetBook(1)).is_some());
    clock.advance(SECOND * 2);
    assert_eq!(cache.keys::<GetBook>(), [GetBook(1)]);

    let (cache, clock) = books(|table| table.ttl(SECOND).tti(SECOND).without_times());
    fill(&cache, 0..3);
    clock.advance(SECOND * 100);
    assert_eq!(cache.count::<GetBook>(), 3);

    let (cache, clock) = books(|table| table.fresh(SECOND));
    fill(&cache, 0..1);
    clock.advance(SECOND);
    assert_eq!(cache.get_entry(&GetBook(0)).unwrap().freshness(), Freshness::Stale);

    let (cache, _) = books(|table| table.history(1));
    (0..5).for_each(|_| fill(&cache, 0..1));
    assert_eq!(cache.history(&GetBook(0)).len(), 1);
}

#[test]
fn the_last_bound_that_is_given_wins() {
    let (cache, _) = books(|table| table.lru(7).max_weight(8).capacity(5));
    assert_eq!(table(&cache, "get_book").bound, Some(Bound::Capacity(5)));
    let twice = Cache::<Shelf>::builder()
        .table::<GetBook>(|table| table.lru(7).ttl(SECOND))
        .table::<GetBook>(|table| table.fresh(SECOND))
        .build()
        .unwrap();
    assert_eq!(
        table(&twice, "get_book").bound,
        Some(Bound::Lru(7)),
        "the second change starts from the first"
    );
}

#[test]
fn the_builder_changes_only_the_named_table() {
    let cache = Cache::<Shelf>::builder()
        .table::<GetBook>(|table| table.capacity(3))
        .table::<Page<1>>(|table| table.capacity(4))
        .dynamic(|table| table.lru(5))
        .build()
        .unwrap();
    assert_eq!(table(&cache, "get_twin").bound, Some(Bound::Capacity(1_000)));
    assert_eq!(table(&cache, "page<1>").bound, Some(Bound::Capacity(4)));
    assert_eq!(table(&cache, "second_page").bound, Some(Bound::Capacity(10)));
    assert_eq!(table(&cache, <Dynamic as Query>::NAME).bound, Some(Bound::Lru(5)));
}

#[test]
fn a_table_without_retention_can_be_given_some() {
    let cache = Cache::<Shelf>::builder()
        .table::<GetText>(|table| table.capacity(2).ttl(Duration::from_secs(60)))
        .build()
        .unwrap();
    drop(cache.insert(GetText(1), "kept"));
    assert!(cache.get(&GetText(1)).is_some());
}

#[test]
fn an_entry_is_resident_within_its_bound_and_before_its_deadlines() {
    let (cache, clock) = shelf();
    cache.insert(GetBoth(1), 1);
    cache.insert(GetBoth(2), 2);
    cache.insert(GetBoth(3), 3);
    assert_eq!(cache.count::<GetBoth>(), 2, "over the bound, before the deadline");
    for _ in 0..2 {
        clock.advance(SECOND * 4);
        assert!(cache.get(&GetBoth(3)).is_some(), "used in time");
    }
    assert_eq!(cache.count::<GetBoth>(), 1, "the other has been idle for too long");
    clock.advance(SECOND * 2);
    assert!(cache.get(&GetBoth(3)).is_none(), "within the bound, too old");
}

#[test]
fn what_has_expired_gives_its_room_back() {
    let (cache, clock) = books(|table| table.capacity(100).ttl(SECOND));
    fill(&cache, 0..100);
    clock.advance(SECOND);
    fill(&cache, 100..200);
    assert!((100..200).all(|n| cache.get(&GetBook(n)).is_some()));
}

#[test]
fn removed_entries_give_their_room_back() {
    let (cache, _) = books(|table| table.capacity(600));
    for round in 0..20 {
        fill(&cache, round * 600..(round + 1) * 600);
        assert_eq!(table(&cache, "get_book").residents, 600);
        for n in round * 600..(round + 1) * 600 {
            assert!(cache.remove(&GetBook(n)));
        }
        let report = table(&cache, "get_book");
        assert_eq!((report.residents, report.weight, report.removals.evicted), (0, 0, 0));
    }
}
