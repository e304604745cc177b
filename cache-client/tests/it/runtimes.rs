//! Loads and observers go on when their runtime does not: one that nobody drives, or one that was dropped.

mod arrivals;
mod unattended;

use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};
use std::time::Instant as RealInstant;

use cache_client::{Client, Fetch, Observer, QueryError, State, Strategy};
use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle, Id, Runtime};
use tokio::time::Instant;

use crate::batching::{self, GetItem, items};
use crate::scripted::*;

/// One that runs only inside `block_on`, on paused time.
fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// Begins to query on a runtime that is idle from then on.
fn begin<Q: Fetch<ScriptedApp> + Keyed>(runtime: &Runtime, client: &Client<ScriptedApp>, query: &Q)
where
    ScriptedRegistry: cache_core::Holds<Q>,
{
    runtime.block_on(async {
        drop(ask(client, query));
        settle().await;
    });
}

/// Waits until an observer shows a value, and nothing is being loaded.
async fn shows(observer: &mut Observer<ScriptedApp, GetNumber>, wanted: usize) {
    let shown = async {
        while let Some(state) = observer.next().await {
            if matches!(state, State::Ready { value, is_refreshing: false, .. } if *value == wanted) {
                return;
            }
        }
        panic!("it has ended");
    };
    in_time(shown).await;
}

#[test]
fn a_load_of_a_runtime_that_nobody_drives_is_taken_over() {
    let (client, query) = (paused_client(), GetNumber(1));
    let (idle, other) = (current_thread(), current_thread());
    begin(&idle, &client, &query);
    let answers = other.block_on(in_time(async {
        let (plain, private) = (client.request("tree"), client.request("private"));
        private.disable_cache();
        tokio::join!(client.query(&query), plain.query(&query), private.query(&query))
    }));
    let answer = answers.0.unwrap();
    assert!(Arc::ptr_eq(&answer, &answers.1.unwrap()));
    assert_eq!(client.app().loads(&query), 3, "one begun, one in its place, one of the private tree");
    assert!(answers.2.is_ok());
    // The first load goes on; what it brings is too late.
    let late = idle.block_on(in_time(async {
        pass(seconds(2)).await;
        client.query(&query).await
    }));
    assert!(Arc::ptr_eq(&late.unwrap(), &answer));
}

#[test]
fn a_load_of_a_runtime_that_was_dropped_is_taken_over_by_those_who_wait_on_another() {
    let (client, query) = (paused_client(), GetNumber(1));
    let (dropped, other) = (current_thread(), current_thread());
    begin(&dropped, &client, &query);
    other.block_on(in_time(async {
        let waiters = [ask(&client, &query), ask(&client, &query)];
        settle().await;
        assert_eq!(client.app().loads(&query), 1);
        let begun = Instant::now();
        dropped.shutdown_background();
        for waiter in waiters {
            assert_eq!(*waiter.await.unwrap().unwrap(), 2);
        }
        assert_eq!(begun.elapsed(), SECOND, "they have noticed at once");
    }));
    assert_eq!(client.app().loads(&query), 2);
}

/// A thread with a runtime on which something has begun, and that ends by a panic of the program when it is told to.
fn panics_later(begin: impl FnOnce(&Runtime) + Send + 'static) -> (mpsc::Sender<()>, JoinHandle<()>) {
    let ((begun, has_begun), (told, is_told)) = (mpsc::channel(), mpsc::channel());
    let thread = thread::spawn(move || {
        let runtime = current_thread();
        begin(&runtime);
        begun.send(()).unwrap();
        is_told.recv().unwrap();
        runtime.block_on(async { panic!("the program has a fault") });
    });
    has_begun.recv().unwrap();
    (told, thread)
}

#[test]
fn a_load_of_a_runtime_that_has_ended_by_a_panic_is_taken_over() {
    let (client, query) = (paused_client(), GetNumber(1));
    let (its_client, its_query) = (client.clone(), query.clone());
    let (told, thread) = panics_later(move |runtime| begin(runtime, &its_client, &its_query));
    current_thread().block_on(in_time(async {
        let waiter = ask(&client, &query);
        settle().await;
        told.send(()).unwrap();
        assert!(thread.join().is_err());
        assert_eq!(*waiter.await.unwrap().unwrap(), 2);
    }));
    assert_eq!(client.app().loads(&query), 2);
}

