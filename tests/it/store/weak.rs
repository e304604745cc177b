//! Values that no table keeps: readable while the program holds them, gone with the last holder.

use std::sync::Arc;

use cache_core::{Cache, Residency};

use super::*;

#[test]
fn without_retention_a_value_lives_as_long_as_its_holder() {
    let cache = Cache::<Shelf>::new();
    drop(cache.insert(GetText(1), "dropped"));
    assert!(cache.get(&GetText(1)).is_none());
    assert_eq!(cache.reap(), 1, "the dead key was still in the table");
    assert_eq!(cache.reap(), 0);

    let held = cache.insert(GetText(2), "held");
    assert!(Arc::ptr_eq(&held, &cache.get(&GetText(2)).unwrap()));
    assert_eq!(cache.reap(), 0);
    assert!(cache.get(&GetText(2)).is_some(), "reaping removes no live value");
    drop(held);
    assert!(cache.get(&GetText(2)).is_none());
    assert_eq!(cache.reap(), 1);
}

#[test]
fn any_handle_keeps_a_value_that_nothing_else_keeps() {
    let cache = Cache::<Shelf>::new();
    drop(cache.insert(GetText(1), "a"));
    let written = cache.insert(GetText(1), "b");
    let read = cache.get(&GetText(1)).unwrap();
    drop(written);
    assert_eq!(&*cache.get(&GetText(1)).unwrap(), "b");
    let entry = cache.get_entry(&GetText(1)).unwrap();
    drop(read);
    assert_eq!(&*cache.get(&GetText(1)).unwrap(), "b");
    drop(entry);
    assert!(cache.get(&GetText(1)).is_none());
}

#[test]
fn a_receipt_keeps_what_its_commit_wrote() {
    let cache = Cache::<Shelf>::new();
    let mut tx = cache.begin();
    tx.set(GetText(1), "written");
    let receipt = tx.commit().unwrap();
    assert_eq!(&*cache.get(&GetText(1)).unwrap(), "written");
    drop(receipt);
    assert!(cache.get(&GetText(1)).is_none());
}

#[test]
fn a_transaction_keeps_nothing_that_it_did_not_write() {
    let cache = Cache::<Shelf>::new();
    let held = cache.insert(GetText(1), "held");
    let mut tx = cache.begin();
    assert!(tx.get(&GetText(1)).is_some());
    drop(held);
    assert!(tx.get(&GetText(1)).is_none(), "a dead value is a miss and not an error");
    assert!(cache.get(&GetText(1)).is_none());
}

#[test]
fn a_survivor_is_readable_until_its_last_holder_drops_it() {
    let cache = Cache::<Shelf>::new();
    let a = cache.insert(GetOne(1), 10);
    drop(cache.insert(GetOne(2), 20));
    assert_eq!(sorted(cache.keys::<GetOne>().iter().map(|key| key.0)), [1, 2]);
    let read = cache.get(&GetOne(1)).unwrap();
    assert!(Arc::ptr_eq(&a, &read));
    assert_eq!(cache.get(&GetOne(2)).as_deref(), Some(&20));

    drop(read);
    drop(a);
    assert!(cache.get(&GetOne(1)).is_none(), "at once");
    assert_eq!(cache.keys::<GetOne>(), [GetOne(2)]);
    assert_eq!(table(&cache, "get_one").dead, 1);
    assert_eq!(cache.reap(), 1);
    assert_eq!(table(&cache, "get_one").dead, 0);
    assert_eq!(cache.get(&GetOne(2)).as_deref(), Some(&20));
}

#[test]
fn a_survivor_that_is_read_becomes_resident_with_the_next_write() {
    let cache = Cache::<Shelf>::new();
    let a = cache.insert(GetOne(1), 10);
    let b = cache.insert(GetOne(2), 20);
    assert_eq!(cache.get_entry(&GetOne(2)).unwrap().residency(), Residency::Resident);
    assert!(cache.get(&GetOne(1)).is_some());
    let c = cache.insert(GetOne(3), 30);
    let resident = [1, 2, 3].map(|key| table_residency(&cache, key));
    assert!(
        resident.iter().filter(|residency| **residency == Residency::Resident).count() == 1,
        "the bound holds: {resident:?}"
    );

    // With room for both, the value that was read is kept without its holder, and the other is not.
    let cache = Cache::<Shelf>::builder().table::<GetOne>(|table| table.capacity(2)).build().unwrap();
    let held: Vec<_> = (1..=4).map(|n| cache.insert(GetOne(n), n)).collect();
    let evicted: Vec<u32> = (1..=4).filter(|&n| table_residency(&cache, n) == Residency::Survivor).collect();
    let [read, unread] = evicted[..] else { panic!("two were evicted: {evicted:?}") };
    assert!(cache.get(&GetOne(read)).is_some());
    cache.remove(&GetOne(*[1, 2, 3, 4].iter().find(|n| !evicted.contains(n)).unwrap()));
    assert_eq!(table_residency(&cache, read), Residency::Resident);
    assert_eq!(table_residency(&cache, unread), Residency::Survivor);
    drop(held);
    assert!(cache.get(&GetOne(read)).is_some());
    assert!(cache.get(&GetOne(unread)).is_none());
    drop((a, b, c));
}

