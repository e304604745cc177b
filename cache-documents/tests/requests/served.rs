//! Which stored responses a client serves, and what it asks the server.

use std::sync::Arc;
use std::time::Duration;

use cache_client::QueryError;
use cache_documents::http::{ClientRequests, GetResponse, Opinion, Request, State, Why, Windows};
use http::StatusCode;

use crate::site::{desk, desk_with_constant_headers, get, pass, request, seconds, text};

#[tokio::test(start_paused = true)]
async fn a_response_is_fresh_for_as_long_as_its_headers_say() {
    let desk = desk();
    desk.answers("GET /a", &[("cache-control", "max-age=60"), ("age", "10")], "one");
    desk.answers("GET /a", &[], "two");
    assert_eq!(desk.text("/a").await, "one");
    pass(Duration::from_millis(49_999)).await;
    let answer = desk.send(get("/a")).await;
    assert_eq!((text(&answer).as_str(), answer.is_stored), ("one", true));
    let verdict = answer.verdict.unwrap();
    assert_eq!((verdict.state, verdict.why), (State::Fresh, Why::Headers));
    pass(Duration::from_millis(1)).await;
    let answer = desk.send(get("/a")).await;
    assert_eq!((text(&answer).as_str(), answer.is_stored), ("two", false));
    assert_eq!(answer.verdict.unwrap().state, State::MustRevalidate);
    assert_eq!(desk.sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_sent_by_reference_is_answered_like_one_that_is_taken() {
    let desk = desk();
    desk.answers("GET /a", &[("cache-control", "max-age=60")], "one");
    desk.answers("GET /a", &[], "two");
    let request = Request::from(get("/a"));
    let first = desk.client.send_ref(&request).await.unwrap();
    let second = desk.client.send_ref(&request).await.unwrap();
    assert_eq!((first.is_stored, second.is_stored), (false, true));
    assert!(Arc::ptr_eq(&first.response, &second.response));
    assert_eq!(second.verdict.map(|verdict| verdict.why), Some(Why::Headers));
    let skipping = request.skip_cache();
    let alone = desk.client.send_ref(&skipping).await.unwrap();
    assert_eq!((text(&alone).as_str(), alone.is_stored, alone.verdict), ("two", false, None));
    assert!(desk.send(get("/a")).await.is_stored);
    assert_eq!(desk.sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_the_request_counts_as_age() {
    let desk = desk();
    desk.answers_after("GET /a", 20, &[("cache-control", "max-age=60")], "one");
    desk.text("/a").await;
    pass(Duration::from_millis(39_999)).await;
    desk.text("/a").await;
    assert_eq!(desk.sent(), 1);
    pass(Duration::from_millis(1)).await;
    desk.text("/a").await;
    assert_eq!(desk.sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_observed_response_is_stale_when_its_headers_say_so() {
    let desk = desk();
    desk.answers_after("GET /a", 20, &[("cache-control", "max-age=60")], "one");
    let query = GetResponse::of(&Request::from(get("/a"))).unwrap();
    desk.client.query(&query).await.unwrap();
    pass(Duration::from_millis(39_999)).await;
    assert!(!desk.client.query_state(&query).unwrap().is_stale);
    pass(Duration::from_millis(1)).await;
    assert!(desk.client.query_state(&query).unwrap().is_stale);
}

#[tokio::test(start_paused = true)]
async fn a_response_without_times_is_stale_at_once() {
    for headers in [&[][..], &[("expires", "0")], &[("cache-control", "max-age=x")]] {
        let desk = desk();
        desk.answers("GET /a", headers, "one");
        desk.text("/a").await;
        desk.text("/a").await;
        assert_eq!(desk.sent(), 2, "{headers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_304_keeps_the_response_and_renews_its_head() {
    let desk = desk();
    desk.answers("GET /a", &[("cache-control", "max-age=60"), ("etag", "\"a\"")], "one");
    let not_modified = [("cache-control", "max-age=100"), ("etag", "\"a\""), ("x-renewed", "yes")];
    desk.answers_with("GET /a", StatusCode::NOT_MODIFIED, &not_modified, "");
    let first = desk.send(get("/a")).await.response;
    let query = GetResponse::of(&Request::from(get("/a"))).unwrap();
    let revision = desk.client.cache().peek_entry(&query).unwrap().state().revision;
    pass(seconds(60)).await;
    let answer = desk.send(get("/a")).await;
    assert_eq!(desk.last_headers()["if-none-match"], "\"a\"");
    assert!(Arc::ptr_eq(&answer.response, &first));
    assert!(!answer.is_stored, "the server has confirmed it");
    assert_eq!(first.status(), StatusCode::OK);
    assert_eq!(first.head().latest().parts.headers["x-renewed"], "yes");
    assert_eq!(desk.client.cache().peek_entry(&query).unwrap().state().revision, revision);
    pass(seconds(99)).await;
    desk.text("/a").await;
    assert_eq!(desk.sent(), 2, "it is fresh for as long as the 304 says");
    pass(seconds(1)).await;
    desk.text("/a").await;
    assert_eq!(desk.sent(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_304_may_make_the_response_stale_earlier() {
    for shorter in ["max-age=10", "no-cache"] {
        let desk = desk();
        desk.answers("GET /a", &[("cache-control", "max-age=60"), ("etag", "\"a\"")], "one");
        desk.answers_with("GET /a", StatusCode::NOT_MODIFIED, &[("cache-control", shorter)], "");
        desk.text("/a").await;
        assert!(desk.send(get("/a")).await.is_stored);
        desk.send(request("GET", "/a", &[("cache-control", "no-cache")])).await;
        pass(seconds(10)).await;
        assert!(!desk.send(get("/a")).await.is_stored, "{shorter}");
        assert_eq!(desk.sent(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_makes_responses_stale() {
    let desk = desk();
    desk.answers("GET /a", &[("cache-control", "max-age=60")], "one");
    desk.text("/a").await;
    desk.sets_wall_clock(-1);
    assert!(!desk.send(get("/a")).await.is_stored);
    assert!(desk.send(get("/a")).await.is_stored, "it has come by the new time");
    desk.sets_wall_clock(60);
    assert!(!desk.send(get("/a")).await.is_stored);
}

#[tokio::test(start_paused = true)]
async fn a_304_about_another_response_is_followed_by_a_plain_request() {
    let desk = desk();
    desk.answers("GET /a", &[("etag", "\"a\"")], "one");
    desk.answers_with("GET /a", StatusCode::NOT_MODIFIED, &[("etag", "\"b\"")], "");
    desk.answers("GET /a", &[("etag", "\"b\"")], "two");
    desk.text("/a").await;
    assert_eq!(desk.text("/a").await, "two");
    assert!(!desk.last_headers().contains_key("if-none-match"));
    assert_eq!(desk.sent(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_304_that_forbids_storage_removes_the_stored_response() {
    let desk = desk();
    desk.answers("GET /a", &[("cache-control", "max-age=60"), ("etag", "\"a\"")], "one");
    desk.answers_with("GET /a", StatusCode::NOT_MODIFIED, &[("cache-control", "no-store")], "");
    desk.text("/a").await;
    pass(seconds(60)).await;
    assert_eq!(desk.text("/a").await, "one", "the server has confirmed it");
    assert_eq!(desk.client.cache().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_must_not_be_stored_leaves_the_stored_response() {
    let desk = desk();
    desk.answers("GET /a", &[("cache-control", "max-age=60"), ("etag", "\"a\"")], "one");
    desk.answers("GET /a", &[], "two");
    desk.text("/a").await;
    assert_eq!(text(&desk.send(request("GET", "/a", &[("cache-control", "no-store")])).await), "two");
    assert!(!desk.last_headers().contains_key("if-none-match"));
    assert_eq!((desk.text("/a").await.as_str(), desk.sent()), ("one", 2));
}

#[tokio::test(start_paused = true)]
async fn no_store_is_kept_nowhere() {
    let desk = desk();
    desk.answers("GET /a", &[("cache-control", "no-store, max-age=60")], "one");
    assert_eq!(desk.text("/a").await, "one");
    assert_eq!(desk.client.cache().len(), 0);
    let own = [("cache-control", "no-store")];
    desk.answers("GET /b", &[("cache-control", "max-age=60")], "one");
    desk.send(request("GET", "/b", &own)).await;
    assert_eq!(desk.client.cache().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_response_that_varies_by_unknown_fields_is_kept_nowhere() {
    let headers = [("cache-control", "max-age=60"), ("vary", "accept-encoding")];
    let desk = desk();
    desk.answers("GET /a", &headers, "one");
    desk.text("/a").await;
    desk.text("/a").await;
    assert_eq!((desk.sent(), desk.client.cache().len()), (2, 0));
    let constant = desk_with_constant_headers(vec![http::header::ACCEPT_ENCODING]);
    constant.answers("GET /a", &headers, "one");
    constant.text("/a").await;
    constant.text("/a").await;
    assert_eq!(constant.sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_response_that_varies_serves_only_the_same_fields() {
    let desk = desk();
    let headers = [("cache-control", "max-age=60"), ("vary", "accept-language"), ("etag", "\"a\"")];
    desk.answers("GET /a", &headers, "Maus");
    desk.answers("GET /a", &headers, "mouse");
    let in_language = |language| request("GET", "/a", &[("accept-language", language)]);
    assert_eq!(text(&desk.send(in_language("de")).await), "Maus");
    assert_eq!(text(&desk.send(in_language("de")).await), "Maus");
    assert_eq!(desk.sent(), 1);
    assert_eq!(text(&desk.send(in_language("en")).await), "mouse");
    assert!(!desk.last_headers().contains_key("if-none-match"), "it is another response");
}

#[tokio::test(start_paused = true)]
async fn skip_cache_neither_looks_nor_stores() {
    let desk = desk();
    desk.answers("GET /a", &[("cache-control", "max-age=60")], "one");
    desk.answers("GET /a", &[("cache-control", "max-age=60")], "two");
    let skipping = || Request::from(get("/a")).skip_cache();
    assert_eq!(text(&desk.send(skipping()).await), "one");
    assert_eq!(desk.client.cache().len(), 0);
    assert_eq!(desk.text("/a").await, "two");
    desk.answers("GET /a", &[], "three");
    assert_eq!(text(&desk.send(skipping()).await), "two", "sent, not served");
    assert_eq!(desk.sent(), 3);
}

#[tokio::test(start_paused = true)]
async fn only_a_name_gives_a_request_with_another_method_than_get_a_key() {
    let desk = desk();
    desk.answers("POST /search", &[("cache-control", "max-age=60")], "mice");
    let search = || request("POST", "/search", &[]);
    desk.send(search()).await;
    desk.send(search()).await;
    desk.answers("HEAD /search", &[("cache-control", "max-age=60")], "");
    for _ in 0..2 {
        desk.send(request("HEAD", "/search", &[])).await;
    }
    assert_eq!((desk.sent(), desk.client.cache().len()), (4, 0));
    desk.send(Request::from(search()).named("mice")).await;
    assert!(desk.send(Request::from(search()).named("mice")).await.is_stored);
    assert_eq!(desk.sent(), 5);
}

#[tokio::test(start_paused = true)]
async fn urls_are_compared_after_normalising() {
    let desk = desk();
    desk.answers("GET /a", &[("cache-control", "max-age=60")], "one");
    desk.text("/a?x=1&y=2").await;
    desk.text("/a?y=2&x=1").await;
    assert_eq!(desk.sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn within_its_window_a_stale_response_is_served_and_refreshed() {
    let desk = desk();
    let headers = [("cache-control", "max-age=59, stale-while-revalidate=30")];
    desk.answers("GET /a", &headers, "one");
    desk.answers_after("GET /a", 5, &headers, "two");
    desk.text("/a").await;
    pass(Duration::from_millis(88_999)).await;
    let answer = desk.send(get("/a")).await;
    assert_eq!((text(&answer).as_str(), answer.is_stored), ("one", true));
    assert_eq!(answer.verdict.unwrap().state, State::StaleWhileRevalidate);
    assert_eq!(desk.text("/a").await, "one");
    pass(seconds(5)).await;
    assert_eq!(desk.text("/a").await, "two");
    assert_eq!(desk.sent(), 2, "one refresh");
    pass(seconds(89)).await;
    assert!(!desk.send(get("/a")).await.is_stored, "the window is over");
}

#[tokio::test(start_paused = true)]
async fn within_its_window_a_stale_response_takes_the_place_of_a_failure() {
    let headers = [("cache-control", "max-age=60, stale-if-error=30")];
    for fails in [
        |desk: &crate::site::Desk| desk.loses("GET /a"),
        |desk: &crate::site::Desk| desk.answers_with("GET /a", StatusCode::BAD_GATEWAY, &[], "down"),
    ] {
        let desk = desk();
        desk.answers("GET /a", &headers, "one");
        fails(&desk);
        desk.text("/a").await;
        pass(Duration::from_millis(89_999)).await;
        let answer = desk.send(get("/a")).await;
        assert_eq!((text(&answer).as_str(), answer.is_stored), ("one", true));
        assert_eq!(desk.sent(), 2);
        pass(Duration::from_millis(1)).await;
        let late = desk.client.send(get("/a")).await;
        assert!(late.is_err() || text(&late.unwrap()) == "down");
    }
}

#[tokio::test(start_paused = true)]
async fn must_revalidate_ends_the_windows() {
    let desk = desk();
    let headers = [("cache-control", "max-age=60, stale-while-revalidate=30, must-revalidate")];
    desk.answers("GET /a", &headers, "one");
    desk.loses("GET /a");
    desk.text("/a").await;
    pass(seconds(60)).await;
    let error = desk.client.send(get("/a")).await.unwrap_err();
    assert!(matches!(error, QueryError::Failed { .. }));
}

#[tokio::test(start_paused = true)]
async fn options_of_the_call_come_first() {
    let desk = desk();
    desk.answers("GET /a", &[("cache-control", "max-age=60")], "one");
    desk.text("/a").await;
    pass(seconds(90)).await;
    desk.client.invalidate(&GetResponse::of(&Request::from(get("/a"))).unwrap());
    let answer = desk.send(Request::from(get("/a")).fresh(seconds(100))).await;
    assert_eq!((answer.is_stored, answer.verdict.unwrap().why), (true, Why::CallOptions));
    assert_eq!(desk.send(get("/a")).await.verdict.unwrap().why, Why::Mark);
    assert_eq!(desk.sent(), 2);
    pass(seconds(10)).await;
    let answer = desk.send(Request::from(get("/a")).fresh(seconds(10))).await;
    assert_eq!((answer.is_stored, answer.verdict.unwrap().why), (false, Why::CallOptions));
    assert_eq!(desk.sent(), 3);
}

#[tokio::test(start_paused = true)]
async fn no_cache_of_a_request_asks_the_server_about_a_fresh_response() {
    let desk = desk();
    desk.answers("GET /a", &[("cache-control", "max-age=60"), ("etag", "\"a\"")], "one");
    desk.text("/a").await;
    desk.send(request("GET", "/a", &[("cache-control", "no-cache")])).await;
    assert_eq!(desk.sent(), 2);
    assert_eq!(desk.last_headers()["if-none-match"], "\"a\"");
    desk.text("/a").await;
    assert_eq!(desk.sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_program_judges_before_the_headers() {
    let desk = desk();
    desk.answers("GET /a", &[("cache-control", "max-age=60")], "one");
    desk.answers("GET /b", &[], "one");
    desk.judges("/a", Opinion::No);
    desk.judges("/b", Opinion::Yes);
    for path in ["/a", "/a", "/b", "/b"] {
        desk.text(path).await;
    }
    assert_eq!(desk.sent(), 3);
    assert_eq!(desk.send(get("/b")).await.verdict.unwrap().why, Why::Policy);
    desk.judges("/a", Opinion::None);
    pass(seconds(59)).await;
    desk.text("/a").await;
    assert_eq!(desk.sent(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_times_of_the_program_decide_where_headers_are_silent() {
    let desk = desk();
    let mut windows = Windows::default();
    windows.fresh = Some(seconds(30));
    *desk.client.app().windows.lock() = windows;
    desk.answers("GET /a", &[], "one");
    desk.text("/a").await;
    pass(seconds(29)).await;
    assert_eq!(desk.send(get("/a")).await.verdict.unwrap().why, Why::QueryOptions);
    assert_eq!(desk.sent(), 1);
    pass(seconds(1)).await;
    desk.text("/a").await;
    assert_eq!(desk.sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_name_for_a_clone_of_a_request_leaves_the_original() {
    let desk = desk();
    desk.answers("GET /a", &[("cache-control", "max-age=60")], "one");
    let prepared = Request::from(get("/a"));
    let named = prepared.clone().named("other");
    assert_eq!(prepared.key().unwrap().as_str(), "https://example.com/a");
    assert_eq!(named.key().unwrap().as_str(), "other");
    assert!(!desk.send(prepared.clone()).await.is_stored);
    assert!(!desk.send(named.clone()).await.is_stored);
    assert!(desk.send(prepared).await.is_stored && desk.send(named).await.is_stored);
    assert_eq!(desk.sent(), 2);
}
