use std::time::Duration;

use cache_core::Query;

const NOTHING: usize = 0;
const NEGATIVE: i32 = -1;
const HUGE: u64 = 1 << 40;
const RATIO: f64 = 1.5;
const SECONDS: u64 = 30;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capacity = NOTHING)]
struct Capacity;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, lru = 10 - 10)]
struct Lru;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, history = HUGE)]
struct History;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, retry = NEGATIVE)]
struct Retry;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, batch = NOTHING)]
struct Batch;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, jitter = RATIO)]
struct Jitter;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, beta = -RATIO)]
struct Beta;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, swr = Duration::ZERO)]
struct Window;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capacity = RATIO)]
struct Fraction;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, ttl = SECONDS)]
struct Time;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, jitter = SECONDS)]
struct Whole;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capacity = MISSING)]
struct Unknown;

fn main() {}
