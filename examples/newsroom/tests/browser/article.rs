//! The page of an article, whose front takes over what came with the page.

use std::time::Duration;

use newsroom::settings::{Scripts, Settings};
use serde_json::json;

use crate::chromium::{Chromium, Tab};
use crate::cutter::Cutter;
use crate::newspaper::Newspaper;
use crate::{first_comment, pictures_folder};

/// The comments are announced, and not here yet.
const PENDING: &str =
    "document.querySelector('.discussion > [role=status]')?.textContent.includes('on their way')";
const HERE: &str = "document.querySelectorAll('.comments li').length > 0";
const ALL_HERE: &str = "document.querySelectorAll('.comments li').length ===
    Number(document.querySelector('.discussion').dataset.total)";
const LIVE: &str = "document.querySelector('.live')?.hidden === false";
const FITS: &str = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
const SCROLL: &str = "document.querySelector('.comment button').scrollIntoView()";
const NOTICE: &str = "document.querySelector('.notice').textContent";

/// In bytes per second. The comments of a [filled](Newspaper::fill) newspaper take some seconds, and arrive in pieces.
const SLOW: u32 = 15_000;

/// The kinds and paths of the requests of a page.
async fn requests(browser: &mut Chromium, tab: &Tab) -> Vec<String> {
    let requests = browser.requests(tab).await.into_iter();
    let path = |url: &str| url.splitn(4, '/').nth(3).unwrap_or_default().to_owned();
    let mut all: Vec<_> = requests.map(|(kind, url)| format!("{kind} /{}", path(&url))).collect();
    all.sort();
    all
}

