//! Inserts into caches that are bounded by weight, not by number: nine in ten of the keys are new.

use cache_core::{Cache, Query};
use moka::sync::Cache as MokaCache;
use quick_cache::Weighter;
use quick_cache::sync::{Cache as QuickCache, DefaultLifecycle};

use super::{each, race_times};
use crate::keys::Keys;
use crate::measure::Contestant;
use crate::options::Options;
use crate::peers::{Hasher, Value, value_of};
use crate::report::Report;

const UNIVERSE: u32 = 1_000_000;
const ENTRIES: u32 = 100_000;
/// Room for about [`ENTRIES`].
const MAX_WEIGHT: u64 = ENTRIES as u64 * (1 + HEAVIEST as u64) / 2;
const HEAVIEST: u32 = 15;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = [u64; 8], max_weight = MAX_WEIGHT, weigh = weigh)]
struct GetWeighed {
    id: u64,
}

cache_core::registry! {
    struct WeighedRegistry {
        GetWeighed,
    }
}

fn weigh(_: &GetWeighed, value: &[u64; 8]) -> u32 {
    weight_of(value)
}

/// From 1 to [`HEAVIEST`], the same for each value of a key.
fn weight_of(value: &[u64; 8]) -> u32 {
    1 + value[0] as u32 % HEAVIEST
}

#[derive(Clone)]
struct ByWeight;

impl Weighter<u64, Value> for ByWeight {
    fn weight(&self, _: &u64, value: &Value) -> u64 {
        weight_of(value).into()
    }
}

pub fn run(options: &Options, report: &mut Report) {
    let workload = "weight-insert/100k";
    if !options.wants(workload) {
        return;
    }
    let keys = Keys::uniform(UNIVERSE, options.effort.sequence());
    race_times(options, report, workload, &line_up(), &keys);
}

fn line_up() -> [Contestant; 3] {
    let ours = Cache::<WeighedRegistry>::new();
    let lifecycle = DefaultLifecycle::default();
    let quick_cache = QuickCache::with(ENTRIES as usize, MAX_WEIGHT, ByWeight, Hasher::default(), lifecycle);
    let moka = MokaCache::builder().max_capacity(MAX_WEIGHT).weigher(|_, value: &Value| weight_of(value));
    let moka = moka.build_with_hasher(Hasher::default());
    [
        filled("ours", move |id, value| drop(ours.insert(GetWeighed { id }, value))),
        filled("quick_cache", move |key, value| quick_cache.insert(key, value)),
        filled("moka", move |key, value| moka.insert(key, value)),
    ]
}

/// Has inserted twice as many entries as fit.
fn filled(name: &'static str, insert: impl Fn(u64, Value) + Send + Sync + 'static) -> Contestant {
    super::entries(2 * ENTRIES).for_each(|(key, value)| insert(key, value));
    Contestant::new(name, move |keys| each(keys, |key| insert(key, value_of(key))))
}
