//! A database that is slow, or down, on request: the best way to see how a service behaves then.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::error::DatabaseError;

/// What happens to statements before they run. By default nothing.
#[derive(Debug, Default)]
pub struct Faults {
    delay: AtomicU64,
    is_down: AtomicBool,
}

impl Faults {
    /// Delays each statement, in whole milliseconds.
    pub fn delay(&self, time: Duration) {
        self.delay.store(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Makes each statement fail, or stops that.
    pub fn be_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::Relaxed);
    }

    pub(super) async fn strike(&self) -> Result<(), DatabaseError> {
        let delay = self.delay.load(Ordering::Relaxed);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        if self.is_down.load(Ordering::Relaxed) { Err(DatabaseError::Fault) } else { Ok(()) }
    }
}
