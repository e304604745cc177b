//! The list of the most discussed articles as events.

use std::time::Duration;

use newsroom::visitor::Events;
use serde_json::Value;
use tempfile::tempdir;
use tokio::time::timeout;

use crate::test_newsroom::TestNewsroom;

/// The list of the next event, as numbers of articles and of their comments.
async fn next_list(events: &mut Events) -> Vec<(u64, u64)> {
    let event = timeout(Duration::from_secs(60), events.next()).await.expect("no event arrived");
    let event = event.unwrap().expect("the events have ended");
    assert_eq!(event["error"], Value::Null);
    let number = |article: &Value, name: &str| article[name].as_u64().unwrap();
    let articles = event["discussed"]["articles"].as_array().unwrap().iter();
    articles.map(|article| (number(article, "id"), number(article, "comments"))).collect()
}

#[tokio::test]
async fn the_most_discussed_articles_follow_comments() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let mut events = newsroom.listen_to("/events/discussed").await;
    let list = next_list(&mut events).await;
    assert_eq!(list.len(), 6);
    let ((first, of_first), (second, of_second)) = (list[0], list[1]);
    assert!(of_first >= of_second);
    for _ in of_second..=of_first {
        assert_eq!(newsroom.post(second, "Ada", "One more.").await.status, 201);
    }
    while next_list(&mut events).await[..2] != [(second, of_first + 1), (first, of_first)] {}
}

#[tokio::test]
async fn an_article_that_is_discussed_enough_enters_the_list() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let mut events = newsroom.listen_to("/events/discussed").await;
    let last = next_list(&mut events).await[5].1;
    let mut longer = newsroom.listen_to("/events/discussed?pages=2").await;
    let all = next_list(&mut longer).await;
    assert_eq!(all.len(), 12);
    let (article, count) = all[6];
    for _ in count..=last {
        assert_eq!(newsroom.post(article, "Ada", "And one more.").await.status, 201);
    }
    let is_there = |list: &[(u64, u64)]| list.contains(&(article, last + 1));
    while !is_there(&next_list(&mut events).await) {}
}

#[tokio::test]
async fn a_list_has_at_most_as_many_pages_as_there_are() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let mut events = newsroom.listen_to("/events/discussed?pages=4000000000").await;
    assert_eq!(next_list(&mut events).await.len(), 30);
    assert_eq!(newsroom.loads("most_discussed"), 5);
    assert_eq!(newsroom.get("/events/discussed?pages=x").await.status, 400);
}
