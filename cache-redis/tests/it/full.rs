//! A server without memory.

use std::time::Duration;

use cache_client::shared::CallError;
use cache_client::shared::protocol::{FeedId, Mark};
use cache_redis_test_server::TestServer;

use crate::support::{Client, admin, post};

#[tokio::test]
async fn a_full_server_refuses_fills_and_leases_as_a_whole_and_lets_drops_pass() {
    let server = TestServer::start();
    let mut client = Client::open(&server, 1).await;
    let stored = client.begin_load(&post(1)).await;
    client.fill(&stored, "value").await;
    let lease = client.begin_load(&post(2)).await;

    admin(&server, &["CONFIG", "SET", "maxmemory", "1"]).await;
    let refused = client.try_fill(&lease, "refused").await;
    assert!(matches!(&refused, Err(CallError::Refused(error)) if error.contains("OOM")), "{refused:?}");
    assert_eq!(client.stored(&post(2)).await, None);

    // The values are gone, the others are told, and later fills are refused.
    let position = client.drop_marks(&[Mark::Key(post(1)), Mark::Key(post(2))]).await;
    assert_eq!(position.number, 1);
    assert_eq!(client.drop_marks(&[Mark::Table("posts".into())]).await.number, 2);
    assert_eq!(client.stored(&post(1)).await, None);
    assert_eq!(client.feed(FeedId::default(), Duration::ZERO).await.items.len(), 2);

    admin(&server, &["CONFIG", "SET", "maxmemory", "0"]).await;
    let wide = client.position().await.wide;
    assert_eq!(wide, [(cache_client::shared::protocol::Field::Table("posts".into()), 2)]);
}

/// What the scripts rely on: the first write decides. A write that frees memory lets all later ones pass.
#[tokio::test]
async fn a_full_server_refuses_a_script_unless_its_first_write_frees_memory() {
    let server = TestServer::start();
    admin(&server, &["CONFIG", "SET", "maxmemory", "1"]).await;
    let client = redis::Client::open(server.url()).expect("the url is valid");
    let mut connection = client.get_multiplexed_async_connection().await.expect("the server is running");
    let mut run = async |first: &str| {
        let script = format!(
            "{first} redis.call('HINCRBY', 'counter', 'n', 1) return redis.call('XADD', 'feed', '*', 'a', 'b')"
        );
        let mut command = redis::cmd("EVAL");
        command.arg(script).arg(0);
        command.query_async::<String>(&mut connection).await
    };
    let refused = run("").await.expect_err("the server is full");
    assert!(refused.to_string().contains("OOM"), "{refused}");
    run("redis.call('DEL', 'nothing')").await.expect("all writes pass");
    assert_eq!(admin(&server, &["HGET", "counter", "n"]).await, redis::Value::BulkString(b"1".to_vec()));
}
