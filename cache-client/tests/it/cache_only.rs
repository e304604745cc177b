//! `cache-only` answers from the cache and the provider, and never loads.

use std::time::Duration;

use cache_client::{LoadingOptions, QueryError, State, Strategy};

use crate::persisted::{GetKept, GetKeptWhole, GetUnkept, PersistedError, Restarts};
use crate::providers::{assert_calls, tracked_restarts};
use crate::scripted::*;

fn cache_only(options: LoadingOptions) -> LoadingOptions {
    options.strategy(Strategy::CacheOnly)
}

/// Whether a state shows that there is no value, and that none will be loaded.
fn is_not_cached<V, E>(state: &State<V, E>) -> bool {
    matches!(state.error(), Some(QueryError::NotCached { .. })) && state.value().is_none()
}

#[tokio::test(start_paused = true)]
async fn a_missing_value_is_an_error_and_is_not_loaded() {
    let client = paused_client();
    let query = GetNumber(1);
    let error = client.query_with(&query, cache_only).await.unwrap_err();
    assert!(matches!(error, QueryError::NotCached { query: "get_number" }), "{error:?}");
    let error = client.request("tree").query_with(&query, cache_only).await.unwrap_err();
    assert!(matches!(error, QueryError::NotCached { .. }), "{error:?}");
    pass(seconds(10)).await;
    assert_eq!(client.app().loads(&query), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stale_or_marked_value_is_the_answer_and_is_not_loaded_again() {
    let client = builder().query::<GetStale>(cache_only).build();
    let query = GetStale(1);
    client.cache().insert(query.clone(), 50);
    assert_eq!(*client.query(&query).await.unwrap(), 50);
    pass(seconds(30)).await;
    assert_eq!(*client.query(&query).await.unwrap(), 50);
    client.invalidate(&query);
    assert_eq!(*client.query(&query).await.unwrap(), 50);
    pass(seconds(10)).await;
    assert_eq!(client.app().loads(&query), 0);
}

#[tokio::test(start_paused = true)]
async fn no_freshness_time_is_needed() {
    let client = paused_client();
    client.cache().insert(GetTimeless(1), 50);
    assert_eq!(*client.query_with(&GetTimeless(1), cache_only).await.unwrap(), 50);
}

#[tokio::test(start_paused = true)]
async fn a_running_load_is_neither_waited_for_nor_disturbed() {
    let client = paused_client();
    let query = GetNumber(1);
    let tree = client.request("tree");
    let (loaded, cached) = tokio::join!(tree.query(&query), async {
        settle().await;
        tree.query_with(&query, cache_only).await
    });
    assert!(matches!(cached, Err(QueryError::NotCached { .. })));
    assert_eq!(*loaded.unwrap(), 1);
    assert_eq!(*tree.query_with(&query, cache_only).await.unwrap(), 1);
    assert_eq!(client.app().loads(&query), 1);
}

#[tokio::test(start_paused = true)]
async fn a_load_gets_no_stale_value() {
    let client = paused_client();
    let stale = GetStale(7);
    client.cache().insert(stale.clone(), 50);
    pass(seconds(20)).await;
    let (sender, answer) = tokio::sync::oneshot::channel();
    client.app().when_loaded(1, |cx| {
        Box::pin(async move {
            drop(sender.send(cx.query_with(&GetStale(7), cache_only).await));
        })
    });
    client.query(&GetNumber(1)).await.unwrap();
    assert!(matches!(answer.await.unwrap(), Err(QueryError::NotCached { .. })));
    // An answer built without the value is stored and stays fresh.
    client.query(&GetNumber(1)).await.unwrap();
    assert_eq!((client.app().loads(&GetNumber(1)), client.app().loads(&stale)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_remembered_error_and_a_fallback_are_no_answers() {
    let client = paused_client();
    let query = GetBrittle(1);
    client.app().script(&query, Script::Fail(Duration::ZERO));
    client.query(&query).await.unwrap_err();
    let error = client.query_with(&query, cache_only).await.unwrap_err();
    assert!(matches!(error, QueryError::NotCached { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_prefetched() {
    let client = builder().query::<GetNumber>(cache_only).build();
    client.prefetch(&GetNumber(1)).done().await;
    pass(seconds(2)).await;
    assert_eq!(client.app().loads(&GetNumber(1)), 0);
}

// The provider

#[tokio::test(start_paused = true)]
async fn the_provider_is_read_once_and_its_value_is_stored() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    restarts.client().query(&query).await.unwrap();
    pass(SECOND).await;
    let client = restarts.client();
    let (one, other) =
        tokio::join!(client.query_with(&query, cache_only), client.query_with(&query, cache_only));
    assert_eq!((*one.unwrap(), *other.unwrap()), (1, 1));
    assert_calls(&restarts, 2, 1, 0);
    assert_eq!(client.cached(&query).as_deref(), Some(&1));
    assert_eq!(restarts.app.loads::<GetKept>(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_only_reads_the_provider_is_not_counted_as_a_load() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    restarts.client().query(&query).await.unwrap();
    pass(SECOND).await;
    restarts.provider.hold();
    let client = restarts.client();
    let mut call = std::pin::pin!(client.query_with(&query, cache_only));
    tokio::select! {
        biased;
        _ = &mut call => unreachable!("the provider has not answered"),
        () = settle() => assert_eq!((client.fetch_count(), client.is_fetching()), (0, false)),
    }
    restarts.provider.release();
    assert_eq!(*call.await.unwrap(), 1);
    assert_eq!(client.fetch_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_provider_does_not_have_is_not_loaded() {
    let restarts = tracked_restarts();
    let client = restarts.client();
    let error = client.query_with(&GetKept(1), cache_only).await.unwrap_err();
    assert!(matches!(error, QueryError::NotCached { .. }), "{error:?}");
    assert_calls(&restarts, 1, 0, 0);
    client.query_with(&GetUnkept(1), cache_only).await.unwrap_err();
    assert_calls(&restarts, 1, 0, 0);
    assert_eq!(restarts.app.loads::<GetKept>(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_value_of_the_provider_does_not_retire_a_running_load() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    restarts.client().query(&query).await.unwrap();
    pass(SECOND).await;
    let client = restarts.client();
    let (refreshed, found) =
        tokio::join!(client.query_with(&query, |options| options.strategy(Strategy::Refresh)), async {
            settle().await;
            client.query_with(&query, cache_only).await
        });
    assert_eq!((*refreshed.unwrap(), *found.unwrap()), (2, 1));
    assert_eq!(client.cached(&query).as_deref(), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn a_load_is_not_built_from_a_stale_copy() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    let client = |options: fn(LoadingOptions) -> LoadingOptions| {
        restarts.builder().query::<GetKept>(move |kept| options(kept.stale_if_error(seconds(100)))).build()
    };
    client(|options| options).query(&query).await.unwrap();
    pass(seconds(20)).await;
    let restarted = client(cache_only);
    assert_eq!(*restarted.query(&query).await.unwrap(), 1, "the copy may be shown");
    let error = client(cache_only).query(&GetKeptWhole(1)).await.unwrap_err();
    let QueryError::Failed { source, .. } = error else { panic!("{error:?}") };
    assert!(matches!(*source, PersistedError::Query(QueryError::NotCached { .. })), "{source:?}");
}

// Observers

#[tokio::test(start_paused = true)]
async fn an_observer_shows_what_is_there_and_every_commit_but_loads_nothing() {
    let client = paused_client();
    let query = GetPolled(1);
    let mut observer = client.observe_with(&query, cache_only);
    assert!(is_not_cached(&in_time(observer.next()).await.unwrap()));
    client.cache().insert(query.clone(), 50);
    assert_eq!(in_time(observer.next()).await.unwrap().value().map(|value| **value), Some(50));
    client.invalidate(&query).reloaded().await;
    assert!(matches!(observer.state(), State::Ready { is_stale: true, is_refreshing: false, .. }));
    client.cache().remove(&query);
    settle().await;
    assert!(is_not_cached(&observer.state()));
    pass(seconds(60)).await;
    assert_eq!(client.app().loads(&query), 0);
}

#[tokio::test(start_paused = true)]
async fn an_observer_reads_the_provider() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    restarts.client().query(&query).await.unwrap();
    pass(SECOND).await;
    let client = restarts.client();
    let mut observer = client.observe_with(&query, cache_only);
    assert!(in_time(observer.next()).await.unwrap().is_pending());
    let state = in_time(observer.next()).await.unwrap();
    assert!(matches!(state, State::Ready { is_stale: false, is_refreshing: false, .. }), "{state:?}");
    assert_eq!(restarts.app.loads::<GetKept>(), 1);
    let missing = client.observe_with(&GetKept(2), cache_only);
    settle().await;
    assert!(is_not_cached(&missing.state()));
    assert_eq!(restarts.app.loads::<GetKept>(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_loaded_for_its_other_observers_alone() {
    let client = paused_client();
    let query = GetNumber(1);
    let idle = client.observe_with(&query, cache_only);
    settle().await;
    let loading = client.observe(&query);
    settle().await;
    assert!(idle.state().is_pending(), "{:?}", idle.state());
    pass(seconds(2)).await;
    assert_eq!(idle.state().value().map(|value| **value), Some(1));
    client.invalidate(&query);
    settle().await;
    assert_eq!(client.app().running(&query), 1);
    drop(loading);
    settle().await;
    assert_eq!((client.app().running(&query), client.app().loads(&query)), (0, 2));
    assert!(matches!(idle.state(), State::Ready { is_stale: true, is_refreshing: false, .. }));
    client.invalidate(&query);
    pass(seconds(2)).await;
    assert_eq!(client.app().loads(&query), 2);
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_loads_does_not_wait_for_the_provider_alone() {
    let restarts: Restarts<cache_client::TrackingProvider> = tracked_restarts();
    let client = restarts.client();
    let query = GetKept(1);
    let (idle, loading) = (client.observe_with(&query, cache_only), client.observe(&query));
    pass(seconds(2)).await;
    assert_eq!(loading.state().value().map(|value| **value), Some(1));
    assert_eq!(idle.state().value().map(|value| **value), Some(1));
}
