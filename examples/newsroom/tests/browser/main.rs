//! The newspaper in a real browser. Needs Chromium, so it has its own command: `examples/newsroom/browser-test`.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod article;
mod chromium;
mod cutter;
mod inspector;
mod newspaper;
#[path = "../common/outage.rs"]
mod outage;
mod shared;

use std::path::{Path, PathBuf};
use std::time::Duration;

use chromium::{Chromium, Tab};
use newsroom::app;
use newsroom::database::{DatabaseError, Size};
use newsroom::service::Service;
use newsroom::settings::Settings;
use newsroom::visitor::Visitor;
use outage::{clock_in, move_database, show_pages};
use rusqlite::Connection;
use tempfile::tempdir;

const SIZE: Size = Size { articles: 400, authors: 600 };

/// Whether the first comment of the list has this text and this state.
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
    let long = "W".repeat(900);
    let retitle = move |connection: &mut Connection| {
        Ok::<_, DatabaseError>(connection.execute("UPDATE articles SET title = ? WHERE id = 399", [&long])?)
    };
    assert_eq!(service.client().app().database.write(retitle).await.unwrap(), 1);
    let mut browser = Chromium::start().await;

    let reader = browser.open(&front).await;
    assert_eq!(browser.evaluate(&reader, "document.querySelectorAll('article').length").await, 20);
    assert_eq!(
        browser
            .evaluate(&reader, "document.documentElement.scrollWidth <= document.documentElement.clientWidth")
            .await,
        true
    );
    browser.click(&reader, ".lead h2 a").await;
    browser.wait(&reader, "location.pathname === '/articles/400'").await;
    let story = format!("{front}articles/400");
    let other = browser.open(&story).await;
    assert_eq!(browser.evaluate(&reader, "document.hidden").await, false);
    for tab in [&reader, &other] {
        browser.wait(tab, "document.querySelector('.live')?.hidden === false").await;
    }

    let before =
        browser.evaluate(&reader, "Number(document.querySelector('.discussion').dataset.total)").await;
    let text = "I was there, and <b>this</b> is how it was.\nEverybody laughed.";
    browser.evaluate(&reader, "window.stays = true").await;
    browser.write(&reader, "input[name=name]", "Ada Browser").await;
    browser.write(&reader, "textarea", text).await;
    faults.delay(Duration::from_millis(700));
    browser.click(&reader, ".comment button").await;
    // Both see it at once, marked as being sent; then they see that it was written.
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
    assert_eq!(browser.evaluate(&reader, "window.stays").await, true, "the page was loaded again");

    browser.go(&reader, &front).await;
    browser.go(&reader, &story).await;
    browser.wait(&reader, &first_comment(text, true)).await;
    assert_eq!(browser.evaluate(&reader, "document.querySelectorAll('.said b').length").await, 0);

    keeps_titles_in_their_place(&mut browser, &reader, &front).await;
    keeps_comments_in_their_place(&mut browser, &reader, &story).await;
    begins_with_a_letter_that_fits(&mut browser, &reader, &front).await;

    // An empty comment is not sent, and one that is too long gives an error.
    browser.click(&reader, ".comment button").await;
    assert_eq!(
        browser.evaluate(&reader, "document.querySelector('form.comment').checkValidity()").await,
        false
    );

    pictures(&mut browser, &reader, &front).await;
    drop(browser);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_article_of_the_front_page_needs_no_load() {
    let folder = tempdir().unwrap();
    let client = app::open(folder.path(), SIZE, |_| ()).await.unwrap();
    let service = Service::start_anywhere(client, &Settings::default()).await.unwrap();
    let mut browser = Chromium::start().await;
    let reader = browser.open(&format!("http://{}/", service.address())).await;
    let ledger = service.client().app().database.ledger.report();
    browser.click(&reader, ".stories .teaser:nth-child(3) h2 a").await;
    browser.wait(&reader, "location.pathname.startsWith('/articles/')").await;
    browser.wait(&reader, "document.querySelector('.live')?.hidden === false").await;
    assert_eq!(service.client().app().database.ledger.report(), ledger);
    drop(browser);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newspaper_without_its_database_shows_older_pages_and_says_so() {
    let (folder, away) = (tempdir().unwrap(), tempdir().unwrap());
    show_pages(folder.path(), SIZE, &["/", "/articles/400"]).await;
    move_database(folder.path(), away.path());
    let clock = clock_in(Duration::from_secs(2 * 3_600));
    let client = app::open_with(folder.path(), SIZE, clock, |line| println!("{line}")).await.unwrap();
    let service = Service::start_anywhere(client, &Settings::default()).await.unwrap();
    let front = format!("http://{}/", service.address());
    let mut browser = Chromium::start().await;

    let reader = browser.open(&front).await;
    let says_so = "document.querySelector('.outdated')?.textContent.includes('2 hours ago') === true";
    browser.wait(&reader, says_so).await;
    assert_eq!(browser.evaluate(&reader, "document.querySelectorAll('article').length").await, 20);
    browser.click(&reader, ".lead h2 a").await;
    browser.wait(&reader, "location.pathname === '/articles/400'").await;
    browser.wait(&reader, says_so).await;
    browser.picture(&reader, &pictures_folder().join("outdated.png")).await;

    move_database(away.path(), folder.path());
    browser.go(&reader, &front).await;
    assert_eq!(
        browser.evaluate(&reader, "document.querySelector('.outdated')").await,
        serde_json::Value::Null
    );
    drop(browser);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_discussed_articles_follow_comments_without_a_reload() {
    let folder = tempdir().unwrap();
    let client = app::open(folder.path(), SIZE, |_| ()).await.unwrap();
    let service = Service::start_anywhere(client, &Settings::default()).await.unwrap();
    let mut browser = Chromium::start().await;
    let reader = browser.open(&format!("http://{}/", service.address())).await;
    browser.wait(&reader, "document.querySelector('.more-discussed').hidden === false").await;
    browser.click(&reader, ".more-discussed").await;
    browser.wait(&reader, "document.querySelectorAll('.discussed li').length === 12").await;

    let number_in = |place: u32, selector: &str| {
        let item = format!("document.querySelector('.discussed li:nth-child({place}) {selector}')");
        format!("Number(({item}.getAttribute('href') ?? {item}.textContent).match(/\\d+/)[0])")
    };
    let article = browser.evaluate(&reader, &number_in(2, "a")).await;
    let first = browser.evaluate(&reader, &number_in(1, ".meta")).await.as_u64().unwrap();
    let second = browser.evaluate(&reader, &number_in(2, ".meta")).await.as_u64().unwrap();
    browser.evaluate(&reader, "window.stays = true").await;
    let mut visitor = Visitor::to(service.address()).await.unwrap();
    for _ in second..=first {
        let body = serde_json::json!({ "name": "Ada", "text": "And another thing." });
        let posted = visitor.post(&format!("/api/articles/{article}/comments"), &body).await.unwrap();
        assert_eq!(posted.status, 201);
    }
    let (place, count) = (number_in(1, "a"), number_in(1, ".meta"));
    browser.wait(&reader, &format!("{place} === {article} && {count} === {}", first + 1)).await;
    assert_eq!(browser.evaluate(&reader, "window.stays").await, true, "the page was loaded again");
    assert_eq!(browser.evaluate(&reader, "document.querySelectorAll('.discussed li').length").await, 12);
    drop(browser);
    service.stop().await;
}

/// A very long title takes five lines in a list, and is never wider than the page.
async fn keeps_titles_in_their_place(browser: &mut Chromium, tab: &Tab, front: &str) {
    for width in [1280, 320] {
        browser.size(tab, width, 900).await;
        for path in ["", "articles/399"] {
            browser.go(tab, "about:blank").await;
            browser.go(tab, &format!("{front}{path}")).await;
            let fits = browser.evaluate(
                tab,
                "document.documentElement.scrollWidth <= document.documentElement.clientWidth",
            );
            assert_eq!(fits.await, true, "{path} at {width}");
        }
        browser.go(tab, front).await;
        let lines = "(() => { const title = document.querySelector('.teaser h2');
            return Math.round(title.clientHeight / parseFloat(getComputedStyle(title).lineHeight)); })()";
        assert_eq!(browser.evaluate(tab, lines).await, 5, "{width}");
    }
    browser.size(tab, 1280, 900).await;
}

