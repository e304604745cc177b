//! One breaker: which calls it lets through, and when it opens and closes. Knows nothing of locks, loads or clocks; the
//! time is an argument.
//!
//! It has three states. **Closed** lets all calls through and counts how they end. **Open** lets none through until its
//! time has passed. **Half-open** lets one call through, the trial, which decides whether the breaker closes. Each
//! change of the state and each trial begins a new era. The end of a call counts only in the era in which it was let
//! through: a call that was running when the breaker opened can neither close it nor open it again.

use std::time::Duration;

use tokio::time::Instant;

use super::options::{BreakerOptions, BreakerState};
use super::window::Window;

/// Longer than any program runs, and short enough to be added to the current time.
const MAX_OPEN: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The state machine of a breaker.
#[derive(Debug)]
pub(crate) struct Circuit {
    options: BreakerOptions,
    /// Counts changes of the state, and trials.
    era: u64,
    state: CircuitState,
}

#[derive(Debug)]
enum CircuitState {
    Closed {
        /// Since the last success.
        failures: u32,
        /// Recent calls, if there is a rate.
        window: Option<Window>,
    },
    Open {
        until: Instant,
    },
    HalfOpen {
        /// Until when the running trial excludes others, so that a trial that hangs does not block the breaker forever.
        trial: Option<Instant>,
    },
}

/// The right of one call to run. Must be returned, together with how the call ended.
#[derive(Debug)]
#[must_use]
pub(crate) struct Pass {
    era: u64,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallEnd {
    Success,
    Failure,
    /// The call was interrupted: the result is unknown.
    Unknown,
}

/// What a breaker has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CircuitCounts {
    pub(crate) state: BreakerState,
    /// Since the last success, while it is closed.
    pub(crate) failures: u32,
    pub(crate) failures_allowed: u32,
    /// Recent calls and failures, if there is a rate, while it is closed.
    pub(crate) recent: Option<(u64, u64)>,
}

impl Circuit {
    pub(crate) fn new(options: BreakerOptions, now: Instant) -> Self {
        Self { options, era: 0, state: CircuitState::closed(&options, now) }
    }

    /// Lets a call through. Or else returns until when calls are refused, unless a running trial ends before.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<Pass, Instant> {
        match self.state {
            CircuitState::Closed { .. } => {}
            CircuitState::Open { until } | CircuitState::HalfOpen { trial: Some(until) } if now < until => {
                return Err(until);
            }
            CircuitState::Open { .. } | CircuitState::HalfOpen { .. } => {
                self.turn(CircuitState::HalfOpen { trial: Some(self.later(now)) });
            }
        }
        Ok(Pass { era: self.era })
    }

    /// Notes how an admitted call ended.
    pub(crate) fn ended(&mut self, pass: Pass, end: CallEnd, now: Instant) {
        if pass.era != self.era {
            return;
        }
        match (&mut self.state, end) {
            (CircuitState::Closed { failures, window }, CallEnd::Success | CallEnd::Failure) => {
                let is_failure = end == CallEnd::Failure;
                *failures = if is_failure { failures.saturating_add(1) } else { 0 };
                if let Some(window) = window {
                    window.count(is_failure, now);
                }
                if is_failure && self.is_over() {
                    self.open(now);
                }
            }
            (CircuitState::HalfOpen { .. }, CallEnd::Success) => {
                self.turn(CircuitState::closed(&self.options, now))
            }
            (CircuitState::HalfOpen { .. }, CallEnd::Failure) => self.open(now),
            (CircuitState::HalfOpen { trial }, CallEnd::Unknown) => *trial = None,
            (CircuitState::Closed { .. }, CallEnd::Unknown) | (CircuitState::Open { .. }, _) => {}
        }
    }

    pub(crate) fn state(&self) -> BreakerState {
        match self.state {
            CircuitState::Closed { .. } => BreakerState::Closed,
            CircuitState::Open { until } => BreakerState::Open { until },
            CircuitState::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    pub(crate) fn counts(&mut self, now: Instant) -> CircuitCounts {
        let (failures, recent) = match &mut self.state {
            CircuitState::Closed { failures, window } => {
                (*failures, window.as_mut().map(|window| window.counts(now)))
            }
            CircuitState::Open { .. } | CircuitState::HalfOpen { .. } => (0, None),
        };
        CircuitCounts { state: self.state(), failures, failures_allowed: self.options.failures, recent }
    }

    /// How long calls are refused from now on, unless a running trial ends before. `None` if the breaker is closed, and
    /// zero if it waits for the call that is the trial.
    pub(crate) fn paused_for(&self, now: Instant) -> Option<Duration> {
        let until = match self.state {
            CircuitState::Closed { .. } => return None,
            CircuitState::Open { until } | CircuitState::HalfOpen { trial: Some(until) } => until,
            CircuitState::HalfOpen { trial: None } => now,
        };
        Some(until.saturating_duration_since(now))
    }

    /// Whether a call at that time is certain to be refused.
    pub(crate) fn is_open_at(&self, time: Instant) -> bool {
        matches!(self.state, CircuitState::Open { until } if time < until)
    }

    pub(crate) fn is_trying(&self) -> bool {
        matches!(self.state, CircuitState::HalfOpen { trial: Some(_) })
    }

    /// Whether there were too many failures.
    fn is_over(&self) -> bool {
        let CircuitState::Closed { failures, window } = &self.state else { return false };
        *failures >= self.options.failures || window.as_ref().is_some_and(Window::is_over)
    }

    fn open(&mut self, now: Instant) {
        self.turn(CircuitState::Open { until: self.later(now) });
    }

    /// When the breaker has been open long enough.
    fn later(&self, now: Instant) -> Instant {
        now + self.options.open_for.min(MAX_OPEN)
    }

    fn turn(&mut self, state: CircuitState) {
        self.era += 1;
        self.state = state;
    }
}

impl CircuitState {
    fn closed(options: &BreakerOptions, now: Instant) -> Self {
        Self::Closed { failures: 0, window: options.rate.map(|rate| Window::new(rate, now)) }
    }
}

#[cfg(test)]
mod tests;
