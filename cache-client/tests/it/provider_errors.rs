//! A second tier that fails or returns unusable entries. The client loads instead, and no caller sees an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_client::{App, Client, Context, Fetch, Provider, TokioClock};
use cache_core::{BoxError, Cache, Query, Shape, registry};
use serde::{Deserialize, Serialize};

use crate::persisted::*;
use crate::providers::{assert_calls, tracked_restarts};
use crate::scripted::{SECOND, in_time, pass, seconds, settle};

#[tokio::test(start_paused = true)]
async fn a_failed_provider_call_counts_as_one_provider_error_and_fails_no_query() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    let client = restarts.client();
    restarts.provider.fail_next_gets(1);
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    settle().await;
    assert_eq!(client.provider_errors(), 1);
    restarts.provider.fail_next_sets(1);
    assert_eq!(*client.query(&GetKept(2)).await.unwrap(), 2);
    settle().await;
    assert_eq!(client.provider_errors(), 2);
    restarts.provider.fail_next_removes(1);
    client.invalidate(&query);
    settle().await;
    assert_eq!(client.provider_errors(), 3);
    assert_calls(&restarts, 2, 2, 1);
}

#[tokio::test(start_paused = true)]
async fn each_provider_error_is_one_event() {
    let restarts = tracked_restarts();
    // Registers the callsite before the subscriber starts, since a concurrent test can register it without interest.
    restarts.provider.fail_next_gets(1);
    restarts.client().query(&GetKept(1)).await.unwrap();
    settle().await;
    let events = Arc::new(Events::default());
    let _guard = tracing::subscriber::set_default(Arc::clone(&events));
    restarts.provider.fail_next_gets(1);
    restarts.client().query(&GetKept(2)).await.unwrap();
    settle().await;
    assert_eq!(events.0.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_delays_a_load_until_its_timeout() {
    for (timeout, waited) in [(None, Duration::from_millis(250)), (Some(seconds(2)), seconds(2))] {
        let (restarts, query) = (tracked_restarts(), GetKept(1));
        let client = match timeout {
            Some(timeout) => restarts.builder().provider_timeout(timeout).build(),
            None => restarts.client(),
        };
        restarts.provider.hold();
        let began = tokio::time::Instant::now();
        assert_eq!(*in_time(client.query(&query)).await.unwrap(), 1);
        assert_eq!(began.elapsed(), waited + SECOND);
        assert_eq!(client.provider_errors(), 1);
        // No caller waits for the write.
        pass(waited).await;
        assert_eq!(client.provider_errors(), 2);
        restarts.provider.release();
        settle().await;
        assert_eq!(restarts.provider.inner().len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_set_before_the_provider_applies() {
    let restarts = tracked_restarts();
    let cache = Cache::<PersistedRegistry>::builder().clock(TokioClock::new()).build().unwrap();
    let client = Client::builder(cache, restarts.app.clone())
        .provider_timeout(seconds(3))
        .provider(Arc::clone(&restarts.provider))
        .build();
    restarts.provider.delay(seconds(2));
    client.query(&GetKept(1)).await.unwrap();
    pass(seconds(2)).await;
    assert_eq!((client.provider_errors(), restarts.provider.inner().len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_provider_counts_as_an_error() {
    let restarts = Restarts::new(PanickingProvider);
    let client = restarts.client();
    assert_eq!(*client.query(&GetKept(1)).await.unwrap(), 1);
    client.invalidate(&GetKept(1));
    settle().await;
    assert_eq!(client.provider_errors(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_codec_counts_as_one_provider_error_and_fails_no_query() {
    let restarts = tracked_restarts();
    let client = restarts.client();
    for key in [1, 2] {
        assert_eq!(client.query(&GetUncodable(key)).await.unwrap().0, key);
        settle().await;
        assert_eq!((client.provider_errors(), restarts.provider.sets()), (key.into(), 0));
    }
    assert_eq!(client.query(&GetUncodable(3)).await.unwrap().0, 3);
    settle().await;
    let again = restarts.client();
    assert_eq!(again.query(&GetUncodable(3)).await.unwrap().0, 3);
    assert_eq!((again.provider_errors(), restarts.app.loads::<GetUncodable>()), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn damaged_bytes_are_a_miss_and_are_overwritten() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    restarts.client().query(&query).await.unwrap();
    settle().await;
    let name = "get_kept;0=1";
    let good = restarts.provider.inner().get(name).await.unwrap().unwrap();
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    for (load, bytes) in (2..).zip([Vec::new(), b"something else".to_vec(), good[..60].to_vec(), changed]) {
        restarts.provider.inner().set(name, bytes, seconds(10)).await.unwrap();
        let client = restarts.client();
        assert_eq!(*client.query(&query).await.unwrap(), load);
        settle().await;
        assert_eq!(client.provider_errors(), 1);
        assert_eq!(*restarts.client().query(&query).await.unwrap(), load);
    }
}

#[tokio::test(start_paused = true)]
async fn the_entry_of_another_key_is_a_miss() {
    let restarts = tracked_restarts();
    let client = restarts.client();
    assert_eq!(*client.query(&GetLossy(1, 0)).await.unwrap(), 1);
    settle().await;
    assert_eq!((client.provider_errors(), restarts.provider.inner().len()), (0, 1));
    // Both keys have one name. The entry contains the other key, so it is a miss. The key that would be read back as
    // another key is not written.
    assert_eq!(*client.query(&GetLossy(1, 5)).await.unwrap(), 2);
    settle().await;
    assert_eq!((client.provider_errors(), restarts.provider.sets()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_entry_from_the_future_is_a_miss_unless_it_is_only_slightly_ahead() {
    for (ahead, loads) in [(30, 1), (90, 2)] {
        let (restarts, query) = (tracked_restarts(), GetKept(1));
        pass(seconds(ahead)).await;
        restarts.client().query(&query).await.unwrap();
        settle().await;
        // Paused time advances only existing clocks. The new clock starts at the date of the system.
        let client = restarts.builder_with_clock(TokioClock::new()).build();
        client.query(&query).await.unwrap();
        assert_eq!(restarts.app.loads::<GetKept>(), loads, "{ahead}");
        assert_eq!(client.provider_errors(), u64::from(loads == 2));
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_of_another_shape_is_a_miss_without_an_error_and_is_overwritten() {
    let restarts = tracked_restarts();
    restarts.client().query(&GetKept(1)).await.unwrap();
    settle().await;
    let cache = Cache::builder().clock(TokioClock::new()).build().unwrap();
    let client = Client::builder(cache, NextBuild).provider(Arc::clone(&restarts.provider)).build();
    assert_eq!(**client.query(&next_build::GetKept(1)).await.unwrap(), *"new");
    settle().await;
    assert_eq!((client.provider_errors(), restarts.provider.inner().len()), (0, 1));
    assert_eq!(*restarts.client().query(&GetKept(1)).await.unwrap(), 2);
}

struct PanickingProvider;

impl Provider for PanickingProvider {
    async fn get(&self, _: &str) -> Result<Option<Vec<u8>>, BoxError> {
        panic!("the provider panics")
    }

    async fn set(&self, _: &str, _: Vec<u8>, _: Duration) -> Result<(), BoxError> {
        panic!("the provider panics")
    }

    async fn remove(&self, _: &str) -> Result<(), BoxError> {
        panic!("the provider panics")
    }
}

/// The app after a change of its value type.
struct NextBuild;

mod next_build {
    use super::*;

    #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[query(value = String, capacity = 1_000, fresh = "10s", persist)]
    pub struct GetKept(pub u32);
}

registry! {
    pub struct NextRegistry { crate::provider_errors::next_build::GetKept }
}

impl App for NextBuild {
    type Registry = NextRegistry;
}

impl Fetch<NextBuild> for next_build::GetKept {
    type Error = PersistedError;

    async fn fetch(&self, _: &Context<NextBuild>) -> Result<String, PersistedError> {
        Ok("new".to_owned())
    }
}

/// Counts events.
#[derive(Default)]
struct Events(AtomicUsize);

impl tracing::Subscriber for Events {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() == tracing::Level::WARN
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
