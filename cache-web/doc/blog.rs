// The program of the examples in the guide: a blog whose loads take as long as their queries say.

pub use std::sync::{Arc, LazyLock};
pub use std::time::Duration;

pub use axum::Router;
pub use axum::body::Body;
pub use axum::extract::{Path, Request};
pub use axum::http::request::Parts;
pub use axum::http::{HeaderMap, HeaderName, StatusCode, header};
pub use axum::response::{IntoResponse, Response};
pub use axum::routing::get;
pub use cache_client::{App, Client, Context, Fetch, QueryError, TokioClock};
pub use cache_core::{Cache, Query, registry};
pub use cache_web::{Cx, Failure, PageResponse, RequestLayer, Web};
pub use http_body_util::BodyExt;
pub use serde::{Deserialize, Serialize};
pub use tokio::time::Instant;
pub use tower_service::Service;
pub use ts_rs::TS;

/// The title of a post, which is there at once.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[query(value = String, capacity = 1_000, fresh = "30s")]
pub struct GetTitle {
    pub id: u64,
}

/// The comments on a post, which take 300 ms.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[query(value = Vec<String>, capacity = 1_000, fresh = "30s")]
pub struct GetComments {
    pub post: u64,
}

/// What a reader has written and not posted yet.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[query(value = Vec<String>, capacity = 1_000, fresh = "30s")]
pub struct GetDrafts {
    pub reader: String,
}

/// A report that takes three seconds.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[query(value = String, capacity = 10, fresh = "30s")]
pub struct GetReport {
    pub year: u16,
}

registry! {
    pub struct BlogRegistry {
        GetTitle,
        GetComments,
        GetDrafts,
        GetReport,
    }
}

#[derive(Debug)]
pub struct Blog;

impl App for Blog {
    type Registry = BlogRegistry;
}

#[derive(Debug, thiserror::Error)]
#[error("there is no post {0}")]
pub struct NoSuchPost(pub u64);

impl IntoResponse for &NoSuchPost {
    fn into_response(self) -> Response {
        (StatusCode::NOT_FOUND, self.to_string()).into_response()
    }
}

impl Fetch<Blog> for GetTitle {
    type Error = NoSuchPost;

    async fn fetch(&self, _: &Context<Blog>) -> Result<String, NoSuchPost> {
        if self.id < 1_000 { Ok(format!("Post {}", self.id)) } else { Err(NoSuchPost(self.id)) }
    }
}

impl Fetch<Blog> for GetComments {
    type Error = NoSuchPost;

    async fn fetch(&self, _: &Context<Blog>) -> Result<Vec<String>, NoSuchPost> {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok(vec!["Well said.".to_owned()])
    }
}

impl Fetch<Blog> for GetDrafts {
    type Error = NoSuchPost;

    async fn fetch(&self, cx: &Context<Blog>) -> Result<Vec<String>, NoSuchPost> {
        // What the load of a listed query reads is not sent.
        let _report = cx.query(&GetReport { year: 2026 }).await;
        Ok(vec![format!("A draft of {}", self.reader)])
    }
}

impl Fetch<Blog> for GetReport {
    type Error = NoSuchPost;

    async fn fetch(&self, _: &Context<Blog>) -> Result<String, NoSuchPost> {
        tokio::time::sleep(Duration::from_secs(3)).await;
        Ok(format!("The secrets of {}", self.year))
    }
}

/// A client with an empty cache, whose clock is that of tokio.
pub fn blog_client() -> Client<Blog> {
    let cache = Cache::builder().clock(TokioClock::new()).build();
    Client::builder(cache.expect("the queries are valid"), Blog).build()
}

/// Sends a request to routes, without a connection.
pub async fn send(routes: &Router, request: Request) -> Response {
    let Ok(response) = routes.clone().call(request).await;
    response
}

/// Status and text of a page.
pub async fn open(routes: &Router, path: &str) -> (StatusCode, String) {
    let response = send(routes, Request::get(path).body(Body::empty()).expect("the path is valid")).await;
    (response.status(), text(response).await)
}

/// Reads a response to its end.
pub async fn text(response: Response) -> String {
    let bytes = response.into_body().collect().await.expect("the body is whole").to_bytes();
    String::from_utf8_lossy(&bytes).into_owned()
}
