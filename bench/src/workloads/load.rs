//! Reads that load a missing key once for all callers: of present keys, and of keys that are nearly all absent.

use super::{filled, race_hits, race_times};
use crate::keys::Keys;
use crate::measure::Contestant;
use crate::options::Options;
use crate::peers::{GetPayload, Moka, Ours, Peer, QuickCache, Read, Value, value_of};
use crate::report::Report;

const UNIVERSE: u32 = 100_000_000;
const ENTRIES: u32 = 100_000;

pub fn run(options: &Options, report: &mut Report) {
    let workload = "load-hit/100k-zipf";
    if options.wants(workload) {
        let keys = Keys::zipf(ENTRIES, options.effort.sequence());
        race_hits(options, report, workload, &line_up(2 * u64::from(ENTRIES), ENTRIES), &keys);
    }
    let workload = "load-miss/100k";
    if options.wants(workload) {
        let keys = Keys::uniform(UNIVERSE, options.effort.sequence());
        race_times(options, report, workload, &line_up(ENTRIES.into(), ENTRIES), &keys);
    }
}

pub fn line_up(capacity: u64, held: u32) -> [Contestant; 3] {
    let ours = filled(Ours::with_capacity(capacity), held);
    let quick_cache = filled(QuickCache::with_capacity(capacity), held);
    let moka = filled(Moka::with_capacity(capacity), held);
    [
        loader(Ours::NAME, move |id, load| ours.0.get_or_insert_with(&GetPayload { id }, load)),
        loader(QuickCache::NAME, move |key, load| quick_cache.get_or_load(key, load)),
        loader(Moka::NAME, move |key, load| moka.get_or_load(key, load)),
    ]
}

/// Counts reads without a load as hits.
fn loader(
    name: &'static str,
    ask: impl Fn(u64, &mut dyn FnMut() -> Value) -> Value + Send + Sync + 'static,
) -> Contestant {
    Contestant::new(name, move |keys| {
        let mut hits = keys.len();
        for key in keys.iter().map(|&key| u64::from(key)) {
            let mut load = || {
                hits -= 1;
                value_of(key)
            };
            std::hint::black_box(ask(key, &mut load));
        }
        hits
    })
}
