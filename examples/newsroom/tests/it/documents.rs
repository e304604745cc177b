//! The documents of JSON:API, as its clients see them.

use std::collections::BTreeSet;

use newsroom::model::checksum;
use newsroom::visitor::Response;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::test_newsroom::TestNewsroom;

const MEDIA_TYPE: &str = "application/vnd.api+json";

impl TestNewsroom {
    async fn asks(&self, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Response {
        let headers = [&[("accept", MEDIA_TYPE)], headers].concat();
        self.visitor().await.send(method, path, &headers, body).await.unwrap()
    }

    async fn document(&self, path: &str) -> Value {
        let response = self.asks("GET", path, &[], String::new()).await;
        assert_eq!(response.headers["content-type"], MEDIA_TYPE);
        Self::ok(&response)
    }

    async fn sends(&self, method: &str, path: &str, data: Value) -> Response {
        let body = json!({ "data": data }).to_string();
        self.asks(method, path, &[("content-type", MEDIA_TYPE)], body).await
    }

    async fn renames(&self, author: &str, name: &str) -> Response {
        let data = json!({ "type": "authors", "id": author, "attributes": { "name": name } });
        self.sends("PATCH", &format!("/api/authors/{author}"), data).await
    }
}

fn ids(document: &Value) -> Vec<String> {
    document["data"].as_array().unwrap().iter().map(|data| data["id"].as_str().unwrap().to_owned()).collect()
}

/// The types and ids of what a document includes.
fn included(document: &Value) -> BTreeSet<(String, String)> {
    let all = document["included"].as_array().cloned().unwrap_or_default();
    let names: Vec<_> = all
        .iter()
        .map(|one| (one["type"].as_str().unwrap().to_owned(), one["id"].as_str().unwrap().to_owned()))
        .collect();
    let once: BTreeSet<_> = names.iter().cloned().collect();
    assert_eq!(once.len(), names.len(), "each once");
    once
}

fn names(links: &Value) -> BTreeSet<(String, String)> {
    let list = match links {
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    list.iter()
        .map(|one| (one["type"].as_str().unwrap().to_owned(), one["id"].as_str().unwrap().to_owned()))
        .collect()
}

#[track_caller]
fn assert_error(response: &Response, status: u16, source: Value) {
    assert_eq!(response.status, status, "{}", response.body);
    assert_eq!(response.headers["content-type"], MEDIA_TYPE);
    let document = response.json().unwrap();
    let error = &document["errors"][0];
    assert_eq!(error["status"], status.to_string(), "{document}");
    assert!(error["detail"].as_str().unwrap().len() > 5 && document.get("data").is_none(), "{document}");
    assert_eq!(error.get("source").cloned().unwrap_or_default(), source, "{document}");
}

#[tokio::test]
async fn the_links_of_pages_lead_through_all_articles_and_back() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let mut pages = vec![newsroom.document("/api/articles").await];
    assert_eq!(pages[0]["links"]["prev"], Value::Null);
    while let Some(next) = pages.last().unwrap()["links"]["next"].as_str() {
        pages.push(newsroom.document(next).await);
    }
    let all: Vec<_> = pages.iter().flat_map(ids).collect();
    assert_eq!(all, (1..=60).rev().map(|id| id.to_string()).collect::<Vec<_>>());
    for (page, before) in pages.iter().skip(1).zip(&pages) {
        let prev = newsroom.document(page["links"]["prev"].as_str().unwrap()).await;
        assert_eq!(prev, *before);
    }
}

#[tokio::test]
async fn a_list_can_be_that_of_a_section_or_an_author() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let all = newsroom.document("/api/articles").await;
    let first = &all["data"][0];
    let author = first["relationships"]["author"]["data"]["id"].as_str().unwrap();
    let record = newsroom.document(&format!("/api/authors/{author}")).await;
    let related = record["data"]["relationships"]["articles"]["links"]["related"].as_str().unwrap();
    let mine = newsroom.document(related).await;
    let authors =
        mine["data"].as_array().unwrap().iter().map(|one| &one["relationships"]["author"]["data"]["id"]);
    assert!(authors.into_iter().all(|id| id == author) && ids(&mine)[0] == "60", "{mine}");
    let section = first["attributes"]["section"].as_str().unwrap();
    let sections = newsroom.document(&format!("/api/articles?filter[section]={section}")).await;
    let shown = sections["data"].as_array().unwrap().iter().map(|one| &one["attributes"]["section"]);
    assert!(shown.into_iter().all(|other| other == section), "{sections}");
}

