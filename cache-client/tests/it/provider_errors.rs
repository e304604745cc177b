//! A second tier that is out of order, or has what is of no use: loads are made, and nobody else hears of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_client::{App, Client, Context, Fetch, Provider, TokioClock};
use cache_core::{BoxError, Cache, Query, Shape, registry};
use serde::{Deserialize, Serialize};

use crate::persisted::*;
use crate::providers::{assert_calls, site};
use crate::scripted::{SECOND, in_time, pass, seconds, settle};

#[tokio::test(start_paused = true)]
async fn a_read_or_a_write_that_fails_is_one_trouble_and_no_error() {
    let (site, query) = (site(), GetKept(1));
    let client = site.client();
    site.provider.fail_next_gets(1);
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    settle().await;
    assert_eq!(client.provider_errors(), 1);
    site.provider.fail_next_sets(1);
    assert_eq!(*client.query(&GetKept(2)).await.unwrap(), 2);
    settle().await;
    assert_eq!(client.provider_errors(), 2);
    site.provider.fail_next_removes(1);
    client.invalidate(&query);
    settle().await;
    assert_eq!(client.provider_errors(), 3);
    assert_calls(&site, 2, 2, 1);
}

#[tokio::test(start_paused = true)]
async fn a_trouble_is_one_event() {
    let site = site();
    // Once before anybody listens, for who registers an event at the same time as another test may miss it.
    site.provider.fail_next_gets(1);
    site.client().query(&GetKept(1)).await.unwrap();
    settle().await;
    let events = Arc::new(Events::default());
    let _guard = tracing::subscriber::set_default(Arc::clone(&events));
    site.provider.fail_next_gets(1);
    site.client().query(&GetKept(2)).await.unwrap();
    settle().await;
    assert_eq!(events.0.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_is_waited_for_as_long_as_its_timeout() {
    for (timeout, waited) in [(None, Duration::from_millis(250)), (Some(seconds(2)), seconds(2))] {
        let (site, query) = (site(), GetKept(1));
        let client = match timeout {
            Some(timeout) => site.builder().provider_timeout(timeout).build(),
            None => site.client(),
        };
        site.provider.hold();
        let began = tokio::time::Instant::now();
        assert_eq!(*in_time(client.query(&query)).await.unwrap(), 1);
        assert_eq!(began.elapsed(), waited + SECOND);
        assert_eq!(client.provider_errors(), 1);
        // Nobody waits for the write.
        pass(waited).await;
        assert_eq!(client.provider_errors(), 2);
        site.provider.release();
        settle().await;
        assert_eq!(site.provider.inner().len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_counts_though_it_is_given_before_the_provider() {
    let site = site();
    let cache = Cache::<PersistedRegistry>::builder().clock(TokioClock::new()).build().unwrap();
    let client = Client::builder(cache, site.app.clone())
        .provider_timeout(seconds(3))
        .provider(Arc::clone(&site.provider))
        .build();
    site.provider.delay(seconds(2));
    client.query(&GetKept(1)).await.unwrap();
    pass(seconds(2)).await;
    assert_eq!((client.provider_errors(), site.provider.inner().len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_panics_is_one_that_fails() {
    let site = Restarts::new(Burning);
    let client = site.client();
    assert_eq!(*client.query(&GetKept(1)).await.unwrap(), 1);
    client.invalidate(&GetKept(1));
    settle().await;
    assert_eq!(client.provider_errors(), 3);
}

#[tokio::test(start_paused = true)]
async fn code_of_the_codec_that_panics_is_one_trouble_and_no_error() {
    let site = site();
    let client = site.client();
    for key in [1, 2] {
        assert_eq!(client.query(&GetShy(key)).await.unwrap().0, key);
        settle().await;
        assert_eq!((client.provider_errors(), site.provider.sets()), (key.into(), 0));
    }
    assert_eq!(client.query(&GetShy(3)).await.unwrap().0, 3);
    settle().await;
    let again = site.client();
    assert_eq!(again.query(&GetShy(3)).await.unwrap().0, 3);
    assert_eq!((again.provider_errors(), site.app.loads::<GetShy>()), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn damaged_bytes_are_a_miss_and_are_written_over() {
    let (site, query) = (site(), GetKept(1));
    site.client().query(&query).await.unwrap();
    settle().await;
    let name = b"get_kept\0\x01\0\0\0";
    let good = site.provider.inner().get(name).await.unwrap().unwrap();
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    for (load, bytes) in (2..).zip([Vec::new(), b"something else".to_vec(), good[..60].to_vec(), changed]) {
        site.provider.inner().set(name, bytes, seconds(10)).await.unwrap();
        let client = site.client();
        assert_eq!(*client.query(&query).await.unwrap(), load);
        settle().await;
        assert_eq!(client.provider_errors(), 1);
        assert_eq!(*site.client().query(&query).await.unwrap(), load);
    }
}

#[tokio::test(start_paused = true)]
async fn the_entry_of_another_key_is_a_miss() {
    let site = site();
    let client = site.client();
    assert_eq!(*client.query(&GetLossy(1, 0)).await.unwrap(), 1);
    settle().await;
    assert_eq!((client.provider_errors(), site.provider.inner().len()), (0, 1));
    // Both keys have one name. The entry that is found tells that it is of the other key, and the key that would read
    // back as another is not written.
    assert_eq!(*client.query(&GetLossy(1, 5)).await.unwrap(), 2);
    settle().await;
    assert_eq!((client.provider_errors(), site.provider.sets()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_entry_from_the_future_is_a_miss_and_a_little_ahead_is_now() {
    for (ahead, loads) in [(30, 1), (90, 2)] {
        let (site, query) = (site(), GetKept(1));
        pass(seconds(ahead)).await;
        site.client().query(&query).await.unwrap();
        settle().await;
        // Time that is paused passes for the clocks that are there, and the new one begins with the date of the system.
        let client = site.builder_with_clock(TokioClock::new()).build();
        client.query(&query).await.unwrap();
        assert_eq!(site.app.loads::<GetKept>(), loads, "{ahead}");
        assert_eq!(client.provider_errors(), u64::from(loads == 2));
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_of_another_shape_is_a_miss_without_trouble_and_is_written_over() {
    let site = site();
    site.client().query(&GetKept(1)).await.unwrap();
    settle().await;
    let cache = Cache::builder().clock(TokioClock::new()).build().unwrap();
    let client = Client::builder(cache, NextBuild).provider(Arc::clone(&site.provider)).build();
    assert_eq!(**client.query(&next_build::GetKept(1)).await.unwrap(), *"new");
    settle().await;
    assert_eq!((client.provider_errors(), site.provider.inner().len()), (0, 1));
    assert_eq!(*site.client().query(&GetKept(1)).await.unwrap(), 2);
}

struct Burning;

impl Provider for Burning {
    async fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, BoxError> {
        panic!("the provider burns")
    }

    async fn set(&self, _: &[u8], _: Vec<u8>, _: Duration) -> Result<(), BoxError> {
        panic!("the provider burns")
    }

    async fn remove(&self, _: &[u8]) -> Result<(), BoxError> {
        panic!("the provider burns")
    }
}

/// The program after a change of what it keeps.
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
