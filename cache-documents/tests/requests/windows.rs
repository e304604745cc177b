//! For how long the answers of the program's own queries are served stale: as the headers of their responses say.

use cache_client::Fetch;
use cache_core::Holds;
use cache_documents::Document;
use cache_documents::http::{ClientRequests, GetResponse, Opinion, Request};

use crate::site::{
    Article, Desk, GetArticle, GetLength, GetPatiently, Site, SiteError, SiteRegistry, article_body, desk,
    get, pass, request, seconds, text,
};

/// A client whose server answers with these headers, first one title, then another one.
fn desk_with(cache_control: &str) -> Desk {
    let desk = desk();
    for title in ["One", "Two", "Three"] {
        desk.answers("GET /articles/1", &[("cache-control", cache_control)], &article_body(1, title));
    }
    desk
}

async fn title<Q: Fetch<Site, Value = Document<Article>, Error = SiteError>>(desk: &Desk, query: &Q) -> String
where
    SiteRegistry: Holds<Q>,
{
    let document = desk.client.query(query).await.unwrap();
    document.data().unwrap().title.value().unwrap().to_string()
}

#[tokio::test(start_paused = true)]
async fn a_stale_document_is_served_within_its_window_and_refreshed_once() {
    for (age, expected) in [(60, "One"), (61, "One"), (89, "One"), (90, "Two")] {
        let desk = desk_with("max-age=60, stale-while-revalidate=30");
        assert_eq!(title(&desk, &GetArticle(1)).await, "One");
        pass(seconds(age)).await;
        assert_eq!(title(&desk, &GetArticle(1)).await, expected, "after {age} s");
        pass(seconds(1)).await;
        assert_eq!(title(&desk, &GetArticle(1)).await, "Two");
        assert_eq!(desk.sent(), 2, "one refresh");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_document_stands_in_for_an_error_within_its_window() {
    for (age, is_served) in [(61, true), (89, true), (90, false)] {
        let desk = desk();
        let headers = [("cache-control", "max-age=60, stale-if-error=30")];
        desk.answers("GET /articles/1", &headers, &article_body(1, "One"));
        desk.loses("GET /articles/1");
        desk.article(1).await;
        pass(seconds(age)).await;
        assert_eq!(desk.client.query(&GetArticle(1)).await.is_ok(), is_served, "after {age} s");
    }
}

#[tokio::test(start_paused = true)]
async fn must_revalidate_and_no_cache_end_the_windows_of_headers_and_options() {
    for directives in
        ["max-age=60, must-revalidate, stale-while-revalidate=30, stale-if-error=30", "no-cache"]
    {
        let desk = desk_with(directives);
        assert_eq!(title(&desk, &GetPatiently(1)).await, "One");
        pass(seconds(61)).await;
        assert_eq!(title(&desk, &GetPatiently(1)).await, "Two", "{directives}");
        pass(seconds(61)).await;
        desk.client.app().loses_all();
        assert!(desk.client.query(&GetPatiently(1)).await.is_err(), "{directives}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_headers_say_nothing_about_windows_the_options_decide() {
    let desk = desk_with("max-age=60");
    assert_eq!(title(&desk, &GetPatiently(1)).await, "One");
    pass(seconds(900)).await;
    assert_eq!(title(&desk, &GetPatiently(1)).await, "One");
    pass(seconds(900)).await;
    desk.client.app().loses_all();
    assert_eq!(title(&desk, &GetPatiently(1)).await, "Two");
}

#[tokio::test(start_paused = true)]
async fn a_window_in_the_headers_comes_before_that_of_the_options() {
    let desk = desk_with("max-age=60, stale-while-revalidate=30");
    assert_eq!(title(&desk, &GetPatiently(1)).await, "One");
    pass(seconds(90)).await;
    assert_eq!(title(&desk, &GetPatiently(1)).await, "Two");
}

#[tokio::test(start_paused = true)]
async fn a_window_that_has_begun_elsewhere_is_shorter() {
    let headers = [("cache-control", "max-age=60, stale-while-revalidate=30"), ("age", "80")];
    for (age, expected) in [(9, "One"), (10, "Two")] {
        let desk = desk();
        desk.answers("GET /articles/1", &headers, &article_body(1, "One"));
        desk.answers("GET /articles/1", &headers, &article_body(1, "Two"));
        assert_eq!(title(&desk, &GetArticle(1)).await, "One");
        pass(seconds(age)).await;
        assert_eq!(title(&desk, &GetArticle(1)).await, expected, "after {age} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_program_that_says_no_ends_the_windows() {
    let desk = desk_with("max-age=60");
    desk.judges("/articles/1", Opinion::No);
    assert_eq!(title(&desk, &GetPatiently(1)).await, "One");
    pass(seconds(1)).await;
    assert_eq!(title(&desk, &GetPatiently(1)).await, "Two");
}

#[tokio::test(start_paused = true)]
async fn of_several_responses_the_shortest_window_counts() {
    let desk = desk();
    for (path, window, answers) in [("GET /a", 10, ["1", "22", "333"]), ("GET /b", 100, ["1", "22", "333"])] {
        let cache_control = format!("max-age=60, stale-while-revalidate={window}");
        for body in answers {
            desk.answers(path, &[("cache-control", &cache_control)], body);
        }
    }
    let query = GetLength(vec!["/a", "/b"]);
    assert_eq!(*desk.client.query(&query).await.unwrap(), 2);
    pass(seconds(69)).await;
    assert_eq!(*desk.client.query(&query).await.unwrap(), 2);
    pass(seconds(70)).await;
    assert_eq!(*desk.client.query(&query).await.unwrap(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_queried_by_its_key_has_its_window() {
    let desk = desk();
    let headers = [("cache-control", "max-age=60, stale-while-revalidate=30")];
    desk.answers("GET /a", &headers, "one");
    desk.answers("GET /a", &headers, "two");
    let query = GetResponse::of(&Request::from(get("/a"))).unwrap();
    desk.client.query(&query).await.unwrap();
    pass(seconds(89)).await;
    assert_eq!(&desk.client.query(&query).await.unwrap().body()[..], b"one");
    pass(seconds(90)).await;
    assert_eq!(&desk.client.query(&query).await.unwrap().body()[..], b"two");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_wants_a_fresh_response_gets_no_stale_one() {
    let headers = [("cache-control", "max-age=60, stale-while-revalidate=300, stale-if-error=300")];
    let wants_fresh = || request("GET", "/a", &[("cache-control", "max-age=60")]);
    let desk = desk();
    desk.answers("GET /a", &headers, "one");
    desk.answers("GET /a", &headers, "two");
    desk.text("/a").await;
    pass(seconds(70)).await;
    assert_eq!(text(&desk.send(wants_fresh()).await), "two");
    pass(seconds(70)).await;
    desk.client.app().loses_all();
    assert!(desk.client.send(wants_fresh()).await.is_err());
    assert_eq!(desk.text("/a").await, "two", "for others it is good enough");
}
