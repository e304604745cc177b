//! The program of the guide's recipe, at a socket of this machine.

#[allow(dead_code, reason = "its `main`")]
#[path = "../../examples/service.rs"]
mod service;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, Method, Request};
use axum::response::IntoResponse;
use cache_client::Client;
use cache_web::Failure;
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use service::{GetPost, Service};

/// A running service.
struct Running {
    address: SocketAddr,
    client: Client<Service>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Running {
    async fn start(snapshot: &Path) -> Self {
        let client = service::open(snapshot).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let (served, snapshot) = (client.clone(), snapshot.to_owned());
        let serving = tokio::spawn(async move {
            let stop = async { stopped.await.unwrap() };
            service::serve(listener, served, &snapshot, stop).await.unwrap();
        });
        Self { address, client, stop, serving }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap();
    }

    fn statements(&self) -> u32 {
        self.client.app().statements.load(Ordering::Relaxed)
    }

    /// Sends a request by a connection of its own.
    async fn send(&self, method: Method, path: &str, session: Option<&str>, body: &str) -> Answer {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", "service.example");
        if let Some(session) = session {
            request = request.header(COOKIE, session);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        let text = body.collect().await.unwrap().to_bytes();
        drop(sender);
        connection.await.unwrap().unwrap();
        let json = serde_json::from_slice(&text).unwrap_or(Value::Null);
        Answer { status: head.status.as_u16(), headers: head.headers, json }
    }

    async fn get(&self, path: &str, session: Option<&str>) -> Answer {
        self.send(Method::GET, path, session, "").await
    }

    /// Logs in. Returns the cookie.
    async fn login(&self, name: &str) -> String {
        let answer = self.send(Method::POST, &format!("/login/{name}"), None, "").await;
        let cookie = answer.headers[SET_COOKIE].to_str().unwrap();
        assert!(cookie.contains("; HttpOnly"), "{cookie}");
        cookie.split(';').next().unwrap().to_owned()
    }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    json: Value,
}

#[tokio::test]
async fn the_service_of_the_recipe_does_what_its_page_says() {
    let folder = tempfile::tempdir().unwrap();
    let snapshot = folder.path().join("service.snapshot");
    let running = Running::start(&snapshot).await;

    let post = running.get("/posts/1", None).await;
    assert_eq!(post.json, json!({ "author": "ann", "title": "On caches" }));
    assert_eq!(post.headers[CACHE_CONTROL], "private, no-cache");
    assert_eq!(running.get("/posts/1", None).await.json, post.json);
    assert_eq!(running.statements(), 1);

    // Callers at the same time share a load, and its error; each makes a response of it.
    let absent = running.get("/posts/9", None).await;
    assert_eq!((absent.status, absent.json), (404, json!({ "error": "there is no post 9" })));
    let absent = GetPost { id: 9 };
    let errors = tokio::join!(running.client.query(&absent), running.client.query(&absent));
    for error in [errors.0.unwrap_err(), errors.1.unwrap_err()] {
        assert_eq!(Failure::from(error).into_response().status(), 404);
    }
    assert_eq!(running.statements(), 3);

    // Each reader has a feed of their own.
    assert_eq!(running.get("/feed", None).await.status, 401);
    assert_eq!(running.get("/feed", Some("session=guessed")).await.status, 401);
    let (eve, dan) = (running.login("eve").await, running.login("dan").await);
    assert_eq!(running.send(Method::POST, "/follow/bob", Some(&dan), "").await.status, 204);
    assert_eq!(running.get("/feed", Some(&eve)).await.json, json!([]));
    assert_eq!(running.get("/feed", Some(&dan)).await.json, json!(["On bees"]));
    let before = running.statements();
    assert_eq!(running.send(Method::POST, "/follow/ann", Some(&eve), "").await.status, 204);
    assert_eq!(running.get("/feed", Some(&eve)).await.json, json!(["On caches", "On clocks"]));
    assert_eq!(running.get("/feed", Some(&dan)).await.json, json!(["On bees"]));
    assert_eq!(running.statements(), before + 2, "one feed, and one post that nobody had read");

    // A change is in all feeds that show the post.
    let renamed = running.send(Method::PUT, "/posts/1/title", Some(&eve), "On queries").await;
    assert_eq!((renamed.status, &renamed.json["title"]), (200, &json!("On queries")));
    assert_eq!(running.get("/feed", Some(&eve)).await.json, json!(["On queries", "On clocks"]));
    assert_eq!(running.send(Method::PUT, "/posts/1/title", Some(&eve), "").await.status, 422);

    // Stopped and started again, it knows the posts.
    running.stop().await;
    let running = Running::start(&snapshot).await;
    assert_eq!(running.get("/posts/1", None).await.json["title"], "On queries");
    assert_eq!(running.statements(), 0);
    running.stop().await;
}

#[tokio::test]
async fn the_service_of_the_recipe_keeps_to_the_time_that_its_proxy_grants() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(&folder.path().join("service.snapshot")).await;
    let stream = TcpStream::connect(running.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get("/posts/2").header("x-time-left-ms", "0").body(Body::empty()).unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 504);
    drop(sender);
    connection.await.unwrap().unwrap();
    running.stop().await;
}
