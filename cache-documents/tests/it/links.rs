//! Links from a document to others.

use cache_documents::Document;
use serde_json::{Value, json};

use crate::blog::{Article, GetFeed, blog};
use crate::reading::{article, articles, read};

fn pages(document: &Document<[Article]>) -> [Option<&str>; 4] {
    [document.first(), document.prev(), document.next(), document.last()]
}

#[test]
fn a_link_that_is_null_or_absent_leads_nowhere() {
    let links = json!({"first": "/feed/1", "prev": null, "next": {"href": "/feed/3"}, "self": "/feed/2"});
    let page = articles(&json!({"data": [], "links": links}));
    assert_eq!(pages(&page), [Some("/feed/1"), None, Some("/feed/3"), None]);
    let links = json!({"prev": "/feed/1", "last": "/feed/9"});
    assert_eq!(
        pages(&articles(&json!({"data": [], "links": links}))),
        [None, Some("/feed/1"), None, Some("/feed/9")]
    );
    assert_eq!(pages(&articles(&json!({"data": []}))), [None; 4]);
}

#[test]
fn the_last_of_two_links_of_the_same_name_counts() {
    let body = r#"{"meta": {}, "links": {"next": "/1", "self": "/", "next": null, "b": "/b", "next": "/2", "a": "/a"}}"#;
    let document = read::<Article>(body).unwrap();
    assert_eq!(document.next(), Some("/2"));
    let links: Vec<_> = document.links().unwrap().iter().map(|(name, link)| (name, link.href())).collect();
    assert_eq!(links, [("a", "/a"), ("b", "/b"), ("next", "/2"), ("self", "/")]);
}

#[test]
fn a_relationship_leads_to_what_it_names() {
    let document = article(&json!({"data": {
        "type": "articles", "id": "1",
        "relationships": {
            "author": {"links": {"self": "/articles/1/relationships/author", "related": "author"}},
            "editors": {"links": {"related": {"href": "https://example.com/articles/1/editors"}}}
        }
    }}));
    let shown = document.data().unwrap();
    assert_eq!(shown.author.related(), Some("author"));
    assert_eq!(shown.editors.related(), Some("https://example.com/articles/1/editors"));
    let document = article(&json!({"data": {
        "type": "articles", "id": "1",
        "relationships": {"author": {"links": {"related": null}}, "editors": {"data": []}}
    }}));
    let shown = document.data().unwrap();
    assert_eq!((shown.author.related(), shown.editors.related()), (None, None));
}

/// The query that a URL of the server stands for.
fn feed(url: &str) -> Option<GetFeed> {
    url.strip_prefix("/feed/")?.parse().ok().map(GetFeed)
}

fn page(number: u32, links: Value) -> Value {
    json!({"data": [{"type": "articles", "id": number.to_string()}], "links": links})
}

#[tokio::test(start_paused = true)]
async fn pages_that_name_each_other_are_shown_as_one_list() {
    let desk = blog();
    desk.answers("/feed/1", page(1, json!({"next": "/feed/2"})));
    desk.answers("/feed/2", page(2, json!({"prev": "/feed/1", "next": "/feed/3"})));
    desk.answers("/feed/3", page(3, json!({"prev": "/feed/2", "next": null})));
    let mut list = desk
        .client
        .infinite(GetFeed(2), |page: &Document<[Article]>| page.next().and_then(feed))
        .with_previous(|page| page.prev().and_then(feed));
    while list.has_next() {
        list.fetch_next().await.unwrap();
    }
    while list.has_previous() {
        list.fetch_previous().await.unwrap();
    }
    assert_eq!((list.pages().len(), desk.loads()), (3, 3));
    assert!(list.pages().iter().all(|page| page.data().len() == 1));
    assert_eq!(pages(&list.pages()[0]), [None, None, Some("/feed/2"), None]);
}

#[tokio::test(start_paused = true)]
async fn pages_have_numbers_up_to_that_of_the_last_one() {
    let desk = blog();
    desk.answers("/feed/1", page(1, json!({"last": "/feed/2"})));
    desk.answers("/feed/2", page(2, json!({"last": "/feed/2"})));
    let mut shown = desk
        .client
        .paged(|page| GetFeed(u32::try_from(page).unwrap()))
        .with_total(|page: &Document<[Article]>| page.last().and_then(feed).map(|GetFeed(last)| last.into()));
    shown.next().await.unwrap();
    assert!(shown.has_next());
    shown.next().await.unwrap();
    assert!(!shown.has_next());
}
