//! How long a request may take: what the program has configured, and what a header grants. Measures no time.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

#[derive(Clone, Debug, Default)]
pub(super) struct Deadline {
    pub(super) configured: Option<Duration>,
    pub(super) header: Option<HeaderName>,
}

/// A header that grants no time.
#[derive(Debug)]
pub(super) struct BadHeader(HeaderName);

impl Deadline {
    /// Returns how long a request with these headers may take; `None` if there is no limit.
    pub(super) fn of(&self, headers: &HeaderMap) -> Result<Option<Duration>, BadHeader> {
        let Some(name) = &self.header else { return Ok(self.configured) };
        // A header that is sent several times may have been added to one that a proxy has set.
        let mut shortest = self.configured;
        for value in headers.get_all(name) {
            let granted = milliseconds(value).ok_or_else(|| BadHeader(name.clone()))?;
            shortest = Some(shortest.map_or(granted, |time| time.min(granted)));
        }
        Ok(shortest)
    }
}

fn milliseconds(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    // `parse` would also accept a sign.
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Duration::from_millis(text.parse().unwrap_or(u64::MAX)))
}

impl IntoResponse for BadHeader {
    fn into_response(self) -> Response {
        let text = format!("the header `{}` must be a number of milliseconds, such as 1500\n", self.0);
        (StatusCode::BAD_REQUEST, text).into_response()
    }
}
