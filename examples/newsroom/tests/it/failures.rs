//! A database that is slow, or down.

use std::time::Duration;

use futures_util::future::join_all;
use newsroom::app;
use tempfile::tempdir;

use crate::lab::{Lab, SIZE};

#[tokio::test]
async fn a_request_that_takes_too_long_is_a_504() {
    let folder = tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    lab.service.client().app().database.faults.delay(Duration::from_secs(60));
    for path in ["/articles/60", "/api/articles/60"] {
        let timeout = [("x-timeout-ms", "20")];
        let response = lab.visitor().await.send("GET", path, &timeout, String::new()).await.unwrap();
        assert_eq!(response.status, 504, "{path}");
    }
    let response =
        lab.visitor().await.send("GET", "/", &[("x-timeout-ms", "soon")], String::new()).await.unwrap();
    assert_eq!(response.status, 400);
}

#[tokio::test]
async fn a_database_that_is_down_is_left_alone_after_a_while() {
    let folder = tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let known = lab.json("/api/articles/60").await;
    let database = &lab.service.client().app().database;
    database.faults.be_down(true);
    for author in 100..105 {
        assert_eq!(lab.get(&format!("/api/authors/{author}")).await.status, 500);
    }
    let trips = lab.ledger().trips;
    let refused = lab.get("/api/authors/110").await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.headers["retry-after"], "60");
    assert_eq!(lab.get("/healthz").await.status, 503);
    // What is known is served.
    assert_eq!(lab.json("/api/articles/60").await, known);
    assert_eq!(lab.ledger().trips, trips);
}

#[tokio::test]
async fn old_comments_are_better_than_none() {
    let folder = tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    let known = lab.json("/api/articles/60/comments").await;
    let client = lab.service.client();
    client.app().database.faults.be_down(true);
    client.invalidate(&newsroom::queries::GetComments { article: 60 });
    assert_eq!(lab.json("/api/articles/60/comments").await, known);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_readers_at_the_same_time_are_one_load_of_each_key() {
    let folder = tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    lab.service.client().app().database.faults.delay(Duration::from_millis(30));
    let stories = join_all((0..40).map(|_| lab.json("/api/articles/60"))).await;
    assert!(stories.iter().all(|story| *story == stories[0]));
    let ledger = lab.ledger();
    assert!(ledger.queries.values().all(|query| query.most == 1), "{ledger:?}");
    assert_eq!((lab.loads("get_article"), lab.loads("get_comments")), (1, 1));
    assert_eq!(ledger.overlaps, Default::default());
}

#[tokio::test]
async fn a_damaged_database_is_told_with_advice() {
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
async fn a_database_of_something_else_is_left_alone() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("newsroom.sqlite");
    std::fs::write(&path, "").unwrap();
    let error = app::open(folder.path(), SIZE, |_| ()).await.unwrap_err().to_string();
    assert!(error.contains("is not a database of this program"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"");
}
