//! Loads and observers continue when their runtime is idle or dropped.

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

/// A runtime with paused time that runs only inside `block_on`.
fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// Starts a query on a runtime that is idle afterwards.
fn begin<Q: Fetch<ScriptedApp> + Keyed>(runtime: &Runtime, client: &Client<ScriptedApp>, query: &Q)
where
    ScriptedRegistry: cache_core::Holds<Q>,
{
    runtime.block_on(async {
        drop(spawn_query(client, query));
        settle().await;
    });
}

/// Waits until an observer shows this value and its key is not loading.
async fn wait_for_value(observer: &mut Observer<ScriptedApp, GetNumber>, wanted: usize) {
    let shown = async {
        while let Some(state) = observer.next().await {
            if matches!(state, State::Ready { value, is_refreshing: false, .. } if *value == wanted) {
                return;
            }
        }
        panic!("the observer ended");
    };
    in_time(shown).await;
}

#[test]
fn a_load_on_an_idle_runtime_is_taken_over() {
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
    assert_eq!(client.app().loads(&query), 3, "the first load, its replacement, and one of the private tree");
    assert!(answers.2.is_ok());
    // The first load resumes, but its result is outdated.
    let late = idle.block_on(in_time(async {
        pass(seconds(2)).await;
        client.query(&query).await
    }));
    assert!(Arc::ptr_eq(&late.unwrap(), &answer));
}

#[test]
fn a_load_on_a_dropped_runtime_is_taken_over_by_callers_on_another() {
    let (client, query) = (paused_client(), GetNumber(1));
    let (dropped, other) = (current_thread(), current_thread());
    begin(&dropped, &client, &query);
    other.block_on(in_time(async {
        let waiters = [spawn_query(&client, &query), spawn_query(&client, &query)];
        settle().await;
        assert_eq!(client.app().loads(&query), 1);
        let begun = Instant::now();
        dropped.shutdown_background();
        for waiter in waiters {
            assert_eq!(*waiter.await.unwrap().unwrap(), 2);
        }
        assert_eq!(begun.elapsed(), SECOND, "the callers notice at once");
    }));
    assert_eq!(client.app().loads(&query), 2);
}

/// A thread whose runtime runs `begin` and then panics when the returned sender sends.
fn thread_that_panics(begin: impl FnOnce(&Runtime) + Send + 'static) -> (mpsc::Sender<()>, JoinHandle<()>) {
    let ((begun, has_begun), (fail, may_fail)) = (mpsc::channel(), mpsc::channel());
    let thread = thread::spawn(move || {
        let runtime = current_thread();
        begin(&runtime);
        begun.send(()).unwrap();
        may_fail.recv().unwrap();
        runtime.block_on(async { panic!("the program panics") });
    });
    has_begun.recv().unwrap();
    (fail, thread)
}

#[test]
fn a_load_on_a_runtime_that_panicked_is_taken_over() {
    let (client, query) = (paused_client(), GetNumber(1));
    let (its_client, its_query) = (client.clone(), query.clone());
    let (fail, thread) = thread_that_panics(move |runtime| begin(runtime, &its_client, &its_query));
    current_thread().block_on(in_time(async {
        let waiter = spawn_query(&client, &query);
        settle().await;
        fail.send(()).unwrap();
        assert!(thread.join().is_err());
        assert_eq!(*waiter.await.unwrap().unwrap(), 2);
    }));
    assert_eq!(client.app().loads(&query), 2);
}

#[test]
fn a_batch_on_a_runtime_that_panicked_is_taken_over() {
    let client = batching::batching_client();
    let (its_client, keys) = (client.clone(), items(0..3));
    let its_keys = keys.clone();
    let (fail, thread) = thread_that_panics(move |runtime| {
        runtime.block_on(async move {
            tokio::spawn(async move { its_client.query_all(&its_keys).await.len() });
            settle().await;
        });
    });
    current_thread().block_on(in_time(async {
        let caller = client.clone();
        let waiter = tokio::spawn(async move { caller.query_all(&keys).await });
        settle().await;
        fail.send(()).unwrap();
        assert!(thread.join().is_err());
        assert!(waiter.await.unwrap().iter().all(Result::is_ok));
    }));
}

