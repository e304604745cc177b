//! Status codes: which may be kept without being told so, and which this crate understands.

use http::StatusCode;

/// Tells whether a response with this status may be kept although its headers do not say for how long.
///
/// These are the codes of RFC 9110, section 15.1, except 206: this crate does not combine partial content.
///
/// ```
/// use cache_documents::http::is_cacheable_by_default;
/// use http::StatusCode;
///
/// assert!(is_cacheable_by_default(StatusCode::NOT_FOUND));
/// assert!(!is_cacheable_by_default(StatusCode::SERVICE_UNAVAILABLE));
/// ```
#[must_use]
pub fn is_cacheable_by_default(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}

/// Tells whether this crate knows what the status means for a cache; `must-understand` asks for it.
///
/// ```
/// use cache_documents::http::is_understood;
/// use http::StatusCode;
///
/// assert!(is_understood(StatusCode::SEE_OTHER));
/// assert!(!is_understood(StatusCode::PARTIAL_CONTENT));
/// ```
#[must_use]
pub fn is_understood(status: StatusCode) -> bool {
    is_cacheable_by_default(status) || matches!(status.as_u16(), 302 | 303 | 307)
}

/// Tells whether a response with this status can stand for its resource at all. Interim responses, parts and 304
/// cannot.
pub(super) fn is_whole(status: StatusCode) -> bool {
    !status.is_informational() && status != StatusCode::PARTIAL_CONTENT && status != StatusCode::NOT_MODIFIED
}

/// Tells whether a stale response may take the place of this one (RFC 5861, section 4).
pub(super) fn is_failure(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}
