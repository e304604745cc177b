//! How long a transaction waits before its next attempt after another commit has overtaken it.

use std::hash::BuildHasher;
use std::time::Duration;

use crate::shared::Shared;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{hash_state, pause};

/// The longest wait after the first conflict.
const FIRST: Duration = Duration::from_micros(4);

/// How often the longest wait doubles: to a millisecond, or to 256 times the duration of an attempt.
const DOUBLINGS: u32 = 8;

/// Upper limit of every wait, however long an attempt takes.
const LONGEST: Duration = Duration::from_secs(30);

/// The waits between the attempts of one transaction. They double, and have full jitter: transactions that
/// were overtaken by the same commit retry at different times.
///
/// A long attempt, for example with a slow hook, needs longer waits: of many overlapping attempts only one
/// can win.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    conflicts: u32,
}

impl Backoff {
    /// Returns how long to wait after an attempt that took this long. `chance`, from 0 to 1, is the fraction
    /// of the longest wait.
    pub fn next(&mut self, took: Duration, chance: f64) -> Duration {
        let doubled = 1 << self.conflicts.min(DOUBLINGS);
        self.conflicts += 1;
        FIRST.max(took).saturating_mul(doubled).min(LONGEST).mul_f64(chance)
    }

    /// Blocks this thread. `begun` is when the failed attempt began.
    pub(super) fn wait(&mut self, shared: &Shared, begun: crate::clock::Moment) {
        pause(self.next(shared.now().since(begun), chance()));
    }
}

fn chance() -> f64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let bits = hash_state(None).hash_one(CALLS.fetch_add(1, Ordering::Relaxed));
    // The 53 bits that fit into a fraction.
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(took: Duration, chance: f64) -> Vec<Duration> {
        let mut backoff = Backoff::default();
        (0..64).map(|_| backoff.next(took, chance)).collect()
    }

    #[test]
    fn waits_double_from_microseconds_to_a_millisecond() {
        let waits = waits(Duration::ZERO, 1.0);
        assert_eq!(waits[..3], [4, 8, 16].map(Duration::from_micros));
        assert!(waits[8..].iter().all(|wait| *wait == Duration::from_micros(1_024)));
    }

    #[test]
    fn slow_attempts_are_spread_over_as_many_times_what_they_take() {
        let waits = waits(Duration::from_millis(5), 1.0);
        assert_eq!((waits[0], waits[63]), (Duration::from_millis(5), Duration::from_millis(1_280)));
        assert_eq!(self::waits(Duration::MAX, 1.0)[63], LONGEST);
    }

    #[test]
    fn all_of_a_wait_is_left_to_chance() {
        assert!(waits(Duration::from_millis(5), 0.0).iter().all(Duration::is_zero));
        let chances: Vec<_> = (0..1_000).map(|_| chance()).collect();
        assert!(chances.iter().all(|chance| (0.0..1.0).contains(chance)));
        assert!(chances.iter().any(|chance| *chance < 0.3) && chances.iter().any(|chance| *chance > 0.7));
    }
}
