//! Times that are given with a write.

use std::time::Duration;

use crate::clock::Moment;

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
    pub(crate) ttl: Option<Duration>,
    pub(crate) fresh: Option<Duration>,
}

impl EntryTimes {
    /// Creates times that equal those of the table, counted from now.
    pub const fn new() -> Self {
        Self { as_of: None, ttl: None, fresh: None }
    }

    /// Sets when the answer was true: age and times count from here. Default: the moment of the write.
    pub const fn as_of(mut self, moment: Moment) -> Self {
        self.as_of = Some(moment);
        self
    }

    /// Sets the time to live, from `as_of` on. Keeps even an entry of a table that keeps nothing resident for
    /// that time.
    pub const fn ttl(mut self, time: Duration) -> Self {
        self.ttl = Some(time);
        self
    }

    /// Sets how long the entry counts as fresh, from `as_of` on.
    pub const fn fresh(mut self, time: Duration) -> Self {
        self.fresh = Some(time);
        self
    }

    /// Boxes the times, unless they equal the default.
    pub(crate) fn boxed(self) -> Option<Box<Self>> {
        if self == Self::new() { None } else { Some(Box::new(self)) }
    }
}
