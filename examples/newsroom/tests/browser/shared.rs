//! Two newspapers on one database, which share their answers: readers of one see what is changed on the other.

use std::time::Duration;

use cache_redis_test_server::TestServer;
use newsroom::app;
use newsroom::service::Service;
use newsroom::settings::Settings;
use newsroom::sharing;
use newsroom::visitor::Visitor;
use serde_json::json;
use tempfile::tempdir;
use tokio::time::timeout;

use crate::chromium::Chromium;
use crate::{SIZE, first_comment};

const LIVE: &str = "document.querySelector('.live')?.hidden === false";

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_one_newspaper_sees_what_is_changed_on_the_other() {
    let (folder, server) = (tempdir().unwrap(), TestServer::start());
    let open = async |is_first| {
        let server = server.url().parse().unwrap();
        let client = app::open_shared(folder.path(), SIZE, &server, is_first, |_| ()).await.unwrap();
        Service::start_anywhere(client, &Settings::default()).await.unwrap()
    };
    let (one, other) = (open(true).await, open(false).await);
    let mut desk = Visitor::to(one.address()).await.unwrap();
    let article = desk.get("/api/articles/400").await.unwrap().json().unwrap();

    let mut browser = Chromium::start().await;
    let story = format!("http://{}/articles/400", other.address());
    let reader = browser.open(&story).await;
    browser.wait(&reader, LIVE).await;
    let ledger = other.client().app().database.ledger.report();
    assert_eq!(ledger.queries.get("get_article"), None, "the other newspaper has loaded it");

    // A page that is open follows.
    browser.evaluate(&reader, "window.stays = true").await;
    let comment = json!({ "name": "Ada", "text": "Written elsewhere." });
    assert_eq!(desk.post("/api/articles/400/comments", &comment).await.unwrap().status, 201);
    browser.wait(&reader, &first_comment("Written elsewhere.", true)).await;
    assert_eq!(browser.evaluate(&reader, "window.stays").await, true, "the page was loaded again");

    // The name of the author is there when the page is loaded again.
    let author = &article["author"]["id"];
    let data = json!({ "type": "authors", "id": author.to_string(), "attributes": { "name": "Nellie Bly" } });
    let headers = [("accept", "application/vnd.api+json"), ("content-type", "application/vnd.api+json")];
    let path = format!("/api/authors/{author}");
    let renamed = desk.send("PATCH", &path, &headers, json!({ "data": data }).to_string()).await.unwrap();
    assert_eq!(renamed.status, 200, "{}", renamed.body);
    let named = "document.querySelector('.story > header').textContent.includes('Nellie Bly')";
    let shown = async {
        while browser.evaluate(&reader, named).await != true {
            browser.go(&reader, "about:blank").await;
            browser.go(&reader, &story).await;
        }
    };
    timeout(Duration::from_secs(20), shown).await.expect("the page has the old name");
    browser.wait(&reader, &first_comment("Written elsewhere.", true)).await;

    // The inspector says how the newspaper stands to the server.
    browser.go(&reader, "about:blank").await;
    browser.begin(&reader, other.inspector().unwrap()).await;
    browser
        .wait(&reader, "/shared, \\d+ ms behind/.test(document.querySelector('#tiers')?.textContent)")
        .await;
    drop(browser);
    for service in [one, other] {
        let client = service.client().clone();
        service.stop().await;
        assert!(sharing::end(&client).await.is_empty());
    }
}
