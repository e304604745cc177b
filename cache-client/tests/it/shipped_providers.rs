//! The providers of the crate, without a client.

use std::sync::Arc;
use std::time::Duration;

use cache_client::{MemoryProvider, Provider, TrackingProvider};

use crate::scripted::{SECOND, pass, seconds, settle};

#[tokio::test(start_paused = true)]
async fn a_memory_provider_drops_expired_entries() {
    let provider = MemoryProvider::new(10);
    provider.set("a", vec![1], seconds(5)).await.unwrap();
    provider.set("b", vec![1, 2], seconds(10)).await.unwrap();
    assert_eq!((provider.len(), provider.bytes()), (2, 5));
    pass(seconds(5)).await;
    assert_eq!(provider.get("a").await.unwrap(), None);
    assert_eq!(provider.get("b").await.unwrap(), Some(vec![1, 2]));
    assert_eq!((provider.len(), provider.bytes()), (1, 3));
    // An entry written again expires only once.
    provider.set("b", vec![3], seconds(20)).await.unwrap();
    pass(seconds(5)).await;
    assert_eq!(provider.get("b").await.unwrap(), Some(vec![3]));
    provider.remove("b").await.unwrap();
    assert_eq!((provider.len(), provider.bytes()), (0, 0));
    provider.set("c", vec![1], Duration::MAX).await.unwrap();
    provider.set("d", vec![1], Duration::ZERO).await.unwrap();
    assert_eq!(provider.len(), 1);
    provider.clear();
    assert!(provider.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_full_memory_provider_evicts_the_entry_that_expires_first() {
    let provider = MemoryProvider::new(3).max_bytes(10);
    for (key, ttl) in [("a", 30), ("b", 10), ("c", 20), ("d", 40)] {
        provider.set(key, vec![0], seconds(ttl)).await.unwrap();
    }
    assert_eq!(provider.get("b").await.unwrap(), None);
    assert_eq!((provider.len(), provider.bytes()), (3, 6));
    provider.set("e", vec![0; 6], seconds(5)).await.unwrap();
    assert_eq!((provider.len(), provider.bytes()), (2, 9));
    // The entry exceeds the whole capacity.
    provider.set("f", vec![0; 10], seconds(5)).await.unwrap();
    assert_eq!((provider.get("f").await.unwrap(), provider.len()), (None, 2));
}

#[tokio::test(start_paused = true)]
async fn a_tracking_provider_follows_the_instructions_of_the_test() {
    let provider = Arc::new(TrackingProvider::over(MemoryProvider::new(10)));
    provider.fail_next_sets(1);
    assert!(provider.set("a", vec![1], SECOND).await.is_err());
    provider.set("a", vec![1], seconds(60)).await.unwrap();
    assert_eq!(provider.get("a").await.unwrap(), Some(vec![1]));
    assert_eq!(provider.get("b").await.unwrap(), None);
    provider.fail_next_removes(1);
    assert!(provider.remove("a").await.is_err());
    provider.remove("a").await.unwrap();
    assert_eq!((provider.gets(), provider.hits(), provider.misses()), (2, 1, 1));
    assert_eq!((provider.sets(), provider.removes()), (2, 2));
    provider.hold();
    let held = Arc::clone(&provider);
    let call = tokio::spawn(async move { held.get("a").await.unwrap() });
    pass(seconds(100)).await;
    assert!(!call.is_finished());
    provider.delay(seconds(2));
    provider.release();
    settle().await;
    // This call started before the delay was set.
    assert_eq!(call.await.unwrap(), None);
    let began = tokio::time::Instant::now();
    provider.get("a").await.unwrap();
    assert_eq!(began.elapsed(), seconds(2));
}

#[tokio::test(start_paused = true)]
async fn a_reset_tracking_provider_keeps_only_its_entries() {
    let provider = Arc::new(TrackingProvider::new());
    provider.set("a", vec![1], seconds(600)).await.unwrap();
    provider.fail_next_gets(1);
    provider.fail_next_sets(1);
    provider.fail_next_removes(1);
    provider.delay(SECOND);
    provider.hold();
    let held = Arc::clone(&provider);
    let call = tokio::spawn(async move { held.get("b").await });
    settle().await;
    provider.reset();
    assert_eq!((provider.gets(), provider.hits(), provider.misses()), (0, 0, 0));
    assert_eq!((provider.sets(), provider.removes()), (0, 0));
    assert!(call.await.unwrap().is_err(), "a call that had begun fails as configured");
    let began = tokio::time::Instant::now();
    assert_eq!(provider.get("a").await.unwrap(), Some(vec![1]));
    provider.set("b", vec![2], SECOND).await.unwrap();
    provider.remove("b").await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!((provider.gets(), provider.sets(), provider.removes()), (1, 1, 1));
}
