//! The context of a request in a handler, and how problems are returned: as JSON or as a page.

use std::time::Duration;

use axum::Json;
use axum::body::HttpBody;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::RETRY_AFTER;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::time::Instant;

use super::{LONGEST_BODY, Shared};
use crate::app;
use crate::problem::Problem;
use crate::reading::Cx;
use crate::views;

/// How long a request may take if it does not set a limit.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may take for the body of a request.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request may take, in milliseconds.
const TIMEOUT: &str = "x-timeout-ms";

/// A problem that is returned as JSON.
pub(super) struct ApiProblem(pub(super) Problem);

/// A problem that is returned as a page.
pub(super) struct PageProblem(Problem);

impl<E: Into<Problem>> From<E> for ApiProblem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl<E: Into<Problem>> From<E> for PageProblem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        finish(&self.0, Json(json!({ "error": self.0.message() })))
    }
}

impl IntoResponse for PageProblem {
    fn into_response(self) -> Response {
        finish(&self.0, views::page(&views::problem(&self.0)))
    }
}

fn finish(problem: &Problem, body: impl IntoResponse) -> Response {
    if let Some(cause) = problem.cause() {
        app::log(&format_args!("error: {cause}"));
    }
    let mut response = (problem.status(), body).into_response();
    if let Some(seconds) = problem.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// Extracts the body of a request, which must arrive within [`BODY_TIMEOUT`].
pub(super) struct InTime<T>(pub(super) T);

impl<T: FromRequest<Shared, Rejection: Into<Problem>>> FromRequest<Shared> for InTime<T> {
    type Rejection = ApiProblem;

    async fn from_request(request: Request, client: &Shared) -> Result<Self, ApiProblem> {
        if request.body().size_hint().lower() > LONGEST_BODY as u64 {
            return Err(Problem::too_long().into());
        }
        let read = tokio::time::timeout(BODY_TIMEOUT, T::from_request(request, client)).await;
        let read = read.map_err(|_| Problem::Refused {
            status: StatusCode::REQUEST_TIMEOUT,
            message: format!("The request was not sent within {} s.", BODY_TIMEOUT.as_secs()),
        })?;
        Ok(Self(read?))
    }
}

/// The context of a request: named after it, with a deadline, and informed of commits.
pub(super) struct Visit(pub(super) Cx);

impl FromRequestParts<Shared> for Visit {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, client: &Shared) -> Result<Self, ApiProblem> {
        let patience = match parts.headers.get(TIMEOUT) {
            None => DEFAULT_TIMEOUT,
            Some(value) => timeout(value).ok_or_else(|| {
                Problem::BadInput(format!(
                    "the header `{TIMEOUT}` must be a number of milliseconds, at most 60000"
                ))
            })?,
        };
        let request = client.request(format!("{} {}", parts.method, parts.uri.path()));
        // A comment may still be rejected, and a page does not change.
        Ok(Self(request.without_layers().with_deadline(Instant::now() + patience)))
    }
}

fn timeout(value: &HeaderValue) -> Option<Duration> {
    let milliseconds: u64 = value.to_str().ok()?.parse().ok()?;
    (milliseconds <= 60_000).then_some(Duration::from_millis(milliseconds))
}
