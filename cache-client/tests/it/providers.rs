//! The second tier: when it is read and written, and with what.

use std::sync::Arc;
use std::time::Duration;

use cache_client::{Provider, Strategy, TrackingProvider};
use cache_core::BoxError;
use parking_lot::Mutex;

use crate::persisted::*;
use crate::scripted::{pass, seconds, settle};

pub fn site() -> Restarts<TrackingProvider> {
    Restarts::new(TrackingProvider::new())
}

/// Calls of the provider so far: gets, sets, removes.
#[track_caller]
pub fn assert_calls(site: &Restarts<TrackingProvider>, gets: u64, sets: u64, removes: u64) {
    let provider = &site.provider;
    assert_eq!((provider.gets(), provider.sets(), provider.removes()), (gets, sets, removes));
}

// Reading and writing

#[tokio::test(start_paused = true)]
async fn a_miss_reads_once_loads_once_and_writes_once_and_a_hit_does_nothing() {
    let (site, query) = (site(), GetKept(1));
    let client = site.client();
    let waiters: Vec<_> = (0..3).map(|_| ask(&client, &query)).collect();
    for waiter in waiters {
        assert_eq!(*waiter.await.unwrap().unwrap(), 1);
    }
    settle().await;
    assert_calls(&site, 1, 1, 0);
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    settle().await;
    assert_calls(&site, 1, 1, 0);
    assert_eq!(site.app.loads::<GetKept>(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_loaded_is_found_by_the_next_program_with_its_true_age() {
    let (site, query) = (site(), GetKept(1));
    site.client().query(&query).await.unwrap();
    pass(seconds(5)).await;
    let client = site.client();
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert_eq!(client.cache().peek_entry(&query).unwrap().age(), seconds(6));
    settle().await;
    // What comes from the provider is not written back.
    assert_calls(&site, 2, 1, 0);
    pass(seconds(4)).await;
    assert_eq!(*client.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_evicted_is_found_again() {
    let (site, query) = (site(), GetKeptWeak(1));
    let client = site.client();
    client.query(&query).await.unwrap();
    settle().await;
    assert!(client.cached(&query).is_none());
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert_eq!(site.app.loads::<GetKeptWeak>(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_provider_has_is_stale_when_the_options_of_the_reader_say_so() {
    let (site, query) = (site(), GetKept(1));
    site.client().query(&query).await.unwrap();
    pass(seconds(2)).await;
    let client = site.builder().query::<GetKept>(|options| options.fresh(seconds(3))).build();
    assert_eq!(*client.query(&query).await.unwrap(), 2);
    // It was kept for so long in the first place.
    pass(seconds(3)).await;
    let patient = site.builder().query::<GetKept>(|options| options.fresh(seconds(100))).build();
    assert_eq!(*patient.query(&query).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_never_lets_go_does_not_make_anything_fresh() {
    let (site, query) = (Restarts::new(Hoarder::default()), GetKept(1));
    site.client().query(&query).await.unwrap();
    pass(seconds(20)).await;
    let patient = site.builder().query::<GetKept>(|options| options.fresh(seconds(100))).build();
    assert_eq!(*patient.query(&query).await.unwrap(), 2);
    assert_eq!(patient.provider_errors(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_never_lets_go_does_not_lengthen_a_time_to_live() {
    let (site, query) = (Restarts::new(Hoarder::default()), GetKeptShortly(1));
    site.client().query(&query).await.unwrap();
    pass(seconds(20)).await;
    let patient = site.builder().query::<GetKeptShortly>(|options| options.ttl(seconds(100))).build();
    assert_eq!(*patient.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_time_to_live_is_what_is_left_of_the_shortest_time() {
    let site = Restarts::new(Hoarder::default());
    let client = site.client();
    client.query(&GetKept(1)).await.unwrap();
    client.query(&GetKeptShortly(1)).await.unwrap();
    client.query(&GetKeptMaybe(1)).await.unwrap();
    client.query(&GetKeptMaybe(2)).await.unwrap();
    settle().await;
    let times: Vec<_> = site.provider.0.lock().iter().map(|hoarded| hoarded.ttl.as_secs()).collect();
    assert_eq!(times, [9, 9, 4, 99]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_written_for_a_year_at_most_and_not_at_all_if_its_time_is_over() {
    let site = Restarts::new(Hoarder::default());
    let year = seconds(365 * 24 * 60 * 60);
    for (fresh, written) in [(Duration::MAX, vec![year]), (seconds(1), vec![year])] {
        let client = site.builder().query::<GetKept>(|options| options.fresh(fresh)).build();
        client.query(&GetKept(1)).await.unwrap();
        settle().await;
        let times: Vec<_> = site.provider.0.lock().iter().map(|hoarded| hoarded.ttl).collect();
        assert_eq!(times, written, "a load takes a second, and this is fresh for {fresh:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_name_of_an_entry_is_that_of_its_table_and_its_key() {
    let site = Restarts::new(Hoarder::default());
    site.client().query(&GetKept(0x0102)).await.unwrap();
    settle().await;
    assert_eq!(site.provider.0.lock()[0].key, b"get_kept\0\x02\x01\0\0");
}

#[tokio::test(start_paused = true)]
async fn queries_without_persist_go_past_it() {
    let site = site();
    let client = site.client();
    client.query(&GetUnkept(1)).await.unwrap();
    client.invalidate(&GetUnkept(1));
    settle().await;
    assert_calls(&site, 0, 0, 0);
}

#[tokio::test(start_paused = true)]
async fn ten_contexts_deep_a_miss_is_one_read_one_load_and_one_write() {
    let (site, query) = (site(), GetKept(1));
    let mut cx = site.client().request("root");
    for depth in 0..10 {
        cx = cx.child(depth.to_string());
    }
    cx.query(&query).await.unwrap();
    cx.query(&query).await.unwrap();
    settle().await;
    assert_calls(&site, 1, 1, 0);
    assert_eq!(site.app.loads::<GetKept>(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_load_asks_for_is_read_and_written_too() {
    let site = site();
    assert_eq!(*site.client().query(&GetKeptWhole(1)).await.unwrap(), 101);
    settle().await;
    assert_calls(&site, 2, 2, 0);
    assert_eq!(*site.client().query(&GetKept(1)).await.unwrap(), 1);
    settle().await;
    assert_calls(&site, 3, 2, 0);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_fails_writes_nothing() {
    let (site, query) = (site(), GetKept(1));
    site.app.fail_next(1);
    assert!(site.client().query(&query).await.is_err());
    settle().await;
    assert_calls(&site, 1, 0, 0);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_to_an_equal_value_renews_what_the_provider_has() {
    let (site, query) = (site(), GetKeptEqual(1));
    let client = site.client();
    client.query(&query).await.unwrap();
    pass(seconds(8)).await;
    client.query_with(&query, |options| options.strategy(Strategy::Refresh)).await.unwrap();
    pass(seconds(5)).await;
    site.client().query(&query).await.unwrap();
    assert_eq!(site.app.loads::<GetKeptEqual>(), 2);
}

// Strategies

#[tokio::test(start_paused = true)]
async fn strategies_that_go_past_the_cache_go_past_the_provider_and_all_but_one_write() {
    let strategies = [
        (Strategy::NetworkFirst, 1),
        (Strategy::Refresh, 1),
        (Strategy::NetworkOnly, 0),
        (Strategy::CacheFirst, 0),
    ];
    for (strategy, writes) in strategies {
        let (site, query) = (site(), GetKept(1));
        site.client().query(&query).await.unwrap();
        settle().await;
        let reads = u64::from(strategy == Strategy::CacheFirst);
        let client = site.client();
        let value = client.query_with(&query, |options| options.strategy(strategy)).await.unwrap();
        settle().await;
        assert_eq!(*value, 2 - reads as usize, "{strategy:?}");
        assert_calls(&site, 1 + reads, 1 + writes, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_answer_that_may_be_stale_is_read_and_its_refresh_is_not() {
    let (site, query) = (site(), GetKeptStale(1));
    site.client().query(&query).await.unwrap();
    pass(seconds(5)).await;
    let client = site.client();
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert_calls(&site, 2, 1, 0);
    pass(seconds(10)).await;
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    pass(seconds(2)).await;
    assert_eq!(*client.query(&query).await.unwrap(), 2);
    assert_calls(&site, 2, 2, 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_about_to_end_is_not_replaced_by_itself() {
    let (site, query) = (site(), GetKept(1));
    // So eager that each hit loads again.
    let client = site.builder().query::<GetKept>(|options| options.beta(1e9)).build();
    client.query(&query).await.unwrap();
    client.query(&query).await.unwrap();
    pass(seconds(2)).await;
    assert_eq!(site.app.loads::<GetKept>(), 2);
    client.prefetch(&query);
    pass(seconds(2)).await;
    assert_eq!(site.app.loads::<GetKept>(), 3);
    assert_calls(&site, 1, 3, 0);
}

#[tokio::test(start_paused = true)]
async fn a_prefetch_of_what_is_missing_reads() {
    let (site, query) = (site(), GetKept(1));
    site.client().query(&query).await.unwrap();
    settle().await;
    let client = site.client();
    client.prefetch(&query);
    settle().await;
    assert_eq!(client.cached(&query).as_deref(), Some(&1));
    assert_calls(&site, 2, 1, 0);
}

#[tokio::test(start_paused = true)]
async fn cached_asks_nobody() {
    let (site, query) = (site(), GetKept(1));
    site.client().query(&query).await.unwrap();
    settle().await;
    assert!(site.client().cached(&query).is_none());
    assert_calls(&site, 1, 1, 0);
}

#[tokio::test(start_paused = true)]
async fn who_wants_a_load_gets_one_though_it_joins_a_flight_that_would_do_without() {
    let (site, query) = (site(), GetKept(1));
    site.client().query(&query).await.unwrap();
    settle().await;
    let client = site.client();
    site.provider.delay(Duration::from_millis(100));
    let early = ask(&client, &query);
    settle().await;
    let value = client.query_with(&query, |options| options.strategy(Strategy::NetworkOnly)).await.unwrap();
    assert_eq!((*value, *early.await.unwrap().unwrap()), (2, 2));
    assert_eq!(site.app.loads::<GetKept>(), 2);
}

// Trees of their own

#[tokio::test(start_paused = true)]
async fn trees_of_their_own_neither_read_nor_write() {
    let (site, query) = (site(), GetKept(1));
    let client = site.client();
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
    assert_calls(&site, 0, 0, 0);
    // Two of them are one tree.
    assert_eq!(site.app.loads::<GetKept>(), 2);
}

/// Keeps everything for ever, with the time to live that it was given.
#[derive(Default)]
pub struct Hoarder(Mutex<Vec<Hoarded>>);

struct Hoarded {
    key: Vec<u8>,
    value: Vec<u8>,
    ttl: Duration,
}

impl Provider for Hoarder {
    async fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BoxError> {
        let all = self.0.lock();
        Ok(all.iter().rev().find(|hoarded| hoarded.key == key).map(|hoarded| hoarded.value.clone()))
    }

    async fn set(&self, key: &[u8], value: Vec<u8>, ttl: Duration) -> Result<(), BoxError> {
        self.0.lock().push(Hoarded { key: key.to_vec(), value, ttl });
        Ok(())
    }

    async fn remove(&self, _: &[u8]) -> Result<(), BoxError> {
        Ok(())
    }
}
