//! Removals of present keys: each key is inserted again at once, or other reads and inserts come first. Nothing is
//! evicted.

use super::{Operation, caches, race_times};
use crate::keys::Keys;
use crate::options::Options;
use crate::report::Report;

const ENTRIES: u32 = 100_000;

type MakeKeys = fn(u32, usize) -> Keys;

const WORKLOADS: [(&str, Operation, MakeKeys); 3] = [
    ("remove-insert/100k", Operation::Renew, Keys::uniform),
    ("mix/95-5", Operation::Mix { writes: 5 }, Keys::zipf),
    ("mix/80-20", Operation::Mix { writes: 20 }, Keys::zipf),
];

pub fn run(options: &Options, report: &mut Report) {
    for (workload, operation, make) in WORKLOADS {
        if !options.wants(workload) {
            continue;
        }
        let keys = make(ENTRIES, options.effort.sequence());
        let contestants = caches(2 * u64::from(ENTRIES), ENTRIES, operation);
        race_times(options, report, workload, &contestants, &keys);
    }
}
