//! Clients that go away, read slowly, or read everything; handlers that panic.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::Method;
use axum::routing::get;
use cache_web::{Cx, RequestLayer};
use http_body_util::BodyExt;

use crate::blog::{Blog, SlowText, blog_client, takes};
use crate::serving::{Connection, FedBody, Slot, VERSIONS, Version, request, text};

const ENDLESS: SlowText = SlowText { millis: 1_000_000_000 };

/// Lets all tasks run until they wait. The clock stands still meanwhile.
async fn settle() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_during_the_handler_ends_its_loads() {
    for version in VERSIONS {
        let (client, loads) = blog_client();
        let slot = Slot::default();
        let handler_slot = slot.clone();
        let handler = async move |cx: Cx<Blog>| {
            handler_slot.put(&cx);
            cx.query(&ENDLESS).await.map(|text| text.to_string()).unwrap_or_default()
        };
        let routes = Router::new().route("/", get(handler)).layer(RequestLayer::new(&client));
        let mut connection = Connection::open(routes, version, 64 * 1024).await;
        {
            let response = connection.get("/");
            tokio::select! {
                biased;
                _ = response => panic!("the load never ends"),
                () = loads.until(1) => {}
            }
        }
        drop(connection);
        settle().await;
        // At once: without cancellation it would linger for 5 s.
        assert_eq!(loads.running(), 0, "{version:?}");
        assert!(slot.take().is_cancelled(), "{version:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_another_request_waits_for_continues() {
    let (client, loads) = blog_client();
    let handler = async |cx: Cx<Blog>| cx.query(&SlowText { millis: 100 }).await.unwrap().to_string();
    let routes = Router::new().route("/", get(handler)).layer(RequestLayer::new(&client));
    let mut leaves = Connection::open(routes.clone(), Version::Http1, 64 * 1024).await;
    let mut stays = Connection::open(routes, Version::Http1, 64 * 1024).await;
    let staying = async {
        loads.until(1).await;
        text(stays.get("/").await).await
    };
    let leaving = async move {
        tokio::select! {
            biased;
            _ = leaves.get("/") => panic!("the load takes 100 ms"),
            () = takes(Duration::from_millis(50)) => {}
        }
    };
    let (text, ()) = tokio::join!(staying, leaving);
    assert_eq!((text.as_str(), loads.begun()), ("text of 100 ms", 1));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_in_the_middle_of_a_body_cancels_its_request() {
    for version in VERSIONS {
        let (client, loads) = blog_client();
        let (slot, fed) = (Slot::default(), FedBody::default());
        let (handler_slot, handler_body) = (slot.clone(), fed.clone());
        let handler = async move |cx: Cx<Blog>| {
            handler_slot.put(&cx);
            handler_body.body()
        };
        let routes = Router::new().route("/", get(handler)).layer(RequestLayer::new(&client));
        let mut connection = Connection::open(routes, version, 64 * 1024).await;
        let mut body = connection.get("/").await.into_body();
        fed.feed("begin");
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "begin");
        let cx = slot.take();
        settle().await;
        assert!(!cx.is_cancelled(), "{version:?}");

        // A load of a task that the handler has left behind.
        let left_behind = tokio::spawn({
            let cx = cx.clone();
            async move { cx.query(&ENDLESS).await.unwrap_err().is_interrupted() }
        });
        loads.until(1).await;
        drop((body, connection));
        settle().await;
        assert!(cx.is_cancelled(), "{version:?}");
        assert!(left_behind.await.unwrap());
        settle().await;
        assert_eq!(loads.running(), 0, "{version:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_http_2_that_is_reset_cancels_only_its_own_request() {
    let (client, _) = blog_client();
    let (slot, fed) = (Slot::default(), FedBody::default());
    let (handler_slot, handler_body) = (slot.clone(), fed.clone());
    let handler = async move |cx: Cx<Blog>| {
        handler_slot.put(&cx);
        handler_body.body()
    };
    let other = async |cx: Cx<Blog>| cx.query(&SlowText { millis: 10 }).await.unwrap().to_string();
    let routes = Router::new()
        .route("/fed", get(handler))
        .route("/other", get(other))
        .layer(RequestLayer::new(&client));
    let mut connection = Connection::open(routes, Version::Http2, 64 * 1024).await;
    let mut body = connection.get("/fed").await.into_body();
    fed.feed("begin");
    body.frame().await.unwrap().unwrap();
    drop(body);
    settle().await;
    assert!(slot.take().is_cancelled());
    assert_eq!(text(connection.get("/other").await).await, "text of 10 ms");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_was_sent_whole_cancels_nothing() {
    for version in VERSIONS {
        let (client, _) = blog_client();
        let slot = Slot::default();
        let handler_slot = slot.clone();
        let handler = async move |cx: Cx<Blog>, Path(body): Path<String>| {
            handler_slot.put(&cx);
            match body.as_str() {
                "empty" => Body::empty(),
                "text" => Body::from("text"),
                "large" => Body::from("x".repeat(1_000_000)),
                _ => Body::from_stream(futures_util::stream::iter(["one", "two"].map(Ok::<_, io::Error>))),
            }
        };
        let routes = Router::new().route("/{body}", get(handler)).layer(RequestLayer::new(&client));
        let mut connection = Connection::open(routes, version, 1024).await;
        for (method, path) in [
            (Method::GET, "/empty"),
            (Method::GET, "/text"),
            (Method::HEAD, "/text"),
            (Method::GET, "/large"),
            (Method::GET, "/stream"),
        ] {
            text(connection.send(request(method.clone(), path)).await).await;
            settle().await;
            assert!(!slot.take().is_cancelled(), "{version:?} {method} {path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_keeps_its_context_until_it_has_read_everything() {
    for version in VERSIONS {
        let (client, _) = blog_client();
        let slot = Slot::default();
        let handler_slot = slot.clone();
        let handler = async move |cx: Cx<Blog>| {
            handler_slot.put(&cx);
            // Each part is queried for when there is room for it.
            let parts = futures_util::stream::unfold((cx.context().clone(), 0), |(cx, part)| async move {
                (part < 100).then_some(())?;
                let text = cx.query(&SlowText { millis: part }).await.unwrap();
                Some((Ok::<_, io::Error>(text.repeat(1_000)), (cx, part + 1)))
            });
            Body::from_stream(parts)
        };
        let routes = Router::new().route("/", get(handler)).layer(RequestLayer::new(&client));
        let mut connection = Connection::open(routes, version, 1024).await;
        let mut body = connection.get("/").await.into_body();
        let cx = slot.take();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame.unwrap().into_data().unwrap().len();
            assert!(!cx.is_cancelled());
            takes(Duration::from_secs(1)).await;
        }
        settle().await;
        assert_eq!(length, (0..100).map(|part| format!("text of {part} ms").len() * 1_000).sum::<usize>());
        assert!(!cx.is_cancelled(), "{version:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_ends_its_request() {
    for version in VERSIONS {
        let (client, loads) = blog_client();
        let (slot, handler_loads) = (Slot::default(), loads.clone());
        let handler_slot = slot.clone();
        let handler = async move |cx: Cx<Blog>| {
            handler_slot.put(&cx);
            tokio::select! {
                biased;
                _ = cx.query(&ENDLESS) => {}
                () = handler_loads.until(1) => panic!("a handler that panics"),
            }
        };
        let routes = Router::new().route("/", get(handler)).layer(RequestLayer::new(&client));
        let mut connection = Connection::open(routes, version, 64 * 1024).await;
        let sent = connection.try_send(request(Method::GET, "/")).await;
        assert!(sent.is_err());
        settle().await;
        assert!(slot.take().is_cancelled(), "{version:?}");
        // The query was dropped by the panic, before the request ended.
        takes(Duration::from_secs(6)).await;
        assert_eq!(loads.running(), 0, "{version:?}");
    }
}
