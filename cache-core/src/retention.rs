//! Decides which entries of a table stay resident, and for how long. Plain data.

pub(crate) mod deadline;
pub(crate) mod ghost;
pub(crate) mod ledger;
pub(crate) mod list;
pub(crate) mod recency;
pub(crate) mod records;
pub(crate) mod s3fifo;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::clock::whole_ticks;
use crate::options::{Bound, TableOptions};

/// The options of a table in the form that its hot paths need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) bound: Option<Bound>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) tti: Option<Duration>,
    pub(crate) fresh: Option<Duration>,
    /// Whole ticks in the shorter of `fresh` and `ttl`; 0 without the former.
    pub(crate) fresh_ticks: u64,
    pub(crate) history: u32,
    /// Whether entries have a deadline even if their write gave none.
    pub(crate) is_timed: bool,
    /// Whether entries have a deadline or a freshness time even if their write gave none.
    pub(crate) has_times: bool,
    /// Whether hits need only the line and perhaps the next deadline: times do not depend on uses.
    pub(crate) has_plain_hits: bool,
    /// Whether writes need only the capacity and the next deadline: all entries weigh the same, and have no
    /// time to idle and no history.
    pub(crate) has_simple_writes: bool,
}

impl Rules {
    pub(crate) fn of(options: &TableOptions) -> Self {
        let is_timed = options.ttl.is_some() || options.tti.is_some();
        Self {
            bound: options.bound,
            ttl: options.ttl,
            tti: options.tti,
            fresh: options.fresh,
            fresh_ticks: options
                .fresh
                .map_or(0, |fresh| whole_ticks(options.ttl.map_or(fresh, |ttl| ttl.min(fresh)))),
            history: options.history,
            is_timed,
            has_times: is_timed || options.fresh.is_some(),
            has_simple_writes: matches!(options.bound, Some(Bound::Capacity(_) | Bound::Lru(_)))
                && options.ttl.is_none_or(|ttl| !ttl.is_zero())
                && options.tti.is_none()
                && options.history == 0,
            has_plain_hits: options.tti.is_none(),
        }
    }

    pub(crate) fn limit(&self) -> u64 {
        match self.bound {
            Some(Bound::Capacity(limit) | Bound::Lru(limit) | Bound::Weight(limit)) => limit,
            None => u64::MAX,
        }
    }

    /// Returns whether an entry of this age and idleness, perhaps with its own time to live, is past its
    /// deadline.
    pub(crate) fn is_over(&self, age: Duration, idle: Duration, ttl: Option<Duration>) -> bool {
        // The longest time means forever, even for ages that are too long to be represented.
        let is_over = |time: Duration, limit: Option<Duration>| {
            limit.is_some_and(|limit| limit < Duration::MAX && time >= limit)
        };
        is_over(age, ttl.or(self.ttl)) || is_over(idle, self.tti)
    }

    /// Returns whether the table keeps an entry alive by itself.
    pub(crate) fn keeps(&self, ttl: Option<Duration>) -> bool {
        self.bound.is_some() || self.is_timed || ttl.is_some()
    }

    /// Returns whether every entry has bookkeeping that most entries do not need.
    #[inline]
    pub(crate) fn wants_extras(&self) -> bool {
        self.tti.is_some() || self.history > 0
    }

    pub(crate) fn is_lru(&self) -> bool {
        matches!(self.bound, Some(Bound::Lru(_)))
    }

    pub(crate) fn is_weighted(&self) -> bool {
        matches!(self.bound, Some(Bound::Weight(_)))
    }
}

/// A queue of the default policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    Small,
    Main,
}

impl Queue {
    /// Returns the queue as it is saved.
    pub(crate) fn rank(self) -> u8 {
        match self {
            Self::Small => 0,
            Self::Main => 1,
        }
    }

    /// Returns the queue of a saved entry.
    pub(crate) fn of_rank(rank: u8) -> Self {
        match rank {
            1 => Self::Main,
            _ => Self::Small,
        }
    }
}
