//! What a shard knows of one entry besides its key and value. Compiled once: no type here depends on the query.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::pairs::AnyPair;
use crate::Revision;
use crate::clock::Moment;
use crate::retention::records::Record;
use crate::retention::s3fifo::MAX_USES;
use crate::retention::{Queue, Rules};
use crate::snapshot::{EntryMeta, Nanos};
use crate::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use crate::table::EntryTimes;

/// The state that a hit reads, beside the key and the value in the [`Line`](super::lines::Line). What only writes and
/// reports read is kept apart, in [`Record`] and [`Extra`].
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
    pub(crate) has_alarm: bool,
}

/// When an entry was true, rounded down: what a hit that asks for a fresh entry needs to know of most. The exact moment
/// is in the [`Record`], which is on another cache line.
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
        // In a table without times only those with a time of their own have an alarm.
        rules.is_timed || self.has_alarm
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

/// What most entries do without. Not to be dropped under a lock: the history holds values.
pub(crate) struct Extra {
    /// Given with the write, instead of the table's.
    pub(crate) ttl: Option<Duration>,
    pub(crate) fresh: Option<Duration>,
    /// Nanoseconds of the moment of the last use; moves forward only.
    pub(crate) used_at: AtomicI64,
    /// Label of the transaction that wrote the value.
    pub(crate) label: Option<Arc<str>>,
    /// Oldest first.
    pub(crate) history: VecDeque<AnyHistoryEntry>,
}

/// A [`HistoryEntry`] whose type of value is not known.
pub(crate) struct AnyHistoryEntry {
    pub(crate) revision: u64,
    pub(crate) label: Option<Arc<str>>,
    pub(crate) value: AnyHandle,
}

/// A value without its key, of a query that its holder does not know.
pub(crate) type AnyHandle = Box<dyn AnyPair>;

/// A value that an entry had before.
#[derive(Debug)]
pub struct HistoryEntry<V: ?Sized> {
    /// Revision of the commit that wrote it.
    pub revision: Revision,
    /// Label of that commit.
    pub label: Option<Arc<str>>,
    /// The value.
    pub value: Arc<V>,
}

impl<V: ?Sized> Clone for HistoryEntry<V> {
    fn clone(&self) -> Self {
        Self { revision: self.revision, label: self.label.clone(), value: Arc::clone(&self.value) }
    }
}

impl Extra {
    pub(crate) fn new(used_at: Moment) -> Self {
        Self {
            ttl: None,
            fresh: None,
            used_at: AtomicI64::new(used_at.nanos()),
            label: None,
            history: VecDeque::new(),
        }
    }

    pub(crate) fn used_at(&self) -> Moment {
        Moment::from_nanos(self.used_at.load(Ordering::Relaxed))
    }

    /// Ends the history, which lasts only while the entry is resident. What is returned holds the old values.
    pub(crate) fn drop_history(&mut self) -> Option<Box<Self>> {
        if self.history.is_empty() {
            return None;
        }
        let history = std::mem::take(&mut self.history);
        Some(Box::new(Self { history, ..Self::new(Moment::ORIGIN) }))
    }

    /// Has the time to idle begin.
    pub(crate) fn begin(&mut self, now: Moment) {
        self.used_at = AtomicI64::new(now.nanos());
    }

    /// Renews the time to idle.
    pub(crate) fn renew_idle(&self, now: Moment) {
        if self.used_at() < now {
            self.used_at.store(now.nanos(), Ordering::Relaxed);
        }
    }

    /// Keeps the value that this one takes the place of in the history, after those that were there.
    pub(crate) fn keep_past(&mut self, value: AnyHandle, revision: u64, old: &mut Self, limit: usize) {
        let past = AnyHistoryEntry { revision, label: old.label.take(), value };
        let surplus = (old.history.len() + 1).saturating_sub(limit);
        self.history = old.history.split_off(surplus.min(old.history.len()));
        self.history.push_back(past);
    }
}

/// When retention ends of a value that was true at `as_of`; [`Moment::NEVER`] without times.
pub(crate) fn deadline(as_of: Moment, extra: Option<&Extra>, rules: &Rules) -> Moment {
    let ttl = extra.and_then(|extra| extra.ttl).or(rules.ttl);
    let by_age = ttl.map_or(Moment::NEVER, |ttl| end_of(ttl, as_of));
    let by_use = match (rules.tti, extra) {
        (Some(tti), Some(extra)) => end_of(tti, extra.used_at()),
        _ => Moment::NEVER,
    };
    by_age.min(by_use)
}

/// The end of a time that begins at `start`. One of no length is over at once, also for a reader whose clock lags behind
/// that of the writer.
fn end_of(time: Duration, start: Moment) -> Moment {
    if time.is_zero() { Moment::PAST } else { start + time }
}

/// All that is kept about an entry besides key and value, while its shard is locked.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) state: &'a LineState,
    pub(crate) record: &'a Record,
    pub(crate) extra: Option<&'a Extra>,
}

impl View<'_> {
    pub(crate) fn is_resident(&self) -> bool {
        self.state.membership.is_resident()
    }

    pub(crate) fn deadline(&self, rules: &Rules) -> Moment {
        deadline(self.record.as_of, self.extra, rules)
    }

    pub(crate) fn is_expired(&self, rules: &Rules, now: Moment) -> bool {
        self.deadline(rules).is_over(now)
    }

    /// How long the entry counts as fresh from its `as_of` on; `None` for ever.
    pub(crate) fn fresh_for(&self, rules: &Rules) -> Option<Duration> {
        self.extra.and_then(|extra| extra.fresh).or(rules.fresh)
    }

    /// The entry's own times, with which another value is as old as this one.
    pub(crate) fn times(&self) -> EntryTimes {
        let (ttl, fresh) = self.extra.map_or((None, None), |extra| (extra.ttl, extra.fresh));
        EntryTimes { as_of: Some(self.record.as_of), ttl, fresh }
    }

    /// What is saved of the entry beside key and value.
    pub(crate) fn meta(&self, now: Moment) -> EntryMeta {
        let Self { state, record, extra } = self;
        EntryMeta {
            age: Nanos::since(now, record.as_of),
            idle: Nanos::since(now, extra.map_or(record.as_of, Extra::used_at)),
            ttl: extra.and_then(|extra| extra.ttl).map(Nanos::from),
            fresh: extra.and_then(|extra| extra.fresh).map(Nanos::from),
            invalidated: state.is_invalidated,
            is_survivor: !self.is_resident(),
            rank: state.membership.queue().map_or(0, Queue::rank),
            // What is pinned is in use.
            uses: state.uses.load(Ordering::Relaxed).max(u8::from(state.membership == Membership::Pinned)),
        }
    }
}
