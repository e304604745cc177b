//! Which fills pass, and which values may be used.

use std::time::Duration;

use cache_client::shared::protocol::{Filled, Found, Mark};
use cache_redis_test_server::TestServer;

use crate::support::{Client, admin, post};

#[tokio::test]
async fn a_fill_begun_before_a_drop_is_refused_and_one_begun_after_it_passes() {
    let server = TestServer::start();
    let (mut a, mut b) = (Client::open(&server, 1).await, Client::open(&server, 2).await);

    let before = a.begin_load(&post(1)).await;
    b.drop_key(&post(1)).await;
    // The drop has ended the lease, so that another load may begin at once.
    assert_eq!(a.fill(&before, "old").await, Filled::NoLease);
    assert_eq!(a.stored(&post(1)).await, None);

    let after = a.begin_load(&post(1)).await;
    assert_eq!(a.fill(&after, "new").await, Filled::Kept);
    assert_eq!(b.usable(&post(1)).await.as_deref(), Some("new"));
}

#[tokio::test]
async fn a_drop_of_a_key_with_the_same_number_refuses_a_fill_and_frees_its_lease() {
    let server = TestServer::start();
    let mut client = Client::open(&server, 1).await;
    let key = post(1);
    let neighbour =
        (0..=u32::MAX).map(|id| cache_client::shared::protocol::Key::new("posts", &id.to_be_bytes()));
    let field = Mark::Key(key.clone());
    let neighbour =
        neighbour.map(Mark::Key).find(|mark| mark.shares_number_with(&field)).expect("a neighbour");

    let lease = client.begin_load(&key).await;
    client.drop_marks(&[neighbour]).await;
    assert_eq!(client.fill(&lease, "refused").await, Filled::Overtaken);
    // The lease is free.
    let lease = client.begin_load(&key).await;
    assert_eq!(client.fill(&lease, "kept").await, Filled::Kept);
}

#[tokio::test]
async fn drops_of_the_table_a_tag_or_all_refuse_fills_and_make_values_unusable() {
    let server = TestServer::start();
    let mut client = Client::open(&server, 1).await;
    for mark in [Mark::Table("posts".into()), Mark::Tag((*b"author 7").into()), Mark::All] {
        let before = client.begin_load(&post(1)).await.with_tag(b"author 7");
        client.drop_marks(std::slice::from_ref(&mark)).await;
        assert_eq!(client.fill(&before, "old").await, Filled::Overtaken, "{mark:?}");

        let after = client.begin_load(&post(1)).await.with_tag(b"author 7");
        assert_eq!(client.fill(&after, "value").await, Filled::Kept);
        assert_eq!(client.usable(&post(1)).await.as_deref(), Some("value"));
        client.drop_marks(&[Mark::Table("others".into()), Mark::Tag((*b"author 8").into())]).await;
        assert_eq!(client.usable(&post(1)).await.as_deref(), Some("value"), "others were dropped");

        client.drop_marks(std::slice::from_ref(&mark)).await;
        let (asked, token) = client.ask(&post(1)).await;
        assert_eq!(asked.found, Found::Leased, "{mark:?}");
        let key = post(1);
        client
            .send(cache_client::shared::protocol::Request::Lose { key, shape: crate::support::SHAPE, token })
            .await;
    }
}

#[tokio::test]
async fn one_caller_has_the_lease_until_it_fills_or_gives_up() {
    let server = TestServer::start();
    let (mut a, mut b) = (Client::open(&server, 1).await, Client::open(&server, 2).await);
    let lease = a.begin_load(&post(1)).await;
    let awaited = b.ask(&post(1)).await.0.found;
    assert!(matches!(awaited, Found::Awaited(left) if left <= crate::support::LEASE && !left.is_zero()));
    // A build with another shape does not wait for this one.
    let other_shape = cache_client::shared::protocol::Request::Ask {
        key: post(1),
        max_age: Duration::MAX,
        shape: cache_client::shared::protocol::Shape(2),
        candidate: cache_client::shared::protocol::Epoch([2; 16]),
        token: cache_client::shared::protocol::Token([2; 16]),
        lease: crate::support::LEASE,
    };
    let cache_client::shared::protocol::Reply::Asked(asked) = b.send(other_shape).await else {
        unreachable!()
    };
    assert_eq!(asked.found, Found::Leased);

    assert_eq!(a.fill(&lease, "value").await, Filled::Kept);
    assert_eq!(b.usable(&post(1)).await.as_deref(), Some("value"));
    // The lease is used up.
    assert_eq!(a.fill(&lease, "again").await, Filled::NoLease);
}

