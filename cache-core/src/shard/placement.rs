//! Where a write places its entry, by the rules of the table.

use super::line_state::Membership;
use crate::options::Bound;
use crate::retention::{Queue, Rules};

/// Where a write places its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// By the pin of this number.
    Pinned(u32),
    Queued,
    Ordered,
    Timed,
    /// Nowhere: heavier than the whole bound.
    TooHeavy,
    /// Nowhere: the table keeps nothing.
    Nowhere,
}

impl Placement {
    #[inline]
    pub(crate) fn by_rules(weight: u32, has_own_ttl: bool, rules: &Rules) -> Self {
        match rules.bound {
            Some(_) if u64::from(weight) > rules.limit() => Self::TooHeavy,
            Some(Bound::Lru(_)) => Self::Ordered,
            Some(Bound::Capacity(_) | Bound::Weight(_)) => Self::Queued,
            None if rules.is_timed || has_own_ttl => Self::Timed,
            None => Self::Nowhere,
        }
    }

    pub(super) fn is_nowhere(self) -> bool {
        matches!(self, Self::TooHeavy | Self::Nowhere)
    }

    pub(super) fn membership(self, choose: impl FnOnce() -> Queue) -> Membership {
        match self {
            Self::Pinned(_) => Membership::Pinned,
            Self::Queued => choose().membership(),
            Self::Ordered => Membership::Ordered,
            Self::Timed => Membership::Timed,
            Self::TooHeavy | Self::Nowhere => Membership::Released,
        }
    }

    /// Returns whether an entry with membership `was` keeps it.
    pub(super) fn keeps(self, was: Membership) -> bool {
        match self {
            Self::Pinned(_) => was == Membership::Pinned,
            Self::Queued => matches!(was, Membership::Small | Membership::Main),
            Self::Ordered => was == Membership::Ordered,
            Self::Timed => was == Membership::Timed,
            Self::TooHeavy | Self::Nowhere => was == Membership::Released,
        }
    }
}

impl Queue {
    pub(crate) fn membership(self) -> Membership {
        match self {
            Self::Small => Membership::Small,
            Self::Main => Membership::Main,
        }
    }
}
