//! Entries that a load of another key brings along, stored in one commit with its answer.

use std::collections::HashMap;
use std::slice;
use std::sync::Arc;

use cache_core::client_support::{AnswerFacts, AnyWatch, BroughtEntries, Inputs};
use cache_core::{Cache, EntryTimes, Holds, Query, registry};
use proptest::collection::vec;
use proptest::prelude::*;

/// With simple writes.
#[derive(Query, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 4, fresh = "60s")]
struct GetPart(u32);

#[derive(Query, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, lru = 4)]
struct GetRecent(u32);

#[derive(Query, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 4, eq)]
struct GetEqual(u32);

/// With simple writes too.
#[derive(Query, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 4)]
struct GetPage(u32);

registry! {
    struct Parts { GetPart, GetRecent, GetEqual, GetPage }
}

fn begin<Q: Query>(cache: &Cache<Parts>, key: Q) -> AnyWatch
where
    Parts: Holds<Q>,
{
    AnyWatch::new(cache.any_table_ref::<Q>(), key, None)
}

fn brought<Q: Query<Value = u32>>(cache: &Cache<Parts>, entries: &[(Q, u32)]) -> BroughtEntries
where
    Parts: Holds<Q>,
{
    let mut brought = BroughtEntries::new(cache.any_table_ref::<Q>());
    entries.iter().for_each(|(key, value)| brought.add(key.clone(), Arc::new(*value)));
    brought
}

/// Stores the answer of a load, with what it brings along.
fn store<Q: Query<Value = u32>>(load: &AnyWatch, (key, value): (Q, u32), brought: &mut BroughtEntries) {
    let (times, inputs, brought) = (EntryTimes::new(), &Inputs::default(), slice::from_mut(brought));
    load.store(key, Arc::new(value), AnswerFacts { times, inputs, is_unchanged: false, brought });
}

/// The keys of some loads, each with the keys that it brings along.
fn loads() -> impl Strategy<Value = Vec<(u32, Vec<u32>)>> {
    vec((0..12_u32, vec(0..12_u32, 0..8)), 1..60)
}

/// Each entry that is there has the last value of its key, though not all fit.
fn check_small_table<Q: Query<Value = u32> + Copy>(key: fn(u32) -> Q, loads: Vec<(u32, Vec<u32>)>)
where
    Parts: Holds<Q>,
{
    let (cache, mut last) = (Cache::<Parts>::new(), HashMap::new());
    for (answer, keys) in loads {
        let (answer, keys) = (key(answer), keys.into_iter().map(key));
        let value = last.values().max().map_or(0, |value| value + 1);
        let entries: Vec<_> = keys.zip(value + 1..).collect();
        store(&begin(&cache, answer), (answer, value), &mut brought(&cache, &entries));
        last.extend(entries);
        last.insert(answer, value);
        assert!(cache.len() <= 4);
        for key in (0..12).map(key) {
            assert!(cache.peek(&key).is_none_or(|found| Some(&*found) == last.get(&key)), "{key:?}");
        }
    }
}

proptest! {
    #[test]
    fn entries_of_a_small_table_have_the_values_of_their_keys(loads in loads()) {
        check_small_table(GetPart, loads);
    }

    #[test]
    fn answers_of_another_small_table_have_the_values_of_their_keys(loads in loads()) {
        let (cache, mut last) = (Cache::<Parts>::new(), HashMap::new());
        for (value, (page, parts)) in (0..).zip(loads) {
            let entries: Vec<_> = parts.into_iter().map(|id| (GetPart(id), value)).collect();
            store(&begin(&cache, GetPage(page)), (GetPage(page), value), &mut brought(&cache, &entries));
            last.insert(page, value);
            let pages: HashMap<_, _> =
                (0..12).filter_map(|page| Some((page, *cache.peek(&GetPage(page))?))).collect();
            prop_assert!(pages.len() <= 4 && pages.get(&page) == Some(&value), "{pages:?}");
            prop_assert!(pages.iter().all(|(page, value)| last.get(page) == Some(value)), "{pages:?}");
        }
    }

    #[test]
    fn entries_in_an_exact_order_have_the_values_of_their_keys(loads in loads()) {
        check_small_table(GetRecent, loads);
    }

    #[test]
    fn entries_that_are_compared_have_the_values_of_their_keys(loads in loads()) {
        check_small_table(GetEqual, loads);
    }
}

#[test]
fn the_last_value_of_a_key_counts_and_the_answer_comes_before_all() {
    let cache = Cache::<Parts>::new();
    let mut brought =
        brought(&cache, &[(GetPart(1), 10), (GetPart(2), 20), (GetPart(1), 11), (GetPart(3), 30)]);
    brought.keep();
    store(&begin(&cache, GetPart(3)), (GetPart(3), 33), &mut brought);
    let values = [1, 2, 3].map(|id| cache.peek(&GetPart(id)).map(|value| *value));
    assert_eq!(values, [Some(11), Some(20), Some(33)]);
    let stored: Vec<_> = (0..brought.len()).map(|number| brought.is_stored(number)).collect();
    assert_eq!(stored, [false, true, true, false]);
}

#[test]
fn an_entry_that_was_not_stored_can_be_forgotten() {
    let cache = Cache::<Parts>::new();
    let load = begin(&cache, GetPart(1));
    cache.insert(GetPart(2), 2);
    let skipped = Arc::new(20);
    let mut brought = brought(&cache, &[(GetPart(3), 30)]);
    brought.add(GetPart(2), Arc::clone(&skipped));
    brought.keep();
    store(&load, (GetPart(1), 1), &mut brought);
    brought.forget_unstored();
    assert_eq!(Arc::strong_count(&skipped), 1);
    assert!(brought.key(1).is_none());
    assert!(brought.key(0).is_some() && brought.handle(0).is_some());
}

#[test]
fn a_store_moves_entries_that_are_not_kept() {
    let cache = Cache::<Parts>::new();
    let load = begin(&cache, GetPart(1));
    cache.insert(GetPart(2), 2);
    let (moved, skipped) = (Arc::new(30), Arc::new(20));
    let mut brought = brought(&cache, &[(GetPart(2), 19)]);
    brought.add(GetPart(3), Arc::clone(&moved));
    brought.add(GetPart(2), Arc::clone(&skipped));
    store(&load, (GetPart(1), 1), &mut brought);
    assert_eq!([0, 1, 2].map(|number| brought.is_stored(number)), [false, true, false]);
    assert!(brought.any_stored() && brought.is_empty());
    assert!(brought.key(1).is_none() && brought.handle(1).is_none());
    assert_eq!((Arc::strong_count(&moved), Arc::strong_count(&skipped)), (2, 1));
    assert!(cache.get(&GetPart(3)).is_some_and(|value| Arc::ptr_eq(&value, &moved)));
}

#[test]
fn a_replaced_value_is_dropped_by_the_store() {
    let cache = Cache::<Parts>::new();
    let old = Arc::new(1);
    cache.insert(GetPart(2), Arc::clone(&old));
    let load = begin(&cache, GetPart(1));
    let mut brought = brought(&cache, &[(GetPart(2), 2)]);
    store(&load, (GetPart(1), 1), &mut brought);
    assert_eq!(Arc::strong_count(&old), 1);
    assert_eq!(cache.peek(&GetPart(2)).as_deref(), Some(&2));
}
