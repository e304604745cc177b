//! Observers show the states of a query, keep its value and load it.

use std::fmt::Display;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use cache_client::{Fetch, LoadingOptions, Observer, QueryError, State, Strategy};
use cache_core::{Query, Residency};
use futures_core::Stream;

use crate::scripted::*;

type Seen<V> = State<V, ScriptedError>;

/// A state as a short text: the value and the flags.
fn text<V: Display>(state: &Seen<V>) -> String {
    match state {
        State::Pending => "pending".to_owned(),
        State::Ready { value, is_stale, is_refreshing, is_previous, .. } => {
            let flag = |is_set: bool, name: &'static str| if is_set { name } else { "" };
            let (stale, refreshing) = (flag(*is_stale, " stale"), flag(*is_refreshing, " refreshing"));
            format!("{value}{stale}{refreshing}{}", flag(*is_previous, " previous"))
        }
        State::Failed { last, is_refreshing, .. } => {
            let last = last.as_ref().map_or("nothing".to_owned(), ToString::to_string);
            format!("failed after {last}{}", if *is_refreshing { " refreshing" } else { "" })
        }
        _ => unreachable!("no other state"),
    }
}

async fn next<Q: Fetch<ScriptedApp, Error = ScriptedError> + Query<Value: Display>>(
    observer: &mut Observer<ScriptedApp, Q>,
) -> String {
    text(&in_time(observer.next()).await.expect("the runtime is running"))
}

/// The next state, if one is available without waiting.
async fn at_once<Q: Fetch<ScriptedApp, Error = ScriptedError> + Query<Value: Display>>(
    observer: &mut Observer<ScriptedApp, Q>,
) -> Option<String> {
    settle().await;
    tokio::select! {
        biased;
        state = observer.next() => state.as_ref().map(text),
        () = std::future::ready(()) => None,
    }
}

#[test]
fn states_can_be_constructed_for_tests() {
    let ready: Seen<u8> = State::ready(7);
    assert_eq!(text(&ready), "7");
    let error = QueryError::Failed { query: "get", source: Arc::new(ScriptedError::NoLuck) };
    let failed: Seen<u8> = State::failed(error, ready.value().cloned());
    assert_eq!(text(&failed), "failed after 7");
}

