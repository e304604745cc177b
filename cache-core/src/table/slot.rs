//! One entry as a table keeps it: key, value or the weak trace of it, and bookkeeping. No decisions.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::clock::Moment;
use crate::query::Query;
use crate::retention::s3fifo::MAX_USES;
use crate::retention::{Rules, Ticket};
use crate::snapshot::{EntryMeta, Nanos};
use crate::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use crate::sync::switch_point;

/// What a hit reads comes first. With a key of 8 bytes that is half a cache line, and by the alignment never parts
/// of two.
#[repr(C, align(32))]
pub(crate) struct Slot<Q: Query> {
    pub(crate) hold: Hold<Q::Value>,
    /// Kept, so that the index can grow without calling the key's `Hash`.
    pub(crate) hash: u32,
    pub(crate) stay: Stay,
    /// Set by readers under the shared lock.
    pub(crate) uses: AtomicU8,
    pub(crate) is_invalidated: bool,
    /// Whether the shard's deadlines hold a ticket of this stay: so it is of all residents that can expire, but for
    /// the pinned.
    pub(crate) has_alarm: bool,
    pub(crate) key: Q,
    /// Changes with each stay, so that tickets of an earlier one find nothing.
    pub(crate) id: u32,
    pub(crate) weight: u32,
    pub(crate) revision: u64,
    pub(crate) as_of: Moment,
    /// What most entries do without.
    pub(crate) extra: Option<Box<Extra<Q::Value>>>,
}

/// Index entry and side table in one word: a resident's strong handle is the side table's claim on it.
pub(crate) enum Hold<V: ?Sized> {
    Resident(Arc<V>),
    Survivor(Weak<V>),
}

/// Why a slot is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stay {
    /// By its users alone; comes back when it is read.
    Evicted,
    /// By its users alone; expired, too heavy, or of a table that keeps nothing.
    Released,
    /// By a pin. Not counted.
    Pinned,
    /// In the small queue of the default policy.
    Small,
    /// In the main queue of the default policy.
    Main,
    /// In the table's exact order.
    Ordered,
    /// By its deadline alone. Not counted.
    Timed,
}

pub(crate) struct Extra<V: ?Sized> {
    /// Given with the write, instead of the table's.
    pub(crate) ttl: Option<Duration>,
    pub(crate) fresh: Option<Duration>,
    /// Nanoseconds of the moment of the last use; moves forward only.
    pub(crate) used_at: AtomicI64,
    /// Label of the transaction that wrote the value.
    pub(crate) label: Option<Arc<str>>,
    /// Oldest first.
    pub(crate) history: VecDeque<Past<V>>,
}

/// A value that an entry had before.
#[derive(Debug)]
pub struct Past<V: ?Sized> {
    /// Revision of the commit that wrote it.
    pub revision: crate::Revision,
    /// Label of that commit.
    pub label: Option<Arc<str>>,
    /// The value.
    pub value: Arc<V>,
}

impl<V: ?Sized> Clone for Past<V> {
    fn clone(&self) -> Self {
        Self { revision: self.revision, label: self.label.clone(), value: Arc::clone(&self.value) }
    }
}

impl Stay {
    /// Whether the weight of the slot is counted against the table's bound.
    pub(crate) fn is_counted(self) -> bool {
        matches!(self, Self::Small | Self::Main | Self::Ordered)
    }
}

impl<V: ?Sized> Hold<V> {
    pub(crate) fn value(&self) -> Option<Arc<V>> {
        match self {
            Self::Resident(value) => Some(Arc::clone(value)),
            Self::Survivor(value) => {
                switch_point();
                value.upgrade()
            }
        }
    }

    pub(crate) fn is_resident(&self) -> bool {
        matches!(self, Self::Resident(_))
    }

    /// Whether nobody holds the value any more. Final: a dead value cannot come back.
    pub(crate) fn is_dead(&self) -> bool {
        match self {
            Self::Resident(_) => false,
            Self::Survivor(value) => {
                switch_point();
                value.strong_count() == 0
            }
        }
    }
}

impl<V: ?Sized> Extra<V> {
    pub(crate) fn new(now: Moment) -> Self {
        Self {
            ttl: None,
            fresh: None,
            used_at: AtomicI64::new(now.nanos()),
            label: None,
            history: VecDeque::new(),
        }
    }
}

impl<Q: Query> Slot<Q> {
    pub(crate) fn ticket(&self) -> Ticket {
        Ticket { hash: self.hash, id: self.id }
    }

    /// Whether the clock has to be read before the entry may be served.
    #[inline]
    pub(crate) fn may_expire(&self, rules: &Rules) -> bool {
        rules.is_timed || self.has_alarm && self.extra.as_ref().is_some_and(|extra| extra.ttl.is_some())
    }

    /// When retention ends; [`Moment::NEVER`] without times.
    pub(crate) fn deadline(&self, rules: &Rules) -> Moment {
        let extra = self.extra.as_deref();
        let ttl = extra.and_then(|extra| extra.ttl).or(rules.ttl);
        let by_age = ttl.map_or(Moment::NEVER, |ttl| self.as_of + ttl);
        let by_use = match (rules.tti, extra) {
            (Some(tti), Some(extra)) => Moment::from_nanos(extra.used_at.load(Ordering::Relaxed)) + tti,
            _ => Moment::NEVER,
        };
        by_age.min(by_use)
    }

    pub(crate) fn is_expired(&self, rules: &Rules, now: Moment) -> bool {
        // A time that never ends is told apart from one that ended at the end of the clock.
        let deadline = self.deadline(rules);
        deadline != Moment::NEVER && now >= deadline
    }

    /// How long the entry counts as fresh from its `as_of` on; `None` for ever.
    pub(crate) fn fresh_for(&self, rules: &Rules) -> Option<Duration> {
        self.extra.as_ref().and_then(|extra| extra.fresh).or(rules.fresh)
    }

    /// Counts a use for the default policy. Writes only while the count can still grow.
    #[inline]
    pub(crate) fn count_use(&self) {
        let uses = self.uses.load(Ordering::Relaxed);
        if uses < MAX_USES {
            self.uses.store(uses + 1, Ordering::Relaxed);
        }
    }

    /// Renews the time to idle.
    pub(crate) fn renew_idle(&self, now: Moment) {
        if let Some(extra) = &self.extra
            && extra.used_at.load(Ordering::Relaxed) < now.nanos()
        {
            extra.used_at.store(now.nanos(), Ordering::Relaxed);
        }
    }

    /// What is saved of the entry beside key and value.
    pub(crate) fn meta(&self, now: Moment, is_survivor: bool) -> EntryMeta {
        let extra = self.extra.as_deref();
        let used_at =
            extra.map_or(self.as_of, |extra| Moment::from_nanos(extra.used_at.load(Ordering::Relaxed)));
        EntryMeta {
            age: Nanos::since(now, self.as_of),
            idle: Nanos::since(now, used_at),
            ttl: extra.and_then(|extra| extra.ttl).map(Nanos::from),
            fresh: extra.and_then(|extra| extra.fresh).map(Nanos::from),
            invalidated: self.is_invalidated,
            is_survivor,
            rank: u8::from(self.stay == Stay::Main),
            uses: self.uses.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn extra_mut(&mut self, now: Moment) -> &mut Extra<Q::Value> {
        self.extra.get_or_insert_with(|| Box::new(Extra::new(now)))
    }
}
