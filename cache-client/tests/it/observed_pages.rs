//! Observed pages follow commits, invalidations, layers and cursors.

use std::sync::Arc;

use cache_client::{Client, InfiniteObserver, InfiniteState, PagedObserver, PagedState};
use cache_core::EntryTimes;

use crate::feed::*;
use crate::scripted::{in_time, pass, seconds, settle};

type Seen = InfiniteState<Slice, SliceError>;

/// An observed list that starts at `at` and grows at both ends.
fn list(client: &Client<Feed>, at: i64) -> InfiniteObserver<Feed, GetSlice> {
    client
        .infinite(GetSlice(at), |slice| slice.behind.map(GetSlice))
        .with_previous(|slice| slice.before.map(GetSlice))
        .observe()
}

fn places(state: &Seen) -> Vec<i64> {
    state.pages.iter().map(|slice| slice.at).collect()
}

/// Reads states until nothing is loading.
async fn at_rest(list: &mut InfiniteObserver<Feed, GetSlice>) -> Seen {
    loop {
        let state = in_time(list.next()).await.unwrap();
        if !state.is_loading && !state.is_refreshing {
            return state;
        }
    }
}

/// A list that shows the pages from 0 to `last`.
async fn shown(client: &Client<Feed>, last: i64) -> InfiniteObserver<Feed, GetSlice> {
    let mut list = list(client, 0);
    for _ in 0..last {
        at_rest(&mut list).await;
        assert!(list.fetch_next());
    }
    at_rest(&mut list).await;
    list
}

fn slice(at: i64, behind: Option<i64>) -> Slice {
    Slice { at, load: 99, before: None, behind, total: None }
}

