//! Mutations that update a value.

use std::time::Duration;

use cache_core::Freshness;

use super::{Change, is_marked, number};
use crate::scripted::*;

#[tokio::test(start_paused = true)]
async fn an_update_keeps_the_age_and_the_mark_of_the_value() {
    let client = paused_client();
    client.cache().insert(GetNumber(1), 5);
    client.cache().insert(GetNumber(2), 5);
    client.cache().invalidate(&GetNumber(2));
    pass(3 * SECOND).await;
    let change = Change::new().applying(|_, changes| {
        for key in 1..4 {
            assert_eq!(changes.update(&GetNumber(key), |number| **number + 1), key < 3);
        }
    });
    in_time(client.mutate(&change)).await.unwrap();
    assert_eq!((number(&client, 1), number(&client, 2), number(&client, 3)), (Some(6), Some(6), None));
    assert_eq!(client.cache().peek_entry(&GetNumber(1)).unwrap().age(), 4 * SECOND);
    assert!(!is_marked(&client, &GetNumber(1)) && is_marked(&client, &GetNumber(2)));
}

#[tokio::test(start_paused = true)]
async fn a_value_written_and_then_updated_has_the_age_of_the_write() {
    let client = paused_client();
    client.cache().insert(GetNumber(1), 5);
    pass(5 * SECOND).await;
    client.cache().invalidate(&GetNumber(1));
    let change = Change::new().applying(|answer, changes| {
        changes.set(GetNumber(1), *answer);
        changes.update(&GetNumber(1), |number| **number + 1);
        changes.update(&GetNumber(1), |number| **number + 1);
    });
    in_time(client.mutate(&change)).await.unwrap();
    let entry = client.cache().peek_entry(&GetNumber(1)).unwrap();
    assert_eq!((**entry.value(), entry.age(), entry.freshness()), (102, Duration::ZERO, Freshness::Fresh));
}

#[tokio::test(start_paused = true)]
async fn two_updates_keep_the_age_and_the_mark_of_the_value() {
    let client = paused_client();
    client.cache().insert(GetNumber(1), 5);
    client.cache().insert(GetNumber(2), 5);
    pass(4 * SECOND).await;
    client.cache().invalidate(&GetNumber(1));
    let change = Change::new().applying(|_, changes| {
        for key in [1, 1, 2, 2] {
            changes.update(&GetNumber(key), |number| **number + 1);
        }
    });
    in_time(client.mutate(&change)).await.unwrap();
    for (key, freshness) in [(1, Freshness::Invalidated), (2, Freshness::Fresh)] {
        let entry = client.cache().peek_entry(&GetNumber(key)).unwrap();
        assert_eq!((**entry.value(), entry.age(), entry.freshness()), (7, 5 * SECOND, freshness));
    }
}

#[tokio::test(start_paused = true)]
async fn a_marked_value_that_is_updated_stays_marked() {
    let client = paused_client();
    client.cache().insert(GetNumber(1), 5);
    let change = Change::new().applying(|_, changes| {
        changes.invalidate(&GetNumber(1));
        changes.update(&GetNumber(1), |number| **number + 1);
    });
    in_time(client.mutate(&change)).await.unwrap();
    assert_eq!(number(&client, 1), Some(6));
    assert!(is_marked(&client, &GetNumber(1)));
}