#[tokio::test]
async fn after_flushall_a_fill_from_before_is_refused_and_one_begun_after_it_passes() {
    let server = TestServer::start();
    let mut client = Client::open(&server, 1).await;
    let before = client.begin_load(&post(1)).await;
    admin(&server, &["FLUSHALL"]).await;
    assert_eq!(client.fill(&before, "old").await, Filled::NoLease);
    let after = client.begin_load(&post(1)).await;
    assert_eq!(client.fill(&after, "new").await, Filled::Kept);
}

#[tokio::test]
async fn after_loss_of_the_state_a_fill_from_before_is_refused_and_older_values_are_unusable() {
    let server = TestServer::start();
    let (mut a, mut b) = (Client::open(&server, 1).await, Client::open(&server, 2).await);
    let stored = a.begin_load(&post(1)).await;
    assert_eq!(a.fill(&stored, "old").await, Filled::Kept);
    let before = a.begin_load(&post(2)).await;

    admin(&server, &["DEL", "test:state"]).await;
    assert_eq!(a.fill(&before, "old").await, Filled::OtherEpoch);
    let lost = b.position().await.position;
    assert_ne!(lost.epoch, before.position.epoch);
    assert_eq!(lost.number, 0);

    assert_eq!(a.stored(&post(1)).await.as_deref(), Some("old"));
    assert_eq!(a.usable(&post(1)).await, None);
    let after = a.begin_load(&post(2)).await;
    assert_eq!(a.fill(&after, "new").await, Filled::Kept);
}

#[tokio::test]
async fn a_restart_from_an_old_dump_revives_nothing_that_was_dropped() {
    let mut server = TestServer::start();
    let mut client = Client::open(&server, 1).await;
    let stored = client.begin_load(&post(1)).await;
    assert_eq!(client.fill(&stored, "old").await, Filled::Kept);
    let before = client.begin_load(&post(2)).await;
    admin(&server, &["SAVE"]).await;
    client.drop_key(&post(1)).await;
    client.drop_key(&post(2)).await;

    server.kill();
    server.restart();
    let mut client = Client::open(&server, 2).await;
    assert_eq!(client.stored(&post(1)).await.as_deref(), Some("old"), "the dump has the value");
    // The lease is in the dump as well, but its epoch has ended with the server's process.
    assert_ne!(client.position().await.position.epoch, before.position.epoch);
    assert_eq!(client.fill(&before, "old").await, Filled::OtherEpoch);
    assert_eq!(client.usable(&post(1)).await, None);
    let after = client.begin_load(&post(2)).await;
    assert_eq!(client.fill(&after, "new").await, Filled::Kept);
}

#[tokio::test]
async fn foreign_data_in_place_of_ours_is_removed() {
    let server = TestServer::start();
    let mut client = Client::open(&server, 1).await;
    for name in ["test:state", "test:feed", "test:v:5:posts:\u{1}"] {
        admin(&server, &["SET", name, "foreign"]).await;
    }
    let lease = client.begin_load(&post(1)).await;
    assert_eq!(client.fill(&lease, "value").await, Filled::Kept);
    admin(&server, &["SET", "test:feed", "foreign"]).await;
    let dropped = client.drop_key(&post(1)).await;
    assert_eq!(client.position().await.position, dropped);

    for (field, value) in [("n", "many"), ("epoch", "short"), ("run", "other")] {
        let epoch = client.position().await.position.epoch;
        admin(&server, &["HSET", "test:state", field, value]).await;
        let mut other = Client::open(&server, 2).await;
        let found = other.position().await.position;
        assert_eq!(found.number, 0, "{field}");
        assert_ne!(found.epoch, epoch, "{field}");
        admin(&server, &["DEL", "test:state"]).await;
    }
}

#[tokio::test]
async fn requests_work_after_the_server_has_forgotten_the_scripts() {
    let server = TestServer::start();
    let mut client = Client::open(&server, 1).await;
    client.position().await;
    admin(&server, &["SCRIPT", "FLUSH"]).await;
    client.position().await;
}
