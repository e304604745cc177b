//! What of one shard stays resident: pins, admission, making room, letting go.

use std::sync::Arc;

use super::cold::Cold;
use super::home::Home;
use super::upkeep::VISITS;
use super::{Claim, Env, Incoming, Outbox, Shard, Standing};
use crate::event::Cause;
use crate::query::Query;
use crate::retention::Queue;
use crate::retention::recency::Oldest;
use crate::sync::atomic::AtomicU8;
use crate::sync::switch_point;
use crate::table::slot::{Hold, Stay};

impl<Q: Query> Shard<Q> {
    /// Adds a claim on the key. Returns the number of its pin.
    pub(crate) fn pin(&mut self, key: &Q, hash: u32, env: &Env<'_>, out: &mut Outbox<Q>) -> u32 {
        let place = self.locate(hash, key);
        let place = self.meet(place, env, out);
        let cold = self.cold.get_or_insert_with(Cold::new);
        if let Some(pin) = place.pin {
            cold.pins.hold(pin);
            return pin;
        }
        let pin = cold.pins.add(key, hash);
        if let Some(number) = place.number
            && let Some((slot, cold)) = self.parts(number)
            && let Some(value) = slot.hold.value()
        {
            cold.leave(number, slot, env);
            slot.stay = Stay::Pinned;
            slot.aside = pin;
            // What is overwritten is a second handle of the same value, so that its drop is never the last.
            slot.hold = Hold::Resident(value);
        }
        pin
    }

    /// Takes back one claim; the last one puts the entry under the table's rules again. Returns the key of the pin then,
    /// to be dropped without locks. Calls no foreign code but that of dropped values.
    pub(crate) fn unpin(&mut self, claim: Claim, env: &Env<'_>, out: &mut Outbox<Q>) -> Option<Q> {
        let (hash, key) = self.cold.as_mut()?.pins.take_back(claim.pin)?;
        let pinned = self.index.find(hash, |number| {
            let slot = self.slot(number)?;
            (slot.stay == Stay::Pinned && slot.aside == claim.pin).then_some(number)
        });
        if let Some(number) = pinned {
            self.admit(number, env, out);
        }
        Some(key)
    }

    /// Places a pinned slot or a survivor anew by the rules of the table.
    pub(super) fn admit(&mut self, number: u32, env: &Env<'_>, out: &mut Outbox<Q>) {
        let Some((slot, cold)) = self.parts(number) else { return };
        let has_own_ttl = cold.extras.get(number).is_some_and(|extra| extra.ttl.is_some());
        let target = Home::by_rules(cold.records[number].weight, has_own_ttl, env.rules);
        let is_expired = cold.deadline(number, env.rules).is_over(env.now);
        if target.is_nowhere() || is_expired {
            // A pinned slot is let go of; a survivor stays one.
            let cause = if is_expired { Cause::Expired } else { Cause::Evicted };
            self.let_go(number, Stay::Released, cause, env, out);
            return;
        }
        let Some(value) = slot.hold.value() else { return };
        cold.leave(number, slot, env);
        slot.hold = Hold::Resident(value);
        slot.stay = target.stay(|| Queue::Main);
        slot.uses = AtomicU8::new(0);
        slot.date(cold.records[number].as_of, cold.extras.get(number).is_some());
        cold.set_alarm(number, slot, env.rules);
        cold.enter(number, slot, env);
    }

    /// Tells the ledger what came and left, after pushing out what is too much.
    #[inline]
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

    /// Pushes out what has to leave so that a new entry may enter a queue. Its slot is then the one that was left.
    #[inline]
    pub(crate) fn make_room_for(
        &mut self,
        hash: u32,
        incoming: &mut Incoming<Q::Value>,
        env: &Env<'_>,
        out: &mut Outbox<Q>,
    ) {
        let weight = incoming.weight;
        let is_full = |cold: &Cold<Q>| env.ledger.is_over_with(cold.balance + i64::from(weight));
        // Those whose time is over go first.
        if self.cold.as_ref().is_some_and(|cold| is_full(cold) && cold.deadlines.has_due(env.now)) {
            self.expire_due(VISITS, env, out);
        }
        let Some(cold) = self.cold.as_mut().filter(|cold| is_full(cold)) else { return };
        let queue = cold.policy.place(hash);
        incoming.standing = Some(Standing { queue, uses: 0 });
        // Counted before it is there, since the queues are weighed against one another with it.
        cold.policy.reweigh(queue, 0, weight);
        while self.cold.as_ref().is_some_and(|cold| is_full(cold)) && self.evict_one(env, out) {}
        if let Some(cold) = &mut self.cold {
            cold.policy.reweigh(queue, weight, 0);
        }
    }

