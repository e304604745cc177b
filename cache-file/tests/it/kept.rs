//! Which entries are found again.

use std::sync::Arc;
use std::time::Duration;

use cache_client::Provider;
use tokio::task::JoinSet;

use crate::{HOUR, get, new_file, open, set};

#[tokio::test]
async fn a_value_is_found_until_it_is_replaced_or_removed() {
    let (_folder, path) = new_file();
    let provider = open(&path);
    assert_eq!(get(&provider, "a").await, None);
    set(&provider, "a", "1").await;
    set(&provider, "b", "2").await;
    assert_eq!(get(&provider, "a").await.as_deref(), Some("1"));
    set(&provider, "a", "3").await;
    assert_eq!(get(&provider, "a").await.as_deref(), Some("3"));
    provider.remove("a").await.unwrap();
    provider.remove("never set").await.unwrap();
    assert_eq!(get(&provider, "a").await, None);
    assert_eq!(get(&provider, "b").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn values_and_removals_outlive_the_program() {
    let (_folder, path) = new_file();
    let provider = open(&path);
    set(&provider, "a", "1").await;
    set(&provider, "b", "2").await;
    provider.remove("a").await.unwrap();
    drop(provider);
    let provider = open(&path);
    assert_eq!(get(&provider, "a").await, None);
    assert_eq!(get(&provider, "b").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn a_value_is_not_found_after_its_time_to_live() {
    let (_folder, path) = new_file();
    let provider = open(&path);
    provider.set("a", vec![1], Duration::ZERO).await.unwrap();
    assert_eq!(provider.get("a").await.unwrap(), None);
    provider.set("a", vec![2], Duration::MAX).await.unwrap();
    assert_eq!(provider.get("a").await.unwrap(), Some(vec![2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_one_key_apply_in_the_order_of_their_calls() {
    let (_folder, path) = new_file();
    let provider = Arc::new(open(&path));
    let mut keys = JoinSet::new();
    for key in 0..50 {
        let provider = Arc::clone(&provider);
        keys.spawn(async move {
            let key = format!("key {key}");
            for round in 0..10 {
                // A call that is dropped while it waits does not overtake the next one.
                let dropped = tokio::time::timeout(Duration::ZERO, provider.set(&key, vec![99], HOUR));
                let _ = dropped.await;
                provider.set(&key, vec![round], HOUR).await.unwrap();
                assert_eq!(provider.get(&key).await.unwrap(), Some(vec![round]));
                provider.remove(&key).await.unwrap();
                assert_eq!(provider.get(&key).await.unwrap(), None);
            }
        });
    }
    while let Some(ended) = keys.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test]
async fn dropping_the_provider_writes_what_is_queued() {
    let (_folder, path) = new_file();
    let provider = open(&path);
    for key in 0..100 {
        let (key, value) = (key.to_string(), vec![key]);
        // The change is queued when the call is first polled.
        let _ = tokio::time::timeout(Duration::ZERO, provider.set(&key, value, HOUR)).await;
    }
    drop(provider);
    let provider = open(&path);
    for key in 0..100 {
        assert_eq!(provider.get(&key.to_string()).await.unwrap(), Some(vec![key]));
    }
}
