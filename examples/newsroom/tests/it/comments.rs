//! What a comment changes, and which readers see it.

use std::time::Duration;

use newsroom::visitor::Events;
use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::time::timeout;

use crate::test_newsroom::TestNewsroom;

/// The next event.
async fn next(events: &mut Events) -> Value {
    let event = timeout(Duration::from_secs(10), events.next()).await;
    event.expect("no event arrived").unwrap().expect("the events have ended")
}

fn total(story: &Value) -> u64 {
    story["comments"]["total"].as_u64().unwrap()
}

#[tokio::test]
async fn a_comment_is_there_for_the_next_reader() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let before = total(&newsroom.json("/api/articles/60").await);
    let stats = newsroom.json("/api/stats").await;
    newsroom.json("/api/feed").await;

    let posted = newsroom.post(60, " Ada ", "First light.").await;
    assert_eq!(posted.status, 201);
    assert_eq!(posted.json().unwrap()["number"], before + 1);

    let story = newsroom.json("/api/articles/60").await;
    assert_eq!(total(&story), before + 1);
    assert_eq!(story["comments"]["newest"][0]["name"], "Ada");
    assert_eq!(story["comments"]["newest"][0]["text"], "First light.");
    assert_eq!(newsroom.json("/api/feed").await["articles"][0]["comments"], before + 1);
    let now = newsroom.json("/api/stats").await;
    assert_eq!(
        now["totals"]["comments"].as_u64(),
        stats["totals"]["comments"].as_u64().map(|count| count + 1)
    );
    assert_eq!(now["totals"]["latest"]["name"], "Ada");
}

#[tokio::test]
async fn a_comment_has_only_its_own_article_loaded_again() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    for article in [59, 60] {
        newsroom.json(&format!("/api/articles/{article}")).await;
    }
    newsroom.post(60, "Ada", "Hello.").await;
    for article in [59, 60] {
        newsroom.json(&format!("/api/articles/{article}")).await;
    }
    assert_eq!((newsroom.loads("get_article"), newsroom.loads("get_comments")), (2, 3));
}

#[tokio::test]
async fn one_name_is_one_author() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let one = newsroom.post(60, "Ada", "Hello.").await.json().unwrap();
    let two = newsroom.post(59, "Ada", "Hello again.").await.json().unwrap();
    assert_eq!(one["author"], two["author"]);
    let author = newsroom.json(&format!("/api/authors/{}", one["author"])).await;
    assert_eq!(author["name"], "Ada");
}

#[tokio::test]
async fn what_readers_write_is_text() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    newsroom.post(60, "<i>Ada</i>", "<script>alert('\"&')</script>").await;
    let page = newsroom.get("/articles/60?whole=true").await.body;
    assert!(!page.contains("<i>Ada") && !page.contains("<script>alert"), "{page}");
    assert!(page.contains("&lt;script&gt;alert"), "{page}");
    let search = newsroom.get("/search?q=%3Cb%3E%22soup").await.body;
    assert!(!search.contains("<b>") && search.contains("&lt;b&gt;&quot;soup"), "{search}");
}

#[tokio::test]
async fn a_form_without_scripts_leads_back_to_the_comments() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let body = "name=Ada&text=By+hand".to_owned();
    let response =
        newsroom.visitor().await.send("POST", "/articles/60/comments", &headers, body).await.unwrap();
    assert_eq!(response.status, 303);
    assert_eq!(response.headers["location"], "/articles/60#comments");
    assert!(newsroom.get("/articles/60?whole=true").await.body.contains("By hand"));
}

#[tokio::test]
async fn a_listener_receives_a_comment() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let before = total(&newsroom.json("/api/articles/60").await);
    let mut events = newsroom.listen(60).await;
    let first = next(&mut events).await;
    assert_eq!((first["state"].as_str(), first["comments"]["total"].as_u64()), (Some("ready"), Some(before)));

    newsroom.post(60, "Ada", "Anybody there?").await;
    loop {
        let news = next(&mut events).await;
        if news["is_refreshing"] == false && news["comments"]["total"] == before + 1 {
            assert_eq!(news["comments"]["newest"][0]["name"], "Ada");
            break;
        }
    }
}

#[tokio::test]
async fn a_service_that_stops_ends_its_streams() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let mut events = newsroom.listen(60).await;
    next(&mut events).await;
    newsroom.close().await;
    while events.next().await.unwrap().is_some() {}
}

#[tokio::test]
async fn a_listener_sees_a_comment_on_its_way_and_a_reader_does_not() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let before = newsroom.json("/api/articles/60/comments").await;
    let mut events = newsroom.listen(60).await;
    next(&mut events).await;
    let faults = &newsroom.service.client().app().database.faults;
    faults.delay(Duration::from_millis(100));
    let looks = async {
        let news = next(&mut events).await;
        assert_eq!(
            (news["is_optimistic"].as_bool(), &news["comments"]["newest"][0]["number"]),
            (Some(true), &json!(0))
        );
        assert_eq!(news["comments"]["newest"][0]["text"], "On my way.");
        assert_eq!(newsroom.json("/api/articles/60/comments").await, before);
    };
    let (posted, ()) = tokio::join!(newsroom.post(60, "Ada", "On my way."), looks);
    assert_eq!(posted.status, 201);
    // From then on it never disappears, even while the comments are loaded again.
    loop {
        let news = next(&mut events).await;
        assert_eq!(news["comments"]["newest"][0]["text"], "On my way.", "{news}");
        if news["is_optimistic"] == false && news["is_refreshing"] == false {
            break;
        }
    }
}

#[tokio::test]
async fn a_comment_that_could_not_be_written_disappears() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let before = newsroom.json("/api/articles/60/comments").await;
    let mut events = newsroom.listen(60).await;
    next(&mut events).await;
    newsroom.service.client().app().database.faults.be_down(true);
    assert_eq!(newsroom.post(60, "Ada", "Lost.").await.status, 500);
    loop {
        let news = next(&mut events).await;
        if news["is_optimistic"] == false {
            assert_eq!(news["comments"], before);
            break;
        }
    }
}
