//! How a query client loads a query. Plain data; the store itself does not use it.

use std::time::Duration;

/// When a query client reads the cache, loads, and stores what it loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Strategy {
    /// Answers with a fresh value; loads a missing or stale one. Answers with a stale value only if that was
    /// [given a time](crate::EntryTimes::swr) for which it may be.
    #[default]
    CacheFirst,
    /// Answers with a fresh value, or with one that has been stale for less than `swr`, which it loads again
    /// in the background. Otherwise waits for a load.
    StaleWhileRevalidate,
    /// Always loads; answers with the cached value if the load fails, or takes longer than `timeout`.
    NetworkFirst,
    /// Always starts a new load, and stores its answer. Does not join a running load.
    Refresh,
    /// Always loads; stores nothing.
    NetworkOnly,
    /// Answers with the cached value, fresh or stale. Never loads.
    CacheOnly,
}

/// The options of a query that tell a client how to load it. `None` leaves the decision to other options.
///
/// The derive writes them as [`Query::LOADING`](crate::Query::LOADING); a client may have others for all queries, for
/// one query, and for one call.
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
    /// When to read the cache, when to load and when to store.
    pub strategy: Option<Strategy>,
    /// How long an answer counts as fresh. Replaces the time of the table. As an option of a call, it also replaces the
    /// time given with the entry, by its load or by a write.
    pub fresh: Option<Duration>,
    /// How long the cache keeps a loaded answer. Replaces the time of the table. As an option of a call, it also
    /// replaces the time that the load has set.
    pub ttl: Option<Duration>,
    /// How long after it has become stale an answer may still be served while it is loaded again. As an option of a call,
    /// it also replaces the time given with the entry, and may be zero: then no stale answer is served.
    pub swr: Option<Duration>,
    /// How long after it has become stale an answer may still be served when its load fails. As an option of a call, it
    /// also replaces the time given with the entry, and may be zero.
    pub stale_if_error: Option<Duration>,
    /// How long a network-first query waits for its load before it reads the cache.
    pub timeout: Option<Duration>,
    /// How long a load continues after the last caller that waited for it has left.
    pub linger: Option<Duration>,
    /// The largest fraction, from 0 to 1, by which the times of a stored answer are shortened at random.
    pub jitter: Option<f64>,
    /// How eagerly an answer is loaded again before it becomes stale; 1 is usual, more is earlier.
    pub beta: Option<f64>,
    /// How long the error of a load answers later callers.
    pub error_ttl: Option<Duration>,
    /// How long an answer that means "there is nothing" counts as fresh, and is kept.
    pub absent_ttl: Option<Duration>,
    /// How often a load with a transient error is retried.
    pub retry: Option<u32>,
    /// The longest wait before the first retry.
    pub retry_first: Option<Duration>,
    /// The longest wait before any retry.
    pub retry_longest: Option<Duration>,
    /// The factor by which the longest wait grows from one retry to the next.
    pub retry_factor: Option<f64>,
    /// Name of the circuit breaker that guards the loads.
    pub breaker: Option<&'static str>,
    /// How long after its last load an observed answer is loaded again.
    pub poll: Option<Duration>,
    /// Maximum number of keys in one load, for a query that loads several at once.
    pub batch: Option<u32>,
    /// Maximum number of concurrent loads.
    pub concurrency: Option<u32>,
    /// The minimum time for which a loaded answer is kept that no caller has waited for.
    pub keep_prefetched: Option<Duration>,
}

impl LoadingOptions {
    /// A [`linger`](Self::linger) without an end: a load that has begun runs until it is done. Written
    /// `"until done"` in the derive.
    pub const UNTIL_DONE: Duration = Duration::MAX;

