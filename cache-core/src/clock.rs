//! Time: a monotonic clock for ages and deadlines, a wall clock for snapshots, and the numbers of commits,
//! which are the logical time of a cache.

use std::fmt::{self, Debug};
use std::num::NonZero;
use std::ops::{Add, Sub};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use serde::Serialize;

/// A source of time for a cache.
///
/// Times are counted from [`precise_now`](Self::precise_now) and compared with [`now`](Self::now). As long as
/// `now` is never ahead of `precise_now`, nothing expires early, and an expired entry is detected as late as
/// `now` lags behind. Both may go backwards: nothing expires early because of that, and ages count as zero
/// meanwhile.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Returns the current moment of a clock that is never set while the program runs. Hits of entries with
    /// times read it, so it should be cheap. It may move in steps.
    fn now(&self) -> Moment;

    /// Returns the current moment as precisely as the clock can. Read by writes, and by uses of entries with
    /// a time to idle. Default: [`now`](Self::now).
    fn precise_now(&self) -> Moment {
        self.now()
    }

    /// Returns the date and time of day. Read only while saving and restoring. Default: [`SystemTime::now`].
    ///
    /// Has no default on `wasm32-unknown-unknown`, where the standard library has no clock.
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Returns the date and time of day. Read only while saving and restoring.
    #[cfg(all(target_family = "wasm", target_os = "unknown"))]
    fn wall(&self) -> SystemTime;
}

/// A moment on a [`Clock`], in nanoseconds from an origin that only this clock knows.
///
/// Arithmetic saturates, so that `Duration::MAX` means "forever".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

impl Moment {
    /// The origin of the clock.
    pub const ORIGIN: Self = Self(0);
    pub(crate) const NEVER: Self = Self(i64::MAX);
    /// Before any moment of any clock.
    pub(crate) const PAST: Self = Self(i64::MIN);

    /// Returns the time from `earlier` to this moment; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Returns whether a deadline is past. `NEVER` is not, even at the last moment of the clock.
    pub(crate) fn is_over(self, now: Self) -> bool {
        self != Self::NEVER && now >= self
    }

    pub(crate) fn nanos(self) -> i64 {
        self.0
    }

    pub(crate) fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Returns the number of the tick that the moment is in.
    #[inline]
    pub(crate) fn tick(self) -> i64 {
        self.0 >> TICK_BITS
    }
}

/// A tick of 67 ms, as a power of two of nanoseconds: 32 bits of them are 9 years.
const TICK_BITS: u32 = 26;

/// Returns the number of whole ticks in a time.
pub(crate) fn whole_ticks(time: Duration) -> u64 {
    Nanos::of(time).get() >> TICK_BITS
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        match i64::try_from(time.as_nanos()) {
            Ok(nanos) => Self(self.0.saturating_add(nanos)),
            // Forever, even from a moment before the origin.
            Err(_) => Self::NEVER,
        }
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    fn sub(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(saturating_nanos(time)))
    }
}

fn saturating_nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

/// The clock of the operating system, and the default of a cache.
///
/// On Linux, `now` is the coarse monotonic clock, which costs a few nanoseconds to read and moves in steps,
/// usually of 4 ms: an expired value may be served for one step longer. Elsewhere it is
/// [`std::time::Instant`].
///
/// Does not exist on `wasm32-unknown-unknown`, where the standard library has no clock. Give the
/// [`Builder`](crate::Builder::clock) another clock there, or it fails.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
#[derive(Clone, Debug, Default)]
pub struct SystemClock {
    /// Set by the first read, so that a clock that is never read needs no system clock.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    origin: std::sync::OnceLock<std::time::Instant>,
}

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
impl SystemClock {
    /// Creates the clock without reading it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
impl Clock for SystemClock {
    fn now(&self) -> Moment {
        Moment::of(rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse))
    }

    fn precise_now(&self) -> Moment {
        Moment::of(rustix::time::clock_gettime(rustix::time::ClockId::Monotonic))
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
impl Moment {
    fn of(time: rustix::time::Timespec) -> Self {
        Self(time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec))
    }
}

#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    all(target_family = "wasm", target_os = "unknown")
)))]
impl Clock for SystemClock {
    fn now(&self) -> Moment {
        Moment::ORIGIN + self.origin.get_or_init(std::time::Instant::now).elapsed()
    }
}

