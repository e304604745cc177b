//! What machines with a shared tier see of each other's changes, also while the server is away or has lost everything.

use std::time::Duration;

use cache_client::Invalidation;
use cache_client::shared::SimServer;
use cache_core::Tag;

use crate::machines::*;

/// The time in which a drop reaches another machine.
const ROUND_TRIP: Duration = Duration::from_millis(5);

#[tokio::test(start_paused = true)]
async fn a_mutation_on_one_machine_is_seen_on_another() {
    let machines = Machines::default();
    let (first, second) = (machines.machine().await, machines.machine().await);
    get(&second, 1).await;
    let mutated = first.mutate_and_report(&Edit(1)).await.unwrap();
    assert!(!mutated.is_queued);
    pass(ROUND_TRIP).await;
    assert_eq!(get(&second, 1).await, "1 in version 2");
    assert_eq!(get(&first, 1).await, "1 in version 2");
    assert_loads(&machines, 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_mutation_has_written_is_shown_at_once_and_settled_by_one_load() {
    let machines = Machines::default();
    let client = machines.machine().await;
    client.mutate(&Edit(1)).await.unwrap();
    assert_eq!(client.cached(&GetShared(1)).unwrap().as_str(), "1 in version 2");
    assert_loads(&machines, 0);
    for _ in 0..3 {
        assert_eq!(get(&client, 1).await, "1 in version 2");
        pass(seconds(1)).await;
    }
    assert_loads(&machines, 1);
}

#[tokio::test(start_paused = true)]
async fn the_others_are_told_before_a_mutation_is_shown() {
    let machines = Machines::default();
    let (first, second) = (machines.machine().await, machines.machine().await);
    get(&first, 1).await;
    get(&second, 1).await;
    machines.sim.delay(Duration::from_millis(20));
    let editing = tokio::spawn({
        let first = first.clone();
        async move { first.mutate(&Edit(1)).await }
    });
    // The drop has reached the server and the other machine, but not come back.
    pass(Duration::from_millis(39)).await;
    assert_eq!(first.cached(&GetShared(1)).unwrap().as_str(), "1 in version 1");
    pass(Duration::from_millis(3)).await;
    assert!(editing.is_finished());
    assert_eq!(first.cached(&GetShared(1)).unwrap().as_str(), "1 in version 2");
    assert!(second.query_state(&GetShared(1)).unwrap().is_stale);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_fresh_for_longer_than_the_lag_when_the_feed_is_held_back() {
    let machines = Machines::default();
    let wire = Wire::to(&machines.sim);
    let (first, second) = (machines.machine().await, machines.machine_on(&wire).await);
    get(&second, 1).await;
    wire.hold_feed(true);
    settle().await;
    first.mutate(&Edit(1)).await.unwrap();
    pass(MAX_LAG).await;
    assert_eq!(get(&second, 1).await, "1 in version 2");
    assert!(!second.query_state(&GetShared(1)).unwrap().is_stale, "a new load is fresh by itself");
    pass(MAX_LAG).await;
    assert!(second.query_state(&GetShared(1)).unwrap().is_stale);
}

#[tokio::test(start_paused = true)]
async fn a_load_from_before_a_change_is_neither_kept_nor_given_to_others() {
    let machines = Machines::default();
    let (first, second) = (machines.machine().await, machines.machine().await);
    let asking = tokio::spawn({
        let first = first.clone();
        async move { get(&first, 1).await }
    });
    pass(LOAD / 2).await;
    second.mutate(&Edit(1)).await.unwrap();
    assert_eq!(asking.await.unwrap(), "1 in version 1", "its callers get what it has loaded");
    settle().await;
    assert_eq!(first.shared_state().unwrap().counts.refused, 1);
    assert_eq!(get(&second, 1).await, "1 in version 2");
    assert_eq!(get(&first, 1).await, "1 in version 2");
    assert_loads(&machines, 2);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_began_before_the_lag_is_not_joined_when_the_feed_is_cut() {
    let machines = Machines::default();
    let wire = Wire::to(&machines.sim);
    let client = machines.machine_on(&wire).await;
    machines.origin.take(seconds(5));
    let slow = tokio::spawn({
        let client = client.clone();
        async move { get(&client, 1).await }
    });
    settle().await;
    wire.cut(true);
    pass(MAX_LAG + seconds(1)).await;
    machines.origin.change(1);
    machines.origin.take(LOAD);
    assert_eq!(get(&client, 1).await, "1 in version 2");
    assert_eq!(slow.await.unwrap(), "1 in version 1");
    assert_eq!(client.cached(&GetShared(1)).unwrap().as_str(), "1 in version 2");
}

#[tokio::test(start_paused = true)]
async fn a_machine_without_the_server_loads_for_itself_and_comes_back() {
    let machines = Machines::default();
    let (first, second) = (machines.machine().await, machines.machine().await);
    get(&first, 1).await;
    settle().await;
    machines.sim.set_away(true);
    pass(MAX_LAG * 2).await;
    for client in [&first, &second] {
        let start = tokio::time::Instant::now();
        assert_eq!(get(client, 1).await, "1 in version 1");
        assert!(start.elapsed() <= LOAD + Duration::from_millis(100), "{:?}", start.elapsed());
    }
    assert_loads(&machines, 3);
    machines.sim.set_away(false);
    pass(seconds(6)).await;
    let (first, second) = (follow(first).await, follow(second).await);
    // The first request finds that its connection has ended.
    for client in [&first, &second] {
        get(client, 2).await;
    }
    pass(seconds(6)).await;
    let loads = machines.origin.loads();
    get(&first, 3).await;
    settle().await;
    get(&second, 3).await;
    assert_loads(&machines, loads + 1);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_a_machine_that_is_cut_off_is_queued_and_told_first_when_it_is_back() {
    let machines = Machines::default();
    let wire = Wire::to(&machines.sim);
    let (first, second) = (machines.machine_on(&wire).await, machines.machine().await);
    get(&second, 1).await;
    wire.cut(true);
    settle().await;
    let start = tokio::time::Instant::now();
    let mutated = first.mutate_and_report(&Edit(1)).await.unwrap();
    assert!(mutated.is_queued && start.elapsed() <= Duration::from_millis(100));
    assert_eq!(first.shared_state().unwrap().outbox, 1);
    assert_eq!(get(&first, 1).await, "1 in version 2");
    assert_eq!(get(&second, 1).await, "1 in version 1", "it cannot know");
    wire.cut(false);
    pass(seconds(6)).await;
    assert_eq!(get(&second, 1).await, "1 in version 2");
    assert_eq!(first.shared_state().unwrap().outbox, 0);
}

#[tokio::test(start_paused = true)]
async fn a_flushed_or_restarted_server_gives_nothing_old_to_anybody() {
    let flush = |machines: &Machines| machines.sim.with(SimServer::flush);
    let restart = |machines: &Machines| machines.sim.restart();
    for lose in [&flush as &dyn Fn(&Machines), &restart] {
        let machines = Machines::default();
        let (first, second) = (machines.machine().await, machines.machine().await);
        get(&first, 1).await;
        get(&second, 1).await;
        let asking = tokio::spawn({
            let first = first.clone();
            async move { get(&first, 2).await }
        });
        pass(LOAD / 2).await;
        lose(&machines);
        second.mutate(&Edit(1)).await.unwrap();
        second.mutate(&Edit(2)).await.unwrap();
        assert_eq!(asking.await.unwrap(), "2 in version 1");
        pass(seconds(6)).await;
        for client in [first, second] {
            let client = follow(client).await;
            assert_eq!(get(&client, 1).await, "1 in version 2");
            assert_eq!(get(&client, 2).await, "2 in version 2");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn thousands_of_changes_during_a_cut_are_told_as_tables() {
    let machines = Machines::default();
    let wire = Wire::to(&machines.sim);
    let (first, second) = (machines.machine_on(&wire).await, machines.machine().await);
    for key in [1, 19_999] {
        get(&second, key).await;
    }
    wire.cut(true);
    settle().await;
    for key in 0..20_000 {
        machines.origin.change(key);
        first.invalidate(&GetShared(key));
    }
    pass(seconds(1)).await;
    let outbox = first.shared_state().unwrap().outbox;
    assert!((1..=10_000).contains(&outbox), "{outbox}");
    wire.cut(false);
    pass(seconds(6)).await;
    for key in [1, 19_999] {
        assert_eq!(get(&second, key).await, format!("{key} in version 2"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalidated_key_is_loaded_here_at_once_and_elsewhere_when_it_is_told() {
    let machines = Machines::default();
    let (first, second) = (machines.machine().await, machines.machine().await);
    for client in [&first, &second] {
        get(client, 1).await;
    }
    machines.origin.change(1);
    let mut invalidation = first.invalidate(&GetShared(1));
    // The tier still has the old value now.
    assert_eq!(get(&first, 1).await, "1 in version 2");
    assert!(invalidation.told().await);
    pass(ROUND_TRIP).await;
    assert_eq!(get(&second, 1).await, "1 in version 2");
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_costs_one_load() {
    let machines = Machines::default();
    let client = machines.machine().await;
    let marks: [&dyn Fn() -> Invalidation; 5] = [
        &|| client.invalidate(&GetShared(1)),
        &|| client.invalidate_tag("all"),
        &|| client.invalidate_query::<GetShared>(),
        &|| client.invalidate_where::<GetShared>(|key| key.0 == 1),
        &|| client.invalidate_all(),
    ];
    for (at, mark) in marks.iter().enumerate() {
        get(&client, 1).await;
        let loads = machines.origin.loads();
        let mut invalidation = mark();
        // The first query begins before the drop has reached the server.
        get(&client, 1).await;
        assert!(invalidation.told().await);
        pass(ROUND_TRIP).await;
        assert!(!client.query_state(&GetShared(1)).unwrap().is_stale, "{at}");
        get(&client, 1).await;
        assert_eq!(machines.origin.loads(), loads + 1, "{at}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_machine_changes_after_an_invalidation_is_marked() {
    let machines = Machines::default();
    let (first, second) = (machines.machine().await, machines.machine().await);
    get(&first, 1).await;
    let mut invalidation = first.invalidate(&GetShared(1));
    assert!(invalidation.told().await);
    get(&first, 1).await;
    second.mutate(&Edit(1)).await.unwrap();
    pass(ROUND_TRIP).await;
    assert!(first.query_state(&GetShared(1)).unwrap().is_stale);
    assert_eq!(get(&first, 1).await, "1 in version 2");
}

#[tokio::test(start_paused = true)]
async fn wide_marks_reach_other_machines() {
    let machines = Machines::default();
    let (first, second) = (machines.machine().await, machines.machine().await);
    let marks: [&dyn Fn(); 5] = [
        &|| drop(first.invalidate_tag("all")),
        &|| drop(first.invalidate_tag(Tag::new("group", 1))),
        &|| drop(first.invalidate_query::<GetShared>()),
        &|| drop(first.invalidate_where::<GetShared>(|key| key.0 == 1)),
        &|| drop(first.invalidate_all()),
    ];
    for (at, mark) in marks.iter().enumerate() {
        get(&second, 1).await;
        get(&second, 2).await;
        second.query(&GetOwn(1)).await.unwrap();
        pass(seconds(1)).await;
        mark();
        pass(ROUND_TRIP).await;
        assert!(second.query_state(&GetShared(1)).unwrap().is_stale, "{at}");
        assert_eq!(second.query_state(&GetShared(2)).unwrap().is_stale, at != 1, "{at}");
        assert!(!second.query_state(&GetOwn(1)).unwrap().is_stale, "{at}: it is not shared");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tag_of_many_keys_is_one_drop() {
    let machines = Machines::default();
    let wire = Wire::to(&machines.sim);
    let (first, second) = (machines.machine_on(&wire).await, machines.machine().await);
    for key in 0..1_000 {
        second.prefetch(&GetShared(key));
    }
    pass(seconds(1)).await;
    let late = tokio::spawn({
        let second = second.clone();
        async move { get(&second, 5_000).await }
    });
    pass(LOAD / 2).await;
    let requests = wire.requests();
    first.change(|changes| changes.invalidate_tag("all")).await.unwrap();
    assert_eq!(wire.requests(), requests + 1);
    late.await.unwrap();
    settle().await;
    assert!((0..1_000).all(|key| second.query_state(&GetShared(key)).unwrap().is_stale));
    assert!(second.cached(&GetShared(5_000)).is_none(), "a load from before is not kept");
}

#[tokio::test(start_paused = true)]
async fn a_refused_change_marks_its_keys() {
    let machines = Machines::default();
    let cache = cache().before_commit(|_| Err("not now".into())).build().unwrap();
    let client = follow(machines.builder_of(cache, machines.sim.clone()).build()).await;
    get(&client, 1).await;
    machines.origin.change(1);
    let changed = client.change(|changes| drop(changes.set(GetShared(1), "mine".to_owned()))).await;
    assert!(changed.is_err());
    assert_eq!(get(&client, 1).await, "1 in version 2");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_change_marks_its_keys() {
    let machines = Machines::default();
    let client = machines.machine().await;
    get(&client, 1).await;
    machines.origin.change(1);
    machines.sim.lose_answers(true);
    {
        let changing = client.change(|changes| drop(changes.set(GetShared(1), "mine".to_owned())));
        tokio::select! {
            _ = changing => panic!("the drop is not acknowledged"),
            () = takes(Duration::from_millis(10)) => {}
        }
    }
    machines.sim.lose_answers(false);
    assert_eq!(get(&client, 1).await, "1 in version 2");
}

#[tokio::test(start_paused = true)]
async fn observers_on_other_machines_show_a_change() {
    let machines = Machines::default();
    let (first, second) = (machines.machine().await, machines.machine().await);
    let observer = second.observe(&GetShared(1));
    pass(seconds(1)).await;
    first.mutate(&Edit(1)).await.unwrap();
    pass(seconds(1)).await;
    assert_eq!(observer.state().value().unwrap().as_str(), "1 in version 2");
}

#[tokio::test(start_paused = true)]
async fn what_is_built_of_something_dropped_meanwhile_is_not_given_to_others() {
    let machines = Machines::default();
    let (first, second) = (machines.machine().await, machines.machine().await);
    let building = tokio::spawn({
        let first = first.clone();
        async move { first.query(&GetBuilt(1)).await.unwrap() }
    });
    // It has read its part, and works on.
    pass(LOAD / 2 + LOAD + LOAD / 2).await;
    second.mutate(&Edit(1)).await.unwrap();
    assert_eq!(building.await.unwrap().as_str(), "built of 1 in version 1");
    settle().await;
    assert_eq!(second.query(&GetBuilt(1)).await.unwrap().as_str(), "built of 1 in version 2");
}

#[tokio::test(start_paused = true)]
async fn entries_from_before_are_looked_at_once() {
    let machines = Machines::default();
    let first = machines.machine().await;
    first.query(&GetSaved(1)).await.unwrap();
    let mut saved = Vec::new();
    first.cache().save_to(&mut saved).unwrap();
    let cache = cache().build().unwrap();
    cache.insert(GetSaved(2), "from before".to_owned());
    let second = follow(machines.builder_of(cache, machines.sim.clone()).build()).await;
    assert_eq!(second.query(&GetSaved(2)).await.unwrap().as_str(), "2 in version 1");
    // The tier has it, so one look is enough.
    second.cache().restore_from(&saved[..]).unwrap();
    assert!(second.query_state(&GetSaved(1)).unwrap().is_stale);
    second.query(&GetSaved(1)).await.unwrap();
    assert!(!second.query_state(&GetSaved(1)).unwrap().is_stale);
    assert_loads(&machines, 2);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_gives_up_leases_and_sends_what_waits() {
    let machines = Machines::default();
    let (first, second) = (machines.machine().await, machines.machine().await);
    machines.origin.take(seconds(5));
    let loading = tokio::spawn({
        let first = first.clone();
        async move { get(&first, 1).await }
    });
    settle().await;
    first.invalidate(&GetShared(2));
    let report = first.shutdown(seconds(1)).await;
    assert!(report.is_complete(), "{report:?}");
    machines.origin.take(LOAD);
    let start = tokio::time::Instant::now();
    get(&second, 1).await;
    assert!(start.elapsed() < seconds(1), "{:?}", start.elapsed());
    loading.abort();
    // It still answers.
    assert_eq!(get(&first, 3).await, "3 in version 1");
}

#[tokio::test(start_paused = true)]
async fn what_is_built_of_something_whose_drop_is_not_known_yet_is_not_given_to_others() {
    let machines = Machines::default();
    let wire = Wire::to(&machines.sim);
    let (first, second) = (machines.machine().await, machines.machine_on(&wire).await);
    get(&second, 1).await;
    wire.hold_feed(true);
    settle().await;
    first.mutate(&Edit(1)).await.unwrap();
    // It may still call its old part fresh.
    assert_eq!(second.query(&GetBuilt(1)).await.unwrap().as_str(), "built of 1 in version 1");
    settle().await;
    assert_eq!(first.query(&GetBuilt(1)).await.unwrap().as_str(), "built of 1 in version 2");
}

#[tokio::test(start_paused = true)]
async fn an_invalidated_key_is_not_read_from_the_tier_before_the_server_knows() {
    let machines = Machines::default();
    let client = machines.machine().await;
    get(&client, 1).await;
    settle().await;
    machines.origin.change(1);
    machines.sim.lose_requests(true);
    let mut invalidation = client.invalidate(&GetShared(1));
    settle().await;
    machines.sim.lose_requests(false);
    assert_eq!(get(&client, 1).await, "1 in version 2");
    assert!(!invalidation.told().await, "it is told later");
}
