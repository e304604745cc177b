//! What a request says about formats, and the documents that it brings.

use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::MEDIA_TYPE;
use super::response::Failure;
use crate::problem::{Problem, cut};

/// Whether a request is about documents: it names their media type, or asks for what only they have.
pub(crate) fn is_about_documents(request: &Request) -> bool {
    let names = |name| media_types(request.headers(), name).any(|(kind, _)| kind == MEDIA_TYPE);
    let path = request.uri().path();
    names(ACCEPT)
        || names(CONTENT_TYPE)
        || [Method::PATCH, Method::DELETE].contains(request.method())
        || path == "/articles"
        || path.starts_with("/comments/")
}

/// Refuses a request whose formats this service does not speak.
///
/// # Errors
/// 415 or 406, as the format demands.
pub(crate) fn check_formats(headers: &HeaderMap) -> Result<(), Failure> {
    let of_documents = |name| media_types(headers, name).filter(|(kind, _)| *kind == MEDIA_TYPE);
    if of_documents(CONTENT_TYPE).any(|(_, parameters)| !parameters.is_empty()) {
        let text = format!(
            "the content type must be `{MEDIA_TYPE}` without parameters: extensions are not supported"
        );
        return Err(Failure::refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    let mut accepted = of_documents(ACCEPT).peekable();
    let is_weight = |parameters: &str| parameters.is_empty() || parameters.trim_start().starts_with("q=");
    if accepted.peek().is_some() && !accepted.any(|(_, parameters)| is_weight(parameters)) {
        let text =
            format!("`accept` must have `{MEDIA_TYPE}` without parameters: extensions are not supported");
        return Err(Failure::refused(StatusCode::NOT_ACCEPTABLE, text));
    }
    Ok(())
}

/// The media types of a field, and their parameters.
fn media_types(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = (&str, &str)> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|part| {
        let (kind, parameters) = part.split_once(';').unwrap_or((part, ""));
        (kind.trim(), parameters.trim())
    })
}

/// The document that a request brings.
#[derive(Debug, Deserialize)]
pub(crate) struct Document {
    pub(crate) data: Resource,
}

/// A resource object to create or to change.
#[derive(Debug, Deserialize)]
pub(crate) struct Resource {
    #[serde(rename = "type")]
    kind: String,
    /// Absent in a request to create one.
    id: Option<String>,
    #[serde(default)]
    attributes: Value,
}

impl Resource {
    /// Checks the type, and the id, which a resource that does not exist yet lacks.
    pub(crate) fn check(&self, kind: &str, id: Option<u64>) -> Result<(), Failure> {
        let conflict = |text| Problem::Refused { status: StatusCode::CONFLICT, message: text };
        if self.kind != kind {
            let text = format!("the type must be `{kind}`, and is `{}`", cut(&self.kind));
            return Err(Failure::at(conflict(text), "/data/type"));
        }
        match (id, &self.id) {
            (None, None) => Ok(()),
            (None, Some(_)) => {
                let problem = Problem::Forbidden("the service chooses the ids of comments".to_owned());
                Err(Failure::at(problem, "/data/id"))
            }
            (Some(id), given) if given.as_ref() == Some(&id.to_string()) => Ok(()),
            (Some(id), _) => Err(Failure::at(conflict(format!("the id must be `{id}`")), "/data/id")),
        }
    }

    /// Returns a text among the attributes.
    pub(crate) fn text(&self, name: &str, pointer: &'static str) -> Result<&str, Failure> {
        let text = self.attributes.get(name).and_then(Value::as_str);
        text.ok_or_else(|| Failure::at(Problem::BadInput(format!("the text `{name}` is missing")), pointer))
    }
}
