//! An invalidation marks keys at once. Observed keys reload at once, and others when they are read.

use cache_client::{Client, Invalidation, Strategy};

use crate::scripted::*;

/// A client with two keys of one query and one of another, all loaded once, and an observer of the first.
async fn client_with_loaded_keys() -> (Client<ScriptedApp>, cache_client::Observer<ScriptedApp, GetNumber>) {
    let client = paused_client();
    let observer = client.observe(&GetNumber(1));
    client.query(&GetNumber(2)).await.unwrap();
    client.query(&GetEqual(1)).await.unwrap();
    pass(SECOND).await;
    (client, observer)
}

#[track_caller]
fn assert_loads(client: &Client<ScriptedApp>, [observed, idle, other]: [usize; 3]) {
    let app = client.app();
    let loads = [app.loads(&GetNumber(1)), app.loads(&GetNumber(2)), app.loads(&GetEqual(1))];
    assert_eq!(loads, [observed, idle, other]);
}

#[tokio::test(start_paused = true)]
async fn observed_keys_are_loaded_at_once_and_idle_keys_when_they_are_read() {
    type Act = fn(&Client<ScriptedApp>) -> Invalidation;
    let acts: [(&str, Act, usize, [usize; 3]); 5] = [
        ("key", |client| client.invalidate(&GetNumber(1)), 1, [2, 1, 1]),
        ("predicate", |client| client.invalidate_where(|query: &GetNumber| query.0 == 2), 1, [1, 2, 1]),
        ("type", |client| client.invalidate_query::<GetNumber>(), 2, [2, 2, 1]),
        ("all", |client| client.invalidate_all(), 3, [2, 2, 2]),
        ("tag of none", |client| client.invalidate_tag("none"), 0, [1, 1, 1]),
    ];
    for (name, act, count, loads) in acts {
        let (client, observer) = client_with_loaded_keys().await;
        let invalidation = act(&client);
        assert_eq!(invalidation.count, count, "{name}");
        in_time(invalidation.reloaded()).await;
        assert_loads(&client, [loads[0], 1, 1]);
        assert_eq!(observer.state().value().map(|value| **value), Some(loads[0]), "{name}");
        client.query(&GetNumber(2)).await.unwrap();
        client.query(&GetEqual(1)).await.unwrap();
        assert_loads(&client, loads);
    }
}

#[tokio::test(start_paused = true)]
async fn a_tag_marks_all_queries_that_have_it() {
    let client = paused_client();
    let (weak, first) = (GetWeak(1), GetFirst(1));
    let observer = client.observe(&weak);
    client.query(&first).await.unwrap();
    client.query(&GetNumber(1)).await.unwrap();
    assert_eq!(client.invalidate_tag("first").count, 1);
    assert_eq!(client.invalidate_tag("other").count, 0);
    let invalidation = client.invalidate_tag("some");
    assert_eq!(invalidation.count, 2);
    in_time(invalidation.reloaded()).await;
    assert_eq!(observer.state().value().map(|value| **value), Some(2));
    assert_eq!(client.app().loads(&first), 1);
    assert!(client.cache().get_fresh(&GetNumber(1)).is_some());
}

#[tokio::test(start_paused = true)]
async fn waiting_for_reloads_ends_when_they_end_or_lose_their_observers() {
    let (client, observer) = client_with_loaded_keys().await;
    let begun = tokio::time::Instant::now();
    in_time(client.invalidate(&GetNumber(1)).reloaded()).await;
    assert_eq!(begun.elapsed(), SECOND);
    // A key without observers has no reload to wait for.
    in_time(client.invalidate(&GetNumber(2)).reloaded()).await;
    assert_eq!(begun.elapsed(), SECOND);
    client.app().script(&GetNumber(1), Script::Fail(SECOND));
    in_time(client.invalidate(&GetNumber(1)).reloaded()).await;
    assert_eq!(begun.elapsed(), SECOND * 2);
    assert!(observer.state().error().is_some());
    client.app().script(&GetNumber(1), Script::Never);
    let reloaded = tokio::spawn(client.invalidate(&GetNumber(1)).reloaded());
    settle().await;
    assert!(!reloaded.is_finished());
    drop(observer);
    in_time(reloaded).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_that_is_not_awaited_still_reloads() {
    let (client, observer) = client_with_loaded_keys().await;
    drop(client.invalidate(&GetNumber(1)).reloaded());
    pass(seconds(2)).await;
    assert_eq!(observer.state().value().map(|value| **value), Some(2));
}

#[tokio::test(start_paused = true)]
async fn an_observed_key_without_a_value_is_loaded_by_an_invalidation() {
    let client = paused_client();
    let query = GetNumber(1);
    client.app().script(&query, Script::Fail(SECOND));
    let observer = client.observe(&query);
    pass(seconds(2)).await;
    client.app().script(&query, Script::Answer(SECOND));
    let invalidation = client.invalidate_query::<GetNumber>();
    assert_eq!(invalidation.count, 0);
    in_time(invalidation.reloaded()).await;
    assert_eq!(observer.state().value().map(|value| **value), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_value_held_only_by_an_observer_is_reloaded_too() {
    let client = paused_client();
    let query = GetNumber(1);
    let observer = client.observe_with(&query, |options| options.strategy(Strategy::NetworkOnly));
    pass(seconds(2)).await;
    in_time(client.invalidate(&query).reloaded()).await;
    assert_eq!(observer.state().value().map(|value| **value), Some(2));
    assert!(client.cached(&query).is_none());
}

#[tokio::test(start_paused = true)]
async fn marked_idle_keys_are_loaded_when_they_are_read() {
    let client = paused_client();
    let _observer = client.observe(&GetNumber(1));
    let keys = [GetNumber(1), GetNumber(2), GetNumber(3)];
    assert!(client.query_all(&keys).await.iter().all(Result::is_ok));
    let loads = || [1, 2, 3].map(|key| client.app().loads(&GetNumber(key)));
    let invalidation = client.invalidate_query::<GetNumber>();
    assert_eq!(invalidation.count, 3);
    in_time(invalidation.reloaded()).await;
    pass(seconds(5)).await;
    assert_eq!(loads(), [2, 1, 1]);
    assert!(client.query_all(&keys).await.iter().all(Result::is_ok));
    assert_eq!(loads(), [2, 2, 2]);
}
