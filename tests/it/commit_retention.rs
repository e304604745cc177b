//! Commits and retention: bounds, pins, weighers, and values whose `Drop` uses the cache.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock};

use cache_core::{Cache, Query, Residency, registry};

use crate::shop::*;

#[test]
fn a_commit_evicts_what_others_wrote_before_what_it_wrote_itself() {
    let cache = Cache::<Shop>::builder().table::<GetBalance>(|table| table.capacity(50)).build().unwrap();
    (0..50).for_each(|id| drop(cache.insert(GetBalance(id), 1)));
    (0..50).for_each(|id| drop(cache.get(&GetBalance(id))));
    let mut tx = cache.begin();
    (100..130).for_each(|id| drop(tx.set(GetBalance(id), 2)));
    tx.commit().unwrap();
    assert!((100..130).all(|id| cache.peek(&GetBalance(id)).is_some()));
    assert_eq!(cache.count::<GetBalance>(), 50);
}

#[test]
fn a_commit_larger_than_its_table_keeps_as_much_as_there_is_room_for() {
    let cache = shop();
    let mut tx = cache.begin();
    (0..5).for_each(|id| drop(tx.set(GetRecent(id), "text")));
    let receipt = tx.commit().unwrap();
    assert_eq!(cache.count::<GetRecent>(), 5, "the receipt holds the others");
    drop(receipt);
    assert_eq!(cache.count::<GetRecent>(), 2);
}

#[test]
fn a_pin_holds_whatever_is_committed_under_its_key() {
    let cache = shop();
    let pin = cache.pin(&GetNote(1));
    let commit = |text: Option<&str>| {
        let mut tx = cache.begin();
        match text {
            Some(text) => drop(tx.set(GetNote(1), text)),
            None => assert!(tx.remove(&GetNote(1))),
        }
        drop(tx.commit().unwrap());
        pin.get().map(|text| text.to_string())
    };
    assert_eq!(commit(Some("one")).as_deref(), Some("one"));
    assert_eq!(cache.get_entry(&GetNote(1)).unwrap().residency(), Residency::Pinned);
    assert_eq!(commit(Some("two")).as_deref(), Some("two"));
    assert_eq!(commit(None), None);
    assert_eq!(commit(Some("three")).as_deref(), Some("three"));
    cache.clear();
    assert_eq!(commit(Some("four")).as_deref(), Some("four"));
    drop(pin);
    assert!(cache.get(&GetNote(1)).is_none());
}

#[test]
fn a_clock_that_goes_back_expires_nothing_early_and_spoils_no_commit() {
    let (cache, clock) = timed(|builder| builder);
    cache.insert(GetQuote(1), "text");
    let mut tx = cache.begin();
    tx.get(&GetQuote(1));
    tx.touch(&GetQuote(1));
    tx.set(GetQuote(2), "text");
    clock.go_back(500 * SECOND);
    tx.commit().unwrap();
    assert!(cache.get_fresh(&GetQuote(1)).is_some() && cache.get_fresh(&GetQuote(2)).is_some());
    clock.advance(9 * SECOND);
    assert!(cache.get(&GetQuote(1)).is_some() && cache.get(&GetQuote(2)).is_some());
    clock.advance(SECOND);
    assert!(cache.get(&GetQuote(2)).is_none());
}

/// Retention by type, in user code.
#[test]
fn a_listener_that_keeps_the_last_value_of_two_of_four_tables_keeps_exactly_those() {
    type Kept = Arc<Mutex<(Option<Arc<i64>>, Option<Arc<str>>)>>;
    let kept = Kept::default();
    let keep = Arc::clone(&kept);
    let (cache, _) = timed(|builder| {
        builder
            .table::<GetBalance>(|table| table.unbounded())
            .table::<GetTotal>(|table| table.unbounded())
            .table::<GetRecent>(|table| table.unbounded())
            .after_commit(move |change| {
                let mut kept = keep.lock().unwrap();
                if let Some((_, Some(value))) = change.of::<GetTotal>() {
                    kept.0 = Some(Arc::clone(value));
                }
                if let Some((_, Some(value))) = change.of::<GetNote>() {
                    kept.1 = Some(Arc::clone(value));
                }
            })
    });
    for id in 1..=3 {
        let mut tx = cache.begin();
        tx.set(GetBalance(id), 1);
        tx.set(GetTotal(id), 1);
        tx.set(GetNote(id), "note");
        tx.set(GetRecent(id), "text");
        drop(tx.commit().unwrap());
    }
    assert_eq!((cache.keys::<GetTotal>(), cache.keys::<GetNote>()), (vec![GetTotal(3)], vec![GetNote(3)]));
    assert_eq!((cache.count::<GetBalance>(), cache.count::<GetRecent>()), (0, 0));
    drop(kept.lock().unwrap().0.take());
    assert_eq!(cache.len(), 1);
}

