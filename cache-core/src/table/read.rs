//! Looks at entries under the shared lock of a shard.

use std::sync::Arc;

use super::Table;
use super::entry::{Entry, EntryState};
use super::shard::{Seen, Shard};
use super::slot::{Hold, Past, Slot, Stay, View};
use super::times::Times;
use crate::clock::Moment;
use crate::query::{Lookup, Query};
use crate::retention::Rules;
use crate::sync::atomic::Ordering;
use crate::sync::switch_point;

/// Whether a look at an entry counts as a use of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Counted,
    Uncounted,
}

/// What a reader finds, while the shard is locked.
pub(crate) struct Sight<'a, Q: Query> {
    shard: Option<&'a Shard<Q>>,
    /// Of the entry's slot.
    number: Option<u32>,
    pub(crate) value: Option<Arc<Q::Value>>,
}

impl<'a, Q: Query> Sight<'a, Q> {
    pub(crate) fn seen(&self) -> Seen {
        self.shard.map_or(Seen::Absent { forgotten: 0 }, |shard| shard.seen(self.number))
    }

    pub(crate) fn view(&self) -> Option<View<'a, Q>> {
        self.shard?.view(self.number?)
    }
}

impl<Q: Query> Table<Q> {
    /// Looks at a key under the shared lock of its shard. An expired resident is let go of first, and then found
    /// or not found like any survivor. `read` runs under the lock: it must call no foreign code.
    #[inline]
    pub(crate) fn look<L: Lookup<Query = Q>, T>(
        &self,
        lookup: &L,
        use_: Use,
        read: impl FnOnce(Sight<'_, Q>) -> T,
    ) -> T {
        let Some(shards) = self.shards.get() else {
            if use_ == Use::Counted {
                self.head.early_misses.fetch_add(1, Ordering::Relaxed);
            }
            return read(Sight { shard: None, number: None, value: None });
        };
        let hash = self.hash(lookup);
        let shard = shards.of(hash);
        // The clock may be foreign code: it is read before the lock is taken.
        let mut now = match self.rules() {
            Rules { is_timed: false, .. } => None,
            // An idle time begins with the read, if there is one.
            Rules { tti: Some(_), .. } => Some(self.core().precise_now()),
            _ => Some(self.core().now()),
        };
        loop {
            let guard = shard.read();
            let found = guard.find(hash, lookup);
            let value = match found {
                Some((number, slot)) => match &slot.hold {
                    Hold::Resident(value) => {
                        if slot.may_expire(self.rules()) {
                            let Some(now) = now else {
                                drop(guard);
                                now = Some(self.core().now());
                                continue;
                            };
                            if slot.stay != Stay::Pinned
                                && guard.has_due(now)
                                && guard.is_expired(number, self.rules(), now)
                            {
                                drop(guard);
                                self.expire(hash, number, now);
                                continue;
                            }
                            if use_ == Use::Counted {
                                guard.renew_idle(number, now);
                            }
                        }
                        if use_ == Use::Counted {
                            self.note_use(slot);
                        }
                        Some(Arc::clone(value))
                    }
                    Hold::Survivor(value) => {
                        switch_point();
                        let value = value.upgrade();
                        if use_ == Use::Counted && value.is_some() {
                            // One that has expired stays so.
                            if let Some(now) = now
                                && !guard.is_expired(number, self.rules(), now)
                            {
                                guard.renew_idle(number, now);
                            }
                            guard.mark_survivor(number, slot);
                        }
                        value
                    }
                },
                None => None,
            };
            if use_ == Use::Counted {
                match value {
                    Some(_) => guard.count_hit(),
                    None => guard.count_miss(),
                }
            }
            return read(Sight { shard: Some(&guard), number: found.map(|(number, _)| number), value });
        }
    }

    #[inline]
    pub(crate) fn get<L: Lookup<Query = Q>>(&self, lookup: &L) -> Option<Arc<Q::Value>> {
        // What most reads meet, without all that may be: the fewer instructions, the more reads a processor has under
        // way at once.
        if let Some(shards) = self.shards.get()
            && self.rules().is_plain
        {
            let hash = self.hash(lookup);
            let guard = shards.of(hash).read();
            let Some((_, slot)) = guard.find(hash, lookup) else {
                guard.count_miss();
                return None;
            };
            if let Hold::Resident(value) = &slot.hold
                && !slot.has_alarm
            {
                self.note_use(slot);
                guard.count_hit();
                return Some(Arc::clone(value));
            }
        }
        self.look_counted(lookup)
    }

    #[inline(never)]
    fn look_counted<L: Lookup<Query = Q>>(&self, lookup: &L) -> Option<Arc<Q::Value>> {
        self.look(lookup, Use::Counted, |sight| sight.value)
    }

    pub(crate) fn peek<L: Lookup<Query = Q>>(&self, lookup: &L) -> Option<Arc<Q::Value>> {
        self.look(lookup, Use::Uncounted, |sight| sight.value)
    }

    pub(crate) fn entry<L: Lookup<Query = Q>>(&self, lookup: &L, use_: Use) -> Option<Entry<Q>> {
        let now = self.core().now();
        self.look(lookup, use_, |sight| Some(Entry::of(&sight.view()?, sight.value?, self.rules(), now)))
    }

    /// The value of a resident that is fresh by the times of the table, counted as a hit. What takes more to find out is
    /// `None`, and not counted.
    #[inline]
    pub(crate) fn plainly_fresh<L: Lookup<Query = Q>>(&self, lookup: &L) -> Option<Arc<Q::Value>> {
        let shards = self.shards.get()?;
        let fresh = self.rules().fresh?;
        // The clock may be foreign code: it is read before the lock is taken.
        let now = self.core().now();
        let hash = self.hash(lookup);
        let guard = shards.of(hash).read();
        let (number, slot) = guard.find(hash, lookup)?;
        let Hold::Resident(value) = &slot.hold else { return None };
        let rules = self.rules();
        let is_fresh =
            || slot.is_surely_fresh(rules, fresh, now) || guard.is_plainly_fresh(number, rules, fresh, now);
        if slot.is_invalidated || !is_fresh() {
            return None;
        }
        self.note_use(slot);
        guard.count_hit();
        Some(Arc::clone(value))
    }

    #[inline]
    pub(crate) fn value_and_state<L: Lookup<Query = Q>>(
        &self,
        lookup: &L,
        use_: Use,
    ) -> Option<(Arc<Q::Value>, EntryState)> {
        let now = self.core().now();
        self.look(lookup, use_, |sight| {
            let state = EntryState::of(&sight.view()?, self.rules(), now);
            Some((sight.value?, state))
        })
    }

    pub(crate) fn history<L: Lookup<Query = Q>>(&self, lookup: &L) -> Vec<Past<Q::Value>> {
        self.look(lookup, Use::Uncounted, |sight| {
            let extra = sight.view().filter(|view| view.slot.hold.is_resident()).and_then(|view| view.extra);
            // The present value is returned to the caller's stack, to be dropped there.
            (sight.value, extra.map(|extra| extra.history.iter().cloned().collect()).unwrap_or_default())
        })
        .1
    }

    /// The value, and what is needed to tell later whether a write came in between.
    pub(crate) fn sight<L: Lookup<Query = Q>>(&self, lookup: &L, use_: Use) -> (Option<Arc<Q::Value>>, Seen) {
        self.look(lookup, use_, |sight| {
            let seen = sight.seen();
            (sight.value, seen)
        })
    }

    /// [`sight`](Self::sight), with the times that the entry has.
    pub(crate) fn sight_timed<L: Lookup<Query = Q>>(
        &self,
        lookup: &L,
    ) -> (Option<Arc<Q::Value>>, Times, Seen) {
        self.look(lookup, Use::Counted, |sight| {
            let (seen, times) = (sight.seen(), sight.view().map(|view| view.times()));
            (sight.value, times.unwrap_or_default(), seen)
        })
    }

    /// The value, without letting go of anything. `false`: there is one that should be let go of.
    pub(crate) fn glance<L: Lookup<Query = Q>>(
        &self,
        lookup: &L,
        now: Moment,
    ) -> (Option<Arc<Q::Value>>, bool) {
        let hash = self.hash(lookup);
        let Some(shard) = self.existing(hash) else { return (None, true) };
        let shard = shard.read();
        let Some((number, slot)) = shard.find(hash, lookup) else { return (None, true) };
        let is_over = slot.hold.is_resident()
            && slot.stay != Stay::Pinned
            && shard.is_expired(number, self.rules(), now);
        (slot.hold.value(), !is_over)
    }

    /// Whether a claim on the key is held at this moment.
    pub(crate) fn is_pinned(&self, hash: u32, key: &Q) -> bool {
        self.existing(hash).is_some_and(|shard| shard.read().pin_of(hash, key).is_some())
    }

    #[inline]
    pub(super) fn note_use(&self, slot: &Slot<Q>) {
        match slot.stay {
            Stay::Ordered => self.mark_use(slot.aside),
            _ => slot.count_use(),
        }
    }

    fn mark_use(&self, node: u32) {
        if let Some(recency) = self.recency() {
            recency.mark(node);
        }
    }

    #[cold]
    fn expire(&self, hash: u32, number: u32, now: Moment) {
        self.let_go(self.place_of(hash), now, &mut |shard, env, out| {
            shard.expire(number, env, out);
        });
    }
}
