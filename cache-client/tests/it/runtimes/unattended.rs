//! Tasks that no caller waits for: prefetches, refreshes, and what is done to the provider.

use cache_client::TrackingProvider;

use super::*;
use crate::persisted::{self, GetKept, Restarts};
use crate::providers::{assert_calls, site};

/// Handles of runtimes that run no tasks: one that nobody drives, and two that have ended.
fn stopped() -> ([Handle; 3], Runtime) {
    let (idle, ended) = (current_thread(), current_thread());
    let ended_threads = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let handles = [idle.handle().clone(), ended.handle().clone(), ended_threads.handle().clone()];
    (handles, idle)
}

#[test]
fn loads_that_no_caller_waits_for_run_where_the_caller_is_while_the_runtime_of_the_client_is_stopped() {
    let (stopped, _idle) = stopped();
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
fn loads_that_no_caller_waits_for_run_on_a_runtime_of_the_client_that_has_threads() {
    let own = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let client = builder().runtime(own.handle().clone()).build();
    client.app().script(&GetNumber(1), Script::Answer(SECOND / 100));
    let place = place_of(&client, 1);
    let caller = Builder::new_current_thread().enable_time().build().unwrap();
    caller.block_on(async { client.prefetch_all(&[GetNumber(1)]).done().await });
    assert_eq!(*place.lock(), Some(own.handle().id()));
}

#[test]
fn an_invalidation_removes_from_the_provider_while_the_runtime_of_the_client_is_stopped() {
    let (stopped, _idle) = stopped();
    for (at, stopped) in stopped.into_iter().enumerate() {
        let site = site();
        let client = site.builder().runtime(stopped).build();
        current_thread().block_on(async {
            client.invalidate(&GetKept(1));
            settle().await;
        });
        assert_eq!(site.provider.removes(), 1, "runtime {at}");
    }
}

/// A client whose provider was writing an answer when the runtime of that load became idle.
fn during_a_write_on_an_idle_runtime()
-> (Restarts<TrackingProvider>, Client<persisted::PersistedApp>, Runtime) {
    let (site, idle) = (site(), current_thread());
    let client = site.builder().provider_timeout(seconds(5)).build();
    idle.block_on(async {
        let first = persisted::ask(&client, &GetKept(1));
        settle().await;
        site.provider.delay(SECOND / 10);
        first.await.unwrap().unwrap();
        settle().await;
        site.provider.delay(seconds(0));
    });
    assert_calls(&site, 1, 1, 0);
    (site, client, idle)
}

#[test]
fn a_write_to_the_provider_on_an_idle_runtime_is_passed_by_others_and_not_continued() {
    let (site, client, idle) = during_a_write_on_an_idle_runtime();
    current_thread().block_on(in_time(async {
        pass(seconds(2)).await;
        client.query_with(&GetKept(1), |options| options.strategy(Strategy::Refresh)).await.unwrap();
        pass(seconds(5)).await;
        assert_calls(&site, 1, 2, 0);
        assert_eq!(*site.client().query(&GetKept(1)).await.unwrap(), 2);
        client.invalidate(&GetKept(1));
        pass(SECOND).await;
        assert_calls(&site, 2, 2, 1);
    }));
    assert_eq!(client.provider_errors(), 0);
    idle.block_on(pass(SECOND));
    assert_eq!(site.provider.inner().len(), 0, "what the first load brought does not come back");
    assert_eq!(client.provider_errors(), 1);
}

#[test]
fn calls_that_wait_for_the_same_write_on_an_idle_runtime_pass_it_in_their_order() {
    let (site, client, _idle) = during_a_write_on_an_idle_runtime();
    current_thread().block_on(in_time(async {
        pass(seconds(2)).await;
        client.invalidate(&GetKept(1));
        assert_eq!(*client.query(&GetKept(1)).await.unwrap(), 2);
        client.invalidate(&GetKept(1));
        client.query(&GetKept(1)).await.unwrap();
        pass(seconds(4)).await;
        assert_calls(&site, 1, 2, 2);
        assert_eq!(*site.client().query(&GetKept(1)).await.unwrap(), 3);
    }));
    assert_eq!(client.provider_errors(), 0);
}

#[test]
fn a_call_that_has_passed_such_a_write_has_all_its_time_whoever_has_waited_with_it() {
    let (site, client, _idle) = during_a_write_on_an_idle_runtime();
    current_thread().block_on(in_time(async {
        site.provider.delay(SECOND * 11 / 5);
        // The first passes the write after five seconds. The second has waited for three of them by then.
        client.invalidate(&GetKept(1));
        pass(seconds(2)).await;
        client.invalidate(&GetKept(1));
        pass(seconds(10)).await;
        assert_calls(&site, 1, 1, 2);
    }));
    assert_eq!(client.provider_errors(), 0);
}
