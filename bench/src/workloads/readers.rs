//! How long single reads take while the whole cache is saved, compared with reads while nothing else runs.

use std::error::Error;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use cache_core::{Cache, Query, Shape};
use serde::{Deserialize, Serialize};

use crate::keys::Keys;
use crate::options::Options;
use crate::report::Report;
use crate::row::{Figure, Row, Unit};

const ENTRIES: usize = 1_000_000;
/// Number of reads of a round that are recorded: the maximum that an idle reader does during a save.
const READS: usize = 20_000_000;

const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p99.9", 0.999), ("max", 1.0)];

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = [u64; 8], capacity = 2_000_000, persist)]
pub struct GetSaved {
    id: u64,
}

cache_core::registry! {
    pub struct SavedRegistry {
        GetSaved,
    }
}

pub fn run(options: &Options, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let (entries, size) = options.effort.entries(ENTRIES);
    let name = |quantile: &str| format!("readers-during-save/{size}-{quantile}");
    if !QUANTILES.iter().any(|(quantile, _)| options.wants(&name(quantile))) {
        return Ok(());
    }
    let cache = Cache::<SavedRegistry>::new();
    for id in 0..entries as u64 {
        cache.insert(GetSaved { id }, [id; 8]);
    }
    let keys = Keys::zipf(entries as u32, entries);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("readers.snapshot");
    let (mut saving, mut idle) = (Latencies::default(), Latencies::default());
    // A round is long, so there are half as many as for other workloads.
    for _ in 0..options.effort.rounds.div_ceil(2) {
        let start = Instant::now();
        saving.note(read_while(&cache, &keys, || cache.save(&file).map(drop))?);
        let time = start.elapsed();
        idle.note(read_while(&cache, &keys, || -> Result<(), Box<dyn Error>> {
            thread::sleep(time);
            Ok(())
        })?);
    }
    for (at, (quantile, _)) in QUANTILES.into_iter().enumerate() {
        let [ours, theirs] = [&saving, &idle].map(|latencies| Figure::of(&latencies.0[at]));
        report.add(&Row::new(&name(quantile), "idle", 1, ours, theirs, Unit::Nanos));
    }
    Ok(())
}

/// Nanoseconds of each read that one thread makes while this one does `work`.
fn read_while<E>(
    cache: &Cache<SavedRegistry>,
    keys: &Keys,
    work: impl FnOnce() -> Result<(), E>,
) -> Result<Vec<u32>, E> {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let keys = keys.all().iter().cycle().take(READS);
            let keys = keys.take_while(|_| !is_done.load(Ordering::Relaxed));
            keys.map(|&key| nanos_of(|| cache.get(&GetSaved { id: key.into() }))).collect()
        });
        let result = work();
        is_done.store(true, Ordering::Relaxed);
        // A reader that panics fails the whole run.
        let times = reader.join().expect("no reader panics");
        result.map(|()| times)
    })
}

/// Includes reading the clock, the same for all.
fn nanos_of<T>(read: impl FnOnce() -> T) -> u32 {
    let start = Instant::now();
    black_box(read());
    u32::try_from(start.elapsed().as_nanos()).unwrap_or(u32::MAX)
}

/// Each of the [`QUANTILES`], one value per round.
#[derive(Default)]
struct Latencies([Vec<f64>; QUANTILES.len()]);

impl Latencies {
    fn note(&mut self, mut times: Vec<u32>) {
        times.sort_unstable();
        for ((_, share), quantiles) in QUANTILES.iter().zip(&mut self.0) {
            let last = times.len().saturating_sub(1);
            let time = times.get((last as f64 * share).round() as usize);
            quantiles.push(time.copied().unwrap_or_default().into());
        }
    }
}
