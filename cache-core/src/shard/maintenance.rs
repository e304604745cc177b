//! The maintenance that each write does for its shard: it revives and removes survivors, releases expired
//! residents, and shrinks lists and memory.

use smallvec::SmallVec;

use super::index::Index;
use super::line_state::Membership;
use super::metadata::{Metadata, REVIVALS};
use super::{OpContext, ShardMut, numbers};
use crate::event::RemovalCause;
use crate::retention::list::NONE;
use crate::sync::atomic::Ordering;

/// Number of survivors, and of expired residents, that one write visits.
pub(super) const VISITS: usize = 8;
/// Lists and indexes smaller than this are never shrunk.
const SHRINK_ABOVE: usize = 512;

impl ShardMut<'_> {
    /// Returns the numbers of all lines, vacant ones included.
    pub(super) fn numbers(&self) -> std::ops::Range<u32> {
        numbers(self.lines)
    }

    /// Returns the number of entries, including those with dead values.
    fn count(&self) -> usize {
        self.metadata.records.occupied()
    }

    /// Makes survivors that were read since the last write resident again.
    #[cold]
    pub(super) fn revive(&mut self, context: &OpContext<'_>) {
        let mut read = SmallVec::<[u32; REVIVALS]>::new();
        self.metadata.revived.take(|number| read.push(number));
        for number in read {
            if self.is_of(number, Membership::Evicted) {
                self.admit(number, context);
            }
        }
    }

    /// Visits at most `count` survivors, those that waited longest first. Returns how many dead keys it
    /// removed.
    pub(super) fn visit_survivors(&mut self, count: usize, context: &OpContext<'_>) -> usize {
        let (mut left, mut reaped) = (self.metadata.survivors.len().min(count), 0);
        while left > 0 && !self.metadata.survivors.is_empty() {
            let Metadata { survivors, records, .. } = &*self.metadata;
            let batch: SmallVec<[u32; VISITS]> =
                survivors.iter(|number| records[number].link).take(left.min(VISITS)).collect();
            let dead = self.lines.dead_among(&batch);
            left -= batch.len();
            for (at, number) in batch.into_iter().enumerate() {
                match dead & 1 << at {
                    0 => self.visit_survivor(number, context),
                    _ => {
                        self.take(number, None, context);
                        reaped += 1;
                    }
                }
            }
        }
        reaped
    }

    /// Makes a survivor that was read resident again. Any other waits for its next visit.
    fn visit_survivor(&mut self, number: u32, context: &OpContext<'_>) {
        let Some(state) = self.lines.state(number) else { return };
        let may_be_admitted =
            state.uses.load(Ordering::Relaxed) > 0 && state.membership == Membership::Evicted;
        if may_be_admitted {
            self.admit(number, context);
        }
        let is_survivor =
            |shard: &Self| shard.lines.state(number).is_some_and(|state| !state.membership.is_resident());
        if !may_be_admitted || is_survivor(self) {
            let metadata = &mut *self.metadata;
            metadata.survivors.move_back(number, metadata.records.as_mut_slice());
        }
    }

    /// Releases at most `count` expired residents.
    pub(crate) fn expire_due(&mut self, count: usize, context: &OpContext<'_>) {
        for _ in 0..count {
            let Some(number) = self.metadata.deadlines.pop_due(context.now) else { break };
            // An earlier entry of the line may have left its deadline behind.
            if self.expire(number, context)
                && let Some(state) = self.lines.state_mut(number)
            {
                state.has_timer = false;
                self.metadata.set_timer(number, state, context.rules);
            }
        }
        self.sweep_deadlines(context);
    }

    /// Releases all expired residents, then removes all dead keys. Returns how many keys it removed.
    pub(crate) fn reap(&mut self, context: &OpContext<'_>) -> usize {
        let before = self.count();
        self.expire_due(usize::MAX, context);
        let expired = before - self.count();
        let reaped = self.visit_survivors(usize::MAX, context);
        self.make_room(context);
        expired + reaped
    }

    fn sweep_deadlines(&mut self, context: &OpContext<'_>) {
        let live = self.count();
        let deadlines = &mut self.metadata.deadlines;
        if deadlines.is_bloated(live) {
            self.set_all_timers(context);
        } else if is_roomy(deadlines.len(), deadlines.capacity()) {
            deadlines.shrink_to(deadlines.len() * 2);
        }
    }

    fn set_all_timers(&mut self, context: &OpContext<'_>) {
        self.metadata.deadlines.clear();
        for number in self.numbers() {
            if let Some(state) = self.lines.state_mut(number) {
                state.has_timer = false;
                self.metadata.set_timer(number, state, context.rules);
            }
        }
    }

    /// Takes an entry out of its line and its list, and updates the ledger.
    pub(super) fn take(&mut self, number: u32, cause: Option<RemovalCause>, context: &OpContext<'_>) {
        self.keep_for_saves(number);
        self.leave(number, context);
        self.vacate(number, cause, context);
    }

    /// Gives memory back when most of the lines are vacant. Does nothing while a save runs, since a save
    /// knows lines by number.
    #[inline]
    pub(super) fn shrink(&mut self, context: &OpContext<'_>) {
        let is_due = is_roomy(self.count(), self.lines.len());
        if self.metadata.saves.may_shrink(is_due) {
            self.compact(context);
        }
    }

    /// Renumbers the lines so that none between them is vacant.
    #[cold]
    fn compact(&mut self, context: &OpContext<'_>) {
        let mut moved = vec![NONE; self.lines.len()];
        let mut next = 0;
        for number in self.numbers() {
            if self.lines.state(number).is_some() {
                self.lines.shift(number, next);
                moved[number as usize] = next;
                next += 1;
            }
        }
        self.lines.shrink(next);
        let metadata = &mut *self.metadata;
        metadata.records.renumber(&moved);
        metadata.extras.renumber(&moved);
        metadata.policy.renumber(&moved);
        metadata.survivors.renumber(&moved);
        if let Some(tags) = &mut metadata.tags {
            tags.renumber(&moved);
        }
        *self.index = Index::of(&metadata.records, next);
        self.set_all_timers(context);
    }
}

/// Returns whether a list or index uses so little of its memory that some should be given back. After it
/// shrinks to twice its length, it shrinks again only after losing half of its elements, and grows only after
/// doubling.
fn is_roomy(len: usize, capacity: usize) -> bool {
    capacity > SHRINK_ABOVE && len < capacity / 4
}
