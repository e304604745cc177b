//! Tables in exact least-recently-used order beside the one other cache that has it.

use super::{THREADS, contestant, filled, insert, report_times};
use crate::keys::Keys;
use crate::measure::{Contestant, race};
use crate::options::Options;
use crate::peers::{Lru, Ours, Peer};
use crate::report::Report;

/// Keys asked for.
const SEQUENCE: usize = 4_000_000;

pub fn run(options: &Options, report: &mut Report) {
    run_hits(options, report, "lru-hits/1k-uniform", || Keys::uniform(1_000, SEQUENCE));
    run_hits(options, report, "lru-hits/100k-zipf", || Keys::zipf(100_000, SEQUENCE));
    run_inserts(options, report, "lru-insert/100k");
}

fn run_hits(options: &Options, report: &mut Report, name: &str, keys: impl FnOnce() -> Keys) {
    if !options.wants(name) {
        return;
    }
    let keys = keys();
    let capacity = 2 * u64::from(keys.universe);
    let contestants =
        [filled(Ours::lru(capacity), keys.all()), filled(Lru::with_capacity(capacity), keys.all())];
    race_on(options, report, name, &contestants, &keys);
}

fn run_inserts(options: &Options, report: &mut Report, name: &str) {
    if !options.wants(name) {
        return;
    }
    let (universe, capacity) = (1_000_000, 100_000);
    let keys = Keys::uniform(universe, SEQUENCE);
    let contestants =
        [contestant(Ours::lru(capacity), insert), contestant(Lru::with_capacity(capacity), insert)];
    for contestant in &contestants {
        contestant.run(keys.piece(0, options.effort.operations));
    }
    race_on(options, report, name, &contestants, &keys);
}

fn race_on(options: &Options, report: &mut Report, name: &str, contestants: &[Contestant], keys: &Keys) {
    for threads in THREADS {
        let samples = race(contestants, keys, threads, options.effort);
        report_times(report, name, threads, contestants, &samples);
    }
}
