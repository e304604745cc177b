//! Pages by cursor.

use std::sync::Arc;

use cache_client::{Client, Infinite};

use crate::feed::*;
use crate::scripted::{SECOND, pass, seconds};

/// An infinite list that starts at `at` and grows at both ends.
fn list(client: &Client<Feed>, at: i64) -> Infinite<Feed, GetSlice> {
    client
        .infinite(GetSlice(at), |slice| slice.behind.map(GetSlice))
        .with_previous(|slice| slice.before.map(GetSlice))
}

#[track_caller]
fn assert_shows(list: &Infinite<Feed, GetSlice>, expected: &[i64]) {
    let shown: Vec<_> = list.pages().iter().map(|slice| slice.at).collect();
    let queries: Vec<_> = list.queries().iter().map(|query| query.0).collect();
    assert_eq!((&shown[..], &queries[..]), (expected, expected));
}

#[tokio::test(start_paused = true)]
async fn a_list_of_two_pages_moves_along_the_feed() {
    let client = feed_client(0, 9);
    let mut list = list(&client, 1).max_pages(2);
    assert!(list.has_next() && !list.has_previous());
    list.fetch_next().await.unwrap();
    assert_shows(&list, &[1]);
    assert_eq!(list.fetch_next().await.unwrap().unwrap().at, 2);
    assert_shows(&list, &[1, 2]);
    assert_eq!(list.fetch_previous().await.unwrap().unwrap().at, 0);
    assert_shows(&list, &[0, 1]);
    list.fetch_next().await.unwrap();
    assert_shows(&list, &[1, 2]);
    // The first page was still fresh.
    assert_eq!(client.app().loads(), [1, 2, 0]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_loaded_beyond_the_ends() {
    let client = feed_client(0, 2);
    let mut list = list(&client, 1);
    assert!(list.fetch_previous().await.unwrap().is_none());
    for _ in 0..2 {
        list.fetch_next().await.unwrap();
    }
    list.fetch_previous().await.unwrap();
    assert_shows(&list, &[0, 1, 2]);
    client.app().loads();
    assert!(!list.has_next() && !list.has_previous());
    assert!(list.fetch_next().await.unwrap().is_none());
    assert!(list.fetch_previous().await.unwrap().is_none());
    assert_shows(&list, &[0, 1, 2]);
    assert!(client.app().loads().is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_a_backward_cursor_a_list_grows_only_at_its_end() {
    let client = feed_client(0, 9);
    let mut list = client.infinite(GetSlice(3), |slice| slice.behind.map(GetSlice));
    list.fetch_next().await.unwrap();
    assert!(!list.has_previous() && list.fetch_previous().await.unwrap().is_none());
    assert_shows(&list, &[3]);
}

#[tokio::test(start_paused = true)]
async fn refreshing_one_page_takes_one_load_and_leaves_the_others() {
    let client = feed_client(0, 9);
    let mut list = list(&client, 0);
    for _ in 0..3 {
        list.fetch_next().await.unwrap();
    }
    client.app().loads();
    let before = list.pages().to_vec();
    assert_eq!(list.refetch(1).await.unwrap().unwrap().at, 1);
    assert_eq!(client.app().loads(), [1]);
    let is_new = |at: usize| !Arc::ptr_eq(&before[at], &list.pages()[at]);
    assert_eq!([is_new(0), is_new(1), is_new(2)], [false, true, false]);
    assert!(Arc::ptr_eq(&client.query(&GetSlice(1)).await.unwrap(), &list.pages()[1]));
    list.refetch_first().await.unwrap();
    assert_eq!(client.app().loads(), [0]);
    assert!(list.refetch(3).await.unwrap().is_none() && client.app().loads().is_empty());
    assert_shows(&list, &[0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn refreshing_all_pages_follows_the_new_cursors() {
    let client = feed_client(0, 100);
    let mut list = list(&client, 0);
    for _ in 0..3 {
        list.fetch_next().await.unwrap();
    }
    client.app().loads();
    client.app().shape.lock().step = 10;
    list.refetch_all().await.unwrap();
    assert_shows(&list, &[0, 10, 20]);
    assert_eq!(client.app().loads(), [0, 10, 20]);
}

#[tokio::test(start_paused = true)]
async fn refreshing_all_pages_drops_pages_that_no_longer_exist() {
    let client = feed_client(0, 9);
    let mut list = list(&client, 0).max_pages(3);
    for _ in 0..5 {
        list.fetch_next().await.unwrap();
    }
    assert_shows(&list, &[2, 3, 4]);
    client.app().loads();
    client.app().shape.lock().last = 3;
    list.refetch_all().await.unwrap();
    assert_shows(&list, &[2, 3]);
    assert_eq!((client.app().loads(), list.has_next()), (vec![2, 3], false));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_to_load_leaves_all_pages_unchanged() {
    let client = feed_client(0, 9);
    let mut list = list(&client, 1);
    for _ in 0..3 {
        list.fetch_next().await.unwrap();
    }
    let before = list.pages().to_vec();
    client.app().failing.lock().extend([0, 2, 4]);
    assert!(list.refetch_all().await.is_err());
    assert!(list.refetch(1).await.is_err());
    assert!(list.fetch_next().await.is_err() && list.fetch_previous().await.is_err());
    assert_shows(&list, &[1, 2, 3]);
    assert!(before.iter().zip(list.pages()).all(|(before, now)| Arc::ptr_eq(before, now)));
    client.app().failing.lock().clear();
    list.fetch_next().await.unwrap();
    assert_shows(&list, &[1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_dropped_half_way_leaves_all_pages_unchanged() {
    let client = feed_client(0, 9);
    let mut list = list(&client, 1);
    list.fetch_next().await.unwrap();
    list.fetch_next().await.unwrap();
    let before = list.pages().to_vec();
    assert!(tokio::time::timeout(SECOND / 2, list.fetch_next()).await.is_err());
    assert!(tokio::time::timeout(SECOND / 2, list.fetch_previous()).await.is_err());
    assert!(tokio::time::timeout(SECOND / 2, list.refetch(0)).await.is_err());
    assert!(tokio::time::timeout(SECOND * 3 / 2, list.refetch_all()).await.is_err());
    assert_shows(&list, &[1, 2]);
    assert!(before.iter().zip(list.pages()).all(|(before, now)| Arc::ptr_eq(before, now)));
}

#[tokio::test(start_paused = true)]
async fn after_an_invalidation_only_marked_pages_are_loaded() {
    let client = feed_client(0, 9);
    let mut list = list(&client, 0);
    for _ in 0..3 {
        list.fetch_next().await.unwrap();
    }
    client.app().loads();
    let _ = client.invalidate(&GetSlice(1));
    let written = Slice { load: 77, ..(*list.pages()[2]).clone() };
    client.cache().insert(GetSlice(2), written);
    assert_ne!(list.pages()[2].load, 77);
    list.revalidate().await.unwrap();
    assert_shows(&list, &[0, 1, 2]);
    assert_eq!((client.app().loads(), list.pages()[2].load), (vec![1], 77));
}

#[tokio::test(start_paused = true)]
async fn refreshing_a_list_without_pages_loads_nothing() {
    let client = feed_client(0, 9);
    let mut list = list(&client, 0);
    list.refetch_all().await.unwrap();
    list.revalidate().await.unwrap();
    assert!(list.refetch_first().await.unwrap().is_none());
    assert_shows(&list, &[]);
    assert!(client.app().loads().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stale_page_is_loaded_when_it_is_shown_again() {
    let client = feed_client(0, 9);
    let mut list = list(&client, 0).max_pages(1);
    list.fetch_next().await.unwrap();
    list.fetch_next().await.unwrap();
    assert_shows(&list, &[1]);
    pass(seconds(20)).await;
    list.fetch_previous().await.unwrap();
    assert_shows(&list, &[0]);
    assert_eq!(client.app().loads(), [0, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn pages_can_be_fetched_in_a_task() {
    let client = feed_client(0, 9);
    let mut list = list(&client, 0);
    let fetched = tokio::spawn(async move {
        list.fetch_next().await.unwrap();
        list.refetch_all().await.unwrap();
        format!("{list:?}")
    });
    assert_eq!(fetched.await.unwrap(), "Infinite { queries: [GetSlice(0)], .. }");
}