/// A value whose `Drop` uses its cache.
#[derive(Debug)]
pub struct CacheHolder {
    name: u32,
    home: Arc<OnceLock<Cache<Yard>>>,
    dropped: EventLog<u32>,
}

impl Drop for CacheHolder {
    fn drop(&mut self) {
        self.dropped.note(self.name);
        if let Some(cache) = self.home.get() {
            let _ = cache.get(&GetCacheHolder(1));
            cache.insert(GetParcel(self.name), vec![0; 1]);
            let mut tx = cache.begin();
            tx.set(GetParcel(self.name + 1000), vec![0; 1]);
            tx.commit().unwrap();
        }
    }
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = CacheHolder, lru = 2, history = 1)]
pub struct GetCacheHolder(u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Vec<u8>, max_weight = 100, weigh = GetParcel::weight)]
pub struct GetParcel(u32);

impl GetParcel {
    #[expect(clippy::ptr_arg, reason = "a weigher takes a reference to the value's type")]
    fn weight(&self, value: &Vec<u8>) -> u32 {
        assert_ne!(self.0, 13, "the weigher panics");
        value.len() as u32
    }
}

registry! {
    pub struct Yard {
        GetCacheHolder,
        GetParcel,
    }
}

#[test]
fn a_value_whose_drop_uses_the_cache_may_be_released_in_every_way_by_a_commit() {
    let home: Arc<OnceLock<Cache<Yard>>> = Arc::default();
    let dropped = EventLog::new();
    let cache = Cache::<Yard>::new();
    let holder = |name| CacheHolder { name, home: Arc::clone(&home), dropped: dropped.clone() };
    let _ = home.set(cache.clone());
    let set = |key, name| {
        let mut tx = cache.begin();
        tx.set(GetCacheHolder(key), holder(name));
        drop(tx.commit().unwrap());
    };
    set(1, 1);
    set(1, 2);
    assert!(dropped.take().is_empty(), "the first is history");
    set(1, 3);
    assert_eq!(dropped.take(), [1], "replaced in the history");
    let mut tx = cache.begin();
    tx.remove(&GetCacheHolder(1));
    tx.commit().unwrap();
    let mut both = dropped.take();
    both.sort_unstable();
    assert_eq!(both, [2, 3], "removed with its history");
    (1..=3).for_each(|key| set(key, key * 10));
    assert_eq!(dropped.take(), [10], "evicted");
    let mut tx = cache.begin();
    tx.set(GetCacheHolder(9), holder(90));
    drop(tx);
    assert_eq!(dropped.take(), [90], "rolled back");
    cache.clear();
    let mut both = dropped.take();
    both.sort_unstable();
    assert_eq!(both, [20, 30], "cleared");
    assert!(cache.get(&GetParcel(30)).is_some() && cache.get(&GetParcel(1030)).is_some());
}

#[test]
fn a_panic_of_a_weigher_applies_nothing_of_its_commit() {
    let cache = Cache::<Yard>::new();
    cache.insert(GetParcel(1), vec![0; 10]);
    let revision = cache.revision();
    let mut tx = cache.begin();
    tx.set(GetParcel(1), vec![0; 20]);
    tx.set(GetParcel(13), vec![0; 20]);
    assert!(catch_unwind(AssertUnwindSafe(|| tx.commit())).is_err());
    assert_eq!((cache.revision(), cache.len()), (revision, 1));
    assert_eq!(cache.get(&GetParcel(1)).unwrap().len(), 10);
    let mut tx = cache.begin();
    tx.set(GetParcel(1), vec![0; 30]);
    tx.commit().unwrap();
    assert_eq!(cache.get_entry(&GetParcel(1)).unwrap().state().weight, 30);
}

#[test]
fn a_value_heavier_than_the_whole_bound_lives_as_long_as_its_receipt() {
    let cache = Cache::<Yard>::new();
    cache.insert(GetParcel(1), vec![0; 60]);
    let mut tx = cache.begin();
    tx.set(GetParcel(2), vec![0; 101]);
    let receipt = tx.commit().unwrap();
    assert_eq!(cache.get_entry(&GetParcel(2)).unwrap().residency(), Residency::Survivor);
    drop(receipt);
    assert!(cache.get(&GetParcel(2)).is_none());
    assert!(cache.get(&GetParcel(1)).is_some(), "nothing was evicted for it");
}
