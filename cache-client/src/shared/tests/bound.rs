//! Until when copies in memory may be called fresh.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::shared::protocol::{ClientId, Epoch};

/// What hits compare with: the lag less the tick of a cheap clock.
const REACH: Duration = Duration::from_millis(1_990);

#[tokio::test(start_paused = true)]
async fn nothing_is_fresh_before_the_feed_was_read() {
    let sim = SimTier::new();
    sim.delay(millis(20));
    let node = Node::new(sim);
    assert_eq!(node.shared.fresh_until(), Moment::ORIGIN);
    let asked = {
        // The second connection asks when the first one has its answer.
        sleep(millis(40)).await;
        node.now()
    };
    sleep(millis(39)).await;
    assert_eq!(node.shared.fresh_until(), Moment::ORIGIN);
    node.shared.following().await;
    assert_eq!(node.shared.fresh_until(), asked + REACH, "counted from when it was sent");
    assert_eq!(node.shared.reach(), REACH);
}

#[tokio::test(start_paused = true)]
async fn the_bound_moves_with_each_read_that_has_told_everything() {
    let node = Node::following(SimTier::new()).await;
    let first = node.shared.fresh_until();
    sleep(millis(499)).await;
    assert_eq!(node.shared.fresh_until(), first);
    // The read was sent at once, and answered after its wait.
    sleep(millis(502)).await;
    assert_eq!(node.shared.fresh_until().since(first), millis(500));
}

#[tokio::test(start_paused = true)]
async fn the_bound_stands_still_while_the_server_is_silent_and_is_over_after_the_lag() {
    let sim = SimTier::new();
    let node = Node::following(sim.clone()).await;
    sleep(millis(700)).await;
    sim.lose_answers(true);
    sleep(millis(600)).await;
    let before = node.shared.fresh_until();
    assert!(node.is_fresh());
    sleep(millis(1_400)).await;
    assert_eq!(node.shared.fresh_until(), before);
    assert!(!node.is_fresh());
    assert_eq!(timed(node.find(1)).await.1, Duration::ZERO, "the tier is not read");
    assert!(!node.shared.state().is_usable && node.shared.state().lag > Some(Duration::from_secs(2)));
    sim.lose_answers(false);
    sleep(Duration::from_secs(8)).await;
    assert!(node.is_fresh() && node.shared.state().is_usable);
}

#[tokio::test(start_paused = true)]
async fn a_missing_drop_does_not_move_the_bound_before_everything_is_marked() {
    let sim = SimTier::new();
    let node = Node::unstarted(SharedTier::builder(sim.clone()).optional());
    // What the bound is whenever something is marked.
    let bounds = Arc::new(Mutex::new(Vec::new()));
    let (shared, noted) = (Arc::downgrade(&node.shared), Arc::clone(&bounds));
    node.start(move |dropped| {
        let is_all = matches!(dropped, Dropped::All);
        noted.lock().push((is_all, shared.upgrade().unwrap().fresh_until()));
    });
    node.shared.following().await;
    assert_eq!(std::mem::take(&mut *bounds.lock()), [(true, Moment::ORIGIN)]);

    let other = Node::following(sim.clone()).await;
    let before = node.shared.fresh_until();
    sleep(millis(100)).await;
    other.drop_key(1).await;
    settle().await;
    assert_eq!(std::mem::take(&mut *bounds.lock()), [(false, before)], "marked, then extended");

    sleep(millis(100)).await;
    let before = node.shared.fresh_until();
    // Of two drops only the second one is told.
    sim.with(|server| {
        for id in [2, 3] {
            let (candidate, client) = (Epoch([9; 16]), ClientId([9; 8]));
            server.answer(&Request::Drop { candidate, client, marks: vec![mark(id)] }).unwrap();
        }
        server.trim(1);
    });
    settle().await;
    let bounds = std::mem::take(&mut *bounds.lock());
    assert!(bounds.iter().any(|(is_all, _)| *is_all), "{bounds:?}");
    assert_eq!(bounds[0].1, before);
    assert!(node.is_fresh());
}

/// The clock has counted, but no task has run.
#[tokio::test(start_paused = true)]
async fn after_a_process_was_stopped_nothing_is_fresh_until_the_feed_was_read() {
    let sim = SimTier::new();
    let (node, other) = (Node::following(sim.clone()).await, Node::following(sim).await);
    sleep(millis(250)).await;
    // The answer to the read that is under way comes afterwards, and is old.
    let stopped = node.now();
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(!node.is_fresh());
    assert!(node.shared.fresh_until().since(stopped) < Duration::from_secs(2));
    drop(other);
    sleep(Duration::from_secs(1)).await;
    assert!(node.is_fresh());
}

/// The clock has not counted.
#[tokio::test(start_paused = true)]
async fn a_suspension_marks_everything_and_ends_the_bound() {
    for is_away in [false, true] {
        let sim = SimTier::new();
        let node = Node::following(sim.clone()).await;
        sleep(millis(1_100)).await;
        if is_away {
            sim.set_away(true);
            settle().await;
        }
        assert!(node.is_fresh());
        *node.suspended.lock() += HOUR;
        sleep(millis(501)).await;
        assert_eq!(node.take_marked()[0], vec![], "{is_away}");
        if is_away {
            assert_eq!(node.shared.fresh_until(), Moment::ORIGIN);
            assert!(!node.shared.state().is_usable);
        } else {
            sleep(millis(500)).await;
            assert!(node.is_fresh());
            assert!(node.shared.state().last_error.unwrap().contains("suspended"));
        }
    }
}

/// An answer that was sent before a suspension is not applied after it.
#[tokio::test(start_paused = true)]
async fn an_answer_from_before_a_suspension_extends_nothing() {
    let sim = SimTier::new();
    let node = Node::following(sim.clone()).await;
    sleep(millis(1_100)).await;
    *node.suspended.lock() += HOUR;
    // Ends the read that is under way.
    let marked = Arc::clone(&node.marked);
    Node::following(sim.clone()).await.drop_key(1).await;
    sim.set_away(true);
    settle().await;
    assert_eq!(node.shared.fresh_until(), Moment::ORIGIN);
    assert_eq!(marked.lock()[0], vec![]);
}

#[tokio::test(start_paused = true)]
async fn marks_that_panic_are_made_up_for() {
    let sim = SimTier::new();
    let node = Node::unstarted(SharedTier::builder(sim.clone()).optional());
    let (panics, marked) = (Arc::new(AtomicBool::new(false)), Arc::new(OnceLock::new()));
    let (sink_panics, sink_marked) = (Arc::clone(&panics), Arc::clone(&marked));
    node.start(move |dropped| {
        assert!(!sink_panics.load(Ordering::Relaxed), "no codec");
        if matches!(dropped, Dropped::All) {
            let _ = sink_marked.set(());
        }
    });
    let other = Node::following(sim).await;
    node.shared.following().await;
    assert!(node.is_fresh());
    panics.store(true, Ordering::Relaxed);
    other.drop_key(1).await;
    settle().await;
    assert_eq!(node.shared.fresh_until(), Moment::ORIGIN);
    sleep(Duration::from_secs(60)).await;
    assert!(!node.is_fresh());
    assert!(node.shared.state().last_error.unwrap().contains("no codec"));

    panics.store(false, Ordering::Relaxed);
    sleep(Duration::from_secs(6)).await;
    assert!(node.is_fresh() && marked.get().is_some());
}
