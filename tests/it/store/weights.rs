//! Tables bounded by weight.

use cache_core::{Cache, RemovalCause, Residency};

use super::*;

fn blob(weight: usize) -> Vec<u8> {
    vec![0; weight]
}

#[test]
fn the_first_leaves_when_the_weights_pass_the_bound() {
    let cache = Cache::<Shelf>::new();
    for n in 1..=3 {
        cache.insert(GetBlob(n), blob(40));
    }
    assert_eq!(sorted(cache.keys::<GetBlob>().iter().map(|key| key.0)), [2, 3]);
    let report = table(&cache, "get_blob");
    assert_eq!((report.weight, report.residents, report.removals.evicted), (80, 2, 1));
    assert_eq!(cache.get_entry(&GetBlob(2)).unwrap().state().weight, 40);
}

#[test]
fn a_following_write_has_its_new_weight() {
    let cache = Cache::<Shelf>::new();
    for n in 1..=2 {
        cache.insert(GetBlob(n), blob(40));
    }
    let follow = |bytes| {
        let seen = cache.peek_entry(&GetBlob(2)).unwrap().revision();
        let mut tx = cache.begin();
        tx.follow(GetBlob(2), blob(bytes), seen);
        tx.commit().unwrap();
        table(&cache, "get_blob").weight
    };
    assert_eq!(follow(10), 50);
    assert_eq!(follow(90), 90, "the other has left");
    assert_eq!(cache.keys::<GetBlob>(), [GetBlob(2)]);
}

#[test]
fn the_bound_may_be_filled_to_the_brim() {
    let cache = Cache::<Shelf>::new();
    cache.insert(GetBlob(1), blob(60));
    cache.insert(GetBlob(2), blob(40));
    assert_eq!(cache.count::<GetBlob>(), 2);
    cache.insert(GetBlob(3), blob(100));
    assert_eq!(cache.keys::<GetBlob>(), [GetBlob(3)]);
}

#[test]
fn an_entry_heavier_than_the_bound_lives_only_in_the_returned_arc() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    let cache = Cache::<Shelf>::builder()
        .on_removal(move |removal| {
            let (key, value) = removal.of::<GetBlob>().unwrap();
            log.lock().push((removal.table(), removal.cause(), key.0, value.len()));
        })
        .build()
        .unwrap();
    cache.insert(GetBlob(1), blob(90));
    let held = cache.insert(GetBlob(2), blob(101));
    assert_eq!(*heard.lock(), [("get_blob", RemovalCause::Evicted, 2, 101)]);
    assert!(cache.get(&GetBlob(1)).is_some(), "it evicted no other entry");
    assert!(Arc::ptr_eq(&held, &cache.get(&GetBlob(2)).unwrap()));
    assert_eq!(cache.get_entry(&GetBlob(2)).unwrap().residency(), Residency::Survivor);
    cache.insert(GetBlob(3), blob(1));
    assert_eq!(
        cache.get_entry(&GetBlob(2)).unwrap().residency(),
        Residency::Survivor,
        "no read makes it resident again"
    );
    drop(held);
    assert!(cache.get(&GetBlob(2)).is_none());
    assert_eq!(table(&cache, "get_blob").weight, 91);
}

#[test]
fn an_entry_that_grows_evicts_others() {
    let cache = Cache::<Shelf>::new();
    cache.insert(GetBlob(1), blob(30));
    cache.insert(GetBlob(2), blob(30));
    cache.insert(GetBlob(3), blob(30));
    cache.insert(GetBlob(3), blob(90));
    assert_eq!(cache.keys::<GetBlob>(), [GetBlob(3)]);
    assert_eq!(table(&cache, "get_blob").weight, 90);
    cache.insert(GetBlob(3), blob(10));
    cache.insert(GetBlob(4), blob(90));
    assert_eq!(cache.count::<GetBlob>(), 2);
}

#[test]
fn an_entry_that_grows_beyond_the_bound_leaves_it() {
    let cache = Cache::<Shelf>::new();
    cache.insert(GetBlob(1), blob(30));
    cache.insert(GetBlob(2), blob(30));
    drop(cache.insert(GetBlob(1), blob(500)));
    assert!(cache.get(&GetBlob(1)).is_none());
    assert_eq!(table(&cache, "get_blob").weight, 30);
    cache.insert(GetBlob(1), blob(70));
    assert_eq!(cache.count::<GetBlob>(), 2);
}

#[test]
fn an_entry_of_no_weight_is_bounded_all_the_same() {
    let cache = Cache::<Shelf>::new();
    for n in 0..1_000 {
        cache.insert(GetBlob(n), blob(0));
    }
    assert_eq!(table(&cache, "get_blob").residents, 100, "nothing weighs less than 1");
}

#[test]
fn a_light_entry_is_never_refused_and_may_evict_entries_of_other_shards() {
    let bound = 100_000;
    let cache = Cache::<Shelf>::builder().table::<GetBlob>(|table| table.max_weight(bound)).build().unwrap();
    for n in 0..100 {
        cache.insert(GetBlob(n), blob(1_000));
    }
    assert_eq!(cache.count::<GetBlob>(), 100);
    // Far heavier than the share of any one shard.
    for n in 100..120 {
        drop(cache.insert(GetBlob(n), blob(99_500)));
        assert!(cache.get(&GetBlob(n)).is_some(), "{n} was refused");
        let report = table(&cache, "get_blob");
        assert!(report.weight <= bound, "{}", report.weight);
    }
    drop(cache.insert(GetBlob(1_000), blob(100_000)));
    assert_eq!(cache.keys::<GetBlob>(), [GetBlob(1_000)]);
}

#[test]
fn the_sum_of_the_weights_never_passes_the_bound() {
    let bound = 20_000;
    let cache = Cache::<Shelf>::builder().table::<GetBlob>(|table| table.max_weight(bound)).build().unwrap();
    let mut weight = 1;
    for n in 0..3_000_u32 {
        weight = (weight * 7 + 13) % 2_000;
        cache.insert(GetBlob(n % 700), blob(weight));
        if n % 5 == 0 {
            cache.remove(&GetBlob((n * 31) % 700));
        }
        let report = table(&cache, "get_blob");
        assert!(report.weight <= bound, "{}", report.weight);
    }
    let entries = cache.entries::<GetBlob>();
    let sum: u64 = entries.iter().map(|entry| u64::from(entry.state().weight)).sum();
    assert_eq!(sum, table(&cache, "get_blob").weight);
    assert!(sum > bound * 3 / 4, "most of the bound is used: {sum}");
}

#[test]
fn the_same_value_under_two_keys_counts_twice() {
    let cache = Cache::<Shelf>::new();
    let value = Arc::new(blob(60));
    cache.insert(GetBlob(1), Arc::clone(&value));
    cache.insert(GetBlob(2), value);
    assert_eq!(table(&cache, "get_blob").residents, 1);
}
