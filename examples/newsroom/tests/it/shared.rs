//! Newsrooms on one database that share their answers by a server: what one of them changes is seen on the other.

use std::path::Path;
use std::time::Duration;

use cache_redis_test_server::TestServer;
use newsroom::app;
use newsroom::visitor::{Events, Response};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};
use tokio::time::timeout;

use crate::test_newsroom::{SIZE, TestNewsroom};

/// Much longer than the 2 s within which a change has to be seen, because the machine may be busy.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

struct Pair {
    one: TestNewsroom,
    other: TestNewsroom,
    server: TestServer,
    folder: TempDir,
}

impl Pair {
    async fn open() -> Self {
        let (folder, server) = (tempdir().unwrap(), TestServer::start());
        let one = TestNewsroom::open_shared(folder.path(), &server.url(), true).await;
        let other = TestNewsroom::open_shared(folder.path(), &server.url(), false).await;
        Self { one, other, server, folder }
    }
}

/// Waits until something is so, asking for it again and again.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONGEST_WAIT, asking).await.unwrap_or_else(|_| panic!("not after {LONGEST_WAIT:?}: {what}"));
}

impl TestNewsroom {
    /// Edits as clients on the same machine do.
    async fn edit(&self, method: &str, path: &str, body: &str) -> Response {
        let headers = [("accept", "application/vnd.api+json"), ("content-type", "application/vnd.api+json")];
        self.visitor().await.send(method, path, &headers, body.to_owned()).await.unwrap()
    }

    async fn rename(&self, author: &Value, name: &str) {
        let data = json!({ "type": "authors", "id": author.to_string(), "attributes": { "name": name } });
        let path = format!("/api/authors/{author}");
        let renamed = self.edit("PATCH", &path, &json!({ "data": data }).to_string()).await;
        assert_eq!(renamed.status, 200, "{}", renamed.body);
    }

    async fn page_has(&self, path: &str, text: &str) -> bool {
        let page = self.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        page.body.contains(text)
    }

    fn is_sharing(&self) -> bool {
        self.service.client().shared_state().unwrap().is_usable
    }
}

/// The next event.
async fn next(events: &mut Events) -> Value {
    let event = timeout(LONGEST_WAIT, events.next()).await.expect("no event arrived");
    event.unwrap().expect("the events have ended")
}

const STORY: &str = "/articles/60?whole=true";

#[tokio::test]
async fn one_newsroom_loads_for_both() {
    let pair = Pair::open().await;
    let Pair { one, other, .. } = &pair;
    for path in ["/api/articles/60", "/api/feed", "/api/search?q=soup", "/"] {
        let (first, second) = (one.get(path).await, other.get(path).await);
        assert_eq!((first.status.as_u16(), first.body), (200, second.body), "{path}");
    }
    let loads = |newsroom: &TestNewsroom| {
        ["get_article", "get_comments", "get_feed", "search", "most_discussed"]
            .map(|query| newsroom.loads(query))
    };
    assert_eq!((loads(one), loads(other)), ([1; 5], [0; 5]));
    assert!(other.page_has(STORY, "<html").await);
    assert_eq!(loads(other), [0; 5], "the comments with their names are made of shared answers");
}

#[tokio::test]
async fn a_comment_is_seen_on_the_other() {
    let pair = Pair::open().await;
    let Pair { one, other, .. } = &pair;
    let totals = async |newsroom: &TestNewsroom| newsroom.json("/api/stats").await["totals"].clone();
    let count =
        async |newsroom: &TestNewsroom| newsroom.json("/api/feed").await["articles"][0]["comments"].clone();
    let (before, count_before) = (totals(other).await, count(other).await);
    assert!(!other.page_has(STORY, "Seen from afar.").await);
    let mut events = other.listen(60).await;
    next(&mut events).await;

    assert_eq!(one.post(60, "Ada", "Seen from afar.").await.status, 201);
    until("the page has the comment", async || other.page_has(STORY, "Seen from afar.").await).await;
    until("the list counts it", async || count(other).await.as_u64() > count_before.as_u64()).await;
    until("the totals count it", async || {
        totals(other).await["comments"].as_u64() > before["comments"].as_u64()
    })
    .await;
    // A page that is open follows.
    while next(&mut events).await["comments"]["newest"][0]["text"] != "Seen from afar." {}
}

