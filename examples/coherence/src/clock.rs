//! A clock that all processes of this host share. It never goes back, and runs while a process is stopped.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: ClockId = ClockId::Monotonic;

/// Returns the time since the host has started, in nanoseconds.
#[must_use]
pub fn now() -> u64 {
    let time = clock_gettime(CLOCK);
    // Never negative.
    nanoseconds(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

/// A time as the clock counts it.
#[must_use]
pub fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[test]
fn the_clock_goes_on() {
    let before = now();
    assert!(before > 0 && now() >= before);
}
