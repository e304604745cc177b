//! Writes to one shard. None of these gives any other slot than the one it is told to another place, so that the
//! places of several keys can be found first; `finish` then does what is left.

use super::cold::Cold;
use super::home::Home;
use super::upkeep::VISITS;
use super::{Displaced, Env, Incoming, Outbox, Place, Shard, Standing, find_mut, spread};
use crate::clock::Moment;
use crate::event::Cause;
use crate::query::Query;
use crate::retention::Ticket;
use crate::retention::s3fifo::{MAX_USES, Queue};
use crate::sync::atomic::AtomicU8;
use crate::table::slot::{Slot, Stay};
use std::collections::VecDeque;

impl<Q: Query> Shard<Q> {
    /// What each write does for its shard first: makes the survivors resident that were read since the last one, so
    /// that they count as used before what is written now.
    pub(crate) fn begin(&mut self, env: &Env<'_>, out: &mut Outbox<Q>) {
        if self.cold.as_ref().is_some_and(|cold| !cold.revived.is_empty()) {
            self.revive(env, out);
        }
    }

    /// Lets go of the entry at `place` if its time is over, as whoever meets it does. Returns where it is then.
    pub(crate) fn meet(&mut self, hash: u32, place: Place, env: &Env<'_>, out: &mut Outbox<Q>) -> Place {
        let Some(id) = place.id else { return place };
        Place { id: self.expire(Ticket { hash, id }, env, out), ..place }
    }

    /// Puts a value under a key that [`locate`](Self::locate) has found to be at `place`.
    pub(crate) fn write(
        &mut self,
        key: Q,
        hash: u32,
        place: Place,
        incoming: Incoming<Q::Value>,
        env: &Env<'_>,
        out: &mut Outbox<Q>,
    ) {
        let target = Home::of(&incoming, place.is_pinned, env.rules);
        match place.id {
            Some(id) => self.replace(key, Ticket { hash, id }, incoming, target, env, out),
            None => self.insert(key, hash, incoming, target, env, out),
        }
    }

    pub(super) fn insert(
        &mut self,
        key: Q,
        hash: u32,
        incoming: Incoming<Q::Value>,
        target: Home,
        env: &Env<'_>,
        out: &mut Outbox<Q>,
    ) {
        let cold = self.cold.get_or_insert_with(Cold::new);
        let stay = target.stay(|| match incoming.standing {
            Some(Standing { rank: 1, .. }) => Queue::Main,
            Some(_) => Queue::Small,
            None => cold.policy.place(hash),
        });
        let mut slot = Slot {
            key,
            hold: stay.hold(incoming.value),
            revision: env.revision,
            as_of: incoming.as_of,
            extra: None,
            hash,
            id: cold.fresh_id(),
            weight: incoming.weight,
            stay,
            uses: AtomicU8::new(incoming.standing.map_or(0, |standing| standing.uses.min(MAX_USES))),
            is_invalidated: incoming.is_invalidated,
            has_alarm: false,
        };
        // All this before the slot is moved to where it stays: memory there is seldom in the processor's caches, and
        // reading it back would wait for the writes.
        slot.take_extras(incoming.page, env);
        target.report(&slot, env, out);
        cold.set_alarm(&mut slot, env.rules);
        cold.enter(&slot, env);
        self.slots.insert_unique(spread(hash), slot, |slot| spread(slot.hash));
    }

