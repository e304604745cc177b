//! Saves of a whole cache into memory, beside `bincode` on the same entries; and what readers notice of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use cache_core::{Cache, Holds};

use super::THREADS;
use super::entries::{CONFIG, GetNumbers, GetPage, SavedRegistry, Set, Shared, race};
use crate::keys::Keys;
use crate::options::Options;
use crate::report::{Figure, Report, Row, Unit};

/// Reads whose times are taken, for each median.
const READS: usize = 2_000_000;

pub fn run(options: &Options, report: &mut Report) {
    run_set::<GetNumbers>(options, report);
    run_set::<GetPage>(options, report);
    run_readers(options, report);
}

fn run_set<Q: Set>(options: &Options, report: &mut Report)
where
    SavedRegistry: Holds<Q>,
{
    let workload = format!("save/{}", Q::SET);
    if !options.wants(&workload) {
        return;
    }
    let (cache, entries) = (Q::cache(), Q::entries());
    let shared: Vec<_> =
        entries.iter().map(|(key, value)| (key.clone(), Shared(Arc::new(value.clone())))).collect();
    race(
        options,
        report,
        &workload,
        Q::ENTRIES,
        &THREADS,
        &[
            ("ours", Box::new(|threads| Box::new(save(&cache, threads)))),
            ("bincode", Box::new(|_| Box::new(encode(&entries)))),
            ("bincode-arcs", Box::new(|_| Box::new(encode(&shared)))),
        ],
    );
}

pub fn save(cache: &Cache<SavedRegistry>, threads: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Neither the types nor a `Vec` refuse anything.
    cache.saving().threads(threads).to(&mut bytes).expect("the entries can be saved");
    bytes
}

pub fn encode<T: serde::Serialize>(entries: &T) -> Vec<u8> {
    bincode::serde::encode_to_vec(entries, CONFIG).expect("the entries can be encoded")
}

/// Times of single reads by one thread while another one saves all the time, beside those in an idle cache.
fn run_readers(options: &Options, report: &mut Report) {
    if !options.wants("save/readers") {
        return;
    }
    let cache = GetNumbers::cache();
    let keys = Keys::uniform(GetNumbers::ENTRIES as u32, READS);
    let is_done = AtomicBool::new(false);
    let idle = read_times(&cache, &keys);
    let busy = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                drop(save(&cache, 1));
            }
        });
        let times = read_times(&cache, &keys);
        is_done.store(true, Ordering::Relaxed);
        times
    });
    for (name, share) in [("p50", 0.5), ("p99.9", 0.999), ("max", 1.0)] {
        let [ours, theirs] = [&busy, &idle].map(|times| Figure::exact(quantile(times, share)));
        let workload = format!("save/readers-{name}");
        report.add(&Row::new(&workload, "idle", 1, ours, theirs, Unit::NanosPerOperation));
    }
}

/// Nanoseconds of each read, in ascending order. Those of the clock are in them.
fn read_times(cache: &Cache<SavedRegistry>, keys: &Keys) -> Vec<u128> {
    let time = |&key: &u32| {
        let start = Instant::now();
        std::hint::black_box(cache.get(&GetNumbers { id: key.into() }));
        start.elapsed().as_nanos()
    };
    let mut times: Vec<_> = keys.piece(0, READS).iter().map(time).collect();
    times.sort_unstable();
    times
}

fn quantile(sorted: &[u128], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize] as f64
}
