//! What the page of an article hands on to its front in the browser, and what it does not.

use std::time::Duration;

use cache_core::Freshness;
use newsroom::queries::{GetComments, GetDiscussion};
use newsroom::settings::{Scripts, Settings};
use newsroom::visitor::Response;
use newsroom::web::WEB;
use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::test_newsroom::{BusyReaders, TestNewsroom};

const FORMS: [Scripts; 4] = [Scripts::Inline, Scripts::Nonce, Scripts::Blocks, Scripts::Strict];

#[test]
fn the_module_for_browsers_is_current() {
    WEB.typescript().check("web/cache.ts");
}

/// What a browser reads from the page.
fn messages(page: &str) -> Vec<Value> {
    let blocks = page.split("<script type=\"application/json\" data-cache-web>").skip(1);
    let blocks = blocks.map(|block| block.split("</script>").next().unwrap().to_owned());
    let scripts = page.split(".push('").skip(1);
    let scripts = scripts.map(|script| script.split("')</script>").next().unwrap().replace("\\'", "'"));
    let scripts = scripts.map(|text| text.replace("\\\\", "\\"));
    let flushes = blocks.chain(scripts).map(|text| serde_json::from_str::<Vec<Value>>(&text).unwrap());
    flushes.flatten().collect()
}

fn policy(page: &Response) -> &str {
    page.headers["content-security-policy"].to_str().unwrap()
}

/// The nonce that the policy allows.
fn nonce(page: &Response) -> Option<&str> {
    policy(page).split_once("'nonce-").map(|(_, rest)| rest.split_once('\'').unwrap().0)
}

#[tokio::test]
async fn a_page_hands_on_the_article_and_its_comments_and_nothing_else() {
    let folder = tempdir().unwrap();
    for scripts in FORMS {
        let settings = Settings { scripts, ..Settings::default() };
        let newsroom = TestNewsroom::open_with(folder.path(), &settings).await;
        // Other articles, of the front page and of another reader.
        newsroom.get("/").await;
        let other = newsroom.json("/api/articles/59").await;
        let story = newsroom.json("/api/articles/60").await;
        let body = newsroom.get("/articles/60?whole=true").await.body;

        let messages = messages(&body);
        let names: Vec<_> = messages.iter().filter_map(|message| message["q"].as_str()).collect();
        assert_eq!(names, ["get_discussion", "get_article"], "{scripts:?}");
        assert_eq!(messages[0]["d"], story["comments"]);
        assert_eq!(messages[1]["d"], story["article"]);
        assert_eq!(messages[2], json!({ "end": 1 }));

        for comment in story["comments"]["newest"].as_array().unwrap() {
            let author = newsroom.json(&format!("/api/authors/{}", comment["author"])).await;
            let about = author["about"].as_str().unwrap();
            assert!(story["author"] == author || !body.contains(about), "{about}");
        }
        for text in [&other["article"]["card"]["title"], &other["article"]["paragraphs"][0]] {
            assert!(!body.contains(text.as_str().unwrap()), "{text}");
        }
        assert!(!body.contains("get_author") && !body.contains("get_comments"), "{scripts:?}");
        newsroom.close().await;
    }
}

#[tokio::test]
async fn a_comment_that_another_reader_is_posting_is_in_no_page_and_no_answer() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    newsroom.get("/articles/60?whole=true").await;
    let mut events = newsroom.listen(60).await;
    events.next().await.unwrap();
    newsroom.service.client().app().database.faults.delay(Duration::from_millis(300));
    let looks = async {
        let news = events.next().await.unwrap().unwrap();
        assert_eq!(news["comments"]["newest"][0]["text"], "Between us.", "it is being posted");
        for path in
            ["/articles/60", "/articles/60?whole=true", "/_q/get_discussion?key=%7B%22article%22:60%7D"]
        {
            let response = newsroom.get(path).await;
            assert_eq!(response.status, 200, "{path}");
            assert!(!response.body.contains("Between us."), "{path}: {}", response.body);
        }
    };
    let (posted, ()) = tokio::join!(newsroom.post(60, "Ada", "Between us."), looks);
    assert_eq!(posted.status, 201);
}

#[tokio::test]
async fn each_page_has_a_nonce_of_its_own_where_scripts_need_one() {
    let folder = tempdir().unwrap();
    for (scripts, allowed) in [
        (Scripts::Inline, "script-src 'self' 'nonce-"),
        (Scripts::Nonce, "script-src 'nonce-"),
        (Scripts::Blocks, "script-src 'self';"),
        (Scripts::Strict, "script-src 'self'; require-trusted-types-for 'script'; trusted-types 'none';"),
    ] {
        let settings = Settings { scripts, ..Settings::default() };
        let newsroom = TestNewsroom::open_with(folder.path(), &settings).await;
        let (one, two) = (newsroom.get("/articles/60").await, newsroom.get("/articles/60").await);
        assert!(policy(&one).contains(allowed), "{}", policy(&one));
        assert!(policy(&one).contains("default-src 'none';") && policy(&one).contains("style-src 'self';"));
        match nonce(&one) {
            Some(nonce) => {
                assert_ne!(Some(nonce), self::nonce(&two));
                assert_eq!(one.body.matches("<script ").count(), one.body.matches(nonce).count());
            }
            None => {
                assert!(matches!(scripts, Scripts::Blocks | Scripts::Strict));
                assert!(!one.body.contains(".push(") && !one.body.contains("nonce"), "{}", one.body);
            }
        }
        assert_eq!(one.headers["cache-control"], "private, no-store");
        newsroom.close().await;
    }
}

