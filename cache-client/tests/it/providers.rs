//! The second tier: when it is read and written, and which data it gets.

use std::sync::Arc;
use std::time::Duration;

use cache_client::{Provider, Strategy, TrackingProvider};
use cache_core::BoxError;
use parking_lot::Mutex;

use crate::persisted::*;
use crate::scripted::{pass, seconds, settle};

pub fn tracked_restarts() -> Restarts<TrackingProvider> {
    Restarts::new(TrackingProvider::new())
}

/// Asserts the number of calls of the provider so far.
#[track_caller]
pub fn assert_calls(restarts: &Restarts<TrackingProvider>, gets: u64, sets: u64, removes: u64) {
    let provider = &restarts.provider;
    assert_eq!((provider.gets(), provider.sets(), provider.removes()), (gets, sets, removes));
}

// Reading and writing

#[tokio::test(start_paused = true)]
async fn a_miss_reads_once_loads_once_and_writes_once_and_a_hit_does_nothing() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    let client = restarts.client();
    let waiters: Vec<_> = (0..3).map(|_| spawn_query(&client, &query)).collect();
    for waiter in waiters {
        assert_eq!(*waiter.await.unwrap().unwrap(), 1);
    }
    settle().await;
    assert_calls(&restarts, 1, 1, 0);
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    settle().await;
    assert_calls(&restarts, 1, 1, 0);
    assert_eq!(restarts.app.loads::<GetKept>(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stored_answer_is_found_after_a_restart_with_its_true_age() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    restarts.client().query(&query).await.unwrap();
    pass(seconds(5)).await;
    let client = restarts.client();
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert_eq!(client.cache().peek_entry(&query).unwrap().age(), seconds(6));
    settle().await;
    // A value read from the provider is not written back.
    assert_calls(&restarts, 2, 1, 0);
    pass(seconds(4)).await;
    assert_eq!(*client.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_evicted_answer_is_found_in_the_provider() {
    let (restarts, query) = (tracked_restarts(), GetKeptWeak(1));
    let client = restarts.client();
    client.query(&query).await.unwrap();
    settle().await;
    assert!(client.cached(&query).is_none());
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert_eq!(restarts.app.loads::<GetKeptWeak>(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_options_of_the_reader_decide_whether_a_provider_entry_is_stale() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    restarts.client().query(&query).await.unwrap();
    pass(seconds(2)).await;
    let client = restarts.builder().query::<GetKept>(|options| options.fresh(seconds(3))).build();
    assert_eq!(*client.query(&query).await.unwrap(), 2);
    // The entry was written with this time to live.
    pass(seconds(3)).await;
    let patient = restarts.builder().query::<GetKept>(|options| options.fresh(seconds(100))).build();
    assert_eq!(*patient.query(&query).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_never_expires_entries_does_not_extend_freshness() {
    let (restarts, query) = (Restarts::new(UnexpiringProvider::default()), GetKept(1));
    restarts.client().query(&query).await.unwrap();
    pass(seconds(20)).await;
    let patient = restarts.builder().query::<GetKept>(|options| options.fresh(seconds(100))).build();
    assert_eq!(*patient.query(&query).await.unwrap(), 2);
    assert_eq!(patient.provider_errors(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_never_expires_entries_does_not_extend_a_time_to_live() {
    let (restarts, query) = (Restarts::new(UnexpiringProvider::default()), GetKeptShortly(1));
    restarts.client().query(&query).await.unwrap();
    pass(seconds(20)).await;
    let patient = restarts.builder().query::<GetKeptShortly>(|options| options.ttl(seconds(100))).build();
    assert_eq!(*patient.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_time_to_live_is_the_rest_of_the_shortest_time() {
    let restarts = Restarts::new(UnexpiringProvider::default());
    let client = restarts.client();
    client.query(&GetKept(1)).await.unwrap();
    client.query(&GetKeptShortly(1)).await.unwrap();
    client.query(&GetKeptMaybe(1)).await.unwrap();
    client.query(&GetKeptMaybe(2)).await.unwrap();
    settle().await;
    assert_eq!(restarts.provider.times(), [9, 9, 4, 99]);
}

#[tokio::test(start_paused = true)]
async fn a_copy_has_the_times_of_the_query_whatever_the_options_of_the_call_are() {
    let restarts = Restarts::new(UnexpiringProvider::default());
    let client = restarts.client();
    client.query_with(&GetKept(1), |options| options.fresh(seconds(3))).await.unwrap();
    settle().await;
    assert_eq!(restarts.provider.times(), [9]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_written_for_at_most_a_year_and_not_after_its_expiry() {
    let restarts = Restarts::new(UnexpiringProvider::default());
    let year = seconds(365 * 24 * 60 * 60);
    for (fresh, written) in [(Duration::MAX, vec![year]), (seconds(1), vec![year])] {
        let client = restarts.builder().query::<GetKept>(|options| options.fresh(fresh)).build();
        client.query(&GetKept(1)).await.unwrap();
        settle().await;
        let times: Vec<_> = restarts.provider.0.lock().iter().map(|entry| entry.ttl).collect();
        assert_eq!(times, written, "a load takes a second, and this is fresh for {fresh:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_name_of_an_entry_joins_its_table_and_its_key() {
    let restarts = Restarts::new(UnexpiringProvider::default());
    restarts.client().query(&GetKept(0x0102)).await.unwrap();
    settle().await;
    assert_eq!(restarts.provider.0.lock()[0].key, "get_kept;0=258");
}

#[tokio::test(start_paused = true)]
async fn queries_without_persist_bypass_the_provider() {
    let restarts = tracked_restarts();
    let client = restarts.client();
    client.query(&GetUnkept(1)).await.unwrap();
    client.invalidate(&GetUnkept(1));
    settle().await;
    assert_calls(&restarts, 0, 0, 0);
}

#[tokio::test(start_paused = true)]
async fn ten_contexts_deep_a_miss_is_one_read_one_load_and_one_write() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    let mut cx = restarts.client().request("root");
    for depth in 0..10 {
        cx = cx.child(depth.to_string());
    }
    cx.query(&query).await.unwrap();
    cx.query(&query).await.unwrap();
    settle().await;
    assert_calls(&restarts, 1, 1, 0);
    assert_eq!(restarts.app.loads::<GetKept>(), 1);
}

#[tokio::test(start_paused = true)]
async fn inputs_of_a_load_are_read_and_written_too() {
    let restarts = tracked_restarts();
    assert_eq!(*restarts.client().query(&GetKeptWhole(1)).await.unwrap(), 101);
    settle().await;
    assert_calls(&restarts, 2, 2, 0);
    assert_eq!(*restarts.client().query(&GetKept(1)).await.unwrap(), 1);
    settle().await;
    assert_calls(&restarts, 3, 2, 0);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_fails_writes_nothing() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    restarts.app.fail_next(1);
    assert!(restarts.client().query(&query).await.is_err());
    settle().await;
    assert_calls(&restarts, 1, 0, 0);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_with_an_equal_value_renews_the_provider_entry() {
    let (restarts, query) = (tracked_restarts(), GetKeptEqual(1));
    let client = restarts.client();
    client.query(&query).await.unwrap();
    pass(seconds(8)).await;
    client.query_with(&query, |options| options.strategy(Strategy::Refresh)).await.unwrap();
    pass(seconds(5)).await;
    restarts.client().query(&query).await.unwrap();
    assert_eq!(restarts.app.loads::<GetKeptEqual>(), 2);
}

// Strategies

#[tokio::test(start_paused = true)]
async fn strategies_that_bypass_the_cache_bypass_provider_reads_and_all_but_one_write() {
    let strategies = [(Strategy::Refresh, 1), (Strategy::NetworkOnly, 0), (Strategy::CacheFirst, 0)];
    for (strategy, writes) in strategies {
        let (restarts, query) = (tracked_restarts(), GetKept(1));
        restarts.client().query(&query).await.unwrap();
        settle().await;
        let reads = u64::from(strategy == Strategy::CacheFirst);
        let client = restarts.client();
        let value = client.query_with(&query, |options| options.strategy(strategy)).await.unwrap();
        settle().await;
        assert_eq!(*value, 2 - reads as usize, "{strategy:?}");
        assert_calls(&restarts, 1 + reads, 1 + writes, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_miss_that_accepts_stale_answers_reads_the_provider_and_its_refresh_does_not() {
    let (restarts, query) = (tracked_restarts(), GetKeptStale(1));
    restarts.client().query(&query).await.unwrap();
    pass(seconds(5)).await;
    let client = restarts.client();
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert_calls(&restarts, 2, 1, 0);
    pass(seconds(10)).await;
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    pass(seconds(2)).await;
    assert_eq!(*client.query(&query).await.unwrap(), 2);
    assert_calls(&restarts, 2, 2, 0);
}

#[tokio::test(start_paused = true)]
async fn an_early_refresh_does_not_read_its_own_provider_entry() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    // With this `beta`, each hit starts an early refresh.
    let client = restarts.builder().query::<GetKept>(|options| options.beta(1e9)).build();
    client.query(&query).await.unwrap();
    client.query(&query).await.unwrap();
    pass(seconds(2)).await;
    assert_eq!(restarts.app.loads::<GetKept>(), 2);
    client.prefetch(&query);
    pass(seconds(2)).await;
    assert_eq!(restarts.app.loads::<GetKept>(), 3);
    assert_calls(&restarts, 1, 3, 0);
}

#[tokio::test(start_paused = true)]
async fn a_prefetch_of_a_missing_key_reads_the_provider() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    restarts.client().query(&query).await.unwrap();
    settle().await;
    let client = restarts.client();
    client.prefetch(&query);
    settle().await;
    assert_eq!(client.cached(&query).as_deref(), Some(&1));
    assert_calls(&restarts, 2, 1, 0);
}

#[tokio::test(start_paused = true)]
async fn cached_does_not_read_the_provider() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    restarts.client().query(&query).await.unwrap();
    settle().await;
    assert!(restarts.client().cached(&query).is_none());
    assert_calls(&restarts, 1, 1, 0);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_needs_a_load_gets_one_from_a_flight_that_would_skip_it() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    restarts.client().query(&query).await.unwrap();
    settle().await;
    let client = restarts.client();
    restarts.provider.delay(Duration::from_millis(100));
    let early = spawn_query(&client, &query);
    settle().await;
    let value = client.query_with(&query, |options| options.strategy(Strategy::NetworkOnly)).await.unwrap();
    assert_eq!((*value, *early.await.unwrap().unwrap()), (2, 2));
    assert_eq!(restarts.app.loads::<GetKept>(), 2);
}

// Private trees

#[tokio::test(start_paused = true)]
async fn private_trees_neither_read_nor_write_the_provider() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    let client = restarts.client();
    let disabled = client.request("disabled");
    let child = disabled.child("child");
    disabled.disable_cache();
    let preset = client.request("preset");
    preset.set(&GetKept(9), 9_usize).unwrap();
    let replaced =
        client.request("replaced").with_override::<GetKept>(|query| Ok(Arc::new(query.0 as usize)));
    for cx in [disabled, child, preset] {
        cx.query(&query).await.unwrap();
    }
    assert_eq!(*replaced.query(&GetKeptWhole(3)).await.unwrap(), 103);
    settle().await;
    assert_calls(&restarts, 0, 0, 0);
    // Both contexts belong to one tree.
    assert_eq!(restarts.app.loads::<GetKept>(), 2);
}

/// A provider that never drops an entry and records the times to live.
#[derive(Default)]
pub struct UnexpiringProvider(Mutex<Vec<StoredEntry>>);

struct StoredEntry {
    key: String,
    value: Vec<u8>,
    ttl: Duration,
}

impl UnexpiringProvider {
    /// The times to live of all writes, in seconds.
    pub fn times(&self) -> Vec<u64> {
        self.0.lock().iter().map(|entry| entry.ttl.as_secs()).collect()
    }
}

impl Provider for UnexpiringProvider {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BoxError> {
        let all = self.0.lock();
        Ok(all.iter().rev().find(|entry| entry.key == key).map(|entry| entry.value.clone()))
    }

    async fn set(&self, key: &str, value: Vec<u8>, ttl: Duration) -> Result<(), BoxError> {
        self.0.lock().push(StoredEntry { key: key.to_owned(), value, ttl });
        Ok(())
    }

    async fn remove(&self, _: &str) -> Result<(), BoxError> {
        Ok(())
    }
}
