//! Loads that bring answers for other keys along.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_client::{Client, Context, MemoryProvider, State, Strategy, TokioClock, TrackingProvider};
use cache_core::{Cache, CommitError, Tag};
use tokio::task::JoinHandle;

use crate::directed::*;
use crate::scripted::{SECOND, in_time, pass, seconds, settle, spawn_query, takes};

/// The cached value of an item that a load has brought.
const BROUGHT: usize = 100;

/// A client whose load of the first page takes a second and brings the first item.
fn bringing_client() -> Client<DirectedApp> {
    let client = directed_client();
    bring_in(&client, |cx| cx.bring(GetItem(1), BROUGHT));
    client
}

/// Directs the load of the first page to take a second and to bring something.
fn bring_in(
    client: &Client<DirectedApp>,
    bring: impl Fn(&Context<DirectedApp>) + Copy + Send + Sync + 'static,
) {
    client.app().direct(&GetPage(1), move |cx| async move {
        takes(SECOND).await;
        bring(&cx);
        Ok(1)
    });
}

/// Starts the load of the first page and waits until its code runs.
async fn begin(client: &Client<DirectedApp>) -> JoinHandle<()> {
    let page = spawn_query(client, &GetPage(1));
    settle().await;
    tokio::spawn(async move { assert_eq!(*page.await.unwrap().unwrap(), 1, "callers get the answer") })
}

fn item(client: &Client<DirectedApp>) -> Option<usize> {
    client.cached(&GetItem(1)).map(|value| *value)
}

#[tokio::test(start_paused = true)]
async fn what_a_load_brings_needs_no_load_of_its_own() {
    let client = directed_client();
    bring_in(&client, |cx| (0..20).for_each(|number| cx.bring(GetItem(number), BROUGHT + number as usize)));
    in_time(client.query(&GetPage(1))).await.unwrap();
    for number in 0..20 {
        assert_eq!(*client.query(&GetItem(number)).await.unwrap(), BROUGHT + number as usize);
        assert_eq!(client.app().loads(&GetItem(number)), 0);
    }
    assert_eq!(client.app().loads(&GetPage(1)), 1);
}

