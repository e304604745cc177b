//! When a failed load is retried. Plain arithmetic: no clock, no tasks, no randomness of its own.

use std::time::Duration;

/// How long after the first attempt the last one may begin.
const RETRY_WINDOW: Duration = Duration::from_secs(120);

/// The longest waits before retries. The actual wait is a random fraction of that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RetryPolicy {
    /// Before the first retry.
    first: Duration,
    /// Before any retry.
    longest: Duration,
    /// The growth from each retry to the next.
    factor: f64,
}

impl RetryPolicy {
    /// The policy without any options.
    pub(crate) const DEFAULT: Self =
        Self { first: Duration::from_secs(1), longest: Duration::from_secs(30), factor: 2.0 };

    /// Creates the policy from options. A default that contradicts a given option is adapted to it.
    pub(crate) fn of(first: Option<Duration>, longest: Option<Duration>, factor: Option<f64>) -> Self {
        let Self { first: default_first, longest: default_longest, factor: default_factor } = Self::DEFAULT;
        Self {
            first: first
                .unwrap_or_else(|| longest.map_or(default_first, |longest| default_first.min(longest))),
            longest: longest
                .unwrap_or_else(|| first.map_or(default_longest, |first| default_longest.max(first))),
            factor: factor.unwrap_or(default_factor),
        }
    }

    /// The name of an invalid option, and the problem with it.
    pub(crate) fn problem(&self) -> Option<(&'static str, &'static str)> {
        const ZERO: &str = "must be longer than zero; leave it out for the default";
        // Before the first wait, whose default adapts to it.
        if self.longest.is_zero() {
            return Some(("retry_longest", ZERO));
        }
        if self.first.is_zero() {
            return Some(("retry_first", ZERO));
        }
        if self.first > self.longest {
            return Some((
                "retry_first",
                "must not be longer than `retry_longest`: shorten it, or lengthen `retry_longest`",
            ));
        }
        if !(self.factor >= 1.0 && self.factor.is_finite()) {
            return Some(("retry_factor", "must be a number that is at least 1, as in `retry_factor = 2.0`"));
        }
        None
    }

    /// The longest wait after this many retries.
    fn longest_wait(&self, retries: u32) -> Duration {
        let growth = self.factor.powi(i32::try_from(retries).unwrap_or(i32::MAX));
        let wait = Duration::try_from_secs_f64(self.first.as_secs_f64() * growth);
        // A wait that does not fit a `Duration` is longer too.
        wait.map_or(self.longest, |wait| wait.min(self.longest))
    }
}

/// How often a load may still be retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RetryBackoff {
    retries: u32,
    allowed: u32,
}

impl RetryBackoff {
    pub(crate) fn new(allowed: u32) -> Self {
        Self { retries: 0, allowed }
    }

    /// The number of attempts, including the next one.
    pub(crate) fn attempts(&self) -> u32 {
        self.retries.saturating_add(1)
    }

    /// Counts a retry and returns how long to wait before it. Returns `None` if no retries are left.
    ///
    /// `elapsed` is the time since the first attempt began. `requested` is the wait that the error requests. `chance`,
    /// from 0 to 1, is the fraction of the longest wait to take, so that loads that failed together are not retried
    /// together.
    pub(crate) fn next(
        &mut self,
        policy: &RetryPolicy,
        elapsed: Duration,
        requested: Option<Duration>,
        chance: f64,
    ) -> Option<Duration> {
        let wait = requested.unwrap_or_else(|| policy.longest_wait(self.retries).mul_f64(chance));
        if self.retries == self.allowed || elapsed.saturating_add(wait) > RETRY_WINDOW {
            return None;
        }
        self.retries += 1;
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy::DEFAULT;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// The longest waits in seconds.
    fn waits<const N: usize>(policy: &RetryPolicy) -> [f64; N] {
        let mut backoff = RetryBackoff::new(u32::MAX);
        [(); N].map(|()| backoff.next(policy, Duration::ZERO, None, 1.0).unwrap().as_secs_f64())
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        assert_eq!(waits(&POLICY), [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]);
        assert_eq!(POLICY.longest_wait(u32::MAX), seconds(30));
    }

    #[test]
    fn waits_grow_by_the_factor_from_the_first_to_the_longest() {
        let policy = RetryPolicy::of(Some(seconds(2)), Some(seconds(20)), Some(3.0));
        assert_eq!(waits(&policy), [2.0, 6.0, 18.0, 20.0, 20.0]);
        let even = RetryPolicy::of(Some(seconds(5)), None, Some(1.0));
        assert_eq!(waits(&even), [5.0, 5.0, 5.0]);
        let steep = RetryPolicy::of(None, Some(Duration::MAX), Some(f64::MAX));
        assert_eq!(steep.longest_wait(2), Duration::MAX);
        assert_eq!((policy.problem(), even.problem(), steep.problem()), (None, None, None));
    }

    #[test]
    fn a_default_adapts_to_the_given_options() {
        let quick = RetryPolicy::of(None, Some(Duration::from_millis(100)), None);
        assert_eq!(waits(&quick), [0.1, 0.1]);
        let slow = RetryPolicy::of(Some(seconds(60)), None, None);
        assert_eq!(waits(&slow), [60.0, 60.0]);
        assert_eq!((quick.problem(), slow.problem()), (None, None));
        assert_eq!(RetryPolicy::of(None, None, None), POLICY);
    }

    #[test]
    fn invalid_options_are_named() {
        let (zero, one, two) = (Some(Duration::ZERO), Some(seconds(1)), Some(seconds(2)));
        for (first, longest, factor, option) in [
            (zero, None, None, "retry_first"),
            (None, zero, None, "retry_longest"),
            (two, one, None, "retry_first"),
            (one, two, Some(0.99), "retry_factor"),
            (None, None, Some(-2.0), "retry_factor"),
            (None, None, Some(f64::NAN), "retry_factor"),
            (None, None, Some(f64::INFINITY), "retry_factor"),
        ] {
            let named = RetryPolicy::of(first, longest, factor).problem().map(|(option, _)| option);
            assert_eq!(named, Some(option), "{first:?} {longest:?} {factor:?}");
        }
    }

    #[test]
    fn a_wait_is_the_given_fraction_of_the_longest() {
        for (chance, wait) in [(0.0, 0), (0.25, 250), (0.5, 500)] {
            let next = RetryBackoff::new(1).next(&POLICY, Duration::ZERO, None, chance);
            assert_eq!(next, Some(Duration::from_millis(wait)));
        }
    }

    #[test]
    fn retries_are_counted() {
        let mut backoff = RetryBackoff::new(2);
        let mut next = || backoff.next(&POLICY, Duration::ZERO, None, 0.0);
        assert_eq!([next(), next(), next()], [Some(Duration::ZERO), Some(Duration::ZERO), None]);
        assert_eq!(RetryBackoff::new(0).next(&POLICY, Duration::ZERO, None, 0.0), None);
    }

    #[test]
    fn a_requested_wait_is_neither_shortened_nor_longer_than_the_window() {
        let next = |elapsed, requested| RetryBackoff::new(1).next(&POLICY, elapsed, Some(requested), 0.0);
        assert_eq!(next(Duration::ZERO, seconds(100)), Some(seconds(100)));
        assert_eq!(next(Duration::ZERO, RETRY_WINDOW), Some(RETRY_WINDOW));
        assert_eq!(next(seconds(1), RETRY_WINDOW), None);
        assert_eq!(next(seconds(1), Duration::MAX), None);
    }
}
