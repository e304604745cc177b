//! When the cache is read, when something is loaded, and what is stored.

use std::sync::Arc;

use cache_client::{LoadingOptions, QueryError, Strategy};
use tokio::time::Instant;

use crate::scripted::*;

#[tokio::test(start_paused = true)]
async fn cache_first_loads_what_is_missing_or_stale_and_nothing_else() {
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
async fn cached_gives_what_is_there_and_never_loads() {
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
async fn network_only_ignores_what_is_stored_and_stores_nothing() {
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
async fn refresh_ignores_what_is_stored_and_stores() {
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
async fn what_one_who_joined_would_store_is_stored() {
    let client = paused_client();
    let query = GetNumber(1);
    let only = client.query_with(&query, |options| options.strategy(Strategy::NetworkOnly));
    let (only, first) = tokio::join!(only, client.query(&query));
    assert!(Arc::ptr_eq(&only.unwrap(), &first.unwrap()));
    assert_eq!((client.cached(&query).as_deref(), client.app().loads(&query)), (Some(&1), 1));
}

#[tokio::test(start_paused = true)]
async fn network_only_joins_a_load_that_runs() {
    let client = paused_client();
    let query = GetNumber(1);
    let first = ask(&client, &query);
    settle().await;
    let only = client.query_with(&query, |options| options.strategy(Strategy::NetworkOnly));
    assert_eq!(*only.await.unwrap(), 1);
    assert_eq!((*first.await.unwrap().unwrap(), client.app().loads(&query)), (1, 1));
    // Who joined without a wish to store takes it from nobody.
    assert_eq!(client.cached(&query).as_deref(), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_is_served_at_once_and_loaded_again_behind() {
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
async fn a_value_that_was_stale_for_too_long_is_waited_for() {
    let client = paused_client();
    let query = GetStale(1);
    client.query(&query).await.unwrap();
    pass(seconds(69)).await;
    assert_eq!(*client.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_fails_leaves_the_value_and_its_error_is_readable_apart() {
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
async fn a_write_makes_the_error_of_a_refresh_out_of_date() {
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
async fn a_refresh_with_an_equal_value_keeps_the_old_one_and_dates_it_anew() {
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
async fn network_first_takes_what_is_there_when_its_load_takes_too_long() {
    let client = paused_client();
    let query = GetFirst(1);
    client.app().script(&query, Script::Answer(seconds(2)));
    let begun = Instant::now();
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert_eq!(begun.elapsed(), seconds(2));
    let begun = Instant::now();
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert_eq!(begun.elapsed(), seconds(1));
    // The load that was too late is stored all the same.
    pass(seconds(2)).await;
    assert_eq!(client.cached(&query).as_deref(), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn several_network_first_calls_lose_patience_at_the_same_time() {
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
async fn network_first_loads_what_is_fresh_and_takes_what_is_there_when_that_fails() {
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
async fn nothing_stale_goes_into_an_answer_that_is_being_built() {
    let client = paused_client();
    client.query(&GetStale(1)).await.unwrap();
    pass(seconds(15)).await;
    // 1 of the number, 2 of the stale one, which is loaded again though it could be served.
    assert_eq!(*client.query(&GetSum(1)).await.unwrap(), 3);
    assert_eq!(client.app().loads(&GetStale(1)), 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_stands_there_twice_is_loaded_once_whatever_the_strategy() {
    let strategies = [Strategy::CacheFirst, Strategy::NetworkFirst, Strategy::Refresh, Strategy::NetworkOnly];
    for strategy in strategies {
        let client = builder().query::<GetNumber>(|options| options.strategy(strategy)).build();
        let answers = in_time(client.query_all(&[GetNumber(1), GetNumber(2), GetNumber(1)])).await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(client.app().loads(&GetNumber(1)), 1, "{strategy:?}");
    }
}
