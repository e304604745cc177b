//! What leaves the server, and what never does.

use axum::Router;
use axum::http::HeaderMap;
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::routing::get;
use cache_web::{Cx, RequestLayer, Web};

use super::magazine::{
    Article, Broken, MILLISECOND, Magazine, Remarks, Secret, everything, flushes, magazine_client, open,
};
use super::received::Received;
use crate::serving::{Connection, Version, request, text};

#[tokio::test(start_paused = true)]
async fn an_unlisted_query_works_and_is_nowhere_in_the_response() {
    let client = magazine_client();
    let sent = open(&client, async |cx: Cx<Magazine>| {
        let page = cx.page(&everything());
        // Its load reads the secret, too.
        page.query(&Article { id: 7 }).await.unwrap();
        let secret = page.query(&Secret).await.unwrap();
        assert_eq!(*secret, "the-secret-of-the-loads");
        page.announce(&Secret);
        page.html(format!("{}<p>Text</p>", page.place()))
    })
    .await;
    assert!(!sent.whole().to_lowercase().contains("secret"), "{}", sent.whole());
    assert_eq!(sent.received().values(), ["Article 7"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_handler_queries_by_its_context_is_not_sent() {
    let client = magazine_client();
    let sent = open(&client, async |cx: Cx<Magazine>| {
        cx.query(&Article { id: 7 }).await.unwrap();
        let page = cx.page(&everything());
        page.html(format!("{}<p>Text</p>", page.place()))
    })
    .await;
    assert_eq!(sent.whole(), "<p>Text</p>");
}

/// Each user may read the remarks on the article with the number of the user.
fn may_read(request: &Parts, key: &Remarks) -> bool {
    let user = request.headers.get("user").and_then(|user| user.to_str().ok());
    user.is_some_and(|user| user == key.article.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_guard_decides_for_each_request_and_key() {
    let client = magazine_client();
    let web = Web::new().guarded(may_read);
    let handler = async move |cx: Cx<Magazine>| {
        let page = cx.page(&web);
        let one = page.query(&Remarks { article: 1, millis: 10 }).await.unwrap();
        page.announce(&Remarks { article: 2, millis: 20 });
        page.html(format!("{}<p>{}</p>", page.place(), one.len()))
    };
    let routes = Router::new().route("/", get(handler)).layer(RequestLayer::new(&client));
    let mut received = Vec::new();
    for user in ["1", "2", "3"] {
        let mut connection = Connection::open(routes.clone(), Version::Http1, 64 * 1024).await;
        let mut request = request(axum::http::Method::GET, "/");
        request.headers_mut().insert("user", user.parse().unwrap());
        received.push(text(connection.send(request).await).await);
    }
    assert!(received[0].contains("Remark on 1") && !received[0].contains("Remark on 2"));
    assert!(!received[0].contains(r#""article":2"#), "the key is not announced either");
    assert!(received[1].contains("Remark on 2") && !received[1].contains("Remark on 1"));
    assert_eq!(received[2], "<p>1</p>");
}

#[tokio::test(start_paused = true)]
async fn listing_a_guarded_query_again_does_not_open_it() {
    for web in [
        Web::new().guarded(may_read).public::<Remarks>(),
        Web::new().public::<Remarks>().guarded(may_read),
        Web::new().guarded(may_read).guarded(|_: &Parts, _: &Remarks| true),
    ] {
        let client = magazine_client();
        let sent = open(&client, async move |cx: Cx<Magazine>| {
            let page = cx.page(&web);
            page.query(&Remarks { article: 1, millis: 10 }).await.unwrap();
            page.html(format!("{}<p>Text</p>", page.place()))
        })
        .await;
        assert_eq!(sent.whole(), "<p>Text</p>");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_with_state_is_private() {
    let client = magazine_client();
    let sent = open(&client, async |cx: Cx<Magazine>| {
        let page = cx.page(&everything());
        page.announce(&Article { id: 7 });
        page.html(page.place().to_string())
    })
    .await;
    assert_eq!(sent.headers[CACHE_CONTROL], "private, no-store");
    assert_eq!(sent.headers["content-type"], "text/html; charset=utf-8");

    let own = open(&client, async |cx: Cx<Magazine>| {
        let page = cx.page(&everything());
        page.announce(&Article { id: 7 });
        ([(CACHE_CONTROL, "max-age=5")], page.html(page.place().to_string()))
    })
    .await;
    assert_eq!(own.headers[CACHE_CONTROL], "max-age=5");
    assert_eq!(own.headers.get_all(CACHE_CONTROL).iter().count(), 1);

    let without = open(&client, async |cx: Cx<Magazine>| {
        let page = cx.page(&everything());
        page.html(page.place().to_string())
    })
    .await;
    assert!(!without.headers.contains_key(CACHE_CONTROL));
}

#[tokio::test(start_paused = true)]
async fn values_that_were_set_for_a_request_stay_in_its_page() {
    let client = magazine_client();
    let handler = async |cx: Cx<Magazine>, headers: HeaderMap| {
        if headers.contains_key("preview") {
            cx.set(&Article { id: 7 }, "Preview".to_owned()).unwrap();
        }
        let page = cx.page(&everything());
        page.query(&Article { id: 7 }).await.unwrap();
        page.html(page.place().to_string()).into_response()
    };
    let routes = Router::new().route("/", get(handler)).layer(RequestLayer::new(&client));
    let mut connection = Connection::open(routes.clone(), Version::Http1, 64 * 1024).await;
    let mut request = request(axum::http::Method::GET, "/");
    request.headers_mut().insert("preview", "1".parse().unwrap());
    let preview = Received::read(&text(connection.send(request).await).await);
    assert_eq!(preview.values(), ["Preview"]);
    assert_eq!(flushes(routes).await.received().values(), ["Article 7"]);
}

#[tokio::test(start_paused = true)]
async fn beyond_a_thousand_entries_the_browser_loads_by_itself() {
    let client = magazine_client();
    let sent = open(&client, async |cx: Cx<Magazine>| {
        let page = cx.page(&everything());
        for id in 0..1_001 {
            page.query(&Article { id }).await.unwrap();
        }
        page.announce(&Remarks { article: 1, millis: 0 });
        page.html(page.place().to_string())
    })
    .await;
    let received = sent.received();
    assert_eq!(received.values().len(), 1_000);
    assert!(!sent.whole().contains("Article 1000"));
    assert_eq!(received.messages().concat().last().unwrap(), r#"{"end":1}"#);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_skipped_and_smaller_answers_still_follow() {
    let client = magazine_client();
    let large = |size: usize| vec!["x".repeat(size)];
    let keys: Vec<Remarks> = (0..3).map(|article| Remarks { article, millis: 10 }).collect();
    for (key, size) in keys.iter().zip([1_000_000, 100_000, 10]) {
        client.cache().insert(key.clone(), large(size));
    }
    let announced = keys.clone();
    let sent = open(&client, async move |cx: Cx<Magazine>| {
        let page = cx.page(&everything());
        page.announce(&Remarks { article: 9, millis: 10 });
        for key in &announced {
            page.query(key).await.unwrap();
        }
        page.html(page.place().to_string())
    })
    .await;
    assert!(sent.whole().len() < 1_100_000);
    let received = sent.received();
    let sizes: Vec<usize> = received.values().iter().map(|value| value[0].as_str().unwrap().len()).collect();
    assert_eq!(sizes, [1_000_000, 10, "Remark on 9".len()]);
    assert_eq!(sent.flushes.last().unwrap().0, 10 * MILLISECOND);
}

#[tokio::test(start_paused = true)]
async fn keys_that_do_not_fit_are_not_announced() {
    let client = magazine_client();
    let sent = open(&client, async |cx: Cx<Magazine>| {
        let page = cx.page(&everything());
        for count in 0..20 {
            let text = "x".repeat(100_000 + count);
            page.announce(&Broken { text });
        }
        page.html(page.place().to_string())
    })
    .await;
    assert!((900_000..1_100_000).contains(&sent.whole().len()), "{}", sent.whole().len());
    let received = sent.received();
    let announced = received.all().filter(|message| message.get("q").is_some()).count();
    assert_eq!(announced, 10);
    let settled = received.all().filter(|message| message.get("e").is_some()).count();
    assert_eq!(settled, 10, "what was announced is told");
}
