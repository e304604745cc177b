//! Loads linger after their last caller has left, so that callers with short timeouts find the answer when they retry.

use std::sync::Arc;
use std::time::Duration;

use cache_client::{Client, Context, Fetch, LoadingOptions, QueryError, Strategy};
use cache_core::Holds;
use tokio::runtime::{Builder, Handle};
use tokio::time::Instant;

use crate::batching;
use crate::scripted::*;

/// The default linger time.
const LINGER: Duration = Duration::from_secs(5);

const INSTANT: Duration = Duration::from_millis(1);

/// Starts a query and drops it after half a second.
async fn query_and_leave<Q: Fetch<ScriptedApp>>(client: &Client<ScriptedApp>, query: &Q)
where
    ScriptedRegistry: Holds<Q>,
{
    let call = spawn_query(client, query);
    pass(SECOND / 2).await;
    call.abort();
    settle().await;
}

/// Whether the only load of the app lingers for exactly this time. The load must never end by itself.
async fn lingers_for(client: &Client<ScriptedApp>, time: Duration) -> bool {
    if !time.is_zero() {
        pass(time.saturating_sub(INSTANT)).await;
        if client.app().dropped() != 0 {
            return false;
        }
        pass(INSTANT * 2).await;
    }
    client.app().dropped() == 1
}

fn context_with_timeout(client: &Client<ScriptedApp>, time: Duration) -> Context<ScriptedApp> {
    client.request("hasty").with_deadline(Instant::now() + time)
}