#[test]
fn a_batch_of_a_runtime_that_has_ended_by_a_panic_is_taken_over() {
    let client = batching::batching_client();
    let (its_client, keys) = (client.clone(), items(0..3));
    let its_keys = keys.clone();
    let (told, thread) = panics_later(move |runtime| {
        runtime.block_on(async move {
            tokio::spawn(async move { its_client.query_all(&its_keys).await.len() });
            settle().await;
        });
    });
    current_thread().block_on(in_time(async {
        let asker = client.clone();
        let waiter = tokio::spawn(async move { asker.query_all(&keys).await });
        settle().await;
        told.send(()).unwrap();
        assert!(thread.join().is_err());
        assert!(waiter.await.unwrap().iter().all(Result::is_ok));
    }));
}

#[test]
fn a_deadline_counts_also_when_the_runtime_that_it_was_made_in_does_not_run() {
    let (client, query) = (paused_client(), GetNumber(1));
    let idle = current_thread();
    let within = |time| idle.block_on(async { client.request("hasty").with_deadline(Instant::now() + time) });
    let (awaited, quiet, later) = (within(SECOND / 2), within(SECOND / 2), within(seconds(100)));
    current_thread().block_on(in_time(async {
        let answer = awaited.query(&query).await;
        assert!(matches!(answer, Err(QueryError::Interrupted { .. })), "{answer:?}");
        assert!(awaited.is_cancelled() && quiet.is_cancelled() && !later.is_cancelled());
        let answer = quiet.query(&query).await;
        assert!(matches!(answer, Err(QueryError::Interrupted { .. })), "{answer:?}");
        assert!(later.query(&query).await.is_ok());
    }));
}

#[test]
fn a_private_load_is_taken_over_too() {
    let (client, query) = (paused_client(), GetNumber(1));
    let (idle, dropped, other) = (current_thread(), current_thread(), current_thread());
    for (at, runtime) in [idle, dropped].into_iter().enumerate() {
        let mut runtime = Some(runtime);
        let cx = client.request("private");
        cx.disable_cache();
        let asking = cx.clone();
        let asked = query.clone();
        runtime.as_ref().unwrap().block_on(async {
            tokio::spawn(async move { asking.query(&asked).await.map(drop) });
            settle().await;
        });
        let answer = other.block_on(in_time(async {
            let waiting = cx.clone();
            let waited = query.clone();
            let waiter = tokio::spawn(async move { waiting.query(&waited).await });
            settle().await;
            if at == 1 {
                runtime.take().unwrap().shutdown_background();
            }
            waiter.await.unwrap()
        }));
        assert_eq!(*answer.unwrap(), 2 * at + 2);
    }
}

#[test]
fn a_load_that_waits_for_a_load_of_another_runtime_takes_it_over() {
    let (client, part, whole) = (paused_client(), GetNumber(1), GetSum(1));
    let (idle, other) = (current_thread(), current_thread());
    begin(&idle, &client, &part);
    let answer = other.block_on(in_time(client.query(&whole)));
    assert_eq!(*answer.unwrap(), 3);
}

#[test]
fn an_observer_goes_on_when_the_runtime_of_its_key_does_not() {
    for ends in [false, true] {
        let (client, query) = (paused_client(), GetNumber(1));
        let (first, other) = (current_thread(), current_thread());
        let mut moved = first.block_on(async {
            let mut observer = client.observe(&query);
            shows(&mut observer, 1).await;
            observer
        });
        if ends {
            drop(first);
        }
        other.block_on(async {
            let mut late = client.observe(&query);
            client.cache().insert(query.clone(), 50);
            shows(&mut moved, 50).await;
            shows(&mut late, 50).await;
            client.invalidate(&query);
            shows(&mut late, 2).await;
            shows(&mut moved, 2).await;
            drop(moved);
            client.invalidate(&query);
            shows(&mut late, 3).await;
        });
        assert_eq!(client.app().loads(&query), 3);
    }
}

/// An observer of a number that began on an idle runtime, and whose task runs on another one since.
async fn moved_away(mut observer: Observer<ScriptedApp, GetNumber>) -> Observer<ScriptedApp, GetNumber> {
    let moved = tokio::time::timeout(seconds(5), observer.next()).await;
    assert!(moved.is_err(), "it shows nothing new: {moved:?}");
    observer
}

#[test]
fn an_observer_that_has_moved_is_told_at_once_of_layers_and_arrivals() {
    for is_layer in [true, false] {
        let (client, query) = (paused_client(), GetNumber(1));
        let (idle, other) = (current_thread(), current_thread());
        let observer = idle.block_on(async {
            let mut observer = client.observe(&query);
            shows(&mut observer, 1).await;
            observer
        });
        other.block_on(async {
            let observer = moved_away(observer).await;
            match is_layer {
                true => {
                    let layer = client.optimistic(|layer| layer.update(&query, |_| Some(77)));
                    settle().await;
                    assert_eq!(observer.state().value().map(|value| **value), Some(77));
                    layer.rollback();
                    settle().await;
                    assert_eq!(observer.state().value().map(|value| **value), Some(1));
                }
                false => {
                    let _refreshing =
                        client.observe_with(&query, |options| options.strategy(Strategy::Refresh));
                    settle().await;
                    assert_eq!(client.app().loads(&query), 2, "the arrival is a reason to load");
                }
            }
        });
        // The first task may run once more, and leaves what is shown alone.
        idle.block_on(settle());
    }
}

