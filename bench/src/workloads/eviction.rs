//! Reads that insert on a miss, into caches too small for all keys: throughput and hit ratio.

use super::{Operation, caches, report_figures, report_times};
use crate::keys::Keys;
use crate::measure::race;
use crate::options::{Options, THREADS};
use crate::report::Report;
use crate::row::{Figure, Unit};

const UNIVERSE: u32 = 1_000_000;

/// Capacity, keys that are used before the warm-up, and name.
const CAPACITIES: [(u64, u32, &str); 3] =
    [(10_000, 20_000, "10k"), (100_000, 200_000, "100k"), (500_000, UNIVERSE, "500k")];

pub fn run(options: &Options, report: &mut Report) {
    let wanted: Vec<_> = CAPACITIES.iter().filter(|(_, _, name)| wants(options, name)).collect();
    if wanted.is_empty() {
        return;
    }
    let effort = options.effort;
    // The measured keys continue after those of the warm-up and of earlier measurements, and never repeat them.
    let warm_up = Keys::zipf(UNIVERSE, effort.warm_up);
    let keys = THREADS.map(|threads| Keys::zipf_again(UNIVERSE, effort.sequence(), threads));
    for (capacity, held, name) in wanted {
        let contestants = caches(*capacity, *held, Operation::GetOrInsert);
        for contestant in &contestants {
            contestant.run(warm_up.piece(0, effort.warm_up));
        }
        for (threads, keys) in THREADS.into_iter().zip(&keys) {
            let samples = race(&contestants, keys, threads, effort);
            report_times(report, &throughput(name), threads, &contestants, &samples);
            let ratios: Vec<_> = samples.iter().map(|sample| Figure::exact(sample.hit_ratio())).collect();
            report_figures(report, &hit_ratio(name), threads, &contestants, &ratios, Unit::Ratio);
        }
    }
}

fn wants(options: &Options, name: &str) -> bool {
    options.wants(&throughput(name)) || options.wants(&hit_ratio(name))
}

fn throughput(name: &str) -> String {
    format!("get-or-insert/{name}")
}

fn hit_ratio(name: &str) -> String {
    format!("hit-ratio/{name}")
}
