//! Why a page cannot be sent.

use std::fmt;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// Why a page cannot be sent. As a response it has status 500.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PageError {
    /// The HTML does not contain the place for the state.
    NoPlace,
    /// The HTML contains the place for the state more than once.
    SeveralPlaces,
    /// The page was sent already.
    SentAlready,
    /// The system has no random numbers.
    NoRandomness(
        /// What the system says.
        String,
    ),
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlace => f.write_str(
                "the HTML of the page has no place for its state: write `page.place()` into it, once",
            ),
            Self::SeveralPlaces => f.write_str(
                "the HTML of the page has several places for its state: write `page.place()` into it only once",
            ),
            Self::SentAlready => f.write_str("the page was sent already: call `html` once"),
            Self::NoRandomness(error) => write!(f, "the system has no random numbers: {error}"),
        }
    }
}

impl std::error::Error for PageError {}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        tracing::error!(target: "cache_web", error = %self, "page");
        (StatusCode::INTERNAL_SERVER_ERROR, format!("{self}\n")).into_response()
    }
}
