//! Writes only, nine in ten of new keys, so that nearly each pushes out another.

use super::{THREADS, contestant, insert, report_times};
use crate::keys::Keys;
use crate::measure::race;
use crate::options::Options;
use crate::peers::{Lru, Moka, Ours, Peer, QuickCache};
use crate::report::Report;

const UNIVERSE: u32 = 1_000_000;
const CAPACITY: u64 = 100_000;
const NAME: &str = "plain-insert/100k";

pub fn run(options: &Options, report: &mut Report) {
    if !options.wants(NAME) {
        return;
    }
    let effort = options.effort;
    let keys = Keys::uniform(UNIVERSE, effort.operations * effort.rounds * THREADS.len());
    let contestants = [
        contestant(Ours::with_capacity(CAPACITY), insert),
        contestant(QuickCache::with_capacity(CAPACITY), insert),
        contestant(Moka::with_capacity(CAPACITY), insert),
        contestant(Lru::with_capacity(CAPACITY), insert),
    ];
    for contestant in &contestants {
        contestant.run(keys.piece(0, 2 * effort.operations));
    }
    for threads in THREADS {
        let samples = race(&contestants, &keys, threads, effort);
        report_times(report, NAME, threads, &contestants, &samples);
    }
}