#[tokio::test]
async fn a_document_includes_what_it_is_asked_for_and_each_resource_once() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let plain = newsroom.document("/api/articles/60").await;
    let relationships = &plain["data"]["relationships"];
    assert!(plain.get("included").is_none() && relationships["comments"].get("data").is_none(), "{plain}");
    let total = relationships["comments"]["meta"]["total"].as_u64().unwrap();

    let whole = newsroom.document("/api/articles/60?include=author,comments.author").await;
    let links = &whole["data"]["relationships"];
    let comments = names(&links["comments"]["data"]);
    assert_eq!(comments.len() as u64, total);
    let all = included(&whole);
    let author = names(&links["author"]["data"]);
    assert!(all.is_superset(&comments) && all.is_superset(&author), "{whole}");
    let comment_authors =
        whole["included"].as_array().unwrap().iter().filter(|one| one["type"] == "comments");
    let comment_authors = comment_authors.flat_map(|one| names(&one["relationships"]["author"]["data"]));
    let linked: BTreeSet<_> = comment_authors.chain(comments).chain(author).collect();
    assert_eq!(all, linked, "nothing else");

    let list = newsroom.document("/api/articles?include=author,comments").await;
    let data = list["data"].as_array().unwrap();
    let linked = data.iter().flat_map(|one| {
        let links = &one["relationships"];
        names(&links["author"]["data"]).into_iter().chain(names(&links["comments"]["data"]))
    });
    assert_eq!(included(&list), linked.collect());
}

#[tokio::test]
async fn comments_are_documents_too() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    newsroom.post(60, "Ada", "One.").await;
    let list = newsroom.document("/api/articles/60/comments?include=author").await;
    let newest = &list["data"][0];
    assert_eq!(newest["attributes"]["text"], "One.");
    assert_eq!(list["meta"]["total"], list["data"].as_array().unwrap().len());
    let own = newsroom.document(newest["links"]["self"].as_str().unwrap()).await;
    assert_eq!(own["data"], *newest);
    let missing = newsroom.asks("GET", "/api/comments/60-4000", &[], String::new()).await;
    assert_error(&missing, 404, Value::Null);
}

#[tokio::test]
async fn a_client_that_has_a_document_already_gets_a_304() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let path = "/api/articles/60?include=author,comments";
    let first = newsroom.asks("GET", path, &[], String::new()).await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    assert!(first.headers["cache-control"].to_str().unwrap().contains("max-age="));
    assert_eq!(first.headers["vary"], "accept");
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let again = newsroom.asks("GET", path, &[("if-none-match", &known)], String::new()).await;
        assert_eq!((again.status.as_u16(), &*again.body), (304, ""), "{known}");
        assert_eq!(again.headers["etag"].to_str().unwrap(), tag);
        assert!(again.headers.contains_key("cache-control"));
    }
    newsroom.post(60, "Ada", "One more.").await;
    let changed = newsroom.asks("GET", path, &[("if-none-match", &tag)], String::new()).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.headers["etag"].to_str().unwrap(), tag);
}

#[tokio::test]
async fn a_renamed_author_has_the_new_name_everywhere() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let article = newsroom.document("/api/articles/60?include=author").await;
    let author = article["data"]["relationships"]["author"]["data"]["id"].as_str().unwrap().to_owned();
    let list = newsroom.document("/api/articles?include=author").await;

    let renamed = newsroom.renames(&author, " Zoe  Quill ").await;
    assert_eq!(
        (renamed.status.as_u16(), renamed.headers["cache-control"].to_str().unwrap()),
        (200, "no-store")
    );
    assert_eq!(renamed.json().unwrap()["data"]["attributes"]["name"], "Zoe Quill");

    for path in ["/api/articles/60?include=author", "/api/articles?include=author"] {
        let shown = newsroom.document(path).await;
        let all = shown["included"].as_array().unwrap();
        let one = all.iter().find(|one| one["id"] == author.as_str()).unwrap();
        assert_eq!(one["attributes"]["name"], "Zoe Quill", "{path}");
    }
    assert_ne!(newsroom.document("/api/articles?include=author").await, list);
    assert!(newsroom.get("/articles/60").await.body.contains("Zoe Quill"));
    // The checksum of an article includes the name of its author.
    let story = newsroom.json("/api/articles/60").await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let article = &story["article"];
    let mut parts =
        vec!["Zoe Quill".to_owned(), text(&article["card"]["title"]), text(&article["card"]["standfirst"])];
    parts.extend(article["paragraphs"].as_array().unwrap().iter().map(text));
    assert_eq!(article["checksum"], checksum(parts.iter().map(String::as_str)));
}