#[tokio::test(start_paused = true)]
async fn a_change_during_the_load_is_not_undone() {
    type Change = fn(&Client<DirectedApp>);
    let changes: [(&str, Change); 12] = [
        ("insert", |client| drop(client.cache().insert(GetItem(1), 7))),
        ("remove", |client| _ = client.cache().remove(&GetItem(1))),
        ("invalidate", |client| _ = client.cache().invalidate(&GetItem(1))),
        ("predicate", |client| drop(client.invalidate_where::<GetItem>(|_| true))),
        ("tag of the query", |client| drop(client.invalidate_tag("items"))),
        ("tag of the key", |client| drop(client.invalidate_tag(Tag::new("item", 1)))),
        ("all", |client| drop(client.invalidate_all())),
        ("clear", |client| client.cache().clear()),
        ("set in a transaction", |client| {
            client.cache().transact(|tx| Ok::<_, CommitError>(tx.set(GetItem(1), 7))).unwrap();
        }),
        ("update in a transaction", |client| {
            client.cache().transact(|tx| Ok::<_, CommitError>(tx.update(&GetItem(1), |_| 7))).unwrap();
        }),
        ("mark in a transaction", |client| {
            client.cache().transact(|tx| Ok::<_, CommitError>(tx.invalidate(&GetItem(1)))).unwrap();
        }),
        ("removal in a transaction", |client| {
            client.cache().transact(|tx| Ok::<_, CommitError>(tx.remove(&GetItem(1)))).unwrap();
        }),
    ];
    for (name, change) in changes {
        for prepare in [
            (|_| ()) as Change,
            |client| drop(client.cache().insert(GetItem(2), 2)),
            |client| drop(client.cache().insert(GetItem(1), 6)),
        ] {
            let client = bringing_client();
            prepare(&client);
            let load = begin(&client).await;
            change(&client);
            let before = item(&client);
            in_time(load).await.unwrap();
            assert_eq!(item(&client), before, "{name}");
            assert!(before.is_none_or(|value| value == 7 || is_marked(&client, &GetItem(1))), "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_restore_during_the_load_is_not_undone() {
    let client = bringing_client();
    client.cache().insert(GetItem(1), 7);
    let mut snapshot = Vec::new();
    client.cache().save_to(&mut snapshot).unwrap();
    client.cache().remove(&GetItem(1));
    let load = begin(&client).await;
    client.cache().restore_from(&snapshot[..]).unwrap();
    in_time(load).await.unwrap();
    assert_eq!(item(&client), Some(7));
}

#[tokio::test(start_paused = true)]
async fn a_change_before_the_load_is_replaced() {
    type Change = fn(&Client<DirectedApp>);
    let changes: [Change; 5] = [
        |client| drop(client.cache().insert(GetItem(1), 7)),
        |client| {
            client.cache().insert(GetItem(1), 7);
            client.invalidate(&GetItem(1));
        },
        |client| _ = client.cache().remove(&GetItem(1)),
        |client| drop(client.invalidate_tag("items")),
        |client| client.cache().clear(),
    ];
    for change in changes {
        let client = bringing_client();
        change(&client);
        in_time(client.query(&GetPage(1))).await.unwrap();
        assert_eq!(*client.query(&GetItem(1)).await.unwrap(), BROUGHT);
        assert_eq!(client.app().loads(&GetItem(1)), 0, "it is not marked");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_of_another_key_does_not_matter() {
    let client = bringing_client();
    let load = begin(&client).await;
    client.cache().insert(GetItem(2), 7);
    client.cache().touch(&GetItem(2));
    in_time(load).await.unwrap();
    assert_eq!(item(&client), Some(BROUGHT));
}

#[tokio::test(start_paused = true)]
async fn a_load_of_a_brought_key_that_began_earlier_is_retired() {
    let client = bringing_client();
    client.app().direct(&GetItem(1), |_| async {
        takes(seconds(5)).await;
        Ok(7)
    });
    let earlier = spawn_query(&client, &GetItem(1));
    settle().await;
    in_time(client.query(&GetPage(1))).await.unwrap();
    assert_eq!(*client.query(&GetItem(1)).await.unwrap(), BROUGHT);
    assert_eq!(*in_time(earlier).await.unwrap().unwrap(), 7, "its callers get its answer");
    assert_eq!(item(&client), Some(BROUGHT));
    assert_eq!(client.app().loads(&GetItem(1)), 1);
}

#[tokio::test(start_paused = true)]
async fn a_later_load_of_a_brought_key_counts() {
    let client = bringing_client();
    client.app().direct(&GetItem(1), |_| async {
        takes(seconds(5)).await;
        Ok(7)
    });
    let page = begin(&client).await;
    let later = spawn_query(&client, &GetItem(1));
    in_time(page).await.unwrap();
    assert_eq!(item(&client), None);
    assert_eq!(*in_time(later).await.unwrap().unwrap(), 7);
    assert_eq!(item(&client), Some(7));
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_load_brings_does_not_replace_what_a_later_one_has_brought() {
    let client = bringing_client();
    client.app().direct(&GetPage(2), |cx| async move {
        cx.bring(GetItem(1), 7_usize);
        Ok(2)
    });
    let earlier = begin(&client).await;
    client.query(&GetPage(2)).await.unwrap();
    assert_eq!(item(&client), Some(7));
    in_time(earlier).await.unwrap();
    assert_eq!(item(&client), Some(7));
}

#[tokio::test(start_paused = true)]
async fn a_brought_entry_has_the_age_of_the_load_and_the_times_of_its_query() {
    let client = builder().query::<GetItem>(|options| options.ttl(seconds(100))).build();
    bring_in(&client, |cx| {
        cx.fresh_for(seconds(5));
        cx.bring(GetItem(1), BROUGHT);
    });
    in_time(client.query(&GetPage(1))).await.unwrap();
    let state = client.cache().peek_entry(&GetItem(1)).unwrap().state();
    assert_eq!((state.age, state.fresh_for), (SECOND, Some(seconds(60))));
    assert_eq!(state.remaining, Some(seconds(99)));
}

#[tokio::test(start_paused = true)]
async fn what_a_retired_load_brings_is_checked_by_key() {
    let client = directed_client();
    bring_in(&client, |cx| (1..=2).for_each(|number| cx.bring(GetItem(number), BROUGHT)));
    let load = begin(&client).await;
    client.cache().insert(GetPage(1), 50);
    client.cache().insert(GetItem(2), 7);
    in_time(load).await.unwrap();
    assert_eq!(client.cached(&GetPage(1)).as_deref(), Some(&50));
    assert_eq!(item(&client), Some(BROUGHT));
    assert_eq!(client.cached(&GetItem(2)).as_deref(), Some(&7));
}

#[tokio::test(start_paused = true)]
async fn a_load_whose_answer_is_not_stored_brings_nothing() {
    let unstored = directed_client();
    bring_in(&unstored, |cx| {
        cx.bring(GetItem(1), BROUGHT);
        cx.no_store();
    });
    in_time(unstored.query(&GetPage(1))).await.unwrap();

    let by_strategy = bringing_client();
    let uncached = by_strategy.query_with(&GetPage(1), |options| options.strategy(Strategy::NetworkOnly));
    in_time(uncached).await.unwrap();

    let private = bringing_client();
    let cx = private.request("private");
    cx.disable_cache();
    in_time(cx.query(&GetPage(1))).await.unwrap();

    let preset = bringing_client();
    let cx = preset.request("preset");
    cx.set(&GetItem(5), 5_usize).unwrap();
    in_time(cx.query(&GetPage(1))).await.unwrap();

    let outside = directed_client();
    outside.request("request").bring(GetItem(1), BROUGHT);

    for client in [unstored, by_strategy, private, preset, outside] {
        settle().await;
        assert_eq!(item(&client), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_brings_nothing() {
    let client = directed_client();
    let attempts = Arc::new(AtomicUsize::new(0));
    client.app().direct(&GetPage(1), move |cx| {
        let attempt = attempts.fetch_add(1, Ordering::SeqCst);
        async move {
            if attempt > 0 {
                return Ok(1);
            }
            cx.bring(GetItem(1), BROUGHT);
            Err(DirectedError::Failed)
        }
    });
    in_time(client.query(&GetPage(1))).await.unwrap();
    assert_eq!(item(&client), None);
}

#[tokio::test(start_paused = true)]
async fn a_table_that_keeps_nothing_keeps_a_brought_entry_for_its_first_reader() {
    let client = directed_client();
    bring_in(&client, |cx| cx.bring(GetWeakItem(1), BROUGHT));
    in_time(client.query(&GetPage(1))).await.unwrap();
    pass(seconds(4)).await;
    assert_eq!(client.cached(&GetWeakItem(1)).as_deref(), Some(&BROUGHT));
    pass(seconds(2)).await;
    assert!(client.cached(&GetWeakItem(1)).is_none());
}

#[tokio::test(start_paused = true)]
async fn the_answer_and_what_comes_with_it_are_one_transaction() {
    let client = directed_client();
    bring_in(&client, |cx| {
        cx.bring(GetItem(1), BROUGHT);
        cx.bring(GetEqualItem(1), BROUGHT);
    });
    in_time(client.query(&GetPage(1))).await.unwrap();
    let cache = client.cache();
    let revision = cache.peek_entry(&GetPage(1)).unwrap().revision();
    assert_eq!(cache.peek_entry(&GetItem(1)).unwrap().revision(), revision);
    assert_eq!(cache.peek_entry(&GetEqualItem(1)).unwrap().revision(), revision);
}

#[tokio::test(start_paused = true)]
async fn an_observer_shows_a_brought_value_without_a_load() {
    let client = bringing_client();
    client.cache().insert(GetItem(1), 7);
    let mut observer = client.observe(&GetItem(1));
    let mut next = async || match in_time(observer.next()).await.unwrap() {
        State::Ready { value, .. } => *value,
        _ => panic!("there is a value"),
    };
    assert_eq!(next().await, 7);
    client.query(&GetPage(1)).await.unwrap();
    assert_eq!(next().await, BROUGHT);
    assert_eq!(client.app().loads(&GetItem(1)), 0);
}

#[tokio::test(start_paused = true)]
async fn an_equal_brought_value_keeps_the_current_one() {
    let client = directed_client();
    bring_in(&client, |cx| cx.bring(GetEqualItem(1), BROUGHT));
    let present = client.cache().insert(GetEqualItem(1), BROUGHT);
    let revision = client.cache().peek_entry(&GetEqualItem(1)).unwrap().revision();
    pass(seconds(50)).await;
    in_time(client.query(&GetPage(1))).await.unwrap();
    let entry = client.cache().peek_entry(&GetEqualItem(1)).unwrap();
    assert!(Arc::ptr_eq(entry.value(), &present));
    assert_eq!((entry.revision(), entry.age()), (revision, SECOND));
}

#[tokio::test(start_paused = true)]
async fn no_hook_runs_for_a_brought_entry() {
    let refuses = |_: &cache_core::Proposal| Err("refused".into());
    let cache = Cache::builder().clock(TokioClock::new()).before_commit(refuses).build().unwrap();
    let client = Client::builder(cache, DirectedApp::default()).build();
    bring_in(&client, |cx| cx.bring(GetItem(1), BROUGHT));
    in_time(client.query(&GetPage(1))).await.unwrap();
    assert_eq!(item(&client), Some(BROUGHT));
}

#[tokio::test(start_paused = true)]
async fn a_batch_brings_with_its_first_answer() {
    let client = directed_client();
    client.app().direct(&GetPageTogether(1), |cx| async move {
        cx.bring(GetItem(1), BROUGHT);
        Ok(1)
    });
    client.query_all(&[GetPageTogether(1), GetPageTogether(2)]).await;
    assert_eq!(item(&client), Some(BROUGHT));
    let revision = |client: &Client<DirectedApp>| client.cache().peek_entry(&GetItem(1)).unwrap().revision();
    let pages = [1, 2].map(|page| client.cache().peek_entry(&GetPageTogether(page)).unwrap().revision());
    assert!(pages.contains(&revision(&client)), "it was stored once, with an answer");
}

#[tokio::test(start_paused = true)]
async fn the_answer_wins_and_then_the_last_value_of_a_key() {
    let client = directed_client();
    bring_in(&client, |cx| {
        cx.bring(GetItem(1), 7_usize);
        cx.bring(GetPage(1), 50_usize);
        cx.bring(GetItem(1), BROUGHT);
    });
    in_time(client.query(&GetPage(1))).await.unwrap();
    assert_eq!(item(&client), Some(BROUGHT));
    assert_eq!(client.cached(&GetPage(1)).as_deref(), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn what_comes_with_an_outdated_answer_is_stored() {
    let client = directed_client();
    client.app().direct(&GetPage(1), |cx| async move {
        cx.query(&GetPage(2)).await?;
        takes(SECOND).await;
        cx.bring(GetItem(1), BROUGHT);
        Ok(1)
    });
    let load = begin(&client).await;
    client.invalidate(&GetPage(2));
    in_time(load).await.unwrap();
    assert!(is_marked(&client, &GetPage(1)));
    assert_eq!(item(&client), Some(BROUGHT));
    assert!(!is_marked(&client, &GetItem(1)));
}

#[tokio::test(start_paused = true)]
async fn a_provider_gets_a_copy_of_a_brought_entry() {
    let provider = Arc::new(MemoryProvider::new(100));
    let (first, second) =
        (builder().provider(Arc::clone(&provider)).build(), builder().provider(provider).build());
    bring_in(&first, |cx| cx.bring(GetItem(1), BROUGHT));
    in_time(first.query(&GetPage(1))).await.unwrap();
    pass(SECOND).await;
    assert_eq!(*in_time(second.query(&GetItem(1))).await.unwrap(), BROUGHT);
    assert_eq!(second.app().loads(&GetItem(1)), 0);
    let age = second.cache().peek_entry(&GetItem(1)).unwrap().age();
    assert!((seconds(2)..seconds(3)).contains(&age), "it is as old as the load: {age:?}");
}

#[tokio::test(start_paused = true)]
async fn copies_of_brought_entries_are_written_at_the_same_time_up_to_16() {
    let provider = Arc::new(TrackingProvider::new());
    let client = builder().provider(Arc::clone(&provider)).build();
    bring_in(&client, |cx| (0..60).for_each(|number| cx.bring(GetItem(number), BROUGHT)));
    let write = Duration::from_millis(100);
    provider.delay(write);
    in_time(client.query(&GetPage(1))).await.unwrap();
    pass(3 * write / 2).await;
    assert!(provider.sets() <= 1 + 16, "{} writes have begun, with that of the page", provider.sets());
    pass(4 * write).await;
    // Some keys share a queue, and so wait for each other.
    assert!(provider.sets() > 10, "{} writes have begun", provider.sets());
    pass(60 * write).await;
    assert_eq!(provider.sets(), 61);
}
