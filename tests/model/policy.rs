//! The default policy against its rules written down plainly: who is pushed out is foretold exactly.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use cache_core::{ManualClock, TableOptions};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{Key, Value, builder, config, store};

const CAPACITY: usize = 8;
const MOST_USES: u8 = 7;
/// Ghosts whose return moves the share of the small queue.
const YOUNG_GHOSTS: usize = 2;
/// One in so many that leave the main queue becomes a ghost.
const MAIN_EVIDENCE: u32 = 3;

/// With each of these seeds the keys have different fingerprints. Of twenty keys two have the same one with one seed in
/// 170, and the store takes either for the ghost of the other.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queue {
    Small,
    Main,
}

/// Two queues and a memory of as many that left them.
#[derive(Debug)]
struct Policy {
    small: VecDeque<u16>,
    main: VecDeque<u16>,
    uses: BTreeMap<u16, u8>,
    /// The youngest first.
    ghosts: VecDeque<(u16, Queue)>,
    /// What the small queue is to have of all.
    share: f64,
    /// How many became ghosts from each queue. Too few steps to be halved.
    from_small: u32,
    from_main: u32,
    main_departures: u32,
}

impl Policy {
    fn new() -> Self {
        Self {
            small: VecDeque::new(),
            main: VecDeque::new(),
            uses: BTreeMap::new(),
            ghosts: VecDeque::new(),
            share: 0.01,
            from_small: 0,
            from_main: 0,
            main_departures: 0,
        }
    }

    fn use_now(&mut self, key: u16) -> bool {
        let Some(uses) = self.uses.get_mut(&key) else { return false };
        *uses = (*uses + 1).min(MOST_USES);
        true
    }

    fn insert(&mut self, key: u16) {
        if self.use_now(key) {
            return;
        }
        let queue = self.place(key);
        if self.uses.len() == CAPACITY {
            self.evict(queue);
        }
        match queue {
            Queue::Small => self.small.push_back(key),
            Queue::Main => self.main.push_back(key),
        }
        self.uses.insert(key, 0);
    }

    /// Where a new entry goes. A ghost of the small queue belongs to the main one; a young ghost of either shows that its
    /// queue was too short.
    fn place(&mut self, key: u16) -> Queue {
        let Some(age) = self.ghosts.iter().position(|&(ghost, _)| ghost == key) else { return Queue::Small };
        let (_, left) = self.ghosts.remove(age).unwrap();
        if age < YOUNG_GHOSTS {
            let (small, main) = (f64::from(self.from_small) + 1.0, f64::from(self.from_main) + 1.0);
            let step = 2.0 / self.uses.len() as f64;
            self.share += match left {
                Queue::Small => step * main / (small + main),
                Queue::Main => -step * small / (small + main),
            };
            self.share = self.share.clamp(0.002, 0.3);
        }
        if left == Queue::Small { Queue::Main } else { Queue::Small }
    }

    /// Pushes one out for an entry that is about to come to a queue, and counts as if it were there.
    fn evict(&mut self, coming_to: Queue) {
        let uses_to_stay = if self.share < 0.05 { 1 } else { 2 };
        loop {
            let small = self.small.len() + usize::from(coming_to == Queue::Small);
            let is_small_full = small as f64 >= self.share * (self.uses.len() + 1) as f64;
            let is_from_small = (is_small_full && !self.small.is_empty()) || self.main.is_empty();
            let key = if is_from_small { &mut self.small } else { &mut self.main }.pop_front().unwrap();
            let uses = self.uses.get_mut(&key).unwrap();
            if is_from_small && *uses >= uses_to_stay {
                *uses -= uses_to_stay;
                self.main.push_back(key);
            } else if !is_from_small && *uses > 0 {
                *uses -= 1;
                self.main.push_back(key);
            } else {
                self.uses.remove(&key);
                self.remember(key, if is_from_small { Queue::Small } else { Queue::Main });
                return;
            }
        }
    }

    fn remember(&mut self, key: u16, left: Queue) {
        match left {
            Queue::Small => self.from_small += 1,
            Queue::Main => {
                self.main_departures += 1;
                if !self.main_departures.is_multiple_of(MAIN_EVIDENCE) {
                    return;
                }
                self.from_main += 1;
            }
        }
        self.ghosts.push_front((key, left));
        self.ghosts.truncate(CAPACITY);
    }
}

/// Compares store and rules after each step.
#[track_caller]
fn compare(seed: u64, steps: impl IntoIterator<Item = Step>) {
    let options = TableOptions::new().capacity(CAPACITY as u64);
    let store = builder(&Arc::new(ManualClock::new()), options).hash_seed(seed).build().unwrap();
    let mut policy = Policy::new();
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
    proptest!(config(), |(seed in SEEDS, steps in vec(step(), 1..300))| compare(seed, steps));
}

#[test]
fn an_entry_that_comes_back_gets_a_place_in_the_main_queue_and_lengthens_the_small_one() {
    let store = store(&Arc::new(ManualClock::new()), TableOptions::new().capacity(40));
    let insert = |key| drop(store.insert(Key(key), Value { number: 0, weight: 1 }));
    let is_there = |key| store.peek(&Key(key)).is_some();
    let use_often = |keys: std::ops::Range<u16>| {
        for key in keys {
            (0..MOST_USES).for_each(|_| assert!(store.get(&Key(key)).is_some(), "{key}"));
        }
    };
    (0..40).for_each(insert);
    use_often(0..40);
    // All of them go on to the main queue, which gives up 0. The small queue has one place: 101 pushes out 100.
    insert(100);
    assert!(!is_there(0) && is_there(100));
    insert(101);
    assert!(!is_there(100) && is_there(101));
    use_often(1..40);
    // It comes back, which shows that the small queue was too short: one entry is not too much for it any more. So the
    // main queue, which it comes to, has to give up one of its own.
    insert(100);
    assert!(!is_there(1) && (2..40).all(is_there) && is_there(100) && is_there(101));
    // Two are too much.
    insert(102);
    assert!(!is_there(101) && (2..40).all(is_there) && is_there(100) && is_there(102));
}
