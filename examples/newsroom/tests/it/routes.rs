//! Each route, with valid and with invalid input.

use newsroom::settings::{Inspection, Settings};
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::test_newsroom::TestNewsroom;

#[tokio::test]
async fn pages_and_data_are_served() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let all = [
        "/",
        "/sections/science",
        "/articles/60",
        "/search?q=the",
        "/search",
        "/healthz",
        "/newsroom.css",
        "/newsroom.js",
        "/api/feed",
        "/api/feed?section=city",
        "/api/articles/60",
        "/api/articles/60/comments",
        "/api/authors/1",
        "/api/search?q=the",
        "/api/stats",
    ];
    for path in all {
        let response = newsroom.get(path).await;
        assert_eq!(response.status, 200, "{path}: {}", response.body);
        assert!(response.body.len() > 2, "{path} is empty");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_404() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    for path in [
        "/articles/61",
        "/sections/gossip",
        "/nowhere",
        "/api/articles/61",
        "/api/articles/61/comments",
        "/api/authors/4000000000",
        "/api/nowhere",
        "/events/61",
    ] {
        assert_eq!(newsroom.get(path).await.status, 404, "{path}");
    }
    assert_eq!(newsroom.post(61, "Ada", "Hello?").await.status, 404);
}

#[tokio::test]
async fn an_invalid_request_is_a_400() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    for path in [
        "/articles/x",
        "/?before=yesterday",
        "/api/articles/-1",
        "/api/articles/99999999999999999999",
        "/api/feed?section=gossip",
        "/api/feed?before=1",
        "/api/search",
        "/api/search?q=%22*%22",
        "/events/x",
    ] {
        assert_eq!(newsroom.get(path).await.status, 400, "{path}");
    }
    for (name, text) in
        [("", "text"), ("Ada", " \n "), (&*"a".repeat(61), "text"), ("Ada", &*"a".repeat(2_001))]
    {
        assert_eq!(newsroom.post(60, name, text).await.status, 400);
    }
    let path = "/api/articles/60/comments";
    let headers = [("content-type", "application/json")];
    let response = newsroom.visitor().await.send("POST", path, &headers, "{".to_owned()).await.unwrap();
    assert_eq!(response.status, 400);
}

#[tokio::test]
async fn the_pages_of_the_feed_are_all_articles_once() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let (mut ids, mut place) = (Vec::new(), String::new());
    loop {
        let page = newsroom.json(&format!("/api/feed{place}")).await;
        ids.extend(
            page["articles"].as_array().unwrap().iter().map(|article| article["id"].as_u64().unwrap()),
        );
        let Some(next) = page["next"].as_str() else { break };
        place = format!("?before={next}");
    }
    assert_eq!(ids, (1..=60).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_search_finds_articles_by_all_their_words() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let title =
        newsroom.json("/api/articles/60").await["article"]["card"]["title"].as_str().unwrap().to_owned();
    let query = title.replace(|c: char| !c.is_alphanumeric(), "+");
    let found = newsroom.json(&format!("/api/search?q={query}")).await;
    assert!(found["articles"].as_array().unwrap().iter().any(|hit| hit["id"] == 60), "{title}: {found}");
    let nothing = newsroom.json("/api/search?q=xylophonist").await;
    assert_eq!((&nothing["total"], nothing["articles"].as_array().unwrap().len()), (&json!(0), 0));
}