#[test]
fn what_an_observer_kept_on_an_idle_runtime_goes_with_it() {
    for moves in [false, true] {
        let (client, query) = (paused_client(), GetWeak(1));
        let (idle, other) = (current_thread(), current_thread());
        let value = Arc::new(50);
        client.cache().insert(query.clone(), Arc::clone(&value));
        let mut observer = idle.block_on(async {
            let mut observer = client.observe(&query);
            assert!(observer.next().await.unwrap().value().is_some());
            settle().await;
            observer
        });
        if moves {
            other.block_on(async {
                assert!(tokio::time::timeout(seconds(5), observer.next()).await.is_err());
            });
        }
        let kept = Arc::downgrade(&value);
        drop(value);
        assert!(kept.upgrade().is_some(), "it is observed");
        drop(observer);
        other.block_on(settle());
        assert!(kept.upgrade().is_none(), "moves: {moves}");
        assert!(client.cached(&query).is_none());
    }
}

#[test]
fn an_observer_waits_for_a_load_whose_runtime_stops_running_it() {
    for ends in [false, true] {
        let (client, query) = (paused_client(), GetNumber(1));
        let (mut first, other) = (Some(current_thread()), current_thread());
        begin(first.as_ref().unwrap(), &client, &query);
        other.block_on(async {
            let mut observer = client.observe(&query);
            settle().await;
            if ends {
                first.take().unwrap().shutdown_background();
            }
            shows(&mut observer, 2).await;
        });
    }
}

#[test]
fn an_invalidation_does_not_wait_for_observers_that_nobody_runs() {
    let (client, query) = (paused_client(), GetNumber(1));
    let (idle, other) = (current_thread(), current_thread());
    let _observer = idle.block_on(async {
        let mut observer = client.observe(&query);
        shows(&mut observer, 1).await;
        observer
    });
    other.block_on(in_time(client.invalidate(&query).reloaded()));
    assert_eq!(client.app().loads(&query), 1);
    let reloaded = client.invalidate(&query);
    drop(idle);
    other.block_on(in_time(reloaded.reloaded()));
}

/// Where the next load of a key runs.
fn place_of(client: &Client<ScriptedApp>, key: u32) -> Arc<Mutex<Option<Id>>> {
    let place = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&place);
    client.app().when_loaded(key, move |_| {
        *seen.lock() = Some(Handle::current().id());
        Box::pin(std::future::ready(()))
    });
    place
}

#[test]
fn loads_run_where_the_client_was_built_and_elsewhere_while_that_is_idle() {
    let (home, other) = (current_thread(), current_thread());
    let client = home.block_on(async { paused_client() });
    let place = place_of(&client, 1);
    home.block_on(client.query(&GetNumber(1))).unwrap();
    assert_eq!(*place.lock(), Some(home.handle().id()));
    // The first caller finds out that nobody drives it, the next need not.
    let (second, third) = (place_of(&client, 2), place_of(&client, 3));
    other.block_on(in_time(async {
        client.query(&GetNumber(2)).await.unwrap();
        let begun = Instant::now();
        client.query(&GetNumber(3)).await.unwrap();
        assert_eq!(begun.elapsed(), SECOND);
    }));
    assert_eq!((*second.lock(), *third.lock()), (Some(other.handle().id()), Some(other.handle().id())));
    // Once it is driven again, loads run there again.
    let place = place_of(&client, 4);
    home.block_on(settle());
    begin(&other, &client, &GetNumber(4));
    home.block_on(settle());
    assert_eq!(*place.lock(), Some(home.handle().id()));
}

#[test]
fn a_client_whose_runtime_has_ended_goes_on_where_its_callers_are() {
    let (home, other) = (current_thread(), current_thread());
    let client = home.block_on(async { paused_client() });
    client.cache().insert(GetStale(1), 50);
    drop(home);
    other.block_on(in_time(async {
        assert_eq!(*client.query(&GetNumber(1)).await.unwrap(), 1);
        client.prefetch(&GetNumber(2));
        pass(seconds(2)).await;
        assert_eq!(client.cached(&GetNumber(2)).as_deref(), Some(&1));
    }));
    // The first thing it is asked for may be a load that nobody waits for, or an observer.
    let home = current_thread();
    let clients = home.block_on(async { [paused_client(), paused_client()] });
    drop(home);
    other.block_on(in_time(async {
        clients[0].prefetch(&GetNumber(1));
        pass(seconds(2)).await;
        assert_eq!(clients[0].cached(&GetNumber(1)).as_deref(), Some(&1));
        let mut observer = clients[1].observe(&GetNumber(1));
        shows(&mut observer, 1).await;
    }));
}