/// The document, its files, and the stream of events: nothing that the document has.
const NO_OTHERS: [&str; 4] =
    ["Document /articles/400", "EventSource /events/400", "Script /article.js", "Stylesheet /newsroom.css"];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_requested_after_the_document_whichever_scripts_run() {
    let mut browser = Chromium::start().await;
    for scripts in [Scripts::Inline, Scripts::Nonce, Scripts::Blocks, Scripts::Strict] {
        let paper = Newspaper::with(scripts).await;
        let loads = paper.loads();
        paper.slow_comments(Duration::from_millis(1_200));
        let tab = browser.open_watched().await;
        browser.begin(&tab, &paper.url("/articles/400")).await;
        browser.wait(&tab, PENDING).await;
        assert_eq!(browser.evaluate(&tab, "document.readyState").await, "loading", "comments follow");
        // The events begin when the comments of the page are here.
        let mut begun = requests(&mut browser, &tab).await;
        begun.retain(|request| request.starts_with("EventSource"));
        assert_eq!(begun, [""; 0]);
        browser.wait(&tab, HERE).await;
        browser.wait(&tab, LIVE).await;
        browser.wait(&tab, "document.readyState === 'complete'").await;
        // A part that appears 3 s later knows the article and the comments too.
        browser.evaluate(&tab, "new Promise(done => setTimeout(done, 3000))").await;
        assert_eq!(browser.evaluate(&tab, "document.querySelector('.reading')").await, json!(null));
        browser.evaluate(&tab, "document.querySelector('.comments li:last-child').scrollIntoView()").await;
        let bar = "document.querySelector('.reading')?.textContent ===
            document.querySelector('h1').textContent + document.querySelector('.total').textContent";
        browser.wait(&tab, bar).await;
        assert_eq!(requests(&mut browser, &tab).await, NO_OTHERS, "{scripts:?}");
        assert_eq!(paper.loads(), loads + 1, "{scripts:?}");

        // What was in the shell is there at once, and the page with scripts reads like the one without.
        paper.delay(Duration::ZERO);
        let without = browser.open("about:blank").await;
        browser.scripts(&without, false).await;
        browser.go(&without, &paper.url("/articles/400?whole=true")).await;
        let tab = browser.open_watched().await;
        browser.begin(&tab, &paper.url("/articles/400")).await;
        browser.wait(&tab, LIVE).await;
        let text =
            "document.querySelector('#discussion').innerText.replace('LIVE', '').replace(/\\s+/g, ' ')";
        assert_eq!(browser.evaluate(&tab, text).await, browser.evaluate(&without, text).await);
        assert_eq!(requests(&mut browser, &tab).await, NO_OTHERS, "{scripts:?}");
        paper.service.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_connection_needs_no_request_either() {
    let mut browser = Chromium::start().await;
    for scripts in [Scripts::Inline, Scripts::Blocks] {
        let paper = Newspaper::with(scripts).await;
        paper.fill().await;
        let tab = browser.open_watched().await;
        // The files come from the browser's cache.
        browser.go(&tab, &paper.url("/articles/400")).await;
        browser.go(&tab, "about:blank").await;
        let before = requests(&mut browser, &tab).await.len();
        paper.slow_comments(Duration::from_millis(500));
        browser.throttle(&tab, SLOW).await;
        browser.begin(&tab, &paper.url("/articles/400")).await;
        browser.wait(&tab, PENDING).await;
        browser.wait(&tab, HERE).await;
        browser.wait(&tab, LIVE).await;
        let mut after = browser.requests(&tab).await.split_off(before);
        after.retain(|(kind, _)| kind == "Fetch" || kind == "XHR");
        assert_eq!(after, [], "{scripts:?}");
        paper.service.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_breaks_off_is_completed_by_one_request() {
    let mut browser = Chromium::start().await;
    for scripts in [Scripts::Inline, Scripts::Strict] {
        let paper = Newspaper::with(scripts).await;
        let cutter = Cutter::before(paper.service.address()).await;
        // Longer than the page may take, and over when the browser asks.
        paper.slow_comments(Duration::from_millis(2_500));
        let tab = browser.open_watched().await;
        // Chromium does not tell that a page has broken off, so that its deadline counts.
        browser.header(&tab, "x-timeout-ms", "2000").await;
        browser.begin(&tab, &format!("http://{}/articles/400", cutter.address)).await;
        browser.wait(&tab, PENDING).await;
        cutter.cut().await;
        paper.delay(Duration::ZERO);
        browser.wait(&tab, HERE).await;
        browser.wait(&tab, LIVE).await;
        let mut all = requests(&mut browser, &tab).await;
        all.retain(|request| !NO_OTHERS.contains(&request.as_str()));
        assert_eq!(all, ["Fetch /_q/get_discussion?key=%7B%22article%22%3A400%7D"], "{scripts:?}");
        paper.service.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_the_page_reads_and_comments_can_be_written() {
    let paper = Newspaper::with(Scripts::Inline).await;
    let mut browser = Chromium::start().await;
    let tab = browser.open("about:blank").await;
    browser.scripts(&tab, false).await;
    paper.slow_comments(Duration::from_millis(600));
    browser.go(&tab, &paper.url("/articles/400")).await;
    assert_eq!(browser.evaluate(&tab, "document.querySelectorAll('.text p').length > 2").await, true);
    browser.evaluate(&tab, SCROLL).await;
    browser.picture(&tab, &pictures_folder().join("no-scripts-pending.png")).await;
    // The comments were not there yet: a link leads to the page that waits for them.
    browser.click(&tab, "noscript a").await;
    browser.wait(&tab, "location.search === '?whole=true'").await;
    browser.wait(&tab, HERE).await;
    paper.delay(Duration::ZERO);
    browser.write(&tab, "input[name=name]", "Ada Byhand").await;
    browser.write(&tab, "textarea", "Without any script.").await;
    browser.click(&tab, ".comment button").await;
    browser.wait(&tab, "location.hash === '#comments' && location.search === ''").await;
    browser.go(&tab, &paper.url("/articles/400?whole=true")).await;
    let first = "document.querySelector('.comments .said').textContent === 'Without any script.'";
    browser.wait(&tab, first).await;
    browser.picture(&tab, &pictures_folder().join("no-scripts.png")).await;
    paper.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_that_cannot_be_written_disappears_with_a_message() {
    // No events: what the page shows is its own.
    let paper = Newspaper::open(Settings { streams: 0, ..Settings::default() }).await;
    let mut browser = Chromium::start().await;
    let tab = browser.open(&paper.url("/articles/400")).await;
    let before = browser.evaluate(&tab, "document.querySelector('.comments').innerText").await;
    browser.write(&tab, "input[name=name]", "Ada").await;
    browser.write(&tab, "textarea", "Will this be lost?").await;
    let faults = &paper.service.client().app().database.faults;
    faults.be_down(true);
    paper.delay(Duration::from_millis(500));
    browser.click(&tab, ".comment button").await;
    browser.wait(&tab, &first_comment("Will this be lost?", false)).await;
    browser.picture(&tab, &pictures_folder().join("sending.png")).await;
    browser.wait(&tab, &format!("{NOTICE} === 'Something went wrong on our side.'")).await;
    assert_eq!(browser.evaluate(&tab, "document.querySelector('.comments').innerText").await, before);
    assert_eq!(
        browser.evaluate(&tab, "document.querySelector('textarea').value").await,
        "Will this be lost?"
    );

    // The second attempt succeeds.
    faults.be_down(false);
    browser.click(&tab, ".comment button").await;
    browser.wait(&tab, &first_comment("Will this be lost?", false)).await;
    browser.wait(&tab, &first_comment("Will this be lost?", true)).await;
    browser.wait(&tab, &format!("{NOTICE} === 'Posted. Thank you!'")).await;
    assert_eq!(browser.evaluate(&tab, "document.querySelector('textarea').value").await, "");
    assert_eq!(browser.evaluate(&tab, ALL_HERE).await, true);
    paper.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_that_cannot_be_loaded_can_be_tried_again() {
    let paper = Newspaper::with(Scripts::Inline).await;
    // Article 399, without its comments.
    let article = paper.get("/_q/get_article?key=%7B%22id%22:399%7D").await;
    let article: serde_json::Value = serde_json::from_str(&article).unwrap();
    paper.get(&format!("/api/authors/{}", article["card"]["author"])).await;
    paper.service.client().app().database.faults.be_down(true);
    let mut browser = Chromium::start().await;
    let tab = browser.open(&paper.url("/articles/399")).await;
    browser.wait(&tab, "document.querySelector('.discussion [role=alert]') !== null").await;
    assert_eq!(browser.evaluate(&tab, "document.querySelectorAll('.text p').length > 2").await, true);
    paper.service.client().app().database.faults.be_down(false);
    browser.click(&tab, ".again").await;
    browser.wait(&tab, &format!("{LIVE} && {ALL_HERE}")).await;
    assert_eq!(
        browser.evaluate(&tab, "document.querySelector('.discussion [role=alert]')").await,
        json!(null)
    );
    paper.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_can_be_posted_while_the_others_arrive() {
    let paper = Newspaper::open(Settings { streams: 0, ..Settings::default() }).await;
    paper.fill().await;
    let mut browser = Chromium::start().await;
    let tab = browser.open_watched().await;
    browser.go(&tab, &paper.url("/articles/400")).await;
    browser.go(&tab, "about:blank").await;
    paper.slow_comments(Duration::from_millis(500));
    browser.throttle(&tab, SLOW).await;
    browser.begin(&tab, &paper.url("/articles/400")).await;
    browser.wait(&tab, PENDING).await;
    // They have been read, without the new one.
    paper.until_comments_are_loaded().await;
    paper.delay(Duration::ZERO);
    browser.write(&tab, "input[name=name]", "Ada").await;
    browser.write(&tab, "textarea", "Am I the first?").await;
    browser.click(&tab, ".comment button").await;
    browser.wait(&tab, &first_comment("Am I the first?", false)).await;
    assert_eq!(browser.evaluate(&tab, "document.querySelectorAll('.comments li').length").await, 1);
    browser.wait(&tab, &first_comment("Am I the first?", true)).await;
    browser.wait(&tab, &format!("{NOTICE} === 'Posted. Thank you!' && {ALL_HERE}")).await;
    browser.wait(&tab, &first_comment("Am I the first?", true)).await;
    paper.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_works_by_keyboard_and_keeps_what_was_written_before_its_script_ran() {
    let paper = Newspaper::with(Scripts::Inline).await;
    let mut browser = Chromium::start().await;
    let tab = browser.open_watched().await;
    browser.hold(&tab, "*/article.js").await;
    browser.begin(&tab, &paper.url("/articles/400")).await;
    // The form of the document, in its place.
    browser.wait(&tab, "document.readyState === 'interactive' && document.styleSheets.length === 1").await;
    browser.write(&tab, "input[name=name]", "Ada Early").await;
    assert_eq!(browser.evaluate(&tab, "document.activeElement.value").await, "Ada Early");
    browser.release(&tab).await;
    browser.wait(&tab, LIVE).await;
    let focused = "document.activeElement.name";
    assert_eq!(browser.evaluate(&tab, focused).await, "name", "the focus stays in its field");
    assert_eq!(browser.evaluate(&tab, "document.activeElement.value").await, "Ada Early");

    browser.press(&tab, "Tab").await;
    assert_eq!(browser.evaluate(&tab, focused).await, "text");
    browser.type_text(&tab, "No hand on the mouse.").await;
    // The comments of others do not take the focus away.
    paper.post("Meanwhile.").await;
    browser.wait(&tab, &first_comment("Meanwhile.", true)).await;
    assert_eq!(browser.evaluate(&tab, focused).await, "text");
    browser.press(&tab, "Tab").await;
    // It is shown once, by the page or by the events.
    let count = "window.most = 0;
        new MutationObserver(() => {
            const said = [...document.querySelectorAll('.said')].map(one => one.textContent);
            window.most = Math.max(window.most, said.filter(text => text === 'No hand on the mouse.').length);
        }).observe(document.body, { subtree: true, childList: true, characterData: true })";
    browser.evaluate(&tab, count).await;
    paper.delay(Duration::from_millis(300));
    browser.press(&tab, "Enter").await;
    browser.wait(&tab, &first_comment("No hand on the mouse.", true)).await;
    browser.wait(&tab, &format!("{NOTICE} === 'Posted. Thank you!'")).await;
    assert_eq!(browser.evaluate(&tab, "window.most").await, 1);

    let elements = browser.accessible(&tab).await;
    for (role, name) in [("textbox", "Your name"), ("textbox", "Your comment"), ("button", "Post")] {
        let has_name = |(its_role, its_name): &(String, String)| its_role == role && its_name == name;
        assert!(elements.iter().any(has_name), "{role} {name}: {elements:?}");
    }
    for (role, name) in elements {
        assert!(!["link", "button", "textbox", "searchbox"].contains(&&*role) || !name.is_empty(), "{role}");
    }
    paper.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_fits_narrow_windows_in_light_and_dark() {
    let paper = Newspaper::with(Scripts::Inline).await;
    let mut browser = Chromium::start().await;
    let tab = browser.open("about:blank").await;
    for scheme in ["light", "dark"] {
        browser.scheme(&tab, scheme).await;
        browser.size(&tab, 360, 800).await;
        let picture = |name: &str| pictures_folder().join(format!("article-{name}-{scheme}-360.png"));
        browser.go(&tab, "about:blank").await;
        paper.slow_comments(Duration::from_millis(1_500));
        browser.begin(&tab, &paper.url("/articles/400")).await;
        browser.wait(&tab, PENDING).await;
        browser.evaluate(&tab, SCROLL).await;
        assert_eq!(browser.evaluate(&tab, FITS).await, true, "pending, {scheme}");
        browser.picture(&tab, &picture("pending")).await;
        browser.wait(&tab, LIVE).await;
        paper.delay(Duration::ZERO);
        browser.evaluate(&tab, SCROLL).await;
        browser.wait(&tab, "document.querySelector('.reading') !== null").await;
        assert_eq!(browser.evaluate(&tab, FITS).await, true, "{scheme}");
        // The bar is as wide as the window, and on one line.
        let bar = "(({ width, height }) => width === innerWidth && height < 60)
            (document.querySelector('.reading').getBoundingClientRect())";
        assert_eq!(browser.evaluate(&tab, bar).await, true, "{scheme}");
        browser.picture(&tab, &picture("bar")).await;
    }
    paper.service.stop().await;
}
