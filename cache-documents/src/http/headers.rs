//! What the headers of an exchange say about keeping and freshness. Where dates matter, `http-cache-semantics` decides;
//! this file gives it headers in one canonical spelling, since it reads only that as RFC 9111 wants it.

use std::time::{Duration, SystemTime};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
    header::{CACHE_CONTROL, DATE, EXPIRES, LAST_MODIFIED, VARY},
};
use http_cache_semantics::{CacheOptions, CachePolicy, RequestLike, ResponseLike};

use super::Exchange;
use super::cache_control::{CacheControl, Seconds};
use super::date::DateField;
use super::lines::lines;
use super::status::{is_cacheable_by_default, is_understood, is_whole};

/// A lifetime that nobody stated is never longer.
const MAX_HEURISTIC: Duration = Duration::from_secs(24 * 60 * 60);

/// What the heads of an exchange say, whoever asks and whenever. A stored response has it worked out once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) said: Said,
    pub(super) response: CacheControl,
    /// Whether `Vary` must be compared with a request.
    pub(super) may_vary: bool,
    pub(super) age_when_received: Duration,
}

impl Terms {
    /// Whether they would be the same for other times and dates, except for the age.
    pub(super) fn are_timeless(&self) -> bool {
        let states_lifetime = self.response.no_cache || self.response.max_age != Seconds::Absent;
        self.said == Said::NoStore || states_lifetime
    }

    pub(super) fn read(exchange: &Exchange<'_>) -> Self {
        let headers = &exchange.response.headers;
        let response = CacheControl::read(headers);
        Self {
            said: Said::read(exchange, &response),
            response,
            may_vary: headers.contains_key(VARY),
            age_when_received: exchange.age_when_received(),
        }
    }
}

/// What the headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It must not be kept, whatever the program wants.
    NoStore,
    /// It may be kept only if the program wants so.
    NotStorable,
    /// Fresh up to this age.
    Explicit(Duration),
    /// Nothing, but a response that changed so long ago may well stay the same up to this age.
    Heuristic(Duration),
    Nothing,
}

impl Said {
    fn read(exchange: &Exchange<'_>, response: &CacheControl) -> Self {
        let status = exchange.response.status;
        let own = CacheControl::read(&exchange.request.headers);
        if own.no_store || forbids_storage(status, response) {
            return Self::NoStore;
        }
        let method = &exchange.request.method;
        let is_readable = [Method::GET, Method::HEAD].contains(method);
        let is_posted = method == Method::POST;
        if is_readable || is_posted {
            // These two come before all dates (RFC 9111, section 4.2.1).
            let stated = if response.no_cache { Some(Duration::ZERO) } else { response.max_age.or_zero() };
            if let Some(lifetime) = stated {
                return Self::Explicit(lifetime);
            }
        }
        let dates = Dates::read(exchange);
        let is_explicit = dates.has_expires();
        let may_be_posted = is_posted && is_explicit;
        if !is_readable && !may_be_posted {
            return if is_cacheable_by_default(status) { Self::Nothing } else { Self::NotStorable };
        }
        let may_have_any_status = is_explicit || response.public || response.private;
        let policy = CachePolicy::new_options(
            &CanonicalRequest { method, headers: HeaderMap::new() },
            &CanonicalResponse {
                // It refuses statuses that it does not know. RFC 9111, section 3, does so only for `must-understand`.
                status: if may_have_any_status { StatusCode::OK } else { status },
                headers: canonical_headers(response, &dates, is_explicit),
            },
            exchange.received,
            CacheOptions { shared: false, ..CacheOptions::default() },
        );
        if !policy.is_storable() && !may_have_any_status {
            return Self::NotStorable;
        }
        // The canonical headers have no `Age`, so this is the whole lifetime.
        let lifetime = policy.time_to_live(exchange.received);
        match lifetime {
            _ if is_explicit => Self::Explicit(lifetime),
            Duration::ZERO => Self::Nothing,
            _ => Self::Heuristic(lifetime.min(MAX_HEURISTIC)),
        }
    }
}

fn forbids_storage(status: StatusCode, response: &CacheControl) -> bool {
    let is_refused = match (response.must_understand, is_understood(status)) {
        // The server adds `no-store` for caches that do not know `must-understand` (RFC 9111, section 5.2.2.3).
        (true, is_understood) => !is_understood,
        (false, _) => response.no_store,
    };
    is_refused || !is_whole(status)
}

/// The dates of a response that matter for its lifetime.
struct Dates {
    date: DateField,
    expires: DateField,
    last_modified: DateField,
    received: SystemTime,
}

impl Dates {
    fn read(exchange: &Exchange<'_>) -> Self {
        static NAMES: [HeaderName; 3] = [DATE, EXPIRES, LAST_MODIFIED];
        let [date, expires, last_modified] = lines(&exchange.response.headers, &NAMES).map(DateField::read);
        Self { date, expires, last_modified, received: exchange.received }
    }

    fn has_expires(&self) -> bool {
        !matches!(self.expires, DateField::Absent)
    }
}

fn canonical_headers(response: &CacheControl, dates: &Dates, is_explicit: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (is_set, directive) in [
        (response.must_revalidate, "must-revalidate"),
        (response.public, "public"),
        (response.private, "private"),
    ] {
        if is_set {
            headers.append(CACHE_CONTROL, HeaderValue::from_static(directive));
        }
    }
    if dates.has_expires() {
        headers.insert(EXPIRES, dates.expires.at().map_or(HeaderValue::from_static("0"), date_text));
    }
    // A guess must not grow with a `Date` in the future.
    let date = dates.date.at().map(|date| if is_explicit { date } else { date.min(dates.received) });
    if let Some(date) = date.and_then(after_epoch) {
        headers.insert(DATE, date_text(date));
    }
    if let Some(date) = dates.last_modified.at() {
        headers.insert(LAST_MODIFIED, date_text(date));
    }
    headers
}

/// Returns the date if it can be written as one.
fn after_epoch(date: SystemTime) -> Option<SystemTime> {
    (date >= SystemTime::UNIX_EPOCH).then_some(date)
}

/// Writes a date that was parsed, or is earlier than one and not before 1970.
fn date_text(date: SystemTime) -> HeaderValue {
    text(&httpdate::fmt_http_date(date))
}

fn text(ascii: &str) -> HeaderValue {
    // Callers pass letters, digits, spaces and `:,` only.
    HeaderValue::from_str(ascii).unwrap_or_else(|_| HeaderValue::from_static(""))
}

struct CanonicalRequest<'a> {
    method: &'a Method,
    headers: HeaderMap,
}

impl RequestLike for CanonicalRequest<'_> {
    fn uri(&self) -> Uri {
        Uri::default()
    }

    fn is_same_uri(&self, _: &Uri) -> bool {
        true
    }

    fn method(&self) -> &Method {
        self.method
    }

    fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}

struct CanonicalResponse {
    status: StatusCode,
    headers: HeaderMap,
}

impl ResponseLike for CanonicalResponse {
    fn status(&self) -> StatusCode {
        self.status
    }

    fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}
