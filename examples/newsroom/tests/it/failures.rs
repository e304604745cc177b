//! A database that is slow, or down.

use std::time::Duration;

use futures_util::future::join_all;
use newsroom::app;
use newsroom::queries::Search;
use tempfile::tempdir;
use tokio::time::timeout;

use crate::test_newsroom::{BusyReaders, SIZE, TestNewsroom};

#[tokio::test]
async fn a_request_that_takes_too_long_is_a_504() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    newsroom.service.client().app().database.faults.delay(Duration::from_secs(60));
    for path in ["/articles/60", "/api/articles/60"] {
        let timeout = [("x-timeout-ms", "20")];
        let response = newsroom.visitor().await.send("GET", path, &timeout, String::new()).await.unwrap();
        assert_eq!(response.status, 504, "{path}");
    }
    let response =
        newsroom.visitor().await.send("GET", "/", &[("x-timeout-ms", "soon")], String::new()).await.unwrap();
    assert_eq!(response.status, 400);
}

#[tokio::test]
async fn a_database_that_is_down_is_not_queried_after_a_while() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let known = newsroom.json("/api/articles/60").await;
    let database = &newsroom.service.client().app().database;
    database.faults.be_down(true);
    for author in 100..105 {
        assert_eq!(newsroom.get(&format!("/api/authors/{author}")).await.status, 500);
    }
    let trips = newsroom.ledger().trips;
    let refused = newsroom.get("/api/authors/110").await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.headers["retry-after"], "60");
    assert_eq!(newsroom.get("/healthz").await.status, 503);
    // Known answers are served.
    assert_eq!(newsroom.json("/api/articles/60").await, known);
    assert_eq!(newsroom.ledger().trips, trips);
}

#[tokio::test]
async fn inputs_that_make_no_sense_never_reach_the_database() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let trips = newsroom.ledger().trips;
    let places =
        ["1-18446744073709551615", "1-9223372036854775808", "9223372036854775808-1", "1--1", "-", "%00"];
    for place in places {
        for path in ["/", "/sections/city", "/api/feed"] {
            let path = format!("{path}?before={place}");
            assert_eq!(newsroom.get(&path).await.status, 400, "{path}");
        }
    }
    for path in
        ["/articles/4294967296", "/api/articles/-1", "/api/authors/1e3", "/events/x", "/api/feed?section=x"]
    {
        assert_eq!(newsroom.get(path).await.status, 400, "{path}");
    }
    assert_eq!(newsroom.get("/sections/x").await.status, 404);
    let long = "a".repeat(1_000);
    assert_eq!(newsroom.get(&format!("/api/search?q={long}")).await.status, 400);
    assert_eq!(newsroom.get(&format!("/search?q={long}")).await.status, 400);
    assert_eq!(newsroom.ledger().trips, trips);
    // Everything still works, also at the limits of valid input.
    for path in [
        "/",
        "/api/feed",
        "/?before=-9223372036854775808-9223372036854775807",
        "/?before=1-0",
        "/articles/60",
    ] {
        assert_eq!(newsroom.get(path).await.status, 200, "{path}");
    }
    // This program counts them as letters, the index of the database does not.
    for word in ["%E2%92%B6", "%CD%85", "%C2%B2", "%22", "NEAR", "*"] {
        assert!(!newsroom.get(&format!("/api/search?q={word}")).await.status.is_server_error(), "{word}");
    }
    assert_eq!(newsroom.get("/api/search?q=light").await.status, 200);
}

#[tokio::test]
async fn a_database_that_hangs_is_not_healthy() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    newsroom.service.client().app().database.faults.delay(Duration::from_secs(3_600));
    let health =
        timeout(Duration::from_secs(60), newsroom.get("/healthz")).await.expect("the health check hangs too");
    assert_eq!((health.status.as_u16(), health.body.as_str()), (503, "the database does not answer\n"));
}

#[tokio::test]
async fn searches_without_callers_are_not_run() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let client = newsroom.service.client();
    let readers = BusyReaders::of(client).await;
    let words = ["soup", "rain", "light", "river"];
    for word in words {
        let (mut visitor, path) = (newsroom.visitor().await, format!("/api/search?q={word}"));
        let given_up = visitor.send("GET", &path, &[("x-timeout-ms", "20")], String::new()).await;
        assert_eq!(given_up.unwrap().status, 504);
    }
    drop(readers);
    // These would come after them.
    newsroom.json("/api/articles/60").await;
    for word in words {
        assert!(client.cache().peek(&Search::new(word).unwrap()).is_none(), "{word}");
    }
}

#[tokio::test]
async fn stale_comments_are_served_while_the_database_fails() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let known = newsroom.json("/api/articles/60/comments").await;
    let client = newsroom.service.client();
    client.app().database.faults.be_down(true);
    client.invalidate(&newsroom::queries::GetComments { article: 60 });
    assert_eq!(newsroom.json("/api/articles/60/comments").await, known);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_readers_at_the_same_time_are_one_load_of_each_key() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    newsroom.service.client().app().database.faults.delay(Duration::from_millis(30));
    let stories = join_all((0..40).map(|_| newsroom.json("/api/articles/60"))).await;
    assert!(stories.iter().all(|story| *story == stories[0]));
    let ledger = newsroom.ledger();
    assert!(ledger.queries.values().all(|query| query.most == 1), "{ledger:?}");
    assert_eq!((newsroom.loads("get_article"), newsroom.loads("get_comments")), (1, 1));
    assert_eq!(ledger.overlaps, Default::default());
}

#[tokio::test]
async fn a_damaged_database_is_reported_with_advice() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("newsroom.sqlite");
    std::fs::write(
        &path,
        "all but a database, and longer than a header of a hundred bytes would have to be: ".repeat(9),
    )
    .unwrap();
    let error = app::open(folder.path(), SIZE, |_| ()).await.unwrap_err().to_string();
    assert!(error.contains("newsroom.sqlite` is damaged") && error.contains("move it away"), "{error}");
}

#[tokio::test]
async fn a_database_of_another_program_is_not_changed() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("newsroom.sqlite");
    std::fs::write(&path, "").unwrap();
    let error = app::open(folder.path(), SIZE, |_| ()).await.unwrap_err().to_string();
    assert!(error.contains("is not a database of this program"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"");
}
