//! Values and leases.

use tokio::task::JoinSet;

use super::*;

#[tokio::test(start_paused = true)]
async fn what_one_client_loads_another_finds_with_its_age() {
    let sim = SimTier::new();
    let (a, b) = (Node::following(sim.clone()).await, Node::following(sim).await);
    let lease = a.lease(1).await;
    sleep(millis(300)).await;
    assert_eq!(fill(lease, "value").await, Filling::Kept);
    sleep(millis(700)).await;
    // Asked for first, and read after that.
    for age in [millis(1_000), millis(1_200)] {
        let Lookup::Value(found) = b.find(1).await else { panic!("there is a value") };
        assert_eq!((&*found.body, found.age), (&b"value"[..], age));
        sleep(millis(200)).await;
    }
    let (a, b) = (a.shared.state().counts, b.shared.state().counts);
    assert_eq!((a.hits, a.misses, a.bytes_written), (0, 1, 5));
    assert_eq!((b.hits, b.misses, b.bytes_read), (2, 0, 10));
}

#[tokio::test(start_paused = true)]
async fn one_of_many_loads_and_the_others_wait_for_its_value() {
    let sim = SimTier::new();
    let mut finding = JoinSet::new();
    for _ in 0..10 {
        let node = Node::following(sim.clone()).await;
        finding.spawn(async move {
            let (found, took) = timed(node.find(1)).await;
            match found {
                Lookup::Lease(lease) => {
                    sleep(millis(300)).await;
                    assert_eq!(fill(lease, "value").await, Filling::Kept);
                    true
                }
                found => {
                    assert_eq!(name(&found), "value");
                    assert!((millis(300)..=millis(340)).contains(&took), "{took:?}");
                    false
                }
            }
        });
    }
    let loads = finding.join_all().await.into_iter().filter(|has_loaded| *has_loaded).count();
    assert_eq!(loads, 1);
}

