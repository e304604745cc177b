//! Exact least-recently-used order.

use std::collections::{BTreeMap, HashMap};

use cache_core::{Cache, EntryTimes};
use cache_tests::sized;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

fn of_four() -> Cache<Shelf> {
    let cache = Cache::<Shelf>::new();
    for n in 1..=4 {
        cache.insert(GetRecent(n), n);
    }
    cache
}

/// Returns the key that is evicted by another one.
#[track_caller]
fn victim(cache: &Cache<Shelf>) -> u32 {
    let before = sorted(cache.keys::<GetRecent>().iter().map(|key| key.0));
    cache.insert(GetRecent(5), 5);
    let after = cache.keys::<GetRecent>();
    let gone: Vec<u32> = before.into_iter().filter(|n| !after.contains(&GetRecent(*n))).collect();
    let [victim] = gone[..] else { panic!("expected one victim: {gone:?}") };
    victim
}

#[test]
fn the_oldest_write_leaves_first() {
    assert_eq!(victim(&of_four()), 1);
}

#[test]
fn a_read_counts() {
    let cache = of_four();
    assert!(cache.get(&GetRecent(1)).is_some());
    assert_eq!(victim(&cache), 2);
}

#[test]
fn a_write_of_an_entry_that_is_there_counts() {
    let cache = of_four();
    cache.insert(GetRecent(1), 11);
    assert_eq!(victim(&cache), 2);
}

#[test]
fn a_commit_counts() {
    let cache = of_four();
    let mut tx = cache.begin();
    tx.merge_with(GetRecent(1), |old: Option<&u32>| old.copied().unwrap_or(0) + 1);
    tx.commit().unwrap();
    assert_eq!(victim(&cache), 2);
}

#[test]
fn a_read_in_a_transaction_counts() {
    let cache = of_four();
    assert!(cache.begin().get(&GetRecent(1)).is_some());
    assert_eq!(victim(&cache), 2);
}

#[test]
fn neither_a_peek_nor_contains_nor_an_iteration_counts() {
    let cache = of_four();
    assert!(cache.peek(&GetRecent(1)).is_some());
    assert!(cache.contains(&GetRecent(1)));
    assert_eq!(cache.entries::<GetRecent>().len(), 4);
    assert_eq!((cache.keys::<GetRecent>().len(), cache.values::<GetRecent>().len()), (4, 4));
    assert_eq!((cache.len(), cache.count::<GetRecent>()), (4, 4));
    let _ = (cache.inspect(), cache.inspect_entries());
    assert_eq!(victim(&cache), 1);
}

#[test]
fn a_miss_changes_nothing() {
    let cache = of_four();
    assert!(cache.get(&GetRecent(9)).is_none());
    assert_eq!(victim(&cache), 1);
}

#[test]
fn a_removed_entry_leaves_its_place_to_another() {
    let cache = of_four();
    assert!(cache.remove(&GetRecent(2)));
    cache.insert(GetRecent(6), 6);
    assert_eq!(cache.count::<GetRecent>(), 4);
    assert_eq!(victim(&cache), 1);
}

#[test]
fn a_pinned_entry_is_not_counted_and_comes_back_as_the_most_recent() {
    let cache = of_four();
    let pin = cache.pin(&GetRecent(1));
    cache.insert(GetRecent(6), 6);
    assert_eq!(cache.count::<GetRecent>(), 5);
    drop(pin);
    assert_eq!(sorted(cache.keys::<GetRecent>().iter().map(|key| key.0)), [1, 3, 4, 6]);
}

#[test]
fn a_survivor_that_is_read_is_the_most_recent_after_the_next_write() {
    let cache = of_four();
    let held = cache.get(&GetRecent(1)).unwrap();
    for n in 11..=14 {
        cache.insert(GetRecent(n), n);
    }
    assert!(cache.get(&GetRecent(1)).is_some());
    cache.insert(GetRecent(14), 14);
    drop(held);
    assert_eq!(sorted(cache.keys::<GetRecent>().iter().map(|key| key.0)), [1, 12, 13, 14]);
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u32),
    Commit(Vec<u32>),
    Get(u32),
    Peek(u32),
    Remove(u32),
    List,
}

