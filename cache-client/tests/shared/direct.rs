//! Direct commits of the store: the other machines are told after them.

use std::time::Duration;

use cache_client::Client;
use cache_core::CommitError;

use crate::machines::*;

const ROUND_TRIP: Duration = Duration::from_millis(5);

#[tokio::test(start_paused = true)]
async fn direct_commits_are_seen_on_other_machines() {
    let commits: [fn(&Client<Machine>); 6] = [
        |client| drop(client.cache().insert(GetShared(1), "direct".to_owned())),
        |client| assert!(client.cache().remove(&GetShared(1))),
        |client| {
            let committed = client.cache().transact(|tx| {
                tx.set(GetShared(1), "direct".to_owned());
                Ok::<_, CommitError>(())
            });
            committed.unwrap();
        },
        |client| {
            let committed = client.cache().transact(|tx| {
                tx.label("several");
                tx.set(GetOwn(1), "direct".to_owned());
                tx.remove(&GetShared(1));
                Ok::<_, CommitError>(())
            });
            committed.unwrap();
        },
        |client| {
            let committed = client.cache().transact(|tx| {
                tx.merge_with(GetShared(1), |_| "merged".to_owned());
                Ok::<_, CommitError>(())
            });
            committed.unwrap();
        },
        |client| {
            let committed = client.cache().transact(|tx| {
                tx.update_once(GetShared(1), |_| "updated".to_owned());
                Ok::<_, CommitError>(())
            });
            committed.unwrap();
        },
    ];
    for (at, commit) in commits.iter().enumerate() {
        let machines = Machines::default();
        let (first, second) = (machines.machine().await, machines.machine().await);
        for key in [1, 2] {
            get(&first, key).await;
            pass(ROUND_TRIP).await;
            get(&second, key).await;
        }
        machines.origin.change(1);
        commit(&first);
        pass(ROUND_TRIP).await;
        assert!(second.query_state(&GetShared(1)).unwrap().is_stale, "{at}");
        assert!(!second.query_state(&GetShared(2)).unwrap().is_stale, "{at}");
        assert_eq!(get(&second, 1).await, "1 in version 2", "{at}");
        assert_eq!(get(&first, 1).await, "1 in version 2", "{at}");
        pass(ROUND_TRIP).await;
        let applied = second.shared_state().unwrap().applied;
        pass(seconds(5)).await;
        assert_eq!(
            second.shared_state().unwrap().applied,
            applied,
            "{at}: marks of the feed are not told again"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_direct_commit_is_shown_at_once_and_settled_by_one_load() {
    let machines = Machines::default();
    let client = machines.machine().await;
    client.cache().insert(GetShared(1), "direct".to_owned());
    assert_eq!(client.cached(&GetShared(1)).unwrap().as_str(), "direct");
    pass(ROUND_TRIP).await;
    for _ in 0..3 {
        assert_eq!(get(&client, 1).await, "1 in version 1");
        pass(seconds(1)).await;
    }
    assert_loads(&machines, 1);
}

#[tokio::test(start_paused = true)]
async fn only_changes_of_shared_queries_by_the_program_are_told() {
    let machines = Machines::default();
    let (first, second) = (machines.machine().await, machines.machine().await);
    get(&first, 1).await;
    let applied = |client: &Client<Machine>| client.shared_state().unwrap().applied;
    let before = applied(&second);
    first.cache().insert(GetOwn(1), "direct".to_owned());
    first.cache().invalidate(&GetShared(1));
    first.cache().clear();
    get(&first, 1).await;
    get(&second, 1).await;
    pass(seconds(1)).await;
    assert_eq!(applied(&second), before);
    // One drop for each commit of a client.
    first.mutate(&Edit(1)).await.unwrap();
    pass(seconds(1)).await;
    assert_eq!(applied(&second), before + 1);
}

#[tokio::test(start_paused = true)]
async fn a_direct_commit_of_a_machine_that_is_cut_off_is_told_when_it_is_back() {
    let machines = Machines::default();
    let wire = Wire::to(&machines.sim);
    let (first, second) = (machines.machine_on(&wire).await, machines.machine().await);
    get(&second, 1).await;
    wire.cut(true);
    settle().await;
    machines.origin.change(1);
    first.cache().remove(&GetShared(1));
    settle().await;
    assert_eq!(first.shared_state().unwrap().outbox, 1);
    // The tier still has the old value.
    assert_eq!(get(&first, 1).await, "1 in version 2");
    wire.cut(false);
    pass(seconds(6)).await;
    assert_eq!(get(&second, 1).await, "1 in version 2");
}

#[tokio::test(start_paused = true)]
async fn the_clients_of_one_cache_tell_their_own_tiers() {
    let machines = Machines::default();
    let cache = cache().build().unwrap();
    let gone = machines.builder_of(cache.clone(), machines.sim.clone()).build();
    drop(gone);
    let client = follow(machines.builder_of(cache.clone(), machines.sim.clone()).build()).await;
    let other = machines.machine().await;
    get(&other, 1).await;
    cache.remove(&GetShared(1));
    pass(ROUND_TRIP).await;
    assert!(other.query_state(&GetShared(1)).unwrap().is_stale);
    drop(client);
}
