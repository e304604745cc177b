//! Whether a stored response may be used again: the steps from the options of the call to the headers, in order.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::{HeaderName, request};

use super::cache_control::{CacheControl, MAX_SECONDS, Seconds};
use super::headers::{Said, Terms};
use super::verdict::Span;
use super::{Exchange, State, Verdict, Why, vary};

/// The program's own judgement of stored responses.
///
/// `()` is the policy without an opinion.
///
/// ```
/// use cache_documents::http::{Exchange, Opinion, Policy};
/// use std::time::SystemTime;
///
/// struct ReportsNeverChange;
///
/// impl Policy for ReportsNeverChange {
///     fn judge(&self, exchange: &Exchange<'_>, _now: SystemTime) -> Opinion {
///         let is_report = exchange.request().uri.path().starts_with("/reports/");
///         if is_report { Opinion::Yes } else { Opinion::None }
///     }
/// }
/// ```
pub trait Policy {
    /// Says whether the stored response of `exchange` may be used at `now` without asking the server.
    ///
    /// Called only if neither `no-store`, `Vary`, the options of the call nor a mark decide; also when a response comes,
    /// as of then. It should be fast and have no effects.
    fn judge(&self, exchange: &Exchange<'_>, now: SystemTime) -> Opinion {
        let _ = (exchange, now);
        Opinion::None
    }

    /// Returns whether [`judge`](Self::judge) may have an opinion on any response. The default is `true`.
    ///
    /// It may be read at each request. While it says no, a stored response whose headers say that it is fresh may be
    /// served without a call of `judge`, which is faster. Other responses are judged as always.
    fn has_opinions(&self) -> bool {
        true
    }
}

impl Policy for () {
    fn has_opinions(&self) -> bool {
        false
    }
}

/// What a [`Policy`] thinks of a stored response.
///
/// ```
/// use cache_documents::http::Opinion;
///
/// assert_eq!(Opinion::default(), Opinion::None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Opinion {
    /// It may be used.
    Yes,
    /// The server must be asked.
    No,
    /// The headers and the options of the query decide.
    #[default]
    None,
}

/// Times that a call or a query asks for. `None` leaves the question to what comes after.
///
/// ```
/// use cache_documents::http::Windows;
/// use std::time::Duration;
///
/// let mut windows = Windows::default();
/// windows.fresh = Some(Duration::from_secs(30));
/// assert_eq!(windows.stale_if_error, None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Windows {
    /// For how long after it was received a response is fresh.
    pub fresh: Option<Duration>,
    /// For how long after that it may be served while a new one is fetched.
    pub stale_while_revalidate: Option<Duration>,
    /// For how long after `fresh` it may take the place of a failed answer.
    pub stale_if_error: Option<Duration>,
}

/// The question whether a stored response may be used again.
///
/// ```
/// use cache_documents::http::{Exchange, Reuse, State, Why, Windows};
/// use std::time::{Duration, SystemTime};
///
/// let request = http::Request::get("https://example.com/").body(())?.into_parts().0;
/// let response = http::Response::new(()).into_parts().0;
/// let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
/// let exchange = Exchange::new(&request, &response, at, at);
///
/// let mut query = Windows::default();
/// query.fresh = Some(Duration::from_secs(30));
/// let verdict = Reuse::new(exchange, at).query(query).verdict(&());
/// assert_eq!((verdict.state, verdict.why), (State::Fresh, Why::QueryOptions));
/// # Ok::<_, http::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Reuse<'a> {
    exchange: Exchange<'a>,
    now: SystemTime,
    asked: &'a request::Parts,
    constant: &'a [HeaderName],
    call: Windows,
    query: Windows,
    is_marked: bool,
}

impl<'a> Reuse<'a> {
    /// Asks at `now`, for the request that brought the response.
    #[inline]
    #[must_use]
    pub fn new(exchange: Exchange<'a>, now: SystemTime) -> Self {
        Self {
            exchange,
            now,
            asked: exchange.request,
            constant: &[],
            call: Windows::default(),
            query: Windows::default(),
            is_marked: false,
        }
    }

