//! What a server must be and allow, on servers that are not or do not.

use cache_redis::{ConnectError, Connection, Settings};
use cache_redis_test_server::TestServer;

use crate::support::{admin, settings};

async fn refused(settings: &Settings) -> ConnectError {
    Connection::open(settings).await.expect_err("the server is refused")
}

/// Opens a connection as a user with these rights.
async fn missing_for(server: &TestServer, rights: &[&str]) -> Vec<String> {
    let mut command = vec!["ACL", "SETUSER", "app", "reset", "on", ">secret"];
    command.extend(rights);
    admin(server, &command).await;
    let url = server.url().replace("redis://", "redis://app:secret@");
    let settings = Settings { url, ..settings(server) };
    assert!(!format!("{settings:?}").contains("secret"), "the password is shown");
    match Connection::open(&settings).await {
        Ok(_) => Vec::new(),
        Err(error) => {
            assert!(!format!("{error:?} {error}").contains("secret"), "the password is shown");
            match error {
                ConnectError::Rights { missing, .. } => missing,
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
async fn a_cluster_is_refused() {
    let server = TestServer::start_with(&["--cluster-enabled", "yes"]);
    let error = refused(&settings(&server)).await;
    assert!(matches!(&error, ConnectError::Kind { found, .. } if found.contains("cluster")), "{error:?}");
}

#[tokio::test]
async fn a_replica_is_refused() {
    let primary = TestServer::start();
    let replica = TestServer::start_with(&["--replicaof", "127.0.0.1", &primary.port().to_string()]);
    let error = refused(&settings(&replica)).await;
    assert!(matches!(&error, ConnectError::Kind { found, .. } if found == "a replica"), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_away_is_named_without_its_password() {
    let mut server = TestServer::start();
    server.kill();
    let url = server.url().replace("redis://", "redis://app:secret@");
    let error = refused(&Settings { url, ..settings(&server) }).await;
    let address = format!("127.0.0.1:{}", server.port());
    assert!(
        matches!(&error, ConnectError::Unreachable { address: named, .. } if *named == address),
        "{error:?}"
    );
    assert!(!format!("{error} {error:?}").contains("secret"));
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_refused() {
    let server = TestServer::start();
    let usable = settings(&server);
    let no_url = Settings { url: "cache:6379".to_owned(), ..usable.clone() };
    let no_namespace = Settings { namespace: "a:b".to_owned(), ..usable };
    for settings in [no_url, no_namespace] {
        assert!(matches!(refused(&settings).await, ConnectError::Settings { .. }));
    }
}
