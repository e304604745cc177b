//! Responses that are kept nowhere: they go to their callers, and change the records that documents show.

use std::sync::Arc;
use std::time::Duration;

use cache_documents::http::{RecordsError, Request};
use cache_documents::{ClientDocuments, Document, Field};
use http::StatusCode;

use crate::site::{
    Article, ArticleId, Desk, GetArticle, GetArticles, article_body, desk, get, pass, request, seconds,
};

const NO_STORE: [(&str, &str); 2] =
    [("content-type", "application/vnd.api+json"), ("cache-control", "no-store")];

/// A client that shows article 1 on a page.
async fn desk_with_page() -> Desk {
    let desk = desk();
    let article = r#"{"type": "articles", "id": "1", "attributes": {"title": "One"}}"#;
    desk.answers("GET /pages/1", &[], &format!(r#"{{"data": [{article}]}}"#));
    desk.client.query(&GetArticles(1)).await.unwrap();
    desk
}

fn title_of(article: &Article) -> &str {
    article.title.value().unwrap()
}

/// The title that the page shows.
fn title(desk: &Desk) -> String {
    let page = desk.client.cached(&GetArticles(1)).unwrap();
    title_of(page.data().next().unwrap()).to_owned()
}

fn record(desk: &Desk, id: &str) -> Option<Arc<Article>> {
    desk.client.cache().get(&ArticleId(id.into()))
}

#[tokio::test(start_paused = true)]
async fn a_document_of_a_query_changes_the_records_of_others_and_is_not_kept() {
    let desk = desk_with_page().await;
    desk.answers("GET /articles/1", &NO_STORE, &article_body(1, "Two"));
    let document = desk.article(1).await;
    assert_eq!((title(&desk).as_str(), title_of(document.data().unwrap())), ("Two", "Two"));
    let page = desk.client.cached(&GetArticles(1)).unwrap();
    assert!(Arc::ptr_eq(page.data().next().unwrap(), document.data().unwrap()), "it is one record");
    assert!(desk.client.cached(&GetArticle(1)).is_none());
    desk.article(1).await;
    assert_eq!(desk.sent(), 3, "each call sends a request");
}

#[tokio::test(start_paused = true)]
async fn its_records_go_with_it() {
    let desk = desk_with_page().await;
    desk.answers("GET /articles/2", &NO_STORE, &article_body(2, "Two"));
    let document = desk.article(2).await;
    assert_eq!(desk.client.documents().records(), 2, "the program holds the document");
    let zoe = |article: &mut Article| article.title = Field::Value("Changed".into());
    assert!(desk.client.documents().patch(&ArticleId("2".into()), zoe).await.unwrap());
    assert_eq!(title_of(document.data().unwrap()), "Two", "it is one moment");
    drop(document);
    assert_eq!(desk.client.documents().records(), 1);
    assert!(record(&desk, "2").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_response_of_json_api_changes_records_and_is_not_kept() {
    let own = [("content-type", "application/vnd.api+json"), ("cache-control", "max-age=60")];
    for (headers, asked) in [(NO_STORE, &[][..]), (own, &[("cache-control", "no-store")])] {
        let desk = desk_with_page().await;
        desk.answers("GET /articles/1", &headers, &article_body(1, "Two"));
        let before = desk.client.cache().len();
        let answer = desk.send(request("GET", "/articles/1", asked)).await;
        assert!(answer.response.records_error().is_none());
        assert_eq!(answer.response.body(), article_body(1, "Two").as_bytes());
        assert_eq!((title(&desk).as_str(), desk.client.cache().len()), ("Two", before));
    }
}

#[tokio::test(start_paused = true)]
async fn so_does_one_that_varies_or_skips_the_cache() {
    let varies = [("content-type", "application/vnd.api+json"), ("vary", "*")];
    let kept = [("content-type", "application/vnd.api+json"), ("cache-control", "max-age=60")];
    let skips = || Request::from(get("/articles/1")).skip_cache();
    for (headers, sent) in [(varies, Request::from(get("/articles/1"))), (kept, skips())] {
        let desk = desk_with_page().await;
        desk.answers("GET /articles/1", &headers, &article_body(1, "Two"));
        desk.send(sent).await;
        assert_eq!(title(&desk), "Two");
    }
}

#[tokio::test(start_paused = true)]
async fn records_that_no_document_shows_are_kept_nowhere() {
    let desk = desk_with_page().await;
    desk.answers("GET /articles/2", &NO_STORE, &article_body(2, "Two"));
    desk.send(get("/articles/2")).await;
    assert!(record(&desk, "2").is_none());
    assert_eq!(desk.client.documents().records(), 1);
}

#[tokio::test(start_paused = true)]
async fn only_documents_of_successful_responses_count() {
    let desk = desk_with_page().await;
    let text = [("content-type", "text/plain"), ("cache-control", "no-store")];
    desk.answers("GET /a", &text, &article_body(1, "Two"));
    desk.answers_with("GET /b", StatusCode::NOT_FOUND, &NO_STORE, &article_body(1, "Two"));
    desk.answers("HEAD /c", &NO_STORE, &article_body(1, "Two"));
    desk.answers_with("GET /d", StatusCode::NO_CONTENT, &NO_STORE, "");
    for (method, path) in [("GET", "/a"), ("GET", "/b"), ("HEAD", "/c"), ("GET", "/d")] {
        let mut request = request(method, path, &NO_STORE[..1]);
        *request.body_mut() = article_body(1, "Two").into();
        let answer = desk.send(request).await;
        assert!(answer.response.records_error().is_none(), "{method} {path}");
        assert_eq!(title(&desk), "One", "{method} {path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_that_cannot_be_read_changes_nothing_and_says_so() {
    let desk = desk_with_page().await;
    let body = r#"{"data": {"type": "articles", "id": "1", "attributes": {"title": "Two"}},
        "included": [{"type": "people", "id": "7", "attributes": {"name": 5}}]}"#;
    desk.answers("GET /articles/1", &NO_STORE, body);
    let answer = desk.send(get("/articles/1")).await;
    let Some(RecordsError::Document(error)) = answer.response.records_error() else { panic!("{answer:?}") };
    assert_eq!(error.read().unwrap().pointer(), "/included/0/attributes/name");
    assert_eq!(title(&desk), "One");
}

#[tokio::test(start_paused = true)]
async fn what_was_written_after_the_request_stays() {
    let patch = |desk: &Desk| {
        let (client, two) =
            (desk.client.clone(), |article: &mut Article| article.title = Field::Value("Patched".into()));
        async move { client.documents().patch(&ArticleId("1".into()), two).await.unwrap() }
    };
    for queries in [true, false] {
        let desk = desk_with_page().await;
        desk.answers_after("GET /articles/1", 5, &NO_STORE, &article_body(1, "Older"));
        let patched = async {
            pass(seconds(1)).await;
            assert!(patch(&desk).await);
        };
        let asked = async {
            if queries {
                let document: Arc<Document<Article>> = desk.article(1).await;
                assert_eq!(title_of(document.data().unwrap()), "Patched");
            } else {
                desk.send(get("/articles/1")).await;
            }
        };
        tokio::join!(patched, asked);
        assert_eq!(title(&desk), "Patched", "queries: {queries}");
        // A request that is sent later may change it.
        desk.answers("GET /articles/2", &NO_STORE, &article_body(1, "Newer"));
        desk.send(get("/articles/2")).await;
        assert_eq!(title(&desk), "Newer");
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_to_a_request_from_before_a_clear_writes_nothing() {
    for queries in [true, false] {
        let desk = desk_with_page().await;
        desk.answers_after("GET /articles/1", 5, &NO_STORE, &article_body(1, "Older"));
        let cleared = async {
            pass(seconds(1)).await;
            desk.client.cache().clear();
            // It does not say the title, so that an earlier request might.
            desk.answers("GET /pages/2", &[], r#"{"data": [{"type": "articles", "id": "1"}]}"#);
            desk.client.query(&GetArticles(2)).await.unwrap();
        };
        let asked = async {
            match queries {
                true => drop(desk.client.query(&GetArticle(1)).await),
                false => drop(desk.send(get("/articles/1")).await),
            }
            pass(Duration::from_millis(1)).await;
        };
        tokio::join!(cleared, asked);
        let page = desk.client.cached(&GetArticles(2)).unwrap();
        assert!(page.data().next().unwrap().title.is_absent(), "queries: {queries}");
    }
}