    /// Asks for another request with the same key. Its fields count for `Vary`, and so do its directives.
    #[inline]
    #[must_use]
    pub fn for_request(self, asked: &'a request::Parts) -> Self {
        Self { asked, ..self }
    }

    /// Names fields that a transport adds to every request with the same value, or never, such as `accept-encoding`.
    /// A response may vary by them. It may also vary by fields that its own request has.
    #[inline]
    #[must_use]
    pub fn constant(self, names: &'a [HeaderName]) -> Self {
        Self { constant: names, ..self }
    }

    /// Sets the options of the call. They come before all else but `no-store` and `Vary`.
    #[inline]
    #[must_use]
    pub fn call(self, call: Windows) -> Self {
        Self { call, ..self }
    }

    /// Sets the options of the query. They decide where the headers are silent.
    #[inline]
    #[must_use]
    pub fn query(self, query: Windows) -> Self {
        Self { query, ..self }
    }

    /// Says whether somebody marked the response as stale.
    #[inline]
    #[must_use]
    pub fn marked(self, is_marked: bool) -> Self {
        Self { is_marked, ..self }
    }

    /// Decides. The first that applies: the options of the call, the mark, `policy`, the headers, the options of the
    /// query, a guess from `Last-Modified`; else the response is stale.
    #[must_use]
    pub fn verdict<P: Policy + ?Sized>(&self, policy: &P) -> Verdict {
        let headers = self.directives();
        if headers.asked.no_store || headers.terms.said == Said::NoStore {
            return Verdict::only(State::NotStored, Why::Headers);
        }
        if headers.terms.may_vary && !vary::allows(&self.exchange, &self.asked.headers, self.constant) {
            return Verdict::only(State::NeverReused, Why::Headers);
        }
        if let Some(fresh) = self.call.fresh {
            return self.of_age(Why::CallOptions, self.resident(), &self.span(fresh, &headers));
        }
        if self.is_marked {
            return Verdict::only(State::MustRevalidate, Why::Mark);
        }
        match policy.judge(&self.exchange, self.now) {
            Opinion::Yes => Verdict { state: State::Fresh, why: Why::Policy, ..self.by_headers(&headers) },
            Opinion::No => Verdict::only(State::MustRevalidate, Why::Policy),
            Opinion::None => self.by_headers(&headers),
        }
    }

    /// Tells whether the two windows of a verdict are stated by the headers, or ended by the program: while revalidating,
    /// and after an error. Otherwise the options of a query may set them.
    pub(super) fn sets_windows(&self, verdict: &Verdict) -> [bool; 2] {
        let headers = self.directives();
        let ends =
            headers.forbid_stale() || (verdict.why, verdict.state) == (Why::Policy, State::MustRevalidate);
        let states = |seconds| ends || seconds != Seconds::Absent;
        [states(headers.terms.response.stale_while_revalidate), states(headers.stale_if_error())]
    }

    /// Tells whether the headers forbid that anything is learned for the stored response, at any time: the verdict without a
    /// mark or options would be that it is not stored or never reused.
    pub(super) fn is_ruled_out(&self) -> bool {
        let headers = self.directives();
        match headers.terms.said {
            Said::NoStore => true,
            _ if headers.asked.no_store => true,
            Said::NotStorable if !headers.asked.no_cache => true,
            _ => headers.terms.may_vary && !vary::allows(&self.exchange, &self.asked.headers, self.constant),
        }
    }

    fn directives(&self) -> Directives {
        Directives { asked: CacheControl::read(&self.asked.headers), terms: self.exchange.terms() }
    }