#[tokio::test]
async fn a_search_says_how_many_articles_there_are_and_not_how_many_it_shows() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let mut total = 0;
    for article in 1..=60 {
        let story: Value = newsroom.json(&format!("/api/articles/{article}")).await;
        let article: newsroom::model::Article = serde_json::from_value(story["article"].clone()).unwrap();
        let texts = [article.card.title, article.card.standfirst].into_iter().chain(article.paragraphs);
        let text = texts.collect::<Vec<_>>().join(" ").to_lowercase();
        total += u32::from(text.split(|c: char| !c.is_alphanumeric()).any(|word| word.starts_with("the")));
    }
    assert!(total > 30, "more than a page shows");
    let found = newsroom.json("/api/search?q=the").await;
    assert_eq!(
        (found["total"].as_u64(), found["articles"].as_array().unwrap().len()),
        (Some(total.into()), 30)
    );
    let page = newsroom.get("/search?q=the").await.body;
    let said = format!("{total} articles for <em><bdi>the</bdi></em>, the best 30 of them here");
    assert!(page.contains(&said), "{page}");
    let one =
        newsroom.json("/api/articles/60").await["article"]["card"]["title"].as_str().unwrap().to_owned();
    let page =
        newsroom.get(&format!("/search?q={}", one.replace(|c: char| !c.is_alphanumeric(), "+"))).await.body;
    assert!(!page.contains("of them here"), "{page}");
}

#[tokio::test]
async fn the_same_search_in_other_words_is_loaded_once() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    for query in ["soup+rain", "Rain,+SOUP!", "soup+soup+rain"] {
        newsroom.json(&format!("/api/search?q={query}")).await;
    }
    assert_eq!(newsroom.loads("search"), 1);
}

#[tokio::test]
async fn an_article_belongs_to_its_author_by_its_checksum() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let story = newsroom.json("/api/articles/31").await;
    let article: newsroom::model::Article = serde_json::from_value(story["article"].clone()).unwrap();
    assert_eq!(article.checksum_with(story["author"]["name"].as_str().unwrap()), article.checksum);
    assert_ne!(article.checksum_with("Somebody else"), article.checksum);
}

#[tokio::test]
async fn the_authors_of_a_page_are_loaded_together() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let found = newsroom.json("/api/search?q=soup").await;
    let ledger = newsroom.ledger();
    let count = found["articles"].as_array().unwrap().len() as u64;
    assert_eq!((newsroom.loads("search"), newsroom.loads("count_comments")), (1, count));
    assert!(newsroom.loads("get_author") > 1);
    assert_eq!(ledger.trips, 3, "{ledger:?}");
}

#[tokio::test]
async fn an_article_is_shown_without_a_load_after_the_list_that_names_it() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let feed = newsroom.json("/api/feed").await;
    let ledger = newsroom.ledger();
    assert_eq!((ledger.trips, newsroom.loads("get_feed")), (1, 1), "{ledger:?}");
    let mut shown = Vec::new();
    for article in feed["articles"].as_array().unwrap() {
        let id = &article["id"];
        assert_eq!(newsroom.get(&format!("/articles/{id}")).await.status, 200);
        shown.push(newsroom.json(&format!("/api/articles/{id}")).await);
        newsroom.json(&format!("/api/articles/{id}/comments")).await;
    }
    assert_eq!(newsroom.ledger(), ledger, "no article needed a load");

    // What was brought is what its own load would have found.
    let client = newsroom.service.client();
    client.invalidate_all();
    let reloaded = newsroom.json(&format!("/api/articles/{}", shown[3]["article"]["card"]["id"])).await;
    assert_eq!(reloaded, shown[3]);
    assert_eq!((newsroom.loads("get_article"), newsroom.loads("get_comments")), (1, 1));
}

#[tokio::test]
async fn headers_forbid_foreign_scripts_and_frames() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    for path in ["/", "/articles/60", "/nowhere", "/api/feed", "/api/nowhere", "/newsroom.js", "/?before=x"] {
        let headers = newsroom.get(path).await.headers;
        let policy = headers["content-security-policy"].to_str().unwrap();
        for part in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "same-origin", "{path}");
    }
    // The pages need nothing else.
    for path in ["/", "/articles/60", "/search?q=the", "/nowhere"] {
        let page = newsroom.get(path).await.body;
        for inline in [" style=\"", "<style", "<script>", " onclick", "javascript:"] {
            assert!(!page.contains(inline), "{path} has {inline}");
        }
    }
}