/// Returns the default clock of a cache; `None` on a platform without one.
pub(crate) fn default_clock() -> Option<Box<dyn Clock>> {
    #[cfg(all(target_family = "wasm", target_os = "unknown"))]
    return None;
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    Some(Box::new(SystemClock::new()))
}

/// A clock that stands still until the test moves it.
///
/// ```
/// use cache_core::{Clock, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let start = clock.now();
/// clock.advance(Duration::from_secs(5));
/// assert_eq!(clock.now().since(start), Duration::from_secs(5));
/// ```
#[derive(Debug, Default)]
pub struct ManualClock {
    now: AtomicI64,
    /// Offset of the wall clock from the Unix epoch, in nanoseconds.
    wall: AtomicI64,
}

impl ManualClock {
    /// Creates a clock at its origin, with its wall clock at the Unix epoch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves both clocks forward, at most to their end.
    pub fn advance(&self, time: Duration) {
        self.shift(saturating_nanos(time));
    }

    /// Moves both clocks back, as a faulty clock would.
    pub fn go_back(&self, time: Duration) {
        self.shift(-saturating_nanos(time));
    }

    fn shift(&self, nanos: i64) {
        for clock in [&self.now, &self.wall] {
            let shifted = |now: i64| Some(now.saturating_add(nanos));
            // Cannot fail: `shifted` always returns a moment.
            let _ = clock.fetch_update(Ordering::SeqCst, Ordering::SeqCst, shifted);
        }
    }

    /// Sets the wall clock alone, as an administrator would.
    pub fn set_wall(&self, time: SystemTime) {
        let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.wall.store(saturating_nanos(since_epoch), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        Moment(self.now.load(Ordering::SeqCst))
    }

    fn wall(&self) -> SystemTime {
        let nanos = u64::try_from(self.wall.load(Ordering::SeqCst)).unwrap_or(0);
        SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
    }
}

impl<C: Clock> Clock for std::sync::Arc<C> {
    fn now(&self) -> Moment {
        self.as_ref().now()
    }

    fn precise_now(&self) -> Moment {
        self.as_ref().precise_now()
    }

    fn wall(&self) -> SystemTime {
        self.as_ref().wall()
    }
}

/// Number of the commit that wrote an entry. Unique within a cache, increasing, across all tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Revision(pub(crate) u64);

impl Revision {
    /// Returns the number itself; the first commit of a cache is 1.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A time in eight bytes, also if it is optional: nanoseconds, or forever. Anything above 584 years is forever.
///
/// Holds the complement, so that `None` has the number that files of snapshots use for no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nanos(NonZero<u64>);

impl Nanos {
    /// [`Duration::MAX`].
    pub(crate) const FOREVER: Self = Self(NonZero::<u64>::MIN);

    #[inline]
    pub(crate) const fn new(nanos: u64) -> Self {
        match NonZero::new(!nanos) {
            Some(complement) => Self(complement),
            None => Self::FOREVER,
        }
    }

    #[inline]
    pub(crate) const fn of(time: Duration) -> Self {
        let nanos = time.as_nanos();
        // Checked, so it is not truncated.
        if nanos < u64::MAX as u128 { Self::new(nanos as u64) } else { Self::FOREVER }
    }

    /// Returns the time from `earlier` to `now`; zero if `now` is earlier.
    #[inline]
    pub(crate) fn since(now: Moment, earlier: Moment) -> Self {
        Self::new(u64::try_from(now.nanos().saturating_sub(earlier.nanos())).unwrap_or(0))
    }

    #[inline]
    pub(crate) fn get(self) -> u64 {
        !self.0.get()
    }

    /// Encodes a time as a column of the file has it; all ones for `None`.
    #[inline]
    pub(crate) fn to_le_bytes(time: Option<Self>) -> [u8; 8] {
        time.map_or(u64::MAX, Self::get).to_le_bytes()
    }

    #[inline]
    pub(crate) fn from_le_bytes(bytes: [u8; 8]) -> Option<Self> {
        NonZero::new(!u64::from_le_bytes(bytes)).map(Self)
    }

    #[inline]
    pub(crate) fn plus(self, time: Self) -> Self {
        Self::new(self.get().saturating_add(time.get()))
    }
}

impl From<Duration> for Nanos {
    #[inline]
    fn from(time: Duration) -> Self {
        Self::of(time)
    }
}

impl From<Nanos> for Duration {
    #[inline]
    fn from(time: Nanos) -> Self {
        match time {
            Nanos::FOREVER => Self::MAX,
            time => Self::from_nanos(time.get()),
        }
    }
}
