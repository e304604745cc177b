//! Tests of the client through its public interface, on tokio's paused time.
#![allow(clippy::unwrap_used, missing_debug_implementations, missing_docs, reason = "tests")]

mod batch;
mod batching;
mod breaker;
mod bringing;
mod cache_only;
mod change;
mod changes_during_loads;
mod concurrency;
mod derived;
mod derived_queries;
mod directed;
mod errors;
mod fallback;
mod feed;
mod fetching;
mod flaky;
mod flights;
mod generic;
mod infinite;
mod ingest;
mod invalidation;
mod late;
mod layers;
mod linger;
mod listener;
mod load_terms;
mod load_windows;
#[cfg(feature = "metrics")]
mod metrics;
mod model;
mod mutation_order;
mod mutations;
mod numbered;
mod observed_pages;
mod observers;
mod offline;
mod open_telemetry;
mod options;
mod paged;
mod persisted;
mod placeholder;
mod polling;
mod prefetch;
mod provider_changes;
mod provider_errors;
mod provider_keys;
mod provider_stale;
mod providers;
mod readme;
mod retry;
mod runtimes;
mod scripted;
mod sets;
mod shipped_providers;
mod store_steps;
mod strategies;
mod tags;
mod telemetry;
mod tree;
mod unchanged;
mod weighing;
mod windows;

/// The size of a long test: `usual`, or `full` with `CACHE_TEST_SIZES=all` in the environment.
fn sized<T>(usual: T, full: T) -> T {
    if std::env::var_os("CACHE_TEST_SIZES").is_some_and(|sizes| sizes == "all") { full } else { usual }
}
