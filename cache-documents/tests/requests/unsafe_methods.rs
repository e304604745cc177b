//! Which stored answers a successful unsafe request marks.

use http::StatusCode;

use crate::site::{GetArticle, article_body, desk, pass, request, seconds};

const LONG: [(&str, &str); 1] = [("cache-control", "max-age=1000")];

#[tokio::test(start_paused = true)]
async fn a_post_marks_its_url() {
    let desk = desk();
    desk.answers("GET /a", &LONG, "one");
    desk.answers("GET /a", &LONG, "two");
    desk.answers("GET /b", &LONG, "other");
    desk.answers_with("POST /a", StatusCode::BAD_REQUEST, &[], "");
    desk.answers("POST /a", &[], "");
    desk.text("/a").await;
    desk.text("/b").await;
    desk.send(request("POST", "/a", &[])).await;
    assert_eq!(desk.text("/a").await, "one", "the request was refused");
    desk.send(request("POST", "/a", &[])).await;
    assert_eq!(desk.text("/a").await, "two");
    desk.text("/b").await;
    assert_eq!(desk.sent(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_delete_marks_the_collection_that_it_names_as_location() {
    let desk = desk();
    for path in ["GET /articles", "GET /articles/9"] {
        desk.answers(path, &LONG, "one");
    }
    let headers = [("location", "/articles")];
    desk.answers_with("DELETE /articles/9", StatusCode::SEE_OTHER, &headers, "");
    desk.text("/articles").await;
    desk.text("/articles/9").await;
    desk.send(request("DELETE", "/articles/9", &[])).await;
    desk.text("/articles").await;
    desk.text("/articles/9").await;
    assert_eq!(desk.sent(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_change_during_a_request_makes_its_response_stale() {
    let desk = desk();
    desk.answers_after("GET /a", 5, &LONG, "one");
    desk.answers("GET /a", &LONG, "two");
    desk.answers("PUT /a", &[], "");
    let change = async {
        pass(seconds(1)).await;
        desk.send(request("PUT", "/a", &[])).await;
    };
    tokio::join!(desk.text("/a"), change);
    assert_eq!(desk.text("/a").await, "two");
}

#[tokio::test(start_paused = true)]
async fn queries_with_the_tag_of_the_url_are_marked_too() {
    let desk = desk();
    desk.answers("GET /articles/1", &LONG, &article_body(1, "One"));
    desk.answers("PATCH /articles/1", &[], "");
    desk.article(1).await;
    desk.send(request("PATCH", "/articles/1", &[])).await;
    assert!(desk.client.query_state(&GetArticle(1)).unwrap().is_stale);
}
