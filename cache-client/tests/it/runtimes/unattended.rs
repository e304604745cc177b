//! Background tasks: prefetches, refreshes and provider calls.

use cache_client::TrackingProvider;

use super::*;
use crate::persisted::{self, GetKept, Restarts};
use crate::providers::{assert_calls, tracked_restarts};

/// Handles of runtimes that run no tasks: one idle runtime and two that have ended.
fn stopped_runtimes() -> ([Handle; 3], Runtime) {
    let (idle, ended) = (current_thread(), current_thread());
    let ended_threads = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let handles = [idle.handle().clone(), ended.handle().clone(), ended_threads.handle().clone()];
    (handles, idle)
}

#[test]
fn background_loads_run_on_the_runtime_of_the_caller_while_that_of_the_client_is_stopped() {
    let (stopped, _idle) = stopped_runtimes();
    for (at, stopped) in stopped.into_iter().enumerate() {
        let client = builder().runtime(stopped).build();
        let stale = GetStale(1);
        current_thread().block_on(in_time(async {
            let _later = client.prefetch_after(&GetNumber(1), SECOND);
            let _in_tree = client.request("page").prefetch_after(&GetNumber(2), SECOND);
            client.prefetch(&GetNumber(3));
            client.cache().insert(stale.clone(), 50);
            pass(seconds(11)).await;
            for key in 1..=3 {
                assert_eq!(client.app().loads(&GetNumber(key)), 1, "key {key}, runtime {at}");
            }
            assert_eq!(*client.query(&stale).await.unwrap(), 50);
            pass(seconds(2)).await;
            assert_eq!(client.cached(&stale).as_deref(), Some(&1), "runtime {at}");
        }));
    }
}

#[test]
fn background_loads_run_on_a_multi_thread_runtime_of_the_client() {
    let own = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let client = builder().runtime(own.handle().clone()).build();
    client.app().script(&GetNumber(1), Script::Answer(SECOND / 100));
    let place = record_runtime(&client, 1);
    let caller = Builder::new_current_thread().enable_time().build().unwrap();
    caller.block_on(async { client.prefetch_all(&[GetNumber(1)]).done().await });
    assert_eq!(*place.lock(), Some(own.handle().id()));
}

#[test]
fn an_invalidation_removes_from_the_provider_while_the_runtime_of_the_client_is_stopped() {
    let (stopped, _idle) = stopped_runtimes();
    for (at, stopped) in stopped.into_iter().enumerate() {
        let restarts = tracked_restarts();
        let client = restarts.builder().runtime(stopped).build();
        current_thread().block_on(async {
            client.invalidate(&GetKept(1));
            settle().await;
        });
        assert_eq!(restarts.provider.removes(), 1, "runtime {at}");
    }
}

/// A client whose provider write was running when the runtime of the load became idle.
fn client_with_write_on_idle_runtime()
-> (Restarts<TrackingProvider>, Client<persisted::PersistedApp>, Runtime) {
    let (restarts, idle) = (tracked_restarts(), current_thread());
    let client = restarts.builder().provider_timeout(seconds(5)).build();
    idle.block_on(async {
        let first = persisted::spawn_query(&client, &GetKept(1));
        settle().await;
        restarts.provider.delay(SECOND / 10);
        first.await.unwrap().unwrap();
        settle().await;
        restarts.provider.delay(seconds(0));
    });
    assert_calls(&restarts, 1, 1, 0);
    (restarts, client, idle)
}

#[test]
fn later_calls_pass_a_provider_write_on_an_idle_runtime_and_it_does_not_continue() {
    let (restarts, client, idle) = client_with_write_on_idle_runtime();
    current_thread().block_on(in_time(async {
        pass(seconds(2)).await;
        client.query_with(&GetKept(1), |options| options.strategy(Strategy::Refresh)).await.unwrap();
        pass(seconds(5)).await;
        assert_calls(&restarts, 1, 2, 0);
        assert_eq!(*restarts.client().query(&GetKept(1)).await.unwrap(), 2);
        client.invalidate(&GetKept(1));
        pass(SECOND).await;
        assert_calls(&restarts, 2, 2, 1);
    }));
    assert_eq!(client.provider_errors(), 0);
    idle.block_on(pass(SECOND));
    assert_eq!(restarts.provider.inner().len(), 0, "the result of the first load does not return");
    assert_eq!(client.provider_errors(), 1);
}

#[test]
fn calls_that_wait_for_a_write_on_an_idle_runtime_pass_it_in_order() {
    let (restarts, client, _idle) = client_with_write_on_idle_runtime();
    current_thread().block_on(in_time(async {
        pass(seconds(2)).await;
        client.invalidate(&GetKept(1));
        assert_eq!(*client.query(&GetKept(1)).await.unwrap(), 2);
        client.invalidate(&GetKept(1));
        client.query(&GetKept(1)).await.unwrap();
        pass(seconds(4)).await;
        assert_calls(&restarts, 1, 2, 2);
        assert_eq!(*restarts.client().query(&GetKept(1)).await.unwrap(), 3);
    }));
    assert_eq!(client.provider_errors(), 0);
}

#[test]
fn a_call_that_passed_a_write_on_an_idle_runtime_has_its_full_timeout() {
    let (restarts, client, _idle) = client_with_write_on_idle_runtime();
    current_thread().block_on(in_time(async {
        restarts.provider.delay(SECOND * 11 / 5);
        // The first call passes the write after five seconds. The second has waited for three seconds by then.
        client.invalidate(&GetKept(1));
        pass(seconds(2)).await;
        client.invalidate(&GetKept(1));
        pass(seconds(10)).await;
        assert_calls(&restarts, 1, 1, 2);
    }));
    assert_eq!(client.provider_errors(), 0);
}
