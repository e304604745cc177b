//! Concurrent calls share one load. Callers can leave, and failed loads leave nothing behind.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::time::Duration;

use cache_client::{Client, QueryError};
use cache_core::{Cache, Clock, Moment};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::scripted::*;

#[tokio::test(start_paused = true)]
async fn concurrent_trees_share_one_load_of_a_missing_key() {
    let client = paused_client();
    let trees = [client.request("a"), client.request("b"), client.request("c")];
    let [a, b, c] = &trees;
    let query = GetNumber(1);
    let (a, b, c) = tokio::join!(a.query(&query), b.query(&query), c.query(&query));
    let (a, b, c) = (a.unwrap(), b.unwrap(), c.unwrap());
    assert!(Arc::ptr_eq(&a, &b) && Arc::ptr_eq(&b, &c));
    assert_eq!(client.app().loads(&query), 1);
    assert!(Arc::ptr_eq(&a, &client.cache().get(&query).unwrap()));
}

#[tokio::test(start_paused = true)]
async fn different_keys_and_different_queries_with_equal_fields_are_loaded_separately() {
    let client = paused_client();
    let (a, b, c) = (GetNumber(1), GetNumber(2), GetWeak(1));
    let (a, b, c) = tokio::join!(client.query(&a), client.query(&b), client.query(&c));
    assert_eq!((*a.unwrap(), *b.unwrap(), *c.unwrap()), (1, 1, 1));
    let app = client.app();
    assert_eq!([app.loads(&GetNumber(1)), app.loads(&GetNumber(2)), app.loads(&GetWeak(1))], [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn an_error_reaches_all_waiting_callers_and_is_not_remembered() {
    let client = paused_client();
    let query = GetNumber(1);
    client.app().script(&query, Script::Fail(SECOND));
    let (a, b) = tokio::join!(client.query(&query), client.query(&query));
    match (a.unwrap_err(), b.unwrap_err()) {
        (QueryError::Failed { source: a, query: name }, QueryError::Failed { source: b, .. }) => {
            assert!(Arc::ptr_eq(&a, &b));
            assert_eq!(name, "get_number");
        }
        others => panic!("{others:?}"),
    }
    assert!(client.refresh_error(&query).is_none(), "the waiting callers got the error");
    client.app().script(&query, Script::Answer(SECOND));
    assert_eq!(*client.query(&query).await.unwrap(), 2);
    assert!(client.refresh_error(&query).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_load_continues_when_its_first_caller_leaves_and_another_waits() {
    let client = paused_client();
    let query = GetNumber(1);
    let first = spawn_query(&client, &query);
    settle().await;
    let second = spawn_query(&client, &query);
    settle().await;
    first.abort();
    assert_eq!(*second.await.unwrap().unwrap(), 1);
    assert_eq!((client.app().loads(&query), client.app().dropped()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_load_without_callers_is_dropped_and_not_stored() {
    let client = paused_client();
    let query = GetHasty(1);
    let (first, second) = (spawn_query(&client, &query), spawn_query(&client, &query));
    settle().await;
    first.abort();
    settle().await;
    assert_eq!(client.app().dropped(), 0);
    second.abort();
    settle().await;
    assert_eq!(client.app().dropped(), 1);
    pass(seconds(5)).await;
    assert!(client.cached(&query).is_none());
    assert_eq!(*client.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_right_after_the_last_one_left_gets_a_new_load() {
    let client = paused_client();
    let query = GetHasty(1);
    let first = spawn_query(&client, &query);
    settle().await;
    first.abort();
    let _ = first.await;
    assert_eq!(*client.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_reaches_all_waiting_callers_and_the_next_call_loads_again() {
    let client = paused_client();
    let query = GetNumber(1);
    client.app().script(&query, Script::Panic);
    let (a, b) = tokio::join!(client.query(&query), client.query(&query));
    for error in [a.unwrap_err(), b.unwrap_err()] {
        assert!(matches!(error, QueryError::Panicked { .. }));
        assert_eq!(error.to_string(), "the load of `get_number` panicked: the load panics");
    }
    client.app().script(&query, Script::Answer(SECOND));
    assert_eq!(*client.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_load_that_closes_a_cycle_gets_an_error() {
    let client = paused_client();
    let error = in_time(client.query(&GetRing(0))).await.unwrap_err();
    // Each load of the ring failed with the error of its input.
    let mut depth = 0;
    let mut error = error;
    let innermost = loop {
        match error {
            QueryError::Failed { source, .. } => match &*source {
                ScriptedError::Query(inner) => error = inner.clone(),
                other => panic!("{other}"),
            },
            other => break other,
        }
        depth += 1;
    };
    assert!(matches!(innermost, QueryError::Cycle { query: "get_ring" }));
    assert_eq!(depth, RING);
    assert_eq!(client.app().loads(&GetRing(0)), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cycle_entered_from_two_sides_does_not_hang() {
    let client = paused_client();
    let (a, b) = (GetRing(0), GetRing(2));
    let (a, b) = in_time(async { tokio::join!(client.query(&a), client.query(&b)) }).await;
    assert!(a.is_err() && b.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_cycle_within_a_private_tree_is_found_too() {
    let client = paused_client();
    let cx = client.request("own");
    cx.disable_cache();
    assert!(matches!(in_time(cx.query(&GetRing(1))).await, Err(QueryError::Failed { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_queries_its_own_key_through_the_client_is_a_cycle() {
    let client = paused_client();
    let Err(QueryError::Failed { source, .. }) = in_time(client.query(&GetSelf(1))).await else {
        panic!("the cycle has no answer");
    };
    assert!(matches!(&*source, ScriptedError::Query(QueryError::Cycle { query: "get_self" })));
}

#[test]
fn a_load_whose_runtime_has_ended_does_not_block_callers() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (client, query, first) = (paused_client(), GetNumber(1), runtime());
    client.app().script(&query, Script::Answer(seconds(0)));
    {
        let _entered = first.enter();
        // The task of the load never runs.
        client.prefetch(&query);
    }
    let waiter = std::thread::spawn({
        let (client, query) = (client.clone(), query.clone());
        move || runtime().block_on(async { client.query(&query).await })
    });
    drop(first);
    let interrupted_or_loaded = waiter.join().unwrap();
    assert!(interrupted_or_loaded.is_ok_and(|value| *value == 1) || client.app().loads(&query) == 0);
    assert_eq!(runtime().block_on(client.query(&query)).map(|value| *value).ok(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn two_queries_that_need_a_third_load_it_once() {
    let client = paused_client();
    let query = GetNumber(1);
    client.app().script(&query, Script::Answer(seconds(5)));
    let (a, b) = (GetSum(1), GetNumber(1));
    let (a, b) = tokio::join!(client.query(&a), client.query(&b));
    assert_eq!((*a.unwrap(), *b.unwrap()), (2, 1));
    assert_eq!(client.app().loads(&query), 1);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_cancels_its_own_context_is_interrupted_whatever_it_returns() {
    let client = paused_client();
    let query = GetQuitter(1);
    client.app().script(&query, Script::Answer(seconds(0)));
    assert!(client.query(&query).await.unwrap_err().is_interrupted());
    assert!(client.cached(&query).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_prefetch_runs_without_callers_and_ignores_errors() {
    let client = paused_client();
    let (query, failing) = (GetNumber(1), GetNumber(2));
    client.app().script(&failing, Script::Fail(SECOND));
    client.prefetch(&query);
    client.prefetch(&failing);
    client.prefetch(&query);
    pass(seconds(2)).await;
    assert_eq!(client.cached(&query).as_deref(), Some(&1));
    assert!(matches!(client.refresh_error(&failing), Some(QueryError::Failed { .. })));
    client.prefetch(&query);
    pass(seconds(2)).await;
    assert_eq!(client.app().loads(&query), 1);
}

#[tokio::test(start_paused = true)]
async fn a_prefetch_keeps_a_load_alive_whose_callers_leave() {
    let client = paused_client();
    let query = GetNumber(1);
    let first = spawn_query(&client, &query);
    settle().await;
    client.prefetch(&query);
    first.abort();
    pass(seconds(2)).await;
    assert_eq!((client.cached(&query).as_deref(), client.app().dropped()), (Some(&1), 0));
}

#[tokio::test(start_paused = true)]
async fn a_prefetched_value_of_a_weak_table_is_kept_for_five_seconds() {
    let client = paused_client();
    let query = GetWeak(1);
    client.prefetch(&query);
    pass(SECOND).await;
    pass(seconds(3)).await;
    assert_eq!(client.cached(&query).as_deref(), Some(&1));
    pass(seconds(3)).await;
    assert!(client.cached(&query).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_value_of_a_weak_table_is_kept_only_by_its_readers() {
    let client = paused_client();
    let query = GetWeak(1);
    let value = client.query(&query).await.unwrap();
    settle().await;
    assert!(client.cached(&query).is_some());
    drop(value);
    assert!(client.cached(&query).is_none());
}

#[tokio::test(start_paused = true)]
async fn age_counts_from_the_start_of_the_load() {
    let client = paused_client();
    let query = GetNumber(1);
    client.app().script(&query, Script::Answer(seconds(4)));
    client.query(&query).await.unwrap();
    assert_eq!(client.cache().peek_entry(&query).unwrap().age(), seconds(4));
}

#[tokio::test(start_paused = true)]
async fn several_keys_load_concurrently_and_fail_independently() {
    let client = paused_client();
    let keys: Vec<GetNumber> = (0..100).map(GetNumber).collect();
    for key in &keys[..40] {
        client.cache().insert(key.clone(), 1_000);
    }
    client.app().script(&keys[50], Script::Fail(SECOND));
    let begun = Instant::now();
    let answers = client.request("all").query_all(&keys).await;
    assert_eq!(begun.elapsed(), SECOND);
    for (number, answer) in answers.iter().enumerate() {
        match answer {
            Ok(value) => assert_eq!(**value, if number < 40 { 1_000 } else { 1 }),
            Err(error) => assert!(number == 50 && matches!(error, QueryError::Failed { .. })),
        }
    }
    assert!(answers[50].is_err());
    let loads: usize = keys.iter().map(|key| client.app().loads(key)).sum();
    assert_eq!(loads, 60);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_queries_the_client_directly_gets_no_stale_values() {
    let client = paused_client();
    client.query(&GetStale(1)).await.unwrap();
    pass(seconds(20)).await;
    let seen = Arc::new(parking_lot::Mutex::new(None));
    let answer = Arc::clone(&seen);
    client.app().when_loaded(1, move |cx| {
        Box::pin(async move {
            let value = cx.client().query(&GetStale(1)).await.unwrap();
            *answer.lock() = Some(*value);
        })
    });
    in_time(client.query(&GetNumber(1))).await.unwrap();
    assert_eq!(*seen.lock(), Some(2));
}

/// A clock that stands still and runs an action once, at a given number of reads on a thread.
struct HookedClock(Mutex<Option<Box<dyn FnOnce() + Send>>>);

thread_local! {
    /// Reads on this thread until the action runs; 0 if no action is due.
    static READS_LEFT: Cell<u32> = const { Cell::new(0) };
}

impl HookedClock {
    fn run_hook(&self) {
        let act = self.0.lock().take();
        if let Some(act) = act {
            act();
        }
    }
}

impl std::fmt::Debug for HookedClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HookedClock")
    }
}

impl Clock for HookedClock {
    fn now(&self) -> Moment {
        let left = READS_LEFT.get();
        READS_LEFT.set(left.saturating_sub(1));
        if left == 1 {
            self.run_hook();
        }
        Moment::ORIGIN
    }
}

/// The progress of a flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The result is stored, but the flight has not reported it yet.
    Stored,
    Landed,
}

/// Lets one caller start a load and a second caller query the same key. The flight reaches `stage` when the second
/// caller reads the clock for the `read`th time. Returns both answers and the number of loads.
fn race_callers(runtime: &tokio::runtime::Runtime, stage: Stage, read: u32) -> ([usize; 2], usize) {
    let (let_load_end, load_may_end) = oneshot::channel();
    let (load_begins, load_has_begun) = oneshot::channel();
    let (reach_stage, stage_reached) = mpsc::channel();
    let (resume, may_resume) = mpsc::channel();
    let clock = Arc::new(HookedClock(Mutex::new(Some(Box::new(move || {
        let_load_end.send(()).unwrap();
        stage_reached.recv_timeout(LONGEST_WAIT).expect("the flight reaches the stage");
    })))));
    let (stored, may_resume) = (reach_stage.clone(), Mutex::new(may_resume));
    let cache = Cache::builder().clock(Arc::clone(&clock)).after_commit(move |_| {
        if stage == Stage::Stored {
            // After the first store, the receiver is gone.
            let _ = stored.send(());
            may_resume.lock().recv_timeout(LONGEST_WAIT).expect("the second caller continues");
        }
    });
    let client = Client::builder(cache.build().unwrap(), ScriptedApp::default()).build();
    let query = GetNumber(1);
    client.app().script(&query, Script::Answer(Duration::ZERO));
    client.app().when_loaded(1, |_| {
        Box::pin(async move {
            load_begins.send(()).unwrap();
            load_may_end.await.unwrap();
        })
    });
    let answers = runtime.block_on(async {
        let first = tokio::spawn({
            let (client, query) = (client.clone(), query.clone());
            async move {
                let answer = client.query(&query).await.unwrap();
                let _ = reach_stage.send(());
                answer
            }
        });
        load_has_begun.await.unwrap();
        READS_LEFT.set(read);
        let mut second = pin!(client.query(&query));
        let at_once = poll_fn(|cx| Poll::Ready(second.as_mut().poll(cx))).await;
        READS_LEFT.set(0);
        // The second caller may end before that read.
        clock.run_hook();
        // One message for each possible store.
        (0..2).for_each(|_| resume.send(()).unwrap());
        let second = match at_once {
            Poll::Ready(answer) => answer,
            Poll::Pending => second.await,
        };
        [*first.await.unwrap(), *second.unwrap()]
    });
    (answers, client.app().loads(&query))
}

/// A caller that read the cache before a flight stored its result reads it again, even if the flight has ended.
#[test]
fn a_caller_finds_a_value_stored_between_its_cache_read_and_its_flight_lookup() {
    /// More reads than a waiting call makes before it first waits.
    const READS: u32 = 12;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    for stage in [Stage::Stored, Stage::Landed] {
        for read in 1..=READS {
            let (answers, loads) = race_callers(&runtime, stage, read);
            assert_eq!((answers, loads), ([1, 1], 1), "{stage:?} at read {read}");
        }
    }
}
