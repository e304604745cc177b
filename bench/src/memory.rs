//! Bytes that caches hold, measured by a counting allocator. Knows nothing of time.

mod tables;

use std::alloc::System;
use std::hint::black_box;

use cache_core::Cache;
use peakmem_alloc::{PeakMemAlloc, PeakMemAllocTrait};

use crate::options::Options;
use crate::peers::{Foyer, Lru, Moka, Ours, Peer, QuickCache, value_of};
use crate::report::Report;
use crate::row::{Figure, Row, Unit};
use crate::workloads::documents::{Shape, Store, family};
use tables::Ten;

/// Counts the allocations of the whole process.
pub type Allocator = PeakMemAlloc<System>;

const SIZES: [(u64, &str); 2] = [(10_000, "10k"), (1_000_000, "1m")];
const TABLES: usize = 1_000;
const TABLES_OF_CACHE: usize = 10;
/// Records of a document.
const RECORDS: usize = 20_000;
/// Nominal capacity of the empty caches of peers, the same as that of the empty tables.
const CAPACITY_OF_EMPTY: u64 = 1_000;

pub fn run(options: &Options, report: &mut Report, allocator: &Allocator) {
    for (capacity, size) in SIZES {
        for (kind, keys) in [("memory", capacity), ("memory-churn", 3 * capacity)] {
            report_bytes(options, report, &format!("{kind}/{size}"), |contestant| {
                (contestant.bytes_of_entry)(allocator, capacity, keys)
            });
        }
    }
    report_bytes(options, report, "memory/empty-tables", |contestant| (contestant.bytes_of_empty)(allocator));
    report_documents(options, report, allocator);
}

/// Bytes per record of a client with one document, compared with the text of the document.
fn report_documents(options: &Options, report: &mut Report, allocator: &Allocator) {
    let workload = "memory/documents-20k";
    if !options.wants(workload) {
        return;
    }
    let text = family(0..RECORDS);
    let (bytes, _) = kept(allocator, || {
        let store = Store::new();
        store.put(0, Shape::Family, text.as_bytes()).expect("the document is valid");
        store
    });
    let [ours, theirs] = [bytes, text.len()].map(|bytes| Figure::exact(bytes as f64 / RECORDS as f64));
    report.add(&Row::new(workload, "json-text", 1, ours, theirs, Unit::Bytes));
}

fn report_bytes(options: &Options, report: &mut Report, workload: &str, bytes: impl Fn(&Contestant) -> f64) {
    if !options.wants(workload) {
        return;
    }
    let [ours, peers @ ..] = &LINE_UP;
    let ours = Figure::exact(bytes(ours));
    for peer in peers {
        report.add(&Row::new(workload, peer.name, 1, ours, Figure::exact(bytes(peer)), Unit::Bytes));
    }
}

/// A kind of cache, and how to measure it.
struct Contestant {
    name: &'static str,
    /// Bytes per entry, without the value's own allocation, in a cache of this capacity after inserts of this many
    /// keys.
    bytes_of_entry: fn(&Allocator, u64, u64) -> f64,
    /// Bytes of [`TABLES`] tables or caches without entries.
    bytes_of_empty: fn(&Allocator) -> f64,
}

const LINE_UP: [Contestant; 5] = [
    Contestant { bytes_of_empty: bytes_of_empty_tables, ..Contestant::of::<Ours>() },
    Contestant::of::<QuickCache>(),
    Contestant::of::<Moka>(),
    Contestant::of::<Foyer>(),
    Contestant::of::<Lru>(),
];

impl Contestant {
    const fn of<P: Peer>() -> Self {
        Self {
            name: P::NAME,
            bytes_of_entry: bytes_of_entry::<P>,
            bytes_of_empty: bytes_of_empty_caches::<P>,
        }
    }
}

fn bytes_of_entry<P: Peer>(allocator: &Allocator, capacity: u64, keys: u64) -> f64 {
    let (bytes, cache) = kept(allocator, || {
        let cache = P::with_capacity(capacity);
        (0..keys).for_each(|key| cache.insert(key, value_of(key)));
        cache.settle();
        cache
    });
    let (bytes_of_value, _) = kept(allocator, || value_of(0));
    let entries = (0..keys).filter(|&key| cache.get(key).is_some()).count();
    bytes as f64 / entries as f64 - bytes_of_value as f64
}

fn bytes_of_empty_tables(allocator: &Allocator) -> f64 {
    let caches = || (0..TABLES / TABLES_OF_CACHE).map(|_| Cache::<Ten>::new()).collect::<Vec<_>>();
    kept(allocator, caches).0 as f64
}

fn bytes_of_empty_caches<P: Peer>(allocator: &Allocator) -> f64 {
    let caches = || (0..TABLES).map(|_| P::with_capacity(CAPACITY_OF_EMPTY)).collect::<Vec<_>>();
    kept(allocator, caches).0 as f64
}

/// The bytes that `make` allocates and that are still allocated while its result lives, and the result.
fn kept<T>(allocator: &Allocator, make: impl FnOnce() -> T) -> (usize, T) {
    // Large enough to set the peak, whatever was allocated before; never touched.
    const PROBE: usize = 1 << 34;
    allocator.reset_peak_memory();
    let result = make();
    drop(black_box(Vec::<u8>::with_capacity(PROBE)));
    (allocator.get_peak_memory() - PROBE, result)
}
