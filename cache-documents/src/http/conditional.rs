//! Asking whether a stale response is still good, and reading the answer (RFC 9111, section 4.3).

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{
        ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE,
    },
    request, response,
};

use super::date::parse;
use super::lines::{Line, lines};
use super::status::is_failure;
use super::stored::{freshen, stored_head};

/// Returns `request` with the question whether `stored` is still good: `If-None-Match` with its `ETag`,
/// `If-Modified-Since` with its `Last-Modified`.
///
/// `None`: the plain request must be sent. The stored response has no validator, the method is neither `GET` nor
/// `HEAD`, or the request has a condition or range of its own, whose answer is for its caller.
///
/// Do not use it if the state of the stored response is [`NeverReused`](super::State::NeverReused).
///
/// ```
/// use cache_documents::http::conditional;
///
/// let request = http::Request::get("https://example.com/").body(())?.into_parts().0;
/// let stored = http::Response::builder().header("etag", "\"a\"").body(())?.into_parts().0;
/// let asks = conditional(&request, &stored).expect("it has a validator");
/// assert_eq!(asks.headers["if-none-match"], "\"a\"");
/// # Ok::<_, http::Error>(())
/// ```
#[must_use]
pub fn conditional(request: &request::Parts, stored: &response::Parts) -> Option<request::Parts> {
    static OWN: [HeaderName; 6] =
        [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE, RANGE];
    let is_plain = !request.headers.keys().any(|name| OWN.contains(name));
    if !is_plain || !matches!(request.method, Method::GET | Method::HEAD) {
        return None;
    }
    let Validators { etag, last_modified } = Validators::read(&stored.headers);
    etag.or(last_modified)?;
    let mut asks = request.clone();
    if let Some(etag) = etag {
        asks.headers.insert(IF_NONE_MATCH, etag.clone());
    }
    if let Some(date) = last_modified {
        asks.headers.insert(IF_MODIFIED_SINCE, date.clone());
    }
    Some(asks)
}

/// What the server said to a conditional request.
///
/// ```
/// use cache_documents::http::{Revalidation, revalidated};
///
/// let stored = http::Response::builder().header("etag", "\"a\"").body(())?.into_parts().0;
/// let answer = http::Response::builder().status(304).header("cache-control", "max-age=60").body(())?.into_parts().0;
/// let Revalidation::NotModified(head) = revalidated(&stored, &answer) else { panic!("a 304") };
/// assert_eq!(head.headers["cache-control"], "max-age=60");
/// # Ok::<_, http::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Revalidation {
    /// The stored content is good. This is its new head, as old as the answer.
    NotModified(Box<response::Parts>),
    /// A 304 about another response than the stored one. Send the request again without a condition.
    OtherResponse,
    /// The server failed (500, 502, 503 or 504). A stale response may take the place of the answer if
    /// [`Verdict::stale_if_error`](super::Verdict::stale_if_error) allows so.
    Failed,
    /// Any other answer: it takes the place of the stored one.
    Replaced,
}

/// Tells what `answer` to a conditional request means for `stored`.
///
/// Validators are compared weakly, as the server does for `If-None-Match`. A 304 without any is about the one that was
/// asked for.
#[must_use]
pub fn revalidated(stored: &response::Parts, answer: &response::Parts) -> Revalidation {
    match Confirmation::of(stored, answer) {
        Confirmation::Same => {
            let mut fresh = Box::new(stored.clone());
            freshen(&mut fresh, &stored_head(answer));
            Revalidation::NotModified(fresh)
        }
        Confirmation::OtherResponse => Revalidation::OtherResponse,
        Confirmation::Failed => Revalidation::Failed,
        Confirmation::Replaced => Revalidation::Replaced,
    }
}

/// A [`Revalidation`] without the new head.
pub(super) enum Confirmation {
    /// The stored content is good.
    Same,
    OtherResponse,
    Failed,
    Replaced,
}

impl Confirmation {
    pub(super) fn of(stored: &response::Parts, answer: &response::Parts) -> Self {
        if answer.status != StatusCode::NOT_MODIFIED {
            return if is_failure(answer.status) { Self::Failed } else { Self::Replaced };
        }
        let old = || Validators::read(&stored.headers);
        let new = Validators::read(&answer.headers);
        let is_same = match (new.etag, new.last_modified) {
            (Some(etag), _) => old().etag.is_some_and(|old| opaque(old) == opaque(etag)),
            (None, Some(date)) => old().last_modified.is_some_and(|old| parse(old) == parse(date)),
            (None, None) => true,
        };
        if is_same { Self::Same } else { Self::OtherResponse }
    }
}

/// What names one state of a resource. Fields that are empty, no date, or contradict themselves are left out.
struct Validators<'a> {
    etag: Option<&'a HeaderValue>,
    last_modified: Option<&'a HeaderValue>,
}

impl<'a> Validators<'a> {
    fn read(headers: &'a HeaderMap) -> Self {
        static NAMES: [HeaderName; 2] = [ETAG, LAST_MODIFIED];
        let [etag, last_modified] = lines(headers, &NAMES).map(Line::single);
        Self {
            etag: etag.filter(|etag| !etag.is_empty()),
            last_modified: last_modified.filter(|date| parse(date).is_some()),
        }
    }
}

/// Returns an entity tag without the sign of weakness.
fn opaque(etag: &HeaderValue) -> &[u8] {
    let bytes = etag.as_bytes();
    bytes.strip_prefix(b"W/").unwrap_or(bytes)
}
