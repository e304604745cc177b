//! The inspector of the cache in a real browser.

use newsroom::app;
use newsroom::queries::Search;
use newsroom::service::Service;
use newsroom::settings::Settings;
use newsroom::visitor::Visitor;
use serde_json::json;
use tempfile::tempdir;

use crate::chromium::{Chromium, Tab};
use crate::{SIZE, pictures_folder};

/// A key that a page which parsed it as HTML would run.
const MARKUP: &str =
    "<img src=x onerror=window.hacked=1><b>bold</b></script><script>window.hacked=1</script>";

const ROWS: &str = "document.querySelectorAll('#rows tbody tr').length";
const FOUND: &str = "document.querySelector('#found').textContent";
const FOCUS: &str =
    "document.activeElement.id || document.activeElement.className || document.activeElement.textContent";

#[tokio::test(flavor = "multi_thread")]
async fn the_inspector_shows_the_cache_as_it_changes() {
    let folder = tempdir().unwrap();
    let client = app::open(folder.path(), SIZE, |_| ()).await.unwrap();
    let service = Service::start_anywhere(client, &Settings::default()).await.unwrap();
    let mut visitor = Visitor::to(service.address()).await.unwrap();
    for path in ["/", "/articles/400", "/articles/399", "/search?q=soup", "/sections/science"] {
        assert_eq!(visitor.get(path).await.unwrap().status, 200);
    }
    // Readers cannot make such a key: their words have letters and digits only.
    let search = |word: &str| Search { words: vec![word.to_owned()] };
    let hits = service.client().cache().peek(&search("soup")).unwrap();
    drop(service.client().cache().insert(search(MARKUP), hits));
    let mut browser = Chromium::start().await;
    let tab = browser.open("about:blank").await;

    // The link opens the page, and its token leaves the address.
    enter(&mut browser, &tab, &service).await;
    assert_eq!(browser.evaluate(&tab, "location.pathname + location.search").await, "/_cache/");
    assert_eq!(browser.evaluate(&tab, "document.cookie").await, "", "no script can read the cookie");

    shows_markup_as_text(&mut browser, &tab).await;
    follows_changes(&mut browser, &tab, &mut visitor).await;
    is_used_by_keyboard(&mut browser, &tab, &service).await;
    fits_and_is_drawn(&mut browser, &tab, &service).await;

    // Without the cookie there is nothing to see.
    let mut other = Chromium::start().await;
    let stranger = other.open(&format!("http://{}/_cache/", service.address())).await;
    let refused = other.evaluate(&stranger, "document.body.textContent").await;
    assert!(refused.as_str().unwrap().contains("needs a token"), "{refused}");
    drop((browser, other));
    assert_eq!(service.stop().await, 0);
}

async fn enter(browser: &mut Chromium, tab: &Tab, service: &Service) {
    let link = service.inspector().unwrap().to_owned();
    browser.evaluate(tab, &format!("location.href = {}", json!(link))).await;
    browser
        .wait(tab, "location.search === '' && document.querySelector('#status')?.textContent === 'live'")
        .await;
    browser.wait(tab, &format!("{ROWS} > 0")).await;
}

async fn shows_markup_as_text(browser: &mut Chromium, tab: &Tab) {
    browser.write(tab, "#text", "onerror").await;
    browser.click(tab, "#search button").await;
    browser.wait(tab, &format!("{ROWS} === 1 && {FOUND}.startsWith('1 entry ·')")).await;
    let key = browser.evaluate(tab, "document.querySelector('#rows .key span').textContent").await;
    assert!(key.as_str().unwrap().contains(MARKUP), "{key}");
    let elements = "document.querySelectorAll('#rows img, #rows b, #rows script').length";
    assert_eq!(browser.evaluate(tab, elements).await, 0);
    assert_eq!(browser.evaluate(tab, "typeof window.hacked").await, "undefined");
}

