//! Compares the store with a naive model: random operations, one after the other, compared after each step.
//!
//! `CACHE_MODEL_CASES` sets the number of sequences of operations for each table (default 48); a long run
//! takes 5,000. A failing sequence is printed after shrinking.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod large;
mod naive;
mod pair;
mod policy;
mod steps;

use std::sync::Arc;
use std::time::Duration;

use cache_core::{Builder, Cache, ManualClock, Query, Shape, TableOptions, registry};
use proptest::test_runner::Config;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Shape, Serialize, Deserialize)]
pub struct Value {
    /// A number that is different in each write.
    pub number: u64,
    pub weight: u32,
}

#[derive(Query, Shape, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[query(value = Value, max_weight = 1, weigh = weight_of, persist)]
pub struct Key(pub u16);

/// The key of a second table.
#[derive(Query, Shape, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[query(value = Value, max_weight = 1, weigh = weight_of, persist)]
pub struct Other(pub u16);

fn weight_of<K>(_: &K, value: &Value) -> u32 {
    value.weight
}

/// A query with a number as its key.
pub trait Numbered: Query<Value = Value> + Copy {
    /// Place of its table in the registry.
    const TABLE: usize;
    fn new(number: u16) -> Self;
    fn number(&self) -> u16;
}

impl Numbered for Key {
    const TABLE: usize = 0;

    fn new(number: u16) -> Self {
        Self(number)
    }

    fn number(&self) -> u16 {
        self.0
    }
}

impl Numbered for Other {
    const TABLE: usize = 1;

    fn new(number: u16) -> Self {
        Self(number)
    }

    fn number(&self) -> u16 {
        self.0
    }
}

registry! {
    pub struct Registry {
        crate::Key,
        crate::Other,
    }
}

type Store = Cache<Registry>;

fn store(clock: &Arc<ManualClock>, options: TableOptions) -> Store {
    builder(clock, options).build().unwrap()
}

fn builder(clock: &Arc<ManualClock>, options: TableOptions) -> Builder<Registry> {
    Cache::builder().table::<Key>(|_| options).clock(Arc::clone(clock))
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn config() -> Config {
    let cases = std::env::var("CACHE_MODEL_CASES").map_or(48, |count| count.parse().unwrap());
    Config { cases, max_shrink_iters: 20_000, failure_persistence: None, ..Config::default() }
}
