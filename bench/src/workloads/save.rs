//! Saves of a whole cache into memory, compared with `bincode` on the same entries.

use std::sync::Arc;

use cache_core::{Cache, Holds};
use fastrand::Rng;
use serde::Serialize;

use super::entries::{CONFIG, GetNumbers, GetPage, SavedRegistry, Set, Shared, race};
use crate::options::{Options, THREADS};
use crate::report::Report;

const SEED: u64 = 0x5A7E_5EED;

pub fn run(options: &Options, report: &mut Report) {
    run_set::<GetNumbers>(options, report);
    run_set::<GetPage>(options, report);
    run_aged::<GetNumbers>(options, report);
}

/// A cache that was filled once, in the order of its keys.
fn run_set<Q: Set>(options: &Options, report: &mut Report)
where
    SavedRegistry: Holds<Q>,
{
    let (number, workload) = Q::size(options, "save");
    if !options.wants(&workload) {
        return;
    }
    let (cache, entries) = (Q::cache(number), Q::entries(number));
    let apart: Vec<_> =
        entries.iter().map(|(key, value)| (key.clone(), Shared(Arc::new(value.clone())))).collect();
    let shuffled = shuffled::<Q>(&cache);
    race(
        options,
        report,
        &workload,
        number,
        &THREADS,
        &[
            ("ours", Box::new(|threads| Box::new(save(&cache, threads)))),
            ("bincode", Box::new(|_| Box::new(encode(&entries)))),
            ("bincode-arcs", Box::new(|_| Box::new(encode(&apart)))),
            ("bincode-shuffled", Box::new(|_| Box::new(encode(&shuffled)))),
        ],
    );
}

/// A cache whose keys have been replaced by others, so that its entries are scattered in memory.
fn run_aged<Q: Set>(options: &Options, report: &mut Report)
where
    SavedRegistry: Holds<Q>,
{
    let (number, workload) = Q::size(options, "save-aged");
    if !options.wants(&workload) {
        return;
    }
    let cache = Q::cache(number);
    let mut random = Rng::with_seed(SEED);
    for _ in 0..2 * number {
        cache.remove(&Q::entry(random.usize(0..number)).0);
        let (key, value) = Q::entry(random.usize(0..number));
        cache.insert(key, value);
    }
    let shuffled = shuffled::<Q>(&cache);
    race(
        options,
        report,
        &workload,
        shuffled.len(),
        &THREADS,
        &[
            ("ours", Box::new(|threads| Box::new(save(&cache, threads)))),
            ("bincode-shuffled", Box::new(|_| Box::new(encode(&shuffled)))),
        ],
    );
}

/// The same values as in a cache, in an order unrelated to their addresses.
fn shuffled<Q: Set>(cache: &Cache<SavedRegistry>) -> Vec<(Q, Shared<Q::Value>)>
where
    SavedRegistry: Holds<Q>,
{
    let entries = cache.entries::<Q>();
    let mut entries: Vec<_> =
        entries.into_iter().map(|entry| (entry.key().clone(), Shared(Arc::clone(entry.value())))).collect();
    Rng::with_seed(SEED).shuffle(&mut entries);
    entries
}

pub fn save(cache: &Cache<SavedRegistry>, threads: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Neither the types nor a `Vec` can fail.
    cache.save_options().threads(threads).write_to(&mut bytes).expect("the entries can be saved");
    bytes
}

pub fn encode<T: Serialize>(entries: &T) -> Vec<u8> {
    bincode::serde::encode_to_vec(entries, CONFIG).expect("the entries can be encoded")
}