fn steps(keys: u32, count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    let key = 0..keys;
    let step = prop_oneof![
        8 => key.clone().prop_map(Step::Insert),
        1 => prop::collection::vec(key.clone(), 1..5).prop_map(Step::Commit),
        8 => key.clone().prop_map(Step::Get),
        2 => key.clone().prop_map(Step::Peek),
        2 => key.prop_map(Step::Remove),
        1 => Just(Step::List),
    ];
    prop::collection::vec(step, count)
}

/// Keys by their last use, and the reverse.
#[derive(Default)]
struct Naive {
    limit: usize,
    now: u64,
    used_at: HashMap<u32, u64>,
    by_use: BTreeMap<u64, u32>,
}

impl Naive {
    fn remove(&mut self, key: u32) -> bool {
        self.used_at.remove(&key).is_some_and(|at| self.by_use.remove(&at).is_some())
    }

    fn write(&mut self, key: u32) {
        self.remove(key);
        self.now += 1;
        self.used_at.insert(key, self.now);
        self.by_use.insert(self.now, key);
        if self.used_at.len() > self.limit {
            let (_, oldest) = self.by_use.pop_first().unwrap();
            self.used_at.remove(&oldest);
        }
    }

    fn get(&mut self, key: u32) -> bool {
        let is_there = self.used_at.contains_key(&key);
        if is_there {
            self.write(key);
        }
        is_there
    }

    fn keys(&self) -> Vec<u32> {
        sorted(self.used_at.keys().copied())
    }
}

#[track_caller]
fn follow(limit: usize, steps: &[Step]) {
    let cache =
        Cache::<Shelf>::builder().table::<GetRecent>(|table| table.lru(limit as u64)).build().unwrap();
    let mut naive = Naive { limit, ..Naive::default() };
    for step in steps {
        match step {
            Step::Insert(key) => {
                naive.write(*key);
                drop(cache.insert(GetRecent(*key), *key));
            }
            Step::Commit(keys) => {
                let mut tx = cache.begin();
                let mut written = Vec::new();
                for key in keys {
                    tx.set(GetRecent(*key), *key);
                    if !written.contains(key) {
                        written.push(*key);
                    }
                }
                tx.commit().unwrap();
                written.into_iter().for_each(|key| naive.write(key));
            }
            Step::Get(key) => assert_eq!(cache.get(&GetRecent(*key)).is_some(), naive.get(*key), "{step:?}"),
            Step::Peek(key) => {
                let is_there = naive.used_at.contains_key(key);
                assert_eq!(cache.peek(&GetRecent(*key)).is_some(), is_there, "{step:?}");
            }
            Step::Remove(key) => assert_eq!(cache.remove(&GetRecent(*key)), naive.remove(*key), "{step:?}"),
            Step::List => {
                if limit < 100 {
                    assert_eq!(sorted(cache.keys::<GetRecent>().iter().map(|key| key.0)), naive.keys());
                }
            }
        }
    }
    assert_eq!(sorted(cache.keys::<GetRecent>().iter().map(|key| key.0)), naive.keys());
}

proptest! {
    #[test]
    fn the_order_is_that_of_a_naive_model(limit in 1_usize..12, steps in steps(24, 1..200)) {
        follow(limit, &steps);
    }
}

#[test]
fn the_order_is_that_of_a_naive_model_at_ten_thousand_entries() {
    let mut runner =
        TestRunner::new(Config { cases: sized(1, 3), max_shrink_iters: 50, ..Config::default() });
    let fill: Vec<Step> = (0..10_000).map(Step::Insert).collect();
    runner
        .run(&steps(20_000, 20_000..20_001), |steps| {
            let all: Vec<Step> = fill.iter().cloned().chain(steps).collect();
            follow(10_000, &all);
            Ok(())
        })
        .unwrap();
}

#[test]
fn an_entry_with_a_time_of_its_own_has_its_place_in_the_order() {
    let cache = of_four();
    cache.insert_timed(GetRecent(1), 1, EntryTimes::new().ttl(SECOND * 1_000));
    assert_eq!(victim(&cache), 2);
}
