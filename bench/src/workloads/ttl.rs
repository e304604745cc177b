//! Tables whose entries have a time to live that does not end during the run: the cost of tracking deadlines.

use std::time::Duration;

use super::{Operation, contestant, filled, race_hits, race_times};
use crate::keys::Keys;
use crate::measure::Contestant;
use crate::options::Options;
use crate::peers::{Moka, Ours, Peer};
use crate::report::Report;

const TIME: Duration = Duration::from_hours(1);
const UNIVERSE: u32 = 1_000_000;
const ENTRIES: u32 = 100_000;

pub fn run(options: &Options, report: &mut Report) {
    run_hits(options, report, "ttl-hits/100k-zipf");
    run_inserts(options, report, "ttl-insert/100k");
}

fn run_hits(options: &Options, report: &mut Report, workload: &str) {
    if !options.wants(workload) {
        return;
    }
    let keys = Keys::zipf(ENTRIES, options.effort.sequence());
    let contestants = line_up(2 * u64::from(ENTRIES), ENTRIES, Operation::Get);
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

fn line_up(capacity: u64, held: u32, operation: Operation) -> [Contestant; 3] {
    let ours = Ours::with(|options| options.capacity(capacity).ttl(TIME));
    [
        contestant(filled(ours, held), operation),
        contestant(filled(Moka::with_time_to_live(capacity, TIME), held), operation),
        contestant(filled(Ours::with_capacity(capacity), held), operation).named("ours-plain"),
    ]
}
