//! What is known after a restart, and what is not.

use std::time::Duration;

use serde_json::json;
use tempfile::tempdir;
use tokio::time::timeout;

use crate::lab::{BusyReaders, Lab};

#[tokio::test]
async fn the_first_request_after_a_restart_is_served_from_the_snapshot() {
    let folder = tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    assert!(lab.told.contains("filling") && lab.told.contains("no snapshot yet"), "{}", lab.told);
    let (story, feed) = (lab.json("/api/articles/60").await, lab.json("/api/feed").await);
    let front = lab.get("/").await.body;
    assert!(lab.ledger().loads > 0);
    lab.close().await;

    let lab = Lab::open(folder.path()).await;
    assert!(lab.told.starts_with("restored"), "{}", lab.told);
    assert_eq!(lab.json("/api/articles/60").await, story);
    assert_eq!(lab.json("/api/feed").await, feed);
    assert_eq!(lab.get("/").await.body, front);
    assert_eq!(lab.ledger(), Default::default());
}

#[tokio::test]
async fn comments_that_a_snapshot_misses_are_loaded_again() {
    let folder = tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    lab.json("/api/articles/60").await;
    lab.close().await;
    let lab = Lab::open(folder.path()).await;
    lab.post(60, "Ada", "Just before the lights went out.").await;
    // Not closed: as if it had been killed.
    drop(lab);

    let lab = Lab::open(folder.path()).await;
    assert!(lab.told.contains("loaded again"), "{}", lab.told);
    let story = lab.json("/api/articles/60").await;
    assert_eq!(story["comments"]["newest"][0]["text"], "Just before the lights went out.");
    assert_eq!((lab.loads("get_article"), lab.loads("get_comments")), (0, 1));
}

#[tokio::test]
async fn a_snapshot_of_another_database_is_thrown_away() {
    let folder = tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    lab.json("/api/articles/60").await;
    lab.close().await;
    for file in ["newsroom.sqlite", "newsroom.sqlite-wal", "newsroom.sqlite-shm"] {
        let _ = std::fs::remove_file(folder.path().join(file));
    }

    let lab = Lab::open(folder.path()).await;
    assert!(lab.told.contains("of another database"), "{}", lab.told);
    lab.json("/api/articles/60").await;
    assert_eq!(lab.loads("get_article"), 1);
}

#[tokio::test]
async fn a_damaged_snapshot_is_a_cold_start() {
    let folder = tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    lab.json("/api/articles/60").await;
    lab.close().await;
    std::fs::write(folder.path().join("newsroom.snapshot"), "not this").unwrap();

    let lab = Lab::open(folder.path()).await;
    assert!(lab.told.contains("cannot be read"), "{}", lab.told);
    lab.json("/api/articles/60").await;
}

#[tokio::test]
async fn a_comment_that_is_being_written_when_the_cache_is_saved_is_there_after_the_restart() {
    let folder = tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    lab.json("/api/articles/60").await;
    let mut events = lab.listen(60).await;
    let client = lab.service.client().clone();
    let faults = &client.app().database.faults;
    faults.delay(Duration::from_secs(3_600));
    let mut visitor = lab.visitor().await;
    let post =
        async { visitor.post("/api/articles/60/comments", &json!({ "name": "Ada", "text": "Late." })).await };
    let begun = async { while events.next().await.unwrap().unwrap()["is_optimistic"] != true {} };
    tokio::select! {
        posted = post => panic!("written already: {posted:?}"),
        () = begun => {}
    }
    faults.delay(Duration::ZERO);
    drop(visitor);
    // The request is dropped; the comment is on its way.
    lab.close().await;

    let lab = Lab::open(folder.path()).await;
    assert!(lab.told.contains("loaded again"), "{}", lab.told);
    lab.json("/api/articles/60").await;
    assert_eq!((lab.loads("get_article"), lab.loads("get_comments")), (0, 1));
}

#[tokio::test]
async fn a_save_does_not_wait_for_loads() {
    let folder = tempdir().unwrap();
    let lab = Lab::open(folder.path()).await;
    lab.json("/api/articles/60").await;
    let client = lab.service.client().clone();
    let readers = BusyReaders::of(&client).await;
    timeout(Duration::from_secs(30), lab.close()).await.expect("it waits for the loads");
    drop(readers);
    assert!(Lab::open(folder.path()).await.told.starts_with("restored"));
}

/// The article that the front page shows as the most discussed.
async fn most_discussed(lab: &Lab) -> String {
    let page = lab.get("/").await.body;
    let first = page.split("Most discussed").nth(1).and_then(|list| list.split("/articles/").nth(1)).unwrap();
    first.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_most_discussed_article_is_the_one_with_the_most_comments_also_after_a_restart() {
    let folder = tempdir().unwrap();
    let comments = async |lab: &Lab, article: u64| {
        while {
            let posted = lab.post(article, "Ada", "And another thing.").await.json().unwrap();
            posted["number"].as_u64().unwrap() < 100 * (61 - article)
        } {}
    };
    let lab = Lab::open(folder.path()).await;
    most_discussed(&lab).await;
    comments(&lab, 60).await;
    assert_eq!(most_discussed(&lab).await, "60");
    comments(&lab, 59).await;
    lab.close().await;

    // Nothing has queried the list since the last comment.
    let lab = Lab::open(folder.path()).await;
    assert_eq!(most_discussed(&lab).await, "59");
    comments(&lab, 58).await;
    // Not closed: as if it had been killed.
    drop(lab);

    let lab = Lab::open(folder.path()).await;
    assert!(lab.told.contains("loaded again"), "{}", lab.told);
    assert_eq!(most_discussed(&lab).await, "58");
}
