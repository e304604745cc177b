//! Pages by cursor.

use std::sync::Arc;

use cache_client::{Client, Infinite};

use crate::feed::*;
use crate::scripted::{SECOND, pass, seconds};

/// A list that begins at `at` and grows at both ends.
fn list(client: &Client<Feed>, at: i64) -> Infinite<Feed, GetSlice> {
    client
        .infinite(GetSlice(at), |slice| slice.behind.map(GetSlice))
        .with_previous(|slice| slice.before.map(GetSlice))
}

#[track_caller]
fn shows(list: &Infinite<Feed, GetSlice>, expected: &[i64]) {
    let shown: Vec<_> = list.pages().iter().map(|slice| slice.at).collect();
    let queries: Vec<_> = list.queries().iter().map(|query| query.0).collect();
    assert_eq!((&shown[..], &queries[..]), (expected, expected));
}

#[tokio::test(start_paused = true)]
async fn a_list_of_two_pages_moves_along_the_feed() {
    let client = feed(0, 9);
    let mut list = list(&client, 1).max_pages(2);
    assert!(list.has_next() && !list.has_previous());
    list.fetch_next().await.unwrap();
    shows(&list, &[1]);
    assert_eq!(list.fetch_next().await.unwrap().unwrap().at, 2);
    shows(&list, &[1, 2]);
    assert_eq!(list.fetch_previous().await.unwrap().unwrap().at, 0);
    shows(&list, &[0, 1]);
    list.fetch_next().await.unwrap();
    shows(&list, &[1, 2]);
    // What was shown before was still fresh.
    assert_eq!(client.app().loads(), [1, 2, 0]);
}

#[tokio::test(start_paused = true)]
async fn at_the_ends_there_is_nothing_more_and_nothing_is_loaded() {
    let client = feed(0, 2);
    let mut list = list(&client, 1);
    assert!(list.fetch_previous().await.unwrap().is_none());
    for _ in 0..2 {
        list.fetch_next().await.unwrap();
    }
    list.fetch_previous().await.unwrap();
    shows(&list, &[0, 1, 2]);
    client.app().loads();
    assert!(!list.has_next() && !list.has_previous());
    assert!(list.fetch_next().await.unwrap().is_none());
    assert!(list.fetch_previous().await.unwrap().is_none());
    shows(&list, &[0, 1, 2]);
    assert!(client.app().loads().is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_a_way_back_a_list_grows_at_its_end_alone() {
    let client = feed(0, 9);
    let mut list = client.infinite(GetSlice(3), |slice| slice.behind.map(GetSlice));
    list.fetch_next().await.unwrap();
    assert!(!list.has_previous() && list.fetch_previous().await.unwrap().is_none());
    shows(&list, &[3]);
}

#[tokio::test(start_paused = true)]
async fn one_page_is_loaded_anew_by_one_load_and_the_others_stay() {
    let client = feed(0, 9);
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
    shows(&list, &[0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn all_pages_are_loaded_anew_along_the_new_cursors() {
    let client = feed(0, 100);
    let mut list = list(&client, 0);
    for _ in 0..3 {
        list.fetch_next().await.unwrap();
    }
    client.app().loads();
    client.app().shape.lock().step = 10;
    list.refetch_all().await.unwrap();
    shows(&list, &[0, 10, 20]);
    assert_eq!(client.app().loads(), [0, 10, 20]);
}

#[tokio::test(start_paused = true)]
async fn all_pages_are_those_that_are_shown_and_fewer_if_there_are_no_more() {
    let client = feed(0, 9);
    let mut list = list(&client, 0).max_pages(3);
    for _ in 0..5 {
        list.fetch_next().await.unwrap();
    }
    shows(&list, &[2, 3, 4]);
    client.app().loads();
    client.app().shape.lock().last = 3;
    list.refetch_all().await.unwrap();
    shows(&list, &[2, 3]);
    assert_eq!((client.app().loads(), list.has_next()), (vec![2, 3], false));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_cannot_be_loaded_leaves_all_as_they_were() {
    let client = feed(0, 9);
    let mut list = list(&client, 1);
    for _ in 0..3 {
        list.fetch_next().await.unwrap();
    }
    let before = list.pages().to_vec();
    client.app().failing.lock().extend([0, 2, 4]);
    assert!(list.refetch_all().await.is_err());
    assert!(list.refetch(1).await.is_err());
    assert!(list.fetch_next().await.is_err() && list.fetch_previous().await.is_err());
    shows(&list, &[1, 2, 3]);
    assert!(before.iter().zip(list.pages()).all(|(before, now)| Arc::ptr_eq(before, now)));
    client.app().failing.lock().clear();
    list.fetch_next().await.unwrap();
    shows(&list, &[1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_half_way_leaves_all_pages_as_they_were() {
    let client = feed(0, 9);
    let mut list = list(&client, 1);
    list.fetch_next().await.unwrap();
    list.fetch_next().await.unwrap();
    let before = list.pages().to_vec();
    assert!(tokio::time::timeout(SECOND / 2, list.fetch_next()).await.is_err());
    assert!(tokio::time::timeout(SECOND / 2, list.fetch_previous()).await.is_err());
    assert!(tokio::time::timeout(SECOND / 2, list.refetch(0)).await.is_err());
    assert!(tokio::time::timeout(SECOND * 3 / 2, list.refetch_all()).await.is_err());
    shows(&list, &[1, 2]);
    assert!(before.iter().zip(list.pages()).all(|(before, now)| Arc::ptr_eq(before, now)));
}

#[tokio::test(start_paused = true)]
async fn after_an_invalidation_only_what_it_marked_is_loaded() {
    let client = feed(0, 9);
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
    shows(&list, &[0, 1, 2]);
    assert_eq!((client.app().loads(), list.pages()[2].load), (vec![1], 77));
}

#[tokio::test(start_paused = true)]
async fn a_list_without_pages_has_nothing_to_load_anew() {
    let client = feed(0, 9);
    let mut list = list(&client, 0);
    list.refetch_all().await.unwrap();
    list.revalidate().await.unwrap();
    assert!(list.refetch_first().await.unwrap().is_none());
    shows(&list, &[]);
    assert!(client.app().loads().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_page_that_has_become_stale_is_loaded_when_it_comes_back() {
    let client = feed(0, 9);
    let mut list = list(&client, 0).max_pages(1);
    list.fetch_next().await.unwrap();
    list.fetch_next().await.unwrap();
    shows(&list, &[1]);
    pass(seconds(20)).await;
    list.fetch_previous().await.unwrap();
    shows(&list, &[0]);
    assert_eq!(client.app().loads(), [0, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn pages_may_be_fetched_in_a_task() {
    let client = feed(0, 9);
    let mut list = list(&client, 0);
    let fetched = tokio::spawn(async move {
        list.fetch_next().await.unwrap();
        list.refetch_all().await.unwrap();
        format!("{list:?}")
    });
    assert_eq!(fetched.await.unwrap(), "Infinite { queries: [GetSlice(0)], .. }");
}
