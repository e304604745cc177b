//! What may be done with a stored response, for how long, and what decided so.

use std::time::Duration;

/// What may be done with a stored response. Made by [`Reuse::verdict`](super::Reuse::verdict).
///
/// The durations count from the moment of the verdict and follow each other: first `fresh_for`, then the two windows,
/// which begin together.
///
/// ```
/// use cache_documents::http::{Exchange, Reuse, State, Why};
/// use std::time::{Duration, SystemTime};
///
/// let request = http::Request::get("https://example.com/").body(())?.into_parts().0;
/// let header = "max-age=60, stale-while-revalidate=30";
/// let response = http::Response::builder().header("cache-control", header).body(())?.into_parts().0;
/// let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
/// let exchange = Exchange::new(&request, &response, at, at);
///
/// let verdict = Reuse::new(exchange, at + Duration::from_secs(50)).verdict(&());
/// assert_eq!((verdict.state, verdict.why), (State::Fresh, Why::Headers));
/// assert_eq!(verdict.fresh_for, Duration::from_secs(10));
/// assert_eq!(verdict.stale_while_revalidate, Duration::from_secs(30));
/// # Ok::<_, http::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// What may be done now.
    pub state: State,
    /// What decided.
    pub why: Why,
    /// For how long from now the response may be used as it is. If [`Policy::judge`](super::Policy::judge) said yes,
    /// it may be used now even if this is zero; ask again at the next use.
    pub fresh_for: Duration,
    /// For how long after that it may be served while a new one is fetched.
    pub stale_while_revalidate: Duration,
    /// For how long after `fresh_for` it may take the place of a failed answer.
    pub stale_if_error: Duration,
}

/// What may be done now with a stored response.
///
/// ```
/// use cache_documents::http::State;
///
/// let at_once = |state| matches!(state, State::Fresh | State::StaleWhileRevalidate);
/// assert!(!at_once(State::MustRevalidate));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// It is served without a request.
    Fresh,
    /// It is served at once, and a request is sent.
    StaleWhileRevalidate,
    /// A request is sent; if that fails, it is served.
    StaleIfError,
    /// A request is sent, a conditional one if the response has a validator.
    MustRevalidate,
    /// It belongs to other header fields than those of the request. It serves nobody else, not even after a 304.
    NeverReused,
    /// It goes to its callers and is kept nowhere.
    NotStored,
}

/// What decided about a stored response: the first of these that has something to say.
///
/// ```
/// use cache_documents::http::Why;
///
/// assert_eq!(format!("{:?}", Why::CallOptions), "CallOptions");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// The options of the call.
    CallOptions,
    /// Somebody marked the response as stale.
    Mark,
    /// [`Policy::judge`](super::Policy::judge) of the program.
    Policy,
    /// The headers of the request or the response. `no-store`, `Vary`, and statuses that stand for no whole response,
    /// decide before everything else.
    Headers,
    /// The options of the query.
    QueryOptions,
    /// A lifetime guessed from `Last-Modified` (RFC 9111, section 4.2.2), at most one day.
    Heuristic,
    /// Nothing says that the response is fresh, so it is stale.
    Nothing,
}

impl Verdict {
    /// A verdict without windows.
    pub(super) fn only(state: State, why: Why) -> Self {
        let none = Duration::ZERO;
        Self { state, why, fresh_for: none, stale_while_revalidate: none, stale_if_error: none }
    }

    /// The verdict on a response of an age.
    pub(super) fn of_age(why: Why, age: Duration, span: &Span) -> Self {
        let rest_of = |window| span.fresh.saturating_add(window).saturating_sub(age.max(span.fresh));
        let fresh_for = span.fresh.saturating_sub(age);
        let stale_while_revalidate = rest_of(span.stale_while_revalidate);
        let stale_if_error = rest_of(span.stale_if_error);
        let state = if !fresh_for.is_zero() {
            State::Fresh
        } else if !stale_while_revalidate.is_zero() {
            State::StaleWhileRevalidate
        } else if !stale_if_error.is_zero() {
            State::StaleIfError
        } else {
            State::MustRevalidate
        };
        Self { state, why, fresh_for, stale_while_revalidate, stale_if_error }
    }
}

/// The ages up to which a response may be used. A response that has reached one of them is past it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) fresh: Duration,
    /// Counts from `fresh`, like the next one.
    pub(super) stale_while_revalidate: Duration,
    pub(super) stale_if_error: Duration,
}
