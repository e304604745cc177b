//! The cost of dead keys: of sweeping all of them at once, and for writers that find them.

use std::collections::VecDeque;
use std::iter;
use std::sync::{Arc, Weak};
use std::time::Instant;

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::{each, entries, filled, report_times};
use crate::keys::Keys;
use crate::measure::{Contestant, Sample, race};
use crate::options::Options;
use crate::peers::{Hasher, Ours, Peer, Read, Value, value_of};
use crate::report::Report;
use crate::row::{Figure, Row, Unit};

const ENTRIES: u32 = 100_000;
/// Entries that the bound of a table allows while others survive it.
const CAPACITY: u64 = 10_000;
/// Number of values that the program holds, newest first.
const HELD: usize = 30_000;

pub fn run(options: &Options, report: &mut Report) {
    run_sweep(options, report, "reaping/sweep");
    run_inserts(options, report, "reaping/insert");
}

/// Time per dead key, compared with a plain map of weak handles.
fn run_sweep(options: &Options, report: &mut Report, workload: &str) {
    if !options.wants(workload) {
        return;
    }
    let (mut ours, mut theirs) = (Sample::default(), Sample::default());
    for _ in 0..options.effort.rounds {
        let table = Ours::with(|options| options.unbounded());
        drop(entries(ENTRIES).map(|(key, value)| put(&table, key, value)).collect::<Vec<_>>());
        ours.times.push(nanos_per_entry(|| table.0.reap()));
        let mut map = weak_map();
        theirs.times.push(nanos_per_entry(|| map.retain(|_, value| value.strong_count() > 0)));
    }
    let [ours, theirs] = [&ours, &theirs].map(Figure::time_of);
    report.add(&Row::new(workload, "weak-floor", 1, ours, theirs, Unit::NanosPerOperation));
}

fn put(table: &Ours, key: u64, value: Value) -> Value {
    table.insert(key, Arc::clone(&value));
    value
}

fn weak_map() -> HashMap<u64, Weak<[u64; 8]>, Hasher> {
    let handles: Vec<_> = entries(ENTRIES).collect();
    handles.iter().map(|(key, value)| (*key, Arc::downgrade(value))).collect()
}

fn nanos_per_entry<T>(work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    std::hint::black_box(work());
    start.elapsed().as_nanos() as f64 / f64::from(ENTRIES)
}

/// Each insert makes a survivor and drops one, whose key is then dead in the table. The peer is the same table in a
/// program that holds as many handles of a value that is not in the table.
fn run_inserts(options: &Options, report: &mut Report, workload: &str) {
    if !options.wants(workload) {
        return;
    }
    let keys = Keys::uniform(u32::MAX, options.effort.sequence());
    let elsewhere = value_of(0);
    let contestants =
        [holding(Ours::NAME, Arc::clone), holding("ours-plain", move |_| Arc::clone(&elsewhere))];
    let samples = race(&contestants, &keys, 1, options.effort);
    report_times(report, workload, 1, &contestants, &samples);
}

/// Inserts into a table, and holds what `hold` makes of each value.
fn holding(name: &'static str, hold: impl Fn(&Value) -> Value + Send + Sync + 'static) -> Contestant {
    let table = filled(Ours::with_capacity(CAPACITY), ENTRIES);
    let held: VecDeque<_> = iter::repeat_n(value_of(0), HELD).collect();
    let held = Mutex::new(held);
    Contestant::new(name, move |keys| {
        let mut held = held.lock();
        each(keys, |key| {
            let value = value_of(key);
            held.push_back(hold(&value));
            table.insert(key, value);
            held.pop_front()
        })
    })
}