#[tokio::test]
async fn comments_that_take_long_follow_the_page_and_readers_without_scripts_have_a_link() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let story = newsroom.json("/api/articles/60").await;
    let client = newsroom.service.client();
    client.invalidate(&GetComments { article: 60 });
    // They come when the readers are free again, as soon as the page has begun.
    let readers = BusyReaders::of(client).await;
    let mut page = TcpStream::connect(newsroom.service.address()).await.unwrap();
    page.write_all(b"GET /articles/60 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut shell = Vec::new();
    while !String::from_utf8_lossy(&shell).contains("</html>") {
        assert_ne!(page.read_buf(&mut shell).await.unwrap(), 0, "the page ends too early");
    }
    let shell = String::from_utf8(shell).unwrap();
    let link = r#"<a href="/articles/60?whole=true#comments">"#;
    assert!(shell.contains("<noscript>") && shell.contains(link), "{shell}");
    assert!(shell.contains(story["article"]["paragraphs"][0].as_str().unwrap()), "{shell}");
    assert!(!shell.contains("<li data-number="), "{shell}");
    let announced = json!({ "i": 0, "q": "get_discussion", "k": { "article": 60 } });
    assert_eq!(messages(&shell)[0], announced);

    drop(readers);
    let mut rest = String::new();
    page.read_to_string(&mut rest).await.unwrap();
    let rest = messages(&rest);
    assert_eq!((&rest[0]["i"], &rest[0]["d"]), (&json!(0), &story["comments"]));
    assert_eq!(rest[1], json!({ "end": 1 }));
    assert_eq!(newsroom.loads("get_comments"), 2);

    let whole = newsroom.get("/articles/60?whole=true").await.body;
    let total = story["comments"]["total"].as_u64().unwrap();
    assert_eq!(whole.matches("<li data-number=").count() as u64, total.min(100));
    assert!(!whole.contains("<noscript>") && whole.ends_with("</html>"), "{whole}");
}

#[tokio::test]
async fn an_article_is_readable_while_its_comments_cannot_be_loaded() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let article = newsroom.json("/_q/get_article?key=%7B%22id%22:60%7D").await;
    newsroom.json(&format!("/api/authors/{}", article["card"]["author"])).await;
    newsroom.service.client().app().database.faults.be_down(true);
    let page = newsroom.get("/articles/60").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains(article["paragraphs"][0].as_str().unwrap()), "{}", page.body);
    assert!(page.body.contains("<noscript>"), "{}", page.body);
    // Nothing of the error leaves: the browser asks by itself when it needs them.
    assert_eq!(messages(&page.body)[0]["e"], Value::Null);
    assert!(!page.body.contains("as requested"), "{}", page.body);
    assert_eq!(newsroom.get("/articles/60?whole=true").await.status, 500);
}

#[tokio::test]
async fn browsers_may_ask_for_the_answers_of_the_page_and_for_no_others() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let story = newsroom.json("/api/articles/60").await;
    let answer = newsroom.get("/_q/get_discussion?key=%7B%22article%22:60%7D").await;
    assert_eq!((answer.status.as_u16(), answer.json().unwrap()), (200, story["comments"].clone()));
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    let answer = newsroom.get("/_q/get_article?key=%7B%22id%22:60%7D").await;
    assert_eq!(answer.json().unwrap(), story["article"]);
    for name in ["get_author", "get_comments", "get_totals", "current_edition"] {
        let path = format!("/_q/{name}?key=%7B%22id%22:1,%22article%22:60%7D");
        assert_eq!(newsroom.get(&path).await.status, 404, "{name}");
    }
}

#[tokio::test]
async fn a_new_name_of_an_author_is_in_the_comments_at_once() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let posted = newsroom.post(60, "Ada", "Hello.").await.json().unwrap();
    newsroom.get("/articles/60?whole=true").await;
    let author = posted["author"].to_string();
    let document =
        json!({ "data": { "type": "authors", "id": author, "attributes": { "name": "Ada Newname" } } });
    let headers = [("content-type", "application/vnd.api+json"), ("accept", "application/vnd.api+json")];
    let path = format!("/api/authors/{author}");
    let renamed =
        newsroom.visitor().await.send("PATCH", &path, &headers, document.to_string()).await.unwrap();
    assert_eq!(renamed.status, 200, "{}", renamed.body);
    let page = newsroom.get("/articles/60?whole=true").await.body;
    assert_eq!(page.matches("Ada Newname").count(), 2, "in the HTML and in the data: {page}");
}

#[tokio::test]
async fn comments_by_many_authors_stay_in_the_cache() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    for reader in 0..80 {
        assert_eq!(newsroom.post(60, &format!("Reader {reader}"), "Me too.").await.status, 201);
    }
    let client = newsroom.service.client();
    let first = client.query(&GetDiscussion { article: 60 }).await.unwrap();
    assert!(first.newest.len() >= 80);
    let entry = client.cache().peek_entry(&GetDiscussion { article: 60 }).unwrap();
    assert_eq!(entry.freshness(), Freshness::Fresh);
    newsroom.post(60, "Ada", "And me.").await;
    let next = client.query(&GetDiscussion { article: 60 }).await.unwrap();
    assert_eq!(next.total, first.total + 1, "it follows the comments");
}
