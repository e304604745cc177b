//! The part of an entry that a hit reads besides its key and value.

use crate::clock::Moment;
use crate::retention::s3fifo::MAX_USES;
use crate::retention::{Queue, Rules};
use crate::sync::atomic::{AtomicU8, Ordering};

/// The state that a hit reads, stored beside the key and the value in the [`Line`](crate::typed::Line). State
/// that only writes and reports read is kept apart, in [`Record`](crate::retention::records::Record) and
/// [`Extra`](super::state::Extra).
pub(crate) struct LineState {
    /// The entry's number in the exact order of the table if it is in it, its pin number if it is pinned, or
    /// its [`CoarseDate`] if it is in a queue of the default policy.
    pub(crate) aside: u32,
    pub(crate) membership: Membership,
    /// Set by readers under the shared lock.
    pub(crate) uses: AtomicU8,
    pub(crate) is_invalidated: bool,
    /// Whether the shard's deadlines contain one for this line that is not too late. Every resident that can
    /// expire has one, except pinned residents.
    pub(crate) has_timer: bool,
}

/// The tick in which an entry was true. This is enough for most hits that ask for a fresh entry. The exact
/// moment is in the [`Record`](crate::retention::records::Record), on another cache line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CoarseDate(u32);

impl CoarseDate {
    /// Unknown, or not determined by the times of the table alone.
    const NONE: Self = Self(u32::MAX);

    pub(crate) fn of(as_of: Moment) -> Self {
        u32::try_from(as_of.tick()).map_or(Self::NONE, Self)
    }
}

/// What keeps an entry alive, and the list that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    /// A survivor: only the program keeps its value alive. Becomes resident again when it is read.
    Evicted,
    /// A survivor that stays a survivor: expired, too heavy, or in a table that keeps nothing.
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
    /// Returns whether the cache holds the value. If so, its line has a strong handle, else a weak one.
    #[inline]
    pub(crate) fn is_resident(self) -> bool {
        !matches!(self, Self::Evicted | Self::Released)
    }

    /// Returns whether the weight of the entry counts against the table's bound.
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
    /// Records when the entry was true, unless the field holds a number. `has_times`: the entry has times of
    /// its own.
    #[inline]
    pub(crate) fn date(&mut self, as_of: Moment, has_times: bool) {
        if !matches!(self.membership, Membership::Ordered | Membership::Pinned) {
            let date = if has_times { CoarseDate::NONE } else { CoarseDate::of(as_of) };
            self.aside = date.0;
        }
    }

    /// Returns whether the entry is certainly fresh and not expired. If `false`, its record decides.
    #[inline]
    pub(crate) fn is_surely_fresh(&self, rules: &Rules, now: Moment) -> bool {
        let date = CoarseDate(self.aside);
        // The entry may be from the start of its tick, and now may be the end of the present one. A date after it
        // becomes a large age.
        self.membership.queue().is_some()
            && date != CoarseDate::NONE
            && (now.tick() - i64::from(date.0)).cast_unsigned() < rules.fresh_ticks
    }

    /// Returns whether the clock must be read before the entry may be served.
    #[inline]
    pub(crate) fn may_expire(&self, rules: &Rules) -> bool {
        // In a table without times, only entries with times of their own have a timer.
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
