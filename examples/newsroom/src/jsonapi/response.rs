//! Responses: documents with an `ETag`, which a request may know already, and error documents.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, RETRY_AFTER, VARY,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::MEDIA_TYPE;
use crate::app;
use crate::problem::Problem;

/// How a response may be kept: for a moment without a question, and for a day while the service does not answer.
const KEPT: &str = "max-age=2, stale-if-error=86400";

/// A problem that is returned as an error document.
#[derive(Debug)]
pub(crate) struct Failure {
    problem: Problem,
    source: Option<Source>,
}

/// The part of a request that has caused a problem.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// A JSON pointer into the body.
    Pointer(&'static str),
    Parameter(&'static str),
}

impl Failure {
    /// Names the part of the body that has caused the problem, by a JSON pointer.
    pub(crate) fn at(problem: impl Into<Problem>, pointer: &'static str) -> Self {
        Self { problem: problem.into(), source: Some(Source::Pointer(pointer)) }
    }

    /// Names the parameter that has caused the problem.
    pub(crate) fn of_parameter(problem: impl Into<Problem>, name: &'static str) -> Self {
        Self { problem: problem.into(), source: Some(Source::Parameter(name)) }
    }

    /// A request that the format forbids.
    pub(crate) fn refused(status: StatusCode, message: impl Into<String>) -> Self {
        Problem::Refused { status, message: message.into() }.into()
    }

    fn body(&self) -> Value {
        let status = self.problem.status();
        let mut error = json!({
            "status": status.as_str(),
            "title": status.canonical_reason().unwrap_or("Error"),
            "detail": self.problem.message(),
        });
        match self.source {
            Some(Source::Pointer(pointer)) => error["source"] = json!({ "pointer": pointer }),
            Some(Source::Parameter(name)) => error["source"] = json!({ "parameter": name }),
            None => {}
        }
        json!({ "jsonapi": { "version": "1.1" }, "errors": [error] })
    }
}

impl<E: Into<Problem>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { problem: error.into(), source: None }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        if let Some(cause) = self.problem.cause() {
            app::log(&format_args!("error: {cause}"));
        }
        let headers = [(CONTENT_TYPE, MEDIA_TYPE), (CACHE_CONTROL, "no-store")];
        let mut response = (self.problem.status(), headers, self.body().to_string()).into_response();
        if let Some(seconds) = self.problem.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Returns a document, or 304 if the request has it already.
pub(crate) fn document(request: &HeaderMap, document: Value) -> Response {
    let text = with_version(document).to_string();
    let tag = tag_of(&text);
    // One of the routes has another representation of the same resource.
    let headers = [(CACHE_CONTROL, KEPT), (ETAG, &*tag), (VARY, ACCEPT.as_str())];
    match knows(request, &tag) {
        true => (StatusCode::NOT_MODIFIED, headers).into_response(),
        false => (headers, [(CONTENT_TYPE, MEDIA_TYPE)], text).into_response(),
    }
}

/// Returns the document of a resource that was changed.
pub(crate) fn changed(document: Value) -> Response {
    let headers = [(CONTENT_TYPE, MEDIA_TYPE), (CACHE_CONTROL, "no-store")];
    (headers, with_version(document).to_string()).into_response()
}

/// Returns the document of a resource that was created at a path.
pub(crate) fn created(path: &str, document: Value) -> Response {
    (StatusCode::CREATED, [(LOCATION, path)], changed(document)).into_response()
}

fn with_version(mut document: Value) -> Value {
    document["jsonapi"] = json!({ "version": "1.1" });
    document
}

/// A strong validator: equal texts have equal ones.
fn tag_of(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

/// Whether a request says that it has the representation with this tag. The comparison is weak, as RFC 9110 requires it
/// for this field.
fn knows(request: &HeaderMap, tag: &str) -> bool {
    let tags = request.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    tags.flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}