#[tokio::test(start_paused = true)]
async fn the_waits_for_a_lease_grow_from_10_to_100_milliseconds() {
    let server = Noting::default();
    let (a, b) = (Node::following(server.sim.clone()).await, Node::following(server.clone()).await);
    let lease = a.lease(1).await;
    server.take();
    let (found, took) = timed(b.find(1)).await;
    // The lease ends after ten seconds, and is given to the next.
    assert_eq!((name(&found).as_str(), took), ("the lease", Duration::from_secs(10)));
    let log = server.take();
    let asked = |note: &&Note| matches!(note.request, Some(Request::Ask { .. }));
    let asked: Vec<_> = log.iter().filter(asked).map(|note| note.at).collect();
    let waits: Vec<_> = asked.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
    assert_eq!(waits[..11], [10; 11]);
    assert!(waits.is_sorted_by(|a, b| a <= b || *b < 100), "{waits:?}");
    assert_eq!(waits.iter().max(), Some(&100));
    // Too late.
    assert_eq!(fill(lease, "value").await, Filling::Refused);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_given_up_goes_to_the_next_at_once() {
    let sim = SimTier::new();
    let (a, b) = (Node::following(sim.clone()).await, Node::following(sim).await);
    let lease = a.lease(1).await;
    let (found, took) = timed(async {
        let giving_up = async {
            sleep(millis(50)).await;
            drop(lease);
        };
        tokio::join!(b.find(1), giving_up).0
    })
    .await;
    assert_eq!(name(&found), "the lease");
    assert!(took <= millis(61), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_search_that_is_cancelled_leaves_no_lease_behind() {
    let sim = SimTier::new();
    let (a, b) = (Node::following(sim.clone()).await, Node::following(sim.clone()).await);
    sim.delay(millis(20));
    // The server gives the lease, and the answer is not awaited.
    let cancelled = tokio::time::timeout(millis(30), a.find(1)).await;
    assert!(cancelled.is_err());
    sim.delay(Duration::ZERO);
    sleep(millis(50)).await;
    let (found, took) = timed(b.find(1)).await;
    assert_eq!((name(&found).as_str(), took), ("the lease", Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_more_than_three_leases() {
    let sim = SimTier::new();
    let a = Node::following(sim.clone()).await;
    let waiting = tokio::spawn(async move { timed(a.find(1)).await.1 });
    // Others take the lease again and again, right when it ends.
    let others = async {
        let b = Node::following(sim).await;
        loop {
            let lease = b.shared.lease_only(&post(1), SHAPE, &[]).await;
            sleep(if lease.is_some() { millis(9_999) } else { Duration::from_micros(10) }).await;
            drop(lease);
        }
    };
    let took = tokio::select! {
        took = waiting => took.unwrap(),
        () = others => unreachable!(),
    };
    assert!(took <= Duration::from_secs(31), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_value_is_refused_if_its_key_was_dropped_during_the_load() {
    let sim = SimTier::new();
    let (a, b) = (Node::following(sim.clone()).await, Node::following(sim).await);
    let lease = a.lease(1).await;
    b.drop_key(1).await;
    assert_eq!(fill(lease, "old").await, Filling::Refused);
    assert_eq!(a.shared.state().counts.refused, 1);
    b.load(1, "new").await;
    assert_eq!(name(&a.find(1).await), "new");
}

#[tokio::test(start_paused = true)]
async fn a_value_is_refused_if_one_of_its_tags_was_dropped_during_the_load() {
    let sim = SimTier::new();
    let (a, b) = (Node::following(sim.clone()).await, Node::following(sim).await);
    let tag = crate::shared::protocol::tag_bucket(b"x");
    let lease = a.lease(1).await;
    let mut pending = b.shared.begin_drop(vec![Mark::Tag((*b"x").into())], true);
    assert_eq!(pending.acknowledged().await, Ok(()));
    assert_eq!(lease.fill(b"old".to_vec(), &[tag, 3, tag], HOUR).await, Filling::Refused);
    let lease = a.lease(1).await;
    assert_eq!(lease.fill(b"new".to_vec(), &[tag, 3, tag], HOUR).await, Filling::Kept);
    assert_eq!(name(&b.find(1).await), "new");
}

#[tokio::test(start_paused = true)]
async fn a_load_that_skips_the_value_gets_the_lease_if_nobody_has_it() {
    let sim = SimTier::new();
    let (a, b) = (Node::following(sim.clone()).await, Node::following(sim).await);
    a.load(1, "first").await;
    sleep(millis(10)).await;
    let lease = b.shared.lease_only(&post(1), SHAPE, &[]).await.expect("the lease");
    let (second, took) = timed(a.shared.lease_only(&post(1), SHAPE, &[])).await;
    assert!(second.is_none() && took.is_zero());
    assert_eq!(fill(lease, "second").await, Filling::Kept);
    assert_eq!(name(&a.find(1).await), "second");
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_too_old_is_loaded_again() {
    let sim = SimTier::new();
    let (a, b) = (Node::following(sim.clone()).await, Node::following(sim).await);
    a.load(1, "value").await;
    sleep(millis(500)).await;
    assert_eq!(name(&b.find_young(1, millis(500)).await), "value");
    assert_eq!(name(&a.find_young(1, millis(500)).await), "value");
    sleep(millis(1)).await;
    // It was asked for, or it was read.
    let lease = b.find_young(1, millis(500)).await;
    assert_eq!(name(&lease), "the lease");
    drop(lease);
    settle().await;
    assert_eq!(name(&a.find_young(1, millis(500)).await), "the lease");
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_before_a_drop_of_this_client_is_not_used() {
    let sim = SimTier::new();
    let node = Node::following(sim.clone()).await;
    node.load(1, "old").await;
    sim.delay(millis(10));
    let (found, ()) = tokio::join!(node.find(1), async {
        sleep(millis(5)).await;
        // The value is read after 10 ms, and its answer takes until 70 ms.
        sim.delay(millis(60));
        sleep(millis(15)).await;
        sim.delay(Duration::ZERO);
        node.drop_key(1).await;
    });
    assert_eq!(name(&found), "the lease");
    assert_eq!(node.shared.state().counts.mismatches, 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_load_reads_elsewhere_is_as_new_as_its_lease() {
    let sim = SimTier::new();
    let (a, b) = (Node::following(sim.clone()).await, Node::following(sim.clone()).await);
    b.drop_key(2).await;
    let lease = a.lease(1).await;
    assert_eq!(lease.position().number, 1);
    assert!(a.shared.applied(lease.position()).await);
    assert_eq!(a.take_marked(), [vec![mark(2)]]);
    drop(lease);

    // A feed that does not follow.
    settle().await;
    sim.lose_answers(true);
    let _ = b.shared.begin_drop(vec![mark(2)], true).acknowledged().await;
    sim.lose_answers(false);
    let lease = a.lease(1).await;
    let (is_applied, took) = timed(a.shared.applied(lease.position())).await;
    assert!(!is_applied && took == millis(100), "{took:?}");
}
