//! Responses that the tests in Node.js feed to the real library, as this crate writes them.

use std::path::Path;
use std::{env, fs};

use cache_web::{Cx, Page};
use serde_json::{Value, json};

use super::hostile::TEXTS;
use super::magazine::{
    Article, Broken, Echo, MILLISECOND, Magazine, Remarks, Texts, everything, magazine_client, open_within,
};
use crate::blog::takes;

/// The flushes of a page, with nonces that do not change.
async fn flushes(as_blocks: bool, ask: fn(&Page<Magazine>)) -> Value {
    let client = magazine_client();
    client.query(&Article { id: 7 }).await.unwrap();
    takes(20_000 * MILLISECOND).await;
    let sent = open_within(&client, 1_000 * MILLISECOND, async move |cx: Cx<Magazine>| {
        let page = cx.page(&everything());
        if as_blocks {
            page.data_blocks();
        }
        page.query(&Article { id: 7 }).await.unwrap();
        ask(&page);
        page.html(format!("<p>before</p>{}<p>after</p>", page.place()))
    })
    .await;
    let mut flushes = Vec::new();
    for (_, mut html) in sent.flushes {
        while let Some(at) = html.find("nonce=\"").filter(|at| !html[at + 7..].starts_with("0000")) {
            html.replace_range(at + 7..at + 39, &"0".repeat(32));
        }
        flushes.push(html);
    }
    json!(flushes)
}

#[tokio::test(start_paused = true)]
async fn the_samples_for_node_are_current() {
    let pending = |page: &Page<Magazine>| page.announce(&Remarks { article: 7, millis: 300 });
    let hostile: fn(&Page<Magazine>) = |page| {
        for text in TEXTS {
            page.announce(&Echo { text: (*text).to_owned(), option: None });
        }
    };
    let texts: Vec<Value> = TEXTS.iter().map(|text| json!([text, Texts::of(text)])).collect();
    let samples = json!({
        "announced": flushes(false, pending).await,
        "announced in blocks": flushes(true, pending).await,
        "failed": flushes(false, |page| page.announce(&Broken { text: "x".to_owned() })).await,
        "skipped": flushes(false, |page| page.announce(&Remarks { article: 7, millis: 5_000 })).await,
        "hostile": flushes(false, hostile).await,
        "hostile in blocks": flushes(true, hostile).await,
        "texts": texts,
    });
    let (path, text) = (Path::new("node-test/samples.json"), format!("{samples:#}\n"));
    if env::var_os("CACHE_WEB").is_some_and(|value| value == "write") {
        fs::write(path, &text).unwrap();
    }
    let present = fs::read_to_string(path).unwrap_or_default();
    assert!(present == text, "`{}` is not current: run this test with CACHE_WEB=write", path.display());
}
