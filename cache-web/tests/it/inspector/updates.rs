//! The states that an open page gets.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Method;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::time::Instant;

use super::{GetNumber, GetText, cookie, open, shown, shown_client, takes};

/// The body of a stream of updates.
async fn updates(routes: &Router) -> Body {
    let headers = [("host", "localhost"), ("cookie", &*cookie(routes).await)];
    let response = open(routes, Method::GET, "/_cache/updates", &headers).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-store");
    response.into_body()
}

/// The next state of a stream; `None` at its end.
async fn next(body: &mut Body) -> Option<Value> {
    loop {
        let bytes = body.frame().await?.unwrap().into_data().unwrap();
        let text = str::from_utf8(&bytes).unwrap();
        assert!(text.ends_with("\n\n"));
        if let Some(state) = text.lines().find_map(|line| line.strip_prefix("data: ")) {
            return Some(serde_json::from_str(state).unwrap());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_gets_a_change_and_no_more_than_two_states_a_second() {
    let client = shown_client();
    let routes: Router = shown(&client).routes();
    let mut body = updates(&routes).await;
    assert_eq!(next(&mut body).await.unwrap()["revision"], 0, "at once");
    let begun = Instant::now();
    for number in 1..=10 {
        // Several changes are one state.
        (0..7).for_each(|_| drop(client.cache().insert(GetNumber(number), number)));
        assert_eq!(next(&mut body).await.unwrap()["revision"], 7 * number);
    }
    assert!(begun.elapsed() >= Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_gets_the_newest_state_and_nothing_is_queued() {
    let client = shown_client();
    let routes: Router = shown(&client).routes();
    let mut body = updates(&routes).await;
    assert_eq!(next(&mut body).await.unwrap()["revision"], 0);
    for number in 1..=60 {
        drop(client.cache().insert(GetNumber(number), number));
        takes(Duration::from_millis(100)).await;
    }
    assert_eq!(next(&mut body).await.unwrap()["revision"], 60);
    drop(client.cache().insert(GetNumber(1), 1));
    assert_eq!(next(&mut body).await.unwrap()["revision"], 61);
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_changes_is_silent_but_for_signs_of_life_and_ends_soon() {
    let client = shown_client();
    let routes: Router = shown(&client).routes();
    let mut body = updates(&routes).await;
    let begun = Instant::now();
    let mut frames = Vec::new();
    while let Some(frame) = body.frame().await {
        frames.push(frame.unwrap().into_data().unwrap());
    }
    assert!(frames[0].starts_with(b"retry: 300\ndata: {"));
    assert_eq!(frames[1..], [":\n\n"]);
    assert_eq!(begun.elapsed(), Duration::from_secs(10), "a server that stops waits no longer");
}

#[tokio::test(start_paused = true)]
async fn all_open_pages_share_the_states() {
    let client = shown_client();
    let routes: Router = shown(&client).routes();
    let mut bodies = [updates(&routes).await, updates(&routes).await];
    let first = next(&mut bodies[0]).await;
    drop(client.cache().insert(GetNumber(1), 1));
    assert_eq!(next(&mut bodies[1]).await, first, "taken a moment before");
    for body in &mut bodies {
        assert_eq!(next(body).await.unwrap()["revision"], 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_lists_loads_and_layers_and_commits() {
    let client = shown_client();
    client.cache().commit_log().keep(1_000);
    let routes: Router = shown(&client).routes();
    let text = |id: u32| GetText(id.to_string());
    let loads: Vec<_> = (0..300).map(|id| client.prefetch(&text(id))).collect();
    let layer = client.optimistic(|layer| layer.update(&text(1), |_| Some("draft".to_owned())));
    (0..150).for_each(|number| drop(client.cache().insert(GetNumber(number), number)));
    takes(Duration::from_secs(1)).await;
    let state = next(&mut updates(&routes).await).await.unwrap();
    let flights = &state["activity"]["flights"];
    assert_eq!((&flights["total"], flights["rows"].as_array().unwrap().len()), (&Value::from(300), 200));
    assert_eq!(flights["rows"][0]["age"]["secs"], 1);
    assert_eq!(state["activity"]["layers"]["rows"][0]["keys"]["rows"][0]["key"], "1");
    let commits = state["commits"].as_array().unwrap();
    assert_eq!((commits.len(), &commits[99]["revision"]), (100, &Value::from(150)));
    assert_eq!(state["log"], 1_000);
    drop((loads, layer));
}
