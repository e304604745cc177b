//! Several writes and marks in one commit without a mutation.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use cache_client::{Changes, Client, TokioClock};
use cache_core::{Cache, CommitError, Freshness};
use parking_lot::Mutex;

use crate::scripted::*;

fn number(client: &Client<ScriptedApp>, key: u32) -> Option<usize> {
    client.cached(&GetNumber(key)).as_deref().copied()
}

#[track_caller]
fn is_marked(client: &Client<ScriptedApp>, key: u32) -> bool {
    client.cache().peek_entry(&GetNumber(key)).expect("the entry exists").freshness()
        == Freshness::Invalidated
}

#[tokio::test(start_paused = true)]
async fn writes_and_marks_form_one_revision_that_observers_see() {
    let client = paused_client();
    let (mut written, mut marked) = (client.observe(&GetNumber(1)), client.observe(&GetNumber(2)));
    pass(2 * SECOND).await;
    let (before, commits) = (client.cache().revision().unwrap().get(), Mutex::new(0));
    let receipt = client
        .change(|changes| {
            *commits.lock() += 1;
            changes.set(GetNumber(1), 100);
            changes.remove(&GetFirst(7));
            changes.invalidate(&GetNumber(2));
            changes.invalidate_tag("first");
        })
        .await
        .unwrap();
    assert_eq!(receipt.revision().map(|revision| revision.get()), Some(before + 1));
    assert_eq!((client.cache().revision().unwrap().get(), *commits.lock()), (before + 1, 1));
    assert_eq!(receipt.get(&GetNumber(1)).map(|value| **value), Some(100));
    settle().await;
    assert_eq!(in_time(written.next()).await.unwrap().value().map(|value| **value), Some(100));
    pass(2 * SECOND).await;
    assert_eq!(in_time(marked.next()).await.unwrap().value().map(|value| **value), Some(2));
    assert_eq!((client.app().loads(&GetNumber(1)), client.app().loads(&GetNumber(2))), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn running_loads_of_changed_keys_are_not_stored() {
    let client = paused_client();
    let (written, marked) = (spawn_query(&client, &GetNumber(1)), spawn_query(&client, &GetNumber(2)));
    settle().await;
    let change = |changes: &mut Changes<ScriptedApp>| {
        changes.set(GetNumber(1), 100);
        changes.invalidate(&GetNumber(2));
    };
    client.change(change).await.unwrap();
    assert_eq!((*in_time(written).await.unwrap().unwrap(), *in_time(marked).await.unwrap().unwrap()), (1, 1));
    assert_eq!((number(&client, 1), number(&client, 2)), (Some(100), None));
}

#[tokio::test(start_paused = true)]
async fn a_change_runs_again_after_a_conflicting_commit() {
    for is_merged in [false, true] {
        let client = client_with_slow_hook(Duration::from_millis(5));
        client.cache().insert(GetNumber(1), 0);
        let changing = (0..50).map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let change = client.change(|changes| match is_merged {
                    true => {
                        changes.merge_with(GetNumber(1), |number: Option<&usize>| number.map_or(1, |n| n + 1))
                    }
                    false => {
                        let number = changes.get(&GetNumber(1)).map_or(0, |number| *number);
                        changes.set(GetNumber(1), number + 1);
                    }
                });
                change.await.map(|receipt| receipt.revision().is_some()).map_err(|error| error.to_string())
            })
        });
        for outcome in changing.collect::<Vec<_>>() {
            assert_eq!(in_time(outcome).await.unwrap(), Ok(true));
        }
        assert_eq!(number(&client, 1), Some(50));
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_refused_by_a_hook_writes_and_marks_nothing() {
    let seen_labels = Arc::new(Mutex::new(Vec::new()));
    let labels = Arc::clone(&seen_labels);
    let cache = Cache::builder()
        .clock(TokioClock::new())
        .before_commit(move |proposal| {
            labels.lock().push(proposal.label().map(str::to_owned));
            Err("not today".into())
        })
        .build()
        .unwrap();
    let client = Client::builder(cache, ScriptedApp::default()).build();
    client.cache().insert(GetNumber(1), 5);
    client.cache().insert(GetNumber(2), 5);
    let change = |changes: &mut Changes<ScriptedApp>| {
        changes.set(GetNumber(1), 100);
        changes.invalidate(&GetNumber(2));
        changes.label("by hand");
    };
    let error = client.change(change).await.unwrap_err();
    assert!(matches!(error, CommitError::Refused(_)), "{error}");
    assert_eq!(*seen_labels.lock(), [Some("by hand".to_owned())]);
    assert_eq!(number(&client, 1), Some(5));
    assert!(!is_marked(&client, 1) && !is_marked(&client, 2));
}

