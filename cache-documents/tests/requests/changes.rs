//! What the responses to unsafe requests change in the records of a client.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use cache_core::Holds;
use cache_documents::Document;
use cache_documents::http::{Answer, RecordsError};
use http::StatusCode;

use crate::site::{
    Article, Desk, GetArticle, GetArticles, GetNamed, GetPeople, SiteRegistry, article_body, desk, pass,
    request, seconds,
};

const JSON_API: [(&str, &str); 1] = [("content-type", "application/vnd.api+json")];

/// A client that shows article 1 on a page, an empty page, and a list of people.
async fn desk_with_lists() -> Desk {
    let desk = desk();
    let article = r#"{"type": "articles", "id": "1", "attributes": {"title": "One"}}"#;
    desk.answers("GET /pages/1", &[], &format!(r#"{{"data": [{article}]}}"#));
    desk.answers("GET /pages/2", &[], r#"{"data": []}"#);
    desk.answers("GET /people", &[], r#"{"data": []}"#);
    desk.client.query(&GetArticles(1)).await.unwrap();
    desk.client.query(&GetArticles(2)).await.unwrap();
    desk.client.query(&GetPeople).await.unwrap();
    desk
}

fn title_of(document: &Document<[Article]>) -> String {
    document.data().next().unwrap().title.value().unwrap().to_string()
}

fn title(desk: &Desk) -> String {
    title_of(&desk.client.cached(&GetArticles(1)).unwrap())
}

fn is_stale<Q: cache_client::Fetch<crate::site::Site>>(desk: &Desk, query: &Q) -> bool
where
    SiteRegistry: Holds<Q>,
{
    desk.client.query_state(query).unwrap().is_stale
}

/// Which lists are marked: both pages of articles, and the people.
fn marked(desk: &Desk) -> [bool; 3] {
    [is_stale(desk, &GetArticles(1)), is_stale(desk, &GetArticles(2)), is_stale(desk, &GetPeople)]
}

/// Sends a request with this content, of JSON:API.
async fn sends(desk: &Desk, method: &str, path: &str, body: &str) -> Answer {
    let mut request = request(method, path, &JSON_API);
    *request.body_mut() = Bytes::copy_from_slice(body.as_bytes());
    desk.send(request).await
}

#[tokio::test(start_paused = true)]
async fn the_response_to_a_patch_changes_the_documents_that_show_the_record() {
    let desk = desk_with_lists().await;
    let content_type = [("content-type", "Application/vnd.api+json; ext=\"a\"")];
    desk.answers("PATCH /articles/1", &content_type, &article_body(1, "Two"));
    let answer = sends(&desk, "PATCH", "/articles/1", "").await;
    assert!(answer.response.records_error().is_none());
    assert_eq!((title(&desk).as_str(), marked(&desk)), ("Two", [false; 3]));
}

#[tokio::test(start_paused = true)]
async fn a_list_in_a_response_changes_records_too() {
    let desk = desk_with_lists().await;
    let body = r#"{"data": [{"type": "articles", "id": "1", "attributes": {"title": "Two"}}, {"type": "x", "id": "1"}]}"#;
    desk.answers("POST /rename", &JSON_API, body);
    sends(&desk, "POST", "/rename", "").await;
    assert_eq!(title(&desk), "Two");
}

#[tokio::test(start_paused = true)]
async fn after_a_response_without_content_what_was_sent_changes_records() {
    let desk = desk_with_lists().await;
    desk.answers_with("PATCH /articles/1", StatusCode::NO_CONTENT, &[], "");
    sends(&desk, "PATCH", "/articles/1", &article_body(1, "Two")).await;
    assert_eq!((title(&desk).as_str(), marked(&desk)), ("Two", [false; 3]));
    // A new resource has no id yet.
    desk.answers_with("POST /articles", StatusCode::CREATED, &[], "");
    let sent = sends(&desk, "POST", "/articles", r#"{"data": {"type": "articles", "attributes": {}}}"#).await;
    assert!(sent.response.records_error().is_none());
    assert_eq!(marked(&desk), [true, true, false]);
}

#[tokio::test(start_paused = true)]
async fn a_created_resource_marks_the_lists_of_its_type() {
    let desk = desk_with_lists().await;
    desk.answers("GET /articles/1", &[], &article_body(1, "One"));
    desk.article(1).await;
    desk.answers_with("POST /articles", StatusCode::CREATED, &JSON_API, &article_body(2, "New"));
    sends(&desk, "POST", "/articles", "").await;
    assert_eq!(marked(&desk), [true, true, false]);
    assert!(!is_stale(&desk, &GetArticle(1)), "it is no list");
}

#[tokio::test(start_paused = true)]
async fn a_created_resource_that_changes_a_record_too_marks_the_list_that_shows_it() {
    let desk = desk_with_lists().await;
    let included = r#"{"data": {"type": "articles", "id": "2"},
        "included": [{"type": "articles", "id": "1", "attributes": {"title": "Two"}}]}"#;
    desk.answers_with("POST /articles", StatusCode::CREATED, &JSON_API, included);
    sends(&desk, "POST", "/articles", "").await;
    assert_eq!(marked(&desk), [true, true, false]);
    desk.answers("GET /pages/1", &[], r#"{"data": []}"#);
    desk.client.query(&GetArticles(1)).await.unwrap();
    assert!(!is_stale(&desk, &GetArticles(1)));
}

#[tokio::test(start_paused = true)]
async fn an_accepted_request_marks_the_lists_of_what_it_will_create() {
    let desk = desk_with_lists().await;
    desk.answers_with("POST /jobs", StatusCode::ACCEPTED, &[], "");
    sends(&desk, "POST", "/jobs", r#"{"data": {"type": "people"}}"#).await;
    assert_eq!(marked(&desk), [false, false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_delete_marks_the_lists_of_the_type_in_its_url() {
    let desk = desk_with_lists().await;
    for path in ["/articles/1", "/api/people/7/"] {
        desk.answers_with(&format!("DELETE {path}"), StatusCode::NO_CONTENT, &[], "");
    }
    sends(&desk, "DELETE", "/articles/1", "").await;
    assert_eq!(marked(&desk), [true, true, false]);
    sends(&desk, "DELETE", "/api/people/7/", "").await;
    assert_eq!(marked(&desk), [true; 3]);
}

#[tokio::test(start_paused = true)]
async fn nothing_keeps_the_key_of_a_list_that_is_gone() {
    let desk = desk();
    let name: Arc<str> = "empty".into();
    desk.client.query(&GetNamed(Arc::clone(&name))).await.unwrap();
    assert!(Arc::strong_count(&name) > 1);
    desk.client.cache().clear();
    pass(seconds(1)).await;
    assert_eq!(Arc::strong_count(&name), 1);
}

#[tokio::test(start_paused = true)]
async fn what_neither_creates_nor_deletes_marks_no_list() {
    let desk = desk_with_lists().await;
    let member = r#"{"data": [{"type": "articles", "id": "1"}]}"#;
    for (method, path) in [
        ("POST", "/people/7/relationships/articles"),
        ("DELETE", "/people/7/relationships/articles"),
        ("PATCH", "/articles/1"),
        ("DELETE", "/unknown/1"),
        ("DELETE", "/"),
    ] {
        desk.answers_with(&format!("{method} {path}"), StatusCode::NO_CONTENT, &[], "");
        sends(&desk, method, path, member).await;
        assert_eq!(marked(&desk), [false; 3], "{method} {path}");
    }
}

#[tokio::test(start_paused = true)]
async fn refused_safe_and_other_responses_change_nothing() {
    let desk = desk_with_lists().await;
    let changed = article_body(1, "Two");
    desk.answers_with("POST /a", StatusCode::CONFLICT, &JSON_API, &changed);
    desk.answers_with("POST /b", StatusCode::SEE_OTHER, &JSON_API, &changed);
    desk.answers("POST /c", &[("content-type", "application/json")], &changed);
    desk.answers("GET /d", &JSON_API, &changed);
    for (method, path) in [("POST", "/a"), ("POST", "/b"), ("POST", "/c"), ("GET", "/d")] {
        sends(&desk, method, path, "").await;
        assert_eq!((title(&desk).as_str(), marked(&desk)), ("One", [false; 3]), "{method} {path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_that_cannot_be_read_changes_nothing_and_says_so() {
    let desk = desk_with_lists().await;
    let body = r#"{"data": {"type": "articles", "id": "1", "attributes": {"title": "Two"}},
        "included": [{"type": "people", "id": "7", "attributes": {"name": 5}}]}"#;
    desk.answers_with("POST /articles", StatusCode::CREATED, &JSON_API, body);
    let answer = sends(&desk, "POST", "/articles", "").await;
    let Some(RecordsError::Document(error)) = answer.response.records_error() else { panic!("{answer:?}") };
    assert_eq!(error.read().unwrap().pointer(), "/included/0/attributes/name");
    assert_eq!((title(&desk).as_str(), marked(&desk)), ("One", [false; 3]));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_began_before_the_response_does_not_undo_it() {
    let desk = desk_with_lists().await;
    desk.answers_after("GET /articles/1", 5, &[], &article_body(1, "Old"));
    desk.answers("PATCH /articles/2", &JSON_API, &article_body(1, "Two"));
    let change = async {
        pass(seconds(1)).await;
        sends(&desk, "PATCH", "/articles/2", "").await;
    };
    let (article, ()) = tokio::join!(desk.article(1), change);
    assert_eq!(article.data().unwrap().title.value().unwrap().as_ref(), "Two");
    assert_eq!(title(&desk), "Two");
}

#[tokio::test(start_paused = true)]
async fn a_hook_can_refuse_the_change() {
    let desk = desk_with_lists().await;
    desk.client.app().refuses_changes.store(true, Ordering::SeqCst);
    desk.answers("PATCH /articles/1", &JSON_API, &article_body(1, "Two"));
    let answer = sends(&desk, "PATCH", "/articles/1", "").await;
    assert!(matches!(answer.response.records_error(), Some(RecordsError::Commit(_))), "{answer:?}");
    assert_eq!(title(&desk), "One");
}
