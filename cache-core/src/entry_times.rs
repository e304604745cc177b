//! Times that are given with a write.

use std::time::Duration;

use crate::clock::{Moment, Nanos};

/// Times for one write, in place of those of the table.
///
/// ```
/// use cache_core::EntryTimes;
/// use std::time::Duration;
///
/// let times = EntryTimes::new().ttl(Duration::from_secs(60)).fresh(Duration::from_secs(5));
/// # let _ = times;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct EntryTimes {
    pub(crate) as_of: Option<Moment>,
    pub(crate) own: OwnTimes,
}

/// The times that an entry has in place of those of its table and of a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnTimes {
    pub(crate) ttl: Option<Nanos>,
    pub(crate) fresh: Option<Nanos>,
    pub(crate) swr: Option<Nanos>,
    pub(crate) stale_if_error: Option<Nanos>,
}

impl OwnTimes {
    pub(crate) const NONE: Self = Self { ttl: None, fresh: None, swr: None, stale_if_error: None };

    #[inline]
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

impl EntryTimes {
    /// Creates times that equal those of the table, counted from now.
    pub const fn new() -> Self {
        Self { as_of: None, own: OwnTimes::NONE }
    }

    /// Sets when the answer was true: age and times count from here. Default: the moment of the write.
    pub const fn as_of(mut self, moment: Moment) -> Self {
        self.as_of = Some(moment);
        self
    }

    /// Sets the time to live, from `as_of` on. Keeps even an entry of a table that keeps nothing resident for
    /// that time.
    pub const fn ttl(mut self, time: Duration) -> Self {
        self.own.ttl = Some(Nanos::of(time));
        self
    }

    /// Sets how long the entry counts as fresh, from `as_of` on.
    pub const fn fresh(mut self, time: Duration) -> Self {
        self.own.fresh = Some(Nanos::of(time));
        self
    }

    /// Sets how long after it has become stale a query client may serve the entry while it loads it again. Zero:
    /// never. Replaces the client's option `swr`. The cache itself does not use it.
    ///
    /// ```
    /// use cache_core::EntryTimes;
    /// use std::time::Duration;
    ///
    /// let seconds = Duration::from_secs;
    /// let times = EntryTimes::new().fresh(seconds(60)).swr(seconds(30)).stale_if_error(seconds(600));
    /// # let _ = times;
    /// ```
    pub const fn swr(mut self, time: Duration) -> Self {
        self.own.swr = Some(Nanos::of(time));
        self
    }

    /// Sets how long after it has become stale a query client may serve the entry if its load fails. Zero: never.
    /// Replaces the client's option `stale_if_error`. The cache itself does not use it.
    pub const fn stale_if_error(mut self, time: Duration) -> Self {
        self.own.stale_if_error = Some(Nanos::of(time));
        self
    }

    /// Boxes the times, unless they equal the default.
    pub(crate) fn boxed(self) -> Option<Box<Self>> {
        if self == Self::new() { None } else { Some(Box::new(self)) }
    }
}
