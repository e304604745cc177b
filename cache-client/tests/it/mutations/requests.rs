//! Mutations of a request: what the request remembers, and requests that end or have a disabled cache.

use std::sync::Arc;

use cache_client::MutateError;
use tokio::time::Instant;

use super::{Change, is_marked, number};
use crate::scripted::*;

#[tokio::test(start_paused = true)]
async fn a_mutation_continues_when_its_request_is_cancelled() {
    let client = paused_client();
    let change = Change { queries: Some(GetNumber(2)), ..Change::new() };
    let cx = client.request("a request").with_deadline(Instant::now() + SECOND / 2);
    let begun = Instant::now();
    let interrupted = cx.mutate(&change).await;
    assert!(interrupted.unwrap_err().is_interrupted());
    assert_eq!(begun.elapsed(), SECOND / 2);
    pass(5 * SECOND).await;
    assert_eq!((change.runs(), number(&client, 1)), (1, Some(1)), "its own query is answered too");
    let again = Change::new();
    assert!(matches!(cx.mutate(&again).await, Err(MutateError::Interrupted { .. })));
    settle().await;
    assert_eq!(again.runs(), 0, "no mutation starts in a cancelled request");
}

#[tokio::test(start_paused = true)]
async fn a_request_forgets_only_the_keys_its_mutation_changed() {
    let client = paused_client();
    client.app().script(&GetFirst(1), Script::Answer(SECOND / 2));
    let cx = client.request("a request");
    let (other, stale) = (cx.query(&GetNumber(2)).await.unwrap(), cx.query(&GetStale(1)).await.unwrap());
    let (weak, first) = (cx.query(&GetWeak(1)).await.unwrap(), cx.query(&GetFirst(1)).await.unwrap());
    assert_eq!(*cx.query(&GetNumber(1)).await.unwrap(), 1);
    let elsewhere = client.request("another");
    assert_eq!(*elsewhere.query(&GetNumber(1)).await.unwrap(), 1);
    let change = Change::new().applying(|answer, changes| {
        changes.set(GetNumber(1), *answer);
        changes.invalidate_where(|key: &GetNumber| key.0 == 3);
        changes.invalidate(&GetStale(1));
        changes.invalidate_tag("first");
    });
    cx.mutate(&change).await.unwrap();
    assert_eq!(*cx.query(&GetNumber(1)).await.unwrap(), 100);
    assert!(Arc::ptr_eq(&other, &cx.query(&GetNumber(2)).await.unwrap()));
    assert!(Arc::ptr_eq(&weak, &cx.query(&GetWeak(1)).await.unwrap()));
    assert_eq!((*stale, *cx.query(&GetStale(1)).await.unwrap()), (1, 2));
    assert_eq!((*first, *cx.query(&GetFirst(1)).await.unwrap()), (1, 2));
    assert_eq!(*elsewhere.query(&GetNumber(1)).await.unwrap(), 1, "each request has its own memo");
    let all = Change::new().applying(|_, changes| changes.invalidate_all());
    cx.mutate(&all).await.unwrap();
    assert_eq!(*cx.query(&GetNumber(2)).await.unwrap(), 2);
    let query = Change::new().applying(|_, changes| changes.invalidate_query::<GetNumber>());
    cx.mutate(&query).await.unwrap();
    assert_eq!(*cx.query(&GetNumber(2)).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_mutation_with_a_disabled_cache_marks_keys_and_writes_nothing() {
    for is_replaced in [true, false] {
        let client = paused_client();
        for key in 1..4 {
            client.cache().insert(GetNumber(key), 5);
        }
        client.cache().insert(GetFirst(1), 5);
        let revision = client.cache().revision();
        let cx = client.request("a request");
        let cx = match is_replaced {
            true => cx.with_override::<GetEqual>(|_| Ok(Arc::new(1))),
            false => {
                cx.disable_cache();
                cx
            }
        };
        let change = Change::new()
            .applying(|answer, changes| {
                assert_eq!(changes.get(&GetNumber(1)), None);
                changes.set(GetNumber(1), *answer);
                changes.update(&GetNumber(2), |number| **number + 1);
                changes.invalidate_tag("first");
            })
            .showing(|layer| layer.update(&GetNumber(3), |_| Some(50)));
        let mutating = cx.mutate(&change);
        tokio::pin!(mutating);
        assert!(tokio::time::timeout(SECOND / 2, &mut mutating).await.is_err());
        assert_eq!((number(&client, 3), client.pending()), (Some(5), 0), "no layer is visible to others");
        in_time(mutating).await.unwrap();
        assert_eq!(client.cache().revision(), revision);
        assert!(is_marked(&client, &GetNumber(1)) && is_marked(&client, &GetNumber(2)));
        assert!(is_marked(&client, &GetFirst(1)) && !is_marked(&client, &GetNumber(3)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_does_not_remember_a_load_from_before_its_mutation() {
    let client = paused_client();
    client.app().script(&GetNumber(1), Script::Answer(5 * SECOND));
    let (cx, change) = (client.request("a request"), Change::new());
    let query = GetNumber(1);
    let (before, changed) = tokio::join!(cx.query(&query), cx.mutate(&change));
    assert_eq!((*before.unwrap(), changed.unwrap()), (1, 100));
    assert_eq!(*in_time(cx.query(&query)).await.unwrap(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_request_does_not_join_a_load_from_before_its_mutation() {
    let client = paused_client();
    let (cx, query) = (client.request("a request"), GetNumber(1));
    client.app().script(&query, Script::Answer(2 * SECOND));
    let change = Change::new().applying(|_, changes| changes.invalidate(&GetNumber(1)));
    let after = async {
        cx.mutate(&change).await.unwrap();
        client.app().script(&query, Script::Answer(5 * SECOND));
        cx.query(&query).await
    };
    // The earlier load ends while the request waits for the later one.
    let (before, after) = tokio::join!(cx.query(&query), after);
    assert_eq!((*before.unwrap(), *after.unwrap()), (1, 2));
    assert_eq!(*cx.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_mutation_does_not_read_the_layers_its_request_has_seen() {
    let client = paused_client();
    client.cache().insert(GetNumber(2), 5);
    let layer = client.optimistic(|layer| layer.update(&GetNumber(2), |_| Some(50)));
    let cx = client.request("a request");
    assert_eq!(*cx.query(&GetNumber(2)).await.unwrap(), 50);
    let change = Change { queries: Some(GetNumber(2)), ..Change::new() };
    assert_eq!(in_time(cx.mutate(&change)).await.unwrap(), 5);
    assert_eq!(*cx.query(&GetNumber(2)).await.unwrap(), 50, "the request is recorded the same as before");
    drop(layer);
}

#[tokio::test(start_paused = true)]
async fn a_mutation_with_a_disabled_cache_continues_without_its_request() {
    let client = paused_client();
    let cx = client.request("a request");
    cx.disable_cache();
    let change = Change { queries: Some(GetNumber(2)), ..Change::new() };
    let change = change.applying(|answer, changes| _ = changes.set(GetNumber(1), *answer));
    client.cache().insert(GetNumber(1), 5);
    assert!(tokio::time::timeout(SECOND / 2, cx.mutate(&change)).await.is_err());
    cx.cancel();
    pass(5 * SECOND).await;
    assert!(is_marked(&client, &GetNumber(1)), "its query is answered and its key is marked");
}
