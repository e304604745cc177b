//! Compares the default policy with its rules in their simplest form, which predict the victims exactly.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cache_core::{ManualClock, TableOptions};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::naive::queues::MAX_USES;
use crate::naive::{Bound, Rules, Table, Write};
use crate::{Key, Value, builder, config, store};

const CAPACITY: u64 = 8;

/// With each of these seeds the keys have different fingerprints. With one seed in 170, two of twenty keys
/// have the same one, and the store takes each for the ghost of the other.
const SEEDS: std::ops::Range<u64> = 0..300;

#[derive(Clone, Debug)]
enum Step {
    Get(u16),
    Insert(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0..20_u16).prop_map(Step::Get),
        1 => (0..20_u16).prop_map(Step::Insert),
    ]
}

/// Compares store and rules after each step.
#[track_caller]
fn compare(seed: u64, steps: impl IntoIterator<Item = Step>) {
    let options = TableOptions::new().capacity(CAPACITY);
    let store = builder(&Arc::new(ManualClock::new()), options).hash_seed(seed).build().unwrap();
    let mut model =
        Table::new(Rules { bound: Bound::Capacity(CAPACITY), ..Rules::default() }, Duration::ZERO);
    for step in steps {
        match step {
            Step::Get(key) => assert_eq!(store.get(&Key(key)).is_some(), model.get(key).is_some()),
            Step::Insert(key) => {
                store.insert(Key(key), Value { number: 0, weight: 1 });
                model.insert(key, Write::default(), store.revision().unwrap());
            }
        }
        let kept: BTreeSet<_> = store.keys::<Key>().into_iter().map(|key| key.0).collect();
        assert_eq!(kept, model.entries.keys().copied().collect::<BTreeSet<_>>());
    }
}

#[test]
fn the_default_policy_keeps_whom_its_rules_name() {
    proptest!(config(), |(seed in SEEDS, steps in vec(step(), 1..300))| compare(seed, steps));
}

#[test]
fn an_entry_that_comes_back_gets_a_place_in_the_main_queue_and_lengthens_the_small_one() {
    let store = store(&Arc::new(ManualClock::new()), TableOptions::new().capacity(40));
    let insert = |key| drop(store.insert(Key(key), Value { number: 0, weight: 1 }));
    let is_there = |key| store.peek(&Key(key)).is_some();
    let use_often = |keys: std::ops::Range<u16>| {
        for key in keys {
            (0..MAX_USES).for_each(|_| assert!(store.get(&Key(key)).is_some(), "{key}"));
        }
    };
    (0..40).for_each(insert);
    use_often(0..40);
    // All of them move to the main queue, which evicts 0. The small queue has room for one: 101 evicts 100.
    insert(100);
    assert!(!is_there(0) && is_there(100));
    insert(101);
    assert!(!is_there(100) && is_there(101));
    use_often(1..40);
    // It comes back, which shows that the small queue was too short: one entry is no longer too much for it.
    // So the main queue, which it enters, must evict one of its own.
    insert(100);
    assert!(!is_there(1) && (2..40).all(is_there) && is_there(100) && is_there(101));
    // Two are too much.
    insert(102);
    assert!(!is_there(101) && (2..40).all(is_there) && is_there(100) && is_there(102));
}
