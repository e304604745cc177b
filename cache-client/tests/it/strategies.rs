//! When strategies read the cache, load and store.

use std::sync::Arc;

use cache_client::{LoadingOptions, QueryError, Strategy};
use tokio::time::Instant;

use crate::scripted::*;

#[tokio::test(start_paused = true)]
async fn cache_first_loads_only_missing_or_stale_keys() {
    let client = paused_client();
    let query = GetNumber(1);
    for (wait, loads) in [(0, 1), (5, 1), (5, 2), (0, 2)] {
        pass(seconds(wait)).await;
        client.request("tree").query(&query).await.unwrap();
        assert_eq!(client.app().loads(&query), loads, "after {wait} s");
    }
    client.cache().clear();
    client.request("tree").query(&query).await.unwrap();
    assert_eq!(client.app().loads(&query), 3);
}

#[tokio::test(start_paused = true)]
async fn cached_returns_the_stored_value_and_never_loads() {
    let client = paused_client();
    let query = GetNumber(1);
    assert!(client.cached(&query).is_none() && client.request("tree").cached(&query).is_none());
    let value = client.query(&query).await.unwrap();
    pass(seconds(100)).await;
    assert!(Arc::ptr_eq(&client.request("tree").cached(&query).unwrap(), &value));
    assert_eq!(client.app().loads(&query), 1);
    assert!(client.cached(&GetTimeless(1)).is_none());
}

#[tokio::test(start_paused = true)]
async fn network_only_ignores_the_stored_value_and_stores_nothing() {
    let client = paused_client();
    let query = GetNumber(1);
    let only = |options: LoadingOptions| options.strategy(Strategy::NetworkOnly);
    assert_eq!(*client.query_with(&query, only).await.unwrap(), 1);
    assert!(client.cached(&query).is_none());
    client.cache().insert(query.clone(), 99);
    let tree = client.request("tree");
    let first = tree.query_with(&query, only).await.unwrap();
    let second = tree.query_with(&query, only).await.unwrap();
    assert!(*first == 2 && Arc::ptr_eq(&first, &second));
    assert_eq!(client.cached(&query).as_deref(), Some(&99));
}

#[tokio::test(start_paused = true)]
async fn refresh_ignores_the_stored_value_and_stores_its_result() {
    let client = paused_client();
    let query = GetNumber(1);
    client.cache().insert(query.clone(), 99);
    let refresh = |options: LoadingOptions| options.strategy(Strategy::Refresh);
    let tree = client.request("tree");
    let (first, second) = tokio::join!(tree.query_with(&query, refresh), tree.query_with(&query, refresh));
    assert!(Arc::ptr_eq(&first.unwrap(), &second.unwrap()));
    assert_eq!((client.cached(&query).as_deref(), client.app().loads(&query)), (Some(&1), 1));
}

#[tokio::test(start_paused = true)]
async fn a_load_is_stored_if_a_caller_that_joined_stores() {
    let client = paused_client();
    let query = GetNumber(1);
    let only = client.query_with(&query, |options| options.strategy(Strategy::NetworkOnly));
    let (only, first) = tokio::join!(only, client.query(&query));
    assert!(Arc::ptr_eq(&only.unwrap(), &first.unwrap()));
    assert_eq!((client.cached(&query).as_deref(), client.app().loads(&query)), (Some(&1), 1));
}

