//! The inspector: who may see it, what it shows, and what that costs.

mod access;
mod entries;
mod updates;

use std::convert::Infallible;
use std::fmt::{self, Debug};
use std::hash::Hash;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use cache_client::{App, Client, Context, Fetch, TokioClock};
use cache_core::{Cache, Query, registry};
use cache_web::{Inspector, inspector};
use http_body_util::BodyExt;
use serde_json::Value;
use tower_service::Service;

pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

#[derive(Query, Clone, PartialEq, Eq, Hash)]
#[query(value = String, capacity = 2_000_000, fresh = "60s", ttl = "1h")]
pub struct GetText(pub String);

/// With a `Debug` that escapes nothing.
impl Debug for GetText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capacity = 100, secret)]
pub struct GetSession(pub String);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 2_000_000)]
pub struct GetNumber(pub u64);

registry! {
    pub struct ShownRegistry {
        crate::inspector::GetText,
        crate::inspector::GetSession,
        crate::inspector::GetNumber,
    }
}

/// Loads never end.
pub struct ShownApp;

impl App for ShownApp {
    type Registry = ShownRegistry;
}

impl Fetch<ShownApp> for GetText {
    type Error = Infallible;

    async fn fetch(&self, _: &Context<ShownApp>) -> Result<String, Infallible> {
        std::future::pending().await
    }
}

pub fn shown_client() -> Client<ShownApp> {
    let cache = Cache::builder().clock(TokioClock::new()).build().unwrap();
    Client::builder(cache, ShownApp).build()
}

pub fn shown(client: &Client<ShownApp>) -> Inspector<ShownApp> {
    inspector(client).token(TOKEN).unwrap()
}

/// A response, with its body as text.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(
            (self.status, self.header("content-type")),
            (StatusCode::OK, "application/json"),
            "{}",
            self.text
        );
        serde_json::from_str(&self.text).unwrap()
    }
}

/// Sends a request with these headers, in which the body is not read.
pub async fn open(
    routes: &Router,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
) -> axum::response::Response {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    routes.clone().call(request.body(Body::empty()).unwrap()).await.unwrap()
}

pub async fn send(routes: &Router, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let (parts, body) = open(routes, method, path, headers).await.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

pub async fn get(routes: &Router, path: &str, headers: &[(&str, &str)]) -> Answer {
    send(routes, Method::GET, path, headers).await
}

/// The cookie that a browser gets for the link, as it sends it.
pub async fn cookie(routes: &Router) -> String {
    let entered = get(routes, &format!("/_cache/?token={TOKEN}"), &[("host", "localhost:8080")]).await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER);
    entered.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// Gets a part of the page as a browser that has opened the link.
pub async fn part(routes: &Router, path: &str) -> Answer {
    let cookie = cookie(routes).await;
    get(routes, &format!("/_cache/{path}"), &[("host", "localhost:8080"), ("cookie", &cookie)]).await
}

pub async fn takes(time: Duration) {
    crate::blog::takes(time).await;
}
