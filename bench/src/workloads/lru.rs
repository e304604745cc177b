//! Tables in exact least-recently-used order, compared with the only peer that has it.

use super::{Operation, contestant, filled, race_hits, race_times};
use crate::keys::Keys;
use crate::measure::Contestant;
use crate::options::Options;
use crate::peers::{Lru, Ours, Peer};
use crate::report::Report;

const UNIVERSE: u32 = 1_000_000;
const ENTRIES: u32 = 100_000;

type MakeKeys = fn(u32, usize) -> Keys;

pub fn run(options: &Options, report: &mut Report) {
    run_hits(options, report, "lru-hits/1k-uniform", 1_000, Keys::uniform);
    run_hits(options, report, "lru-hits/100k-zipf", 100_000, Keys::zipf);
    run_inserts(options, report, "lru-insert/100k");
}

fn run_hits(options: &Options, report: &mut Report, workload: &str, universe: u32, make: MakeKeys) {
    if !options.wants(workload) {
        return;
    }
    let keys = make(universe, options.effort.sequence());
    let contestants = line_up(2 * u64::from(universe), universe, Operation::Get);
    race_hits(options, report, workload, &contestants, &keys);
}

fn run_inserts(options: &Options, report: &mut Report, workload: &str) {
    if !options.wants(workload) {
        return;
    }
    let keys = Keys::uniform(UNIVERSE, options.effort.sequence());
    let contestants = line_up(ENTRIES.into(), 2 * ENTRIES, Operation::Insert);
    race_times(options, report, workload, &contestants, &keys);
}

fn line_up(capacity: u64, held: u32, operation: Operation) -> [Contestant; 2] {
    [
        contestant(filled(Ours::lru(capacity), held), operation),
        contestant(filled(Lru::with_capacity(capacity), held), operation),
    ]
}
