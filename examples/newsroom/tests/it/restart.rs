//! What is known after a restart, and what is not.

use std::time::Duration;

use serde_json::json;
use tempfile::tempdir;
use tokio::time::timeout;

use crate::outage::{move_database, show_pages};
use crate::test_newsroom::{BusyReaders, SIZE, TestNewsroom};

#[tokio::test]
async fn the_first_request_after_a_restart_is_served_from_the_snapshot() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    assert!(
        newsroom.messages.contains("filling") && newsroom.messages.contains("no snapshot yet"),
        "{}",
        newsroom.messages
    );
    let (story, feed) = (newsroom.json("/api/articles/60").await, newsroom.json("/api/feed").await);
    let front = newsroom.get("/").await.body;
    assert!(newsroom.ledger().loads > 0);
    newsroom.close().await;

    let newsroom = TestNewsroom::open(folder.path()).await;
    assert!(newsroom.messages.starts_with("restored"), "{}", newsroom.messages);
    assert_eq!(newsroom.json("/api/articles/60").await, story);
    assert_eq!(newsroom.json("/api/feed").await, feed);
    assert_eq!(newsroom.get("/").await.body, front);
    assert_eq!(newsroom.ledger(), Default::default());
}

#[tokio::test]
async fn comments_that_a_snapshot_misses_are_loaded_again() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    newsroom.json("/api/articles/60").await;
    newsroom.close().await;
    let newsroom = TestNewsroom::open(folder.path()).await;
    newsroom.post(60, "Ada", "Just before the lights went out.").await;
    // Not closed, as if it had been killed.
    drop(newsroom);

    let newsroom = TestNewsroom::open(folder.path()).await;
    assert!(newsroom.messages.contains("loaded again"), "{}", newsroom.messages);
    let story = newsroom.json("/api/articles/60").await;
    assert_eq!(story["comments"]["newest"][0]["text"], "Just before the lights went out.");
    assert_eq!((newsroom.loads("get_article"), newsroom.loads("get_comments")), (0, 1));
}

#[tokio::test]
async fn a_snapshot_of_another_database_is_discarded() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    newsroom.json("/api/articles/60").await;
    newsroom.close().await;
    let other = tempdir().unwrap();
    show_pages(other.path(), SIZE, &[]).await;
    move_database(other.path(), folder.path());

    let newsroom = TestNewsroom::open(folder.path()).await;
    assert!(newsroom.messages.contains("of another database"), "{}", newsroom.messages);
    newsroom.json("/api/articles/60").await;
    assert_eq!(newsroom.loads("get_article"), 1);
}

#[tokio::test]
async fn a_damaged_snapshot_is_a_cold_start() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    newsroom.json("/api/articles/60").await;
    newsroom.close().await;
    std::fs::write(folder.path().join("newsroom.snapshot"), "not this").unwrap();

    let newsroom = TestNewsroom::open(folder.path()).await;
    assert!(newsroom.messages.contains("cannot be read"), "{}", newsroom.messages);
    newsroom.json("/api/articles/60").await;
}

#[tokio::test]
async fn a_comment_that_is_being_written_when_the_cache_is_saved_is_there_after_the_restart() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    newsroom.json("/api/articles/60").await;
    let mut events = newsroom.listen(60).await;
    let client = newsroom.service.client().clone();
    let faults = &client.app().database.faults;
    faults.delay(Duration::from_secs(3_600));
    let mut visitor = newsroom.visitor().await;
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
    newsroom.close().await;

    let newsroom = TestNewsroom::open(folder.path()).await;
    assert!(newsroom.messages.contains("loaded again"), "{}", newsroom.messages);
    newsroom.json("/api/articles/60").await;
    assert_eq!((newsroom.loads("get_article"), newsroom.loads("get_comments")), (0, 1));
}

#[tokio::test]
async fn a_save_does_not_wait_for_loads() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    newsroom.json("/api/articles/60").await;
    let client = newsroom.service.client().clone();
    let readers = BusyReaders::of(&client).await;
    timeout(Duration::from_secs(30), newsroom.close()).await.expect("closing does not wait for loads");
    drop(readers);
    assert!(TestNewsroom::open(folder.path()).await.messages.starts_with("restored"));
}

/// The article that the front page shows as the most discussed.
async fn most_discussed(newsroom: &TestNewsroom) -> String {
    let page = newsroom.get("/").await.body;
    let first = page.split("Most discussed").nth(1).and_then(|list| list.split("/articles/").nth(1)).unwrap();
    first.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_most_discussed_article_is_the_one_with_the_most_comments_also_after_a_restart() {
    let folder = tempdir().unwrap();
    let comments = async |newsroom: &TestNewsroom, article: u64| {
        while {
            let posted = newsroom.post(article, "Ada", "And another thing.").await.json().unwrap();
            posted["number"].as_u64().unwrap() < 100 * (61 - article)
        } {}
    };
    let newsroom = TestNewsroom::open(folder.path()).await;
    most_discussed(&newsroom).await;
    comments(&newsroom, 60).await;
    assert_eq!(most_discussed(&newsroom).await, "60");
    comments(&newsroom, 59).await;
    newsroom.close().await;

    // Nothing has queried the list since the last comment.
    let newsroom = TestNewsroom::open(folder.path()).await;
    assert_eq!(most_discussed(&newsroom).await, "59");
    comments(&newsroom, 58).await;
    // Not closed, as if it had been killed.
    drop(newsroom);

    let newsroom = TestNewsroom::open(folder.path()).await;
    assert!(newsroom.messages.contains("loaded again"), "{}", newsroom.messages);
    assert_eq!(most_discussed(&newsroom).await, "58");
}
