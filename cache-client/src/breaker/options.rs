//! When a breaker opens, for how long, and what callers see of its state. Plain data.

use std::time::Duration;

use tokio::time::Instant;

/// When a circuit breaker opens, and for how long.
///
/// A breaker stands before the loads of one query, or of all that name it: see
/// [`LoadingOptions::breaker`](crate::LoadingOptions::breaker). It opens after 5 loads in a row have failed; while it is
/// open, loads fail at once with [`QueryError::CircuitOpen`](crate::QueryError::CircuitOpen), and nothing is asked of what
/// is down already. After 60 s one load is let through, the trial: if it succeeds the breaker closes, if it fails the
/// breaker is open for as long again, and if it is interrupted, or has not ended after as long again, another one is
/// let through. Each client has breakers of its own.
///
/// A failure is a load that panics, a [`fetch_many`](crate::FetchMany::fetch_many) that gives more or fewer answers than it
/// was given keys, or a load whose error [counts](crate::Fetch::counts_as_failure): by default those that may pass, each
/// time that it is tried. Any other error is a success here, since what was asked has answered: an unknown
/// key, an input that makes no sense. A query whose errors never may pass has to say which of them count. Interrupted loads
/// count as neither failure nor success.
///
/// ```
/// use cache_client::BreakerOptions;
/// use std::time::Duration;
///
/// // Also opens when at least half of the loads of the last ten seconds have failed, and there were 20 or more.
/// let options = BreakerOptions::new().rate(0.5, 20, Duration::from_secs(10)).open_for(Duration::from_secs(30));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct BreakerOptions {
    pub(crate) failures: u32,
    pub(crate) rate: Option<Rate>,
    pub(crate) open_for: Duration,
}

/// The part of the calls that may fail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    /// From this part on it is too many.
    pub(crate) fraction: f64,
    /// Fewer calls say nothing.
    pub(crate) calls: u32,
    pub(crate) window: Duration,
}

impl BreakerOptions {
    /// A breaker that opens after 5 failures in a row, for 60 s.
    pub const fn new() -> Self {
        Self { failures: 5, rate: None, open_for: Duration::from_secs(60) }
    }

    /// Opens after `count` failures in a row. Default: 5.
    ///
    /// # Panics
    /// If `count` is zero.
    pub const fn failures(mut self, count: u32) -> Self {
        assert!(count > 0, "a breaker opens after at least one failure");
        self.failures = count;
        self
    }

    /// Opens also when at least this `fraction` of the calls of the last `window` has failed, if there were `calls` or
    /// more. A window is forgotten in tenths: what is counted is at most a tenth of it shorter. Default: no rate.
    ///
    /// # Panics
    /// If `fraction` is not above 0 or is above 1, or `calls` or `window` is zero.
    pub const fn rate(mut self, fraction: f64, calls: u32, window: Duration) -> Self {
        assert!(fraction > 0.0 && fraction <= 1.0, "the rate of a breaker is above 0, and 1 at most");
        assert!(calls > 0 && !window.is_zero(), "the rate of a breaker is one of some calls in some time");
        self.rate = Some(Rate { fraction, calls, window });
        self
    }

    /// Stays open for `time` before a trial. Default: 60 s.
    ///
    /// # Panics
    /// If `time` is zero.
    pub const fn open_for(mut self, time: Duration) -> Self {
        assert!(!time.is_zero(), "a breaker is open for some time");
        self.open_for = time;
        self
    }
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// What a circuit breaker does with the loads that come to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BreakerState {
    /// Lets all through, and counts how they end.
    Closed,
    /// Lets none through.
    #[non_exhaustive]
    Open {
        /// From then on the next load that comes is the trial; until one does, the breaker stays open.
        until: Instant,
    },
    /// Lets one through, the trial, on which depends whether it closes.
    HalfOpen,
}
