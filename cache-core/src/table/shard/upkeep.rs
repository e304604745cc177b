//! What each write does for its shard besides: survivors that come back or have died, residents whose time is over,
//! lists and memory that have become too long.

use smallvec::SmallVec;

use super::cold::REVIVALS;
use super::index::Index;
use super::{Env, Outbox, Shard};
use crate::clock::Moment;
use crate::event::Cause;
use crate::query::Query;
use crate::retention::list::NONE;
use crate::sync::atomic::Ordering;
use crate::table::slot::Stay;

/// Survivors, and expired residents, that one write looks at.
pub(super) const VISITS: usize = 8;
/// Lists and indexes smaller than this are never shrunk.
const SHRINK_ABOVE: usize = 512;

impl<Q: Query> Shard<Q> {
    /// Makes the survivors resident that were read since the last write.
    #[cold]
    pub(super) fn revive(&mut self, env: &Env<'_>, out: &mut Outbox<Q>) {
        let Some(cold) = &mut self.cold else { return };
        let mut read = SmallVec::<[u32; REVIVALS]>::new();
        cold.revived.take(|number| read.push(number));
        for number in read {
            if self.slot(number).is_some_and(|slot| slot.stay == Stay::Evicted) {
                self.admit(number, env, out);
            }
        }
    }

    /// Looks at the survivors that waited longest, at most `count` of them. Returns how many dead keys it removed.
    pub(super) fn visit_survivors(&mut self, count: usize, env: &Env<'_>, out: &mut Outbox<Q>) -> usize {
        let mut reaped = 0;
        let waiting = self.cold.as_ref().map_or(0, |cold| cold.survivors.len());
        for _ in 0..waiting.min(count) {
            let Some(number) = self.cold.as_ref().and_then(|cold| cold.survivors.first()) else { break };
            let Some(slot) = self.slot(number) else { break };
            let was_read = slot.uses.load(Ordering::Relaxed) > 0;
            if slot.hold.is_dead() {
                self.take(number, None, env, out);
                reaped += 1;
                continue;
            }
            if slot.stay == Stay::Evicted && was_read {
                self.admit(number, env, out);
            }
            if let Some((slot, cold)) = self.parts(number)
                && !slot.hold.is_resident()
            {
                cold.survivors.move_back(number, cold.records.as_mut_slice());
            }
        }
        reaped
    }

    /// Lets go of residents whose time is over, at most `count` of them.
    pub(crate) fn expire_due(&mut self, count: usize, env: &Env<'_>, out: &mut Outbox<Q>) {
        for _ in 0..count {
            let Some(number) = self.cold.as_mut().and_then(|cold| cold.deadlines.pop_due(env.now)) else {
                break;
            };
            // An earlier entry of the slot may have left its deadline behind.
            if self.expire(number, env, out)
                && let Some((slot, cold)) = self.parts(number)
            {
                slot.has_alarm = false;
                cold.set_alarm(number, slot, env.rules);
            }
        }
        self.sweep_deadlines(env);
    }

    /// Whether the time of some resident may be over.
    #[inline]
    pub(crate) fn has_due(&self, now: Moment) -> bool {
        self.cold.as_ref().is_some_and(|cold| cold.deadlines.has_due(now))
    }

    /// Removes all dead keys now, after letting go of all that expired. Returns how many keys went.
    pub(crate) fn reap(&mut self, env: &Env<'_>, out: &mut Outbox<Q>) -> usize {
        let before = self.slot_count();
        self.expire_due(usize::MAX, env, out);
        let expired = before - self.slot_count();
        let reaped = self.visit_survivors(usize::MAX, env, out);
        self.make_room(env, out);
        expired + reaped
    }

    fn sweep_deadlines(&mut self, env: &Env<'_>) {
        let live = self.slot_count();
        let Some(cold) = &mut self.cold else { return };
        if cold.deadlines.is_bloated(live) {
            self.set_all_alarms(env);
        } else if is_roomy(cold.deadlines.len(), cold.deadlines.capacity()) {
            cold.deadlines.shrink_to(cold.deadlines.len() * 2);
        }
    }

    fn set_all_alarms(&mut self, env: &Env<'_>) {
        let Self { slots, cold: Some(cold), .. } = self else { return };
        cold.deadlines.clear();
        for (number, slot) in (0..).zip(slots) {
            if let Some(slot) = slot {
                slot.has_alarm = false;
                cold.set_alarm(number, slot, env.rules);
            }
        }
    }

    /// Takes an entry out, and out of whatever list it is in. The ledger is told.
    pub(super) fn take(&mut self, number: u32, cause: Option<Cause>, env: &Env<'_>, out: &mut Outbox<Q>) {
        if let Some((slot, cold)) = self.parts(number) {
            cold.leave(number, slot, env);
            self.vacate(number, cause, env, out);
        }
    }

    /// Gives memory back when most of the slots have become vacant.
    #[inline]
    pub(super) fn shrink(&mut self, env: &Env<'_>) {
        if is_roomy(self.slot_count(), self.slots.len()) {
            self.move_together(env);
        }
    }

    /// Gives the slots new numbers, so that none between them is vacant.
    #[cold]
    fn move_together(&mut self, env: &Env<'_>) {
        let mut moved = vec![NONE; self.slots.len()];
        let mut next = 0;
        for (slot, number) in self.slots.iter().zip(&mut moved) {
            if slot.is_some() {
                *number = next;
                next += 1;
            }
        }
        let Self { index, slots, cold: Some(cold), .. } = self else { return };
        slots.retain(Option::is_some);
        slots.shrink_to(2 * slots.len());
        cold.records.renumber(&moved);
        cold.extras.renumber(&moved);
        cold.policy.renumber(&moved);
        cold.survivors.renumber(&moved);
        if let Some(tags) = &mut cold.tags {
            tags.renumber(&moved);
        }
        *index = Index::of(&cold.records, next);
        self.set_all_alarms(env);
    }
}

/// Whether so little of a list or index is in use that memory should be given back. What is shrunk to twice its length
/// is not shrunk again before it has lost half of that, and does not grow before it has doubled.
fn is_roomy(len: usize, capacity: usize) -> bool {
    capacity > SHRINK_ABOVE && len < capacity / 4
}
