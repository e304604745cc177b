//! Reads of absent keys, in caches with room to spare.

use super::hits::line_up;
use super::race_times;
use crate::keys::Keys;
use crate::options::Options;
use crate::report::Report;

const ENTRIES: u32 = 100_000;

pub fn run(options: &Options, report: &mut Report) {
    let workload = "misses/100k-uniform";
    if !options.wants(workload) {
        return;
    }
    let keys = Keys::absent(ENTRIES, options.effort.sequence());
    let contestants = line_up(ENTRIES, 2 * u64::from(ENTRIES));
    race_times(options, report, workload, &contestants, &keys);
}
