//! What of one shard stays resident: pins, admission, making room, letting go.

use super::cold::{Cold, Pin};
use super::home::Home;
use super::{Env, Outbox, Shard, find_entry, find_mut, spread};
use crate::event::Cause;
use crate::query::Query;
use crate::retention::Ticket;
use crate::retention::s3fifo::{PROMOTE_AT, Queue};
use crate::sync::atomic::AtomicU8;
use crate::table::slot::{Hold, Stay};

impl<Q: Query> Shard<Q> {
    pub(crate) fn pin(&mut self, key: &Q, hash: u32, env: &Env<'_>, out: &mut Outbox<Q>) {
        let place = self.locate(hash, |known| known == key);
        let place = self.meet(hash, place, env, out);
        let cold = self.cold.get_or_insert_with(Cold::new);
        match cold.pins.find_mut(spread(hash), |pin| pin.hash == hash && pin.key == *key) {
            Some(pin) => pin.holders += 1,
            None => {
                let pin = Pin { key: key.clone(), hash, holders: 1 };
                cold.pins.insert_unique(spread(hash), pin, |pin| spread(pin.hash));
            }
        }
        let Some(slot) = place.id.and_then(|id| find_mut(&mut self.slots, Ticket { hash, id })) else {
            return;
        };
        if slot.stay == Stay::Pinned {
            return;
        }
        let Some(value) = slot.hold.value() else { return };
        cold.leave(slot, false, env);
        slot.id = cold.fresh_id();
        slot.has_alarm = false;
        slot.stay = Stay::Pinned;
        // What is overwritten is a second handle of the same value, so that its drop is never the last.
        slot.hold = Hold::Resident(value);
        self.sweep_queues();
    }

    /// Takes back one claim on the key; the last one puts the entry under the table's rules again.
    pub(crate) fn unpin(&mut self, key: &Q, hash: u32, env: &Env<'_>, out: &mut Outbox<Q>) {
        let place = self.locate(hash, |known| known == key);
        let Some(cold) = &mut self.cold else { return };
        let Ok(mut pin) = cold.pins.find_entry(spread(hash), |pin| pin.hash == hash && pin.key == *key)
        else {
            return;
        };
        pin.get_mut().holders -= 1;
        if pin.get().holders > 0 {
            return;
        }
        pin.remove();
        let Some(ticket) = place.id.map(|id| Ticket { hash, id }) else { return };
        if self.by_ticket(ticket).is_some_and(|slot| slot.stay == Stay::Pinned) {
            self.admit(ticket, env, out);
        }
    }

    /// Places a pinned slot or a survivor anew by the rules of the table.
    pub(super) fn admit(&mut self, ticket: Ticket, env: &Env<'_>, out: &mut Outbox<Q>) {
        let Self { slots, cold: Some(cold), .. } = self else { return };
        let Some(slot) = find_mut(slots, ticket) else { return };
        let has_own_ttl = slot.extra.as_ref().is_some_and(|extra| extra.ttl.is_some());
        let target = Home::by_rules(slot.weight, has_own_ttl, env.rules);
        let is_expired = slot.is_expired(env.rules, env.now);
        if target.is_nowhere() || is_expired {
            // A pinned slot is let go of; a survivor stays one.
            let cause = if is_expired { Cause::Expired } else { Cause::Evicted };
            self.release(ticket, Stay::Released, cause, env, out);
            return;
        }
        let Some(value) = slot.hold.value() else { return };
        // The id is known to no list but that of the survivors, which passes over residents.
        slot.hold = Hold::Resident(value);
        slot.stay = target.stay(|| Queue::Main);
        slot.has_alarm = false;
        slot.uses = AtomicU8::new(0);
        cold.set_alarm(slot, env.rules);
        cold.enter(slot, env);
    }

    /// Tells the ledger what came and left, after pushing out what is too much.
    pub(crate) fn make_room(&mut self, env: &Env<'_>, out: &mut Outbox<Q>) {
        self.evict_excess(env, out);
        if let Some(cold) = &mut self.cold {
            env.ledger.book(std::mem::take(&mut cold.balance));
        }
        // Another shard may have come in between the look and the booking.
        if env.ledger.is_over() {
            self.evict_excess(env, out);
            if let Some(cold) = &mut self.cold {
                env.ledger.book(std::mem::take(&mut cold.balance));
            }
        }
    }

