//! What observers of shared queries show while the machine does not know what others have changed.

use cache_client::State;

use crate::machines::*;

fn is_stale(observer: &cache_client::Observer<Machine, GetShared>) -> bool {
    match observer.state() {
        State::Ready { is_stale, .. } => is_stale,
        state => panic!("{state:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_shows_a_copy_as_stale_when_the_lag_is_over() {
    let machines = Machines::default();
    let wire = Wire::to(&machines.sim);
    let client = machines.machine_on(&wire).await;
    let observer = client.observe(&GetShared(1));
    pass(MAX_LAG * 3).await;
    assert!(!is_stale(&observer), "the feed tells that nothing has changed");
    wire.hold_feed(true);
    pass(MAX_LAG * 2).await;
    assert!(is_stale(&observer));
    assert!(client.query_state(&GetShared(1)).unwrap().is_stale, "as a query says");
    wire.hold_feed(false);
    pass(seconds(10)).await;
    assert!(!is_stale(&observer));
}

#[tokio::test(start_paused = true)]
async fn an_observer_of_another_query_does_not_follow_the_lag() {
    let machines = Machines::default();
    let wire = Wire::to(&machines.sim);
    let client = machines.machine_on(&wire).await;
    let observer = client.observe(&GetOwn(1));
    pass(seconds(1)).await;
    wire.hold_feed(true);
    pass(MAX_LAG * 2).await;
    assert!(matches!(observer.state(), State::Ready { is_stale: false, .. }));
}

#[tokio::test(start_paused = true)]
async fn an_observed_key_is_loaded_again_after_a_cut_in_which_the_server_was_restarted() {
    let machines = Machines::default();
    let wire = Wire::to(&machines.sim);
    let client = machines.machine_on(&wire).await;
    let observer = client.observe(&GetShared(1));
    pass(seconds(1)).await;
    wire.cut(true);
    settle().await;
    machines.origin.change(1);
    machines.sim.restart();
    pass(MAX_LAG * 2).await;
    assert!(is_stale(&observer));
    assert_eq!(observer.state().value().unwrap().as_str(), "1 in version 1");
    wire.cut(false);
    pass(seconds(10)).await;
    assert_eq!(observer.state().value().unwrap().as_str(), "1 in version 2");
    assert!(!is_stale(&observer));
}
