//! What machines with a shared tier read, load, and give to each other.

use std::time::Duration;

use cache_client::{Client, Strategy};

use crate::machines::*;

#[tokio::test(start_paused = true)]
async fn what_one_machine_has_loaded_another_reads_from_the_tier() {
    let machines = Machines::default();
    let (first, second) = (machines.machine().await, machines.machine().await);
    assert_eq!(get(&first, 1).await, "1 in version 1");
    settle().await;
    assert_eq!(get(&second, 1).await, "1 in version 1");
    assert_loads(&machines, 1);
    for _ in 0..1_000 {
        get(&second, 1).await;
    }
    let counts = second.shared_state().unwrap().counts;
    assert_eq!((counts.hits, counts.misses), (1, 0), "the others are hits in memory");
}

#[tokio::test(start_paused = true)]
async fn a_report_says_how_the_client_stands_to_the_tier() {
    let machines = Machines::default();
    let machine = machines.machine().await;
    assert!(machine.activity(10).shared.unwrap().is_usable);
    let text = machine.inspect().to_string();
    assert!(
        text.contains("shared tier: 0.") && text.contains("s behind, 0 errors, 0 drops under way\n"),
        "{text}"
    );
    machines.sim.set_away(true);
    pass(seconds(10)).await;
    machine.invalidate(&GetShared(1));
    settle().await;
    let text = machine.inspect().to_string();
    assert!(text.contains("shared tier: not in use, ") && text.contains(", 1 drop under way\n"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn machines_that_ask_at_once_share_one_load() {
    let machines = Machines::default();
    let mut asks = Vec::new();
    for _ in 0..4 {
        let client = machines.machine().await;
        for _ in 0..100 {
            let client = client.clone();
            asks.push(tokio::spawn(async move { get(&client, 1).await }));
        }
    }
    for ask in asks {
        assert_eq!(ask.await.unwrap(), "1 in version 1");
    }
    assert_loads(&machines, 1);
}

#[tokio::test(start_paused = true)]
async fn a_query_without_share_never_asks_the_server() {
    let machines = Machines::default();
    let wire = Wire::to(&machines.sim);
    let client = machines.machine_on(&wire).await;
    let requests = wire.requests();
    for client in [&client, &client.clone()] {
        client.query(&GetOwn(1)).await.unwrap();
        client.change(|changes| drop(changes.set(GetOwn(1), "mine".to_owned()))).await.unwrap();
        settle().await;
    }
    assert_loads(&machines, 1);
    assert_eq!(wire.requests(), requests);
    // The same for a shared one.
    get(&client, 1).await;
    assert!(wire.requests() > requests);
}

#[tokio::test(start_paused = true)]
async fn a_failed_load_frees_the_lease() {
    let machines = Machines::default();
    let (first, second) = (machines.machine().await, machines.machine().await);
    machines.origin.set_failing(true);
    assert!(first.query(&GetShared(1)).await.is_err());
    machines.origin.set_failing(false);
    settle().await;
    let start = tokio::time::Instant::now();
    get(&second, 1).await;
    assert!(start.elapsed() < 2 * LOAD, "{:?}", start.elapsed());
    assert_loads(&machines, 2);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_load_frees_the_lease() {
    let machines = Machines::default();
    let (first, second) = (machines.machine().await, machines.machine().await);
    let cx = first.request("short");
    let asking = tokio::spawn({
        let cx = cx.clone();
        async move { cx.query(&GetShared(1)).await.is_err() }
    });
    pass(LOAD / 2).await;
    cx.cancel();
    assert!(asking.await.unwrap());
    settle().await;
    let start = tokio::time::Instant::now();
    get(&second, 1).await;
    assert!(start.elapsed() < 2 * LOAD, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn another_machine_loads_when_the_owner_of_a_lease_is_gone() {
    let machines = Machines::default();
    let (first, second) = (machines.machine().await, machines.machine().await);
    // A machine that dies does not even give up its leases.
    let asking = tokio::spawn(async move { get(&first, 1).await });
    pass(LOAD / 2).await;
    machines.sim.lose_requests(true);
    asking.abort();
    settle().await;
    pass(LOAD * 4).await;
    machines.sim.lose_requests(false);
    machines.sim.cut();
    pass(seconds(6)).await;
    let second = follow(second).await;
    let start = tokio::time::Instant::now();
    assert_eq!(get(&second, 1).await, "1 in version 1");
    assert!(start.elapsed() <= seconds(10), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_refresh_loads_and_gives_the_others_what_it_has_loaded() {
    let machines = Machines::default();
    let (first, second) = (machines.machine().await, machines.machine().await);
    get(&first, 1).await;
    settle().await;
    machines.origin.change(1);
    for strategy in [Strategy::Refresh, Strategy::NetworkFirst, Strategy::NetworkOnly] {
        let loads = machines.origin.loads();
        let value = first.query_with(&GetShared(1), |options| options.strategy(strategy)).await.unwrap();
        assert_eq!(*value, "1 in version 2", "{strategy:?}");
        assert_loads(&machines, loads + 1);
        settle().await;
    }
    assert_eq!(get(&second, 1).await, "1 in version 2");
    assert_loads(&machines, 4);
}

#[tokio::test(start_paused = true)]
async fn the_age_of_a_value_is_counted_from_its_load() {
    let machines = Machines::default();
    let (first, second) = (machines.machine().await, machines.machine().await);
    get(&first, 1).await;
    pass(seconds(300)).await;
    get(&second, 1).await;
    assert_loads(&machines, 1);
    let age = second.query_state(&GetShared(1)).unwrap().age;
    assert!(age >= seconds(300) && age <= seconds(301), "{age:?}");
    // Both are stale ten minutes after the load.
    pass(seconds(301)).await;
    get(&second, 1).await;
    assert_loads(&machines, 2);
}

#[tokio::test(start_paused = true)]
async fn hostile_bytes_in_the_tier_are_a_miss() {
    let machines = Machines::default();
    let wire = Wire::to(&machines.sim);
    let (first, second) = (machines.machine().await, machines.machine_on(&wire).await);
    get(&first, 1).await;
    settle().await;
    wire.damage();
    assert_eq!(get(&second, 1).await, "1 in version 1");
    assert_loads(&machines, 2);
    assert_eq!(second.shared_state().unwrap().counts.mismatches, 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_fails_while_the_server_is_away() {
    let machines = Machines::default();
    machines.sim.set_away(true);
    let client = machines.builder().build();
    let start = tokio::time::Instant::now();
    assert_eq!(get(&client, 1).await, "1 in version 1");
    assert!(start.elapsed() <= LOAD + Duration::from_millis(100), "{:?}", start.elapsed());
    machines.sim.set_away(false);
    let client = follow(client).await;
    // It knows nothing of what has happened meanwhile.
    get(&client, 1).await;
    assert_loads(&machines, 2);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_left_alone_for_a_second() {
    let machines = Machines::default();
    let wire = Wire::to(&machines.sim);
    let client = machines.machine_on(&wire).await;
    let state = || client.shared_state().unwrap();
    assert_eq!((state().is_connected, state().paused_for), (true, None));
    machines.sim.lose_requests(true);
    let mut key = 1;
    while state().paused_for.is_none() {
        get(&client, key).await;
        key += 1;
    }
    assert_eq!(state().counts.timeouts, 5);
    machines.sim.lose_requests(false);
    let before = state().paused_for.unwrap();
    assert!(before <= seconds(1));
    pass(seconds(1) / 4).await;
    let left = state().paused_for.unwrap();
    assert!(state().is_connected && !left.is_zero() && left <= before - seconds(1) / 4, "{left:?}");
    let requests = wire.requests();
    get(&client, key).await;
    assert_eq!(wire.requests(), requests, "it is not asked");
    pass(seconds(6)).await;
    assert_eq!((state().is_usable, state().paused_for), (true, Some(Duration::ZERO)));
    key += 1;
    get(&client, key).await;
    assert_eq!(state().paused_for, None);
}

#[tokio::test(start_paused = true)]
async fn a_machine_says_when_it_has_no_connection() {
    let machines = Machines::default();
    let wire = Wire::to(&machines.sim);
    let client = machines.machine_on(&wire).await;
    wire.cut(true);
    pass(seconds(1)).await;
    assert!(!client.shared_state().unwrap().is_connected);
    wire.cut(false);
    pass(seconds(6)).await;
    assert!(client.shared_state().unwrap().is_connected);
}

#[tokio::test(start_paused = true)]
async fn what_one_machine_refreshes_behind_a_stale_answer_serves_the_others() {
    let machines = Machines::default();
    let (first, second) = (machines.machine().await, machines.machine().await);
    for client in [&first, &second] {
        client.query(&GetStale(1)).await.unwrap();
        settle().await;
    }
    machines.origin.change(1);
    pass(seconds(61)).await;
    for client in [&first, &second] {
        assert_eq!(client.query(&GetStale(1)).await.unwrap().as_str(), "1 in version 1");
        pass(seconds(1)).await;
        assert_eq!(client.query(&GetStale(1)).await.unwrap().as_str(), "1 in version 2");
    }
    assert_loads(&machines, 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_its_load_keeps_for_itself_is_not_given_to_others() {
    let machines = Machines::default();
    let (first, second) = (machines.machine().await, machines.machine().await);
    for key in [UNSTORED, PRESET] {
        let loads = machines.origin.loads();
        get(&first, key).await;
        settle().await;
        get(&second, key).await;
        assert_loads(&machines, loads + 2);
    }
}

/// Two loads of a key on the first machine: one that began before a drop and waits for a lease of the second machine,
/// and one that began after it and takes some time. The first one asks the source last, without the tier.
async fn overtaking_loads(later_takes: Duration) {
    let machines = Machines::default();
    let wire = Wire::to(&machines.sim);
    let (first, second) = (machines.machine_on(&wire).await, machines.machine().await);
    let query = |client: &Client<Machine>| {
        let client = client.clone();
        tokio::spawn(async move { get(&client, 1).await })
    };
    machines.origin.take(seconds(10));
    let abandoned = query(&second);
    pass(Duration::from_millis(5)).await;
    let early = query(&first);
    pass(Duration::from_millis(5)).await;
    // The drop ends the load of the second machine. A later caller does not join the early one.
    machines.origin.change(1);
    machines.origin.take(later_takes);
    assert!(second.invalidate(&GetShared(1)).told().await);
    settle().await;
    let late = query(&first);
    pass(Duration::from_millis(4)).await;
    machines.origin.change(1);
    machines.origin.take(Duration::from_millis(3));
    wire.cut(true);
    // It is not stored, since the key was dropped after its lookup had begun.
    assert_eq!(early.await.unwrap(), "1 in version 3");
    assert!(first.shared_state().unwrap().is_usable, "copies may be shown");
    assert_eq!(get(&first, 1).await, "1 in version 3");
    assert_eq!(late.await.unwrap(), "1 in version 2");
    assert_eq!(get(&first, 1).await, "1 in version 3");
    abandoned.abort();
}

#[tokio::test(start_paused = true)]
async fn after_an_answer_that_cannot_be_stored_no_stored_one_is_older() {
    overtaking_loads(Duration::from_millis(3)).await;
}

#[tokio::test(start_paused = true)]
async fn after_an_answer_that_cannot_be_stored_no_loaded_one_is_older() {
    overtaking_loads(Duration::from_millis(500)).await;
}
