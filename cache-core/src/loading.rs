//! How a query client is to load a query. Plain data; the store itself does nothing with it.

use std::time::Duration;

/// When a query client reads the cache, loads, and stores what it loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Strategy {
    /// Answers with what is fresh; loads what is missing or stale.
    #[default]
    CacheFirst,
    /// Answers with what is fresh, and with what has been stale for less than `swr`, which it loads again behind the
    /// answer; waits for a load otherwise.
    StaleWhileRevalidate,
    /// Always loads; answers with what is there if the load fails, or takes longer than `timeout`.
    NetworkFirst,
    /// Always loads anew, and stores: a load that runs already is not joined.
    Refresh,
    /// Always loads, and stores nothing.
    NetworkOnly,
}

/// The options of a query that tell a client how to load it. What is `None` is decided elsewhere.
///
/// The derive writes them as [`Query::LOADING`](crate::Query::LOADING); a client may have others for all queries, for one
/// query, and for one call.
///
/// ```
/// use cache_core::{LoadingOptions, Strategy};
/// use std::time::Duration;
///
/// let patient = LoadingOptions::new().strategy(Strategy::NetworkFirst).timeout(Duration::from_secs(1));
/// let own = LoadingOptions::new().timeout(Duration::from_secs(3));
/// assert_eq!(own.or(patient).timeout, Some(Duration::from_secs(3)));
/// assert_eq!(own.or(patient).strategy, Some(Strategy::NetworkFirst));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Default)]
#[non_exhaustive]
#[must_use]
pub struct LoadingOptions {
    /// When to read the cache, to load and to store.
    pub strategy: Option<Strategy>,
    /// How long an answer counts as fresh. In place of the time that the table or the write gave.
    pub fresh: Option<Duration>,
    /// How long the cache keeps what is loaded. In place of the table's.
    pub ttl: Option<Duration>,
    /// How long after it has become stale an answer may still be served while it is loaded again.
    pub swr: Option<Duration>,
    /// How long after it has become stale an answer may still be served when its load fails.
    pub stale_if_error: Option<Duration>,
    /// How long a network-first query waits for its load before it looks into the cache.
    pub timeout: Option<Duration>,
    /// How long a load goes on after the last caller that waited for it has left.
    pub linger: Option<Duration>,
    /// The part of its times, from 0 to 1, by which a stored answer may be fresh and live shorter, at random.
    pub jitter: Option<f64>,
    /// How eagerly an answer is loaded again before it becomes stale; 1 is usual, more is earlier.
    pub beta: Option<f64>,
    /// How long the error of a load is the answer to those who ask next.
    pub error_ttl: Option<Duration>,
    /// How long an answer that says "there is none" counts as fresh, and is kept.
    pub absent_ttl: Option<Duration>,
    /// How often a load whose error may pass is tried again.
    pub retry: Option<u32>,
    /// The longest wait before the first retry.
    pub retry_first: Option<Duration>,
    /// The longest wait before any retry.
    pub retry_longest: Option<Duration>,
    /// By how many times the longest wait grows from one retry to the next.
    pub retry_factor: Option<f64>,
    /// Name of the circuit breaker that stands before the loads.
    pub breaker: Option<&'static str>,
    /// How long after its last load an answer is loaded again while it is observed.
    pub poll: Option<Duration>,
    /// How many keys one load takes, of a query that loads several at once.
    pub batch: Option<u32>,
    /// How many loads run at once.
    pub concurrency: Option<u32>,
}

impl LoadingOptions {
    /// A [`linger`](Self::linger) without an end: a load that has begun goes on until it is done. The derive writes it
    /// `"until done"`.
    pub const UNTIL_DONE: Duration = Duration::MAX;

    /// Options that decide nothing.
    pub const fn new() -> Self {
        Self {
            strategy: None,
            fresh: None,
            ttl: None,
            swr: None,
            stale_if_error: None,
            timeout: None,
            linger: None,
            jitter: None,
            beta: None,
            error_ttl: None,
            absent_ttl: None,
            retry: None,
            retry_first: None,
            retry_longest: None,
            retry_factor: None,
            breaker: None,
            poll: None,
            batch: None,
            concurrency: None,
        }
    }

