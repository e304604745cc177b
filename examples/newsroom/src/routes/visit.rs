//! The context of a request in a handler, and how problems are returned: as JSON or as a page.

use std::time::Duration;

use axum::Json;
use axum::body::HttpBody;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use cache_web::CxRejection;
use serde_json::json;

use super::{LONGEST_BODY, Shared};
use crate::app;
use crate::problem::Problem;
use crate::reading::Cx;
use crate::views;

/// How long a client may take for the body of a request.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

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

/// Tells the operator of the service the cause of a problem, if it has one.
pub(super) fn log_cause(problem: &Problem) {
    if let Some(cause) = problem.cause() {
        app::log(&format_args!("error: {cause}"));
    }
}

fn finish(problem: &Problem, body: impl IntoResponse) -> Response {
    log_cause(problem);
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

/// The context of a request, without what is not written yet: a comment may still be rejected, and a page does not change.
pub(super) struct Visit(pub(super) Cx);

impl FromRequestParts<Shared> for Visit {
    type Rejection = CxRejection;

    async fn from_request_parts(parts: &mut Parts, client: &Shared) -> Result<Self, CxRejection> {
        let cx = cache_web::Cx::from_request_parts(parts, client).await?;
        Ok(Self(cx.without_layers()))
    }
}
