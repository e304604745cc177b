//! The default policy against its rules written down plainly: who is pushed out is foretold exactly.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use cache_core::{ManualClock, TableOptions};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{Key, Value, config, store};

const CAPACITY: usize = 8;
const MOST_USES: u8 = 7;
const USES_TO_STAY: u8 = 2;

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

/// Two queues and a memory of as many that left the first one.
#[derive(Debug, Default)]
struct Policy {
    small: VecDeque<u16>,
    main: VecDeque<u16>,
    uses: BTreeMap<u16, u8>,
    ghosts: VecDeque<u16>,
}

impl Policy {
    fn use_now(&mut self, key: u16) -> bool {
        let Some(uses) = self.uses.get_mut(&key) else { return false };
        *uses = (*uses + 1).min(MOST_USES);
        true
    }

    fn insert(&mut self, key: u16) {
        if self.use_now(key) {
            return;
        }
        let is_known = self.ghosts.contains(&key);
        self.ghosts.retain(|&ghost| ghost != key);
        if self.uses.len() == CAPACITY {
            self.evict(!is_known);
        }
        if is_known { &mut self.main } else { &mut self.small }.push_back(key);
        self.uses.insert(key, 0);
    }

    /// Pushes one out for an entry that is about to come, and counts as if it were there.
    fn evict(&mut self, is_for_small: bool) {
        loop {
            let is_small_full = 10 * (self.small.len() + usize::from(is_for_small)) > self.uses.len();
            let from_small = (is_small_full && !self.small.is_empty()) || self.main.is_empty();
            let key = if from_small { &mut self.small } else { &mut self.main }.pop_front().unwrap();
            let uses = self.uses.get_mut(&key).unwrap();
            if from_small && *uses >= USES_TO_STAY {
                *uses = 0;
                self.main.push_back(key);
            } else if !from_small && *uses > 0 {
                *uses -= 1;
                self.main.push_back(key);
            } else {
                self.uses.remove(&key);
                if from_small {
                    self.ghosts.push_back(key);
                    let surplus = self.ghosts.len().saturating_sub(CAPACITY);
                    self.ghosts.drain(..surplus);
                }
                return;
            }
        }
    }
}

/// Compares store and rules after each step.
#[track_caller]
fn compare(steps: impl IntoIterator<Item = Step>) {
    let store = store(&Arc::new(ManualClock::new()), TableOptions::new().capacity(CAPACITY as u64));
    let mut policy = Policy::default();
    for step in steps {
        match step {
            Step::Get(key) => assert_eq!(store.get(&Key(key)).is_some(), policy.use_now(key)),
            Step::Insert(key) => {
                store.insert(Key(key), Value { number: 0, weight: 1 });
                policy.insert(key);
            }
        }
        let kept: BTreeSet<_> = store.keys::<Key>().into_iter().map(|key| key.0).collect();
        assert_eq!(kept, policy.uses.keys().copied().collect::<BTreeSet<_>>());
    }
}

#[test]
fn the_default_policy_keeps_whom_its_rules_name() {
    proptest!(config(), |(steps in vec(step(), 1..300))| compare(steps));
}

#[test]
fn a_busy_main_queue_gives_up_one_of_its_own_to_an_entry_that_came_back() {
    let store = store(&Arc::new(ManualClock::new()), TableOptions::new().capacity(40));
    let insert = |key| drop(store.insert(Key(key), Value { number: 0, weight: 1 }));
    let use_often = |keys: std::ops::Range<u16>| {
        for key in keys {
            (0..MOST_USES).for_each(|_| assert!(store.get(&Key(key)).is_some(), "{key}"));
        }
    };
    (0..40).for_each(insert);
    use_often(0..40);
    // The main queue gives up 0 to 3 while the small one is short; then 100 has to go, and is remembered.
    (100..105).for_each(insert);
    assert_eq!(store.peek(&Key(100)), None);
    use_often(4..40);
    // It comes back to the main queue, which is all of 4 to 39, each of them used; the small one is short again.
    insert(100);
    assert!((101..105).all(|key| store.peek(&Key(key)).is_some()), "the small queue was not to give up any");
    assert_eq!(store.peek(&Key(4)), None);
}
