//! Options given as constants: anything that the compiler can evaluate, of any integer type.

use std::time::Duration;

use cache_core::{Cache, LoadingOptions, Query, TableOptions};

const ENTRIES: usize = 10_000;
const BYTES: u64 = 1 << 33;
const VALUES: u8 = 3;
const TIMES: i32 = 5;
const NONE: u32 = 0;
const HALF: f64 = 0.5;
const ONE: f64 = 1.0;
const MINUTE: Duration = Duration::from_mins(1);

const fn doubled(number: u32) -> u32 {
    2 * number
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u8, capacity = ENTRIES)]
struct Named;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u8, capacity = 10 * 1024)]
struct Computed;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u8, lru = 1 << 40, history = 1 << 4, ttl = "5m")]
struct Shifted;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Vec<(u8, u8)>, max_weight = 8 * BYTES, weigh = light, history = VALUES)]
struct Weighed;

fn light(_: &Weighed, _: &[(u8, u8)]) -> u32 {
    1
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u8, capacity = 10_u8, ttl = MINUTE, tti = Duration::ZERO, fresh = self::MINUTE)]
struct Timed;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u8, swr = MINUTE, stale_if_error = Duration::from_secs(2), timeout = MINUTE, error_ttl = MINUTE)]
#[query(poll = MINUTE, retry = TIMES, batch = doubled(12) + 1, jitter = HALF / 2.0, beta = { HALF })]
#[query(retry_first = MINUTE, retry_longest = Duration::from_mins(1), retry_factor = 2.0 + HALF)]
#[query(linger = LoadingOptions::UNTIL_DONE, concurrency = TIMES)]
struct Loaded;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u8, retry_first = "1s", retry_longest = MINUTE, beta = ONE + HALF)]
struct FirstKnown;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u8, retry_first = MINUTE, retry_longest = "1h")]
struct LongestKnown;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u8, capacity = 1 + NONE, history = NONE, ttl = Duration::ZERO, retry = NONE, linger = Duration::ZERO)]
#[query(batch = NONE + 1, concurrency = 1 + NONE, jitter = ONE, beta = ONE / 1e9, retry_factor = ONE)]
struct Least;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u8, capacity = Self::ENTRIES, history = if Self::ENTRIES > 10 { 1 } else { 2 })]
struct Own;

impl Own {
    const ENTRIES: u16 = 100;
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u8, capacity = N)]
struct Generic<const N: usize>;

cache_core::registry! {
    pub struct Tables {
        Named,
        Generic<7>,
    }
}

#[test]
fn a_bound_may_be_any_constant_expression() {
    assert_eq!(Named::OPTIONS, TableOptions::new().capacity(10_000));
    assert_eq!(Computed::OPTIONS, TableOptions::new().capacity(10_240));
    let shifted = TableOptions::new().lru(1 << 40).history(16);
    assert_eq!(Shifted::OPTIONS, shifted.ttl(Duration::from_mins(5)));
    assert_eq!(Weighed::OPTIONS, TableOptions::new().max_weight(1 << 36).history(3));
    assert_eq!(Own::OPTIONS, TableOptions::new().capacity(100).history(1));
    assert_eq!(Generic::<7>::OPTIONS, TableOptions::new().capacity(7));
}

#[test]
fn a_time_may_be_a_constant_duration() {
    let times = TableOptions::new().capacity(10).ttl(MINUTE).tti(Duration::ZERO).fresh(MINUTE);
    assert_eq!(Timed::OPTIONS, times);
}

#[test]
fn options_for_the_client_may_be_constants() {
    let expected = LoadingOptions::new()
        .swr(MINUTE)
        .stale_if_error(Duration::from_secs(2))
        .timeout(MINUTE)
        .error_ttl(MINUTE)
        .poll(MINUTE)
        .retry(5)
        .retry_first(MINUTE)
        .retry_longest(MINUTE)
        .retry_factor(2.5)
        .batch(25)
        .jitter(0.25)
        .beta(0.5)
        .linger(Duration::MAX)
        .concurrency(5);
    assert_eq!(Loaded::LOADING, expected);
    let first_known =
        LoadingOptions::new().retry_first(Duration::from_secs(1)).retry_longest(MINUTE).beta(1.5);
    assert_eq!(FirstKnown::LOADING, first_known);
    let longest_known = LoadingOptions::new().retry_first(MINUTE).retry_longest(Duration::from_hours(1));
    assert_eq!(LongestKnown::LOADING, longest_known);
}

#[test]
fn the_least_that_a_constant_may_be_is_taken() {
    let least = TableOptions::new().capacity(1).history(0).ttl(Duration::ZERO);
    assert_eq!(Least::OPTIONS, least);
    let loading = LoadingOptions::new().retry(0).linger(Duration::ZERO).batch(1).concurrency(1);
    assert_eq!(Least::LOADING, loading.jitter(1.0).beta(1e-9).retry_factor(1.0));
}

#[test]
fn a_table_is_bounded_by_the_constant() {
    let cache = Cache::<Tables>::new();
    let bounds: Vec<_> = Tables::describe().iter().map(|table| table.options).collect();
    assert_eq!(bounds, [TableOptions::new().capacity(10_000), TableOptions::new().capacity(7)]);
    drop(cache.insert(Generic::<7>, 1));
    assert_eq!(cache.get(&Generic::<7>).as_deref(), Some(&1));
}
