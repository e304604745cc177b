//! Texts of users that try to end the script or to become one.

use std::collections::HashSet;

use cache_web::Cx;
use serde_json::json;

use super::magazine::{Broken, Echo, Magazine, Texts, everything, flushes, magazine_client, open};
use super::received::Received;

pub const TEXTS: &[&str] = &[
    "</script><script>alert(1)</script>",
    "<!--<script",
    "<!-- --><script>",
    "]]>",
    "'",
    "\"",
    "\\",
    "\\'",
    "\\u003c",
    "');alert(1);('",
    "\u{2028}\u{2029}",
    "\0",
    "\u{1b}\u{7f}\r\n\t",
    "&lt;&amp;",
    "__proto__",
    "constructor",
    "${alert(1)}",
    "\u{2027}\u{202a}\u{2030}€",
    "\u{feff}\u{202e}\u{fffe}\u{10ffff}",
    "Zcache-web-place-",
    "",
];

/// A page with the text as key, value and error.
async fn page(text: &'static str, as_blocks: bool) -> String {
    let client = magazine_client();
    let sent = open(&client, async move |cx: Cx<Magazine>| {
        let page = cx.page(&everything().with_errors::<Broken>());
        if as_blocks {
            page.data_blocks();
        }
        let key = Echo { text: text.to_owned(), option: Some(text.to_owned()) };
        page.query(&key).await.unwrap();
        page.announce(&Broken { text: text.to_owned() });
        page.html(format!("<p>before</p>{}<p>after</p>", page.place()))
    })
    .await;
    sent.whole()
}

#[tokio::test(start_paused = true)]
async fn no_text_changes_the_page_and_each_one_arrives_as_it_is() {
    for as_blocks in [false, true] {
        for text in TEXTS {
            let received = Received::read(&page(text, as_blocks).await);
            assert_eq!(received.html, "<p>before</p><p>after</p>", "{text:?}");
            let messages: Vec<_> = received.all().filter(|message| message.get("t").is_none()).collect();
            assert_eq!(messages[0]["k"], json!({ "text": text, "option": text }));
            let texts: Texts = serde_json::from_value(messages[0]["d"].clone()).unwrap();
            assert_eq!(texts, Texts::of(text));
            assert_eq!(messages[1]["k"]["text"], *text);
            assert_eq!(messages[2]["e"], *text);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_script_of_state_has_exactly_one_beginning_and_one_end() {
    for text in TEXTS {
        let page = page(text, false).await;
        let flushes = Received::read(&page).flushes.len();
        assert_eq!(page.matches("<script").count(), flushes, "{page}");
        assert_eq!(page.matches("</script").count(), flushes, "{page}");
        assert_eq!(page.matches("<!--").count(), 0, "{page}");
    }
}

#[tokio::test(start_paused = true)]
async fn data_blocks_contain_no_script_that_runs() {
    let page = page("text", true).await;
    let blocks = page.matches("<script type=\"application/json\" data-cache-web>").count();
    assert_eq!((blocks, page.matches("<script").count()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn nonces_and_places_differ_from_response_to_response() {
    let client = magazine_client();
    let handler = async |cx: Cx<Magazine>| {
        let page = cx.page(&everything());
        page.query(&Echo { text: String::new(), option: None }).await.unwrap();
        assert_eq!(page.nonce().len(), 32);
        format!("{} {} {}", page.nonce(), page.place(), page.nonce())
    };
    let routes = axum::Router::new()
        .route("/", axum::routing::get(handler))
        .layer(cache_web::RequestLayer::new(&client));
    let mut words = HashSet::new();
    for _ in 0..40 {
        let sent = flushes(routes.clone()).await.whole();
        let [nonce, place, again] = sent.split(' ').collect::<Vec<_>>()[..] else { panic!("{sent}") };
        assert_eq!(nonce, again);
        assert!(!place.contains(nonce), "a place that was seen says nothing about the nonce");
        words.extend([nonce.to_owned(), place.to_owned()]);
    }
    assert_eq!(words.len(), 80);
}
