//! Until when copies in memory may be called fresh, as hits read it. Does not decide it.

use std::time::Duration;

use cache_core::Moment;

use crate::sync::atomic::{AtomicU64, Ordering};

/// How much a cheap clock may lag behind. One tick of the kernel, which is 10 ms at most.
const TICK: Duration = Duration::from_millis(10);

/// Until when copies may be called fresh, whatever their age.
///
/// The writer marks what was dropped, then extends the bound. So a reader must read the bound *before* the copy and its
/// mark: if it sees the extended bound, it also sees the marks. The other way round it could find a copy that is not
/// marked yet, and a bound that was extended afterwards.
#[derive(Debug, Default)]
pub(crate) struct Bound {
    /// In nanoseconds of the cache's clock. Zero before the first read of the feed, and after a suspension.
    until: AtomicU64,
}

impl Bound {
    /// Returns until when copies may be called fresh. May be compared with a cheap clock. One atomic load.
    #[inline]
    pub(crate) fn until(&self) -> Moment {
        Moment::ORIGIN + Duration::from_nanos(self.until.load(Ordering::Acquire))
    }

    /// Everything up to this moment less the lag was marked.
    pub(crate) fn extend(&self, until: Moment) {
        let until = (until - TICK).since(Moment::ORIGIN).as_nanos();
        self.until.store(u64::try_from(until).unwrap_or(u64::MAX), Ordering::Release);
    }

    /// Nothing is fresh until the bound is extended.
    pub(crate) fn end(&self) {
        self.until.store(0, Ordering::Release);
    }

    /// How long a copy may be called fresh after its load has begun, as compared with a cheap clock.
    pub(crate) fn reach(max_lag: Duration) -> Duration {
        max_lag.saturating_sub(TICK)
    }
}