#[tokio::test]
async fn the_most_discussed_articles_follow_comments_on_the_other() {
    let pair = Pair::open().await;
    let Pair { one, other, .. } = &pair;
    let mut events = other.listen_to("/events/discussed").await;
    let list = next(&mut events).await["discussed"]["articles"].clone();
    let count = |place: usize| list[place]["comments"].as_u64().unwrap();
    let second = list[1]["id"].as_u64().unwrap();
    for _ in count(1)..=count(0) {
        assert_eq!(one.post(second, "Ada", "One more.").await.status, 201);
    }
    while next(&mut events).await["discussed"]["articles"][0]["id"] != second {}
}

#[tokio::test]
async fn a_new_name_is_seen_on_the_other() {
    let pair = Pair::open().await;
    let Pair { one, other, .. } = &pair;
    let reader = one.post(60, "Ada", "Who am I?").await.json().unwrap()["author"].clone();
    let reporter = other.json("/api/articles/60").await["author"]["id"].clone();
    until("the page names the reader", async || other.page_has(STORY, "Ada").await).await;

    one.rename(&reader, "Ada Lovelace").await;
    one.rename(&reporter, "Nellie Bly").await;
    until("the page names both", async || {
        other.page_has(STORY, "Ada Lovelace").await && other.page_has(STORY, "Nellie Bly").await
    })
    .await;
    let story = other.json("/api/articles/60").await;
    assert_eq!(story["author"]["name"], "Nellie Bly");
    until("the checksum belongs to the name", async || {
        other.json("/api/articles/60").await["article"]["checksum"]
            == one.json("/api/articles/60").await["article"]["checksum"]
    })
    .await;
}

#[tokio::test]
async fn a_deleted_article_disappears_from_the_other() {
    let pair = Pair::open().await;
    let Pair { one, other, .. } = &pair;
    let title = other.json("/api/articles/60").await["article"]["card"]["title"].as_str().unwrap().to_owned();
    let word = title.split(' ').max_by_key(|word| word.len()).unwrap().to_owned();
    let search = format!("/api/search?q={word}");
    let has_it = async |path: &str| {
        let list = other.json(path).await;
        list["articles"].as_array().unwrap().iter().any(|article| article["id"] == 60)
    };
    assert!(has_it("/api/feed").await && has_it(&search).await, "{search}");

    assert_eq!(one.edit("DELETE", "/api/articles/60", "").await.status, 204);
    until("it is gone", async || other.get("/api/articles/60").await.status == 404).await;
    until("the list lacks it", async || !has_it("/api/feed").await).await;
    until("the search does not find it", async || !has_it(&search).await).await;
}

#[tokio::test]
async fn without_the_server_both_go_on_and_agree_again_when_it_is_back() {
    let mut pair = Pair::open().await;
    let Pair { one, other, server, .. } = &mut pair;
    assert!(!other.page_has(STORY, "by itself").await);
    server.kill();
    assert_eq!(one.post(60, "Ada", "Each by itself.").await.status, 201);
    assert!(one.page_has(STORY, "Each by itself.").await);
    // Nobody has told it, but what it has is not fresh for longer than the lag.
    until("the other one looks for itself", async || other.page_has(STORY, "Each by itself.").await).await;
    assert_eq!(other.post(60, "Bob", "Me too.").await.status, 201);
    until("this one as well", async || one.page_has(STORY, "Me too.").await).await;

    server.restart();
    until("both share again", async || one.is_sharing() && other.is_sharing()).await;
    assert_eq!(one.post(60, "Ada", "Together again.").await.status, 201);
    until("the other one is told", async || other.page_has(STORY, "Together again.").await).await;
    let before = other.loads("get_article");
    one.json("/api/articles/7").await;
    other.json("/api/articles/7").await;
    assert_eq!(other.loads("get_article"), before, "one loads for both");
}

#[tokio::test]
async fn both_write_at_the_same_time() {
    let pair = Pair::open().await;
    let Pair { one, other, .. } = &pair;
    let before = one.json("/api/articles/60").await["comments"]["total"].as_u64().unwrap();
    let posts = async |newsroom: &TestNewsroom| {
        let mut numbers = Vec::new();
        for _ in 0..40 {
            let posted = newsroom.post(60, "Ada", "At the same time.").await;
            assert_eq!(posted.status, 201, "{}", posted.body);
            numbers.push(posted.json().unwrap()["number"].as_u64().unwrap());
        }
        numbers
    };
    let (mut numbers, others) = tokio::join!(posts(one), posts(other));
    numbers.extend(others);
    numbers.sort_unstable();
    assert_eq!(numbers, (before + 1..=before + 80).collect::<Vec<_>>());
    for newsroom in [one, other] {
        until("all are there", async || {
            newsroom.json("/api/articles/60").await["comments"]["total"] == before + 80
        })
        .await;
    }
}