#[test]
fn a_deadline_applies_even_if_the_runtime_that_created_it_is_idle() {
    let (client, query) = (paused_client(), GetNumber(1));
    let idle = current_thread();
    let expiring_context =
        |time| idle.block_on(async { client.request("hasty").with_deadline(Instant::now() + time) });
    let (awaited, quiet, later) =
        (expiring_context(SECOND / 2), expiring_context(SECOND / 2), expiring_context(seconds(100)));
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
        let caller = cx.clone();
        let key = query.clone();
        runtime.as_ref().unwrap().block_on(async {
            tokio::spawn(async move { caller.query(&key).await.map(drop) });
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
fn an_observer_continues_when_the_runtime_of_its_key_stops() {
    for ends in [false, true] {
        let (client, query) = (paused_client(), GetNumber(1));
        let (first, other) = (current_thread(), current_thread());
        let mut moved = first.block_on(async {
            let mut observer = client.observe(&query);
            wait_for_value(&mut observer, 1).await;
            observer
        });
        if ends {
            drop(first);
        }
        other.block_on(async {
            let mut late = client.observe(&query);
            client.cache().insert(query.clone(), 50);
            wait_for_value(&mut moved, 50).await;
            wait_for_value(&mut late, 50).await;
            client.invalidate(&query);
            wait_for_value(&mut late, 2).await;
            wait_for_value(&mut moved, 2).await;
            drop(moved);
            client.invalidate(&query);
            wait_for_value(&mut late, 3).await;
        });
        assert_eq!(client.app().loads(&query), 3);
    }
}

/// Moves an observer from an idle runtime to another one, which then runs its task.
async fn moved_observer(mut observer: Observer<ScriptedApp, GetNumber>) -> Observer<ScriptedApp, GetNumber> {
    let moved = tokio::time::timeout(seconds(5), observer.next()).await;
    assert!(moved.is_err(), "no new state: {moved:?}");
    observer
}

#[test]
fn an_observer_that_moved_sees_layers_and_new_observers_at_once() {
    for is_layer in [true, false] {
        let (client, query) = (paused_client(), GetNumber(1));
        let (idle, other) = (current_thread(), current_thread());
        let observer = idle.block_on(async {
            let mut observer = client.observe(&query);
            wait_for_value(&mut observer, 1).await;
            observer
        });
        other.block_on(async {
            let observer = moved_observer(observer).await;
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
                    assert_eq!(client.app().loads(&query), 2, "a new observer causes a load");
                }
            }
        });
        // The first task can run once more, but it does not change the shown state.
        idle.block_on(settle());
    }
}

#[test]
fn the_value_of_an_observer_on_an_idle_runtime_is_dropped_with_the_observer() {
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
        assert!(kept.upgrade().is_some(), "the value is observed");
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
            wait_for_value(&mut observer, 2).await;
        });
    }
}

#[test]
fn an_invalidation_does_not_wait_for_observers_on_idle_runtimes() {
    let (client, query) = (paused_client(), GetNumber(1));
    let (idle, other) = (current_thread(), current_thread());
    let _observer = idle.block_on(async {
        let mut observer = client.observe(&query);
        wait_for_value(&mut observer, 1).await;
        observer
    });
    other.block_on(in_time(client.invalidate(&query).reloaded()));
    assert_eq!(client.app().loads(&query), 1);
    let reloaded = client.invalidate(&query);
    drop(idle);
    other.block_on(in_time(reloaded.reloaded()));
}

/// Records the runtime on which the next load of a key runs.
fn record_runtime(client: &Client<ScriptedApp>, key: u32) -> Arc<Mutex<Option<Id>>> {
    let place = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&place);
    client.app().when_loaded(key, move |_| {
        *seen.lock() = Some(Handle::current().id());
        Box::pin(std::future::ready(()))
    });
    place
}

#[test]
fn loads_run_on_the_runtime_of_the_client_unless_it_is_idle() {
    let (home, other) = (current_thread(), current_thread());
    let client = home.block_on(async { paused_client() });
    let place = record_runtime(&client, 1);
    home.block_on(client.query(&GetNumber(1))).unwrap();
    assert_eq!(*place.lock(), Some(home.handle().id()));
    // The first caller detects that the runtime is idle, and the next one reuses that result.
    let (second, third) = (record_runtime(&client, 2), record_runtime(&client, 3));
    other.block_on(in_time(async {
        client.query(&GetNumber(2)).await.unwrap();
        let begun = Instant::now();
        client.query(&GetNumber(3)).await.unwrap();
        assert_eq!(begun.elapsed(), SECOND);
    }));
    assert_eq!((*second.lock(), *third.lock()), (Some(other.handle().id()), Some(other.handle().id())));
    // Once the runtime is driven again, loads run there again.
    let place = record_runtime(&client, 4);
    home.block_on(settle());
    begin(&other, &client, &GetNumber(4));
    home.block_on(settle());
    assert_eq!(*place.lock(), Some(home.handle().id()));
}

