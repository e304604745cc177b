//! What a server must be and allow, on servers that are not or do not.

use std::error::Error;

use cache_client::shared::protocol::{Epoch, Mark, Request};
use cache_client::shared::{CallError, ConnectError, TierConnection, TierServer};
use cache_redis::{RedisServer, RedisTier, ServerError};
use cache_redis_test_server::TestServer;

use crate::support::{Client, admin, at, post};

async fn refused(server: &RedisServer) -> ConnectError {
    server.connect().await.expect_err("the server is refused")
}

/// What the server or its settings lack.
async fn lacks(server: &RedisServer) -> ServerError {
    match refused(server).await {
        ConnectError::Unusable { source, .. } => *source.downcast().expect("an error of this crate"),
        other => panic!("{other:?}"),
    }
}

/// A user `app` with the password `secret` and these rights.
async fn user(server: &TestServer, rights: &[&str]) -> RedisServer {
    let mut command = vec!["ACL", "SETUSER", "app", "reset", "on", ">secret"];
    command.extend(rights);
    admin(server, &command).await;
    RedisServer::at(server.url().replace("redis://", "redis://app:secret@")).namespace("test")
}

#[track_caller]
fn hides_the_password(shown: &str) {
    assert!(!shown.contains("secret"), "the password is shown: {shown}");
}

/// All that a program may print of an error.
fn whole(error: &dyn Error) -> String {
    let (mut text, mut cause) = (format!("{error} {error:?}"), error.source());
    while let Some(error) = cause {
        text += &format!(" {error} {error:?}");
        cause = error.source();
    }
    text
}

