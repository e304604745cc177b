//! Counters, a histogram and a gauge, recorded by the program's recorder. `names` lists them.

use std::time::Duration;

use cache_core::Query;
use metrics::{
    Key, Label, Level, Metadata, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    with_recorder,
};

use super::names::{
    BREAKER_CHANGES, FLIGHTS, HITS, LOAD_SECONDS, LOADS, MISSES, PROVIDER_ERRORS, PROVIDER_HITS, REFRESHES,
    RETRIES, SHARED, SHARED_BYTES, SHARED_LAG, STALE_HITS, STORES, SUBSTITUTES, TARGET,
};

/// The labels of a query, known at compile time, so that a hit need not create them.
#[derive(Clone, Copy)]
pub(crate) struct Labels(&'static [Label]);

impl Labels {
    pub(crate) const fn of<Q: Query>() -> Self {
        Self(const { &[Label::from_static_parts("query", Q::NAME)] })
    }

    fn key(self, metric: &'static str) -> Key {
        Key::from_static_parts(metric, self.0)
    }
}

static METADATA: Metadata<'static> = Metadata::new(TARGET, Level::INFO, Some(module_path!()));

/// Describes the metrics to the recorder.
pub(crate) fn describe() {
    let counters = [
        (HITS, "Calls that were answered with a fresh value of the cache."),
        (STALE_HITS, "Calls that were answered with a stale value of the cache."),
        (MISSES, "Calls that found nothing in the cache that they could use."),
        (REFRESHES, "Background loads after an answer from the cache."),
        (SUBSTITUTES, "Calls whose load failed or was too late, and that got a cached value or a fallback."),
        (PROVIDER_HITS, "Misses that the provider has answered."),
        (PROVIDER_ERRORS, "Calls to the provider that failed."),
        (STORES, "Loads whose answer is in the cache."),
        (RETRIES, "Retries of loads."),
        (LOADS, "Loads that have ended."),
        (BREAKER_CHANGES, "State changes of circuit breakers."),
        (SHARED, "What has become of searches, values and requests of the shared tier."),
    ];
    for (name, meaning) in counters {
        describe_counter!(name, Unit::Count, meaning);
    }
    describe_histogram!(LOAD_SECONDS, Unit::Seconds, "How long loads took, with all waits and retries.");
    describe_gauge!(FLIGHTS, Unit::Count, "Running loads.");
    describe_counter!(SHARED_BYTES, Unit::Bytes, "Values of the shared tier that were read or stored.");
    describe_gauge!(SHARED_LAG, Unit::Seconds, "How long ago all drops of the shared tier were known.");
}

pub(super) fn count(name: &'static str, labels: Labels) {
    let key = labels.key(name);
    with_recorder(|recorder| recorder.register_counter(&key, &METADATA)).increment(1);
}

pub(super) fn count_by(name: &'static str, query: &'static str, label: &'static str, value: &'static str) {
    counter!(target: TARGET, name, "query" => query, label => value).increment(1);
}

pub(super) fn count_breaker(name: &'static str, breaker: &'static str, state: &'static str) {
    counter!(target: TARGET, name, "breaker" => breaker, "state" => state).increment(1);
}

pub(super) fn count_provider(name: &'static str, query: &'static str, action: &'static str) {
    counter!(target: TARGET, name, "query" => query, "action" => action).increment(1);
}

pub(super) fn count_shared(name: &'static str, label: &'static str, value: &'static str, by: u64) {
    counter!(target: TARGET, name, label => value).increment(by);
}

/// Sets a gauge.
pub(super) fn set(name: &'static str, to: f64) {
    gauge!(target: TARGET, name).set(to);
}

/// Moves a gauge.
pub(super) fn shift(name: &'static str, labels: Labels, by: f64) {
    let key = labels.key(name);
    with_recorder(|recorder| recorder.register_gauge(&key, &METADATA)).increment(by);
}

/// Records how long something took in a histogram.
pub(super) fn measure(name: &'static str, labels: Labels, took: impl FnOnce() -> Duration) {
    let key = labels.key(name);
    with_recorder(|recorder| recorder.register_histogram(&key, &METADATA)).record(took().as_secs_f64());
}
