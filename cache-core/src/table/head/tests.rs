use foldhash::SharedSeed;

use super::*;
use crate::clock::SystemClock;

/// Numbers that follow one another are the keys of most tables. A hash that only multiplies them by a random number puts
/// several times as many into one shard as into the others, if that number is unlucky.
#[test]
fn numbers_in_a_row_are_spread_evenly_over_the_shards_with_every_seed() {
    const KEYS: u32 = 3_000;
    let shared = Arc::new(Shared::new(Box::new(SystemClock::new()), Vec::new(), Vec::new(), None));
    let mut head = Head::new("numbers", 0, &[], TableOptions::new(), None, shared);
    head.shard_count = 16;
    for seed in 0..1_000 {
        let shared = Box::leak(Box::new(SharedSeed::from_u64(seed)));
        head.hasher = HashState::with_seed(seed, shared);
        for step in [1, 20, 4_096] {
            let mut counts = vec![0; head.shard_count];
            for number in 0..KEYS {
                counts[head.place_of(head.hash(&(number * step)))] += 1;
            }
            let fair = KEYS as usize / head.shard_count;
            assert!(counts.iter().all(|&count| count < 2 * fair), "seed {seed}, step {step}: {counts:?}");
        }
    }
}
