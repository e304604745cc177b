use std::collections::{BTreeMap, VecDeque};

use proptest::collection::vec;
use proptest::prelude::*;

use super::Queue;
use super::deadline::Deadlines;
use super::ghost::{Ghost, Ghosts};
use super::list::Link;
use super::recency::{Oldest, Recency};
use super::records::{Record, Records};
use super::s3fifo::S3Fifo;
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
                    let mut next = Vec::new();
                    let list = recency.copy(&mut next);
                    prop_assert_eq!(list.iter_in(&next).collect::<Vec<_>>(), nodes);
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
    fn ghosts_are_the_last_eight_of_each_bucket(
        steps in vec((0..96_u32, prop_oneof![Just(None), Just(Some(Queue::Small)), Just(Some(Queue::Main))]), 1..400),
    ) {
        let mut ghosts = Ghosts::default();
        ghosts.fit(64);
        // Fingerprints of each bucket, youngest first.
        let mut buckets: BTreeMap<u32, VecDeque<(u32, Queue)>> = BTreeMap::new();
        for (number, evicted_from) in steps {
            let hash = ghost_hash(number % 8, number + 1);
            let bucket = buckets.entry(number % 8).or_default();
            let known = bucket.iter().position(|&(known, _)| known == hash);
            if let (Some(queue), None) = (evicted_from, known) {
                ghosts.remember(hash, queue);
                bucket.push_front((hash, queue));
                bucket.truncate(8);
            } else {
                let expected = known.and_then(|place| {
                    bucket.remove(place).map(|(_, queue)| Ghost { queue, is_young: place < 2 })
                });
                prop_assert_eq!(ghosts.recall(hash), expected);
            }
        }
    }
}

/// Returns a hash with this fingerprint, in this one of eight buckets.
fn ghost_hash(bucket: u32, fingerprint: u32) -> u32 {
    let is_it = |hash: &u32| hash.wrapping_mul(0x9E37_79B9) >> 29 == bucket;
    (0..1 << 12).map(|low| low | (fingerprint << 12)).find(is_it).unwrap()
}

#[test]
fn there_are_as_many_ghosts_as_entries() {
    let mut ghosts = Ghosts::default();
    ghosts.fit(1_000);
    let hashes = || (0..4_000_u32).map(|number| number.wrapping_mul(0x85EB_CA6B));
    hashes().for_each(|hash| ghosts.remember(hash, Queue::Small));
    let known = hashes().filter(|&hash| ghosts.recall(hash).is_some()).count();
    assert!((980..=1_010).contains(&known), "{known}");
}

/// Returns a policy with a hundred entries in its main queue and one in the small queue.
fn a_hundred_and_one() -> (S3Fifo, Records) {
    let (mut policy, mut records) = (S3Fifo::default(), Records::default());
    for hash in 0..101 {
        let record = Record { link: Link::LOOSE, hash, weight: 1, revision: 0, as_of: Moment::ORIGIN };
        let number = records.occupy(record);
        policy.push(if hash == 0 { Queue::Small } else { Queue::Main }, number, &mut records);
    }
    (policy, records)
}

/// Makes keys leave a queue and come back, one after the other.
fn have_come_back(policy: &mut S3Fifo, left: Queue, count: u32) {
    for hash in 1_000..1_000 + count {
        policy.remember(left, hash);
        policy.place(hash);
    }
}

#[test]
fn the_small_queue_is_longer_after_its_keys_have_come_back_and_shorter_after_those_of_the_main_queue() {
    let gives_up = |policy: &S3Fifo| policy.candidate([false; 2]).unwrap().0;
    let (mut policy, _records) = a_hundred_and_one();
    assert_eq!((gives_up(&policy), policy.promote_at()), (Queue::Main, 1));
    policy.reweigh(Queue::Small, 0, 9);
    assert_eq!(gives_up(&policy), Queue::Small);
    have_come_back(&mut policy, Queue::Small, 1_000);
    assert_eq!((gives_up(&policy), policy.promote_at()), (Queue::Main, 2));
    have_come_back(&mut policy, Queue::Main, 10_000);
    assert_eq!((gives_up(&policy), policy.promote_at()), (Queue::Small, 1));
}

#[test]
fn a_ghost_of_the_small_queue_belongs_to_the_main_one_and_that_of_the_main_one_starts_anew() {
    let (mut policy, _records) = a_hundred_and_one();
    let (evicted_early, evicted_late) = (1 << 12, 2 << 12);
    policy.remember(Queue::Small, evicted_early);
    (0..3).for_each(|_| policy.remember(Queue::Main, evicted_late));
    assert_eq!(policy.place(evicted_early), Queue::Main);
    assert_eq!(policy.place(evicted_early), Queue::Small, "it is forgotten");
    assert_eq!(policy.place(evicted_late), Queue::Small);
}
