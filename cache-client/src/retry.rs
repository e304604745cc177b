//! When a load that failed is tried again. Plain arithmetic: no clock, no tasks, no chance of its own.

use std::time::Duration;

/// The longest wait before the first retry; it doubles with each.
const FIRST: Duration = Duration::from_secs(1);

/// No wait that nobody asked for is longer.
const LONGEST: Duration = Duration::from_secs(30);

/// How long after the first load the last one may begin.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is left of the patience with a load that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    retries: u32,
    allowed: u32,
}

impl Patience {
    pub(crate) fn new(allowed: u32) -> Self {
        Self { retries: 0, allowed }
    }

    /// How many attempts there are, the next one included.
    pub(crate) fn attempts(&self) -> u32 {
        self.retries.saturating_add(1)
    }

    /// How long to wait before the next retry, which counts from now on; `None` if there is to be none.
    ///
    /// `elapsed` since the first load began; `asked` for by the error; `chance` from 0 to 1 decides how much of the
    /// longest wait is waited, so that those who failed together do not come back together.
    pub(crate) fn next(
        &mut self,
        elapsed: Duration,
        asked: Option<Duration>,
        chance: f64,
    ) -> Option<Duration> {
        let wait = asked.unwrap_or_else(|| longest_wait(self.retries).mul_f64(chance));
        if self.retries == self.allowed || elapsed.saturating_add(wait) > PATIENCE {
            return None;
        }
        self.retries += 1;
        Some(wait)
    }
}

fn longest_wait(retries: u32) -> Duration {
    FIRST.saturating_mul(2_u32.saturating_pow(retries)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut patience = Patience::new(u32::MAX);
        let mut waits = || patience.next(Duration::ZERO, None, 1.0).map(|wait| wait.as_secs());
        assert_eq!([(); 8].map(|()| waits()), [1, 2, 4, 8, 16, 30, 30, 30].map(Some));
        assert_eq!(longest_wait(u32::MAX), LONGEST);
    }

    #[test]
    fn a_wait_is_the_given_part_of_the_longest() {
        for (chance, wait) in [(0.0, 0), (0.25, 250), (0.5, 500)] {
            let next = Patience::new(1).next(Duration::ZERO, None, chance);
            assert_eq!(next, Some(Duration::from_millis(wait)));
        }
    }

    #[test]
    fn retries_are_counted() {
        let mut patience = Patience::new(2);
        let mut next = || patience.next(Duration::ZERO, None, 0.0);
        assert_eq!([next(), next(), next()], [Some(Duration::ZERO), Some(Duration::ZERO), None]);
        assert_eq!(Patience::new(0).next(Duration::ZERO, None, 0.0), None);
    }

    #[test]
    fn a_wait_that_was_asked_for_is_neither_shortened_nor_waited_too_long() {
        let next = |elapsed, asked| Patience::new(1).next(elapsed, Some(asked), 0.0);
        assert_eq!(next(Duration::ZERO, seconds(100)), Some(seconds(100)));
        assert_eq!(next(Duration::ZERO, PATIENCE), Some(PATIENCE));
        assert_eq!(next(seconds(1), PATIENCE), None);
        assert_eq!(next(seconds(1), Duration::MAX), None);
    }
}
