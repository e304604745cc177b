//! Reads of several keys at one moment, compared with as many reads one by one.

use std::hint::black_box;

use super::{Operation, contestant, filled, race_hits};
use crate::keys::Keys;
use crate::measure::Contestant;
use crate::options::Options;
use crate::peers::{GetPayload, Ours, Peer, QuickCache, Read};
use crate::report::Report;

const ENTRIES: u32 = 100_000;

/// Time per key.
pub fn run(options: &Options, report: &mut Report) {
    run_size(options, report, "get-all/4", four_at_once);
    run_size(options, report, "get-all/8", eight_at_once);
}

fn run_size(options: &Options, report: &mut Report, workload: &str, at_once: fn(&Ours, &[u32]) -> usize) {
    if !options.wants(workload) {
        return;
    }
    let keys = Keys::zipf(ENTRIES, options.effort.sequence());
    let capacity = 2 * u64::from(ENTRIES);
    let table = || filled(Ours::with_capacity(capacity), ENTRIES);
    let ours = table();
    let contestants = [
        Contestant::new(Ours::NAME, move |keys| at_once(&ours, keys)),
        contestant(table(), Operation::Get).named("ours-gets"),
        contestant(filled(QuickCache::with_capacity(capacity), ENTRIES), Operation::Get),
    ];
    race_hits(options, report, workload, &contestants, &keys);
}

fn four_at_once(ours: &Ours, keys: &[u32]) -> usize {
    let (groups, _) = keys.as_chunks();
    let hits = |group: &[u32; 4]| {
        let [a, b, c, d] = &group.map(question);
        let (a, b, c, d) = black_box(ours.0.get_all((a, b, c, d)));
        [a, b, c, d].iter().flatten().count()
    };
    groups.iter().map(hits).sum()
}

fn eight_at_once(ours: &Ours, keys: &[u32]) -> usize {
    let (groups, _) = keys.as_chunks();
    let hits = |group: &[u32; 8]| {
        let [a, b, c, d, e, f, g, h] = &group.map(question);
        let (a, b, c, d, e, f, g, h) = black_box(ours.0.get_all((a, b, c, d, e, f, g, h)));
        [a, b, c, d, e, f, g, h].iter().flatten().count()
    };
    groups.iter().map(hits).sum()
}

fn question(key: u32) -> GetPayload {
    GetPayload { id: key.into() }
}
