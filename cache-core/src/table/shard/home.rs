//! Where a write finds its entry a home, by the rules of the table.

use std::sync::Arc;

use crate::options::Bound;
use crate::retention::{Queue, Rules};
use crate::table::slot::{Hold, Stay};

/// Where a write finds its entry a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// By the pin of this number.
    Pinned(u32),
    Queued,
    Ordered,
    Timed,
    /// Heavier than the whole bound.
    TooHeavy,
    /// The table keeps nothing.
    Nowhere,
}

impl Home {
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

    pub(super) fn stay(self, choose: impl FnOnce() -> Queue) -> Stay {
        match self {
            Self::Pinned(_) => Stay::Pinned,
            Self::Queued => choose().stay(),
            Self::Ordered => Stay::Ordered,
            Self::Timed => Stay::Timed,
            Self::TooHeavy | Self::Nowhere => Stay::Released,
        }
    }

    /// Whether an entry that was kept in one way goes on being kept in the same.
    pub(super) fn keeps(self, was: Stay) -> bool {
        match self {
            Self::Pinned(_) => was == Stay::Pinned,
            Self::Queued => matches!(was, Stay::Small | Stay::Main),
            Self::Ordered => was == Stay::Ordered,
            Self::Timed => was == Stay::Timed,
            Self::TooHeavy | Self::Nowhere => was == Stay::Released,
        }
    }
}

impl Stay {
    pub(super) fn hold<V: ?Sized>(self, value: Arc<V>) -> Hold<V> {
        match self {
            // The writer holds another handle, so that this drop is not the last.
            Self::Evicted | Self::Released => Hold::Survivor(Arc::downgrade(&value)),
            _ => Hold::Resident(value),
        }
    }

    #[inline]
    pub(in crate::table) fn queue(self) -> Option<Queue> {
        match self {
            Self::Small => Some(Queue::Small),
            Self::Main => Some(Queue::Main),
            _ => None,
        }
    }
}

impl Queue {
    pub(super) fn stay(self) -> Stay {
        match self {
            Self::Small => Stay::Small,
            Self::Main => Stay::Main,
        }
    }
}
