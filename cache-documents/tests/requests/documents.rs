//! Queries of the program that send requests: the headers decide about their answers.

use std::sync::Arc;

use cache_client::Client;
use http::StatusCode;

use crate::site::{Article, GetArticle, GetLength, Site, article_body, desk, pass, seconds};

fn is_stale(client: &Client<Site>) -> bool {
    client.query_state(&GetArticle(1)).unwrap().is_stale
}

fn title(document: &cache_documents::Document<Article>) -> String {
    document.data().unwrap().title.value().unwrap().to_string()
}

#[tokio::test(start_paused = true)]
async fn a_document_is_fresh_for_as_long_as_its_headers_say() {
    let desk = desk();
    desk.answers("GET /articles/1", &[("cache-control", "max-age=60")], &article_body(1, "One"));
    desk.article(1).await;
    pass(seconds(59)).await;
    assert!(!is_stale(&desk.client));
    pass(seconds(1)).await;
    assert!(is_stale(&desk.client));
}

#[tokio::test(start_paused = true)]
async fn where_headers_are_silent_the_query_decides() {
    let silent = [&[][..], &[("last-modified", "Thu, 01 Jan 1970 00:00:00 GMT")]];
    for headers in silent {
        let desk = desk();
        desk.answers("GET /articles/1", headers, &article_body(1, "One"));
        desk.article(1).await;
        pass(seconds(29)).await;
        assert!(!is_stale(&desk.client));
        pass(seconds(1)).await;
        assert!(is_stale(&desk.client));
    }
}

#[tokio::test(start_paused = true)]
async fn a_304_keeps_the_document() {
    let desk = desk();
    let headers = [("cache-control", "max-age=60"), ("last-modified", "Thu, 01 Jan 1970 00:00:00 GMT")];
    desk.answers("GET /articles/1", &headers, &article_body(1, "One"));
    desk.answers_with("GET /articles/1", StatusCode::NOT_MODIFIED, &[("x-renewed", "yes")], "");
    let first = desk.article(1).await;
    let revision = desk.client.cache().peek_entry(&GetArticle(1)).unwrap().state().revision;
    pass(seconds(60)).await;
    assert!(Arc::ptr_eq(&desk.article(1).await, &first));
    assert_eq!(desk.last_headers()["if-modified-since"], "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_eq!(desk.client.cache().peek_entry(&GetArticle(1)).unwrap().state().revision, revision);
    let latest = first.response().unwrap().latest();
    assert_eq!(latest.parts.headers["x-renewed"], "yes");
    pass(seconds(59)).await;
    assert!(!is_stale(&desk.client), "the 304 says no other time, so that of the response counts again");
    pass(seconds(1)).await;
    assert!(is_stale(&desk.client));
}

#[tokio::test(start_paused = true)]
async fn an_equal_document_stays_with_the_newer_head() {
    let desk = desk();
    for etag in ["\"a\"", "\"b\"", "\"b\""] {
        let headers = [("cache-control", "max-age=60"), ("etag", etag)];
        desk.answers("GET /articles/1", &headers, &article_body(1, "One"));
    }
    let first = desk.article(1).await;
    pass(seconds(60)).await;
    assert!(Arc::ptr_eq(&desk.article(1).await, &first));
    pass(seconds(60)).await;
    desk.article(1).await;
    assert_eq!(desk.last_headers()["if-none-match"], "\"b\"");
}

#[tokio::test(start_paused = true)]
async fn a_document_that_follows_a_record_keeps_its_head() {
    let desk = desk();
    let headers = [("cache-control", "max-age=60"), ("etag", "\"a\"")];
    desk.answers("GET /articles/1", &headers, &article_body(1, "One"));
    let first = desk.article(1).await;
    let key = crate::site::ArticleId("1".into());
    let change = |article: &mut Article| article.title = cache_documents::Field::Value("Uno".into());
    cache_documents::ClientDocuments::documents(&desk.client).patch(&key, change).await.unwrap();
    let second = desk.article(1).await;
    assert_eq!(title(&second), "Uno");
    assert!(Arc::ptr_eq(first.response().unwrap(), second.response().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_document_that_must_not_be_stored_is_for_its_callers() {
    let desk = desk();
    desk.answers("GET /articles/1", &[("cache-control", "no-store")], &article_body(1, "One"));
    assert_eq!(title(&*desk.article(1).await), "One");
    assert!(desk.client.cached(&GetArticle(1)).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_304_that_forbids_storage_removes_the_document() {
    let desk = desk();
    let headers = [("cache-control", "max-age=60"), ("last-modified", "Thu, 01 Jan 1970 00:00:00 GMT")];
    desk.answers("GET /articles/1", &headers, &article_body(1, "One"));
    desk.answers_with("GET /articles/1", StatusCode::NOT_MODIFIED, &[("cache-control", "no-store")], "");
    desk.article(1).await;
    pass(seconds(60)).await;
    desk.article(1).await;
    assert!(desk.client.cached(&GetArticle(1)).is_none());
}

#[tokio::test(start_paused = true)]
async fn of_several_responses_the_shortest_time_counts() {
    let desk = desk();
    desk.answers("GET /a", &[("cache-control", "max-age=10")], "one");
    desk.answers("GET /b", &[("cache-control", "max-age=60")], "three");
    let query = GetLength(vec!["/a", "/b"]);
    assert_eq!(*desk.client.query(&query).await.unwrap(), 8);
    pass(seconds(9)).await;
    assert!(!desk.client.query_state(&query).unwrap().is_stale);
    pass(seconds(1)).await;
    assert!(desk.client.query_state(&query).unwrap().is_stale);
}