/// A comment that is long, wide, or high stays within its own lines, and is shown in full on request.
async fn keeps_comments_in_their_place(browser: &mut Chromium, tab: &Tab, story: &str) {
    let stacked = format!("Z{} a", "\u{334}\u{35c}\u{489}\u{32e}".repeat(40));
    let comments = [("w".repeat(1_900), "wide"), ("line\n".repeat(60), "high"), (stacked, "stacked")];
    for (text, name) in &comments {
        let mut visitor = Visitor::to(story.split('/').nth(2).unwrap().parse().unwrap()).await.unwrap();
        let body = serde_json::json!({ "name": name.repeat(8), "text": text });
        assert_eq!(visitor.post("/api/articles/400/comments", &body).await.unwrap().status, 201);
    }
    for width in [1280, 320] {
        browser.size(tab, width, 900).await;
        for is_scripted in [true, false] {
            browser.scripts(tab, is_scripted).await;
            browser.go(tab, "about:blank").await;
            if is_scripted {
                browser.go(tab, story).await;
                browser.wait(tab, "document.querySelector('.live')?.hidden === false").await;
            } else {
                browser.go(tab, &format!("{story}?whole=true")).await;
            }
            let fits = browser
                .evaluate(tab, "document.documentElement.scrollWidth <= document.documentElement.clientWidth")
                .await;
            assert_eq!(fits, true, "{width}");
            let lines = "((n) => { const said = document.querySelectorAll('.said')[n];
                return Math.round(said.clientHeight / parseFloat(getComputedStyle(said).lineHeight)); })";
            let contained =
                "getComputedStyle(document.querySelector('.comments li')).contain.includes('paint')";
            assert_eq!(browser.evaluate(tab, contained).await, true);
            assert_eq!(browser.evaluate(tab, &format!("{lines}(1)")).await, 10, "the high one at {width}");
            assert_eq!(browser.evaluate(tab, &format!("{lines}(2)")).await, 10, "the wide one at {width}");
            browser.click(tab, ".comments li:nth-child(2) summary").await;
            browser.wait(tab, &format!("{lines}(1) === 60")).await;
        }
        browser.scripts(tab, true).await;
    }
    browser.size(tab, 1280, 900).await;
    browser.go(tab, "about:blank").await;
    browser.go(tab, story).await;
}