#[tokio::test]
async fn a_name_that_is_taken_or_invalid_is_an_error_that_points_at_it() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let other =
        newsroom.document("/api/authors/2").await["data"]["attributes"]["name"].as_str().unwrap().to_owned();
    let pointer = json!({ "pointer": "/data/attributes/name" });
    assert_error(&newsroom.renames("1", &other).await, 409, pointer.clone());
    assert_error(&newsroom.renames("1", " ").await, 400, pointer.clone());
    let same =
        newsroom.document("/api/authors/1").await["data"]["attributes"]["name"].as_str().unwrap().to_owned();
    assert_eq!(newsroom.renames("1", &same).await.status, 200, "its own name is free");
    assert_error(&newsroom.renames("4000000", "Zoe").await, 404, pointer.clone());
    let missing = newsroom.sends("PATCH", "/api/authors/1", json!({ "type": "authors", "id": "1" })).await;
    assert_error(&missing, 400, pointer);
    let wrong = json!({ "type": "people", "id": "1", "attributes": { "name": "Zoe" } });
    assert_error(
        &newsroom.sends("PATCH", "/api/authors/1", wrong).await,
        409,
        json!({ "pointer": "/data/type" }),
    );
    let wrong = json!({ "type": "authors", "id": "2", "attributes": { "name": "Zoe" } });
    assert_error(
        &newsroom.sends("PATCH", "/api/authors/1", wrong).await,
        409,
        json!({ "pointer": "/data/id" }),
    );
}

#[tokio::test]
async fn a_posted_comment_is_created_at_its_location() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let data = json!({ "type": "comments", "attributes": { "name": "Ada", "text": "First light." } });
    let posted =
        newsroom.sends("POST", "/api/articles/60/comments?include=author,article", data.clone()).await;
    assert_eq!(posted.status, 201, "{}", posted.body);
    let document = posted.json().unwrap();
    let location = posted.headers["location"].to_str().unwrap();
    assert_eq!(newsroom.document(location).await["data"], document["data"]);
    let article =
        document["included"].as_array().unwrap().iter().find(|one| one["type"] == "articles").unwrap();
    assert_eq!(article["relationships"]["comments"]["data"][0]["id"], document["data"]["id"]);
    let whole = newsroom.document("/api/articles/60?include=comments").await;
    assert_eq!(whole["data"]["relationships"]["comments"]["data"][0]["id"], document["data"]["id"]);

    let empty = json!({ "type": "comments", "attributes": { "name": "Ada", "text": "" } });
    let refused = newsroom.sends("POST", "/api/articles/60/comments", empty).await;
    assert_error(&refused, 400, json!({ "pointer": "/data/attributes" }));
    let named = json!({ "type": "comments", "id": "60-1", "attributes": { "name": "Ada", "text": "Hi" } });
    let refused = newsroom.sends("POST", "/api/articles/60/comments", named).await;
    assert_error(&refused, 403, json!({ "pointer": "/data/id" }));
    assert_error(&newsroom.sends("POST", "/api/articles/4000/comments", data).await, 404, Value::Null);
}

#[tokio::test]
async fn a_deleted_article_leaves_every_list() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let article = newsroom.document("/api/articles/60").await;
    let title = article["data"]["attributes"]["title"].as_str().unwrap().to_owned();
    let author = article["data"]["relationships"]["author"]["data"]["id"].as_str().unwrap().to_owned();
    let by_author = format!("/api/articles?filter[author]={author}");
    let search = format!("/api/search?q={}", title.replace(|c: char| !c.is_alphanumeric(), "+"));
    for path in ["/api/articles", &by_author] {
        assert!(ids(&newsroom.document(path).await).contains(&"60".to_owned()));
    }
    assert!(newsroom.json(&search).await["articles"].as_array().unwrap().iter().any(|hit| hit["id"] == 60));
    assert!(newsroom.get("/").await.body.contains("/articles/60\""));

    let deleted = newsroom.asks("DELETE", "/api/articles/60", &[], String::new()).await;
    assert_eq!((deleted.status.as_u16(), &*deleted.body), (204, ""));
    for path in ["/api/articles", &by_author] {
        assert!(!ids(&newsroom.document(path).await).contains(&"60".to_owned()), "{path}");
    }
    assert!(newsroom.json(&search).await["articles"].as_array().unwrap().iter().all(|hit| hit["id"] != 60));
    assert!(!newsroom.get("/").await.body.contains("/articles/60\""));
    assert_error(&newsroom.asks("GET", "/api/articles/60", &[], String::new()).await, 404, Value::Null);
    assert_error(&newsroom.asks("DELETE", "/api/articles/60", &[], String::new()).await, 404, Value::Null);
    assert_eq!(newsroom.ledger().overlaps.unexplained, 0);
}

