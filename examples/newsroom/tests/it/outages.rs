//! A newspaper whose database is missing when the program starts.

use std::path::Path;
use std::time::Duration;

use newsroom::app;
use newsroom::database::write;
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

use crate::outage::{clock_in, move_database, show_pages};
use crate::test_newsroom::{SIZE, TestNewsroom};

const HOUR: Duration = Duration::from_secs(3_600);
const NOTICE: &str = "Our archive does not answer.";

/// A newspaper whose front page and article 60 were shown, and whose database was then moved to the second folder.
async fn without_database() -> (TempDir, TempDir) {
    let (folder, away) = (tempdir().unwrap(), tempdir().unwrap());
    show_pages(folder.path(), SIZE, &["/", "/articles/60"]).await;
    move_database(folder.path(), away.path());
    (folder, away)
}

async fn opened_after(time: Duration, folder: &Path) -> TestNewsroom {
    TestNewsroom::open_with_clock(folder, &Default::default(), clock_in(time)).await
}

#[tokio::test]
async fn older_answers_are_served_while_the_database_is_missing_and_the_pages_say_so() {
    let (folder, away) = without_database().await;
    let newsroom = opened_after(2 * HOUR, folder.path()).await;
    assert!(newsroom.messages.contains("newsroom.sqlite` is missing"), "{}", newsroom.messages);
    // The feed has brought article 59, which was not shown.
    for path in ["/", "/articles/60", "/articles/59"] {
        let page = newsroom.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        assert!(page.body.contains(NOTICE) && page.body.contains("2 hours"), "{path}: {}", page.body);
    }
    let story = newsroom.json("/api/articles/60").await;
    assert!((7_200..7_300).contains(&story["outdated"]["seconds"].as_u64().unwrap()), "{story}");
    assert_eq!(newsroom.get("/articles/1").await.status, 500, "it was never shown");
    assert_eq!(newsroom.post(60, "Ada", "Hello?").await.status, 500);
    assert_eq!(newsroom.get("/healthz").await.status, 503);

    // The database is back.
    move_database(away.path(), folder.path());
    for path in ["/", "/articles/60", "/articles/1"] {
        let page = newsroom.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        assert!(!page.body.contains(NOTICE), "{path}: {}", page.body);
    }
    assert_eq!(newsroom.post(60, "Ada", "Hello!").await.status, 201);
}

#[tokio::test]
async fn fresh_answers_are_served_without_a_notice() {
    let (folder, _away) = without_database().await;
    let newsroom = opened_after(Duration::ZERO, folder.path()).await;
    for path in ["/", "/articles/60"] {
        let page = newsroom.get(path).await;
        assert_eq!((page.status.as_u16(), page.body.contains(NOTICE)), (200, false), "{path}");
    }
    assert_eq!(newsroom.ledger(), Default::default());
}

#[tokio::test]
async fn a_start_without_a_database_leaves_the_snapshot_as_it_is() {
    let (folder, _away) = without_database().await;
    let snapshot = folder.path().join("newsroom.snapshot");
    let before = std::fs::read(&snapshot).unwrap();
    let newsroom = opened_after(Duration::ZERO, folder.path()).await;
    newsroom.get("/").await;
    let client = newsroom.service.client().clone();
    newsroom.service.stop().await;
    assert!(app::save(&client).await.unwrap().is_none());
    assert_eq!(std::fs::read(&snapshot).unwrap(), before);
}

#[tokio::test]
async fn the_database_of_another_newspaper_is_not_used_before_the_next_start() {
    let (folder, _away) = without_database().await;
    let newsroom = opened_after(2 * HOUR, folder.path()).await;
    let other = tempdir().unwrap();
    show_pages(other.path(), SIZE, &[]).await;
    move_database(other.path(), folder.path());
    assert!(newsroom.get("/articles/60").await.body.contains(NOTICE));
    drop(newsroom);

    let newsroom = TestNewsroom::open(folder.path()).await;
    assert!(newsroom.messages.contains("of another database"), "{}", newsroom.messages);
    assert!(!newsroom.get("/articles/60").await.body.contains(NOTICE));
    assert_eq!(
        newsroom.loads("get_article"),
        1,
        "the answers of the other newspaper are in a file of their own"
    );
}

#[tokio::test]
async fn comments_that_the_file_of_answers_misses_are_loaded() {
    let folder = tempdir().unwrap();
    show_pages(folder.path(), SIZE, &["/articles/60"]).await;
    // As if the program had been killed between the write of the comment and the removal of the copy.
    let mut connection = Connection::open(folder.path().join("newsroom.sqlite")).unwrap();
    write::comment(&mut connection, 60, "Ada", "In the dark.", 0).unwrap().unwrap();
    drop(connection);
    std::fs::remove_file(folder.path().join("newsroom.snapshot")).unwrap();

    let newsroom = TestNewsroom::open(folder.path()).await;
    let story = newsroom.json("/api/articles/60").await;
    assert_eq!(story["comments"]["newest"][0]["text"], "In the dark.");
    assert_eq!((newsroom.loads("get_article"), newsroom.loads("get_comments")), (0, 1));
}
