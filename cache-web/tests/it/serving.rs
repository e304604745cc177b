//! Connections of hyper, over pipes in memory, so that the clock can be paused.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, Response};
use bytes::Bytes;
use cache_client::Context;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;

use crate::blog::Blog;

/// The version of HTTP of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Http1,
    Http2,
}

pub const VERSIONS: [Version; 2] = [Version::Http1, Version::Http2];

/// The client's end of a connection. When it is dropped, the connection breaks.
pub struct Connection {
    sender: Sender,
    task: tokio::task::JoinHandle<()>,
}

enum Sender {
    Http1(hyper::client::conn::http1::SendRequest<Body>),
    Http2(hyper::client::conn::http2::SendRequest<Body>),
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Connection {
    /// Connects to routes through a pipe that holds `buffer` bytes in each direction.
    pub async fn open(routes: Router, version: Version, buffer: usize) -> Self {
        let (client, server) = tokio::io::duplex(buffer);
        let (client, server) = (TokioIo::new(client), TokioIo::new(server));
        let service = TowerToHyperService::new(routes);
        match version {
            Version::Http1 => {
                let serving = hyper::server::conn::http1::Builder::new().serve_connection(server, service);
                tokio::spawn(async move { drop(serving.await) });
                let (sender, connection) = hyper::client::conn::http1::handshake(client).await.unwrap();
                let task = tokio::spawn(async move { drop(connection.await) });
                Self { sender: Sender::Http1(sender), task }
            }
            Version::Http2 => {
                let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(server, service);
                tokio::spawn(async move { drop(serving.await) });
                let executor = TokioExecutor::new();
                let (sender, connection) =
                    hyper::client::conn::http2::handshake(executor, client).await.unwrap();
                let task = tokio::spawn(async move { drop(connection.await) });
                Self { sender: Sender::Http2(sender), task }
            }
        }
    }

    pub async fn try_send(&mut self, request: Request) -> hyper::Result<Response<Incoming>> {
        match &mut self.sender {
            Sender::Http1(sender) => sender.send_request(request).await,
            Sender::Http2(sender) => sender.send_request(request).await,
        }
    }

    pub async fn send(&mut self, request: Request) -> Response<Incoming> {
        self.try_send(request).await.unwrap()
    }

    pub async fn get(&mut self, path: &str) -> Response<Incoming> {
        self.send(request(Method::GET, path)).await
    }
}

pub fn request(method: Method, path: &str) -> Request {
    Request::builder().method(method).uri(format!("http://blog.example{path}")).body(Body::empty()).unwrap()
}

/// Sends one request by a connection of its own. Returns status and text.
pub async fn get(routes: &Router, path: &str) -> (u16, String) {
    let mut connection = Connection::open(routes.clone(), Version::Http1, 64 * 1024).await;
    let response = connection.get(path).await;
    let status = response.status().as_u16();
    (status, text(response).await)
}

/// Reads a body to its end.
pub async fn text(response: Response<Incoming>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Takes the context of a request out of its handler.
#[derive(Clone, Default)]
pub struct Slot(Arc<Mutex<Option<Context<Blog>>>>);

impl Slot {
    pub fn put(&self, cx: &Context<Blog>) {
        *self.0.lock().unwrap() = Some(cx.clone());
    }

    pub fn take(&self) -> Context<Blog> {
        self.0.lock().unwrap().take().expect("a handler has put its context here")
    }
}

/// A body that sends what the test feeds it.
#[derive(Clone, Default)]
pub struct FedBody(Arc<Mutex<Feed>>);

#[derive(Default)]
struct Feed {
    waiting: Vec<Bytes>,
    is_complete: bool,
    waker: Option<Waker>,
}

impl FedBody {
    pub fn feed(&self, text: &'static str) {
        self.change(|feed| feed.waiting.push(Bytes::from_static(text.as_bytes())));
    }

    pub fn complete(&self) {
        self.change(|feed| feed.is_complete = true);
    }

    fn change(&self, change: impl FnOnce(&mut Feed)) {
        let mut feed = self.0.lock().unwrap();
        change(&mut feed);
        let waker = feed.waker.take();
        drop(feed);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub fn body(&self) -> Body {
        let shared = Arc::clone(&self.0);
        Body::from_stream(futures_util::stream::poll_fn(move |task| {
            let mut feed = shared.lock().unwrap();
            if !feed.waiting.is_empty() {
                return Poll::Ready(Some(Ok::<_, Infallible>(feed.waiting.remove(0))));
            }
            if feed.is_complete {
                return Poll::Ready(None);
            }
            feed.waker = Some(task.waker().clone());
            Poll::Pending
        }))
    }
}
