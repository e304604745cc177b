//! Writes only: of keys that are nearly all new, so that each evicts another, and of present keys.

use super::{Operation, caches, race_times};
use crate::keys::Keys;
use crate::options::Options;
use crate::report::Report;

const UNIVERSE: u32 = 1_000_000;
const ENTRIES: u32 = 100_000;

pub fn run(options: &Options, report: &mut Report) {
    run_plain(options, report, "plain-insert/100k");
    run_replace(options, report, "replace/100k");
}

fn run_plain(options: &Options, report: &mut Report, workload: &str) {
    if !options.wants(workload) {
        return;
    }
    let keys = Keys::uniform(UNIVERSE, options.effort.sequence());
    let contestants = caches(ENTRIES.into(), 2 * ENTRIES, Operation::Insert);
    race_times(options, report, workload, &contestants, &keys);
}

fn run_replace(options: &Options, report: &mut Report, workload: &str) {
    if !options.wants(workload) {
        return;
    }
    let keys = Keys::uniform(ENTRIES, options.effort.sequence());
    let contestants = caches(2 * u64::from(ENTRIES), ENTRIES, Operation::Insert);
    race_times(options, report, workload, &contestants, &keys);
}
