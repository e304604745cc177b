//! Transactions that write few and many present keys, compared with as many plain inserts; and on two threads
//! concurrently.

use cache_core::Cache;

use super::{each, entries, filled, report_times};
use crate::keys::Keys;
use crate::measure::{Contestant, race};
use crate::options::{Options, THREADS};
use crate::peers::{BenchRegistry, Concread, GetPayload, Ours, Peer, Read, value_of};
use crate::report::Report;
use crate::row::{Figure, Row, Unit};

const ENTRIES: u32 = 100_000;

const SIZES: [usize; 3] = [1, 4, 32];
/// Keys of each transaction when threads commit concurrently.
const SIZE_ON_THREADS: usize = 4;

pub fn run(options: &Options, report: &mut Report) {
    for size in SIZES {
        run_alone(options, report, &format!("commit/{size}"), size);
    }
    run_threads(options, report, &format!("commit-threads/{SIZE_ON_THREADS}"));
}

/// Time per key.
fn run_alone(options: &Options, report: &mut Report, workload: &str, size: usize) {
    if !options.wants(workload) {
        return;
    }
    let keys = Keys::uniform(ENTRIES, options.effort.sequence());
    let contestants = line_up(size, ENTRIES);
    let samples = race(&contestants, &keys, 1, options.effort);
    report_times(report, workload, 1, &contestants, &samples);
}

pub fn line_up(size: usize, held: u32) -> [Contestant; 3] {
    let plain = table(held);
    let concread = Concread::holding(entries(held));
    [
        commits(table(held), size),
        Contestant::new("ours-inserts", move |keys| each(keys, |key| plain.insert(key, value_of(key)))),
        Contestant::new(Concread::NAME, move |keys| {
            for keys in keys.chunks(size) {
                concread.commit(keys.iter().map(|&key| u64::from(key)));
            }
            0
        }),
    ]
}

/// Threads that never commit the same key, compared with a single thread. The ratio is that of their throughputs.
fn run_threads(options: &Options, report: &mut Report, workload: &str) {
    if !options.wants(workload) {
        return;
    }
    let effort = options.effort;
    let keys = Keys::uniform_apart(ENTRIES, effort.sequence(), effort.operations);
    let contestants = [commits(table(ENTRIES), SIZE_ON_THREADS)];
    let [alone, together] = THREADS.map(|threads| {
        let samples = race(&contestants, &keys, threads, effort);
        Figure::time_of(&samples[0])
    });
    report.add(&Row::new(workload, "one-thread", THREADS[1], together, alone, Unit::NanosPerOperation));
}

fn table(held: u32) -> Ours {
    filled(Ours::with_capacity(2 * u64::from(held)), held)
}

fn commits(Ours(cache): Ours, size: usize) -> Contestant {
    Contestant::new(Ours::NAME, move |keys| {
        for keys in keys.chunks(size) {
            commit(&cache, keys);
        }
        0
    })
}

fn commit(cache: &Cache<BenchRegistry>, keys: &[u32]) {
    let mut transaction = cache.begin();
    for id in keys.iter().map(|&key| u64::from(key)) {
        transaction.set(GetPayload { id }, value_of(id));
    }
    // Nothing was read, and no hook can refuse.
    transaction.commit().expect("a transaction that only writes is committed");
}