/// Connects as a user with these rights.
async fn missing_for(server: &TestServer, rights: &[&str]) -> Vec<String> {
    let server = user(server, rights).await;
    hides_the_password(&format!("{server:?}"));
    match server.connect().await {
        Ok(connection) => {
            hides_the_password(&format!("{connection:?}"));
            Vec::new()
        }
        Err(error) => {
            hides_the_password(&whole(&error));
            match lacks(&server).await {
                ServerError::Rights { missing, .. } => missing,
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn each_command_that_a_user_may_not_run_is_named() {
    let server = TestServer::start();
    let needed = [
        "+info",
        "+eval",
        "+evalsha",
        "+hget",
        "+hset",
        "+hmget",
        "+hgetall",
        "+hdel",
        "+del",
        "+pttl",
        "+pexpire",
        "+time",
        "+xadd",
        "+xread",
        "+xrevrange",
    ];
    let mut rights = vec!["~test:*"];
    rights.extend(needed);
    assert_eq!(missing_for(&server, &rights).await, Vec::<String>::new());

    for lacking in needed {
        let rights: Vec<_> = rights.iter().copied().filter(|right| *right != lacking).collect();
        let missing = missing_for(&server, &rights).await;
        let name = lacking.trim_start_matches('+').to_uppercase();
        assert!(
            missing.iter().any(|missing| missing.starts_with(&format!("{name}:"))),
            "{name}: {missing:?}"
        );
    }
    // All of them at once.
    let missing = missing_for(&server, &["~test:*", "+eval", "+evalsha", "+@hash", "+del", "+time"]).await;
    for name in ["INFO", "PEXPIRE", "PTTL", "XADD", "XREAD", "XREVRANGE"] {
        assert!(
            missing.iter().any(|missing| missing.starts_with(&format!("{name}:"))),
            "{name}: {missing:?}"
        );
    }
}

#[tokio::test]
async fn keys_of_another_namespace_are_not_enough() {
    let server = TestServer::start();
    let missing = missing_for(&server, &["+@all", "~other:*"]).await;
    assert!(missing.iter().any(|missing| missing.starts_with("HGET:")), "{missing:?}");
}

#[tokio::test]
async fn a_right_that_is_withdrawn_later_is_a_refused_request() {
    let server = TestServer::start();
    let app = user(&server, &["+@all", "~test:*"]).await;
    let mut client = Client::open(&server, 1).await;
    client.connection = app.connect().await.expect("the server is accepted");
    let lease = client.begin_load(&post(1)).await;

    admin(&server, &["ACL", "SETUSER", "app", "-evalsha", "-hget"]).await;
    let error = client.try_fill(&lease, "value").await.expect_err("it is refused");
    assert!(matches!(&error, CallError::Refused(text) if text.contains("no permissions")), "{error:?}");
    hides_the_password(&whole(&error));
    let read = Request::Read { key: post(1), shape: crate::support::SHAPE };
    assert!(matches!(client.connection.send(&read).await, Err(CallError::Refused(_))));

    admin(&server, &["ACL", "SETUSER", "app", "+evalsha", "+hget"]).await;
    client.fill(&lease, "value").await;
    assert_eq!(client.stored(&post(1)).await.as_deref(), Some("value"));
    // A user that is gone has no connection.
    admin(&server, &["ACL", "DELUSER", "app"]).await;
    assert!(matches!(client.connection.send(&read).await, Err(CallError::Ended(_))));
    let error = lacks(&app).await;
    assert!(matches!(&error, ServerError::Login { .. }), "{error:?}");
}

#[tokio::test]
async fn a_primary_that_became_a_replica_is_not_used_further() {
    let (server, other) = (TestServer::start(), TestServer::start());
    let client = Client::open(&server, 1).await;
    admin(&server, &["REPLICAOF", "127.0.0.1", &other.port().to_string()]).await;
    let drop = Request::Drop {
        candidate: Epoch([1; 16]),
        client: cache_client::shared::protocol::ClientId([1; 8]),
        marks: vec![Mark::All],
    };
    let error = client.connection.send(&drop).await.expect_err("it is refused");
    assert!(matches!(error, CallError::Ended(_)), "{error:?}");
    assert!(matches!(lacks(&at(&server)).await, ServerError::Kind { .. }));
}

#[tokio::test]
async fn a_wrong_password_is_named_as_such_and_not_shown() {
    let server = TestServer::start();
    admin(&server, &["ACL", "SETUSER", "app", "reset", "on", ">other", "+@all", "~*"]).await;
    let app = RedisServer::at(server.url().replace("redis://", "redis://app:secret@"));
    let error = lacks(&app).await;
    let address = format!("127.0.0.1:{}", server.port());
    assert!(matches!(&error, ServerError::Login { address: named, .. } if *named == address), "{error:?}");
    hides_the_password(&whole(&error));
    hides_the_password(&whole(&refused(&app).await));
}

#[tokio::test]
async fn a_tier_does_not_show_the_password_of_its_url() {
    let tier = RedisTier::at("redis://app:secret@127.0.0.1:1").namespace("blog");
    hides_the_password(&format!("{tier:?}"));
    let error = tier.clone().connect().await.expect_err("no server is there");
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
    hides_the_password(&whole(&error));
    hides_the_password(&format!("{:?}", tier.optional()));
}

#[tokio::test]
async fn a_cluster_is_refused() {
    let server = TestServer::start_with(&["--cluster-enabled", "yes"]);
    let error = lacks(&at(&server)).await;
    assert!(matches!(&error, ServerError::Kind { found, .. } if found.contains("cluster")), "{error:?}");
}

#[tokio::test]
async fn a_replica_is_refused() {
    let primary = TestServer::start();
    let replica = TestServer::start_with(&["--replicaof", "127.0.0.1", &primary.port().to_string()]);
    let error = lacks(&at(&replica)).await;
    assert!(matches!(&error, ServerError::Kind { found, .. } if found == "a replica"), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_away_is_named_without_its_password() {
    let mut server = TestServer::start();
    server.kill();
    let app = RedisServer::at(server.url().replace("redis://", "redis://app:secret@"));
    let error = refused(&app).await;
    let address = format!("127.0.0.1:{}", server.port());
    assert!(
        matches!(&error, ConnectError::Unreachable { address: named, .. } if *named == address),
        "{error:?}"
    );
    hides_the_password(&whole(&error));
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_refused_without_the_password() {
    let urls = [
        "cache:6379",
        "",
        "http://app:secret@cache",
        "redis://app:secret@cache:many",
        "redis://app:secret@cache/first",
        "redis://app:secret@",
        // Not escaped.
        "redis://app:one/secret@cache",
        "redis://app/secret@cache",
        "redis://app:one?protocol=secret@cache",
    ];
    let mut servers: Vec<_> = urls.map(RedisServer::at).into();
    servers.push(RedisServer::at("redis://app:secret@cache").namespace("a:b"));
    for server in servers {
        let error = lacks(&server).await;
        assert!(matches!(error, ServerError::Settings { .. }), "{error:?}");
        hides_the_password(&whole(&error));
    }
}

#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn tls_needs_a_feature() {
    let error = lacks(&RedisServer::at("rediss://cache")).await;
    assert!(error.to_string().contains("feature `tls`"), "{error}");
}