#[tokio::test(start_paused = true)]
async fn a_missing_key_is_pending_and_then_ready() {
    let client = paused_client();
    let query = GetNumber(1);
    let mut observer = client.observe(&query);
    assert!(observer.state().is_pending());
    assert_eq!(next(&mut observer).await, "pending");
    assert_eq!(next(&mut observer).await, "1");
    assert_eq!(at_once(&mut observer).await, None);
    assert_eq!(observer.query(), Some(&query));
    assert_eq!(client.app().loads(&query), 1);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_key_is_ready_at_once_and_not_loaded() {
    let client = paused_client();
    let query = GetNumber(1);
    client.cache().insert(query.clone(), 50);
    let mut observer = client.observe(&query);
    assert_eq!(next(&mut observer).await, "50");
    pass(SECOND).await;
    assert_eq!(at_once(&mut observer).await, None);
    assert_eq!(client.app().loads(&query), 0);
}

#[tokio::test(start_paused = true)]
async fn an_observer_is_a_stream() {
    let client = paused_client();
    let mut observer = client.observe(&GetNumber(1));
    let mut states = Vec::new();
    while states.len() < 2 {
        let state = in_time(poll_fn(|cx| Pin::new(&mut observer).poll_next(cx))).await;
        states.push(text(&state.unwrap()));
    }
    assert_eq!(states, ["pending", "1"]);
}

#[tokio::test(start_paused = true)]
async fn an_invalidated_value_is_shown_until_the_new_one_is_there() {
    let client = paused_client();
    let query = GetNumber(1);
    let mut observer = client.observe(&query);
    assert_eq!(next(&mut observer).await, "pending");
    assert_eq!(next(&mut observer).await, "1");
    client.invalidate(&query);
    assert_eq!(next(&mut observer).await, "1 stale refreshing");
    assert_eq!(next(&mut observer).await, "2");
    assert_eq!(client.app().loads(&query), 2);
}

#[tokio::test(start_paused = true)]
async fn a_mark_made_directly_in_the_store_reloads_an_observed_key_too() {
    let client = paused_client();
    let query = GetNumber(1);
    let mut observer = client.observe(&query);
    pass(seconds(2)).await;
    assert_eq!(next(&mut observer).await, "1");
    let mut tx = client.cache().begin();
    tx.invalidate(&query);
    tx.commit().unwrap();
    assert_eq!(next(&mut observer).await, "1 stale refreshing");
    assert_eq!(next(&mut observer).await, "2");
}

#[tokio::test(start_paused = true)]
async fn a_removed_or_cleared_key_is_pending_and_loaded_again() {
    let client = paused_client();
    let query = GetNumber(1);
    let mut observer = client.observe(&query);
    pass(seconds(2)).await;
    assert_eq!(next(&mut observer).await, "1");
    client.cache().remove(&query);
    assert_eq!(next(&mut observer).await, "pending");
    assert_eq!(next(&mut observer).await, "2");
    client.cache().clear();
    assert_eq!(next(&mut observer).await, "pending");
    assert_eq!(next(&mut observer).await, "3");
}

#[tokio::test(start_paused = true)]
async fn a_key_invalidated_during_its_load_is_reloaded_at_once() {
    let client = paused_client();
    let query = GetNumber(1);
    let mut observer = client.observe(&query);
    assert_eq!(next(&mut observer).await, "pending");
    pass(SECOND / 2).await;
    client.invalidate(&query);
    pass(SECOND * 3 / 4).await;
    // The first load has ended, and its answer is better than none.
    assert_eq!(at_once(&mut observer).await.as_deref(), Some("1 stale refreshing"));
    assert_eq!(next(&mut observer).await, "2");
    assert_eq!(client.app().loads(&query), 2);
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_between_the_end_of_a_load_and_its_store_reloads_the_key() {
    let client = paused_client();
    let query = GetWeighed(101);
    let other = client.clone();
    query.when_weighed(move || {
        other.invalidate(&GetWeighed(101));
    });
    let mut observer = client.observe(&query);
    assert_eq!(next(&mut observer).await, "pending");
    assert_eq!(next(&mut observer).await, "1 stale refreshing");
    assert_eq!(next(&mut observer).await, "2");
    assert_eq!(client.app().loads(&query), 2);
}

#[tokio::test(start_paused = true)]
async fn a_load_superseded_by_a_cancelled_refresh_runs_again() {
    let client = paused_client();
    let query = GetNumber(1);
    let mut observer = client.observe(&query);
    assert_eq!(next(&mut observer).await, "pending");
    pass(SECOND / 2).await;
    let (caller, key) = (client.clone(), query.clone());
    let refresh = tokio::spawn(async move {
        let options = |options: LoadingOptions| options.strategy(Strategy::Refresh).linger(seconds(0));
        caller.query_with(&key, options).await.map(drop)
    });
    settle().await;
    refresh.abort();
    settle().await;
    assert_eq!(client.app().loads(&query), 2);
    assert_eq!(next(&mut observer).await, "3");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_to_an_equal_value_shows_nothing_new() {
    let client = paused_client();
    let query = GetEqual(1);
    let mut observer = client.observe(&query);
    pass(seconds(2)).await;
    assert_eq!(next(&mut observer).await, "7");
    let first = observer.state().value().cloned().unwrap();
    let refreshed = client.query_with(&query, |options| options.strategy(Strategy::Refresh)).await;
    assert!(Arc::ptr_eq(&first, &refreshed.unwrap()));
    assert_eq!(at_once(&mut observer).await, None);
    assert!(Arc::ptr_eq(&first, observer.state().value().unwrap()));
    assert_eq!(client.app().loads(&query), 2);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_gets_the_newest_state() {
    let client = paused_client();
    let query = GetNumber(1);
    let mut observer = client.observe(&query);
    assert_eq!(next(&mut observer).await, "pending");
    pass(seconds(2)).await;
    for value in 51..=55 {
        client.cache().insert(query.clone(), value);
        settle().await;
    }
    assert_eq!(next(&mut observer).await, "55");
    assert_eq!(at_once(&mut observer).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_commit_is_shown_only_by_observers_of_its_key() {
    let client = paused_client();
    let query = GetNumber(1);
    client.cache().insert(query.clone(), 50);
    let mut observer = client.observe(&query);
    assert_eq!(next(&mut observer).await, "50");
    client.cache().insert(GetNumber(2), 60);
    assert_eq!(at_once(&mut observer).await, None);
    let mut tx = client.cache().begin();
    tx.set(query.clone(), 51);
    tx.commit().unwrap();
    assert_eq!(at_once(&mut observer).await.as_deref(), Some("51"));
}

#[tokio::test(start_paused = true)]
async fn a_commit_during_a_load_is_shown_and_the_load_is_abandoned() {
    let client = paused_client();
    let query = GetNumber(1);
    client.app().script(&query, Script::Never);
    let mut observer = client.observe(&query);
    assert_eq!(next(&mut observer).await, "pending");
    pass(SECOND).await;
    client.cache().insert(query.clone(), 50);
    assert_eq!(next(&mut observer).await, "50");
    settle().await;
    assert_eq!(client.app().dropped(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_load_is_shown_with_the_last_value_until_a_better_one_comes() {
    let client = paused_client();
    let query = GetNumber(1);
    client.app().script(&query, Script::Fail(SECOND));
    let mut observer = client.observe(&query);
    assert_eq!(next(&mut observer).await, "pending");
    assert_eq!(next(&mut observer).await, "failed after nothing");
    pass(seconds(60)).await;
    assert_eq!(client.app().loads(&query), 1);
    client.cache().insert(query.clone(), 50);
    assert_eq!(next(&mut observer).await, "50");
    client.invalidate(&query);
    assert_eq!(next(&mut observer).await, "50 stale refreshing");
    assert_eq!(next(&mut observer).await, "failed after 50");
    client.app().script(&query, Script::Answer(SECOND));
    client.invalidate(&query);
    assert_eq!(next(&mut observer).await, "failed after 50 refreshing");
    assert_eq!(next(&mut observer).await, "3");
}

#[tokio::test(start_paused = true)]
async fn a_value_that_becomes_stale_is_shown_as_stale_and_not_loaded() {
    let client = paused_client();
    let query = GetNumber(1);
    let mut observer = client.observe(&query);
    pass(seconds(2)).await;
    assert_eq!(next(&mut observer).await, "1");
    assert_eq!(next(&mut observer).await, "1 stale");
    client.cache().touch(&query);
    assert_eq!(at_once(&mut observer).await.as_deref(), Some("1"));
    assert_eq!(client.app().loads(&query), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stale_key_is_shown_and_loaded_when_an_observer_starts() {
    let client = paused_client();
    client.cache().insert(GetNumber(1), 50);
    client.cache().insert(GetStale(1), 60);
    pass(seconds(20)).await;
    let mut observer = client.observe(&GetNumber(1));
    assert_eq!(next(&mut observer).await, "50 stale refreshing");
    assert_eq!(next(&mut observer).await, "1");
    let mut observer = client.observe(&GetStale(1));
    assert_eq!(next(&mut observer).await, "60 stale refreshing");
    assert_eq!(next(&mut observer).await, "1");
}

#[tokio::test(start_paused = true)]
async fn an_observer_of_a_fresh_key_loads_by_its_own_strategy() {
    let client = paused_client();
    let query = GetNumber(1);
    client.cache().insert(query.clone(), 50);
    let mut observer = client.observe_with(&query, |options| options.strategy(Strategy::Refresh));
    assert_eq!(next(&mut observer).await, "50 refreshing");
    assert_eq!(next(&mut observer).await, "1");
    let only = GetNumber(2);
    client.cache().insert(only.clone(), 50);
    let mut observer = client.observe_with(&only, |options| options.strategy(Strategy::NetworkOnly));
    assert_eq!(next(&mut observer).await, "pending");
    assert_eq!(next(&mut observer).await, "1");
    assert_eq!(client.cached(&only).as_deref(), Some(&50));
}

#[tokio::test(start_paused = true)]
async fn two_observers_share_a_load_and_it_is_cancelled_when_both_have_left() {
    for both_leave in [false, true] {
        let client = paused_client();
        let query = GetNumber(1);
        let one = client.observe(&query);
        let mut other = client.observe(&query);
        pass(SECOND / 2).await;
        assert_eq!(client.app().loads(&query), 1);
        drop(one);
        settle().await;
        assert_eq!(client.app().dropped(), 0);
        if both_leave {
            drop(other);
            settle().await;
            assert_eq!(client.app().dropped(), 1);
            pass(seconds(2)).await;
            assert!(client.cached(&query).is_none());
        } else {
            assert_eq!(next(&mut other).await, "pending");
            assert_eq!(next(&mut other).await, "1");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_with_other_callers_outlives_its_observers() {
    let client = paused_client();
    let query = GetNumber(1);
    let observer = client.observe(&query);
    let waiter = spawn_query(&client, &query);
    pass(SECOND / 2).await;
    drop(observer);
    assert_eq!(*waiter.await.unwrap().unwrap(), 1);
    assert_eq!(client.app().loads(&query), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_can_be_observed_again_after_its_last_observer_has_left() {
    let client = paused_client();
    let query = GetNumber(1);
    drop(client.observe(&query));
    let mut observer = client.observe(&query);
    assert_eq!(next(&mut observer).await, "pending");
    let value = next(&mut observer).await;
    assert_eq!(value, client.app().loads(&query).to_string());
}

#[tokio::test(start_paused = true)]
async fn an_observed_key_is_pinned_until_its_last_observer_leaves() {
    let client = paused_client();
    let query = GetWeak(1);
    let mut observer = client.observe(&query);
    assert_eq!(next(&mut observer).await, "pending");
    assert_eq!(next(&mut observer).await, "1");
    pass(seconds(60)).await;
    let entry = client.cache().peek_entry(&query).unwrap();
    assert_eq!(entry.residency(), Residency::Pinned);
    drop((entry, observer));
    settle().await;
    assert!(client.cached(&query).is_none());
}

#[tokio::test(start_paused = true)]
async fn an_observer_switches_to_another_query_and_shows_the_previous_value_meanwhile() {
    let client = paused_client();
    let mut observer = client.observe(&GetNumber(1));
    assert_eq!(next(&mut observer).await, "pending");
    assert_eq!(next(&mut observer).await, "1");
    client.app().script(&GetNumber(2), Script::Answer(seconds(2)));
    client.cache().insert(GetNumber(3), 30);
    observer.set_query(Some(&GetNumber(2)));
    assert_eq!(next(&mut observer).await, "1 stale refreshing previous");
    pass(SECOND).await;
    // Two queries away from its own value.
    client.cache().insert(GetNumber(1), 10);
    assert_eq!(at_once(&mut observer).await, None);
    assert_eq!(next(&mut observer).await, "1");
    observer.set_query(Some(&GetNumber(3)));
    assert_eq!(next(&mut observer).await, "30");
    observer.set_query(Some(&GetNumber(3)));
    assert_eq!(at_once(&mut observer).await, None);
}

#[tokio::test(start_paused = true)]
async fn the_load_of_a_query_that_an_observer_leaves_is_cancelled() {
    let client = paused_client();
    let mut observer = client.observe(&GetNumber(1));
    pass(SECOND / 2).await;
    observer.set_query(Some(&GetNumber(2)));
    settle().await;
    assert_eq!(client.app().dropped(), 1);
    assert_eq!(next(&mut observer).await, "pending");
    assert_eq!(next(&mut observer).await, "1");
}

#[tokio::test(start_paused = true)]
async fn an_observer_without_a_query_waits_and_loads_nothing() {
    let client = paused_client();
    let mut observer = client.observer::<GetNumber>();
    assert_eq!(next(&mut observer).await, "pending");
    pass(seconds(60)).await;
    assert_eq!(at_once(&mut observer).await, None);
    observer.set_query(Some(&GetNumber(1)));
    assert_eq!(next(&mut observer).await, "pending");
    assert_eq!(next(&mut observer).await, "1");
    observer.set_query(None);
    assert_eq!(observer.query(), None);
    assert_eq!(next(&mut observer).await, "pending");
    client.invalidate(&GetNumber(1));
    pass(seconds(60)).await;
    assert_eq!(at_once(&mut observer).await, None);
    assert_eq!(client.app().loads(&GetNumber(1)), 1);
}

#[tokio::test(start_paused = true)]
async fn invalid_options_are_shown_as_an_error_and_nothing_is_loaded() {
    let client = paused_client();
    let mut observer = client.observe(&GetTimeless(1));
    assert_eq!(next(&mut observer).await, "failed after nothing");
    pass(seconds(2)).await;
    assert_eq!(at_once(&mut observer).await, None);
    assert_eq!(client.app().loads(&GetTimeless(1)), 0);
}

#[tokio::test]
async fn observers_and_writers_on_many_threads_end_with_the_last_value() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    let work = async {
        let client = paused_client();
        let query = GetNumber(1);
        client.cache().insert(query.clone(), 0);
        let writer = |from: usize| {
            let cache = client.cache().clone();
            move || (from..from + 500).for_each(|value| drop(cache.insert(GetNumber(1), value)))
        };
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let mut observer = client.observe(&query);
                tokio::spawn(async move {
                    while observer.next().await.unwrap().value().is_none_or(|value| **value != 9_999) {}
                })
            })
            .collect();
        let writers = [tokio::task::spawn_blocking(writer(0)), tokio::task::spawn_blocking(writer(1_000))];
        for writer in writers {
            writer.await.unwrap();
        }
        client.cache().insert(query, 9_999);
        for reader in readers {
            reader.await.unwrap();
        }
    };
    let done = runtime.spawn(tokio::time::timeout(LONGEST_WAIT, work));
    done.await.unwrap().expect("the test hangs");
    runtime.shutdown_background();
}

#[tokio::test(start_paused = true)]
async fn a_load_that_begins_to_observe_does_not_wait_for_what_it_observes() {
    let client = paused_client();
    let (sender, observer) = tokio::sync::oneshot::channel();
    client.app().when_loaded(1, |cx| {
        Box::pin(async move {
            let observer = cx.client().observe(&GetSum(1));
            sender.send(observer).map_err(drop).unwrap();
            takes(seconds(3)).await;
        })
    });
    in_time(client.query(&GetNumber(1))).await.unwrap();
    let mut observer = observer.await.unwrap();
    pass(seconds(5)).await;
    assert_eq!(at_once(&mut observer).await.as_deref(), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn an_observer_given_the_same_query_again_shows_nothing_new() {
    let client = paused_client();
    let mut observer = client.observer::<GetNumber>();
    assert_eq!(next(&mut observer).await, "pending");
    observer.set_query(None);
    assert_eq!(at_once(&mut observer).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_value_with_its_own_freshness_time_is_shown_as_stale_after_that_time() {
    let client = paused_client();
    client.cache().insert_timed(GetNumber(1), 1, cache_core::EntryTimes::new().fresh(seconds(3)));
    client.cache().insert_timed(GetNumber(2), 2, cache_core::EntryTimes::new().fresh(seconds(20)));
    let (mut short, mut long) = (client.observe(&GetNumber(1)), client.observe(&GetNumber(2)));
    assert_eq!((next(&mut short).await, next(&mut long).await), ("1".to_owned(), "2".to_owned()));
    pass(seconds(4)).await;
    assert_eq!(at_once(&mut short).await.as_deref(), Some("1 stale"));
    pass(seconds(17)).await;
    assert_eq!(at_once(&mut long).await.as_deref(), Some("2 stale"));
}

#[tokio::test(start_paused = true)]
async fn a_replaced_value_is_stale_by_its_own_time_which_may_be_earlier_or_later() {
    let client = paused_client();
    let insert = |value, fresh| {
        let times = cache_core::EntryTimes::new().fresh(seconds(fresh));
        client.cache().insert_timed(GetNumber(1), value, times);
    };
    insert(1, 10);
    let mut observer = client.observe(&GetNumber(1));
    assert_eq!(next(&mut observer).await, "1");
    pass(seconds(5)).await;
    insert(2, 10);
    assert_eq!(at_once(&mut observer).await.as_deref(), Some("2"));
    pass(seconds(6)).await;
    assert_eq!(at_once(&mut observer).await, None, "the first value would be stale");
    pass(seconds(5)).await;
    assert_eq!(at_once(&mut observer).await.as_deref(), Some("2 stale"));
    insert(3, 20);
    assert_eq!(at_once(&mut observer).await.as_deref(), Some("3"));
    insert(4, 2);
    assert_eq!(at_once(&mut observer).await.as_deref(), Some("4"));
    pass(seconds(3)).await;
    assert_eq!(at_once(&mut observer).await.as_deref(), Some("4 stale"));
    // Longer than the time after which the task checks the clock in any case.
    insert(5, 150);
    assert_eq!(at_once(&mut observer).await.as_deref(), Some("5"));
    pass(seconds(30)).await;
    insert(6, 150);
    assert_eq!(at_once(&mut observer).await.as_deref(), Some("6"));
    pass(seconds(149)).await;
    assert_eq!(at_once(&mut observer).await, None);
    pass(seconds(2)).await;
    assert_eq!(at_once(&mut observer).await.as_deref(), Some("6 stale"));
}

#[tokio::test(start_paused = true)]
async fn an_observed_value_that_expires_on_arrival_is_not_loaded_in_a_loop() {
    let client = builder().query::<GetNumber>(|options| options.ttl(SECOND / 2).fresh(SECOND / 4)).build();
    let observer = client.observe(&GetNumber(1));
    pass(seconds(20)).await;
    assert_eq!(client.app().loads(&GetNumber(1)), 1, "{:?}", observer.state());
}

#[tokio::test(start_paused = true)]
async fn a_remembered_error_is_shown_with_its_stale_substitute() {
    let client = paused_client();
    let query = GetBrittle(1);
    client.query(&query).await.unwrap();
    pass(seconds(12)).await;
    client.app().script(&query, Script::Fail(SECOND));
    assert_eq!(*client.query(&query).await.unwrap(), 1, "the stale value substitutes");
    let mut observer = client.observe(&query);
    assert_eq!(next(&mut observer).await, "failed after 1");
    assert_eq!(client.app().loads(&query), 2);
}

#[tokio::test(start_paused = true)]
async fn the_value_of_the_previous_query_does_not_come_back() {
    let client = paused_client();
    client.cache().insert(GetNumber(1), 11);
    client.cache().insert(GetNumber(2), 22);
    let (mut here, mut later) = (client.observe(&GetNumber(1)), client.observe(&GetNumber(1)));
    here.set_query(Some(&GetNumber(2)));
    later.set_query(Some(&GetNumber(3)));
    assert_eq!(
        (text(&here.state()), text(&later.state())),
        ("22".into(), "11 stale refreshing previous".into())
    );
    pass(seconds(2)).await;
    assert_eq!(text(&later.state()), "1");
    client.cache().clear();
    settle().await;
    assert_eq!((text(&here.state()), text(&later.state())), ("pending".into(), "pending".into()));
    assert_eq!((next(&mut here).await, next(&mut later).await), ("pending".into(), "pending".into()));
}

/// Marks a key every 100 ms for 10 s, with loads of 300 ms. Returns how many new values an observer shows and how many
/// loads run at once at most.
async fn shown_while_marked(strategy: Strategy) -> (usize, usize) {
    const TENTH: std::time::Duration = std::time::Duration::from_millis(100);
    let client = paused_client();
    let query = GetNumber(1);
    client.app().script(&query, Script::Answer(3 * TENTH));
    let mut observer = client.observe_with(&query, |options| options.strategy(strategy));
    let (mut values, mut most) = (std::collections::BTreeSet::new(), 0);
    for _ in 0..100 {
        takes(TENTH).await;
        client.invalidate(&query);
        settle().await;
        while let Some(state) = observe_at_once(&mut observer).await {
            if let State::Ready { value, is_stale, .. } = state {
                assert!(is_stale, "the key is marked");
                values.insert(*value);
            }
        }
        most = most.max(client.app().running(&query));
    }
    pass(SECOND).await;
    let state = observer.state();
    assert_eq!(text(&state), client.app().loads(&query).to_string(), "the last value is shown as fresh");
    (values.len(), most)
}

async fn observe_at_once(observer: &mut Observer<ScriptedApp, GetNumber>) -> Option<Seen<usize>> {
    tokio::select! {
        biased;
        state = observer.next() => state,
        () = std::future::ready(()) => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_marked_faster_than_it_loads_is_shown_with_at_most_two_loads() {
    for strategy in [Strategy::CacheFirst, Strategy::NetworkOnly] {
        let (values, most) = shown_while_marked(strategy).await;
        assert!(values >= 10, "{strategy:?}: {values} new values");
        assert!(most <= 2, "{strategy:?}: {most} loads at once");
    }
}

#[tokio::test(start_paused = true)]
async fn the_answer_of_a_retired_load_never_replaces_a_write_or_a_removal() {
    let client = paused_client();
    let query = GetNumber(1);
    let mut observer = client.observe(&query);
    pass(SECOND / 2).await;
    client.invalidate(&query);
    pass(SECOND / 4).await;
    client.cache().insert(query.clone(), 50);
    pass(seconds(3)).await;
    assert_eq!(at_once(&mut observer).await.as_deref(), Some("50"));
    // A shown answer is replaced.
    client.invalidate(&query);
    pass(SECOND / 2).await;
    client.invalidate(&query);
    pass(SECOND * 3 / 4).await;
    assert_eq!(at_once(&mut observer).await.as_deref(), Some("3 stale refreshing"));
    client.cache().remove(&query);
    assert_eq!(at_once(&mut observer).await.as_deref(), Some("pending"));
}

#[tokio::test(start_paused = true)]
async fn each_observer_shows_each_commit_whatever_the_strategy_of_another() {
    let client = paused_client();
    let query = GetNumber(1);
    for drops_plain in [false, true] {
        client.cache().insert(query.clone(), 40);
        let mut plain = client.observe(&query);
        let mut only = client.observe_with(&query, |options| options.strategy(Strategy::NetworkOnly));
        assert_eq!(next(&mut only).await, "pending", "this observer does not read the cache");
        client.app().script(&query, Script::Never);
        pass(seconds(2)).await;
        client.cache().insert(query.clone(), 50);
        assert_eq!(at_once(&mut plain).await.as_deref(), Some("50"));
        assert_eq!(at_once(&mut only).await.as_deref(), Some("50"));
        let mut left = if drops_plain {
            drop(plain);
            only
        } else {
            drop(only);
            plain
        };
        settle().await;
        client.cache().insert(query.clone(), 51);
        assert_eq!(at_once(&mut left).await.as_deref(), Some("51"));
        drop(left);
        client.app().script(&query, Script::Answer(SECOND));
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn each_observer_shows_staleness_by_its_own_options() {
    let client = paused_client();
    let query = GetNumber(1);
    client.cache().insert(query.clone(), 50);
    let mut plain = client.observe(&query);
    let mut strict = client.observe_with(&query, |options| options.fresh(seconds(3)));
    let mut lax = client.observe_with(&query, |options| options.fresh(seconds(30)));
    for observer in [&mut plain, &mut strict, &mut lax] {
        assert_eq!(next(observer).await, "50");
    }
    pass(seconds(4)).await;
    assert_eq!(at_once(&mut strict).await.as_deref(), Some("50 stale"));
    assert_eq!((at_once(&mut plain).await, at_once(&mut lax).await), (None, None));
    drop(strict);
    pass(seconds(7)).await;
    assert_eq!(at_once(&mut plain).await.as_deref(), Some("50 stale"));
    assert_eq!(at_once(&mut lax).await, None);
    // A new observer sees the current state.
    assert_eq!(text(&client.observe_with(&query, |options| options.fresh(seconds(30))).state()), "50");
    assert_eq!(client.app().loads(&query), 0);
    pass(seconds(20)).await;
    assert_eq!(at_once(&mut lax).await.as_deref(), Some("50 stale"));
}

#[tokio::test(start_paused = true)]
async fn values_loaded_by_an_observer_are_stored_with_the_times_of_the_query() {
    let client = paused_client();
    let query = GetNumber(1);
    let observer = client.observe_with(&query, |options| options.ttl(SECOND * 2).fresh(SECOND * 20));
    pass(seconds(2)).await;
    let entry = client.cache().peek_entry(&query).unwrap();
    assert_eq!(entry.state().remaining, None, "the query has no time to live");
    drop(observer);
}

#[tokio::test(start_paused = true)]
async fn the_options_of_an_observer_end_with_it() {
    let client = paused_client();
    let query = GetNumber(1);
    client.cache().insert(query.clone(), 50);
    let mut plain = client.observe(&query);
    let only =
        client.observe_with(&query, |options| options.strategy(Strategy::NetworkOnly).poll(SECOND * 2));
    pass(seconds(2)).await;
    drop(only);
    let loads = client.app().loads(&query);
    pass(seconds(30)).await;
    assert_eq!(client.app().loads(&query), loads, "polling has stopped");
    client.invalidate(&query);
    pass(seconds(2)).await;
    let shown = plain.state().value().map(|value| **value);
    assert_eq!(client.cached(&query).map(|value| *value), shown, "loaded values are stored again");
    assert_eq!(shown, Some(loads + 1));
    drop(next(&mut plain).await);
}
