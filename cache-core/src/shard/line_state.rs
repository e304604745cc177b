//! What a hit reads of an entry besides its key and value.

use std::time::Duration;

use crate::clock::Moment;
use crate::retention::s3fifo::MAX_USES;
use crate::retention::{Queue, Rules};
use crate::sync::atomic::{AtomicU8, Ordering};

/// The state that a hit reads, beside the key and the value in the [`Line`](crate::typed::Line). What only writes and
/// reports read is kept apart, in [`Record`](crate::retention::records::Record) and [`Extra`](super::state::Extra).
pub(crate) struct LineState {
    /// Number of the entry in the exact order of the table, if it is in it; number of its pin, if it has one; its
    /// [`CoarseDate`], if it is in a queue of the default policy.
    pub(crate) aside: u32,
    pub(crate) membership: Membership,
    /// Set by readers under the shared lock.
    pub(crate) uses: AtomicU8,
    pub(crate) is_invalidated: bool,
    /// Whether the shard's deadlines have one for this line that is not too late. They have one for each resident that
    /// can expire, except the pinned.
    pub(crate) has_timer: bool,
}

/// When an entry was true, rounded down: what a hit that asks for a fresh entry needs to know of most. The exact moment
/// is in the [`Record`](crate::retention::records::Record), which is on another cache line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CoarseDate(u32);

/// A tick of 67 ms, as a power of two of nanoseconds: 32 bits of them are 9 years.
const TICK_BITS: u32 = 26;

impl CoarseDate {
    /// Unknown, or not to be told by the times of the table alone.
    const NONE: Self = Self(u32::MAX);

    pub(crate) fn of(as_of: Moment) -> Self {
        u32::try_from(as_of.nanos() >> TICK_BITS).map_or(Self::NONE, Self)
    }

    /// Whether an entry is surely younger than this. Where it says no, the exact date tells.
    #[inline]
    fn is_surely_within(self, time: Duration, now: Moment) -> bool {
        self != Self::NONE && now.since(Moment::from_nanos(i64::from(self.0) << TICK_BITS)) < time
    }
}

/// What keeps an entry, and the list that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    /// A survivor: kept by its users alone. Becomes resident again when it is read.
    Evicted,
    /// A survivor that stays one: expired, too heavy, or of a table that keeps nothing.
    Released,
    /// Kept by a pin. Not counted.
    Pinned,
    /// In the small queue of the default policy.
    Small,
    /// In the main queue of the default policy.
    Main,
    /// In the table's exact order.
    Ordered,
    /// Kept until its deadline. Not counted.
    Timed,
}

impl Membership {
    /// Whether the cache holds the value: its line then has a strong handle, else a weak one.
    #[inline]
    pub(crate) fn is_resident(self) -> bool {
        !matches!(self, Self::Evicted | Self::Released)
    }

    /// Whether the weight of the entry is counted against the table's bound.
    pub(crate) fn is_counted(self) -> bool {
        matches!(self, Self::Small | Self::Main | Self::Ordered)
    }

    #[inline]
    pub(crate) fn queue(self) -> Option<Queue> {
        match self {
            Self::Small => Some(Queue::Small),
            Self::Main => Some(Queue::Main),
            _ => None,
        }
    }
}

impl LineState {
    /// Notes when the entry was true, unless its place is taken by a number. `has_times`: it has some of its own.
    #[inline]
    pub(crate) fn date(&mut self, as_of: Moment, has_times: bool) {
        if !matches!(self.membership, Membership::Ordered | Membership::Pinned) {
            let date = if has_times { CoarseDate::NONE } else { CoarseDate::of(as_of) };
            self.aside = date.0;
        }
    }

    /// Whether the entry is surely younger than `fresh`, and not expired. Where it says no, its record tells.
    #[inline]
    pub(crate) fn is_surely_fresh(&self, rules: &Rules, fresh: Duration, now: Moment) -> bool {
        let date = CoarseDate(self.aside);
        self.membership.queue().is_some()
            && date.is_surely_within(fresh, now)
            && rules.ttl.is_none_or(|ttl| date.is_surely_within(ttl, now))
    }

    /// Whether the clock has to be read before the entry may be served.
    #[inline]
    pub(crate) fn may_expire(&self, rules: &Rules) -> bool {
        // In a table without times only those with a time of their own have a timer.
        rules.is_timed || self.has_timer
    }

    /// Counts a use for the default policy. Writes only while the count can still grow.
    #[inline]
    pub(crate) fn count_use(&self) {
        let uses = self.uses.load(Ordering::Relaxed);
        if uses < MAX_USES {
            self.uses.store(uses + 1, Ordering::Relaxed);
        }
    }
}