    pub(super) fn replace(
        &mut self,
        key: Q,
        ticket: Ticket,
        incoming: Incoming<Q::Value>,
        target: Home,
        env: &Env<'_>,
        out: &mut Outbox<Q>,
    ) {
        let Self { slots, cold: Some(cold), .. } = self else { return };
        let Some(slot) = find_mut(slots, ticket) else { return };
        let stays = target.keeps(slot.stay);
        let old_deadline = slot.deadline(env.rules);
        cold.leave(slot, stays, env);
        if !stays {
            slot.stay = target.stay(|| Queue::Main);
            slot.id = cold.fresh_id();
            slot.has_alarm = false;
        }
        slot.weight = incoming.weight;
        slot.is_invalidated = incoming.is_invalidated;
        slot.as_of = incoming.as_of;
        let old_hold = std::mem::replace(&mut slot.hold, slot.stay.hold(incoming.value));
        let old_revision = std::mem::replace(&mut slot.revision, env.revision);
        let old_extra = slot.turn_page(&old_hold, old_revision, incoming.page, env);
        let cause = (!old_hold.is_dead()).then_some(Cause::Replaced);
        out.push(Displaced {
            key: Some(key),
            hold: Some(old_hold),
            extra: old_extra,
            cause,
            is_published: false,
        });
        // An alarm that is set for a later time than is needed now is as good as none.
        slot.has_alarm &= slot.deadline(env.rules) >= old_deadline;
        cold.set_alarm(slot, env.rules);
        match stays {
            true => cold.stay_on(slot, env),
            false => cold.enter(slot, env),
        }
        target.report(slot, env, out);
        if !stays {
            self.sweep_queues();
        }
    }

    /// Takes the key out, value and history with it. Returns whether it was readable.
    pub(crate) fn remove(&mut self, hash: u32, place: Place, env: &Env<'_>, out: &mut Outbox<Q>) -> bool {
        let cold = self.cold.get_or_insert_with(Cold::new);
        cold.forgotten = cold.forgotten.max(env.revision);
        let Some(slot) = place.id.and_then(|id| self.take(Ticket { hash, id }, env)) else { return false };
        let is_readable = !slot.hold.is_dead();
        out.push(slot.displace(is_readable.then_some(Cause::Removed)));
        is_readable
    }

    /// Takes everything out. Pins keep their claim on their keys.
    pub(crate) fn clear(&mut self, env: &Env<'_>, out: &mut Outbox<Q>) {
        let slots = std::mem::take(&mut self.slots);
        let cold = self.cold.get_or_insert_with(Cold::new);
        cold.forgotten = cold.forgotten.max(env.revision);
        for mut slot in slots {
            cold.leave(&mut slot, false, env);
            let cause = (!slot.hold.is_dead()).then_some(Cause::Cleared);
            out.push(slot.displace(cause));
        }
        cold.policy.clear();
        cold.deadlines.clear();
        cold.survivors = VecDeque::new();
        cold.revived.take(|_| {});
    }

    /// Renews the times of an entry and clears its mark. A survivor becomes resident again, if the table keeps
    /// anything. Returns whether there was a readable entry.
    pub(crate) fn touch(
        &mut self,
        ticket: Ticket,
        as_of: Moment,
        env: &Env<'_>,
        out: &mut Outbox<Q>,
    ) -> bool {
        let Self { slots, cold: Some(cold), .. } = self else { return false };
        let Some(slot) = find_mut(slots, ticket).filter(|slot| !slot.hold.is_dead()) else { return false };
        let old_deadline = slot.deadline(env.rules);
        slot.as_of = as_of;
        slot.is_invalidated = false;
        slot.renew_idle(env.now);
        slot.count_use();
        if !slot.hold.is_resident() {
            self.admit(ticket, env, out);
            return true;
        }
        // An alarm that is set for a later time than is needed now is as good as none.
        slot.has_alarm &= slot.deadline(env.rules) >= old_deadline;
        cold.set_alarm(slot, env.rules);
        if let (Stay::Ordered, Some(recency)) = (slot.stay, env.recency) {
            recency.admit(ticket);
        }
        true
    }

    /// Marks an entry. Returns whether there was a readable one.
    pub(crate) fn invalidate(&mut self, ticket: Ticket) -> bool {
        self.readable_mut(ticket).map(|slot| slot.is_invalidated = true).is_some()
    }

    /// What each write does for its shard once its values are in: looks at a few survivors and at a few residents
    /// whose time may be over, and brings the table within its bound as far as this shard can. The rest is left to
    /// the table.
    pub(crate) fn finish(&mut self, env: &Env<'_>, out: &mut Outbox<Q>) {
        let Some(cold) = &mut self.cold else { return };
        if !cold.survivors.is_empty() || !cold.deadlines.is_empty() {
            self.visit_survivors(VISITS, env, out);
            self.expire_due(VISITS, env, out);
        }
        self.make_room(env, out);
    }
}
