use super::s3fifo::Ghosts;
use super::*;

/// Hits and misses, in the order of the requests.
#[track_caller]
fn assert_hits(mut policy: impl Policy, requests: &[u32], expected: &[bool]) {
    let hits: Vec<bool> = requests.iter().map(|&key| policy.request(key)).collect();
    assert_eq!(hits, expected, "{requests:?}");
}

const HIT: bool = true;
const MISS: bool = false;

#[test]
fn lru_evicts_the_least_recently_requested_key() {
    // 3 evicts 2, since 1 was requested again; 2 evicts 1, and 3 is still there.
    assert_hits(Lru::new(2), &[1, 2, 1, 3, 2, 3], &[MISS, MISS, HIT, MISS, MISS, HIT]);
}

/// Ten places, one of which belongs to the small queue.
fn ten() -> S3Fifo {
    S3Fifo::new(10, Setting::PAPER)
}

#[test]
fn s3fifo_evicts_keys_that_were_requested_once_first() {
    let fill: Vec<u32> = (0..10).collect();
    let mut policy = ten();
    assert_eq!(hits(&mut policy, &fill), 0);
    // 10 evicts 0; 1 to 9 are still there.
    assert_eq!(hits(&mut policy, &[10, 1, 2, 3, 4, 5, 6, 7, 8, 9]), 9);
    assert!(!policy.request(0));
}

#[test]
fn s3fifo_promotes_at_the_second_hit() {
    let fill: Vec<u32> = (0..10).collect();
    let mut policy = ten();
    hits(&mut policy, &fill);
    assert_eq!(hits(&mut policy, &[0, 1, 1]), 3);
    // One hit did not save 0, two hits saved 1.
    hits(&mut policy, &[10, 11]);
    assert_eq!(policy.main, [1]);
    assert_eq!(policy.small, [3, 4, 5, 6, 7, 8, 9, 10, 11]);
}

#[test]
fn s3fifo_takes_a_ghost_into_the_main_queue() {
    let fill: Vec<u32> = (0..11).collect();
    let mut policy = ten();
    hits(&mut policy, &fill);
    assert!(!policy.request(0), "a ghost is not a hit");
    assert_eq!(policy.main, [0]);
}

#[test]
fn s3fifo_gives_the_main_queue_a_round_for_each_hit() {
    // One place in the small queue, three in the main one.
    let mut policy = S3Fifo::new(4, Setting::PAPER);
    for key in [0, 1, 2] {
        hits(&mut policy, &[key, key, key]);
    }
    hits(&mut policy, &[3, 4]);
    assert_eq!(policy.main, [0, 1, 2]);
    // The next promoted key needs a place: 0 was requested and stays, 1 is evicted.
    hits(&mut policy, &[0, 4, 4, 5]);
    assert_eq!(policy.main, [2, 4, 0]);
}

#[test]
fn a_ghost_is_forgotten_when_as_many_others_have_left_as_the_main_queue_holds() {
    let mut ghosts = Ghosts::new(2);
    [1, 2, 3].into_iter().for_each(|key| ghosts.add(key));
    assert!(!ghosts.remove(1));
    assert!(ghosts.remove(2));
    // A key that has come back and left again is the youngest.
    [2, 4].into_iter().for_each(|key| ghosts.add(key));
    assert!(ghosts.remove(2) && ghosts.remove(4) && !ghosts.remove(3));
}
