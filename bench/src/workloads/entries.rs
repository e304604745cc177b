//! What is saved and restored: two sets of entries, in a cache and in plain collections, and how they are measured.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bincode::config::{Configuration, Fixint, LittleEndian};
use cache_core::{Cache, Holds, Query, Shape, registry};
use rustix::time::{ClockId, clock_gettime};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::options::{Options, THREADS};
use crate::report::Report;
use crate::row::{Figure, Row, Unit};

/// The same settings as the default codec of snapshots.
pub const CONFIG: Configuration<LittleEndian, Fixint> =
    bincode::config::standard().with_little_endian().with_fixed_int_encoding();

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = [u64; 8], capacity = 2_000_000, persist)]
pub struct GetNumbers {
    pub id: u64,
}

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Page, capacity = 200_000, persist)]
pub struct GetPage {
    pub path: String,
}

#[derive(Shape, Clone, Debug, Serialize, Deserialize)]
pub struct Page {
    title: String,
    author: String,
    tags: Vec<String>,
    body: String,
    words: u32,
    score: f64,
}

registry! {
    pub struct SavedRegistry {
        crate::workloads::entries::GetNumbers,
        crate::workloads::entries::GetPage,
    }
}

/// Entries of one query.
pub trait Set: Query<Value: Clone + Serialize + DeserializeOwned> + Serialize + DeserializeOwned {
    /// Suffix of the workloads' names.
    const KIND: &'static str;
    /// Number of entries in a run of full length.
    const ENTRIES: usize;

    fn entry(index: usize) -> (Self, Self::Value);

    /// Number of entries, and the name of this workload with that number.
    fn size(options: &Options, workload: &str) -> (usize, String) {
        let (entries, size) = options.effort.entries(Self::ENTRIES);
        (entries, format!("{workload}/{size}-{}", Self::KIND))
    }

    fn entries(number: usize) -> Vec<(Self, Self::Value)> {
        (0..number).map(Self::entry).collect()
    }

    /// A cache that holds the entries.
    fn cache(number: usize) -> Cache<SavedRegistry>
    where
        SavedRegistry: Holds<Self>,
    {
        let cache = Cache::new();
        Self::entries(number).into_iter().for_each(|(key, value)| drop(cache.insert(key, value)));
        cache
    }
}

impl Set for GetNumbers {
    const KIND: &'static str = "small";
    const ENTRIES: usize = 1_000_000;

    fn entry(index: usize) -> (Self, [u64; 8]) {
        (Self { id: index as u64 }, [index as u64; 8])
    }
}

impl Set for GetPage {
    const KIND: &'static str = "1kib";
    const ENTRIES: usize = 100_000;

    fn entry(index: usize) -> (Self, Page) {
        let page = Page {
            title: format!("Page {index} of many"),
            author: format!("author-{}", index % 1000),
            tags: (0..4).map(|tag| format!("tag-{tag}-{}", index % 100)).collect(),
            body: "The body of the page. ".repeat(40),
            words: 200,
            score: index as f64,
        };
        (Self { path: format!("/pages/{index}/index.html") }, page)
    }
}

/// A value in an allocation of its own, as in a cache.
#[derive(Clone)]
pub struct Shared<V>(pub Arc<V>);

impl<V: Serialize> Serialize for Shared<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Shared<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        V::deserialize(deserializer).map(|value| Self(Arc::new(value)))
    }
}

/// A contestant that does the whole workload in each turn, on this many threads if it can use them. Its result is
/// dropped outside the measured time.
pub type Turn<'a> = (&'static str, Box<dyn Fn(usize) -> Box<dyn Any> + 'a>);

/// Nanoseconds per entry of `entries`: of processor time with one thread, of wall clock with more.
pub fn race(
    options: &Options,
    report: &mut Report,
    workload: &str,
    entries: usize,
    all_threads: &[usize],
    turns: &[Turn<'_>],
) {
    for &threads in all_threads {
        let mut times = vec![Vec::new(); turns.len()];
        for round in 0..options.effort.rounds {
            for turn in 0..turns.len() {
                let who = (turn + round) % turns.len();
                let nanos = take_time(threads, &turns[who].1).as_nanos() as f64;
                times[who].push(nanos / entries as f64);
            }
        }
        let figures: Vec<_> = times.iter().map(|times| Figure::of(times)).collect();
        for ((peer, _), &theirs) in turns.iter().zip(&figures).skip(1) {
            report.add(&Row::new(workload, *peer, threads, figures[0], theirs, Unit::NanosPerOperation));
        }
    }
}

fn take_time(threads: usize, turn: &dyn Fn(usize) -> Box<dyn Any>) -> Duration {
    let own = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default();
    let (start, own_start) = (Instant::now(), own());
    let made = turn(threads);
    let time = if threads == THREADS[0] { own() - own_start } else { start.elapsed() };
    drop(made);
    time
}
