use std::collections::{BTreeMap, VecDeque};

use proptest::collection::vec;
use proptest::prelude::*;

use super::Ticket;
use super::deadline::Deadlines;
use super::ghost::Ghosts;
use super::recency::Recency;
use crate::clock::Moment;

fn ticket(id: u32) -> Ticket {
    Ticket { hash: id.wrapping_mul(0x9E37_79B9), id }
}

#[derive(Clone, Debug)]
enum Use {
    Mark(u32),
    Admit(u32),
    Forget(u32),
    PopOldest,
    List,
}

fn uses() -> impl Strategy<Value = Vec<Use>> {
    let id = || 0..12_u32;
    let one = prop_oneof![
        20 => id().prop_map(Use::Mark),
        4 => id().prop_map(Use::Admit),
        2 => id().prop_map(Use::Forget),
        1 => Just(Use::PopOldest),
        1 => Just(Use::List),
    ];
    vec(one, 1..400)
}

proptest! {
    #[test]
    fn from_one_thread_the_order_of_use_is_that_of_a_list(uses in uses()) {
        let recency = Recency::new();
        let mut list: Vec<u32> = Vec::new();
        for each in uses {
            match each {
                Use::Mark(id) => {
                    recency.mark(ticket(id));
                    if list.contains(&id) {
                        list.retain(|&known| known != id);
                        list.push(id);
                    }
                }
                Use::Admit(id) => {
                    recency.admit(ticket(id));
                    list.retain(|&known| known != id);
                    list.push(id);
                }
                Use::Forget(id) => {
                    recency.forget(ticket(id));
                    list.retain(|&known| known != id);
                }
                Use::PopOldest => {
                    let oldest = (!list.is_empty()).then(|| list.remove(0));
                    prop_assert_eq!(recency.pop_oldest(), oldest.map(ticket));
                }
                Use::List => {
                    let listed: Vec<_> = list.iter().map(|&id| ticket(id)).collect();
                    prop_assert_eq!(recency.oldest_first(), listed);
                }
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
                deadlines.push(now, ticket(id));
                list.push((at, id));
                continue;
            }
            prop_assert_eq!(deadlines.has_due(now), list.iter().any(|(due, _)| *due <= at));
            let mut last = i64::MIN;
            while let Some(found) = deadlines.pop_due(now) {
                let place = list.iter().position(|(_, id)| ticket(*id) == found).unwrap();
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
            let hash = number + 1;
            let bucket = buckets.entry(hash % 8).or_default();
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