#[tokio::test]
async fn edits_that_a_snapshot_misses_are_seen_after_a_restart() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    newsroom.document("/api/articles?include=author").await;
    newsroom.document("/api/authors/1").await;
    newsroom.close().await;
    let newsroom = TestNewsroom::open(folder.path()).await;
    assert_eq!(newsroom.renames("1", "Zoe Quill").await.status, 200);
    assert_eq!(newsroom.asks("DELETE", "/api/articles/60", &[], String::new()).await.status, 204);
    // Not closed, as if it had been killed.
    drop(newsroom);

    let newsroom = TestNewsroom::open(folder.path()).await;
    assert!(newsroom.messages.contains("changed after the cache was saved"), "{}", newsroom.messages);
    assert_eq!(newsroom.document("/api/authors/1").await["data"]["attributes"]["name"], "Zoe Quill");
    assert_eq!(ids(&newsroom.document("/api/articles").await)[0], "59");
}

#[tokio::test]
async fn what_the_format_forbids_is_refused_with_an_error_document() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let parameter = |name: &str| json!({ "parameter": name });
    for (path, source) in [
        ("/api/articles?include=publisher", parameter("include")),
        ("/api/articles?page[before]=yesterday", parameter("page[before]")),
        ("/api/articles?filter[section]=gossip", parameter("filter[section]")),
        ("/api/articles?filter[author]=Ann", parameter("filter[author]")),
        ("/api/articles/60?filter[author]=1", parameter("filter[author]")),
        ("/api/articles?include=author&include=author", parameter("include")),
        ("/api/articles?sort=title", Value::Null),
        ("/api/articles/x", Value::Null),
    ] {
        assert_error(&newsroom.asks("GET", path, &[], String::new()).await, 400, source);
    }
    assert_error(&newsroom.asks("GET", "/api/nowhere", &[], String::new()).await, 404, Value::Null);
    assert_error(&newsroom.asks("PUT", "/api/articles/60", &[], String::new()).await, 405, Value::Null);
    let broken =
        newsroom.asks("PATCH", "/api/authors/1", &[("content-type", MEDIA_TYPE)], "{".to_owned()).await;
    assert_error(&broken, 400, Value::Null);
    let with_parameter = [("content-type", "application/vnd.api+json; ext=\"x\"")];
    let refused = newsroom.asks("PATCH", "/api/authors/1", &with_parameter, "{}".to_owned()).await;
    assert_error(&refused, 415, Value::Null);
    let headers = [("accept", "application/vnd.api+json; ext=\"x\"")];
    let refused =
        newsroom.visitor().await.send("GET", "/api/articles", &headers, String::new()).await.unwrap();
    assert_error(&refused, 406, Value::Null);
    newsroom.service.client().app().database.faults.be_down(true);
    assert_error(&newsroom.asks("GET", "/api/authors/3", &[], String::new()).await, 500, Value::Null);
}

#[tokio::test]
async fn requests_that_do_not_name_the_media_type_get_plain_json() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let plain = newsroom.get("/api/articles/60").await;
    assert_eq!(plain.headers["content-type"], "application/json");
    assert_eq!(plain.headers["vary"], "accept");
    // Only documents have a list under this path.
    assert_eq!(newsroom.get("/api/articles").await.headers["content-type"], MEDIA_TYPE);
}

#[tokio::test]
async fn only_clients_on_the_same_machine_edit() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let forwarded = [("x-forwarded-for", "203.0.113.7")];
    assert_error(
        &newsroom.asks("DELETE", "/api/articles/60", &forwarded, String::new()).await,
        403,
        Value::Null,
    );
    let domain = [("host", "newsroom.example")];
    assert_error(
        &newsroom.asks("DELETE", "/api/articles/60", &domain, String::new()).await,
        403,
        Value::Null,
    );
    assert_eq!(newsroom.document("/api/articles/60").await["data"]["id"], "60");
}