#[tokio::test(start_paused = true)]
async fn callers_that_time_out_cause_one_load_and_find_its_answer_on_retry() {
    let (client, query) = (paused_client(), GetNumber(1));
    client.app().script(&query, Script::Answer(seconds(3)));
    let callers = (0..20).map(|_| {
        let (cx, query) = (context_with_timeout(&client, seconds(2)), query.clone());
        tokio::spawn(async move { cx.query(&query).await })
    });
    for caller in callers.collect::<Vec<_>>() {
        assert!(caller.await.unwrap().unwrap_err().is_interrupted());
    }
    pass(seconds(2)).await;
    let called = Instant::now();
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert_eq!((called.elapsed(), client.app().loads(&query)), (seconds(0), 1));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_begins_with_a_deadline_ends_as_a_context_that_is_given_one() {
    type Begin = fn(&Client<ScriptedApp>, Instant) -> Context<ScriptedApp>;
    let with_deadline: Begin = |client, at| client.request("hasty").with_deadline(at);
    let until: Begin = |client, at| client.request_until("hasty", Some(at));
    for begin in [with_deadline, until] {
        // At the deadline the load lingers.
        let (client, query) = (paused_client(), GetNumber(1));
        client.app().script(&query, Script::Never);
        let begun = Instant::now();
        let cx = begin(&client, begun + seconds(2));
        let child = cx.child("part");
        assert!(!cx.is_cancelled() && !child.is_cancelled());
        assert!(child.query(&query).await.unwrap_err().is_interrupted());
        assert_eq!(begun.elapsed(), seconds(2));
        assert!(cx.is_cancelled() && child.is_cancelled());
        for cx in [&cx, &child, &cx.child("late")] {
            assert!(cx.query(&GetNumber(2)).await.unwrap_err().is_interrupted());
        }
        assert_eq!(client.app().loads(&GetNumber(2)), 0);
        assert!(lingers_for(&client, LINGER).await);

        // A cancelled one takes its load along.
        let client = paused_client();
        client.app().script(&query, Script::Never);
        let cx = begin(&client, Instant::now() + seconds(2));
        let caller = tokio::spawn({
            let (child, query) = (cx.child("part"), query.clone());
            async move { child.query(&query).await }
        });
        settle().await;
        cx.cancel();
        assert!(caller.await.unwrap().unwrap_err().is_interrupted());
        assert!(lingers_for(&client, seconds(0)).await);
    }
}

#[tokio::test(start_paused = true)]
async fn successive_callers_keep_one_load_alive() {
    let client = builder().query::<GetNumber>(|options| options.fresh(seconds(100))).build();
    let query = GetNumber(1);
    client.app().script(&query, Script::Answer(seconds(60)));
    let mut tries = 0;
    // Each caller arrives one second before the load would be cancelled.
    while tries < 20 && context_with_timeout(&client, seconds(2)).query(&query).await.is_err() {
        tries += 1;
        pass(seconds(4)).await;
    }
    assert_eq!((tries, client.app().loads(&query), client.app().dropped()), (10, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_linger_time_comes_from_the_call_the_client_or_the_query() {
    type Build = fn(cache_client::ClientBuilder<ScriptedApp>) -> cache_client::ClientBuilder<ScriptedApp>;
    let of_query: Build = |builder| builder.query::<GetNumber>(|options| options.linger(seconds(20)));
    let of_client: Build = |builder| builder.defaults(|options| options.linger(seconds(30)));
    let both: Build = |builder| {
        let of_query = builder.query::<GetNumber>(|options| options.linger(seconds(20)));
        of_query.defaults(|options| options.linger(seconds(30)))
    };
    let nothing: Build = |builder| builder;
    for (build, call, expected) in [
        (nothing, None, LINGER),
        (of_client, None, seconds(30)),
        (of_query, None, seconds(20)),
        (both, None, seconds(20)),
        (both, Some(seconds(1)), seconds(1)),
        (both, Some(seconds(0)), seconds(0)),
        (nothing, Some(seconds(100_000)), seconds(100_000)),
    ] {
        let (client, query) = (build(builder()).build(), GetNumber(1));
        client.app().script(&query, Script::Never);
        let call = tokio::spawn({
            let client = client.clone();
            async move {
                let options = |options: LoadingOptions| match call {
                    Some(time) => options.linger(time),
                    None => options,
                };
                client.query_with(&GetNumber(1), options).await
            }
        });
        pass(SECOND).await;
        call.abort();
        settle().await;
        assert!(lingers_for(&client, expected).await, "{call:?} {expected:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_derive_can_set_the_linger_time() {
    let client = paused_client();
    client.app().script(&GetHasty(1), Script::Never);
    query_and_leave(&client, &GetHasty(1)).await;
    assert_eq!(client.app().dropped(), 1);
    client.app().script(&GetDone(1), Script::Answer(seconds(100_000)));
    query_and_leave(&client, &GetDone(1)).await;
    pass(seconds(100_000)).await;
    assert_eq!((client.app().dropped(), client.cached(&GetDone(1)).as_deref()), (1, Some(&1)));
}

#[tokio::test(start_paused = true)]
async fn the_longest_linger_time_among_the_callers_applies() {
    let (client, query) = (paused_client(), GetNumber(1));
    client.app().script(&query, Script::Never);
    let patient = client.query_with(&query, |options| options.linger(seconds(50)));
    let left = tokio::time::timeout(SECOND, async { tokio::join!(patient, client.query(&query)).0 });
    assert!(left.await.is_err());
    settle().await;
    assert!(lingers_for(&client, seconds(50)).await);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_joins_and_leaves_restarts_the_linger_time() {
    let (client, query) = (paused_client(), GetNumber(1));
    client.app().script(&query, Script::Never);
    for _ in 0..3 {
        query_and_leave(&client, &query).await;
        pass(seconds(4)).await;
    }
    query_and_leave(&client, &query).await;
    assert!(lingers_for(&client, LINGER).await);
    assert_eq!(client.app().loads(&query), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_after_the_linger_time_gets_another_load() {
    let (client, query) = (paused_client(), GetNumber(1));
    client.app().script(&query, Script::Never);
    query_and_leave(&client, &query).await;
    pass(LINGER).await;
    client.app().script(&query, Script::Answer(SECOND));
    assert_eq!(*in_time(client.query(&query)).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_load_whose_callers_are_cancelled_ends_at_once() {
    let (client, query) = (paused_client(), GetNumber(1));
    client.app().script(&query, Script::Never);
    for drops in [false, true] {
        let cx = client.request("tree");
        let call = tokio::spawn({
            let (cx, query) = (cx.child("below"), query.clone());
            async move { cx.query(&query).await }
        });
        pass(SECOND).await;
        cx.cancel();
        if drops {
            // Before the caller has noticed the cancellation.
            call.abort();
        }
        settle().await;
        assert_eq!(client.app().dropped(), 1 + usize::from(drops));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_caller_does_not_end_the_linger_time_of_another() {
    let (client, query) = (paused_client(), GetNumber(1));
    client.app().script(&query, Script::Never);
    let cx = client.request("tree");
    let cancelled = cx.query(&query);
    let hasty = context_with_timeout(&client, SECOND);
    let cancel = async {
        pass(seconds(2)).await;
        cx.cancel();
    };
    let (hasty, cancelled, ()) = tokio::join!(hasty.query(&query), cancelled, cancel);
    assert!(hasty.unwrap_err().is_interrupted() && cancelled.unwrap_err().is_interrupted());
    settle().await;
    assert!(lingers_for(&client, LINGER).await);
}

#[tokio::test(start_paused = true)]
async fn private_loads_end_with_their_caller() {
    let (client, query) = (paused_client(), GetNumber(1));
    client.app().script(&query, Script::Never);
    let cx = context_with_timeout(&client, SECOND);
    cx.disable_cache();
    assert!(cx.query(&query).await.unwrap_err().is_interrupted());
    settle().await;
    assert_eq!(client.app().dropped(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_outdated_load_ends_with_its_caller() {
    type Change = fn(&Client<ScriptedApp>);
    let changes: [Change; 3] = [
        |client| drop(client.cache().insert(GetNumber(1), 50)),
        |client| drop(client.invalidate(&GetNumber(1))),
        |client| client.cache().clear(),
    ];
    for change in changes {
        let (client, query) = (paused_client(), GetNumber(1));
        client.app().script(&query, Script::Never);
        let call = spawn_query(&client, &query);
        pass(SECOND).await;
        change(&client);
        call.abort();
        settle().await;
        assert_eq!(client.app().dropped(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lingering_load_ends_when_another_replaces_it() {
    let (client, query) = (paused_client(), GetNumber(1));
    client.app().script(&query, Script::Never);
    for clicks in 1..=3 {
        let again = client.query_with(&query, |options| options.strategy(Strategy::Refresh));
        assert!(tokio::time::timeout(SECOND, again).await.is_err());
        settle().await;
        assert_eq!((client.app().loads(&query), client.app().running(&query)), (clicks, 1));
    }
}

/// Like the result of a prefetch.
#[tokio::test(start_paused = true)]
async fn the_result_of_a_lingering_load_is_kept_for_its_next_reader() {
    let (client, query) = (paused_client(), GetWeak(1));
    client.app().script(&query, Script::Answer(seconds(3)));
    query_and_leave(&client, &query).await;
    pass(seconds(7)).await;
    assert_eq!(client.cached(&query).as_deref(), Some(&1));
    pass(seconds(1)).await;
    assert!(client.cached(&query).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_load_that_fails_without_callers_leaves_its_error() {
    let (client, query) = (paused_client(), GetNumber(1));
    client.app().script(&query, Script::Fail(seconds(3)));
    query_and_leave(&client, &query).await;
    pass(seconds(3)).await;
    assert!(matches!(client.refresh_error(&query), Some(QueryError::Failed { .. })));
}

/// Scripts a load of the first number that queries the second and waits this long for it.
async fn script_nested_loads(client: &Client<ScriptedApp>, timeout: Duration) {
    client.app().script(&GetNumber(1), Script::Never);
    client.app().script(&GetNumber(2), Script::Never);
    client.app().when_loaded(1, move |cx| {
        Box::pin(async move {
            let inner = tokio::time::timeout(timeout, cx.query(&GetNumber(2)));
            assert!(inner.await.is_err());
        })
    });
}

#[tokio::test(start_paused = true)]
async fn the_inputs_of_a_load_end_with_it() {
    for by_client in [false, true] {
        let client = paused_client();
        script_nested_loads(&client, seconds(100)).await;
        if by_client {
            client.app().when_loaded(1, |cx| {
                Box::pin(async move { drop(cx.client().clone().query(&GetNumber(2)).await) })
            });
        }
        query_and_leave(&client, &GetNumber(1)).await;
        pass(LINGER - INSTANT).await;
        assert_eq!(client.app().running(&GetNumber(2)), 1);
        pass(INSTANT * 2).await;
        assert_eq!(client.app().running(&GetNumber(2)), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_input_that_a_load_no_longer_awaits_lingers() {
    let client = paused_client();
    script_nested_loads(&client, SECOND).await;
    let _outer = spawn_query(&client, &GetNumber(1));
    pass(SECOND).await;
    assert!(lingers_for(&client, LINGER).await);
    assert_eq!([client.app().running(&GetNumber(1)), client.app().running(&GetNumber(2))], [1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_load_awaited_only_by_observers_lingers_if_an_option_says_so() {
    let query = GetNumber(1);
    let patient = builder().query::<GetNumber>(|options| options.linger(seconds(20))).build();
    for (client, linger) in [(paused_client(), seconds(0)), (patient, seconds(20))] {
        client.app().script(&query, Script::Never);
        let observer = client.observe(&query);
        pass(SECOND).await;
        drop(observer);
        settle().await;
        assert!(lingers_for(&client, linger).await, "{linger:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_joins_a_lingering_load() {
    let (client, query) = (paused_client(), GetNumber(1));
    client.app().script(&query, Script::Answer(seconds(3)));
    query_and_leave(&client, &query).await;
    let mut observer = client.observe(&query);
    let shown = async { while observer.next().await.is_some_and(|state| state.value().is_none()) {} };
    in_time(shown).await;
    assert_eq!(client.app().loads(&query), 1);
}

#[tokio::test(start_paused = true)]
async fn the_keys_of_a_batch_linger_for_callers_that_have_left() {
    let client = batching::batching_client();
    let keys = batching::items(0..3);
    let left = tokio::time::timeout(batching::CALL / 2, client.query_all(&keys));
    assert!(left.await.is_err());
    pass(batching::CALL).await;
    assert!(keys.iter().all(|key| client.cached(key).is_some()));
    assert_eq!((client.app().dropped(), client.app().calls::<batching::GetItem>().len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn the_linger_timer_ends_when_a_caller_joins_or_the_load_ends() {
    let client = builder().defaults(|options| options.linger(seconds(3_600))).build();
    let query = GetNumber(1);
    client.app().script(&query, Script::Answer(seconds(3)));
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    query_and_leave(&client, &query).await;
    assert_eq!(tasks() - before, 2, "the load and the timer");
    let call = spawn_query(&client, &query);
    settle().await;
    assert_eq!(tasks() - before, 2, "the load and the caller");
    call.abort();
    settle().await;
    assert_eq!(tasks() - before, 2, "the load and another timer");
    pass(seconds(3)).await;
    assert_eq!(client.cached(&query).as_deref(), Some(&1));
    // A result without callers stays pinned for a while.
    pass(seconds(5)).await;
    assert_eq!(tasks() - before, 0);
}

/// A runtime with paused time that runs only inside `block_on`.
fn current_thread() -> tokio::runtime::Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

#[test]
fn lingering_loads_do_not_keep_a_runtime_alive() {
    let (first, second) = (current_thread(), current_thread());
    let (client, query) = first.block_on(async {
        let client = builder().defaults(|options| options.linger(LoadingOptions::UNTIL_DONE)).build();
        client.app().script(&GetNumber(1), Script::Never);
        query_and_leave(&client, &GetNumber(1)).await;
        assert_eq!(client.app().dropped(), 0);
        (client, GetNumber(1))
    });
    let mut waits = None;
    second.block_on(async {
        waits = Some(spawn_query(&client, &query));
        settle().await;
    });
    client.app().script(&query, Script::Answer(SECOND));
    // A caller dropped together with its runtime leaves its load on that runtime.
    first.block_on(async { drop(spawn_query(&client, &GetNumber(2))) });
    drop(first);
    assert_eq!(client.app().dropped(), 1);
    assert_eq!(*second.block_on(in_time(waits.unwrap())).unwrap().unwrap(), 2);
}

#[test]
fn a_lingering_load_on_a_stopped_runtime_is_taken_over() {
    let (idle, other) = (current_thread(), current_thread());
    let (client, query) = (idle.block_on(async { paused_client() }), GetNumber(1));
    idle.block_on(query_and_leave(&client, &query));
    assert_eq!(*other.block_on(in_time(client.query(&query))).unwrap(), 2);
    assert!(Arc::ptr_eq(&client.cached(&query).unwrap(), &other.block_on(client.query(&query)).unwrap()));
}
