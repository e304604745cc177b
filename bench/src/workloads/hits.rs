//! Reads of keys that are all there, from caches with room to spare.

use super::{THREADS, filled, get, report_times};
use crate::keys::Keys;
use crate::measure::{Contestant, race};
use crate::options::Options;
use crate::peers::{Floor, Lru, Moka, Ours, Peer, QuickCache, Read, value_of};
use crate::report::Report;

/// Keys of the longest sequence: enough that a round does not repeat the one before.
const SEQUENCE: usize = 4_000_000;

type MakeKeys = fn(u32, usize) -> Keys;

pub fn run(options: &Options, report: &mut Report) {
    let sets: [(u32, &[(&str, MakeKeys)]); 3] = [
        (1_000, &[("hits/1k-uniform", Keys::uniform)]),
        (100_000, &[("hits/100k-zipf", Keys::zipf)]),
        (1_000_000, &[("hits/1m-zipf", Keys::zipf), ("hits/1m-uniform", Keys::uniform)]),
    ];
    for (universe, workloads) in sets {
        let wanted: Vec<_> = workloads.iter().filter(|(name, _)| options.wants(name)).collect();
        if wanted.is_empty() {
            continue;
        }
        let contestants = line_up(universe);
        for (name, make) in wanted {
            let keys = make(universe, SEQUENCE);
            for threads in THREADS {
                let samples = race(&contestants, &keys, threads, options.effort);
                for (contestant, sample) in contestants.iter().zip(&samples) {
                    assert!(sample.hit_ratio() == 1.0, "{name}: {} has lost entries", contestant.name);
                }
                report_times(report, name, threads, &contestants, &samples);
            }
        }
    }
}

fn line_up(universe: u32) -> Vec<Contestant> {
    let capacity = 2 * u64::from(universe);
    let keys = || (0..universe).map(u64::from);
    let floor = Floor::holding(keys().map(|key| (key, value_of(key))));
    vec![
        filled(Ours::with_capacity(capacity), keys()),
        filled(QuickCache::with_capacity(capacity), keys()),
        filled(Moka::with_capacity(capacity), keys()),
        filled(Lru::with_capacity(capacity), keys()),
        Contestant::new(Floor::NAME, move |keys| get(&floor, keys)),
    ]
}