    fn by_headers(&self, headers: &Directives) -> Verdict {
        if headers.asked.no_cache {
            return Verdict::only(State::MustRevalidate, Why::Headers);
        }
        let Terms { said, age_when_received, .. } = headers.terms;
        let age = self.resident().map(|resident| age_when_received.saturating_add(resident));
        let within =
            |why, age, lifetime| self.of_age(why, age, &headers.limited(self.span(lifetime, headers)));
        match (said, self.query.fresh) {
            (Said::NoStore | Said::NotStorable, _) => Verdict::only(State::NotStored, Why::Headers),
            (Said::Explicit(lifetime), _) => within(Why::Headers, age, lifetime),
            (_, Some(fresh)) => within(Why::QueryOptions, self.resident(), fresh),
            (Said::Heuristic(lifetime), None) => within(Why::Heuristic, age, lifetime),
            (Said::Nothing, None) => within(Why::Nothing, age, Duration::ZERO),
        }
    }

    /// A clock that was set back tells no age, so nothing may be used.
    fn of_age(&self, why: Why, age: Option<Duration>, span: &Span) -> Verdict {
        age.map_or(Verdict::only(State::MustRevalidate, why), |age| Verdict::of_age(why, age, span))
    }

    fn resident(&self) -> Option<Duration> {
        self.exchange.resident(self.now)
    }

    /// Adds the two windows to a lifetime: those of the call, else of the headers, else of the query.
    fn span(&self, fresh: Duration, headers: &Directives) -> Span {
        let window = |call: Option<Duration>, directive: Seconds, query: Option<Duration>| {
            let by_headers =
                || if headers.forbid_stale() { Some(Duration::ZERO) } else { directive.or_zero() };
            cut(call.or_else(by_headers).or(query).unwrap_or_default())
        };
        Span {
            fresh: cut(fresh),
            stale_while_revalidate: window(
                self.call.stale_while_revalidate,
                headers.terms.response.stale_while_revalidate,
                self.query.stale_while_revalidate,
            ),
            stale_if_error: window(
                self.call.stale_if_error,
                headers.stale_if_error(),
                self.query.stale_if_error,
            ),
        }
    }
}

/// The directives of the request that is asked for, and what the stored exchange says.
struct Directives {
    asked: CacheControl,
    terms: Terms,
}

impl Directives {
    /// That of the request comes first.
    fn stale_if_error(&self) -> Seconds {
        let asked = self.asked.stale_if_error;
        if asked == Seconds::Absent { self.terms.response.stale_if_error } else { asked }
    }

    fn forbid_stale(&self) -> bool {
        self.terms.response.must_revalidate || self.terms.response.no_cache || self.asked.no_cache
    }

    /// Applies `max-age`, `min-fresh` and `max-stale` of the request (RFC 9111, section 5.2.1).
    fn limited(&self, span: Span) -> Span {
        let asked = &self.asked;
        let wants_fresh = asked.max_age != Seconds::Absent || asked.min_fresh != Seconds::Absent;
        let wants_stale = matches!(asked.max_stale, Seconds::Valid(_));
        let spare = match asked.min_fresh {
            Seconds::Invalid => span.fresh,
            valid => valid.or_zero().unwrap_or_default(),
        };
        let mut fresh = span.fresh.saturating_sub(spare);
        if wants_stale && !self.forbid_stale() {
            fresh = cut(fresh.saturating_add(asked.max_stale.or_zero().unwrap_or_default()));
        }
        fresh = fresh.min(asked.max_age.or_zero().unwrap_or(Duration::MAX));
        // The windows end where they would end without the request, or at once if it wants no stale response.
        let left = |window: Duration| span.fresh.saturating_add(window).saturating_sub(fresh);
        let kept = |window| if wants_fresh { Duration::ZERO } else { left(window) };
        let if_error = match asked.stale_if_error {
            Seconds::Valid(_) => left(span.stale_if_error),
            Seconds::Absent | Seconds::Invalid => kept(span.stale_if_error),
        };
        Span { fresh, stale_while_revalidate: kept(span.stale_while_revalidate), stale_if_error: if_error }
    }
}

fn cut(duration: Duration) -> Duration {
    duration.min(Duration::from_secs(MAX_SECONDS.into()))
}

impl fmt::Debug for Reuse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reuse")
            .field("exchange", &self.exchange)
            .field("now", &self.now)
            .field("call", &self.call)
            .field("query", &self.query)
            .field("is_marked", &self.is_marked)
            .finish_non_exhaustive()
    }
}
