//! Reads of present keys, from caches with room to spare.

use super::{Operation, caches, entries, race_hits, race_times, reader};
use crate::keys::Keys;
use crate::measure::Contestant;
use crate::options::Options;
use crate::peers::{Dashmap, Floor, Papaya};
use crate::report::Report;

/// Capacity of the smallest caches, so that their shards can hold any few keys.
const LEAST_CAPACITY: u64 = 1_000;

/// Keys of caches that have room for 5 % more.
const FULL: u32 = 100_000;

type MakeKeys = fn(u32, usize) -> Keys;

pub fn run(options: &Options, report: &mut Report) {
    let sets: [(u32, &[(&str, MakeKeys)]); 5] = [
        (1_000, &[("hits/1k-uniform", Keys::uniform)]),
        (100_000, &[("hits/100k-zipf", Keys::zipf)]),
        (1_000_000, &[("hits/1m-zipf", Keys::zipf), ("hits/1m-uniform", Keys::uniform)]),
        // Readers that compete for the same few keys.
        (1, &[("hot-key/1", Keys::uniform)]),
        (100, &[("hot-key/100", Keys::uniform)]),
    ];
    for (universe, workloads) in sets {
        let wanted: Vec<_> = workloads.iter().filter(|(name, _)| options.wants(name)).collect();
        if wanted.is_empty() {
            continue;
        }
        let contestants = line_up(universe, LEAST_CAPACITY.max(2 * u64::from(universe)));
        for (name, make) in wanted {
            let keys = make(universe, options.effort.sequence());
            race_hits(options, report, name, &contestants, &keys);
        }
    }
    run_full(options, report, "full-hits/100k-zipf");
}

/// Caches that are nearly full. A few of their shards are full and have evicted, so every cache has a few misses.
fn run_full(options: &Options, report: &mut Report, workload: &str) {
    if !options.wants(workload) {
        return;
    }
    let keys = Keys::zipf(FULL, options.effort.sequence());
    let contestants = caches(u64::from(FULL) * 100 / 95, FULL, Operation::Get);
    race_times(options, report, workload, &contestants, &keys);
}

/// All caches with the keys `0..universe` in them, and maps with the same keys.
pub fn line_up(universe: u32, capacity: u64) -> Vec<Contestant> {
    let mut contestants = caches(capacity, universe, Operation::Get);
    contestants.push(reader(Papaya::holding(entries(universe))));
    contestants.push(reader(Dashmap::holding(entries(universe))));
    contestants.push(reader(Floor::holding(entries(universe))));
    contestants
}
