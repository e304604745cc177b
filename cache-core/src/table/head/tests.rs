use foldhash::SharedSeed;

use super::*;
use crate::clock::SystemClock;

/// Most tables have consecutive numbers as keys. A hash that only multiplies them by a random number may,
/// with an unlucky number, put several times as many keys into one shard as into the others.
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