#[tokio::test]
async fn a_method_that_is_not_there_is_a_405_with_those_that_are() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let call =
        async |method, path| newsroom.visitor().await.send(method, path, &[], String::new()).await.unwrap();
    for (method, path, allow) in [
        ("POST", "/", "GET,HEAD"),
        ("DELETE", "/articles/60", "GET,HEAD"),
        ("GET", "/articles/60/comments", "POST"),
        ("OPTIONS", "/api/articles/60/comments", "GET,HEAD,POST"),
    ] {
        let response = call(method, path).await;
        assert_eq!(response.status, 405, "{method} {path}");
        assert_eq!(response.headers["allow"], allow, "{method} {path}");
        assert!(response.body.contains(method), "{method} {path}: {}", response.body);
    }
    let head = call("HEAD", "/articles/60").await;
    assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn what_a_client_says_is_said_back_in_part_only() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let long = "a".repeat(5_000);
    for path in [
        format!("/{long}"),
        format!("/api/{long}"),
        format!("/api/feed?before={long}"),
        format!("/?before={long}"),
    ] {
        let body = newsroom.get(&path).await.body;
        assert!(body.contains("aaa...") && !body.contains(&long[..200]), "{body}");
    }
    for path in
        [format!("/articles/{long}"), format!("/api/authors/{long}"), "/articles/%E2%80%AE1".to_owned()]
    {
        let refused = newsroom.get(&path).await;
        assert_eq!(refused.status, 400);
        let said = "articles and authors have numbers, as in /articles/60";
        assert!(refused.body.contains(said) && !refused.body.contains("aaa"), "{}", refused.body);
    }
}

