//! The entries that the inspector shows, and how many it visits for a request.

use axum::Router;
use axum::http::StatusCode;
use serde_json::Value;

use super::{GetNumber, GetSession, GetText, part, shown, shown_client};

fn text(key: &str) -> GetText {
    GetText(key.to_owned())
}

/// Gets parts of a search, one after the other, as the page does. Returns the keys, how many requests that took, and the
/// largest number of visits of one.
async fn search(routes: &Router, query: &str) -> (Vec<String>, usize, u64) {
    let (mut keys, mut requests, mut most, mut from) = (Vec::new(), 0, 0, String::new());
    loop {
        let page = part(routes, &format!("entries?{query}&from={from}")).await.json();
        requests += 1;
        most = most.max(page["visited"].as_u64().unwrap());
        let entries = page["entries"].as_array().unwrap();
        keys.extend(entries.iter().map(|entry| entry["key"].as_str().unwrap().to_owned()));
        match &page["next"] {
            Value::String(next) => next.clone_into(&mut from),
            _ => return (keys, requests, most),
        }
    }
}

#[tokio::test]
async fn values_are_never_shown_and_secret_keys_are_masked() {
    let client = shown_client();
    client.cache().commit_log().keep(10);
    drop(client.cache().insert(text("a key"), "hush value".to_owned()));
    drop(client.cache().insert(GetSession("hush key".to_owned()), "hush value".to_owned()));
    let _observer = client.observe(&text("a key"));
    let routes: Router = shown(&client).routes();
    let (entries, state) = (part(&routes, "entries").await, part(&routes, "state").await);
    assert!(entries.text.contains("(secret)") && entries.text.contains("a key"));
    assert_eq!(state.json()["activity"]["observers"]["rows"][0]["key"], "a key");
    for answer in [entries, state, part(&routes, "entries?q=hush").await] {
        assert!(!answer.text.contains("hush"), "{}", answer.text);
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_shown_with_its_state() {
    let client = shown_client();
    let _held = client.cache().insert(text("held"), "value".to_owned());
    super::takes(std::time::Duration::from_secs(90)).await;
    let routes: Router = shown(&client).routes();
    let page = part(&routes, "entries?table=get_text").await.json();
    let entry = &page["entries"][0];
    assert_eq!((&entry["table"], &entry["key"]), (&Value::from("get_text"), &Value::from("held")));
    assert_eq!((&entry["freshness"], &entry["residency"]), (&Value::from("stale"), &Value::from("resident")));
    assert_eq!((&entry["age"], &entry["fresh_for"]), (&Value::from(90_000), &Value::from(60_000)));
    assert_eq!((&entry["remaining"], &entry["holders"]), (&Value::from(3_510_000), &Value::from(1)));
    assert_eq!((&entry["swr"], &entry["is_expired"]), (&Value::Null, &Value::from(false)));
}

#[tokio::test]
async fn a_search_finds_keys_by_any_part_in_one_table_or_all() {
    let client = shown_client();
    for id in 0..1_000 {
        drop(client.cache().insert(text(&format!("Title {id}")), String::new()));
        drop(client.cache().insert(GetNumber(id), id));
    }
    let routes: Router = shown(&client).routes();
    let found = async |query| search(&routes, query).await.0.len();
    assert_eq!(found("q=title+7&rows=3").await, 111, "whatever the size of the parts is");
    assert_eq!(found("q=TITLE+777").await, 1);
    assert_eq!(found("q=777").await, 2);
    assert_eq!(found("q=777&table=get_number").await, 1);
    assert_eq!(found("q=7777").await, 0);
    assert_eq!(found("table=get_number&rows=1000000").await, 1_000);
    assert_eq!(found("table=unknown").await, 0);
    for problem in ["from=x", "rows=many", "from=1.2", &format!("q={}", "a".repeat(513))] {
        assert_eq!(
            part(&routes, &format!("entries?{problem}")).await.status,
            StatusCode::BAD_REQUEST,
            "{problem}"
        );
    }
}

#[tokio::test]
async fn a_million_entries_cost_no_more_per_request_than_ten_thousand() {
    const ENTRIES: u64 = 1_000_000;
    let client = shown_client();
    for id in 0..ENTRIES {
        drop(client.cache().insert(GetNumber(id), id));
    }
    let routes: Router = shown(&client).routes();
    let first = part(&routes, "entries?rows=50").await.json();
    assert_eq!(first["entries"].as_array().unwrap().len(), 50);
    assert!(first["visited"].as_u64().unwrap() <= 200, "{}", first["visited"]);
    let (keys, requests, most) = search(&routes, "q=number(777777)").await;
    assert_eq!(keys, ["GetNumber(777777)"]);
    assert!(most <= 10_000, "{most} visits");
    assert!((100..=110).contains(&requests), "{requests} requests for all entries");
    // The counters are read, and no entry.
    let state = part(&routes, "state").await;
    assert_eq!(state.json()["tables"][2]["kept"], ENTRIES);
    assert!(state.text.len() < 4_000, "{} bytes", state.text.len());
}
