//! What readers write: what is accepted, rejected, and shown.

use tempfile::tempdir;

use crate::test_newsroom::TestNewsroom;

#[tokio::test]
async fn a_name_with_an_invisible_character_is_rejected_and_nothing_is_written() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let before = newsroom.json("/api/articles/60/comments").await;
    for name in [
        "Ada\u{200b}",
        "\u{202e}adA",
        "A\u{0}da",
        "\u{3164}",
        "\u{2800}",
        "A\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}",
    ] {
        let refused = newsroom.post(60, name, "Hello.").await;
        assert_eq!(refused.status, 400, "{name:?}");
        let message = refused.json().unwrap()["error"].as_str().unwrap().to_owned();
        assert!(message.starts_with("the name has "), "{message}");
    }
    // A form gives the same message on a page.
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let body = "name=Ada%E2%80%8B&text=Hello".to_owned();
    let refused =
        newsroom.visitor().await.send("POST", "/articles/60/comments", &headers, body).await.unwrap();
    assert_eq!(refused.status, 400);
    assert!(
        refused.body.contains("U+200B, at place 4") && refused.body.contains("</html>"),
        "{}",
        refused.body
    );
    let body = "name=A%ffda&text=Hello".to_owned();
    let refused =
        newsroom.visitor().await.send("POST", "/articles/60/comments", &headers, body).await.unwrap();
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("must be sent as UTF-8"), "{}", refused.body);
    assert_eq!(newsroom.json("/api/articles/60/comments").await, before);
}

#[tokio::test]
async fn a_text_is_kept_without_invisible_characters() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let posted = newsroom.post(60, "Ada", "One\u{202e}\u{200b},\r\ntwo.\u{1b}[2J").await;
    assert_eq!(posted.status, 201);
    assert_eq!(posted.json().unwrap()["text"], "One,\ntwo.[2J");
    let page = newsroom.get("/articles/60?whole=true").await.body;
    assert!(page.contains("One,\ntwo.[2J") && page.contains("<bdi>Ada</bdi>"), "{page}");
}

#[tokio::test]
async fn a_long_comment_is_all_there_and_can_be_opened() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    for (text, is_long) in
        [("short".to_owned(), false), ("word ".repeat(390), true), ("line\n".repeat(30), true)]
    {
        let posted = newsroom.post(60, "Ada", &text).await.json().unwrap();
        assert_eq!(posted["is_long"], is_long, "{text}");
        let page = newsroom.get("/articles/60?whole=true").await.body;
        let newest = page.split("<li data-number=").nth(1).unwrap();
        assert!(newest.contains(text.trim()), "the whole text is shown: {newest}");
        assert_eq!(newest.contains("<details class=\"more\">"), is_long, "{newest}");
    }
}

#[tokio::test]
async fn what_cannot_be_seen_does_not_part_the_words_of_a_search() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let found = newsroom.json("/api/search?q=so%E2%80%8Bup").await;
    assert_eq!(found, newsroom.json("/api/search?q=soup").await);
    let page = newsroom.get("/search?q=%E2%80%AEpuos").await.body;
    assert!(!page.contains('\u{202e}'), "{page}");
}
