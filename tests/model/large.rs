//! Tables of more than one shard: the exact order of a whole table, and the bound that shards hold together.

use std::collections::BTreeSet;
use std::sync::Arc;

use cache_core::{ManualClock, TableOptions};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{Key, Value, config, store};

#[derive(Clone, Debug)]
enum Step {
    Get(u16),
    Insert(u16),
    InsertMany(u16, u16),
    CommitMany(u16, u16),
    Remove(u16),
    Touch(u16),
    Reap,
    DropHandles,
}

fn step(keys: u16) -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => (0..keys).prop_map(Step::Get),
        30 => (0..keys).prop_map(Step::Insert),
        3 => (0..keys, 0..keys / 2).prop_map(|(from, count)| Step::InsertMany(from, count)),
        2 => (0..keys, 0..keys / 4).prop_map(|(from, count)| Step::CommitMany(from, count)),
        8 => (0..keys).prop_map(Step::Remove),
        4 => (0..keys).prop_map(Step::Touch),
        2 => Just(Step::Reap),
        1 => Just(Step::DropHandles),
    ]
}

fn value(weight: u32) -> Value {
    Value { number: 0, weight }
}

fn use_now(order: &mut Vec<u16>, key: u16) {
    order.retain(|&known| known != key);
    order.push(key);
}

fn agrees_with_a_list(limit: u16, keys: u16) {
    proptest!(config(), |(steps in vec(step(keys), 1..400))| {
        let store = store(&Arc::new(ManualClock::new()), TableOptions::new().lru(limit.into()));
        // Least recently used first.
        let mut order: Vec<u16> = Vec::new();
        for step in steps {
            match step {
                Step::Get(key) => {
                    let is_known = order.contains(&key);
                    prop_assert_eq!(store.get(&Key(key)).is_some(), is_known);
                    if is_known {
                        use_now(&mut order, key);
                    }
                }
                Step::Insert(key) => {
                    store.insert(Key(key), value(1));
                    use_now(&mut order, key);
                }
                Step::InsertMany(from, count) => {
                    for key in (from..from + count).map(|key| key % keys) {
                        store.insert(Key(key), value(1));
                        use_now(&mut order, key);
                        let surplus = order.len().saturating_sub(limit.into());
                        order.drain(..surplus);
                    }
                }
                Step::CommitMany(from, count) => {
                    let mut tx = store.begin();
                    for key in (from..from + count).map(|key| key % keys) {
                        tx.set(Key(key), value(1));
                        use_now(&mut order, key);
                    }
                    tx.commit().unwrap();
                }
                Step::Remove(key) => {
                    prop_assert_eq!(store.remove(&Key(key)), order.contains(&key));
                    order.retain(|&known| known != key);
                }
                Step::Touch(key) => {
                    let is_known = order.contains(&key);
                    prop_assert_eq!(store.touch(&Key(key)), is_known);
                    if is_known {
                        use_now(&mut order, key);
                    }
                }
                Step::Reap | Step::DropHandles => drop(store.reap()),
            }
            let surplus = order.len().saturating_sub(limit.into());
            order.drain(..surplus);
            prop_assert_eq!(store.inspect().tables[0].residents, order.len());
        }
        let kept: BTreeSet<u16> = store.keys::<Key>().into_iter().map(|key| key.0).collect();
        prop_assert_eq!(kept, order.into_iter().collect::<BTreeSet<_>>());
    });
}

#[test]
fn the_order_of_use_is_one_for_several_shards() {
    agrees_with_a_list(600, 900);
}

#[test]
fn the_order_of_use_is_exact_in_one_shard() {
    agrees_with_a_list(300, 450);
}

/// Runs random steps with handles held, on a table whose victims the test does not predict.
fn keeps_its_bound(options: TableOptions, limit: u64, keys: u16, weight: fn(u16) -> u32) {
    proptest!(config(), |(steps in vec(step(keys), 1..200))| {
        let store = store(&Arc::new(ManualClock::new()), options);
        let mut held = Vec::new();
        for (at, step) in steps.into_iter().enumerate() {
            match step {
                Step::Get(key) => held.extend(store.get(&Key(key)).filter(|_| at % 2 == 0)),
                Step::Insert(key) => {
                    let handle = store.insert(Key(key), value(weight(key)));
                    prop_assert!(Arc::ptr_eq(&handle, &store.peek(&Key(key)).unwrap()));
                    held.extend(Some(handle).filter(|_| at % 3 == 0));
                }
                Step::InsertMany(from, count) => {
                    for key in (from..from + count).map(|key| key % keys) {
                        let handle = store.insert(Key(key), value(weight(key)));
                        held.extend(Some(handle).filter(|_| key % 3 == 0));
                    }
                }
                Step::CommitMany(from, count) => {
                    let mut tx = store.begin();
                    for key in (from..from + count).map(|key| key % keys) {
                        held.push(tx.set(Key(key), value(weight(key))));
                    }
                    tx.commit().unwrap();
                }
                Step::Remove(key) => {
                    let is_there = store.peek(&Key(key)).is_some();
                    prop_assert_eq!(store.remove(&Key(key)), is_there);
                }
                Step::Touch(key) => {
                    let is_there = store.peek(&Key(key)).is_some();
                    prop_assert_eq!(store.touch(&Key(key)), is_there);
                }
                Step::Reap => {
                    store.reap();
                    prop_assert_eq!(store.inspect().tables[0].dead, 0);
                }
                Step::DropHandles => held.clear(),
            }
            let report = store.inspect().tables.remove(0);
            prop_assert!(report.weight <= limit, "{} of {limit}", report.weight);
            prop_assert_eq!(report.live(), store.len());
        }
        prop_assert_eq!(store.keys::<Key>().into_iter().collect::<BTreeSet<_>>().len(), store.len());
        held.clear();
        store.reap();
        let report = store.inspect().tables.remove(0);
        prop_assert_eq!((report.survivors, report.dead), (0, 0));
        // Light entries fill the table completely: there is no share per shard, and the sum does not drift. A
        // heavy entry that one of the first ones displaces leaves room, which the others fill.
        let first = keys + u16::try_from(limit + limit / 8).unwrap();
        for key in keys..first {
            store.insert(Key(key), value(1));
        }
        let room = u16::try_from(limit - store.inspect().tables[0].weight).unwrap();
        for key in first..first + room {
            store.insert(Key(key), value(1));
        }
        prop_assert_eq!(store.inspect().tables[0].weight, limit);
    });
}

#[test]
fn several_shards_hold_a_capacity_together() {
    keeps_its_bound(TableOptions::new().capacity(2_000), 2_000, 3_000, |_| 1);
}

#[test]
fn several_shards_hold_a_weight_together() {
    keeps_its_bound(TableOptions::new().max_weight(2_000), 2_000, 500, |key| u32::from(key % 97) * 20 + 1);
}