#[test]
fn keys_that_are_loaded_together_are_taken_over_together() {
    let client = batching::batching_client();
    let keys = items(0..10);
    let (idle, dropped, other) = (current_thread(), current_thread(), current_thread());
    let begin = |runtime: &Runtime, keys: &[GetItem]| {
        let (client, keys) = (client.clone(), keys.to_vec());
        runtime.block_on(async move {
            tokio::spawn(async move { client.query_all(&keys).await.len() });
            settle().await;
        });
    };
    begin(&idle, &keys[..5]);
    begin(&dropped, &keys[5..]);
    other.block_on(in_time(async {
        let (asker, asked) = (client.clone(), keys.clone());
        let waiter = tokio::spawn(async move { asker.query_all(&asked).await });
        settle().await;
        dropped.shutdown_background();
        assert!(waiter.await.unwrap().iter().all(Result::is_ok));
    }));
    let sizes = client.app().sizes::<GetItem>();
    assert_eq!(sizes, [5, 5, 1, 9], "the first finds out, the others follow together");
}

#[test]
fn a_batch_that_was_joined_from_another_runtime_is_joined_anew() {
    for ends in [false, true] {
        let client = batching::batching_client();
        let (mut first, other) = (Some(current_thread()), current_thread());
        // The batch is made by a task that is run once, and is itself not run.
        let mut asks = pin!(client.query(&GetItem(1)));
        {
            let _entered = first.as_ref().unwrap().enter();
            let mut cx = TaskContext::from_waker(Waker::noop());
            assert!(asks.as_mut().poll(&mut cx).is_pending());
        }
        first.as_ref().unwrap().block_on(tokio::task::yield_now());
        let answer = other.block_on(in_time(async {
            let asker = client.clone();
            let waiter = tokio::spawn(async move { asker.query(&GetItem(2)).await });
            settle().await;
            if ends {
                first.take().unwrap().shutdown_background();
            }
            waiter.await.unwrap()
        }));
        assert_eq!(*answer.unwrap(), 1);
    }
}

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread, without any runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    let deadline = RealInstant::now() + LONGEST_WAIT;
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
            return output;
        }
        let left = deadline.saturating_duration_since(RealInstant::now());
        assert!(!left.is_zero(), "nobody waits for ever");
        thread::park_timeout(left);
    }
}

#[test]
fn with_a_runtime_of_its_own_a_client_serves_callers_that_have_none() {
    let own = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let client = builder().runtime(own.handle().clone()).build();
    let (query, first) = (GetNumber(1), GetFirst(1));
    client.app().script(&query, Script::Answer(SECOND / 100));
    let place = place_of(&client, 1);
    assert_eq!(*block_on(client.query(&query)).unwrap(), 1);
    assert_eq!(*place.lock(), Some(own.handle().id()));
    // Also where the caller waits for a timer.
    client.cache().insert(first.clone(), 50);
    client.app().script(&first, Script::Never);
    let patient = client.query_with(&first, |options| options.timeout(SECOND / 100));
    assert_eq!(*block_on(patient).unwrap(), 50);
    let mut observer = client.observe(&query);
    client.invalidate(&query);
    block_on(shows_on_any(&mut observer, 2));
    client.prefetch(&GetNumber(2));
    block_on(client.query_with(&query, |options| options.strategy(Strategy::Refresh))).unwrap();
    assert_eq!(client.app().loads(&query), 3);
}

/// As `shows`, without a timer.
async fn shows_on_any(observer: &mut Observer<ScriptedApp, GetNumber>, wanted: usize) {
    while observer.next().await.unwrap().value().is_none_or(|value| **value != wanted) {}
}

#[test]
fn without_any_runtime_left_a_query_is_interrupted_and_an_observer_ends() {
    let runtime = current_thread();
    let client = builder().runtime(runtime.handle().clone()).build();
    let (asker, query) = (client.clone(), GetNumber(1));
    let mut asked = pin!(asker.query(&query));
    let mut cx = TaskContext::from_waker(Waker::noop());
    assert!(asked.as_mut().poll(&mut cx).is_pending());
    let mut observer = client.observe(&GetNumber(2));
    drop(runtime);
    assert!(block_on(asked).unwrap_err().is_interrupted());
    assert!(block_on(observer.next()).unwrap().is_pending());
    assert!(block_on(observer.next()).is_none());
}
