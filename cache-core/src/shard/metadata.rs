//! The parts of a shard that reads of residents do not touch, by line number: records, lists, pins, counters.

use std::sync::Arc;

use super::Incoming;
use super::context::OpContext;
use super::erased::AnyHandle;
use super::line_state::{LineState, Membership};
use super::load::AnyLoad;
use super::pins::Pins;
use super::saves::Saves;
use super::state::{Extra, deadline};
use super::tag_index::TagIndex;
use crate::clock::Moment;
use crate::entry_times::EntryTimes;
use crate::event::RemovalCause;
use crate::retention::Rules;
use crate::retention::deadline::Deadlines;
use crate::retention::list::{List, NONE};
use crate::retention::records::Records;
use crate::retention::s3fifo::S3Fifo;
use crate::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// Number of survivors read between two writes to their shard that the second write is sure to make resident.
/// Others come back when a write visits them.
pub(super) const REVIVALS: usize = 16;

/// What reads of residents do not touch.
#[derive(Default)]
pub(crate) struct Metadata {
    pub(super) records: Records,
    pub(super) extras: Extras,
    /// Weight that became resident minus weight that ceased to be, since the last booking in the ledger.
    pub(super) balance: i64,
    pub(super) policy: S3Fifo,
    pub(super) deadlines: Deadlines,
    /// Survivors, in the order in which they will be visited. Only survivors can die.
    pub(super) survivors: List,
    pub(super) revived: Revivals,
    pub(super) pins: Pins,
    pub(super) saves: Saves,
    /// The running loads of keys, each held by its loader as well.
    pub(super) loads: Vec<Arc<AnyLoad>>,
    /// Made for the first key that has a tag.
    pub(super) tags: Option<Box<TagIndex>>,
    /// Highest revision of any entry that was taken out.
    pub(super) forgotten: u64,
    /// Number of the last mark or removal of a key, present or absent.
    pub(super) last_change: u64,
    /// Removals by [`RemovalCause`].
    pub(super) removals: [u64; RemovalCause::COUNT],
    /// What was displaced besides keys and values. Must be dropped without a lock.
    pub(super) displaced_extras: DisplacedExtras,
    /// Removals to report to listeners, by number among the displaced pairs.
    pub(super) unpublished: Vec<(usize, RemovalCause)>,
}

/// Displaced elements of [`Extras`].
pub(super) type DisplacedExtras = Vec<Box<Extra>>;

/// Bookkeeping that most entries do not need, by line number.
#[derive(Default)]
pub(super) struct Extras {
    /// Shorter than the list of lines if the last lines have none.
    extras: Vec<Option<Box<Extra>>>,
}

/// Numbers of survivors that were read since the last write.
#[derive(Default)]
pub(super) struct Revivals {
    len: AtomicUsize,
    numbers: [AtomicU32; REVIVALS],
}

impl Metadata {
    /// Returns the metadata of a shard. The first write creates it.
    #[inline]
    pub(super) fn get_or_create(metadata: &mut Option<Box<Self>>) -> &mut Self {
        match metadata {
            Some(metadata) => metadata,
            None => Self::create(metadata),
        }
    }

    #[cold]
    fn create(metadata: &mut Option<Box<Self>>) -> &mut Self {
        metadata.insert(Box::default())
    }

    /// Returns whether any entry may have a deadline.
    #[inline]
    fn has_times(&self, rules: &Rules) -> bool {
        rules.is_timed || !self.extras.is_empty()
    }

    /// Returns when retention of the entry in a line ends.
    #[inline]
    pub(super) fn deadline(&self, number: u32, rules: &Rules) -> Moment {
        if !self.has_times(rules) {
            return Moment::NEVER;
        }
        deadline(self.records[number].as_of, self.extras.get(number), rules)
    }

    /// Replaces the own times of an entry.
    pub(super) fn set_times(&mut self, number: u32, times: &EntryTimes, context: &OpContext<'_>) {
        let own = times.own;
        if own.is_none() && !context.rules.wants_extras() {
            let surplus = self.extras.take(number);
            self.displaced_extras.extend(surplus);
            return;
        }
        match self.extras.get_mut(number) {
            Some(extra) => extra.own = own,
            None => self.extras.put(number, Some(Box::new(Extra { own, ..Extra::new(context.now) }))),
        }
    }

    /// Puts a line into the list of its membership.
    #[inline]
    pub(super) fn enter(&mut self, number: u32, state: &mut LineState, context: &OpContext<'_>) {
        let Self { records, policy, survivors, .. } = self;
        if state.membership.is_counted() {
            self.balance += i64::from(records[number].weight);
        }
        match (state.membership.queue(), context.recency) {
            (Some(queue), _) => policy.push(queue, number, records),
            (None, Some(recency)) if state.membership == Membership::Ordered => {
                state.aside = recency.admit(records[number].hash);
            }
            _ if !state.membership.is_resident() => survivors.push_back(number, records.as_mut_slice()),
            _ => {}
        }
    }

