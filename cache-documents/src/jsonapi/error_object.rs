//! Error objects.

use serde::Deserialize;

use super::{Links, Meta};

/// An error that a server has reported.
///
/// # Examples
/// ```
/// use cache_documents::ErrorObject;
///
/// let error: ErrorObject = serde_json::from_str(
///     r#"{"status": "422", "detail": "is too long", "source": {"pointer": "/data/attributes/title"}}"#,
/// )?;
/// assert_eq!(error.status.as_deref(), Some("422"));
/// assert_eq!(error.source.unwrap().pointer.as_deref(), Some("/data/attributes/title"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ErrorObject {
    /// Names this occurrence of the problem.
    pub id: Option<String>,
    /// The HTTP status.
    pub status: Option<String>,
    /// A code of the application.
    pub code: Option<String>,
    /// A summary of the problem.
    pub title: Option<String>,
    /// What is special to this occurrence.
    pub detail: Option<String>,
    /// The part of the request that caused the error.
    pub source: Option<ErrorSource>,
    /// Links to more information.
    pub links: Option<Links>,
    /// Information that the format does not define.
    pub meta: Option<Meta>,
}

/// The part of a request that caused an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ErrorSource {
    /// A JSON pointer into the request's document.
    pub pointer: Option<String>,
    /// A parameter of the URL.
    pub parameter: Option<String>,
    /// A header of the request.
    pub header: Option<String>,
}
