//! Calls for one key that share a request, and those that must not.

use crate::site::{desk, get, request, text};

#[tokio::test(start_paused = true)]
async fn concurrent_calls_share_one_request() {
    let desk = desk();
    desk.answers_after("GET /a", 5, &[("cache-control", "max-age=60")], "one");
    let (first, second) = tokio::join!(desk.send(get("/a")), desk.send(get("/a")));
    assert_eq!((text(&first), text(&second), desk.sent()), ("one".to_owned(), "one".to_owned(), 1));
}

#[tokio::test(start_paused = true)]
async fn concurrent_calls_about_a_stale_response_share_one_request() {
    let desk = desk();
    desk.answers_after("GET /a", 5, &[("etag", "\"a\"")], "one");
    desk.text("/a").await;
    tokio::join!(desk.send(get("/a")), desk.send(get("/a")));
    assert_eq!(desk.sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_response_that_varies_is_not_shared_with_other_fields() {
    let desk = desk();
    let headers = [("cache-control", "max-age=60"), ("vary", "accept-language")];
    desk.answers_after("GET /a", 5, &headers, "Maus");
    desk.answers_after("GET /a", 5, &headers, "mouse");
    let in_language = |language| request("GET", "/a", &[("accept-language", language)]);
    let (german, english) = tokio::join!(desk.send(in_language("de")), desk.send(in_language("en")));
    assert_eq!((text(&german), text(&english)), ("Maus".to_owned(), "mouse".to_owned()));
    assert_eq!(desk.sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_response_that_must_not_be_stored_is_not_shared() {
    let desk = desk();
    desk.answers_after("GET /a", 5, &[("cache-control", "no-store")], "one");
    desk.answers_after("GET /a", 5, &[("cache-control", "no-store")], "two");
    let (first, second) = tokio::join!(desk.send(get("/a")), desk.send(get("/a")));
    assert_eq!((text(&first), text(&second)), ("one".to_owned(), "two".to_owned()));
    assert_eq!(desk.client.cache().len(), 0);
}
