//! Stale answers from the second tier: after a restart they follow the same rules as those in memory.

use std::sync::Arc;
use std::time::Duration;

use cache_client::{Client, ClientBuilder, LoadingOptions, State, Strategy, TrackingProvider};
use tokio::time::Instant;

use crate::persisted::*;
use crate::providers::{UnexpiringProvider, assert_calls, tracked_restarts};
use crate::scripted::{SECOND, in_time, pass, seconds, settle};

type Tracked = Restarts<TrackingProvider>;

/// Loads a query, which takes a second, and waits until the answer is 20 s old. It is fresh for 10 s.
async fn aged<Q: cache_client::Fetch<PersistedApp>>(client: Client<PersistedApp>, query: &Q)
where
    PersistedRegistry: cache_core::Holds<Q>,
{
    assert!(client.query(query).await.is_ok());
    pass(seconds(19)).await;
}

/// A builder whose [`GetKept`] has these options.
fn with_options(
    restarts: &Tracked,
    change: fn(LoadingOptions) -> LoadingOptions,
) -> ClientBuilder<PersistedApp> {
    restarts.builder().query::<GetKept>(change)
}

fn swr(options: LoadingOptions) -> LoadingOptions {
    options.strategy(Strategy::StaleWhileRevalidate).swr(seconds(60))
}

fn stale_if_error(options: LoadingOptions) -> LoadingOptions {
    options.stale_if_error(seconds(60))
}

