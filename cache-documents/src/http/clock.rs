//! The time of day: that of the program, else that of the system.

use std::time::SystemTime;

use super::Transport;

/// Returns the time of day.
pub(super) fn now<A: Transport>(app: &A) -> SystemTime {
    app.now().unwrap_or_else(SystemTime::now)
}

/// Returns the time of day in nanoseconds since 1970, or a few milliseconds less. Takes a few nanoseconds. `None`: the
/// clock shows a time that has no such number.
#[inline]
pub(super) fn coarse_nanos<A: Transport>(app: &A) -> Option<u64> {
    match app.now() {
        Some(now) => nanos(now),
        None => coarse_system_nanos(),
    }
}

/// Returns nanoseconds since 1970; `None` before it, and after the year 2554.
pub(super) fn nanos(time: SystemTime) -> Option<u64> {
    u64::try_from(time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_nanos()).ok()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn coarse_system_nanos() -> Option<u64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    let (seconds, nanos) = (u64::try_from(time.tv_sec).ok()?, u64::try_from(time.tv_nsec).ok()?);
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn coarse_system_nanos() -> Option<u64> {
    nanos(SystemTime::now())
}
