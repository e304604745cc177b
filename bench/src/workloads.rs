//! What is run: each workload sets up contestants, races them, and hands over rows. Ours is always the first.

mod entries;
mod eviction;
mod generator;
mod hits;
mod insert;
mod lru;
mod replay;
mod restore;
mod save;

use crate::measure::{Contestant, Sample};
use crate::options::Options;
use crate::peers::{Peer, Read, value_of};
use crate::report::{Figure, Report, Row, Unit};

/// Runs all workloads that are wanted.
pub fn run(options: &Options, report: &mut Report) -> std::io::Result<()> {
    hits::run(options, report);
    eviction::run(options, report);
    insert::run(options, report);
    lru::run(options, report);
    save::run(options, report);
    restore::run(options, report)?;
    generator::run(options, report)?;
    replay::run(options, report)
}

/// Numbers of threads that are tried.
const THREADS: [usize; 2] = [1, 2];

// Operations: plain functions from a cache and keys to the number of hits

fn get<P: Read>(peer: &P, keys: &[u32]) -> usize {
    keys.iter().filter(|&&key| std::hint::black_box(peer.get(key.into())).is_some()).count()
}

fn get_or_insert<P: Peer>(peer: &P, keys: &[u32]) -> usize {
    let mut hits = 0;
    for key in keys.iter().map(|&key| u64::from(key)) {
        match std::hint::black_box(peer.get(key)) {
            Some(_) => hits += 1,
            None => peer.insert(key, value_of(key)),
        }
    }
    hits
}

fn insert<P: Peer>(peer: &P, keys: &[u32]) -> usize {
    for key in keys.iter().map(|&key| u64::from(key)) {
        peer.insert(key, value_of(key));
    }
    0
}

// Parts of workloads

/// An empty cache, to be filled by its workload.
fn contestant<P: Peer>(peer: P, run: fn(&P, &[u32]) -> usize) -> Contestant {
    Contestant::new(P::NAME, move |keys| run(&peer, keys))
}

/// A cache that holds `keys`, for reading.
fn filled<P: Peer>(peer: P, keys: impl Iterator<Item = u64>) -> Contestant {
    for key in keys {
        peer.insert(key, value_of(key));
    }
    peer.settle();
    contestant(peer, get)
}

/// One row for each peer: its times beside those of the first contestant.
fn report_times(
    report: &mut Report,
    workload: &str,
    threads: usize,
    contestants: &[Contestant],
    samples: &[Sample],
) {
    let figures: Vec<_> = samples.iter().map(Figure::time_of).collect();
    report_figures(report, workload, threads, contestants, &figures, Unit::NanosPerOperation);
}

fn report_figures(
    report: &mut Report,
    workload: &str,
    threads: usize,
    contestants: &[Contestant],
    figures: &[Figure],
    unit: Unit,
) {
    for (peer, &theirs) in contestants.iter().zip(figures).skip(1) {
        report.add(&Row::new(workload, peer.name, threads, figures[0], theirs, unit));
    }
}
