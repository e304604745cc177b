//! While a client is offline, its loads, retries and polls pause instead of failing.

use std::time::Duration;

use cache_client::{BreakerState, LoadingOptions, State, Strategy};
use tokio::time::Instant;

use crate::flaky::{self, GetFlaky, GetGuardedPlainly, Step, flaky_client};
use crate::persisted::GetKept;
use crate::providers::tracked_restarts;
use crate::scripted::*;

#[tokio::test(start_paused = true)]
async fn a_call_waits_until_the_client_is_online_and_shares_one_load() {
    let client = paused_client();
    let query = GetNumber(1);
    client.set_online(false);
    assert!(!client.is_online());
    let callers = [spawn_query(&client, &query), spawn_query(&client, &query)];
    let short_request = client.request("tree").with_deadline(Instant::now() + seconds(5));
    assert!(in_time(short_request.query(&query)).await.unwrap_err().is_interrupted());
    pass(seconds(600)).await;
    assert_eq!(client.app().loads(&query), 0);
    client.set_online(true);
    for caller in callers {
        assert_eq!(*in_time(caller).await.unwrap().unwrap(), 1);
    }
    // The answer is as old as its load, not as the call.
    assert_eq!(client.cache().peek_entry(&query).unwrap().age(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_call_gets_what_the_cache_or_the_provider_has() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    restarts.client().query(&query).await.unwrap();
    pass(SECOND).await;
    let client = restarts.client();
    client.set_online(false);
    assert_eq!(*in_time(client.query(&query)).await.unwrap(), 1);
    assert_eq!(*in_time(client.query(&query)).await.unwrap(), 1);
    let client = paused_client();
    client.set_online(false);
    client.cache().insert(GetFirst(1), 50);
    pass(seconds(60)).await;
    let begun = Instant::now();
    assert_eq!(*in_time(client.query(&GetFirst(1))).await.unwrap(), 50);
    assert_eq!(begun.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_fails_offline_is_loaded_again_whatever_its_error_is() {
    let client = paused_client();
    let query = GetNumber(1);
    client.app().script(&query, Script::Fail(SECOND));
    let caller = spawn_query(&client, &query);
    settle().await;
    client.set_online(false);
    pass(seconds(600)).await;
    assert_eq!(client.app().loads(&query), 1);
    client.app().script(&query, Script::Answer(SECOND));
    client.set_online(true);
    assert_eq!(*in_time(caller).await.unwrap().unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_fails_offline_is_neither_a_retry_nor_a_failure_of_its_breaker() {
    let client = flaky_client();
    let query = GetGuardedPlainly(1);
    client.app().script(&query, [Step::SlowPass(SECOND); 9]);
    let caller = flaky::spawn_query(&client, &query);
    for number in 1..=9 {
        settle().await;
        assert_eq!(client.app().loads(&query), number);
        client.set_online(false);
        pass(seconds(200)).await;
        client.set_online(true);
    }
    assert_eq!(*in_time(caller).await.unwrap().unwrap(), 10);
    assert!(matches!(client.breaker_state("get_guarded_plainly"), Some(BreakerState::Closed)));
}

#[tokio::test(start_paused = true)]
async fn a_retry_pauses_and_the_time_offline_does_not_count() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Pass, Step::Pass, Step::Pass]);
    let caller = flaky::spawn_query(&client, &query);
    settle().await;
    let loads = client.app().times(&query).len();
    client.set_online(false);
    pass(seconds(600)).await;
    assert_eq!(client.app().times(&query).len(), loads);
    client.set_online(true);
    assert_eq!(*in_time(caller).await.unwrap().unwrap(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_paused_load_is_not_counted_as_running_and_may_be_cancelled() {
    let client = paused_client();
    let query = GetHasty(1);
    client.set_online(false);
    let caller = spawn_query(&client, &query);
    settle().await;
    assert_eq!(client.fetch_count(), 0);
    client.set_online(true);
    settle().await;
    assert_eq!(client.fetch_count(), 1);
    in_time(caller).await.unwrap().unwrap();
    client.set_online(false);
    let other = GetHasty(2);
    let caller = spawn_query(&client, &other);
    settle().await;
    caller.abort();
    settle().await;
    client.set_online(true);
    pass(seconds(10)).await;
    assert_eq!((client.fetch_count(), client.app().loads(&other)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_paused_load_holds_no_place() {
    let client = builder().concurrency(1).build();
    client.set_online(false);
    let paused = spawn_query(&client, &GetNumber(1));
    settle().await;
    client.set_online(true);
    settle().await;
    client.set_online(false);
    let other = spawn_query(&client, &GetNumber(2));
    // The first load completes, and no other takes its place.
    assert_eq!(*in_time(paused).await.unwrap().unwrap(), 1);
    pass(seconds(10)).await;
    assert_eq!(client.app().loads(&GetNumber(2)), 0);
    client.set_online(true);
    assert_eq!(*in_time(other).await.unwrap().unwrap(), 1);
}

// Observers

#[tokio::test(start_paused = true)]
async fn observed_keys_that_are_stale_or_polled_are_loaded_once_when_the_client_is_online_again() {
    let client = paused_client();
    let (stale, fresh, polled, missing) = (GetNumber(1), GetNumber(2), GetPolled(1), GetNumber(3));
    client.app().script(&missing, Script::Fail(SECOND));
    let fresh_for_an_hour = |options: LoadingOptions| options.fresh(seconds(3_600));
    let _observers = (
        client.observe(&stale),
        client.observe_with(&fresh, fresh_for_an_hour),
        client.observe(&polled),
        client.observe(&missing),
    );
    pass(seconds(2)).await;
    client.set_online(false);
    pass(seconds(60)).await;
    let loads = || {
        let app = client.app();
        (app.loads(&stale), app.loads(&fresh), app.loads(&polled), app.loads(&missing))
    };
    assert_eq!(loads(), (1, 1, 1, 1));
    client.set_online(true);
    client.set_online(true);
    pass(seconds(5)).await;
    assert_eq!(loads(), (2, 1, 2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_client_has_to_be_active_and_online() {
    let client = paused_client();
    let (stale, polled) = (GetNumber(1), GetPolled(1));
    let _observers = (client.observe(&stale), client.observe(&polled));
    let loads = || (client.app().loads(&stale), client.app().loads(&polled));
    pass(seconds(2)).await;
    client.set_online(false);
    client.set_active(false);
    pass(seconds(60)).await;
    client.set_online(true);
    pass(seconds(60)).await;
    assert_eq!(loads(), (1, 1));
    client.set_active(true);
    pass(seconds(2)).await;
    assert_eq!(loads(), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_never_loads_stays_as_it_is() {
    let client = paused_client();
    let query = GetNumber(1);
    client.cache().insert(query.clone(), 50);
    let only = |options: LoadingOptions| options.strategy(Strategy::CacheOnly);
    let observer = client.observe_with(&query, only);
    client.set_online(false);
    pass(seconds(60)).await;
    client.set_online(true);
    pass(seconds(2)).await;
    assert_eq!(client.app().loads(&query), 0);
    assert!(matches!(observer.state(), State::Ready { is_stale: true, is_refreshing: false, .. }));
}

#[tokio::test(start_paused = true)]
async fn an_invalidated_key_is_loaded_when_the_client_is_online() {
    let client = paused_client();
    let query = GetNumber(1);
    let observer = client.observe(&query);
    pass(seconds(2)).await;
    client.set_online(false);
    let reloaded = tokio::spawn(client.invalidate(&query).reloaded());
    pass(seconds(60)).await;
    assert!(!reloaded.is_finished());
    assert!(matches!(observer.state(), State::Ready { is_stale: true, is_refreshing: true, .. }));
    client.set_online(true);
    in_time(reloaded).await.unwrap();
    assert_eq!(observer.state().value().map(|value| **value), Some(2));
    pass(Duration::from_secs(5)).await;
    assert_eq!(client.app().loads(&query), 2);
}
