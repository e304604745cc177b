//! Together with the layers of tower-http.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use cache_web::{Cx, RequestLayer};
use http_body_util::BodyExt;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;

use crate::blog::{Blog, SlowText, blog_client};
use crate::serving::{self, Connection, FedBody, Slot, VERSIONS, Version, request};

async fn settle() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_compressed_body_keeps_its_context_until_it_has_ended() {
    for is_outside in [true, false] {
        for version in VERSIONS {
            let (client, _) = blog_client();
            let (slot, fed) = (Slot::default(), FedBody::default());
            let (handler_slot, handler_body) = (slot.clone(), fed.clone());
            let handler = async move |cx: Cx<Blog>| {
                handler_slot.put(&cx);
                handler_body.body()
            };
            let routes = Router::new().route("/", get(handler));
            let (requests, compression) = (RequestLayer::new(&client), CompressionLayer::new().gzip(true));
            let routes = match is_outside {
                true => routes.layer(requests).layer(compression),
                false => routes.layer(compression).layer(requests),
            };
            let mut connection = Connection::open(routes, version, 64 * 1024).await;
            let compressed = || {
                let mut request = request(Method::GET, "/");
                request.headers_mut().insert(ACCEPT_ENCODING, "gzip".parse().unwrap());
                request
            };

            let response = connection.send(compressed()).await;
            assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
            let cx = slot.take();
            fed.feed("a text that is sent before the end");
            settle().await;
            assert!(!cx.is_cancelled());
            fed.complete();
            let bytes = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(bytes[..2], [0x1f, 0x8b], "it is compressed");
            settle().await;
            assert!(!cx.is_cancelled(), "{version:?}, compressed outside: {is_outside}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_from_a_compressed_body_cancels_its_request() {
    let (client, _) = blog_client();
    let (slot, fed) = (Slot::default(), FedBody::default());
    let (handler_slot, handler_body) = (slot.clone(), fed.clone());
    let handler = async move |cx: Cx<Blog>| {
        handler_slot.put(&cx);
        handler_body.body()
    };
    let routes = Router::new()
        .route("/", get(handler))
        .layer(RequestLayer::new(&client))
        .layer(CompressionLayer::new().gzip(true));
    let mut connection = Connection::open(routes, Version::Http1, 64 * 1024).await;
    let mut request = request(Method::GET, "/");
    request.headers_mut().insert(ACCEPT_ENCODING, "gzip".parse().unwrap());
    let response = connection.send(request).await;
    settle().await;
    drop((response, connection));
    settle().await;
    assert!(slot.take().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_outside_cancels_the_request() {
    let (client, loads) = blog_client();
    let slot = Slot::default();
    let handler_slot = slot.clone();
    let handler = async move |cx: Cx<Blog>, Path(millis): Path<u64>| {
        handler_slot.put(&cx);
        cx.query(&SlowText { millis }).await.unwrap().to_string()
    };
    let timeout = TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, Duration::from_millis(50));
    let routes = Router::new()
        .route("/{millis}", get(handler))
        .layer(RequestLayer::new(&client).deadline(Duration::from_secs(2)))
        .layer(timeout);
    assert_eq!(serving::get(&routes, "/1000").await.0, 503);
    settle().await;
    assert!(slot.take().is_cancelled());
    assert_eq!(loads.running(), 0, "nobody else waits for the load");
    assert_eq!(serving::get(&routes, "/20").await, (200, "text of 20 ms".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_panic_that_a_layer_catches_is_a_response() {
    let (client, loads) = blog_client();
    let handler = async |cx: Cx<Blog>, Path(user): Path<String>| {
        let text = cx.query(&SlowText { millis: 10 }).await.unwrap();
        assert_eq!(user, "ann", "a handler that panics for all others");
        text.to_string()
    };
    for is_outside in [true, false] {
        let routes = Router::new().route("/{user}", get(handler));
        let requests = RequestLayer::new(&client);
        let routes = match is_outside {
            true => routes.layer(requests).layer(CatchPanicLayer::new()),
            false => routes.layer(CatchPanicLayer::new()).layer(requests),
        };
        assert_eq!(serving::get(&routes, "/bob").await.0, 500);
        assert_eq!(serving::get(&routes, "/ann").await, (200, "text of 10 ms".to_owned()));
    }
    assert_eq!(loads.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn traces_see_request_and_response() {
    let (client, _) = blog_client();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (of_request, of_handler, of_response) = (Arc::clone(&seen), Arc::clone(&seen), Arc::clone(&seen));
    let trace = TraceLayer::new_for_http()
        .on_request(move |_: &Request, _: &Span| of_request.lock().unwrap().push("request".to_owned()))
        .on_response(move |response: &Response, time: Duration, _: &Span| {
            of_response.lock().unwrap().push(format!("{} after {time:?}", response.status()));
        });
    let handler = async move |cx: Cx<Blog>| {
        of_handler.lock().unwrap().push(cx.name().to_owned());
        cx.query(&SlowText { millis: 10 }).await.unwrap().to_string()
    };
    // Inside, so that it sees the response type of the router.
    let routes = Router::new().route("/", get(handler)).layer(trace).layer(RequestLayer::new(&client));
    assert_eq!(serving::get(&routes, "/").await.1, "text of 10 ms");
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen[..2], ["request", "GET /"]);
    assert!(seen[2].starts_with("200 OK after"), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_compressed_page_is_sent_as_soon_as_it_is_there() {
    let (client, _) = blog_client();
    let fed = FedBody::default();
    let handler_body = fed.clone();
    let routes = Router::new()
        .route("/", get(async move || handler_body.body()))
        .layer(RequestLayer::new(&client))
        .layer(CompressionLayer::new().gzip(true));
    let mut connection = Connection::open(routes, Version::Http1, 64 * 1024).await;
    let mut request = request(Method::GET, "/");
    request.headers_mut().insert(ACCEPT_ENCODING, "gzip".parse().unwrap());
    fed.feed("the first part of a page, which is there long before its end");
    let mut body = connection.send(request).await.into_body();
    let mut length = 0;
    // The body is never completed: without a flush this would wait forever.
    while length < 60 {
        let frame = tokio::time::timeout(Duration::from_secs(60), body.frame()).await.expect("it is flushed");
        length += frame.unwrap().unwrap().into_data().unwrap().len();
    }
}
