//! The handovers between threads, each run under many schedules that a model checker chooses.
//!
//! The code that runs is the store itself, compiled over shuttle's locks and atomics. `Arc` and `Weak` are those of
//! std, with a switch point for the scheduler before each step that the store takes on them. All atomics are
//! sequentially consistent here. Only the gate relies on weaker ones; it has its own check in `tests/gate.rs`.
//!
//! Each check runs `CACHE_MODEL_SCHEDULES` random schedules (default 300), and as many with few, well-placed
//! interruptions (PCT). A long run takes 20,000.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

// The derives refer to `cache_core` by name.
extern crate cache_model as cache_core;

mod bringing;
mod commits;
mod committed_flags;
mod conditional_writes;
mod derived;
mod events;
mod eviction;
mod filling;
mod flights;
mod reading;
mod restoring;
mod saving;
mod saving_under_writes;
mod watches;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cache_model::{Builder, Cache, Query, Shape, TableReport, Tag, registry};
use serde::{Deserialize, Serialize};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner, thread};

/// Interruptions of a PCT schedule.
const DEPTHS: [usize; 2] = [2, 3];

/// A table that keeps only values in use.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u64, persist)]
pub struct Weak(pub u64);

/// A table in exact order: one shard.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u64, lru = 2, persist)]
pub struct Recent(pub u64);

/// A table with the default policy.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u64, capacity = 2, persist, tags_of = tags)]
pub struct Few(pub u64);

/// A table of answers that remember what they were built from.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 4, derived)]
pub struct Sum(pub u64);

fn tags(key: &Few) -> [Tag; 1] {
    [Tag::new("few", key.0)]
}

/// A table bounded by weight, in four shards; each value is its own weight.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, max_weight = 1_024, weigh = itself)]
pub struct Heavy(pub u64);

fn itself(_: &Heavy, value: &u64) -> u32 {
    u32::try_from(*value).unwrap()
}

registry! {
    pub struct Registry {
        crate::Weak,
        crate::Recent,
        crate::Few,
        crate::Heavy,
        crate::Sum,
    }
}

type Store = Cache<Registry>;

#[track_caller]
fn check(scenario: impl Fn() + Send + Sync + 'static) {
    let schedules = std::env::var("CACHE_MODEL_SCHEDULES").map_or(300, |count| count.parse().unwrap());
    let scenario = Arc::new(scenario);
    let mut config = Config::new();
    config.stack_size = 1 << 18;
    config.silence_warnings = true;
    let run = Arc::clone(&scenario);
    Runner::new(RandomScheduler::new(schedules), config.clone()).run(move || run());
    for depth in DEPTHS {
        let run = Arc::clone(&scenario);
        Runner::new(PctScheduler::new(depth, schedules.div_ceil(DEPTHS.len())), config.clone())
            .run(move || run());
    }
}

fn store() -> Store {
    Cache::new()
}

fn builder() -> Builder<Registry> {
    Cache::builder()
}

/// Runs the parts of a scenario concurrently, to their end.
fn together(parts: Vec<Box<dyn FnOnce() + Send>>) {
    let running: Vec<_> = parts.into_iter().map(thread::spawn).collect();
    running.into_iter().for_each(|part| part.join().unwrap());
}

/// A part of a scenario with its own handle of the store.
fn part(store: &Store, run: impl FnOnce(Store) + Send + 'static) -> Box<dyn FnOnce() + Send> {
    let store = store.clone();
    Box::new(move || run(store))
}

/// Runs a load and a change at the same time. The store caches a source, which the load reads by its argument. The
/// change writes 2 to the source, which was 1, before it changes the store.
fn load_and_change(
    store: &Store,
    load: impl FnOnce(&Store, &dyn Fn() -> u64) + Send + 'static,
    change: impl FnOnce(&Store) + Send + 'static,
) {
    let source = Arc::new(AtomicU64::new(1));
    let loaded = Arc::clone(&source);
    together(vec![
        part(store, move |store| load(&store, &|| loaded.load(Ordering::SeqCst))),
        part(store, move |store| {
            source.store(2, Ordering::SeqCst);
            change(&store);
        }),
    ]);
}

fn report(store: &Store, table: &str) -> TableReport {
    store.inspect().tables.into_iter().find(|report| report.name == table).unwrap()
}