/// Queries, and returns the answer and how long it took.
async fn timed_query(client: &Client<PersistedApp>, query: &GetKept) -> (usize, Duration) {
    let began = Instant::now();
    let value = in_time(client.query(query)).await.unwrap();
    (*value, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_a_stale_answer_is_served_at_once_and_refreshed_behind() {
    let (restarts, query) = (tracked_restarts(), GetKeptStale(1));
    aged(restarts.client(), &query).await;
    let client = restarts.client();
    let began = Instant::now();
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert_eq!(began.elapsed(), Duration::ZERO);
    let state = client.query_state(&query).unwrap();
    assert_eq!((*state.value, state.age, state.is_stale), (1, seconds(20), true));
    pass(seconds(2)).await;
    let state = client.query_state(&query).unwrap();
    assert_eq!((*state.value, state.age, state.is_stale), (2, seconds(2), false));
    assert_eq!(restarts.app.loads::<GetKeptStale>(), 2);
    // The new answer is in the provider too.
    assert_calls(&restarts, 2, 2, 0);
    assert_eq!(*restarts.client().query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_program_restarted_while_its_origin_is_down_answers_from_its_provider() {
    let restarts = tracked_restarts();
    let query = GetKept(1);
    aged(with_options(&restarts, swr).build(), &query).await;
    restarts.app.fail_next(2);
    let client = with_options(&restarts, swr).build();
    for _ in 0..2 {
        assert_eq!(timed_query(&client, &query).await, (1, Duration::ZERO));
        assert!(client.query_state(&query).unwrap().is_stale);
        pass(seconds(2)).await;
        assert!(client.refresh_error(&query).is_some());
    }
    // The origin is back.
    assert_eq!(timed_query(&client, &query).await, (1, Duration::ZERO));
    pass(seconds(2)).await;
    assert_eq!(timed_query(&client, &query).await, (4, Duration::ZERO));
    assert!(!client.query_state(&query).unwrap().is_stale);
    assert!(client.refresh_error(&query).is_none());
    // Only the first call has read the provider.
    assert_eq!(restarts.provider.gets(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_stands_in_for_a_load_that_fails() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    aged(with_options(&restarts, stale_if_error).build(), &query).await;
    restarts.app.fail_next(1);
    let client = with_options(&restarts, stale_if_error).build();
    assert_eq!(timed_query(&client, &query).await, (1, SECOND));
    assert!(client.refresh_error(&query).is_some());
    assert!(client.query_state(&query).unwrap().is_stale);
    assert_eq!(timed_query(&client, &query).await, (3, SECOND));
}

#[tokio::test(start_paused = true)]
async fn an_answer_older_than_all_windows_is_not_used() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    aged(with_options(&restarts, stale_if_error).build(), &query).await;
    restarts.app.fail_next(2);
    // The provider has it, but this client does not want it.
    let client = with_options(&restarts, |options| options.stale_if_error(seconds(5))).build();
    assert!(client.query(&query).await.is_err());
    assert!(client.cached(&query).is_none());
    assert_eq!(restarts.provider.hits(), 1);
    // The provider has dropped it.
    pass(seconds(50)).await;
    let client = with_options(&restarts, stale_if_error).build();
    assert!(client.query(&query).await.is_err());
    assert!(client.cached(&query).is_none());
    assert_eq!(restarts.provider.hits(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_time_to_live_bounds_the_windows() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    let with_ttl = |options: LoadingOptions| swr(options).ttl(seconds(15));
    aged(with_options(&restarts, swr).build(), &query).await;
    assert_eq!(timed_query(&with_options(&restarts, with_ttl).build(), &query).await, (2, SECOND));
    pass(seconds(19)).await;
    let client = with_options(&restarts, swr).build();
    assert_eq!(
        timed_query(&client, &query).await,
        (3, SECOND),
        "the time to live set by its writer bounds it"
    );
}

#[tokio::test(start_paused = true)]
async fn the_provider_keeps_an_answer_through_its_longest_window() {
    let restarts = Restarts::new(UnexpiringProvider::default());
    restarts.client().query(&GetKeptStale(1)).await.unwrap();
    let stale_if_error =
        restarts.builder().query::<GetKeptStale>(|options| options.stale_if_error(seconds(100)));
    stale_if_error.build().query(&GetKeptStale(2)).await.unwrap();
    let with_ttl = restarts.builder().query::<GetKeptStale>(|options| options.ttl(seconds(30)));
    with_ttl.build().query(&GetKeptStale(3)).await.unwrap();
    let endless = restarts.builder().query::<GetKeptStale>(|options| options.swr(Duration::MAX));
    endless.build().query(&GetKeptStale(4)).await.unwrap();
    settle().await;
    // The load takes one second of each window.
    assert_eq!(restarts.provider.times(), [69, 109, 29, 365 * 24 * 60 * 60]);
}

#[tokio::test(start_paused = true)]
async fn callers_of_one_load_judge_the_stale_answer_by_their_own_options() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    aged(with_options(&restarts, swr).build(), &query).await;
    let client = with_options(&restarts, swr).build();
    restarts.provider.delay(Duration::from_millis(100));
    let began = Instant::now();
    let strict = |options: LoadingOptions| options.strategy(Strategy::CacheFirst);
    let brief = |options: LoadingOptions| options.swr(seconds(5));
    let (first, second, strict, brief) = tokio::join!(
        async { (*client.query(&query).await.unwrap(), began.elapsed()) },
        async { (*client.query(&query).await.unwrap(), began.elapsed()) },
        async { (*client.query_with(&query, strict).await.unwrap(), began.elapsed()) },
        async { (*client.query_with(&query, brief).await.unwrap(), began.elapsed()) },
    );
    let (early, late) = ((1, Duration::from_millis(100)), (2, Duration::from_millis(1_100)));
    assert_eq!((first, second, strict, brief), (early, early, late, late));
    assert_eq!(restarts.app.loads::<GetKept>(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_load_never_builds_on_a_stale_answer() {
    let restarts = tracked_restarts();
    aged(with_options(&restarts, swr).build(), &GetKept(1)).await;
    let client = with_options(&restarts, swr).build();
    assert_eq!(*client.query(&GetKeptWhole(1)).await.unwrap(), 102);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_answered_with_a_stale_answer_once_and_then_from_its_memo() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    aged(with_options(&restarts, swr).build(), &query).await;
    let client = with_options(&restarts, swr).build();
    let cx = client.request("page");
    assert_eq!(*cx.query(&query).await.unwrap(), 1);
    drop(cx.query(&query).await.unwrap());
    pass(seconds(2)).await;
    assert_eq!(*cx.query(&query).await.unwrap(), 1);
    assert_eq!(timed_query(&client, &query).await, (2, Duration::ZERO), "the load has continued");
}

#[tokio::test(start_paused = true)]
async fn a_table_that_keeps_nothing_serves_a_stale_answer_too() {
    let (restarts, query) = (tracked_restarts(), GetKeptWeak(1));
    let builder = || restarts.builder().query::<GetKeptWeak>(swr);
    let value = builder().build().query(&query).await.unwrap();
    pass(seconds(19)).await;
    drop(value);
    let client = builder().build();
    let began = Instant::now();
    assert_eq!((*client.query(&query).await.unwrap(), began.elapsed()), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn what_was_changed_here_is_not_served_from_the_provider() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    aged(with_options(&restarts, swr).build(), &query).await;
    let client = with_options(&restarts, swr).build();
    // The provider still has the copy.
    restarts.provider.fail_next_removes(1);
    client.invalidate(&query);
    assert_eq!(timed_query(&client, &query).await, (2, SECOND));
    let client = with_options(&restarts, swr).build();
    pass(seconds(20)).await;
    client.cache().insert(query.clone(), 50);
    client.cache().remove(&query);
    assert_eq!(timed_query(&client, &query).await, (3, SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_write_while_the_provider_is_read_keeps_the_stale_answer_out() {
    let plain = |builder: ClientBuilder<PersistedApp>| builder;
    let with_step = |builder: ClientBuilder<PersistedApp>| builder.store_with(|kept: Arc<usize>, _| kept);
    for stored in [plain, with_step] {
        let (restarts, query) = (tracked_restarts(), GetKept(1));
        aged(with_options(&restarts, swr).build(), &query).await;
        let client = stored(with_options(&restarts, swr)).build();
        restarts.provider.hold();
        let early = spawn_query(&client, &query);
        settle().await;
        client.cache().insert(query.clone(), 50);
        restarts.provider.release();
        assert_eq!(*early.await.unwrap().unwrap(), 2, "a caller gets the answer of its load");
        assert_eq!(client.cached(&query).as_deref(), Some(&50));
    }
}

#[tokio::test(start_paused = true)]
async fn a_mark_keeps_the_stale_answer_out_too() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    aged(with_options(&restarts, swr).build(), &query).await;
    let client = with_options(&restarts, swr).build();
    restarts.provider.hold();
    let early = spawn_query(&client, &query);
    settle().await;
    // The provider still has the copy.
    restarts.provider.fail_next_removes(1);
    client.invalidate(&query);
    restarts.provider.release();
    assert_eq!(*early.await.unwrap().unwrap(), 2);
    assert_eq!(restarts.provider.hits(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_network_first_query_falls_back_on_the_provider() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    let first = |options: LoadingOptions| stale_if_error(options).strategy(Strategy::NetworkFirst);
    aged(with_options(&restarts, first).build(), &query).await;
    restarts.app.fail_next(1);
    let client = with_options(&restarts, first).build();
    assert_eq!(timed_query(&client, &query).await, (1, SECOND));
    // With a fresh copy too.
    assert_eq!(timed_query(&client, &query).await, (3, SECOND));
    settle().await;
    restarts.app.fail_next(1);
    assert_eq!(timed_query(&with_options(&restarts, first).build(), &query).await, (3, SECOND));
    let with_timeout = |options: LoadingOptions| {
        options.strategy(Strategy::NetworkFirst).timeout(Duration::from_millis(300))
    };
    let client = with_options(&restarts, with_timeout).build();
    assert_eq!(timed_query(&client, &query).await, (3, Duration::from_millis(300)));
    pass(seconds(2)).await;
    assert_eq!(client.cached(&query).as_deref(), Some(&5), "the load has continued");
}

#[tokio::test(start_paused = true)]
async fn a_hanging_provider_does_not_delay_a_network_first_query() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    restarts.provider.hold();
    let client = with_options(&restarts, |options| options.strategy(Strategy::NetworkFirst)).build();
    assert_eq!(timed_query(&client, &query).await, (1, SECOND));
}

#[tokio::test(start_paused = true)]
async fn an_observer_shows_the_stale_answer_until_the_new_one_is_there() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    aged(with_options(&restarts, swr).build(), &query).await;
    let client = with_options(&restarts, swr).build();
    let mut observer = client.observe(&query);
    let mut shown = Vec::new();
    while shown.last() != Some(&(2, false, false)) {
        match in_time(observer.next()).await.unwrap() {
            State::Ready { value, is_stale, is_refreshing, .. } => {
                shown.push((*value, is_stale, is_refreshing))
            }
            _ => assert!(shown.is_empty(), "{shown:?}"),
        }
    }
    assert_eq!(shown, [(1, true, true), (2, false, false)]);
    assert_eq!(restarts.app.loads::<GetKept>(), 2);
}