#[test]
fn a_client_whose_runtime_has_ended_uses_the_runtimes_of_its_callers() {
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
    // The first call may be a prefetch or an observer.
    let home = current_thread();
    let clients = home.block_on(async { [paused_client(), paused_client()] });
    drop(home);
    other.block_on(in_time(async {
        clients[0].prefetch(&GetNumber(1));
        pass(seconds(2)).await;
        assert_eq!(clients[0].cached(&GetNumber(1)).as_deref(), Some(&1));
        let mut observer = clients[1].observe(&GetNumber(1));
        wait_for_value(&mut observer, 1).await;
    }));
}

#[test]
fn the_keys_of_a_batch_are_taken_over_together() {
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
        let (caller, queries) = (client.clone(), keys.clone());
        let waiter = tokio::spawn(async move { caller.query_all(&queries).await });
        settle().await;
        dropped.shutdown_background();
        assert!(waiter.await.unwrap().iter().all(Result::is_ok));
    }));
    let sizes = client.app().sizes::<GetItem>();
    assert_eq!(sizes, [5, 5, 1, 9], "the first batch detects the idle runtime, and the others move together");
}

#[test]
fn a_batch_joined_from_another_runtime_is_joined_again() {
    for ends in [false, true] {
        let client = batching::batching_client();
        let (mut first, other) = (Some(current_thread()), current_thread());
        // The batch is created by a task that runs once. The batch task itself does not run.
        let mut call = pin!(client.query(&GetItem(1)));
        {
            let _entered = first.as_ref().unwrap().enter();
            let mut cx = TaskContext::from_waker(Waker::noop());
            assert!(call.as_mut().poll(&mut cx).is_pending());
        }
        first.as_ref().unwrap().block_on(tokio::task::yield_now());
        let answer = other.block_on(in_time(async {
            let caller = client.clone();
            let waiter = tokio::spawn(async move { caller.query(&GetItem(2)).await });
            settle().await;
            if ends {
                first.take().unwrap().shutdown_background();
            }
            waiter.await.unwrap()
        }));
        assert_eq!(*answer.unwrap(), 1);
    }
}

/// A waker that unparks a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread without a runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    let deadline = RealInstant::now() + LONGEST_WAIT;
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
            return output;
        }
        let left = deadline.saturating_duration_since(RealInstant::now());
        assert!(!left.is_zero(), "the test hangs");
        thread::park_timeout(left);
    }
}

#[test]
fn a_client_with_its_own_runtime_serves_callers_without_one() {
    let own = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let client = builder().runtime(own.handle().clone()).build();
    let (query, first) = (GetNumber(1), GetFirst(1));
    client.app().script(&query, Script::Answer(SECOND / 100));
    let place = record_runtime(&client, 1);
    assert_eq!(*block_on(client.query(&query)).unwrap(), 1);
    assert_eq!(*place.lock(), Some(own.handle().id()));
    // This includes a caller that waits for a timer.
    client.cache().insert(first.clone(), 50);
    client.app().script(&first, Script::Never);
    let patient = client.query_with(&first, |options| options.timeout(SECOND / 100));
    assert_eq!(*block_on(patient).unwrap(), 50);
    let mut observer = client.observe(&query);
    client.invalidate(&query);
    block_on(wait_for_value_without_timer(&mut observer, 2));
    client.prefetch(&GetNumber(2));
    block_on(client.query_with(&query, |options| options.strategy(Strategy::Refresh))).unwrap();
    assert_eq!(client.app().loads(&query), 3);
}

/// Like `wait_for_value`, without a timer.
async fn wait_for_value_without_timer(observer: &mut Observer<ScriptedApp, GetNumber>, wanted: usize) {
    while observer.next().await.unwrap().value().is_none_or(|value| **value != wanted) {}
}

#[test]
fn without_a_runtime_a_query_is_interrupted_and_an_observer_ends() {
    let runtime = current_thread();
    let client = builder().runtime(runtime.handle().clone()).build();
    let (caller, query) = (client.clone(), GetNumber(1));
    let mut call = pin!(caller.query(&query));
    let mut cx = TaskContext::from_waker(Waker::noop());
    assert!(call.as_mut().poll(&mut cx).is_pending());
    let mut observer = client.observe(&GetNumber(2));
    drop(runtime);
    assert!(block_on(call).unwrap_err().is_interrupted());
    assert!(block_on(observer.next()).unwrap().is_pending());
    assert!(block_on(observer.next()).is_none());
}
