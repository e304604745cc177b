//! The place of the state in the HTML.

use cache_web::{Cx, Page};

use super::magazine::{Article, Magazine, everything, magazine_client, open};

async fn status_and_text(shell: fn(&Page<Magazine>) -> String) -> (u16, String) {
    let client = magazine_client();
    let sent = open(&client, async move |cx: Cx<Magazine>| {
        let page = cx.page(&everything());
        page.query(&Article { id: 7 }).await.unwrap();
        page.html(shell(&page))
    })
    .await;
    (sent.status, sent.whole())
}

#[tokio::test(start_paused = true)]
async fn a_shell_without_a_place_or_with_two_is_an_error() {
    let (status, text) = status_and_text(|_| "<p>Text</p>".to_owned()).await;
    assert_eq!(status, 500);
    assert!(text.contains("write `page.place()` into it, once"), "{text}");

    let (status, text) = status_and_text(|page| format!("{}<p>Text</p>{0}", page.place())).await;
    assert_eq!(status, 500);
    assert!(text.contains("write `page.place()` into it only once"), "{text}");

    assert_eq!(status_and_text(|page| page.place().to_string()).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_text_that_begins_like_a_place_is_a_text() {
    let (status, text) = status_and_text(|page| {
        let place = page.place().to_string();
        let begin = &place[..17];
        format!("{begin}é{place}{begin}")
    })
    .await;
    assert_eq!(status, 200);
    assert!(text.contains("é<script nonce="), "{text}");

    let (status, _) =
        status_and_text(|page| format!("Zcache-web-place-{}{}", "0".repeat(32), page.place())).await;
    assert_eq!(status, 200);
    let (status, _) =
        status_and_text(|page| page.place().to_string().replace(|digit: char| digit.is_ascii_digit(), "f"))
            .await;
    assert_eq!(status, 500, "a place with another word");
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_sent_twice_is_an_error() {
    let client = magazine_client();
    let sent = open(&client, async |cx: Cx<Magazine>| {
        let page = cx.page(&everything());
        page.query(&Article { id: 7 }).await.unwrap();
        drop(page.html(page.place().to_string()));
        page.html(page.place().to_string())
    })
    .await;
    assert_eq!((sent.status, sent.whole().as_str()), (500, "the page was sent already: call `html` once\n"));
}

#[tokio::test(start_paused = true)]
async fn a_template_that_escapes_leaves_the_place_as_it_is() {
    let (status, text) = status_and_text(|page| {
        let escaped: String = page.place().to_string().chars().flat_map(char::escape_default).collect();
        escaped.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
    })
    .await;
    assert_eq!(status, 200);
    assert!(text.starts_with("<script nonce="), "{text}");
}