    /// Decides when to read the cache, to load and to store.
    pub const fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = Some(strategy);
        self
    }

    /// An answer counts as fresh for `time` after its load began.
    pub const fn fresh(mut self, time: Duration) -> Self {
        self.fresh = Some(time);
        self
    }

    /// What is loaded is kept for at most `time` after its load began.
    pub const fn ttl(mut self, time: Duration) -> Self {
        self.ttl = Some(time);
        self
    }

    /// A stale answer may be served for `time` more while it is loaded again.
    pub const fn swr(mut self, time: Duration) -> Self {
        self.swr = Some(time);
        self
    }

    /// A stale answer may be served for `time` more when its load fails.
    pub const fn stale_if_error(mut self, time: Duration) -> Self {
        self.stale_if_error = Some(time);
        self
    }

    /// A network-first query looks into the cache when its load takes longer than `time`.
    pub const fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// A load goes on for `time` after the last caller that waited for it has left, so that the next one finds its
    /// answer. Zero cancels it at once, [`UNTIL_DONE`](Self::UNTIL_DONE) never. Without this it is 5 s.
    pub const fn linger(mut self, time: Duration) -> Self {
        self.linger = Some(time);
        self
    }

    /// A loaded answer is fresh, and lives, shorter by random parts of these times, at most by this `fraction` of each.
    pub const fn jitter(mut self, fraction: f64) -> Self {
        self.jitter = Some(fraction);
        self
    }

    /// Loads an answer again a little before it becomes stale, at random, and the earlier the longer its loads take and
    /// the larger `beta` is.
    pub const fn beta(mut self, beta: f64) -> Self {
        self.beta = Some(beta);
        self
    }

    /// The error of a load is answered with for `time`, without another load.
    pub const fn error_ttl(mut self, time: Duration) -> Self {
        self.error_ttl = Some(time);
        self
    }

    /// An answer that says "there is none" is fresh, and kept, for `time`. Has an effect on queries that were derived with
    /// `absent_ttl`: it is the derive that tells such an answer from others.
    pub const fn absent_ttl(mut self, time: Duration) -> Self {
        self.absent_ttl = Some(time);
        self
    }

    /// A load whose error may pass is tried again at most `times` times; 0 is never. Default: 3.
    pub const fn retry(mut self, times: u32) -> Self {
        self.retry = Some(times);
        self
    }

    /// Waits at most `time` before the first retry. Default: 1 s, or what [`retry_longest`](Self::retry_longest) says if that
    /// is shorter.
    ///
    /// The wait before retry number `n` is random, from zero to `retry_first * retry_factor^(n - 1)`, and at most
    /// `retry_longest`: all of it is jitter, so that loads that failed together do not come back together. `jitter` has
    /// no effect on it. An error that says how long to wait is waited for as long as it says.
    ///
    /// A client refuses a time of zero, and one that is longer than `retry_longest`.
    ///
    /// ```
    /// use cache_core::LoadingOptions;
    /// use std::time::Duration;
    ///
    /// // Waits at most 100 ms, 300 ms, 900 ms, 2 s, 2 s.
    /// let milliseconds = Duration::from_millis;
    /// let options = LoadingOptions::new()
    ///     .retry(5)
    ///     .retry_first(milliseconds(100))
    ///     .retry_factor(3.0)
    ///     .retry_longest(milliseconds(2_000));
    /// # let _ = options;
    /// ```
    pub const fn retry_first(mut self, time: Duration) -> Self {
        self.retry_first = Some(time);
        self
    }

    /// Waits at most `time` before each retry, however many there were. Default: 30 s, or what
    /// [`retry_first`](Self::retry_first) says if that is longer. A client refuses a time of zero.
    pub const fn retry_longest(mut self, time: Duration) -> Self {
        self.retry_longest = Some(time);
        self
    }

    /// The longest wait grows by this `factor` from one retry to the next. Default: 2. With 1 it stays as
    /// [`retry_first`](Self::retry_first) says. A client refuses a factor that is below 1 or not finite.
    pub const fn retry_factor(mut self, factor: f64) -> Self {
        self.retry_factor = Some(factor);
        self
    }

    /// Loads fail at once while the circuit breaker of this name is open. All queries that name it share it, and one that
    /// is named like a query belongs to it alone unless others name it too.
    pub const fn breaker(mut self, name: &'static str) -> Self {
        self.breaker = Some(name);
        self
    }

    /// An answer is loaded again every `period` while it is observed, counted from the end of the last load.
    pub const fn poll(mut self, period: Duration) -> Self {
        self.poll = Some(period);
        self
    }

    /// One load takes at most `most` keys, of a query that loads several at once; at least 1. Has no effect on others.
    pub const fn batch(mut self, most: u32) -> Self {
        self.batch = Some(most);
        self
    }

    /// At most `most` loads of the query run at once; others wait their turn, first come, first served. At least 1. Not for a
    /// single call.
    pub const fn concurrency(mut self, most: u32) -> Self {
        self.concurrency = Some(most);
        self
    }

    /// These options; what they leave open is as in `others`.
    pub fn or(self, others: Self) -> Self {
        Self {
            strategy: self.strategy.or(others.strategy),
            fresh: self.fresh.or(others.fresh),
            ttl: self.ttl.or(others.ttl),
            swr: self.swr.or(others.swr),
            stale_if_error: self.stale_if_error.or(others.stale_if_error),
            timeout: self.timeout.or(others.timeout),
            linger: self.linger.or(others.linger),
            jitter: self.jitter.or(others.jitter),
            beta: self.beta.or(others.beta),
            error_ttl: self.error_ttl.or(others.error_ttl),
            absent_ttl: self.absent_ttl.or(others.absent_ttl),
            retry: self.retry.or(others.retry),
            retry_first: self.retry_first.or(others.retry_first),
            retry_longest: self.retry_longest.or(others.retry_longest),
            retry_factor: self.retry_factor.or(others.retry_factor),
            breaker: self.breaker.or(others.breaker),
            poll: self.poll.or(others.poll),
            batch: self.batch.or(others.batch),
            concurrency: self.concurrency.or(others.concurrency),
        }
    }
}
