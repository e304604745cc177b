//! The result of a load never replaces newer data, whenever that arrives.

use std::time::Duration;

use cache_client::Strategy;
use cache_core::Freshness;

use crate::scripted::*;

#[tokio::test(start_paused = true)]
async fn a_value_committed_during_a_load_is_kept() {
    let client = paused_client();
    let query = GetNumber(1);
    let waiter = spawn_query(&client, &query);
    settle().await;
    let mut tx = client.cache().begin();
    tx.set(query.clone(), 99);
    tx.commit().unwrap();
    assert_eq!(*waiter.await.unwrap().unwrap(), 1);
    settle().await;
    assert_eq!(*client.query(&query).await.unwrap(), 99);
    assert_eq!(client.app().loads(&query), 1);
}

#[tokio::test(start_paused = true)]
async fn the_result_of_an_invalidated_load_goes_only_to_its_callers() {
    for has_old_value in [true, false] {
        let client = paused_client();
        let query = GetNumber(1);
        if has_old_value {
            client.cache().insert(query.clone(), 50);
            pass(seconds(20)).await;
        }
        let waiter = spawn_query(&client, &query);
        settle().await;
        assert_eq!(client.invalidate(&query).count, usize::from(has_old_value));
        assert_eq!(*waiter.await.unwrap().unwrap(), 1);
        settle().await;
        assert_eq!(client.cached(&query).as_deref().copied(), has_old_value.then_some(50));
        assert_eq!(*client.query(&query).await.unwrap(), 2);
        assert_eq!(*client.query(&query).await.unwrap(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_after_an_invalidation_does_not_join_the_earlier_load() {
    let client = paused_client();
    let query = GetNumber(1);
    client.app().script(&query, Script::Answer(seconds(3)));
    let early = spawn_query(&client, &query);
    settle().await;
    client.invalidate(&query);
    client.app().script(&query, Script::Answer(SECOND));
    assert_eq!(*client.query(&query).await.unwrap(), 2);
    // The earlier load ends last and stores nothing.
    assert_eq!(*early.await.unwrap().unwrap(), 1);
    settle().await;
    assert_eq!(client.cached(&query).as_deref(), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_between_the_end_of_a_load_and_its_store_is_not_lost() {
    let client = paused_client();
    let query = GetWeighed(1);
    let other = client.clone();
    query.when_weighed(move || assert_eq!(other.invalidate(&GetWeighed(1)).count, 0));
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert!(client.cached(&query).is_none());
    assert_eq!(*client.query(&query).await.unwrap(), 2);
    assert_eq!(client.cached(&query).as_deref(), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn a_write_between_the_end_of_a_load_and_its_store_is_kept() {
    let client = paused_client();
    let query = GetWeighed(2);
    let cache = client.cache().clone();
    query.when_weighed(move || drop(cache.insert(GetWeighed(2), 99)));
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert_eq!(client.cached(&query).as_deref(), Some(&99));
}

#[tokio::test(start_paused = true)]
async fn an_insert_and_remove_between_the_end_of_a_load_and_its_store_leave_nothing() {
    let client = paused_client();
    let query = GetWeighed(3);
    let cache = client.cache().clone();
    query.when_weighed(move || {
        cache.insert(GetWeighed(3), 99);
        cache.remove(&GetWeighed(3));
    });
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert!(client.cached(&query).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_caller_between_the_end_of_a_load_and_its_store_joins_it() {
    let client = paused_client();
    let query = GetWeighed(4);
    let (other, joined) = (client.clone(), std::sync::Arc::new(parking_lot::Mutex::new(None)));
    let slot = std::sync::Arc::clone(&joined);
    query.when_weighed(move || *slot.lock() = Some(spawn_query(&other, &GetWeighed(4))));
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    let joined = joined.lock().take().unwrap();
    assert_eq!(*joined.await.unwrap().unwrap(), 1);
    assert_eq!(client.app().loads(&query), 1);
}

#[tokio::test(start_paused = true)]
async fn a_newer_refresh_that_ends_first_is_not_overwritten() {
    let client = paused_client();
    let query = GetNumber(1);
    client.app().script(&query, Script::Answer(seconds(3)));
    let refresh = |client: &cache_client::Client<ScriptedApp>| {
        let client = client.clone();
        tokio::spawn(async move {
            client.query_with(&GetNumber(1), |options| options.strategy(Strategy::Refresh)).await
        })
    };
    let older = refresh(&client);
    settle().await;
    client.app().script(&query, Script::Answer(SECOND));
    let newer = refresh(&client);
    assert_eq!(*newer.await.unwrap().unwrap(), 2);
    assert_eq!(*older.await.unwrap().unwrap(), 1);
    settle().await;
    assert_eq!(client.cached(&query).as_deref(), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn an_older_overlapping_refresh_stores_nothing_even_if_it_ends_first() {
    let client = paused_client();
    let query = GetNumber(1);
    let older = spawn_query(&client, &query);
    pass(Duration::from_millis(500)).await;
    let newer = client.query_with(&query, |options| options.strategy(Strategy::Refresh));
    let (older, newer) = tokio::join!(
        async {
            let value = older.await.unwrap().unwrap();
            settle().await;
            assert!(client.cached(&query).is_none());
            value
        },
        newer
    );
    assert_eq!((*older, *newer.unwrap()), (1, 2));
    assert_eq!(client.cached(&query).as_deref(), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn the_cache_stays_empty_when_it_is_cleared_during_a_load() {
    let client = paused_client();
    let query = GetNumber(1);
    let waiter = spawn_query(&client, &query);
    settle().await;
    client.cache().clear();
    assert_eq!(*waiter.await.unwrap().unwrap(), 1);
    settle().await;
    assert!(client.cache().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_key_inserted_and_removed_during_a_load_stays_absent() {
    let client = paused_client();
    let query = GetNumber(1);
    let waiter = spawn_query(&client, &query);
    settle().await;
    client.cache().insert(query.clone(), 99);
    client.cache().remove(&query);
    assert_eq!(*waiter.await.unwrap().unwrap(), 1);
    settle().await;
    assert!(client.cache().is_empty());
}

#[tokio::test(start_paused = true)]
async fn writes_of_other_keys_do_not_discard_a_result() {
    let client = paused_client();
    let query = GetNumber(1);
    let waiter = spawn_query(&client, &query);
    settle().await;
    for other in 2..3_000 {
        client.cache().insert(GetNumber(other), 0);
    }
    waiter.await.unwrap().unwrap();
    assert_eq!(client.cached(&query).as_deref(), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn invalidations_by_query_predicate_or_all_retire_loads_of_missing_keys() {
    for how in 0..3 {
        let client = paused_client();
        let (query, spared) = (GetNumber(1), GetNumber(2));
        client.cache().insert(GetNumber(3), 50);
        let (a, b) = (spawn_query(&client, &query), spawn_query(&client, &spared));
        settle().await;
        let invalidation = match how {
            0 => client.invalidate_where::<GetNumber>(|key| key.0 % 2 == 1),
            1 => client.invalidate_where::<GetNumber>(|_| true),
            _ => client.invalidate_all(),
        };
        assert_eq!(invalidation.count, 1);
        assert!(a.await.unwrap().is_ok() && b.await.unwrap().is_ok());
        settle().await;
        assert!(client.cached(&query).is_none());
        assert_eq!(client.cached(&spared).is_some(), how == 0);
        let marked = client.cache().peek_entry(&GetNumber(3)).unwrap();
        assert_eq!(marked.freshness(), Freshness::Invalidated);
    }
}

#[tokio::test(start_paused = true)]
async fn invalidating_one_query_leaves_others_with_the_same_fields() {
    let client = paused_client();
    client.query(&GetNumber(1)).await.unwrap();
    client.query(&GetStale(1)).await.unwrap();
    client.invalidate_where::<GetNumber>(|_| true);
    client.query(&GetStale(1)).await.unwrap();
    client.query(&GetNumber(1)).await.unwrap();
    assert_eq!((client.app().loads(&GetStale(1)), client.app().loads(&GetNumber(1))), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn the_next_read_loads_an_invalidated_key_even_where_stale_values_are_served() {
    let client = paused_client();
    let query = GetStale(1);
    client.query(&query).await.unwrap();
    client.invalidate(&query);
    assert_eq!(client.cached(&query).as_deref(), Some(&1));
    assert_eq!(*client.query(&query).await.unwrap(), 2);
}
