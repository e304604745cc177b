use std::collections::{BTreeMap, VecDeque};

use proptest::collection::vec;
use proptest::prelude::*;

use super::deadline::Deadlines;
use super::ghost::Ghosts;
use super::recency::{Oldest, Recency};
use crate::clock::Moment;

#[derive(Clone, Debug)]
enum Use {
    /// By a reader.
    Mark(usize),
    Promote(usize),
    Admit,
    Forget(usize),
    Oldest,
    List,
}

fn uses() -> impl Strategy<Value = Vec<Use>> {
    let place = || 0..12_usize;
    let one = prop_oneof![
        20 => place().prop_map(Use::Mark),
        4 => place().prop_map(Use::Promote),
        4 => Just(Use::Admit),
        2 => place().prop_map(Use::Forget),
        1 => Just(Use::Oldest),
        1 => Just(Use::List),
    ];
    vec(one, 1..400)
}

proptest! {
    #[test]
    fn from_one_thread_the_order_of_use_is_that_of_a_list(uses in uses()) {
        let recency = Recency::new();
        // Nodes with what they were admitted for.
        let mut list: Vec<(u32, u32)> = Vec::new();
        for (hash, each) in (0..).zip(uses) {
            match each {
                Use::Mark(place) if place < list.len() => {
                    let used = list.remove(place);
                    recency.mark(used.0);
                    list.push(used);
                }
                Use::Promote(place) if place < list.len() => {
                    let used = list.remove(place);
                    recency.promote(used.0);
                    list.push(used);
                }
                Use::Admit => list.push((recency.admit(hash), hash)),
                Use::Forget(place) if place < list.len() => recency.forget(list.remove(place).0),
                Use::Oldest => {
                    let oldest = list.first().map(|&(node, hash)| Oldest { node, hash });
                    prop_assert_eq!(recency.oldest(), oldest);
                }
                Use::List => {
                    let nodes: Vec<_> = list.iter().map(|&(node, _)| node).collect();
                    prop_assert_eq!(recency.oldest_first(), nodes);
                }
                _ => {}
            }
        }
    }

    #[test]
    fn deadlines_come_in_their_order_and_none_is_lost(
        steps in vec((0..100_i64, any::<bool>()), 1..200),
    ) {
        let mut deadlines = Deadlines::default();
        let mut list: Vec<(i64, u32)> = Vec::new();
        for (id, (at, is_pushed)) in (0..).zip(steps) {
            let now = Moment::from_nanos(at);
            if is_pushed {
                deadlines.push(now, id);
                list.push((at, id));
                continue;
            }
            prop_assert_eq!(deadlines.has_due(now), list.iter().any(|(due, _)| *due <= at));
            let mut last = i64::MIN;
            while let Some(found) = deadlines.pop_due(now) {
                let place = list.iter().position(|(_, id)| *id == found).unwrap();
                let (due, _) = list.remove(place);
                prop_assert!(last <= due && due <= at);
                last = due;
            }
            prop_assert!(list.iter().all(|(due, _)| *due > at));
            prop_assert_eq!(deadlines.is_empty(), list.is_empty());
        }
    }

    #[test]
    fn ghosts_are_the_last_eight_of_each_bucket(hashes in vec((0..96_u32, any::<bool>()), 1..400)) {
        let mut ghosts = Ghosts::default();
        ghosts.fit(64);
        let mut buckets: BTreeMap<u32, VecDeque<u32>> = BTreeMap::new();
        for (number, is_evicted) in hashes {
            // Low bits choose one of eight buckets, others are the fingerprint.
            let hash = (number % 8) | ((number + 1) << 12);
            let bucket = buckets.entry(number % 8).or_default();
            let known = bucket.iter().position(|&known| known == hash);
            if is_evicted && known.is_none() {
                ghosts.remember(hash);
                bucket.push_back(hash);
                let surplus = bucket.len().saturating_sub(8);
                bucket.drain(..surplus);
            } else {
                prop_assert_eq!(ghosts.recall(hash), known.is_some());
                known.map(|place| bucket.remove(place));
            }
        }
    }
}
