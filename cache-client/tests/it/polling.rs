//! Observed keys with `poll` are loaded periodically while they have observers.

use std::sync::Arc;
use std::time::Duration;

use cache_client::{Client, QueryError, Strategy};
use cache_core::{Cache, ManualClock};

use crate::scripted::*;

const BLINK: Duration = Duration::from_millis(10);

#[tokio::test(start_paused = true)]
async fn a_poll_starts_one_period_after_each_load_ends() {
    let client = paused_client();
    let query = GetPolled(1);
    client.app().script(&query, Script::Answer(seconds(3)));
    let observer = client.observe(&query);
    pass(seconds(13) - BLINK).await;
    assert_eq!(client.app().loads(&query), 1);
    pass(BLINK * 2).await;
    assert_eq!(client.app().loads(&query), 2);
    assert_eq!(observer.state().value().map(|value| **value), Some(1));
    client.app().script(&query, Script::Fail(seconds(2)));
    pass(seconds(13) - BLINK * 2).await;
    assert_eq!(client.app().loads(&query), 2);
    pass(BLINK * 2).await;
    assert_eq!(client.app().loads(&query), 3);
    // The next poll starts one period after the error.
    pass(seconds(12) - BLINK * 2).await;
    assert_eq!(client.app().loads(&query), 3);
    pass(BLINK * 2).await;
    assert_eq!(client.app().loads(&query), 4);
    assert!(observer.state().error().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_poll_starts_one_period_after_a_new_value_too() {
    let client = paused_client();
    let query = GetPolled(1);
    let _observer = client.observe(&query);
    pass(seconds(7)).await;
    client.cache().insert(query.clone(), 50);
    pass(seconds(10) - BLINK).await;
    assert_eq!(client.app().loads(&query), 1);
    pass(BLINK * 2).await;
    assert_eq!(client.app().loads(&query), 2);
}

#[tokio::test(start_paused = true)]
async fn polling_ends_with_the_last_observer() {
    let client = paused_client();
    let query = GetPolled(1);
    let (one, other) = (client.observe(&query), client.observe(&query));
    pass(seconds(2)).await;
    drop(one);
    pass(seconds(10)).await;
    assert_eq!(client.app().loads(&query), 2);
    drop(other);
    pass(seconds(60)).await;
    assert_eq!(client.app().loads(&query), 2);
}

#[tokio::test(start_paused = true)]
async fn an_inactive_client_does_not_poll_and_polls_once_when_it_is_active_again() {
    let client = paused_client();
    let (polled, plain) = (GetPolled(1), GetNumber(1));
    let _observers = (client.observe(&polled), client.observe(&plain));
    pass(seconds(2)).await;
    client.set_active(false);
    pass(seconds(60)).await;
    assert_eq!(client.app().loads(&polled), 1);
    client.set_active(true);
    client.set_active(true);
    settle().await;
    assert_eq!(client.app().loads(&polled), 2);
    pass(seconds(10)).await;
    assert_eq!(client.app().loads(&polled), 2);
    pass(seconds(2)).await;
    assert_eq!(client.app().loads(&polled), 3);
    // It was stale.
    assert_eq!(client.app().loads(&plain), 2);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_was_inactive_briefly_loads_polled_keys_at_once() {
    let client = paused_client();
    let query = GetPolled(1);
    let _observer = client.observe(&query);
    pass(seconds(2)).await;
    client.set_active(false);
    pass(SECOND).await;
    assert_eq!(client.app().loads(&query), 1);
    client.set_active(true);
    settle().await;
    assert_eq!(client.app().loads(&query), 2);
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_reloads_observed_keys_of_an_inactive_client_too() {
    let client = paused_client();
    let query = GetPolled(1);
    let _observer = client.observe(&query);
    pass(seconds(2)).await;
    client.set_active(false);
    client.invalidate(&query);
    settle().await;
    assert_eq!(client.app().loads(&query), 2);
}

#[tokio::test(start_paused = true)]
async fn the_shortest_period_among_the_observers_applies() {
    let client = paused_client();
    let query = GetPolled(1);
    let _slow = client.observe(&query);
    let fast = client.observe_with(&query, |options| options.poll(seconds(4)));
    let _none = client.observe(&query);
    pass(SECOND + BLINK).await;
    pass(seconds(4)).await;
    assert_eq!(client.app().loads(&query), 2);
    pass(seconds(5)).await;
    assert_eq!(client.app().loads(&query), 3);
    pass(SECOND).await;
    drop(fast);
    pass(seconds(9)).await;
    assert_eq!(client.app().loads(&query), 3);
    pass(seconds(2)).await;
    assert_eq!(client.app().loads(&query), 4);
}

#[tokio::test(start_paused = true)]
async fn a_poll_joins_a_running_load_and_stores_by_its_strategy() {
    let client = paused_client();
    let query = GetPolled(1);
    let mut observer = client.observe(&query);
    pass(SECOND + BLINK).await;
    pass(seconds(9)).await;
    let refresh = |options: cache_client::LoadingOptions| options.strategy(Strategy::NetworkFirst);
    let (caller, key) = (client.clone(), query.clone());
    let refreshed = tokio::spawn(async move { caller.query_with(&key, refresh).await });
    pass(SECOND).await;
    in_time(refreshed).await.unwrap().unwrap();
    assert_eq!(client.app().loads(&query), 2);
    assert_eq!(client.cached(&query).as_deref(), Some(&2));
    while observer.state().value().map(|value| **value) != Some(2) {
        in_time(observer.next()).await;
    }
    let only = GetPolled(2);
    let _observer = client.observe_with(&only, |options| options.strategy(Strategy::NetworkOnly));
    pass(seconds(13)).await;
    assert_eq!(client.app().loads(&only), 2);
    assert!(client.cached(&only).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_period_of_zero_is_an_error() {
    for strategy in [Strategy::CacheFirst, Strategy::NetworkOnly] {
        let client = paused_client();
        let query = GetPolled(1);
        let zero = |options: cache_client::LoadingOptions| options.strategy(strategy).poll(Duration::ZERO);
        let observer = client.observe_with(&query, zero);
        let state = observer.state();
        let Some(QueryError::Options(error)) = state.error() else { panic!("{state:?}") };
        assert_eq!(error.option, "poll");
        assert_eq!(client.app().loads(&query), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_jump_of_the_cache_clock_is_noticed_within_a_minute() {
    let clock = Arc::new(ManualClock::new());
    let cache = Cache::builder().clock(Arc::clone(&clock)).build().unwrap();
    let client = Client::builder(cache, ScriptedApp::default()).build();
    let (polled, plain) = (GetPolled(1), GetPolled(2));
    let observer = client.observe_with(&polled, |options| options.poll(seconds(3_600)));
    let shown = client.observe_with(&plain, |options| options.poll(seconds(360_000)).fresh(seconds(1_000)));
    pass(seconds(2)).await;
    assert_eq!((client.app().loads(&polled), client.app().loads(&plain)), (1, 1));
    // The machine sleeps, and the timers of tokio stand still.
    clock.advance(seconds(8 * 3_600));
    pass(seconds(61)).await;
    assert_eq!((client.app().loads(&polled), client.app().loads(&plain)), (2, 1));
    assert!(matches!(shown.state(), cache_client::State::Ready { is_stale: true, .. }));
    drop(observer);
}

#[tokio::test(start_paused = true)]
async fn a_query_decides_from_its_value_when_it_is_polled_and_when_polling_ends() {
    let client = paused_client();
    let query = GetJob(1);
    let observer = client.observe(&query);
    pass(seconds(3) - BLINK).await;
    assert_eq!(client.app().loads(&query), 1);
    pass(BLINK * 2).await;
    assert_eq!(client.app().loads(&query), 2);
    pass(seconds(3)).await;
    assert_eq!(client.app().loads(&query), 3);
    pass(seconds(600)).await;
    assert_eq!(client.app().loads(&query), 3);
    // The next value decides again.
    client.cache().insert(query.clone(), 0);
    pass(seconds(2) + BLINK).await;
    assert_eq!(client.app().loads(&query), 4);
    drop(observer);
}

#[tokio::test(start_paused = true)]
async fn the_option_is_the_period_without_a_value_and_what_the_query_adapts() {
    let client = paused_client();
    let query = GetJob(1);
    client.app().script(&query, Script::Fail(SECOND));
    let _observer = client.observe_with(&query, |options| options.poll(seconds(7)));
    pass(seconds(8) + BLINK).await;
    assert_eq!(client.app().loads(&query), 2);
    client.app().script(&query, Script::Answer(SECOND));
    client.cache().insert(query.clone(), 0);
    pass(seconds(7) + BLINK).await;
    assert_eq!(client.app().loads(&query), 3);
}

#[tokio::test(start_paused = true)]
async fn a_query_that_panics_in_this_is_polled_by_the_option() {
    let client = paused_client();
    let query = GetJob(13);
    let observer = client.observe_with(&query, |options| options.poll(seconds(4)));
    pass(seconds(5) + BLINK).await;
    assert_eq!(client.app().loads(&query), 2);
    assert!(observer.state().value().is_some());
}
