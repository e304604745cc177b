//! The end of a client.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_shutdown_gives_up_leases_and_sends_what_waits() {
    let sim = SimTier::new();
    let (a, b) = (Node::following(sim.clone()).await, Node::following(sim.clone()).await);
    let lease = a.lease(1).await;
    sim.lose_requests(true);
    let _ = a.shared.begin_drop(vec![mark(2)], true).acknowledged().await;
    assert_eq!(a.shared.state().outbox, 1);
    sim.lose_requests(false);

    let (report, took) = timed(a.shared.shutdown(Duration::from_secs(5))).await;
    assert!(report.is_complete(), "{report:?}");
    assert!(took < millis(50), "{took:?}");
    settle().await;
    assert_eq!(b.take_marked(), [vec![mark(2)]]);
    assert_eq!(name(&b.find(1).await), "the lease");
    // A load that is still running stores nothing.
    assert_eq!(fill(lease, "value").await, Filling::Failed);
    assert_eq!(name(&a.find(3).await), "nothing");
    assert!(a.shared.lease_only(&post(3), SHAPE, &[]).await.is_none());
    assert!(a.shared.begin_drop(vec![mark(3)], true).acknowledged().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_says_what_did_not_finish() {
    let sim = SimTier::new();
    let node = Node::following(sim.clone()).await;
    let lease = node.lease(1).await;
    sim.set_away(true);
    settle().await;
    let _ = node.shared.begin_drop(vec![mark(2), mark(3)], true).acknowledged().await;
    let (report, took) = timed(node.shared.shutdown(Duration::from_secs(3))).await;
    assert_eq!((report.leases, report.outbox, report.under_way), (1, 2, 0));
    assert_eq!(took, Duration::from_secs(3));
    drop(lease);
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_with_the_client() {
    let server = Noting::default();
    let node = Node::following(server.clone()).await;
    drop(node);
    settle().await;
    server.take();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(server.take(), []);
}

#[tokio::test(start_paused = true)]
async fn a_lease_outlives_the_client_that_took_it() {
    let sim = SimTier::new();
    let node = Node::following(sim.clone()).await;
    let lease = node.lease(1).await;
    drop(node);
    settle().await;
    // Nothing fails, and the next one waits until the lease is over.
    assert_ne!(fill(lease, "value").await, Filling::Kept);
    let next = Node::following(sim).await;
    let (found, took) = timed(next.find(1)).await;
    assert_eq!(name(&found), "the lease");
    assert!(took < Duration::from_secs(10), "{took:?}");
}