#[tokio::test(start_paused = true)]
async fn network_only_joins_a_running_load() {
    let client = paused_client();
    let query = GetNumber(1);
    let first = spawn_query(&client, &query);
    settle().await;
    let only = client.query_with(&query, |options| options.strategy(Strategy::NetworkOnly));
    assert_eq!(*only.await.unwrap(), 1);
    assert_eq!((*first.await.unwrap().unwrap(), client.app().loads(&query)), (1, 1));
    // A caller that joins without storing does not stop others from storing.
    assert_eq!(client.cached(&query).as_deref(), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_is_served_at_once_and_refreshed_in_the_background() {
    let client = paused_client();
    let (query, other) = (GetStale(1), GetStale(2));
    client.query(&query).await.unwrap();
    client.query(&other).await.unwrap();
    pass(seconds(5)).await;
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    pass(seconds(10)).await;
    assert_eq!(client.app().loads(&query), 1);
    let begun = Instant::now();
    for _ in 0..10 {
        assert_eq!(*client.request("tree").query(&query).await.unwrap(), 1);
    }
    assert_eq!(*client.query(&other).await.unwrap(), 1);
    assert_eq!(begun.elapsed(), seconds(0));
    pass(seconds(2)).await;
    assert_eq!(*client.request("next").query(&query).await.unwrap(), 2);
    assert_eq!((client.app().loads(&query), client.app().loads(&other)), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_value_beyond_its_stale_window_is_loaded_before_it_is_served() {
    let client = paused_client();
    let query = GetStale(1);
    client.query(&query).await.unwrap();
    pass(seconds(69)).await;
    assert_eq!(*client.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_refresh_keeps_the_value_and_its_error_is_readable_separately() {
    let client = paused_client();
    let query = GetStale(1);
    client.query(&query).await.unwrap();
    pass(seconds(15)).await;
    client.app().script(&query, Script::Fail(SECOND));
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert!(client.refresh_error(&query).is_none());
    pass(seconds(2)).await;
    assert!(matches!(client.refresh_error(&query), Some(QueryError::Failed { .. })));
    client.app().script(&query, Script::Answer(SECOND));
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    pass(seconds(2)).await;
    assert_eq!(*client.query(&query).await.unwrap(), 3);
    assert!(client.refresh_error(&query).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_write_clears_the_error_of_a_refresh() {
    let client = paused_client();
    let query = GetNumber(1);
    client.app().script(&query, Script::Fail(SECOND));
    client.prefetch(&query);
    pass(seconds(2)).await;
    assert!(client.refresh_error(&query).is_some());
    client.cache().insert(query.clone(), 99);
    assert!(client.refresh_error(&query).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_refresh_with_an_equal_value_keeps_the_old_one_and_resets_its_age() {
    let client = paused_client();
    let query = GetEqual(1);
    let old = client.query(&query).await.unwrap();
    let revision = client.cache().revision();
    pass(seconds(15)).await;
    let new = client.query(&query).await.unwrap();
    assert!(Arc::ptr_eq(&old, &new));
    assert_eq!(client.cache().revision(), revision);
    assert_eq!(client.cache().peek_entry(&query).unwrap().age(), SECOND);
    client.query(&query).await.unwrap();
    assert_eq!(client.app().loads(&query), 2);
}

#[tokio::test(start_paused = true)]
async fn network_first_falls_back_to_the_stored_value_when_its_load_is_slow() {
    let client = paused_client();
    let query = GetFirst(1);
    client.app().script(&query, Script::Answer(seconds(2)));
    let begun = Instant::now();
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert_eq!(begun.elapsed(), seconds(2));
    let begun = Instant::now();
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert_eq!(begun.elapsed(), seconds(1));
    // The slow load is still stored.
    pass(seconds(2)).await;
    assert_eq!(client.cached(&query).as_deref(), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn several_network_first_calls_time_out_at_the_same_time() {
    let client = paused_client();
    let keys: Vec<GetFirst> = (0..5).map(GetFirst).collect();
    for key in &keys {
        client.cache().insert(key.clone(), 99);
        client.app().script(key, Script::Answer(seconds(10)));
    }
    let begun = Instant::now();
    let answers = client.query_all(&keys).await;
    assert_eq!(begun.elapsed(), SECOND);
    assert!(answers.into_iter().all(|answer| *answer.unwrap() == 99));
}

#[tokio::test(start_paused = true)]
async fn network_first_loads_fresh_keys_and_falls_back_to_the_stored_value_on_failure() {
    let client = paused_client();
    let query = GetFirst(1);
    client.app().script(&query, Script::Answer(seconds(0)));
    client.query(&query).await.unwrap();
    assert_eq!(*client.query(&query).await.unwrap(), 2);
    client.app().script(&query, Script::Fail(seconds(0)));
    pass(seconds(1_000)).await;
    assert_eq!(*client.query(&query).await.unwrap(), 2);
    client.cache().clear();
    assert!(matches!(client.query(&query).await, Err(QueryError::Failed { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_load_receives_no_stale_inputs() {
    let client = paused_client();
    client.query(&GetStale(1)).await.unwrap();
    pass(seconds(15)).await;
    // 1 from the number and 2 from the stale key, which is loaded again although it could be served.
    assert_eq!(*client.query(&GetSum(1)).await.unwrap(), 3);
    assert_eq!(client.app().loads(&GetStale(1)), 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_queried_twice_in_one_call_is_loaded_once_with_any_strategy() {
    let strategies = [Strategy::CacheFirst, Strategy::NetworkFirst, Strategy::Refresh, Strategy::NetworkOnly];
    for strategy in strategies {
        let client = builder().query::<GetNumber>(|options| options.strategy(strategy)).build();
        let answers = in_time(client.query_all(&[GetNumber(1), GetNumber(2), GetNumber(1)])).await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(client.app().loads(&GetNumber(1)), 1, "{strategy:?}");
    }
}
