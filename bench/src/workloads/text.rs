//! Reads of present `String` keys, each looked up by a borrowed key: no lookup makes a `String`.

use std::num::NonZero;
use std::sync::Arc;

use cache_core::{Cache, Query};
use hashbrown::HashMap;
use lru::LruCache;
use parking_lot::Mutex;
use quick_cache::UnitWeighter;
use quick_cache::sync::DefaultLifecycle;

use super::{entries, race_hits};
use crate::keys::Keys;
use crate::measure::Contestant;
use crate::options::Options;
use crate::peers::{Hasher, Value};
use crate::report::Report;

const ENTRIES: u32 = 100_000;
const CAPACITY: usize = 2 * ENTRIES as usize;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = [u64; 8], capacity = 200_000, borrowed)]
struct GetPath {
    path: String,
}

cache_core::registry! {
    struct PathRegistry {
        GetPath,
    }
}

pub fn run(options: &Options, report: &mut Report) {
    let workload = "text-hits/100k-zipf";
    if !options.wants(workload) {
        return;
    }
    let keys = Keys::zipf(ENTRIES, options.effort.sequence());
    race_hits(options, report, workload, &line_up(), &keys);
}

fn line_up() -> [Contestant; 5] {
    let paths: Arc<[String]> = (0..ENTRIES).map(|id| format!("/articles/2026/{id}/comments")).collect();
    let all = || paths.iter().cloned().zip(entries(ENTRIES).map(|(_, value)| value));
    let ours = Cache::<PathRegistry>::new();
    all().for_each(|(path, value)| drop(ours.insert(GetPath { path }, value)));
    let lifecycle = DefaultLifecycle::default();
    let quick_cache = quick_cache::sync::Cache::<String, Value, _, _>::with(
        CAPACITY,
        CAPACITY as u64,
        UnitWeighter,
        Hasher::default(),
        lifecycle,
    );
    all().for_each(|(path, value)| quick_cache.insert(path, value));
    let moka =
        moka::sync::Cache::builder().max_capacity(CAPACITY as u64).build_with_hasher(Hasher::default());
    all().for_each(|(path, value)| moka.insert(path, value));
    moka.run_pending_tasks();
    let mut lru =
        LruCache::with_hasher(NonZero::new(CAPACITY).unwrap_or(NonZero::<usize>::MIN), Hasher::default());
    all().for_each(|(path, value)| drop(lru.push(path, value)));
    let lru = Mutex::new(lru);
    let map: HashMap<String, Value, Hasher> = all().collect();
    [
        reader("ours", &paths, move |path| ours.get(&GetPathRef { path })),
        reader("quick_cache", &paths, move |path| quick_cache.get(path)),
        reader("moka", &paths, move |path| moka.get(path)),
        reader("mutex-lru", &paths, move |path| lru.lock().get(path).cloned()),
        reader("floor", &paths, move |path| map.get(path).cloned()),
    ]
}

fn reader(
    name: &'static str,
    paths: &Arc<[String]>,
    get: impl Fn(&str) -> Option<Value> + Send + Sync + 'static,
) -> Contestant {
    let paths = Arc::clone(paths);
    Contestant::new(name, move |keys| {
        keys.iter().filter(|&&key| std::hint::black_box(get(&paths[key as usize])).is_some()).count()
    })
}
