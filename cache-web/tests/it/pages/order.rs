//! What is sent when.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use cache_core::EntryTimes;
use cache_web::{Cx, PageResponse, RequestLayer};

use super::magazine::{
    Article, Broken, Issue, MILLISECOND, Magazine, Remarks, everything, flushes, magazine_client, open,
    open_within,
};
use crate::blog::takes;

fn shell(place: &cache_web::Place) -> String {
    format!("<!doctype html><title>Page</title>{place}<p>Text</p>")
}

#[tokio::test(start_paused = true)]
async fn settled_answers_are_in_the_first_flush_and_announced_ones_follow() {
    let client = magazine_client();
    let sent = open(&client, async |cx: Cx<Magazine>| {
        let page = cx.page(&everything());
        let article = page.query(&Article { id: 7 }).await.unwrap();
        page.announce(&Remarks { article: 7, millis: 300 });
        page.announce(&Remarks { article: 8, millis: 100 });
        assert_eq!(*article, "Article 7");
        page.html(shell(&page.place()))
    })
    .await;
    let times: Vec<Duration> = sent.flushes.iter().map(|(time, _)| *time).collect();
    assert_eq!(times, [Duration::ZERO, 100 * MILLISECOND, 300 * MILLISECOND]);
    let received = sent.received();
    assert_eq!(received.html, "<!doctype html><title>Page</title><p>Text</p>");
    assert_eq!(
        received.messages(),
        [
            vec![
                r#"{"d":"Article 7","k":{"id":7},"q":"article"}"#,
                r#"{"i":1,"k":{"article":7,"millis":300},"q":"remarks"}"#,
                r#"{"i":2,"k":{"article":8,"millis":100},"q":"remarks"}"#,
            ],
            vec![r#"{"d":["Remark on 8"],"i":2}"#],
            vec![r#"{"d":["Remark on 7"],"i":1}"#, r#"{"end":1}"#],
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_settles_before_the_shell_is_ready_is_not_announced() {
    let client = magazine_client();
    let sent = open(&client, async |cx: Cx<Magazine>| {
        let page = cx.page(&everything());
        page.announce(&Remarks { article: 7, millis: 20 });
        // The shell takes longer than the load.
        takes(30 * MILLISECOND).await;
        page.html(shell(&page.place()))
    })
    .await;
    let expected = [r#"{"d":["Remark on 7"],"k":{"article":7,"millis":20},"q":"remarks"}"#, r#"{"end":1}"#];
    assert_eq!(sent.received().messages(), [expected]);
}

#[tokio::test(start_paused = true)]
async fn a_cached_answer_that_is_announced_is_in_the_first_flush() {
    let client = magazine_client();
    client.query(&Article { id: 7 }).await.unwrap();
    let sent = open(&client, async |cx: Cx<Magazine>| {
        let page = cx.page(&everything());
        page.announce(&Article { id: 7 });
        page.html(shell(&page.place()))
    })
    .await;
    let expected = [r#"{"d":"Article 7","k":{"id":7},"q":"article"}"#, r#"{"end":1}"#];
    assert_eq!(sent.received().messages(), [expected]);
}

#[tokio::test(start_paused = true)]
async fn each_key_is_sent_once() {
    let client = magazine_client();
    let sent = open(&client, async |cx: Cx<Magazine>| {
        let page = cx.page(&everything());
        for _ in 0..2 {
            page.query(&Article { id: 7 }).await.unwrap();
            page.announce(&Article { id: 7 });
            page.announce(&Remarks { article: 7, millis: 20 });
            page.defer(&Remarks { article: 8, millis: 0 });
        }
        page.query(&Remarks { article: 8, millis: 0 }).await.unwrap();
        page.html(shell(&page.place()))
    })
    .await;
    let received = sent.received();
    assert_eq!(received.values().len(), 3);
    assert_eq!(received.all().filter(|message| message.get("q").is_some()).count(), 3);
}

#[tokio::test(start_paused = true)]
async fn equal_keys_of_two_queries_are_two_entries() {
    let client = magazine_client();
    let sent = open(&client, async |cx: Cx<Magazine>| {
        let page = cx.page(&everything().public::<Issue>());
        page.query(&Article { id: 7 }).await.unwrap();
        page.query(&Issue { id: 7 }).await.unwrap();
        page.html(shell(&page.place()))
    })
    .await;
    assert_eq!(sent.received().values(), ["Article 7", "Issue 7"]);
}

#[tokio::test(start_paused = true)]
async fn the_name_of_a_query_is_escaped_like_a_text() {
    let client = magazine_client();
    let sent = open(&client, async |cx: Cx<Magazine>| {
        let page = cx.page(&everything().public::<Issue>());
        page.query(&Issue { id: 7 }).await.unwrap();
        page.html(shell(&page.place()))
    })
    .await;
    let expected = [r#"{"d":"Issue 7","k":{"id":7},"q":"editor's-issue"}"#, r#"{"end":1}"#];
    assert_eq!(sent.received().messages(), [expected]);
}

#[tokio::test(start_paused = true)]
async fn the_page_is_sent_what_the_render_saw() {
    let client = magazine_client();
    let writer = client.clone();
    let sent = open(&client, async move |cx: Cx<Magazine>| {
        let page = cx.page(&everything());
        let seen = page.query(&Article { id: 7 }).await.unwrap();
        writer.cache().insert(Article { id: 7 }, "Newer".to_owned());
        page.html(format!("{}<h1>{seen}</h1>", page.place()))
    })
    .await;
    let received = sent.received();
    assert_eq!(received.html, "<h1>Article 7</h1>");
    assert_eq!(received.values(), ["Article 7"]);
    assert_eq!(*client.query(&Article { id: 7 }).await.unwrap(), "Newer");
}

#[tokio::test(start_paused = true)]
async fn a_deferred_answer_holds_the_first_flush_for_a_while() {
    for (millis, first) in [(200, 200), (2_000, 500)] {
        let client = magazine_client();
        let sent = open(&client, async move |cx: Cx<Magazine>| {
            let page = cx.page(&everything());
            page.defer(&Remarks { article: 7, millis });
            page.announce(&Remarks { article: 8, millis: 300 });
            page.html(shell(&page.place()))
        })
        .await;
        let times: Vec<u128> = sent.flushes.iter().map(|(time, _)| time.as_millis()).collect();
        match millis {
            200 => assert_eq!(times, [first, 300]),
            _ => assert_eq!(times, [first, 2_000], "both are announced by then, or settled"),
        }
        assert_eq!(sent.received().values().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_the_page_ends_with_what_is_missing_skipped() {
    let client = magazine_client();
    let sent = open_within(&client, 100 * MILLISECOND, async |cx: Cx<Magazine>| {
        let page = cx.page(&everything());
        page.announce(&Remarks { article: 7, millis: 50 });
        page.announce(&Remarks { article: 8, millis: 5_000 });
        page.html(shell(&page.place()))
    })
    .await;
    let times: Vec<_> = sent.received().all().filter_map(|message| message["t"].as_u64()).collect();
    assert_eq!(times, [100], "the browser waits no longer");
    let messages = sent.received().messages();
    assert_eq!(messages[1], [r#"{"d":["Remark on 7"],"i":0}"#]);
    assert_eq!(messages[2], [r#"{"i":1,"x":1}"#, r#"{"end":1}"#]);
    assert_eq!(sent.flushes.last().unwrap().0, 100 * MILLISECOND);
}

#[tokio::test(start_paused = true)]
async fn a_failure_says_only_that_it_failed_unless_the_list_says_more() {
    for (tells, expected) in [(false, "null"), (true, r#""the database is down""#)] {
        let client = magazine_client();
        let sent = open(&client, async move |cx: Cx<Magazine>| {
            let web = if tells { everything().with_errors::<Broken>() } else { everything() };
            let page = cx.page(&web);
            page.announce(&Broken { text: "the database is down".to_owned() });
            page.html(shell(&page.place()))
        })
        .await;
        assert!(sent.whole().contains(&format!("\"e\":{expected}")), "{}", sent.whole());
        assert_eq!(sent.whole().matches("database").count(), if tells { 2 } else { 1 }, "the key has it");
    }
}

#[tokio::test(start_paused = true)]
async fn ages_count_from_when_the_answer_was_true() {
    let client = magazine_client();
    client.query(&Article { id: 7 }).await.unwrap();
    client.query(&Article { id: 8 }).await.unwrap();
    takes(Duration::from_secs(20)).await;
    client.cache().invalidate(&Remarks { article: 7, millis: 0 });
    let sent = open(&client, async |cx: Cx<Magazine>| {
        let page = cx.page(&everything());
        page.query(&Article { id: 7 }).await.unwrap();
        takes(Duration::from_secs(5)).await;
        page.query(&Article { id: 9 }).await.unwrap();
        page.html(shell(&page.place()))
    })
    .await;
    let received = sent.received();
    let ages: Vec<u64> = received.all().filter_map(|message| message.get("a")?.as_u64()).collect();
    assert_eq!(ages, [25_000, 0]);
    assert!(received.all().all(|message| message.get("s").is_none()));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_the_cache_has_replaced_is_stale() {
    let client = magazine_client();
    let writer = client.clone();
    let sent = open(&client, async move |cx: Cx<Magazine>| {
        // The first answer of a request is kept in its tree.
        cx.query(&Article { id: 7 }).await.unwrap();
        writer.cache().insert(Article { id: 7 }, "Newer".to_owned());
        let page = cx.page(&everything());
        page.query(&Article { id: 7 }).await.unwrap();
        page.html(shell(&page.place()))
    })
    .await;
    let received = sent.received();
    let stale: Vec<_> = received.all().filter(|message| message.get("s").is_some()).collect();
    assert_eq!(stale.len(), 1);
    assert_eq!(stale[0]["d"], "Article 7");
}

/// A page that shows the articles 7 and 8.
async fn two_articles(cx: Cx<Magazine>) -> PageResponse {
    let page = cx.page(&everything());
    page.query(&Article { id: 7 }).await.unwrap();
    page.query(&Article { id: 8 }).await.unwrap();
    page.html(shell(&page.place()))
}

#[tokio::test(start_paused = true)]
async fn an_optimistic_answer_is_stale() {
    let client = magazine_client();
    for id in [7, 8] {
        client.query(&Article { id }).await.unwrap();
    }
    let _layer = client.optimistic(|layer| {
        layer.update(&Article { id: 7 }, |_| Some("Hoped for".to_owned()));
    });
    let received = open(&client, two_articles).await.received();
    let is_stale = |message: &&serde_json::Value| message.get("s").is_some();
    assert_eq!(
        received.all().filter(is_stale).map(|message| &message["d"]).collect::<Vec<_>>(),
        ["Hoped for"]
    );
    assert_eq!(received.values(), ["Hoped for", "Article 8"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_with_a_freshness_time_of_its_own_says_so() {
    let client = magazine_client();
    let times = EntryTimes::new().fresh(Duration::from_secs(5));
    client.cache().insert_timed(Article { id: 7 }, "Timed".to_owned(), times);
    let received = open(&client, two_articles).await.received();
    let times: Vec<_> = received.all().filter_map(|message| message["f"].as_u64()).collect();
    assert_eq!(times, [5_000], "that of the other is the query's");
}

#[tokio::test(start_paused = true)]
async fn without_a_deadline_the_browser_waits_half_a_minute() {
    let client = magazine_client();
    let handler = async |cx: Cx<Magazine>| {
        let page = cx.page(&everything());
        page.announce(&Remarks { article: 7, millis: 300 });
        page.html(shell(&page.place()))
    };
    let routes = Router::new().route("/", get(handler)).layer(RequestLayer::new(&client));
    let received = flushes(routes).await.received();
    let times: Vec<_> = received.all().filter_map(|message| message["t"].as_u64()).collect();
    assert_eq!(times, [30_000]);
}
