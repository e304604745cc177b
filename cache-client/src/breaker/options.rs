//! When a breaker opens, for how long, and what callers see of its state. Plain data.

use std::time::Duration;

use tokio::time::Instant;

/// Sets when a circuit breaker opens, and for how long.
///
/// A breaker guards the loads of one query, or of all queries that name it: see
/// [`LoadingOptions::breaker`](crate::LoadingOptions::breaker). By default it opens after 5 consecutive failures. While
/// it is open, loads fail at once with [`QueryError::CircuitOpen`](crate::QueryError::CircuitOpen), so that a source
/// that is down gets no requests. After 60 s it lets one load through, the trial. If the trial succeeds, the breaker
/// closes. If it fails, the breaker stays open for another 60 s. If it is interrupted, or has not ended after 60 s,
/// another load is let through. Each client has its own breakers.
///
/// These loads count as failures: a load that panics, a [`fetch_many`](crate::FetchMany::fetch_many) that returns too
/// few or too many answers, and a load whose error [counts](crate::Fetch::counts_as_failure); by default every attempt
/// with a retryable error. Any other error counts as a success, since the source has answered: the key is unknown, or
/// the input is invalid. A query without retryable errors has to define which errors count. Interrupted loads count as
/// neither.
///
/// ```
/// use cache_client::BreakerOptions;
/// use std::time::Duration;
///
/// // The breaker also opens when at least half of the loads of the last ten seconds failed and there were 20 or more.
/// let options = BreakerOptions::new().rate(0.5, 20, Duration::from_secs(10)).open_for(Duration::from_secs(30));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct BreakerOptions {
    pub(crate) failures: u32,
    pub(crate) rate: Option<Rate>,
    pub(crate) open_for: Duration,
}

/// The fraction of calls that may fail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    /// The breaker opens when this fraction is reached.
    pub(crate) fraction: f64,
    /// The rate has no effect below this number of calls.
    pub(crate) calls: u32,
    pub(crate) window: Duration,
}

impl BreakerOptions {
    /// Creates options for a breaker that opens after 5 consecutive failures, for 60 s.
    pub const fn new() -> Self {
        Self { failures: 5, rate: None, open_for: Duration::from_secs(60) }
    }

    /// Sets after how many consecutive failures the breaker opens. Default: 5.
    ///
    /// # Panics
    /// If `count` is zero.
    pub const fn failures(mut self, count: u32) -> Self {
        assert!(count > 0, "the number of failures must be at least 1");
        self.failures = count;
        self
    }

    /// Also opens the breaker when at least this `fraction` of the calls of the last `window` has failed, if there were
    /// at least `calls`. The window moves in tenths: the counted time is up to a tenth shorter. Default: no rate.
    ///
    /// # Panics
    /// If `fraction` is not above 0, or is above 1, or if `calls` or `window` is zero.
    pub const fn rate(mut self, fraction: f64, calls: u32, window: Duration) -> Self {
        assert!(fraction > 0.0 && fraction <= 1.0, "the failure rate must be above 0 and at most 1");
        assert!(calls > 0 && !window.is_zero(), "the number of calls and the window must not be zero");
        self.rate = Some(Rate { fraction, calls, window });
        self
    }

    /// Sets how long the breaker stays open before a trial. Default: 60 s.
    ///
    /// # Panics
    /// If `time` is zero.
    pub const fn open_for(mut self, time: Duration) -> Self {
        assert!(!time.is_zero(), "the time must be longer than zero");
        self.open_for = time;
        self
    }
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// The state of a circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BreakerState {
    /// Lets all loads through, and counts how they end.
    Closed,
    /// Lets no load through.
    #[non_exhaustive]
    Open {
        /// From then on the next load is the trial. Until a load comes, the breaker stays open.
        until: Instant,
    },
    /// Lets one load through, the trial, which decides whether the breaker closes.
    HalfOpen,
}

impl BreakerState {
    /// The name of the state in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen => "half-open",
        }
    }
}
