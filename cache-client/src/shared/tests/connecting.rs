//! How a client connects, and comes back after a cut.

use super::*;
use crate::shared::SimServer;

/// The kinds of requests since the last look, without repeated reads of the feed.
fn kinds(log: &[Note]) -> Vec<&'static str> {
    let mut kinds: Vec<_> = log
        .iter()
        .map(|note| match note.request {
            None => "connect",
            Some(Request::Open { .. }) => "open",
            Some(Request::Drop { .. }) => "drop",
            Some(Request::Feed { .. }) => "feed",
            Some(_) => "other",
        })
        .collect();
    kinds.dedup();
    kinds
}

#[tokio::test(start_paused = true)]
async fn both_connections_ask_for_the_epoch_before_anything_else() {
    let server = Noting::default();
    let node = Node::following(server.clone()).await;
    settle().await;
    let log = server.take();
    assert_eq!(kinds(&log), ["connect", "open", "connect", "open", "feed"]);
    assert_ne!(log[0].connection, log[2].connection);
    assert!(node.shared.state().is_usable);
}

#[tokio::test(start_paused = true)]
async fn a_client_marks_everything_before_it_uses_the_tier() {
    let node = Node::new(SimTier::new());
    assert_eq!(name(&node.find(1).await), "nothing");
    assert!(!node.shared.state().is_usable);
    node.shared.following().await;
    assert_eq!(node.take_marked(), [vec![]]);
    assert_eq!(name(&node.find(1).await), "the lease");
}

#[tokio::test(start_paused = true)]
async fn what_one_client_drops_is_marked_at_another() {
    let sim = SimTier::new();
    let (a, b) = (Node::following(sim.clone()).await, Node::following(sim).await);
    a.drop_key(1).await;
    settle().await;
    assert_eq!(b.take_marked(), [vec![mark(1)]]);
    assert_eq!(b.shared.state().applied, 1);
}

#[tokio::test(start_paused = true)]
async fn attempts_to_connect_become_rarer_up_to_five_seconds() {
    let server = Noting::default();
    server.sim.set_away(true);
    let node = Node::new(server.clone());
    sleep(Duration::from_secs(300)).await;
    let attempts: Vec<_> = server.take().iter().map(|note| note.at).collect();
    let gaps: Vec<_> = attempts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps[0] <= millis(52) && gaps[1] <= millis(102), "{gaps:?}");
    assert!(gaps.iter().all(|gap| *gap <= millis(5_002)), "{gaps:?}");
    // Half of the longest on average: 60 in five minutes at least, and not many more than 120.
    assert!((60..300).contains(&attempts.len()), "{}", attempts.len());
    let spread = gaps.iter().skip(10).max().unwrap().abs_diff(*gaps.iter().skip(10).min().unwrap());
    assert!(spread > millis(1_000), "{gaps:?}");
    assert!(node.shared.state().last_error.unwrap().contains("the server is away"));

    // No restart is needed.
    server.sim.set_away(false);
    let ((), took) = timed(node.shared.following()).await;
    assert!(took <= millis(5_010), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_cut_exactly_the_missed_drops_are_marked() {
    let sim = SimTier::new();
    let a = Node::following(sim.clone()).await;
    // The feed of the first one is cut off; the other comes after that.
    sim.set_away(true);
    settle().await;
    sim.set_away(false);
    let b = Node::following(sim.clone()).await;
    for id in [3, 4] {
        b.drop_key(id).await;
    }
    sleep(Duration::from_secs(1)).await;
    assert_eq!(a.take_marked(), [vec![mark(3)], vec![mark(4)]]);
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_was_trimmed_during_a_cut_marks_everything() {
    let server = Noting::default();
    let a = Node::following(server.clone()).await;
    let b = Node::following(server.sim.clone()).await;
    // Only the first one waits.
    server.sim.lose_answers(true);
    let _ = b.shared.begin_drop(vec![mark(1)], true);
    settle().await;
    server.sim.with(|server| server.trim(0));
    server.sim.cut();
    server.sim.lose_answers(false);
    sleep(Duration::from_secs(6)).await;
    assert!(a.take_marked().contains(&vec![]), "something is missing");
    assert!(a.is_fresh());
}

#[tokio::test(start_paused = true)]
async fn another_epoch_marks_everything_and_revives_nothing() {
    let sim = SimTier::new();
    let node = Node::following(sim.clone()).await;
    node.load(1, "old").await;
    sim.with(SimServer::save);
    node.drop_key(1).await;
    let before = node.shared.state().epoch;
    sim.restart();
    sleep(Duration::from_secs(1)).await;
    assert!(node.take_marked().contains(&vec![]));
    assert_ne!(node.shared.state().epoch, before);
    assert_eq!(name(&node.find(1).await), "the lease");
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_for_requests_does_not_end_the_feed() {
    let server = Noting::default();
    let node = Node::following(server.clone()).await;
    node.load(1, "value").await;
    server.take();
    server.sim.lose_requests(true);
    for _ in 0..5 {
        assert_eq!(name(&node.find(1).await), "nothing");
    }
    server.sim.lose_requests(false);
    sleep(millis(400)).await;
    let reconnects: Vec<_> = server.take().into_iter().filter(|note| note.request.is_none()).collect();
    assert_eq!(reconnects.len(), 1, "{reconnects:?}");
}

#[tokio::test(start_paused = true)]
async fn connecting_may_not_take_forever() {
    /// Never connects.
    struct Silent;

    impl TierServer for Silent {
        type Connection = SimConnection;

        async fn connect(&self) -> Result<SimConnection, ConnectError> {
            std::future::pending().await
        }
    }

    let (connected, took) = timed(SharedTier::builder(Silent).connect()).await;
    assert!(matches!(connected, Err(ConnectError::Unreachable { .. })));
    assert_eq!(took, Duration::from_secs(5));
    let node = Node::new(Silent);
    sleep(Duration::from_secs(6)).await;
    assert!(node.shared.state().last_error.unwrap().contains("no connection"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_panics_is_like_one_that_is_away() {
    /// Panics in every call.
    struct Panicking;

    impl TierServer for Panicking {
        type Connection = SimConnection;

        async fn connect(&self) -> Result<SimConnection, ConnectError> {
            panic!("no plug");
        }
    }

    let node = Node::new(Panicking);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(name(&node.find(1).await), "nothing");
    assert!(node.shared.state().last_error.unwrap().contains("no plug"));
}
