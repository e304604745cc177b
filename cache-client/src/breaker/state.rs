//! What can be seen of a breaker from outside. Plain data.

use tokio::time::Instant;

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
