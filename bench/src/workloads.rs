//! The workloads: each sets up contestants, races them, and returns rows. Our cache is always the first contestant.

mod client;
mod commit;
mod counted;
pub mod documents;
mod entries;
mod eviction;
mod file;
mod generator;
mod get_all;
mod hits;
mod insert;
mod inspector;
mod large;
mod load;
mod lru;
mod misses;
mod readers;
mod reaping;
mod removal;
mod replay;
mod restore;
mod save;
pub mod shared;
mod text;
mod ttl;
mod weak;
mod web;
mod weight;
mod writers;

pub use counted::{COUNTED, Counted};

use std::error::Error;
use std::hint::black_box;

use crate::keys::Keys;
use crate::measure::{Contestant, Sample, race};
use crate::options::{Options, THREADS};
use crate::peers::{Foyer, Lru, Moka, Ours, Peer, QuickCache, Read, Value, value_of};
use crate::report::Report;
use crate::row::{Figure, Row, Unit};

/// Runs all requested workloads.
pub fn run(options: &Options, report: &mut Report) -> Result<(), Box<dyn Error>> {
    hits::run(options, report);
    misses::run(options, report);
    text::run(options, report);
    eviction::run(options, report);
    insert::run(options, report);
    removal::run(options, report);
    weight::run(options, report);
    large::run(options, report);
    lru::run(options, report);
    ttl::run(options, report);
    weak::run(options, report);
    load::run(options, report);
    get_all::run(options, report);
    commit::run(options, report);
    reaping::run(options, report);
    client::run(options, report);
    inspector::run(options, report);
    documents::run(options, report)?;
    web::run(options, report)?;
    file::run(options, report);
    shared::run(options, report)?;
    readers::run(options, report)?;
    writers::run(options, report);
    save::run(options, report);
    restore::run(options, report)?;
    generator::run(options, report)?;
    replay::run(options, report)?;
    Ok(())
}

// What contestants do

/// The operation on each key.
#[derive(Clone, Copy)]
enum Operation {
    Get,
    Insert,
    GetOrInsert,
    /// Removes the key and inserts it again.
    Renew,
    /// Of 100 operations, this many insert, except that every fifth of these removes; the others get.
    Mix {
        writes: usize,
    },
}

impl Operation {
    /// Returns the number of hits.
    fn run<P: Peer>(self, peer: &P, keys: &[u32]) -> usize {
        match self {
            Self::Get => get(peer, keys),
            Self::Insert => each(keys, |key| peer.insert(key, value_of(key))),
            Self::GetOrInsert => get_or_insert(peer, keys),
            Self::Renew => each(keys, |key| {
                peer.remove(key);
                peer.insert(key, value_of(key));
            }),
            Self::Mix { writes } => mix(peer, keys, writes),
        }
    }
}

fn get<P: Read>(peer: &P, keys: &[u32]) -> usize {
    keys.iter().filter(|&&key| black_box(peer.get(key.into())).is_some()).count()
}

fn get_or_insert<P: Peer>(peer: &P, keys: &[u32]) -> usize {
    let mut hits = 0;
    for key in keys.iter().map(|&key| u64::from(key)) {
        match black_box(peer.get(key)) {
            Some(_) => hits += 1,
            None => peer.insert(key, value_of(key)),
        }
    }
    hits
}

/// Mixes writes and reads, each kind as evenly as its share allows.
fn mix<P: Peer>(peer: &P, keys: &[u32], writes: usize) -> usize {
    /// Has no factor in common with 100, so its multiples modulo 100 take each value once, in mixed order.
    const STEP: usize = 37;
    let mut hits = 0;
    for (at, &key) in keys.iter().enumerate() {
        let key = u64::from(key);
        match at * STEP % 100 {
            number if number >= writes => hits += usize::from(black_box(peer.get(key)).is_some()),
            number if number % 5 == 0 => peer.remove(key),
            _ => peer.insert(key, value_of(key)),
        }
    }
    hits
}

