//! Pages by number.

use std::sync::Arc;

use cache_client::{Client, Paged};

use crate::feed::*;
use crate::scripted::{SECOND, pass, seconds};

fn page(number: u64) -> GetSlice {
    GetSlice(i64::try_from(number).unwrap())
}

/// A client with a feed of three pages, and its paged list, which knows the total.
fn client_with_three_pages() -> (Client<Feed>, Paged<Feed, GetSlice>) {
    let client = feed_client(1, 3);
    client.app().shape.lock().total = Some(3);
    let pages = client.paged(page).with_total(|slice: &Slice| slice.total);
    (client, pages)
}

fn shown(pages: &Paged<Feed, GetSlice>) -> Option<(u64, i64)> {
    Some((pages.page(), pages.current()?.at))
}

#[tokio::test(start_paused = true)]
async fn pages_turn_one_by_one_and_stop_at_the_ends() {
    let (client, mut pages) = client_with_three_pages();
    assert_eq!((pages.page(), pages.total(), shown(&pages)), (1, None, None));
    assert!(pages.has_next() && !pages.has_previous());
    assert!(client.app().loads().is_empty());
    for number in 1..=3 {
        let value = pages.next().await.unwrap().unwrap();
        assert!(Arc::ptr_eq(&value, pages.current().unwrap()));
        assert_eq!(shown(&pages), Some((number, i64::try_from(number).unwrap())));
    }
    assert!(!pages.has_next() && pages.has_previous());
    assert!(pages.next().await.unwrap().is_none());
    assert_eq!((shown(&pages), client.app().loads()), (Some((3, 3)), vec![1, 2, 3]));
    for number in [2, 1] {
        assert_eq!(pages.previous().await.unwrap().unwrap().at, number);
    }
    assert!(!pages.has_previous() && pages.previous().await.unwrap().is_none());
    assert_eq!((shown(&pages), client.app().loads()), (Some((1, 1)), vec![]));
}

#[tokio::test(start_paused = true)]
async fn no_page_precedes_the_first() {
    let (client, mut pages) = client_with_three_pages();
    assert!(pages.previous().await.unwrap().is_none());
    assert!(pages.current().is_none() && client.app().loads().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_jump_shows_the_given_page() {
    let (client, mut pages) = client_with_three_pages();
    assert_eq!(pages.jump(3).await.unwrap().at, 3);
    assert_eq!((shown(&pages), pages.total(), pages.query()), (Some((3, 3)), Some(3), GetSlice(3)));
    client.app().shape.lock().total = Some(7);
    // The target need not be known before.
    pages.jump(6).await.unwrap();
    assert!(pages.has_next() && pages.total() == Some(7));
    pages.jump(1).await.unwrap();
    assert_eq!(client.app().loads(), [3, 6, 1]);
}

#[tokio::test(start_paused = true)]
async fn pages_are_numbered_from_the_given_start() {
    let client = feed_client(0, 1);
    client.app().shape.lock().total = Some(2);
    let mut pages = client.paged(page).numbered_from(0).with_total(|slice: &Slice| slice.total);
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.extend(pages.next().await.unwrap().map(|slice| slice.at));
    }
    assert_eq!((seen, pages.page(), pages.has_next()), (vec![0, 1], 1, false));
    assert_eq!(pages.previous().await.unwrap().unwrap().at, 0);
    assert!(!pages.has_previous());
    // Below the first page nothing is known, and a step causes no error.
    let mut pages = client.paged(page).numbered_from(5).with_total(|slice: &Slice| slice.total);
    pages.jump(2).await.unwrap();
    assert!(pages.has_next() && !pages.has_previous());
}

#[tokio::test(start_paused = true)]
async fn without_a_total_another_page_is_always_possible() {
    let client = feed_client(1, 3);
    let mut pages = client.paged(page);
    pages.jump(1_000).await.unwrap();
    assert!(pages.has_next() && pages.total().is_none());
    let mut silent = client.paged(page).with_total(|slice: &Slice| slice.total);
    silent.jump(u64::try_from(i64::MAX / 2).unwrap()).await.unwrap();
    assert!(silent.has_next());
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_to_load_leaves_the_previous_page() {
    let (client, mut pages) = client_with_three_pages();
    pages.next().await.unwrap();
    client.app().failing.lock().insert(2);
    assert!(pages.next().await.is_err());
    assert_eq!(shown(&pages), Some((1, 1)));
    client.app().failing.lock().clear();
    assert_eq!(pages.next().await.unwrap().unwrap().at, 2);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_step_leaves_the_previous_page_and_its_load_continues() {
    let (client, mut pages) = client_with_three_pages();
    pages.next().await.unwrap();
    assert!(tokio::time::timeout(SECOND / 2, pages.next()).await.is_err());
    assert_eq!(shown(&pages), Some((1, 1)));
    pass(seconds(2)).await;
    assert!(client.cached(&GetSlice(2)).is_some());
    assert!(tokio::time::timeout(SECOND / 2, pages.refetch()).await.is_err());
    assert_eq!(shown(&pages), Some((1, 1)));
}

#[tokio::test(start_paused = true)]
async fn a_refreshed_page_is_seen_by_all() {
    let (client, mut pages) = client_with_three_pages();
    pages.jump(2).await.unwrap();
    let old = Arc::clone(pages.current().unwrap());
    pages.refetch().await.unwrap();
    assert!(!Arc::ptr_eq(&old, pages.current().unwrap()));
    assert_eq!((shown(&pages), client.app().loads()), (Some((2, 2)), vec![2, 2]));
    assert!(Arc::ptr_eq(&client.query(&GetSlice(2)).await.unwrap(), pages.current().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn an_invalidated_page_is_loaded_when_it_is_shown_again() {
    let (client, mut pages) = client_with_three_pages();
    pages.jump(1).await.unwrap();
    pages.jump(2).await.unwrap();
    client.app().loads();
    let _ = client.invalidate(&GetSlice(1));
    pages.jump(2).await.unwrap();
    pages.jump(1).await.unwrap();
    assert_eq!(client.app().loads(), [1]);
}

#[tokio::test(start_paused = true)]
async fn pages_can_be_turned_in_a_task() {
    let (_, mut pages) = client_with_three_pages();
    let turned = tokio::spawn(async move {
        pages.next().await.unwrap();
        pages.previous().await.unwrap();
        pages.refetch().await.unwrap();
        format!("{pages:?}")
    });
    assert_eq!(turned.await.unwrap(), "Paged { page: 1, total: Some(3), is_shown: true, .. }");
}