    /// Leaves what is in an exact order alone: the oldest entry may be in another shard.
    fn evict_excess(&mut self, env: &Env<'_>, out: &mut Outbox<Q>) {
        if env.recency.is_some() {
            return;
        }
        while self.cold.as_ref().is_some_and(|cold| env.ledger.is_over_with(cold.balance)) {
            if !self.evict_one(env, out) {
                break;
            }
        }
    }

    /// Pushes out the entry that was found to be the oldest of the table, if it is still in the order.
    pub(crate) fn evict_oldest(&mut self, oldest: Oldest, env: &Env<'_>, out: &mut Outbox<Q>) {
        let found = self.index.find(oldest.hash, |number| {
            let slot = self.slot(number)?;
            (slot.stay == Stay::Ordered && slot.aside == oldest.node).then_some(number)
        });
        let Some(number) = found else { return };
        let Some((slot, cold)) = self.parts(number) else { return };
        cold.leave(number, slot, env);
        self.let_go(number, Stay::Evicted, Cause::Evicted, env, out);
        self.make_room(env, out);
    }

    /// Pushes out the entry that the policy likes least. Entries of the commit that is being installed are passed
    /// over; `false` if there are no others.
    fn evict_one(&mut self, env: &Env<'_>, out: &mut Outbox<Q>) -> bool {
        // The first entry that was passed over in each queue since anything else was done to it: whoever meets it
        // again has seen the whole queue.
        let mut spared = [None; 2];
        let mut is_exhausted = [false; 2];
        loop {
            let Self { slots, cold: Some(cold), .. } = self else { return false };
            let Cold { policy, records, .. } = &mut **cold;
            let Some((queue, number)) = policy.candidate(is_exhausted) else { return false };
            let Some(slot) = &mut slots[number as usize] else { return false };
            if env.revision != 0 && records[number].revision == env.revision {
                policy.requeue(queue, number, records);
                let at = usize::from(queue == Queue::Main);
                is_exhausted[at] = spared[at] == Some(number);
                spared[at].get_or_insert(number);
                continue;
            }
            let uses = slot.uses.get_mut();
            match queue {
                Queue::Small if *uses >= policy.promote_at() => {
                    *uses -= policy.promote_at();
                    slot.stay = Stay::Main;
                    policy.remove(Queue::Small, number, records);
                    policy.push(Queue::Main, number, records);
                    (spared, is_exhausted) = ([None; 2], [false; 2]);
                }
                Queue::Main if *uses > 0 => {
                    *uses -= 1;
                    policy.requeue(queue, number, records);
                    spared[1] = None;
                }
                _ => {
                    policy.remember(queue, records[number].hash);
                    cold.leave(number, slot, env);
                    self.let_go(number, Stay::Evicted, Cause::Evicted, env, out);
                    return true;
                }
            }
        }
    }

    /// Lets go of a resident whose time is over, unless it was renewed since the caller looked. Returns whether there
    /// is still an entry in the slot.
    pub(crate) fn expire(&mut self, number: u32, env: &Env<'_>, out: &mut Outbox<Q>) -> bool {
        let Some((slot, cold)) = self.parts(number) else { return false };
        let may_go = slot.may_expire(env.rules) && slot.hold.is_resident() && slot.stay != Stay::Pinned;
        if may_go && cold.deadline(number, env.rules).is_over(env.now) {
            cold.leave(number, slot, env);
            return self.let_go(number, Stay::Released, Cause::Expired, env, out);
        }
        true
    }

    /// Turns a resident that has left its list into a survivor, or takes it out if nobody else can reach its
    /// value: `Arc::get_mut` proves that there is no other handle, weak ones included. Returns whether there is still
    /// an entry in the slot.
    fn let_go(&mut self, number: u32, stay: Stay, cause: Cause, env: &Env<'_>, out: &mut Outbox<Q>) -> bool {
        let Some((slot, cold)) = self.parts(number) else { return false };
        let Hold::Resident(value) = &mut slot.hold else { return true };
        switch_point();
        if Arc::get_mut(value).is_some() {
            self.vacate(number, Some(cause), env, out);
            return false;
        }
        let weak = Hold::Survivor(Arc::downgrade(value));
        let hold = std::mem::replace(&mut slot.hold, weak);
        slot.stay = stay;
        slot.uses = AtomicU8::new(0);
        let extra = cold.extras.get_mut(number).and_then(|extra| extra.drop_history());
        cold.enter(number, slot, env);
        cold.put_out_copy(&slot.key, hold, extra, cause, env, out);
        true
    }
}
