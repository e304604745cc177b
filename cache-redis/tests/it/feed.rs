//! What the feed tells, and how a reader sees that it has missed something.

use std::time::Duration;

use cache_client::shared::TierServer;
use cache_client::shared::protocol::{FeedAnswer, FeedId, Mark};
use cache_redis::RedisServer;
use cache_redis_test_server::TestServer;

use crate::support::{Client, admin, post};

fn numbers(answer: &FeedAnswer) -> Vec<u64> {
    let dropped = answer.items.iter().map(|item| item.dropped.as_ref().expect("the entry can be read"));
    dropped.map(|dropped| dropped.position.number).collect()
}

#[tokio::test]
async fn after_a_cut_exactly_the_missed_drops_are_read() {
    let server = TestServer::start();
    let (mut writer, mut reader) = (Client::open(&server, 1).await, Client::open(&server, 2).await);
    let start = reader.position().await;
    writer.drop_key(&post(1)).await;
    let answer = reader.feed(start.last, Duration::ZERO).await;
    assert_eq!(numbers(&answer), [1]);
    let last = answer.items[0].id;
    drop(reader);

    let marks = [Mark::Key(post(2)), Mark::Table("authors".into()), Mark::Tag((*b"x").into()), Mark::All];
    for mark in &marks {
        writer.drop_marks(std::slice::from_ref(mark)).await;
    }
    let mut reader = Client::open(&server, 2).await;
    let answer = reader.feed(last, Duration::ZERO).await;
    assert_eq!(numbers(&answer), [2, 3, 4, 5]);
    let read = answer.items.iter().flat_map(|item| item.dropped.as_ref().expect("readable").marks.clone());
    assert_eq!(read.collect::<Vec<_>>(), marks);
    let position = answer.position.expect("there is a state");
    assert_eq!((position.epoch, position.number), (start.position.epoch, 5));
}

#[tokio::test]
async fn a_trimmed_feed_shows_the_gap_by_its_numbers() {
    let server = TestServer::start();
    let mut client = Client::open(&server, 1).await;
    let start = client.position().await;
    for id in 1..=5 {
        client.drop_key(&post(id)).await;
    }
    admin(&server, &["XTRIM", "test:feed", "MAXLEN", "2"]).await;
    assert_eq!(numbers(&client.feed(start.last, Duration::ZERO).await), [4, 5]);
    // A feed that is lost as a whole shows it by the number of the state.
    admin(&server, &["DEL", "test:feed"]).await;
    let answer = client.feed(start.last, Duration::ZERO).await;
    assert_eq!((answer.items.len(), answer.position.expect("a state").number), (0, 5));
}

#[tokio::test]
async fn an_entry_that_is_not_ours_is_told_as_such() {
    let server = TestServer::start();
    let mut client = Client::open(&server, 1).await;
    client.drop_key(&post(1)).await;
    admin(&server, &["XADD", "test:feed", "*", "e", "foreign"]).await;
    // Only the name of a field differs from an entry of ours.
    let other = ["x", "an epoch of ours", "n", "2", "c", "a client", "d", ""];
    admin(&server, &[&["XADD", "test:feed", "*"], &other[..]].concat()).await;
    let answer = client.feed(FeedId::default(), Duration::ZERO).await;
    let is_readable: Vec<_> = answer.items.iter().map(|item| item.dropped.is_some()).collect();
    assert_eq!(is_readable, [true, false, false]);
}

/// Longer than the 500 milliseconds after which the driver gives up by default.
#[tokio::test]
async fn a_read_of_the_feed_waits_longer_than_the_drivers_own_limit() {
    let server = TestServer::start();
    let mut client = Client::open(&server, 1).await;
    client.drop_key(&post(1)).await;
    let last = client.position().await.last;
    let answer = client.feed(last, Duration::from_millis(700)).await;
    assert_eq!((answer.items.len(), answer.position.expect("a state").number), (0, 1));
}

#[tokio::test]
async fn the_third_version_of_the_protocol_may_be_used() {
    let server = TestServer::start();
    let resp3 = RedisServer::at(server.url() + "?protocol=resp3").namespace("test");
    let connection = resp3.connect().await.expect("the server is accepted");
    let mut client = Client::open(&server, 1).await;
    client.connection = connection;
    let lease = client.begin_load(&post(1)).await;
    client.fill(&lease, "value").await;
    assert_eq!(client.stored(&post(1)).await.as_deref(), Some("value"));
    client.drop_key(&post(1)).await;
    assert_eq!(numbers(&client.feed(FeedId::default(), Duration::ZERO).await), [1]);
    let last = client.position().await.last;
    assert!(numbers(&client.feed(last, Duration::ZERO).await).is_empty());
}

#[tokio::test]
async fn a_waiting_read_returns_when_something_is_dropped() {
    let server = TestServer::start();
    let (mut writer, mut reader) = (Client::open(&server, 1).await, Client::open(&server, 2).await);
    let start = reader.position().await;
    let read = tokio::spawn(async move { reader.feed(start.last, Duration::from_secs(600)).await });
    writer.drop_key(&post(1)).await;
    assert_eq!(numbers(&read.await.expect("the read ends")), [1]);
}