/// A word whose first letter is large reads as one word, and no line below the letter is shortened by it.
async fn begins_with_a_letter_that_fits(browser: &mut Chromium, tab: &Tab, front: &str) {
    for width in [1280, 390] {
        browser.size(tab, width, 900).await;
        // One page after the other, without waiting for each, to check that abandoned pages release their connections.
        for article in (390..=400).rev() {
            browser.go(tab, &format!("{front}articles/{article}")).await;
            let places = "(() => {
                const text = document.querySelector('.text p').firstChild, range = document.createRange();
                const box = (from) => { range.setStart(text, from); range.setEnd(text, from + 1); return range.getBoundingClientRect(); };
                const start = text.data.search(/\\p{L}/u);
                return { gap: box(start + 1).left - box(start).right, high: box(start).height, line: parseFloat(getComputedStyle(text.parentElement).lineHeight) };
            })()";
            let places = browser.evaluate(tab, places).await;
            let number = |name: &str| places[name].as_f64().unwrap();
            assert!((0.0..2.5).contains(&number("gap")), "{width} {article}: {places}");
            assert!(number("high") > number("line") * 2.0, "{width} {article}: {places}");
        }
    }
    browser.size(tab, 1280, 900).await;
    browser.go(tab, &format!("{front}articles/400")).await;
}

/// The folder for pictures, which is created.
fn pictures_folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
    let folder = target.join("newsroom-pictures");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

async fn pictures(browser: &mut Chromium, tab: &Tab, front: &str) {
    let folder = pictures_folder();
    let pages = [
        ("front", ""),
        ("article", "articles/400"),
        ("comments", "articles/400#comments"),
        ("search", "search?q=soup"),
        ("section", "sections/science"),
        ("absent", "articles/999"),
    ];
    for (scheme, width) in [("light", 1280), ("dark", 1280), ("light", 390)] {
        browser.scheme(tab, scheme).await;
        browser.size(tab, width, if width > 600 { 1000 } else { 844 }).await;
        for (name, path) in pages {
            browser.go(tab, "about:blank").await;
            browser.go(tab, &format!("{front}{path}")).await;
            let fits = browser
                .evaluate(tab, "document.documentElement.scrollWidth <= document.documentElement.clientWidth")
                .await;
            assert_eq!(fits, true, "{name} is wider than {width}");
            // Everything that the page has loaded is drawn after two frames.
            let drawn =
                "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))";
            browser.evaluate(tab, drawn).await;
            browser.picture(tab, &folder.join(format!("{name}-{scheme}-{width}.png"))).await;
        }
    }
    println!("pictures are in {}", folder.display());
}