    /// Takes a line out of the list of its membership.
    #[inline]
    pub(super) fn leave(&mut self, number: u32, state: &LineState, context: &OpContext<'_>) {
        let Self { records, policy, survivors, .. } = self;
        if state.membership.is_counted() {
            self.balance -= i64::from(records[number].weight);
        }
        match (state.membership.queue(), context.recency) {
            (Some(queue), _) => policy.remove(queue, number, records),
            (None, Some(recency)) if state.membership == Membership::Ordered => recency.forget(state.aside),
            _ if !state.membership.is_resident() => survivors.remove(number, records.as_mut_slice()),
            _ => {}
        }
    }

    /// Records the revision of a value that replaces `past` in a line, and keeps the entry's own times.
    pub(super) fn follow(
        &mut self,
        number: u32,
        incoming: Incoming,
        past: Option<AnyHandle>,
        context: &OpContext<'_>,
    ) {
        let record = &mut self.records[number];
        let old_revision = std::mem::replace(&mut record.revision, context.revision);
        let Some(mut old) = self.extras.take(number) else { return };
        let mut extra = incoming.extra.unwrap_or_else(|| Box::new(Extra::new(Moment::ORIGIN)));
        extra.own = old.own;
        extra.begin(old.used_at());
        if let Some(past) = past {
            extra.keep_previous(past, old_revision, &mut old, context.rules.history as usize);
        }
        self.extras.put(number, Some(extra));
        self.displaced_extras.push(old);
    }

    /// Records the weight of a line that stays in its list.
    pub(super) fn reweigh(&mut self, number: u32, state: &LineState, weight: u32) {
        let old = std::mem::replace(&mut self.records[number].weight, weight);
        if state.membership.is_counted() {
            self.balance += i64::from(weight) - i64::from(old);
        }
        if let Some(queue) = state.membership.queue() {
            self.policy.reweigh(queue, old, weight);
        }
    }

    /// Records a write to a line that stays in its list.
    pub(super) fn stay_on(&mut self, number: u32, state: &LineState, weight: u32, context: &OpContext<'_>) {
        self.reweigh(number, state, weight);
        state.count_use();
        promote(state, context);
    }

    /// Sets a timer for the deadline of a line, if it can expire.
    #[inline]
    pub(super) fn set_timer(&mut self, number: u32, state: &mut LineState, rules: &Rules) {
        let can_expire = state.membership.is_resident() && state.membership != Membership::Pinned;
        if !self.has_times(rules) || state.has_timer || !can_expire {
            return;
        }
        let deadline = self.deadline(number, rules);
        if deadline != Moment::NEVER {
            state.has_timer = true;
            self.deadlines.push(deadline, number);
        }
    }

    /// Sets a timer for a line whose deadline was `old`, if the current timer would fire too late.
    #[inline]
    pub(super) fn move_timer(&mut self, number: u32, state: &mut LineState, old: Moment, rules: &Rules) {
        state.has_timer &= self.deadline(number, rules) >= old;
        self.set_timer(number, state, rules);
    }
}

/// Records a use by a writer in the exact order of the table.
#[inline(always)]
pub(super) fn promote(state: &LineState, context: &OpContext<'_>) {
    if let (Membership::Ordered, Some(recency)) = (state.membership, context.recency) {
        recency.promote(state.aside);
    }
}

impl Extras {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.extras.is_empty()
    }

    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&Extra> {
        self.extras.get(number as usize)?.as_deref()
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Extra> {
        self.extras.get_mut(number as usize)?.as_deref_mut()
    }

    /// Adds the extra of a line that has none.
    #[inline]
    pub(super) fn put(&mut self, number: u32, extra: Option<Box<Extra>>) {
        if extra.is_some() {
            let number = number as usize;
            if number >= self.extras.len() {
                self.extras.resize_with(number + 1, || None);
            }
            self.extras[number] = extra;
        }
    }

    #[inline]
    pub(super) fn take(&mut self, number: u32) -> Option<Box<Extra>> {
        self.extras.get_mut(number as usize)?.take()
    }

    /// Forgets everything, and gives its memory back.
    pub(super) fn clear(&mut self) {
        self.extras = Vec::new();
    }

    /// Moves the extras to the new numbers of their lines, which ascend from 0.
    pub(super) fn renumber(&mut self, moved: &[u32]) {
        let mut numbers = moved.iter();
        self.extras.retain(|_| numbers.next().is_some_and(|&number| number != NONE));
        self.extras.shrink_to(2 * self.extras.len());
    }
}

impl Revivals {
    /// Adds a line. Called by readers under the shared lock.
    pub(super) fn push(&self, number: u32) {
        if self.len.load(Ordering::Relaxed) >= REVIVALS {
            return;
        }
        if let Some(place) = self.numbers.get(self.len.fetch_add(1, Ordering::Relaxed)) {
            place.store(number, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len.load(Ordering::Relaxed) == 0
    }

    /// Takes out all lines. Called under the exclusive lock, after all pushes.
    pub(super) fn take(&mut self, mut each: impl FnMut(u32)) {
        let len = std::mem::take(self.len.get_mut()).min(REVIVALS);
        for number in &mut self.numbers[..len] {
            each(*number.get_mut());
        }
    }
}
