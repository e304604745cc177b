//! The clock of tokio as the clock of a cache. Knows nothing of timers.

use std::time::SystemTime;

use cache_core::{Clock, Moment};
use tokio::time::Instant;

/// Reads the time from tokio, so that the time of a cache stops while tokio's time is paused, and advances with it.
///
/// Create the clock, and use the cache, inside the runtime whose time is to be used. Elsewhere the clock reads the time
/// of the system.
///
/// The date is that of the system when the clock is created, and follows tokio's time from then on. So two clocks that
/// are created at different moments of paused time do not agree on the date; copies of one clock do.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    origin: Instant,
    /// The date at the origin, so that the wall clock stops too while time is paused.
    wall: SystemTime,
}

impl TokioClock {
    /// Creates a clock whose origin is now.
    #[must_use]
    pub fn new() -> Self {
        Self { origin: Instant::now(), wall: SystemTime::now() }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Moment {
        Moment::ORIGIN + self.origin.elapsed()
    }

    fn wall(&self) -> SystemTime {
        self.wall + self.origin.elapsed()
    }
}
