//! The newspaper in a real browser. Needs Chromium, so that it is a test by its own command: `examples/newsroom/browser-test`.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod chromium;

use std::path::{Path, PathBuf};
use std::time::Duration;

use chromium::{Chromium, Tab};
use newsroom::app;
use newsroom::database::Size;
use newsroom::service::Service;
use newsroom::settings::Settings;
use tempfile::tempdir;

const SIZE: Size = Size { articles: 400, authors: 600 };

/// The first comment of the list has this text, and is this far.
fn first_comment(text: &str, is_sent: bool) -> String {
    let first = "document.querySelector('.comments li:first-child')";
    format!(
        "{first}?.querySelector('.said').textContent === {} && {first}.classList.contains('sending') === {}",
        serde_json::json!(text),
        !is_sent
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_opens_an_article_and_comments() {
    let folder = tempdir().unwrap();
    let client = app::open(folder.path(), SIZE, |line| println!("{line}")).await.unwrap();
    let service = Service::start_anywhere(client, &Settings::default()).await.unwrap();
    let front = format!("http://{}/", service.address());
    let faults = &service.client().app().database.faults;
    let mut browser = Chromium::start().await;

    let reader = browser.open(&front).await;
    assert_eq!(browser.ask(&reader, "document.querySelectorAll('article').length").await, 20);
    assert_eq!(browser.ask(&reader, "document.documentElement.scrollWidth <= innerWidth").await, true);
    browser.click(&reader, ".lead h2 a").await;
    browser.wait(&reader, "location.pathname === '/articles/400'").await;
    let story = format!("{front}articles/400");
    let other = browser.open(&story).await;
    for tab in [&reader, &other] {
        browser.wait(tab, "document.querySelector('.live')?.hidden === false").await;
    }

    let before = browser.ask(&reader, "Number(document.querySelector('.discussion').dataset.total)").await;
    let text = "I was there, and <b>this</b> is how it was.\nEverybody laughed.";
    browser.ask(&reader, "window.stays = true").await;
    browser.write(&reader, "input[name=name]", "Ada Browser").await;
    browser.write(&reader, "textarea", text).await;
    faults.delay(Duration::from_millis(700));
    browser.click(&reader, ".comment button").await;
    // Both see it at once, and that it is on its way; then that it is there.
    for is_sent in [false, true] {
        for tab in [&reader, &other] {
            browser.wait(tab, &first_comment(text, is_sent)).await;
        }
    }
    faults.delay(Duration::ZERO);
    let after = before.as_u64().unwrap() + 1;
    browser
        .wait(&reader, &format!("document.querySelector('.discussion').dataset.total === '{after}'"))
        .await;
    assert_eq!(browser.ask(&reader, "window.stays").await, true, "the page was loaded again");

    browser.go(&reader, &front).await;
    browser.go(&reader, &story).await;
    browser.wait(&reader, &first_comment(text, true)).await;
    assert_eq!(browser.ask(&reader, "document.querySelectorAll('.said b').length").await, 0);

    // What is empty is not sent, and what is too long is told.
    browser.click(&reader, ".comment button").await;
    assert_eq!(browser.ask(&reader, "document.querySelector('form.comment').checkValidity()").await, false);

    pictures(&mut browser, &reader, &front).await;
    drop(browser);
    service.stop().await;
}

async fn pictures(browser: &mut Chromium, tab: &Tab, front: &str) {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
    let folder = target.join("newsroom-pictures");
    std::fs::create_dir_all(&folder).unwrap();
    let pages = [
        ("front", ""),
        ("article", "articles/400"),
        ("comments", "articles/400#comments"),
        ("search", "search?q=soup"),
        ("section", "sections/science"),
        ("inspect", "inspect"),
        ("absent", "articles/999"),
    ];
    for (scheme, width) in [("light", 1280), ("dark", 1280), ("light", 390)] {
        browser.scheme(tab, scheme).await;
        browser.size(tab, width, if width > 600 { 1000 } else { 844 }).await;
        for (name, path) in pages {
            browser.go(tab, "about:blank").await;
            browser.go(tab, &format!("{front}{path}")).await;
            let fits = browser.ask(tab, "document.documentElement.scrollWidth <= innerWidth").await;
            assert_eq!(fits, true, "{name} is wider than {width}");
            tokio::time::sleep(Duration::from_millis(250)).await;
            browser.picture(tab, &folder.join(format!("{name}-{scheme}-{width}.png"))).await;
        }
    }
    println!("pictures are in {}", folder.display());
}
