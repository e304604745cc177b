//! Drops of a client, and its outbox.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::shared::drops::Queued;

#[tokio::test(start_paused = true)]
async fn a_drop_that_cannot_be_sent_goes_out_first_when_the_server_is_back() {
    let server = Noting::default();
    let (a, b) = (Node::following(server.clone()).await, Node::following(server.sim.clone()).await);
    server.sim.set_away(true);
    settle().await;
    let mut pending = a.shared.begin_drop(vec![mark(1)], false);
    let (acknowledged, took) = timed(pending.acknowledged()).await;
    assert_eq!((acknowledged, took), (Err(Queued), Duration::ZERO));
    pending.committed();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(a.shared.state().outbox, 1);

    server.take();
    server.sim.set_away(false);
    sleep(Duration::from_secs(11)).await;
    assert_eq!(a.shared.state().outbox, 0);
    assert!(b.take_marked().contains(&vec![mark(1)]));
    let log = server.take();
    let at = |wanted: fn(&Request) -> bool| {
        log.iter().position(|note| note.request.as_ref().is_some_and(wanted)).expect("it was sent")
    };
    let dropped = at(|request| matches!(request, Request::Drop { .. }));
    assert!(dropped < at(|request| matches!(request, Request::Feed { .. })), "{log:?}");
    let opens: Vec<_> =
        (0..log.len()).filter(|&at| matches!(log[at].request, Some(Request::Open { .. }))).collect();
    assert!(opens[0] < dropped && dropped < opens[1], "{log:?}");
}

#[tokio::test(start_paused = true)]
async fn a_drop_whose_answer_is_lost_is_sent_again() {
    let sim = SimTier::new();
    let (a, b) = (Node::following(sim.clone()).await, Node::following(sim.clone()).await);
    sim.lose_answers(true);
    assert_eq!(a.shared.begin_drop(vec![mark(1)], true).acknowledged().await, Err(Queued));
    assert_eq!(name(&a.find(1).await), "nothing", "the server may have what was dropped");
    sim.lose_answers(false);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(a.shared.state().outbox, 0);
    assert_eq!(name(&a.find(1).await), "the lease");
    // Twice, but both times after the change.
    assert!(b.take_marked().iter().filter(|marks| **marks == [mark(1)]).count() >= 2);
}

#[tokio::test(start_paused = true)]
async fn many_drops_that_wait_become_tables() {
    let sim = SimTier::new();
    let (a, b) = (Node::following(sim.clone()).await, Node::following(sim.clone()).await);
    sim.set_away(true);
    settle().await;
    for id in 0..20_000_u32 {
        let key = Mark::Key(Key::new("posts", &id.to_be_bytes()));
        let _ = a.shared.begin_drop(vec![key], true).acknowledged().await;
    }
    assert!(a.shared.state().outbox <= 10_000);
    sim.set_away(false);
    sleep(Duration::from_secs(11)).await;
    assert_eq!(a.shared.state().outbox, 0);
    assert!(b.take_marked().contains(&vec![Mark::Table("posts".into())]));
}

#[tokio::test(start_paused = true)]
async fn keys_of_a_change_that_was_given_up_are_marked() {
    let sim = SimTier::new();
    let node = Node::following(sim).await;
    let mut pending = node.shared.begin_drop(vec![mark(1)], false);
    assert_eq!(pending.acknowledged().await, Ok(()));
    settle().await;
    node.take_marked();
    drop(pending);
    assert_eq!(node.take_marked(), [vec![mark(1)]]);
    // A change that was made before is not marked.
    drop(node.shared.begin_drop(vec![mark(2)], true));
    assert_eq!(node.take_marked(), Vec::<Vec<Mark>>::new());
}

#[tokio::test(start_paused = true)]
async fn the_feed_does_not_repeat_a_mark_that_was_made_here() {
    let sim = SimTier::new();
    let node = Node::following(sim.clone()).await;
    let mut pending = node.shared.begin_drop(vec![mark(1)], true);
    pending.marked();
    assert_eq!(pending.acknowledged().await, Ok(()));
    settle().await;
    assert_eq!(node.take_marked(), Vec::<Vec<Mark>>::new());
    // A change that was made before is marked, and so is one whose answer was lost.
    let mut pending = node.shared.begin_drop(vec![mark(2)], true);
    assert_eq!(pending.acknowledged().await, Ok(()));
    settle().await;
    assert_eq!(node.take_marked(), [vec![mark(2)]]);
    sim.lose_answers(true);
    let mut pending = node.shared.begin_drop(vec![mark(3)], true);
    pending.marked();
    assert_eq!(pending.acknowledged().await, Err(Queued));
    sim.lose_answers(false);
    sleep(Duration::from_secs(10)).await;
    assert!(node.take_marked().contains(&vec![mark(3)]));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_given_up_in_a_panic_is_marked_by_a_task() {
    let node = Node::following(SimTier::new()).await;
    let mut pending = node.shared.begin_drop(vec![mark(1)], false);
    assert_eq!(pending.acknowledged().await, Ok(()));
    settle().await;
    node.take_marked();
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _pending = pending;
        panic!("the test unwinds")
    }));
    assert!(unwound.is_err());
    assert_eq!(node.take_marked(), Vec::<Vec<Mark>>::new());
    settle().await;
    assert_eq!(node.take_marked(), [vec![mark(1)]]);
    assert!(node.is_fresh());
}

#[tokio::test(start_paused = true)]
async fn marks_of_a_change_that_cannot_be_carried_out_leave_nothing_fresh() {
    let node = Node::unstarted(SharedTier::builder(SimTier::new()).optional());
    let panics = Arc::new(AtomicBool::new(false));
    let sink_panics = Arc::clone(&panics);
    node.start(move |_| assert!(!sink_panics.load(Ordering::Relaxed), "no codec"));
    node.shared.following().await;
    let mut pending = node.shared.begin_drop(vec![mark(1)], false);
    assert_eq!(pending.acknowledged().await, Ok(()));
    settle().await;
    assert!(node.is_fresh());
    panics.store(true, Ordering::Relaxed);
    drop(pending);
    assert!(!node.is_fresh());
    panics.store(false, Ordering::Relaxed);
    sleep(Duration::from_secs(10)).await;
    assert!(node.is_fresh());
}

#[tokio::test(start_paused = true)]
async fn a_key_is_not_read_from_its_change_until_the_drop_is_acknowledged() {
    let sim = SimTier::new();
    let node = Node::following(sim.clone()).await;
    node.load(1, "old").await;
    sim.delay(millis(30));
    let mut pending = node.shared.begin_drop(vec![mark(1)], true);
    assert_eq!(timed(node.find(1)).await.1, Duration::ZERO);
    assert_eq!(pending.acknowledged().await, Ok(()));
    sim.delay(Duration::ZERO);
    assert_eq!(name(&node.find(1).await), "the lease");
}

#[test]
fn without_a_runtime_a_drop_waits_in_the_outbox() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let first = runtime().unwrap();
    let (sim, node) = first.block_on(async {
        let sim = SimTier::new();
        let node = Node::following(sim.clone()).await;
        (sim, node)
    });
    drop(first);
    let pending = node.shared.begin_drop(vec![mark(1)], true);
    assert_eq!(node.shared.state().outbox, 1);
    drop(pending);

    // Another runtime continues.
    runtime().unwrap().block_on(async {
        let other = Node::following(sim).await;
        assert_eq!(name(&node.find(2).await), "nothing");
        sleep(Duration::from_secs(6)).await;
        assert_eq!(node.shared.state().outbox, 0);
        assert_eq!(other.take_marked(), [vec![mark(1)]]);
    });
}
