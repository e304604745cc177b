//! What each write does for its shard besides: survivors that come back or have died, residents whose time is over,
//! lists and memory that have become too long.

use smallvec::SmallVec;

use super::cold::REVIVALS;
use super::{Env, Outbox, Shard, find_entry, find_mut, spread};
use crate::clock::Moment;
use crate::query::Query;
use crate::retention::Ticket;
use crate::sync::atomic::Ordering;
use crate::table::slot::{Slot, Stay};

/// Survivors, and expired residents, that one write looks at.
pub(super) const VISITS: usize = 8;
/// Lists and indexes smaller than this are never shrunk.
const SHRINK_ABOVE: usize = 512;

impl<Q: Query> Shard<Q> {
    /// Makes the survivors resident that were read since the last write.
    pub(super) fn revive(&mut self, env: &Env<'_>, out: &mut Outbox<Q>) {
        let Some(cold) = &mut self.cold else { return };
        let mut tickets = SmallVec::<[Ticket; REVIVALS]>::new();
        cold.revived.take(|ticket| tickets.push(ticket));
        for ticket in tickets {
            if self.by_ticket(ticket).is_some_and(|slot| slot.stay == Stay::Evicted) {
                self.admit(ticket, env, out);
            }
        }
    }

    /// Looks at the survivors that waited longest, at most `count` of them. Returns how many dead keys it removed.
    pub(super) fn visit_survivors(&mut self, count: usize, env: &Env<'_>, out: &mut Outbox<Q>) -> usize {
        let (mut reaped, mut visited) = (0, 0);
        let waiting = self.cold.as_ref().map_or(0, |cold| cold.survivors.len());
        // Tickets that were left behind do not count: each is passed over once, and was left by a write.
        for _ in 0..waiting {
            if visited == count {
                break;
            }
            let Some(cold) = &mut self.cold else { break };
            let Some(ticket) = cold.survivors.pop_front() else { break };
            let Some(slot) = self.by_ticket(ticket).filter(|slot| !slot.hold.is_resident()) else { continue };
            visited += 1;
            let (is_dead, was_read) = (slot.hold.is_dead(), slot.uses.load(Ordering::Relaxed) > 0);
            let is_evicted = slot.stay == Stay::Evicted;
            if is_dead {
                if let Some(slot) = self.take(ticket, env) {
                    self.forget(slot.revision);
                    out.push(slot.displace(None));
                    reaped += 1;
                }
                continue;
            }
            if is_evicted && was_read {
                self.admit(ticket, env, out);
            }
            if self.by_ticket(ticket).is_some_and(|slot| !slot.hold.is_resident())
                && let Some(cold) = &mut self.cold
            {
                cold.survivors.push_back(ticket);
            }
        }
        if let Some(cold) = &mut self.cold
            && is_roomy(cold.survivors.len(), cold.survivors.capacity())
        {
            cold.survivors.shrink_to(cold.survivors.len() * 2);
        }
        reaped
    }

    /// Lets go of residents whose time is over, at most `count` of them.
    pub(crate) fn expire_due(&mut self, count: usize, env: &Env<'_>, out: &mut Outbox<Q>) {
        for _ in 0..count {
            let Self { slots, cold: Some(cold), .. } = self else { return };
            let Some(ticket) = cold.deadlines.pop_due(env.now) else { break };
            let Some(slot) = find_mut(slots, ticket) else { continue };
            slot.has_alarm = false;
            if slot.is_expired(env.rules, env.now) {
                let _ = self.expire(ticket, env, out);
            } else {
                cold.set_alarm(slot, env.rules);
            }
        }
        self.sweep_deadlines(env);
    }

    pub(crate) fn has_due(&self, now: Moment) -> bool {
        self.cold.as_ref().is_some_and(|cold| cold.deadlines.has_due(now))
    }

    /// Removes all dead keys now, after letting go of all that expired. Returns how many keys went.
    pub(crate) fn reap(&mut self, env: &Env<'_>, out: &mut Outbox<Q>) -> usize {
        let before = self.slots.len();
        self.expire_due(usize::MAX, env, out);
        let expired = before - self.slots.len();
        let reaped = self.visit_survivors(usize::MAX, env, out);
        self.make_room(env, out);
        expired + reaped
    }

    pub(super) fn sweep_deadlines(&mut self, env: &Env<'_>) {
        let Self { slots, cold: Some(cold), .. } = self else { return };
        if !cold.deadlines.is_bloated(slots.len()) {
            if is_roomy(cold.deadlines.len(), cold.deadlines.capacity()) {
                cold.deadlines.shrink_to(cold.deadlines.len() * 2);
            }
            return;
        }
        cold.deadlines.clear();
        for slot in slots.iter_mut() {
            slot.has_alarm = false;
            cold.set_alarm(slot, env.rules);
        }
    }

    /// Takes a slot out, and out of whatever list it is in. The ledger is told.
    pub(super) fn take(&mut self, ticket: Ticket, env: &Env<'_>) -> Option<Slot<Q>> {
        let (mut slot, _) = find_entry(&mut self.slots, ticket)?.remove();
        self.cold.as_mut()?.leave(&mut slot, false, env);
        self.sweep_queues();
        self.shrink();
        Some(slot)
    }

    /// Drops the tickets that removed slots left in the queues, once they are most of them.
    pub(super) fn sweep_queues(&mut self) {
        let Self { slots, cold: Some(cold), .. } = self else { return };
        if cold.policy.is_bloated(slots.len()) {
            cold.policy
                .sweep(|queue, ticket| find_mut(slots, ticket).is_some_and(|slot| slot.stay == queue.stay()));
        }
    }

    /// Gives memory back when most of the index has become empty.
    pub(super) fn shrink(&mut self) {
        let len = self.slots.len();
        if is_roomy(len, self.slots.capacity()) {
            self.slots.shrink_to(len * 2, |slot| spread(slot.hash));
        }
    }
}

/// Whether so little of a list or index is in use that memory should be given back. What is shrunk to twice its length
/// is not shrunk again before it has lost half of that, and does not grow before it has doubled.
fn is_roomy(len: usize, capacity: usize) -> bool {
    capacity > SHRINK_ABOVE && len < capacity / 4
}