/// The numbers follow what happens, without a reload, and the focus stays where it is.
async fn follows_changes(browser: &mut Chromium, tab: &Tab, visitor: &mut Visitor) {
    browser.evaluate(tab, "window.stays = true").await;
    browser.evaluate(tab, "document.querySelector('#tables button').focus()").await;
    let hits =
        "Number(document.querySelector('#figures').children[1].lastChild.textContent.replaceAll(',', ''))";
    let before = browser.evaluate(tab, hits).await.as_u64().unwrap();
    let focus = browser.evaluate(tab, FOCUS).await;
    for _ in 0..5 {
        assert_eq!(visitor.get("/articles/400").await.unwrap().status, 200);
    }
    browser.wait(tab, &format!("{hits} >= {}", before + 5)).await;
    assert_eq!(browser.evaluate(tab, FOCUS).await, focus);
    assert_eq!(browser.evaluate(tab, "window.stays").await, true, "the page was loaded again");

    browser.click(tab, "#pause").await;
    assert_eq!(
        browser.evaluate(tab, "document.querySelector('#pause').getAttribute('aria-pressed')").await,
        "true"
    );
    browser.click(tab, "#pause").await;
    browser.wait(tab, "document.querySelector('#status').textContent === 'live'").await;
}

async fn is_used_by_keyboard(browser: &mut Chromium, tab: &Tab, service: &Service) {
    browser.go(tab, "about:blank").await;
    browser.go(tab, &format!("http://{}/_cache/", service.address())).await;
    browser.wait(tab, &format!("{ROWS} === 50")).await;
    for focus in ["skip", "pause"] {
        browser.press(tab, "Tab").await;
        assert_eq!(browser.evaluate(tab, FOCUS).await, focus);
    }
    // Past the region of the tables, which scrolls by keys, to the first table.
    browser.press(tab, "Tab").await;
    assert_eq!(browser.evaluate(tab, "document.activeElement.getAttribute('role')").await, "region");
    browser.press(tab, "Tab").await;
    let table = browser.evaluate(tab, "document.activeElement.textContent").await;
    browser.press(tab, "Enter").await;
    browser.wait(tab, &format!("document.querySelector('#table').value === {table} && {ROWS} > 0")).await;
    assert_eq!(browser.evaluate(tab, FOCUS).await, "text");
    let tables =
        "[...new Set([...document.querySelectorAll('#rows small')].map((name) => name.textContent))]";
    browser.wait(tab, &format!("JSON.stringify({tables}) === JSON.stringify([{table}])")).await;

    browser.evaluate(tab, "document.activeElement.blur()").await;
    let slash = "document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '/', bubbles: true, cancelable: true }))";
    assert_eq!(browser.evaluate(tab, slash).await, false, "the key is not typed");
    assert_eq!(browser.evaluate(tab, FOCUS).await, "text");
    let outline = "getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(browser.evaluate(tab, outline).await, "solid", "the focus is seen");
    browser.write(tab, "#text", "no key has this").await;
    browser.press(tab, "Enter").await;
    browser.wait(tab, &format!("{ROWS} === 0 && {FOUND}.startsWith('0 entries ·')")).await;
    // Every place where something can be done has a name.
    let nameless = "[...document.querySelectorAll('button, input, select, [role=region]')].filter((element) => \
         !(element.textContent.trim() || element.closest('label') || element.getAttribute('aria-labelledby'))).length";
    assert_eq!(browser.evaluate(tab, nameless).await, 0);
}

async fn fits_and_is_drawn(browser: &mut Chromium, tab: &Tab, service: &Service) {
    let mut backs = Vec::new();
    for (scheme, width, height) in
        [("light", 1280, 1000), ("dark", 1280, 1000), ("light", 360, 800), ("dark", 360, 800)]
    {
        browser.scheme(tab, scheme).await;
        browser.size(tab, width, height).await;
        browser.go(tab, "about:blank").await;
        browser.go(tab, &format!("http://{}/_cache/", service.address())).await;
        browser
            .wait(tab, &format!("{ROWS} === 50 && document.querySelector('#status').textContent === 'live'"))
            .await;
        let fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
        assert_eq!(browser.evaluate(tab, fits).await, true, "{scheme} at {width}");
        backs.push(browser.evaluate(tab, "getComputedStyle(document.body).backgroundColor").await);
        let drawn = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))";
        browser.evaluate(tab, drawn).await;
        browser.picture(tab, &pictures_folder().join(format!("inspector-{scheme}-{width}.png"))).await;
    }
    assert_eq!((&backs[0], &backs[1]), (&backs[2], &backs[3]));
    assert_ne!(backs[0], backs[1], "light and dark");
}
