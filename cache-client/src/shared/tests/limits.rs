//! A server that is slow, silent or full.

use super::*;
use crate::shared::SimServer;

#[tokio::test(start_paused = true)]
async fn a_silent_server_delays_a_call_by_the_limit_and_not_longer() {
    let sim = SimTier::new();
    let node = Node::following(sim.clone()).await;
    node.load(1, "value").await;
    sim.lose_requests(true);
    // Once for a key that was read before, once for another.
    for id in [1, 2] {
        let (found, took) = timed(node.find(id)).await;
        assert_eq!((name(&found).as_str(), took), ("nothing", millis(100)));
    }
    let mut pending = node.shared.begin_drop(vec![mark(1)], false);
    let (acknowledged, took) = timed(pending.acknowledged()).await;
    assert_eq!((acknowledged.is_err(), took), (true, millis(100)));
    pending.committed();
    settle().await;
    let state = node.shared.state();
    assert_eq!((state.counts.timeouts, state.outbox), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn reading_and_asking_together_take_no_longer_than_the_limit() {
    let sim = SimTier::new();
    let node = Node::following(sim.clone()).await;
    node.load(1, "value").await;
    // The read is answered after 80 ms, and there would be 80 ms more for the lease.
    sim.delay(millis(40));
    let (found, took) = timed(node.find(2)).await;
    assert_eq!((name(&found).as_str(), took), ("nothing", millis(100)));
    // The lease that was given too late is given up.
    sim.delay(Duration::ZERO);
    sleep(millis(200)).await;
    assert_eq!(name(&node.find(2).await), "the lease");
}

#[tokio::test(start_paused = true)]
async fn after_five_calls_without_an_answer_the_others_do_not_wait() {
    let sim = SimTier::new();
    let node = Node::following(sim.clone()).await;
    sim.lose_requests(true);
    // The leases that may have been given are to be given up, so each call is up to two requests.
    let mut waits = 0;
    for _ in 0..100 {
        let took = timed(node.find(1)).await.1;
        assert!(took.is_zero() || took == millis(100), "{took:?}");
        waits += u32::from(!took.is_zero());
    }
    assert!((3..=5).contains(&waits), "{waits}");
    assert!((5..=7).contains(&node.shared.state().counts.timeouts));
    // It is tried again, and used again as soon as it answers.
    sim.lose_requests(false);
    sleep(Duration::from_secs(7)).await;
    assert_eq!(name(&node.find(1).await), "the lease");
    assert!(node.is_fresh());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stays_slow_costs_little() {
    let sim = SimTier::new();
    let node = Node::following(sim.clone()).await;
    sim.delay(millis(80));
    let mut waited = Duration::ZERO;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        let (found, took) = timed(node.find(1)).await;
        assert_eq!(name(&found), "nothing");
        waited += took;
        sleep(millis(10)).await;
    }
    assert!(waited < Duration::from_secs(7), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_full_server_is_a_miss_and_still_takes_drops() {
    let sim = SimTier::new();
    let node = Node::following(sim.clone()).await;
    sim.with(|server| server.set_full(true));
    for _ in 0..20 {
        let (found, took) = timed(node.find(1)).await;
        assert_eq!((name(&found).as_str(), took), ("nothing", Duration::ZERO));
    }
    let mut pending = node.shared.begin_drop(vec![mark(1)], true);
    assert_eq!(pending.acknowledged().await, Ok(()));
    let counts = node.shared.state().counts;
    assert_eq!((counts.errors, counts.timeouts, counts.misses), (20, 0, 20));
}

#[tokio::test(start_paused = true)]
async fn a_flushed_server_is_used_again() {
    let sim = SimTier::new();
    let node = Node::following(sim.clone()).await;
    node.load(1, "value").await;
    sim.with(SimServer::flush);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(node.take_marked(), [vec![]]);
    node.load(1, "value").await;
    assert_eq!(name(&node.find(1).await), "value");
}