#[tokio::test]
async fn the_api_answers_with_json() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    for path in
        ["/api", "/api/", "/api/nowhere", "/api/articles/x", "/api/feed?before=1&before=2", "/events/61"]
    {
        let refused = newsroom.get(path).await;
        assert!(refused.status.is_client_error(), "{path}");
        assert!(!refused.json().unwrap()["error"].as_str().unwrap().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn only_the_machine_itself_looks_inside_unless_it_is_opened() {
    let folder = tempdir().unwrap();
    let status = async |inspection, header: Option<(&'static str, &'static str)>| {
        let newsroom =
            TestNewsroom::open_with(folder.path(), &Settings { inspection, ..Settings::default() }).await;
        let mut all = Vec::new();
        let cookie = match newsroom.service.inspector() {
            Some(link) => cookie_of(&newsroom, link).await,
            None => String::new(),
        };
        for path in ["/_cache/", "/_cache/state", "/api/stats"] {
            let headers: Vec<_> = header.into_iter().chain([("cookie", &*cookie)]).collect();
            let response = newsroom.visitor().await.send("GET", path, &headers, String::new()).await.unwrap();
            all.push(response.status.as_u16());
        }
        newsroom.close().await;
        all.dedup();
        all
    };
    let of_a_proxy = Some(("x-forwarded-for", "203.0.113.7"));
    assert_eq!(status(Inspection::Local, None).await, [200]);
    assert_eq!(status(Inspection::Local, of_a_proxy).await, [403]);
    assert_eq!(status(Inspection::Local, Some(("forwarded", "for=203.0.113.7"))).await, [403]);
    // The name of a site may resolve to this machine.
    assert_eq!(status(Inspection::Local, Some(("host", "news.example"))).await, [403]);
    for name in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"] {
        assert_eq!(status(Inspection::Local, Some(("host", name))).await, [200]);
    }
    assert_eq!(status(Inspection::Open, of_a_proxy).await, [200]);
    assert_eq!(status(Inspection::Off, None).await, [404]);
}

/// Opens the link of the inspector, which sets a cookie. Empty if it is refused.
async fn cookie_of(newsroom: &TestNewsroom, link: &str) -> String {
    let path = link.split_once("/_cache").map(|(_, rest)| format!("/_cache{rest}")).unwrap();
    let entered = newsroom.get(&path).await;
    assert_eq!((entered.status.as_u16(), &entered.headers["location"]), (303, &"./".parse().unwrap()));
    entered.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_inspector_shows_the_cache_to_who_has_its_link_and_ends_with_the_service() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    assert_eq!(newsroom.get("/articles/60").await.status, 200);
    assert_eq!(newsroom.get("/_cache/").await.status, 401);
    assert_eq!(newsroom.get("/_cache/?token=00000000000000000000000000000000").await.status, 403);
    let cookie = cookie_of(&newsroom, newsroom.service.inspector().unwrap()).await;
    let headers = [("cookie", &*cookie)];
    let get = async |path| newsroom.visitor().await.send("GET", path, &headers, String::new()).await.unwrap();
    let page = get("/_cache/").await;
    assert!(page.body.contains("<title>Cache inspector</title>"));
    assert!(page.headers["content-security-policy"].to_str().unwrap().contains("script-src 'nonce-"));
    let found = get("/_cache/entries?q=getarticle&table=get_article").await.json().unwrap();
    assert!(found["entries"].as_array().unwrap().iter().any(|entry| entry["key"] == "GetArticle { id: 60 }"));
    let commits = get("/_cache/state").await.json().unwrap();
    assert!(!commits["commits"].as_array().unwrap().is_empty());
    // A page that is open does not delay the end.
    let mut updates = newsroom.visitor().await.listen_with("/_cache/updates", &headers).await.unwrap();
    assert!(updates.next().await.unwrap().is_some());
    assert_eq!(newsroom.service.stop().await, 0, "no connection was cut off");
}

#[tokio::test]
async fn the_inspector_is_reached_by_the_names_of_the_settings() {
    let folder = tempdir().unwrap();
    let hosts = vec!["news.example".to_owned()];
    let settings = Settings { inspection: Inspection::Open, hosts, ..Settings::default() };
    let newsroom = TestNewsroom::open_with(folder.path(), &settings).await;
    let status = async |host: &str| {
        newsroom
            .visitor()
            .await
            .send("GET", "/_cache/", &[("host", host)], String::new())
            .await
            .unwrap()
            .status
            .as_u16()
    };
    assert_eq!((status("news.example").await, status("evil.example").await), (401, 403));
}

#[tokio::test]
async fn statistics_are_refused_to_requests_that_name_a_domain() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let status = async |target: &str, hosts: &[&str]| {
        let hosts: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
        newsroom.visitor().await.send("GET", target, &hosts, String::new()).await.unwrap().status.as_u16()
    };
    // The target takes precedence over the header.
    assert_eq!(status("http://news.example/api/stats", &["127.0.0.1"]).await, 403);
    assert_eq!(status("/api/stats", &["127.0.0.1", "news.example"]).await, 403);
    assert_eq!(status("/api/stats", &["news example"]).await, 403);
    assert_eq!(status("/api/stats", &["localhost.news.example"]).await, 403);
    assert_eq!(status("http://127.0.0.1:8080/api/stats", &["127.0.0.1:8080"]).await, 200);
    assert_eq!(status("/api/stats", &[""]).await, 200);
}

/// Needs an address of this machine that is not a loopback address. Without one the test passes without a check.
#[tokio::test]
async fn another_address_of_this_machine_is_not_local() {
    let folder = tempdir().unwrap();
    // Sends nothing: it only finds out which address would be used.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let Ok(Ok(address)) = socket.connect("198.51.100.1:9").map(|()| socket.local_addr()) else { return };
    if address.ip().is_loopback() {
        return;
    }
    let client = newsroom::app::open(folder.path(), crate::test_newsroom::SIZE, |_| ()).await.unwrap();
    let listener = tokio::net::TcpListener::bind((address.ip(), 0)).await.unwrap();
    let service = newsroom::service::Service::start(client, listener, &Settings::default()).unwrap();
    let mut visitor = newsroom::visitor::Visitor::to(service.address()).await.unwrap();
    let refused = visitor.get("/api/stats").await.unwrap();
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("--inspection open"), "{}", refused.body);
    assert_eq!(visitor.get("/api/feed").await.unwrap().status, 200);
}