    /// Creates options that decide nothing.
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
            keep_prefetched: None,
        }
    }

    /// Sets when to read the cache, when to load and when to store.
    pub const fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = Some(strategy);
        self
    }

    /// Makes an answer count as fresh for `time` after its load began.
    pub const fn fresh(mut self, time: Duration) -> Self {
        self.fresh = Some(time);
        self
    }

    /// Keeps a loaded answer for at most `time` after its load began.
    pub const fn ttl(mut self, time: Duration) -> Self {
        self.ttl = Some(time);
        self
    }

    /// Serves an answer for up to `time` after it became stale, while it is loaded again.
    pub const fn swr(mut self, time: Duration) -> Self {
        self.swr = Some(time);
        self
    }

    /// Serves an answer for up to `time` after it became stale, when its load fails.
    pub const fn stale_if_error(mut self, time: Duration) -> Self {
        self.stale_if_error = Some(time);
        self
    }

    /// Makes a network-first query read the cache when its load takes longer than `time`.
    pub const fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// Lets a load run for `time` after its last waiting caller has left, so that the next one finds its
    /// answer. Zero cancels it at once, [`UNTIL_DONE`](Self::UNTIL_DONE) never. Default: 5 s.
    pub const fn linger(mut self, time: Duration) -> Self {
        self.linger = Some(time);
        self
    }

    /// Shortens the freshness time and the time to live of a loaded answer at random, each by at most this
    /// `fraction`.
    pub const fn jitter(mut self, fraction: f64) -> Self {
        self.jitter = Some(fraction);
        self
    }

    /// Loads an answer again a little before it becomes stale, at random. The longer its loads take and the
    /// larger `beta` is, the earlier.
    pub const fn beta(mut self, beta: f64) -> Self {
        self.beta = Some(beta);
        self
    }

    /// Answers with the error of a load for `time`, without another load.
    pub const fn error_ttl(mut self, time: Duration) -> Self {
        self.error_ttl = Some(time);
        self
    }

    /// Keeps an answer that means "there is nothing", and counts it as fresh, for `time`. Affects only
    /// queries derived with `absent_ttl`: the derive tells such answers from others.
    pub const fn absent_ttl(mut self, time: Duration) -> Self {
        self.absent_ttl = Some(time);
        self
    }

    /// Retries a load with a transient error at most `times` times; 0 disables retries. Default: 3.
    pub const fn retry(mut self, times: u32) -> Self {
        self.retry = Some(times);
        self
    }

    /// Waits at most `time` before the first retry. Default: 1 s, or [`retry_longest`](Self::retry_longest)
    /// if that is shorter.
    ///
    /// The wait before retry number `n` is random, from zero to `retry_first * retry_factor^(n - 1)`, and at
    /// most `retry_longest`: it is all jitter, so that loads that failed together are not retried together.
    /// `jitter` has no effect on it. If an error says how long to wait, that time is used.
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

    /// Waits at most `time` before any retry. Default: 30 s, or [`retry_first`](Self::retry_first) if that is
    /// longer. A client refuses a time of zero.
    pub const fn retry_longest(mut self, time: Duration) -> Self {
        self.retry_longest = Some(time);
        self
    }

    /// Multiplies the longest wait by `factor` from one retry to the next. Default: 2. With 1 it stays at
    /// [`retry_first`](Self::retry_first). A client refuses a factor that is below 1 or not finite.
    pub const fn retry_factor(mut self, factor: f64) -> Self {
        self.retry_factor = Some(factor);
        self
    }

    /// Makes loads fail at once while the circuit breaker of this name is open. All queries that name a
    /// breaker share it. A breaker named like a query belongs to that query alone, unless others name it too.
    pub const fn breaker(mut self, name: &'static str) -> Self {
        self.breaker = Some(name);
        self
    }

    /// Loads an observed answer again every `period`, counted from the end of the last load.
    pub const fn poll(mut self, period: Duration) -> Self {
        self.poll = Some(period);
        self
    }

    /// Limits one load to `max` keys, at least 1, for a query that loads several at once. Has no effect on
    /// others.
    pub const fn batch(mut self, max: u32) -> Self {
        self.batch = Some(max);
        self
    }

    /// Limits the concurrent loads of the query to `max`, at least 1; others wait their turn, first come,
    /// first served. Cannot be set for a single call.
    pub const fn concurrency(mut self, max: u32) -> Self {
        self.concurrency = Some(max);
        self
    }

    /// Keeps a loaded answer that no caller has waited for, as after a prefetch, for at least `time`, even in a
    /// table that keeps nothing by itself. Default: 5 s.
    pub const fn keep_prefetched(mut self, time: Duration) -> Self {
        self.keep_prefetched = Some(time);
        self
    }

    /// Returns these options. Those that are `None` are taken from `others`.
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
            keep_prefetched: self.keep_prefetched.or(others.keep_prefetched),
        }
    }
}