#[tokio::test(start_paused = true)]
async fn a_list_loads_its_first_page_and_grows_at_both_ends() {
    let client = feed_client(0, 3);
    let mut list = list(&client, 1);
    let state = in_time(list.next()).await.unwrap();
    assert!(state.pages.is_empty() && state.is_loading && !state.has_next && !list.fetch_next());
    let state = at_rest(&mut list).await;
    assert_eq!((places(&state), state.has_next, state.has_previous), (vec![1], true, true));
    assert!(list.fetch_next());
    let state = in_time(list.next()).await.unwrap();
    assert_eq!((places(&state), state.is_loading, state.has_next), (vec![1], true, false));
    assert!(!list.fetch_next(), "the last page is loading");
    at_rest(&mut list).await;
    assert!(list.fetch_next() && list.fetch_previous());
    let state = at_rest(&mut list).await;
    assert_eq!((places(&state), state.has_next, state.has_previous), (vec![0, 1, 2, 3], false, false));
    assert!(!list.fetch_next() && !list.fetch_previous());
    assert_eq!(state.items(|slice| [slice.at, -slice.at]).collect::<Vec<_>>(), [0, 0, 1, -1, 2, -2, 3, -3]);
    assert_eq!(client.app().loads().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_commit_and_an_invalidation_of_any_page_are_shown() {
    let client = feed_client(0, 9);
    let mut list = shown(&client, 2).await;
    client.cache().insert(GetSlice(1), Slice { load: 77, ..slice(1, Some(2)) });
    let state = in_time(list.next()).await.unwrap();
    assert_eq!((places(&state), state.pages[1].load), (vec![0, 1, 2], 77));
    client.app().loads();
    client.invalidate(&GetSlice(2));
    let state = in_time(list.next()).await.unwrap();
    assert!(state.is_stale && state.is_refreshing && !state.is_loading && state.pages.len() == 3);
    let state = at_rest(&mut list).await;
    assert!(!state.is_stale && state.pages.len() == 3);
    assert_eq!(client.app().loads(), [2]);
    client.invalidate_tag("feed");
    at_rest(&mut list).await;
    assert_eq!(client.app().loads().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_layer_is_shown_until_it_is_rolled_back() {
    let client = feed_client(0, 9);
    let mut list = shown(&client, 1).await;
    let layer = client.optimistic(|layer| layer.update(&GetSlice(1), |_| Some(slice(100, None))));
    let state = in_time(list.next()).await.unwrap();
    assert_eq!((places(&state), state.is_optimistic, state.has_next), (vec![0, 100], true, false));
    layer.rollback();
    let state = in_time(list.next()).await.unwrap();
    assert_eq!((places(&state), state.is_optimistic, state.has_next), (vec![0, 1], false, true));
}

#[tokio::test(start_paused = true)]
async fn a_changed_cursor_leads_to_other_pages_and_old_ones_are_shown_until_those_are_there() {
    let client = feed_client(0, 9);
    let mut list = shown(&client, 2).await;
    client.app().loads();
    // Now the page after 0 is 5.
    client.cache().insert(GetSlice(0), slice(0, Some(5)));
    let state = in_time(list.next()).await.unwrap();
    assert_eq!((places(&state), state.is_loading), (vec![0, 1, 2], true));
    let state = at_rest(&mut list).await;
    assert_eq!(places(&state), [0, 5, 6]);
    assert_eq!(client.app().loads(), [5, 6]);
    // Now there is no page after 5.
    client.cache().insert(GetSlice(5), slice(5, None));
    let state = at_rest(&mut list).await;
    assert_eq!((places(&state), state.has_next), (vec![0, 5], false));
    // The page that is not shown any more is not observed either.
    client.invalidate(&GetSlice(6));
    pass(seconds(2)).await;
    assert!(client.app().loads().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_number_of_shown_and_observed_pages_is_bounded() {
    let client = feed_client(0, 9);
    let mut list = client
        .infinite(GetSlice(0), |slice| slice.behind.map(GetSlice))
        .with_previous(|slice| slice.before.map(GetSlice))
        .max_pages(2)
        .observe();
    for expected in [&[0][..], &[0, 1], &[1, 2], &[2, 3]] {
        assert_eq!(places(&at_rest(&mut list).await), expected);
        assert!(list.fetch_next());
    }
    at_rest(&mut list).await;
    assert!(list.fetch_previous());
    assert_eq!(places(&at_rest(&mut list).await), [2, 3]);
    client.app().loads();
    client.invalidate_query::<GetSlice>();
    at_rest(&mut list).await;
    assert_eq!(client.app().loads().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_is_an_error_beside_the_others_and_recovers() {
    let client = feed_client(0, 9);
    let mut list = shown(&client, 1).await;
    client.app().failing.lock().insert(2);
    assert!(list.fetch_next());
    let state = at_rest(&mut list).await;
    assert_eq!((places(&state), state.error.is_some(), state.has_next), (vec![0, 1], true, false));
    client.app().failing.lock().clear();
    client.invalidate(&GetSlice(2));
    let state = at_rest(&mut list).await;
    assert_eq!((places(&state), state.error.is_some(), state.has_next), (vec![0, 1, 2], false, true));
}

#[tokio::test(start_paused = true)]
async fn fetched_pages_are_observed_until_the_observer_is_dropped() {
    let client = feed_client(0, 9);
    let mut pulled = client.infinite(GetSlice(0), |slice| slice.behind.map(GetSlice));
    for _ in 0..3 {
        pulled.fetch_next().await.unwrap();
    }
    client.app().loads();
    let mut list = pulled.observe();
    assert_eq!(places(&list.state()), [0, 1, 2]);
    assert_eq!(places(&at_rest(&mut list).await), [0, 1, 2]);
    client.invalidate(&GetSlice(1));
    settle().await;
    assert_eq!(client.app().loads(), [1]);
    drop(list);
    client.invalidate_query::<GetSlice>();
    pass(seconds(5)).await;
    assert!(client.app().loads().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_state_that_was_read_is_not_returned_again_and_a_slow_reader_gets_the_newest() {
    let client = feed_client(0, 9);
    let mut list = shown(&client, 3).await;
    for load in 0..5 {
        client.cache().insert(GetSlice(2), Slice { load, ..slice(2, Some(3)) });
        client.cache().insert(GetSlice(0), Slice { load, ..slice(0, Some(1)) });
        settle().await;
    }
    let state = in_time(list.next()).await.unwrap();
    assert_eq!((state.pages[0].load, state.pages[2].load), (4, 4));
    settle().await;
    let more = tokio::time::timeout(seconds(1), list.next()).await;
    assert!(more.is_err(), "{:?}", more.map(|state| state.map(|state| places(&state))));
}

#[tokio::test(start_paused = true)]
async fn a_list_stays_readable_while_its_pages_are_removed() {
    let client = feed_client(0, 9);
    let mut list = shown(&client, 2).await;
    client.cache().clear();
    let state = in_time(list.next()).await.unwrap();
    assert!(state.is_loading, "{state:?}");
    assert_eq!(places(&at_rest(&mut list).await), [0, 1, 2]);
}

// Pages by number

fn pages(client: &Client<Feed>) -> PagedObserver<Feed, GetSlice> {
    client.paged(|page| GetSlice(page as i64)).with_total(|slice| slice.total).observe()
}

async fn page_at_rest(pages: &mut PagedObserver<Feed, GetSlice>) -> PagedState<Slice, SliceError> {
    loop {
        let state = in_time(pages.next()).await.unwrap();
        if !state.is_loading && !state.is_refreshing {
            return state;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_is_shown_until_the_next_one_is_there() {
    let client = feed_client(1, 9);
    client.app().shape.lock().total = Some(3);
    let mut pages = pages(&client);
    let state = in_time(pages.next()).await.unwrap();
    assert!(state.is_loading && state.value.is_none() && state.has_next && !state.has_previous);
    let state = page_at_rest(&mut pages).await;
    assert_eq!((state.page, state.total, state.value.map(|slice| slice.at)), (1, Some(3), Some(1)));
    assert!(pages.show_next());
    let state = in_time(pages.next()).await.unwrap();
    assert!(state.is_loading && state.is_previous && state.page == 2, "{state:?}");
    assert_eq!(state.value.map(|slice| slice.at), Some(1));
    let state = page_at_rest(&mut pages).await;
    assert_eq!((state.value.map(|slice| slice.at), state.is_previous), (Some(2), false));
    pages.jump(3);
    let state = page_at_rest(&mut pages).await;
    assert!(!state.has_next && state.has_previous && !pages.show_next());
    assert!(pages.show_previous() && pages.page() == 2);
    // It is still fresh.
    let state = in_time(pages.next()).await.unwrap();
    assert_eq!((state.is_loading, state.value.map(|slice| slice.at)), (false, Some(2)));
    assert_eq!(client.app().loads(), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_page_follows_commits_invalidations_and_layers() {
    let client = feed_client(1, 9);
    let mut pages = pages(&client);
    page_at_rest(&mut pages).await;
    let committed = Arc::new(slice(1, None));
    client.cache().insert_timed(GetSlice(1), Arc::clone(&committed), EntryTimes::new());
    let state = in_time(pages.next()).await.unwrap();
    assert!(Arc::ptr_eq(state.value.as_ref().unwrap(), &committed));
    let layer = client.optimistic(|layer| layer.update(&GetSlice(1), |_| Some(slice(100, None))));
    let state = in_time(pages.next()).await.unwrap();
    assert_eq!((state.value.map(|slice| slice.at), state.is_optimistic), (Some(100), true));
    drop(layer);
    client.app().failing.lock().insert(1);
    client.invalidate(&GetSlice(1)).reloaded().await;
    let state = pages.state();
    assert!(state.error.is_some() && state.value.is_some() && !state.is_loading, "{state:?}");
}