/// The result of an operation that neither hits nor misses.
fn each<T>(keys: &[u32], mut act: impl FnMut(u64) -> T) -> usize {
    for &key in keys {
        black_box(act(key.into()));
    }
    0
}

// Line-ups

/// All caches that evict, with the keys `0..held` in them.
fn caches(capacity: u64, held: u32, operation: Operation) -> Vec<Contestant> {
    vec![
        contestant(filled(Ours::with_capacity(capacity), held), operation),
        contestant(filled(QuickCache::with_capacity(capacity), held), operation),
        contestant(filled(Moka::with_capacity(capacity), held), operation),
        contestant(filled(Foyer::with_capacity(capacity), held), operation),
        contestant(filled(Lru::with_capacity(capacity), held), operation),
    ]
}

fn contestant<P: Peer>(peer: P, operation: Operation) -> Contestant {
    Contestant::new(P::NAME, move |keys| operation.run(&peer, keys))
}

fn reader<P: Read>(peer: P) -> Contestant {
    Contestant::new(P::NAME, move |keys| get(&peer, keys))
}

/// The same cache with the keys `0..held` in it.
fn filled<P: Peer>(peer: P, held: u32) -> P {
    for (key, value) in entries(held) {
        peer.insert(key, value);
    }
    peer.settle();
    peer
}

/// The keys `0..held`, each with a value of its own.
fn entries(held: u32) -> impl ExactSizeIterator<Item = (u64, Value)> {
    (0..held).map(|key| (key.into(), value_of(key.into())))
}

// Races

/// Races with each number of threads; one row per peer.
fn race_times(
    options: &Options,
    report: &mut Report,
    workload: &str,
    contestants: &[Contestant],
    keys: &Keys,
) {
    for threads in THREADS {
        let samples = race(contestants, keys, threads, options.effort);
        report_times(report, workload, threads, contestants, &samples);
    }
}

/// [`race_times`] for reads that must all hit.
fn race_hits(
    options: &Options,
    report: &mut Report,
    workload: &str,
    contestants: &[Contestant],
    keys: &Keys,
) {
    for threads in THREADS {
        let samples = race(contestants, keys, threads, options.effort);
        for (contestant, sample) in contestants.iter().zip(&samples) {
            assert!(sample.hit_ratio() == 1.0, "{workload}: {} has lost entries", contestant.name);
        }
        report_times(report, workload, threads, contestants, &samples);
    }
}

/// One row per peer: its times compared with those of the first contestant.
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts its operations, and holds nothing.
    #[derive(Default)]
    struct Counter {
        gets: AtomicUsize,
        inserts: AtomicUsize,
        removals: AtomicUsize,
    }

    impl Read for Counter {
        const NAME: &'static str = "counter";

        fn get(&self, _: u64) -> Option<Value> {
            self.gets.fetch_add(1, Ordering::Relaxed);
            None
        }
    }

    impl Peer for Counter {
        fn with_capacity(_: u64) -> Self {
            Self::default()
        }

        fn insert(&self, _: u64, _: Value) {
            self.inserts.fetch_add(1, Ordering::Relaxed);
        }

        fn remove(&self, _: u64) {
            self.removals.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[track_caller]
    fn assert_shares(operation: Operation, expected: [usize; 3]) {
        let counter = Counter::default();
        assert_eq!(operation.run(&counter, &[0; 1_000]), 0);
        let Counter { gets, inserts, removals } = counter;
        assert_eq!([gets, inserts, removals].map(AtomicUsize::into_inner), expected);
    }

    #[test]
    fn a_mix_has_the_shares_of_its_name_and_each_fifth_write_removes() {
        assert_shares(Operation::Mix { writes: 5 }, [950, 40, 10]);
        assert_shares(Operation::Mix { writes: 20 }, [800, 160, 40]);
    }

    #[test]
    fn what_is_renewed_is_removed_and_inserted() {
        assert_shares(Operation::Renew, [0, 1_000, 1_000]);
    }

    #[test]
    fn what_is_missed_is_inserted() {
        assert_shares(Operation::GetOrInsert, [1_000, 1_000, 0]);
    }
}