#[tokio::test]
async fn what_was_written_without_the_server_is_seen_when_answers_are_shared_again() {
    let Pair { one, other, server, folder } = Pair::open().await;
    assert!(!one.page_has(STORY, "Meanwhile.").await);
    for newsroom in [one, other] {
        assert!(newsroom.leave().await);
    }
    let alone = TestNewsroom::open(folder.path()).await;
    assert_eq!(alone.post(60, "Ada", "Meanwhile.").await.status, 201);
    alone.close().await;

    let again = TestNewsroom::open_shared(folder.path(), &server.url(), true).await;
    assert!(again.page_has(STORY, "Meanwhile.").await);
}

#[tokio::test]
async fn what_was_written_while_sharing_is_seen_without_the_server() {
    let (folder, server) = (tempdir().unwrap(), TestServer::start());
    let alone = TestNewsroom::open(folder.path()).await;
    assert!(!alone.page_has(STORY, "Shared.").await);
    alone.close().await;
    let one = TestNewsroom::open_shared(folder.path(), &server.url(), true).await;
    assert_eq!(one.post(60, "Ada", "Shared.").await.status, 201);
    assert!(one.leave().await);

    let alone = TestNewsroom::open(folder.path()).await;
    assert!(alone.page_has(STORY, "Shared.").await);
}

#[tokio::test]
async fn two_newspapers_on_one_server_share_nothing() {
    let server = TestServer::start();
    let (folder, elsewhere) = (tempdir().unwrap(), tempdir().unwrap());
    let one = TestNewsroom::open_shared(folder.path(), &server.url(), true).await;
    assert_eq!(one.post(60, "Ada", "Only here.").await.status, 201);
    assert!(one.page_has(STORY, "Only here.").await);
    let stranger = TestNewsroom::open_shared(elsewhere.path(), &server.url(), false).await;
    assert!(!stranger.page_has(STORY, "Only here.").await);
}

#[tokio::test]
async fn the_state_of_the_server_is_shown() {
    let mut pair = Pair::open().await;
    let Pair { one, other, server, .. } = &mut pair;
    other.json("/api/articles/60").await;
    one.json("/api/articles/60").await;
    let shared = one.json("/api/stats").await["shared"].clone();
    assert_eq!(shared["is_usable"], true, "{shared}");
    assert!(shared["counts"]["hits"].as_u64().unwrap() > 0, "{shared}");
    let text = one.service.client().inspect().to_string();
    assert!(text.contains("shared tier: 0.") && text.contains(" behind, "), "{text}");
    server.kill();
    until("it is not in use", async || one.json("/api/stats").await["shared"]["is_usable"] == false).await;
    let text = one.service.client().inspect().to_string();
    assert!(text.contains("shared tier: not in use"), "{text}");
}

#[tokio::test]
async fn without_the_option_nothing_is_shared() {
    let folder = tempdir().unwrap();
    let alone = TestNewsroom::open(folder.path()).await;
    assert!(alone.service.client().shared_state().is_none());
    assert!(alone.json("/api/stats").await.get("shared").is_none());
}

/// Why no answers are shared by a server.
async fn refusal(folder: &Path, url: &str) -> String {
    let server = url.parse().unwrap();
    let error = app::open_shared(folder, SIZE, &server, true, |_| ()).await.unwrap_err();
    app::with_causes(&error)
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_named_with_advice() {
    let folder = tempdir().unwrap();
    let mut server = TestServer::start_with(&["--cluster-enabled", "yes"]);
    let error = refusal(folder.path(), &server.url()).await;
    assert!(
        error.contains(&server.url()) && error.contains("choose another server with --shared"),
        "{error}"
    );
    assert!(error.contains("cluster"), "{error}");

    let guarded = TestServer::start_with(&["--requirepass", "open sesame"]);
    let error = refusal(folder.path(), &format!("redis://:mellon@127.0.0.1:{}", guarded.port())).await;
    assert!(error.contains("refuses the user or the password") && !error.contains("mellon"), "{error}");

    server.kill();
    let error = refusal(folder.path(), &server.url()).await;
    assert!(
        error.contains(&server.url()) && error.contains("start a Redis or Valkey server there"),
        "{error}"
    );
}
