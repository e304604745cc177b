//! What a shard stores about one entry besides its key and value. Compiled once: no type here depends on the
//! query.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::erased::AnyHandle;
use super::line_state::{LineState, Membership};
use super::saved_entries::EntryMeta;
use crate::clock::{Moment, Nanos, Revision};
use crate::entry_times::{EntryTimes, OwnTimes};
use crate::retention::records::Record;
use crate::retention::{Queue, Rules};
use crate::sync::atomic::{AtomicI64, Ordering};

/// Bookkeeping that most entries do not need. Must not be dropped under a lock, since the history holds
/// values.
pub(crate) struct Extra {
    /// Given with the write, instead of the table's.
    pub(crate) own: OwnTimes,
    /// Nanoseconds of the moment of the last use; moves forward only.
    pub(crate) used_at: AtomicI64,
    /// Label of the transaction that wrote the value.
    pub(crate) label: Option<Arc<str>>,
    /// Oldest first.
    pub(crate) history: VecDeque<AnyHistoryEntry>,
}

/// A [`HistoryEntry`] of a query that the holder does not know.
pub(crate) struct AnyHistoryEntry {
    pub(crate) revision: u64,
    pub(crate) label: Option<Arc<str>>,
    pub(crate) value: AnyHandle,
}

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
            own: OwnTimes::default(),
            used_at: AtomicI64::new(used_at.nanos()),
            label: None,
            history: VecDeque::new(),
        }
    }

    pub(crate) fn used_at(&self) -> Moment {
        Moment::from_nanos(self.used_at.load(Ordering::Relaxed))
    }

    /// Ends the history, which lasts only while the entry is resident. The result holds the old values.
    pub(crate) fn drop_history(&mut self) -> Option<Box<Self>> {
        if self.history.is_empty() {
            return None;
        }
        let history = std::mem::take(&mut self.history);
        Some(Box::new(Self { history, ..Self::new(Moment::ORIGIN) }))
    }

    /// Starts the time to idle.
    pub(crate) fn begin(&mut self, now: Moment) {
        self.used_at = AtomicI64::new(now.nanos());
    }

    /// Renews the time to idle.
    pub(crate) fn renew_idle(&self, now: Moment) {
        if self.used_at() < now {
            self.used_at.store(now.nanos(), Ordering::Relaxed);
        }
    }

    /// Appends the replaced value to the history.
    pub(crate) fn keep_previous(&mut self, value: AnyHandle, revision: u64, old: &mut Self, limit: usize) {
        let past = AnyHistoryEntry { revision, label: old.label.take(), value };
        let surplus = (old.history.len() + 1).saturating_sub(limit);
        self.history = old.history.split_off(surplus.min(old.history.len()));
        self.history.push_back(past);
    }
}

/// Returns when retention of a value that was true at `as_of` ends; [`Moment::NEVER`] without times.
pub(crate) fn deadline(as_of: Moment, extra: Option<&Extra>, rules: &Rules) -> Moment {
    let ttl = extra.and_then(|extra| extra.own.ttl).map(Duration::from).or(rules.ttl);
    let by_age = ttl.map_or(Moment::NEVER, |ttl| end_of(ttl, as_of));
    let by_use = match (rules.tti, extra) {
        (Some(tti), Some(extra)) => end_of(tti, extra.used_at()),
        _ => Moment::NEVER,
    };
    by_age.min(by_use)
}

/// Returns the end of a time that begins at `start`. A zero time is over at once, even for a reader whose
/// clock lags behind the writer's.
fn end_of(time: Duration, start: Moment) -> Moment {
    if time.is_zero() { Moment::PAST } else { start + time }
}

/// All metadata of an entry, while its shard is locked.
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

    /// Returns how long the entry counts as fresh after its `as_of`; `None` is forever.
    pub(crate) fn fresh_for(&self, rules: &Rules) -> Option<Duration> {
        self.own().fresh.map(Duration::from).or(rules.fresh)
    }

    /// Returns the times that were given with the write.
    pub(crate) fn own(&self) -> OwnTimes {
        self.extra.map(|extra| extra.own).unwrap_or_default()
    }

    /// Returns the entry's own times. A value written with them is as old as this one.
    pub(crate) fn times(&self) -> EntryTimes {
        EntryTimes { as_of: Some(self.record.as_of), own: self.own() }
    }

    /// Returns the saved metadata of the entry.
    pub(crate) fn meta(&self, now: Moment) -> EntryMeta {
        let Self { state, record, extra } = self;
        EntryMeta {
            age: Nanos::since(now, record.as_of),
            idle: Nanos::since(now, extra.map_or(record.as_of, Extra::used_at)),
            own: self.own(),
            invalidated: state.is_invalidated,
            is_survivor: !self.is_resident(),
            rank: state.membership.queue().map_or(0, Queue::rank),
            // A pinned entry is in use.
            uses: state.uses.load(Ordering::Relaxed).max(u8::from(state.membership == Membership::Pinned)),
        }
    }
}
