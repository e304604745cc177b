//! Values of 1 to 16 KiB: every operation includes work of the allocator, and evictions free large values.

use std::hint::black_box;
use std::num::NonZero;
use std::sync::Arc;

use cache_core::{Cache, Query};
use lru::LruCache;
use parking_lot::Mutex;
use quick_cache::UnitWeighter;
use quick_cache::sync::DefaultLifecycle;

use super::{each, race_times};
use crate::keys::Keys;
use crate::measure::Contestant;
use crate::options::Options;
use crate::peers::Hasher;
use crate::report::Report;

const UNIVERSE: u32 = 40_000;
const CAPACITY: usize = 4_000;
const KIBIBYTE: usize = 1024;

type Bytes = Arc<[u8]>;
type MakeKeys = fn(u32, usize) -> Keys;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = [u8], capacity = 4_000)]
struct GetBytes {
    id: u64,
}

cache_core::registry! {
    struct BytesRegistry {
        GetBytes,
    }
}

pub fn run(options: &Options, report: &mut Report) {
    let workloads: [(&str, Operation, MakeKeys); 2] = [
        ("large-insert/4k", Operation::Insert, Keys::uniform),
        ("large-get-or-insert/4k", Operation::GetOrInsert, Keys::zipf),
    ];
    for (workload, operation, make) in workloads {
        if options.wants(workload) {
            let keys = make(UNIVERSE, options.effort.sequence());
            race_times(options, report, workload, &line_up(operation), &keys);
        }
    }
}

#[derive(Clone, Copy)]
enum Operation {
    Insert,
    GetOrInsert,
}

/// From 1 to 16 KiB, the same for each value of a key.
fn bytes_of(key: u64) -> Bytes {
    let kibibytes = 1 + key as usize % 16;
    std::iter::repeat_n(key as u8, kibibytes * KIBIBYTE).collect()
}

fn line_up(operation: Operation) -> [Contestant; 4] {
    let ours = Arc::new(Cache::<BytesRegistry>::new());
    let quick_cache = Arc::new(quick_cache::sync::Cache::with(
        CAPACITY,
        CAPACITY as u64,
        UnitWeighter,
        Hasher::default(),
        DefaultLifecycle::default(),
    ));
    let moka = moka::sync::Cache::builder().max_capacity(CAPACITY as u64);
    let moka = moka.build_with_hasher(Hasher::default());
    let capacity = NonZero::new(CAPACITY).unwrap_or(NonZero::<usize>::MIN);
    let lru = Arc::new(Mutex::new(LruCache::with_hasher(capacity, Hasher::default())));
    let (our_reader, quick_reader) = (Arc::clone(&ours), Arc::clone(&quick_cache));
    let (moka_reader, lru_reader) = (moka.clone(), Arc::clone(&lru));
    let our_get = move |id| our_reader.get(&GetBytes { id });
    let quick_get = move |key| quick_reader.get(&key);
    let lru_get = move |key| lru_reader.lock().get(&key).cloned();
    let lru_insert = move |key, value| {
        let displaced = lru.lock().push(key, value);
        drop(displaced);
    };
    [
        contestant("ours", operation, our_get, move |id, value| drop(ours.insert(GetBytes { id }, value))),
        contestant("quick_cache", operation, quick_get, move |key, value| quick_cache.insert(key, value)),
        contestant(
            "moka",
            operation,
            move |key| moka_reader.get(&key),
            move |key, value| moka.insert(key, value),
        ),
        contestant("mutex-lru", operation, lru_get, lru_insert),
    ]
}

/// Has inserted twice as many entries as fit.
fn contestant(
    name: &'static str,
    operation: Operation,
    get: impl Fn(u64) -> Option<Bytes> + Send + Sync + 'static,
    insert: impl Fn(u64, Bytes) + Send + Sync + 'static,
) -> Contestant {
    (0..2 * CAPACITY as u64).for_each(|key| insert(key, bytes_of(key)));
    Contestant::new(name, move |keys| {
        each(keys, |key| match operation {
            Operation::GetOrInsert if black_box(get(key)).is_some() => {}
            _ => insert(key, bytes_of(key)),
        })
    })
}
