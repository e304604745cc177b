//! Observers that start while the runtime of the task of their key is idle, or becomes idle before their load ends.

use cache_client::LoadingOptions;

use super::*;

/// How a new observer causes a load although the key has a value.
type Coming = (&'static str, fn(LoadingOptions) -> LoadingOptions);

const COMINGS: [Coming; 3] = [
    ("refresh", |options| options.strategy(Strategy::Refresh)),
    ("network-first", |options| options.strategy(Strategy::NetworkFirst).timeout(seconds(60))),
    ("stale", |options| options.fresh(SECOND)),
];

/// A client whose cache has a value for the query.
fn client_with_value(query: &GetNumber) -> Client<ScriptedApp> {
    let client = paused_client();
    client.cache().insert(query.clone(), 50);
    client
}

#[test]
fn a_new_observer_of_a_key_with_an_idle_task_causes_a_load() {
    for (coming, options) in COMINGS {
        let query = GetNumber(1);
        let (idle, other) = (current_thread(), current_thread());
        let (client, observer) = idle.block_on(async {
            let client = client_with_value(&query);
            pass(seconds(2)).await;
            let mut observer = client.observe(&query);
            wait_for_value(&mut observer, 50).await;
            (client, observer)
        });
        other.block_on(async {
            let mut late = client.observe_with(&query, options);
            pass(seconds(5)).await;
            assert_eq!(client.app().loads(&query), 0, "{coming}: the task is not known to be idle");
            wait_for_value(&mut late, 1).await;
        });
        assert_eq!(client.app().loads(&query), 1, "{coming}");
        drop(observer);
    }
}

#[test]
fn an_observer_whose_load_is_dropped_by_its_runtime_gets_another() {
    for (coming, options) in COMINGS {
        for ends in [false, true] {
            let query = GetNumber(1);
            let (mut first, other) = (Some(current_thread()), current_thread());
            let (client, mut observer) = first.as_ref().unwrap().block_on(async {
                let client = client_with_value(&query);
                pass(seconds(2)).await;
                let observer = client.observe_with(&query, options);
                settle().await;
                assert_eq!(client.app().running(&query), 1, "{coming}");
                (client, observer)
            });
            if ends {
                first.take().unwrap().shutdown_background();
            }
            other.block_on(async {
                // The clock of this runtime starts now.
                pass(seconds(2)).await;
                wait_for_value(&mut observer, 2).await;
            });
            assert_eq!(client.app().loads(&query), 2, "{coming} {ends}");
        }
    }
}

#[test]
fn a_load_for_a_new_observer_is_not_repeated_by_another_task() {
    for (coming, options) in COMINGS {
        let query = GetNumber(1);
        let (idle, other) = (current_thread(), current_thread());
        let (client, observer) = idle.block_on(async {
            let client = client_with_value(&query);
            pass(seconds(2)).await;
            let mut observer = client.observe_with(&query, options);
            wait_for_value(&mut observer, 1).await;
            (client, observer)
        });
        other.block_on(async {
            let mut observer = observer;
            let moves = async { while observer.next().await.is_some() {} };
            assert!(tokio::time::timeout(seconds(5), moves).await.is_err());
            client.cache().insert(query.clone(), 60);
            settle().await;
            assert_eq!(observer.state().value().map(|value| **value), Some(60), "{coming}");
        });
        assert_eq!(client.app().loads(&query), 1, "{coming}");
    }
}
