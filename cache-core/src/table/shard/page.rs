//! The bookkeeping of one value that most values do without: times of its own, label, history.

use std::sync::Arc;
use std::time::Duration;

use super::{Displaced, Env};
use crate::Revision;
use crate::clock::Moment;
use crate::event::Cause;
use crate::query::Query;
use crate::table::slot::{Extra, Hold, Past, Slot};

/// The bookkeeping of one value that most values do without.
pub(crate) struct Page {
    pub(crate) ttl: Option<Duration>,
    pub(crate) fresh: Option<Duration>,
    pub(crate) label: Option<Arc<str>>,
    /// The moment of the last use: earlier than that of the write for what was saved.
    pub(crate) used_at: Moment,
}

impl Page {
    pub(super) fn has_own_times(&self) -> bool {
        self.ttl.is_some() || self.fresh.is_some()
    }
}

impl<Q: Query> Slot<Q> {
    pub(super) fn displace(self, cause: Option<Cause>) -> Displaced<Q> {
        Displaced {
            key: Some(self.key),
            hold: Some(self.hold),
            extra: self.extra,
            cause,
            is_published: false,
        }
    }

    #[inline]
    pub(super) fn take_extras(&mut self, page: Page, env: &Env<'_>) {
        if page.has_own_times() || env.rules.wants_extras() {
            let extra = self.extra_mut(page.used_at);
            extra.ttl = page.ttl;
            extra.fresh = page.fresh;
            extra.label = page.label.filter(|_| env.rules.history > 0);
        }
    }

    /// Starts the bookkeeping of a new value, with the old one in the history if the table keeps one. Returns the
    /// old bookkeeping.
    pub(super) fn turn_page(
        &mut self,
        old: &Hold<Q::Value>,
        old_revision: u64,
        page: Page,
        env: &Env<'_>,
    ) -> Option<Box<Extra<Q::Value>>> {
        if self.extra.is_none() && !page.has_own_times() && !env.rules.wants_extras() {
            return None;
        }
        let mut old_extra = self.extra.take();
        self.take_extras(page, env);
        let limit = env.rules.history as usize;
        if limit > 0
            && self.hold.is_resident()
            && let Hold::Resident(value) = old
            && let (Some(new), Some(old_extra)) = (&mut self.extra, &mut old_extra)
        {
            let past = Past {
                revision: Revision(old_revision),
                label: old_extra.label.take(),
                value: Arc::clone(value),
            };
            let surplus = (old_extra.history.len() + 1).saturating_sub(limit);
            new.history = old_extra.history.split_off(surplus.min(old_extra.history.len()));
            new.history.push_back(past);
        }
        old_extra
    }

    /// Ends the history, which lasts only while the entry is resident. What is returned holds the old values.
    pub(super) fn drop_history(&mut self) -> Option<Box<Extra<Q::Value>>> {
        let extra = self.extra.as_mut().filter(|extra| !extra.history.is_empty())?;
        let mut gone = Box::new(Extra::new(Moment::ORIGIN));
        gone.history = std::mem::take(&mut extra.history);
        Some(gone)
    }
}