    pub(super) fn evict_excess(&mut self, env: &Env<'_>, out: &mut Outbox<Q>) {
        while self.cold.as_ref().is_some_and(|cold| env.ledger.is_over_with(cold.balance)) {
            if !self.evict_one(env, out) {
                break;
            }
        }
    }

    /// Pushes out the entry of this ticket, chosen by the order of the whole table.
    pub(crate) fn evict_ticket(&mut self, ticket: Ticket, env: &Env<'_>, out: &mut Outbox<Q>) {
        let Self { slots, cold: Some(cold), .. } = self else { return };
        let Some(slot) = find_mut(slots, ticket).filter(|slot| slot.stay == Stay::Ordered) else { return };
        cold.leave(slot, false, env);
        let _ = self.release(ticket, Stay::Evicted, Cause::Evicted, env, out);
        self.make_room(env, out);
    }

    /// Pushes out the entry that the policy likes least. Entries of the commit that is being installed are passed
    /// over; `false` if there are no others.
    pub(super) fn evict_one(&mut self, env: &Env<'_>, out: &mut Outbox<Q>) -> bool {
        // The first entry that was passed over in each queue since anything else was done to it: whoever meets it
        // again has seen the whole queue.
        let mut spared = [None; 2];
        let mut is_exhausted = [false; 2];
        loop {
            let Self { slots, cold: Some(cold), .. } = self else { return false };
            let Some((queue, ticket)) = cold.policy.next_candidate(is_exhausted) else { return false };
            let Some(mut found) = find_entry(slots, ticket) else { continue };
            let slot = found.get_mut();
            if slot.stay != queue.stay() {
                continue;
            }
            if env.revision != 0 && slot.revision == env.revision {
                cold.policy.requeue(queue, ticket);
                let at = usize::from(queue == Queue::Main);
                is_exhausted[at] = spared[at] == Some(ticket);
                spared[at].get_or_insert(ticket);
                continue;
            }
            let uses = slot.uses.get_mut();
            match queue {
                Queue::Small if *uses >= PROMOTE_AT => {
                    *uses = 0;
                    slot.stay = Stay::Main;
                    cold.policy.reweigh(Queue::Small, slot.weight, 0);
                    cold.policy.push(Queue::Main, ticket, slot.weight);
                    (spared, is_exhausted) = ([None; 2], [false; 2]);
                }
                Queue::Main if *uses > 0 => {
                    *uses -= 1;
                    cold.policy.requeue(queue, ticket);
                    spared[1] = None;
                }
                _ => {
                    if queue == Queue::Small {
                        cold.policy.remember(ticket.hash);
                    }
                    cold.leave(slot, false, env);
                    let _ = cold.let_go(found, Stay::Evicted, Cause::Evicted, env, out);
                    self.shrink();
                    return true;
                }
            }
        }
    }

    /// Lets go of a resident whose time is over, unless it was renewed since the caller looked. Returns the id of
    /// the slot, if there still is one.
    pub(crate) fn expire(&mut self, ticket: Ticket, env: &Env<'_>, out: &mut Outbox<Q>) -> Option<u32> {
        let Self { slots, cold: Some(cold), .. } = self else { return None };
        let slot = find_mut(slots, ticket)?;
        let may_go = slot.hold.is_resident() && slot.stay != Stay::Pinned;
        if may_go && slot.is_expired(env.rules, env.now) {
            cold.leave(slot, false, env);
            let id = self.release(ticket, Stay::Released, Cause::Expired, env, out);
            self.sweep_queues();
            return id;
        }
        Some(ticket.id)
    }

    /// Lets go of a resident that has left its list. Returns the id of the slot, if there still is one.
    pub(super) fn release(
        &mut self,
        ticket: Ticket,
        stay: Stay,
        cause: Cause,
        env: &Env<'_>,
        out: &mut Outbox<Q>,
    ) -> Option<u32> {
        let Self { slots, cold: Some(cold), .. } = self else { return None };
        let id = cold.let_go(find_entry(slots, ticket)?, stay, cause, env, out);
        self.shrink();
        id
    }
}
