//! A request and its response, with the times of both, and how old the response is.

use std::time::{Duration, SystemTime};

use http::{
    HeaderName, HeaderValue,
    header::{AGE, DATE},
    request, response,
};

use super::cache_control::digits_to_seconds;
use super::date::DateField;
use super::headers::Terms;
use super::lines::lines;

/// The head of a request and of the response that came for it, and when.
///
/// ```
/// use cache_documents::http::Exchange;
/// use std::time::{Duration, SystemTime};
///
/// let request = http::Request::get("https://example.com/").body(())?.into_parts().0;
/// let response = http::Response::builder().header("age", "10").body(())?.into_parts().0;
/// let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
/// let exchange = Exchange::new(&request, &response, at, at);
/// assert_eq!(exchange.age(at + Duration::from_secs(5)), Some(Duration::from_secs(15)));
/// # Ok::<_, http::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    pub(super) request: &'a request::Parts,
    pub(super) response: &'a response::Parts,
    pub(super) requested: SystemTime,
    pub(super) received: SystemTime,
    /// What the heads say, if that is known already.
    known: Option<&'a Terms>,
}

impl<'a> Exchange<'a> {
    /// Brings together what is known of a stored response. `requested` is when the request was sent, `received` when
    /// its response came.
    ///
    /// `request` has the fields that the program itself sent, without those that a transport adds.
    #[inline]
    #[must_use]
    pub fn new(
        request: &'a request::Parts,
        response: &'a response::Parts,
        requested: SystemTime,
        received: SystemTime,
    ) -> Self {
        Self { request, response, requested, received, known: None }
    }

    /// Gives what [`terms`](Self::terms) has returned for these heads and times.
    pub(super) fn knowing(self, terms: &'a Terms) -> Self {
        Self { known: Some(terms), ..self }
    }

    pub(super) fn terms(&self) -> Terms {
        self.known.copied().unwrap_or_else(|| Terms::read(self))
    }

    /// Returns the head of the request.
    #[must_use]
    pub fn request(&self) -> &'a request::Parts {
        self.request
    }

    /// Returns the head of the response.
    #[must_use]
    pub fn response(&self) -> &'a response::Parts {
        self.response
    }

    /// Returns the age of the response by RFC 9111, section 4.2.3: what `Age` and `Date` say of the time before it
    /// came, the duration of the request, and the time since.
    ///
    /// `None`: the clock was set back behind the time when the response came, so nobody knows.
    #[must_use]
    pub fn age(&self, now: SystemTime) -> Option<Duration> {
        Some(self.age_when_received().saturating_add(self.resident(now)?))
    }

    pub(super) fn age_when_received(&self) -> Duration {
        static NAMES: [HeaderName; 2] = [AGE, DATE];
        let since = |earlier| self.received.duration_since(earlier).unwrap_or_default();
        let [age, date] = lines(&self.response.headers, &NAMES);
        let apparent = DateField::read(date).at().map(since).unwrap_or_default();
        let told = Duration::from_secs(age.first().map_or(0, seconds_of_age).into());
        let corrected = told.saturating_add(since(self.requested));
        apparent.max(corrected)
    }

    /// Returns the time since the response came, `None` if the clock was set back behind it.
    pub(super) fn resident(&self, now: SystemTime) -> Option<Duration> {
        now.duration_since(self.received).ok()
    }
}

/// Returns the first number of the first line of `Age`. RFC 9111, section 5.1, ignores what is no number.
fn seconds_of_age(first: &HeaderValue) -> u32 {
    let member = first.as_bytes().split(|byte| *byte == b',').next().unwrap_or_default();
    digits_to_seconds(member.trim_ascii()).unwrap_or_default()
}