#[test]
fn one_of_many_survivors_that_is_read_becomes_resident_with_the_very_next_write() {
    for which in [0, 50, 99] {
        let cache = Cache::<Shelf>::builder().table::<GetRecent>(|table| table.lru(100)).build().unwrap();
        let held: Vec<_> = (0..200).map(|n| cache.insert(GetRecent(n), n)).collect();
        assert!(cache.get(&GetRecent(which)).is_some());
        cache.touch(&GetRecent(199));
        drop(held);
        assert!(cache.get(&GetRecent(which)).is_some(), "{which}");
        assert_eq!(cache.count::<GetRecent>(), 100);
    }
}

/// Reads without counting as a use.
fn table_residency(cache: &Cache<Shelf>, key: u32) -> Residency {
    let entries = cache.entries::<GetOne>();
    entries.iter().find(|entry| *entry.key() == GetOne(key)).expect("the entry is readable").residency()
}

#[test]
fn neither_a_peek_nor_contains_nor_an_iteration_brings_a_survivor_back() {
    let cache = Cache::<Shelf>::builder().table::<GetOne>(|table| table.capacity(2)).build().unwrap();
    let held: Vec<_> = (1..=3).map(|n| cache.insert(GetOne(n), n)).collect();
    let survivor = (1..=3).find(|&n| table_residency(&cache, n) == Residency::Survivor).unwrap();
    assert!(cache.peek(&GetOne(survivor)).is_some());
    assert!(cache.contains(&GetOne(survivor)));
    assert_eq!(cache.values::<GetOne>().len(), 3);
    let other = (1..=3).find(|&n| n != survivor).unwrap();
    assert!(cache.remove(&GetOne(other)));
    assert_eq!(table_residency(&cache, survivor), Residency::Survivor);
    drop(held);
    assert!(cache.get(&GetOne(survivor)).is_none());
}

#[test]
fn an_expired_survivor_stays_a_survivor() {
    let (cache, clock) = shelf();
    let held = cache.insert(GetBoth(1), 10);
    clock.advance(SECOND * 11);
    assert!(Arc::ptr_eq(&held, &cache.get(&GetBoth(1)).unwrap()));
    for n in 2..50 {
        cache.insert(GetBoth(n), n);
        assert!(cache.get(&GetBoth(1)).is_some());
    }
    assert_eq!(cache.get_entry(&GetBoth(1)).unwrap().residency(), Residency::Survivor);
    drop(held);
    assert!(cache.get(&GetBoth(1)).is_none());
}

#[test]
fn many_survivors_that_are_read_all_come_back() {
    let cache = Cache::<Shelf>::builder().table::<GetBook>(|table| table.capacity(100)).build().unwrap();
    let mut held: Vec<_> = (0..200).map(|n| cache.insert(GetBook(n), book("held"))).collect();
    let is_survivor = |n: &u32| {
        cache.peek(&GetBook(*n)).is_some() && {
            let entries = cache.entries::<GetBook>();
            entries.iter().any(|entry| entry.key().0 == *n && entry.residency() == Residency::Survivor)
        }
    };
    let survivors: Vec<u32> = (0..200).filter(is_survivor).collect();
    assert_eq!(survivors.len(), 100);
    for n in (0..200).filter(|n| !survivors.contains(n)) {
        cache.remove(&GetBook(n));
    }
    for n in &survivors {
        assert!(cache.get(&GetBook(*n)).is_some());
    }
    // All were read between two writes. Each later write makes some of them resident again.
    for _ in 0..100 {
        cache.insert(GetBook(survivors[0]), book("again"));
    }
    held.clear();
    let kept = survivors.iter().filter(|n| cache.get(&GetBook(**n)).is_some()).count();
    assert_eq!(kept, 100);
}

#[test]
fn a_key_that_is_written_again_before_its_reaping_is_not_reaped() {
    let cache = Cache::<Shelf>::new();
    drop(cache.insert(GetText(1), "old"));
    let new = cache.insert(GetText(1), "new");
    assert_eq!(cache.reap(), 0);
    assert!(Arc::ptr_eq(&new, &cache.get(&GetText(1)).unwrap()));

    let old = cache.insert(GetOne(1), 1);
    cache.insert(GetOne(2), 2);
    drop(old);
    cache.insert(GetOne(1), 11);
    assert_eq!(cache.reap(), 0);
    assert_eq!(cache.get(&GetOne(1)).as_deref(), Some(&11));
}

#[test]
fn a_weak_handle_of_the_program_keeps_nothing_alive() {
    let cache = Cache::<Shelf>::new();
    let weak = Arc::downgrade(&cache.insert(GetOne(1), 10));
    assert!(weak.upgrade().is_some(), "the table keeps it");
    cache.insert(GetOne(2), 20);
    assert!(weak.upgrade().is_none());
    assert!(cache.get(&GetOne(1)).is_none());
    cache.reap();
    assert_eq!(table(&cache, "get_one").dead, 0);
}

#[test]
fn a_replaced_value_does_not_keep_the_new_one() {
    let cache = Cache::<Shelf>::new();
    let old = cache.insert(GetText(1), "old");
    drop(cache.insert(GetText(1), "new"));
    assert!(cache.get(&GetText(1)).is_none());
    assert_eq!(&*old, "old");
}