#[tokio::test(start_paused = true)]
async fn layers_apply_on_top_of_changed_values() {
    let client = paused_client();
    client.cache().insert(GetNumber(1), 5);
    let layer = client.optimistic(|layer| {
        layer.update(&GetNumber(1), |number| Some(number? + 1));
    });
    client.change(|changes| _ = changes.set(GetNumber(1), 100)).await.unwrap();
    assert_eq!((number(&client, 1), client.pending()), (Some(101), 1));
    layer.rollback();
    assert_eq!(number(&client, 1), Some(100));
}

#[tokio::test(start_paused = true)]
async fn a_panic_or_a_dropped_future_changes_nothing() {
    let client = client_with_slow_hook(SECOND);
    client.cache().insert(GetNumber(1), 5);
    let panics = |changes: &mut Changes<ScriptedApp>| {
        changes.set(GetNumber(1), 100);
        panic!("the change panics");
    };
    let changing = client.clone();
    let panicked = tokio::spawn(AssertUnwindSafe(async move { changing.change(panics).await.is_ok() }).0);
    assert!(in_time(panicked).await.unwrap_err().is_panic());
    let dropped = client.change(|changes| _ = changes.set(GetNumber(1), 100));
    assert!(tokio::time::timeout(SECOND / 2, dropped).await.is_err());
    pass(SECOND).await;
    assert_eq!(number(&client, 1), Some(5));
    assert!(!is_marked(&client, 1));
    client.change(|changes| _ = changes.set(GetNumber(1), 100)).await.unwrap();
    assert_eq!(number(&client, 1), Some(100));
}

#[tokio::test(start_paused = true)]
async fn a_request_forgets_only_the_keys_its_change_writes_or_marks() {
    let client = paused_client();
    let cx = client.request("a request");
    for key in 1..=3 {
        assert_eq!(*cx.query(&GetNumber(key)).await.unwrap(), 1);
    }
    let kept = cx.query(&GetNumber(3)).await.unwrap();
    let change = |changes: &mut Changes<ScriptedApp>| {
        changes.set(GetNumber(1), 100);
        changes.invalidate(&GetNumber(2));
    };
    cx.change(change).await.unwrap();
    assert_eq!((*cx.query(&GetNumber(1)).await.unwrap(), *cx.query(&GetNumber(2)).await.unwrap()), (100, 2));
    // Only the request still has it.
    client.cache().remove(&GetNumber(3));
    assert!(Arc::ptr_eq(&kept, &cx.query(&GetNumber(3)).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_request_with_a_disabled_cache_marks_keys_instead_of_writing_them() {
    let client = paused_client();
    client.cache().insert(GetNumber(1), 5);
    let revision = client.cache().revision();
    let cx = client.request("a request");
    cx.disable_cache();
    let receipt = cx.change(|changes| _ = changes.set(GetNumber(1), 100)).await.unwrap();
    assert_eq!((receipt.revision(), client.cache().revision()), (None, revision));
    assert_eq!(number(&client, 1), Some(5));
    assert!(is_marked(&client, 1));
}
