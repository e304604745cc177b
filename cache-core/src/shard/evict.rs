//! Which entries of one shard stay resident: pins, admission, eviction, release.

use super::erased::{AnyPair, AnyPairs, Released};
use super::key::AnyKey;
use super::line_state::Membership;
use super::maintenance::VISITS;
use super::metadata::Metadata;
use super::{Incoming, OpContext, PinClaim, Placement, QueuePosition, ShardMut};
use crate::event::RemovalCause;
use crate::retention::Queue;
use crate::retention::recency::Oldest;
use crate::sync::atomic::AtomicU8;

/// Returns the pair that was displaced last.
fn last_of(displaced: &mut dyn AnyPairs) -> &mut dyn AnyPair {
    displaced.pair_mut(displaced.len() - 1)
}

impl ShardMut<'_> {
    /// Adds a claim on the key. Returns the number of its pin.
    pub(crate) fn pin(&mut self, key: &dyn AnyKey, hash: u32, context: &OpContext<'_>) -> u32 {
        let at = self.locate(hash, &|other| key.equals(other));
        let at = self.expire_at(at, context);
        if let Some(pin) = at.pin {
            self.metadata.pins.hold(pin);
            return pin;
        }
        let pin = self.metadata.pins.add(key.to_box(), hash);
        if let Some(number) = at.number
            && self.lines.upgrade(number)
        {
            self.keep_for_saves(number);
            self.leave(number, context);
            if let Some(state) = self.lines.state_mut(number) {
                state.membership = Membership::Pinned;
                state.aside = pin;
            }
        }
        pin
    }

    /// Releases one claim. The last one puts the entry under the table's rules again and returns the key of
    /// the pin, to be dropped without locks. Calls no foreign code except the drop of values.
    pub(crate) fn unpin(&mut self, claim: PinClaim, context: &OpContext<'_>) -> Option<Box<dyn AnyKey>> {
        let (hash, key) = self.metadata.pins.take_back(claim.pin)?;
        let pinned = self.find_aside(hash, Membership::Pinned, claim.pin);
        if let Some(number) = pinned {
            self.admit(number, context);
        }
        Some(key)
    }

    /// Returns the line of a hash that has this membership and `aside` number.
    pub(super) fn find_aside(&self, hash: u32, membership: Membership, aside: u32) -> Option<u32> {
        self.index.find(hash, |number| {
            let state = self.lines.state(number)?;
            (state.membership == membership && state.aside == aside).then_some(number)
        })
    }

    /// Places a pinned entry or a survivor by the rules of the table.
    pub(super) fn admit(&mut self, number: u32, context: &OpContext<'_>) {
        self.keep_for_saves(number);
        let metadata = &*self.metadata;
        let has_own_ttl = metadata.extras.get(number).is_some_and(|extra| extra.own.ttl.is_some());
        let placement = Placement::by_rules(metadata.records[number].weight, has_own_ttl, context.rules);
        let is_expired = metadata.deadline(number, context.rules).is_over(context.now);
        if placement.is_nowhere() || is_expired {
            // A pinned entry is released; a survivor stays one.
            let cause = if is_expired { RemovalCause::Expired } else { RemovalCause::Evicted };
            self.release(number, Membership::Released, cause, context);
            return;
        }
        if !self.lines.upgrade(number) {
            return;
        }
        self.leave(number, context);
        let Self { lines, metadata, .. } = self;
        let Some(state) = lines.state_mut(number) else { return };
        state.membership = placement.membership(|| Queue::Main);
        state.uses = AtomicU8::new(0);
        state.date(metadata.records[number].as_of, metadata.extras.get(number).is_some());
        metadata.set_timer(number, state, context.rules);
        metadata.enter(number, state, context);
    }

    /// Evicts the excess, then books what came and left in the ledger.
    #[inline]
    pub(crate) fn make_room(&mut self, context: &OpContext<'_>) {
        self.evict_excess(context);
        context.ledger.book(std::mem::take(&mut self.metadata.balance));
        // Another shard may have booked between the check and this booking.
        if context.ledger.is_over() {
            self.evict_excess(context);
            context.ledger.book(std::mem::take(&mut self.metadata.balance));
        }
    }

    /// Evicts as much as needed for a new entry to enter a queue. The new entry then takes the vacated line.
    #[inline]
    pub(crate) fn make_room_for(&mut self, hash: u32, incoming: &mut Incoming, context: &OpContext<'_>) {
        let weight = incoming.weight;
        let is_full = |metadata: &Metadata| context.ledger.is_over_with(metadata.balance + i64::from(weight));
        // Expired entries go first.
        if is_full(self.metadata) && self.metadata.deadlines.has_due(context.now) {
            self.expire_due(VISITS, context);
        }
        if !is_full(self.metadata) {
            return;
        }
        let queue = self.metadata.policy.place(hash);
        incoming.position = Some(QueuePosition { queue, uses: 0 });
        // Counted before it is inserted, since the comparison of the queues includes it.
        self.metadata.policy.reweigh(queue, 0, weight);
        while is_full(self.metadata) && self.evict_one(context) {}
        self.metadata.policy.reweigh(queue, weight, 0);
    }

    /// Does nothing for an exact order: the oldest entry may be in another shard.
    fn evict_excess(&mut self, context: &OpContext<'_>) {
        if context.recency.is_some() {
            return;
        }
        while context.ledger.is_over_with(self.metadata.balance) {
            if !self.evict_one(context) {
                break;
            }
        }
    }

    /// Evicts the oldest entry of the table, if it is still in the order.
    pub(crate) fn evict_oldest(&mut self, oldest: Oldest, context: &OpContext<'_>) {
        let Some(number) = self.find_aside(oldest.hash, Membership::Ordered, oldest.node) else { return };
        self.leave(number, context);
        self.release(number, Membership::Evicted, RemovalCause::Evicted, context);
        self.make_room(context);
    }

    /// Takes a line out of the list of its membership.
    pub(super) fn leave(&mut self, number: u32, context: &OpContext<'_>) {
        if let Some(state) = self.lines.state(number) {
            self.metadata.leave(number, state, context);
        }
    }

    /// Evicts the next victim of the policy. Skips entries of the commit that is being installed; returns
    /// `false` if there are no others.
    fn evict_one(&mut self, context: &OpContext<'_>) -> bool {
        let Some(number) = self.victim(context) else { return false };
        self.metadata.balance -= i64::from(self.metadata.records[number].weight);
        self.release(number, Membership::Evicted, RemovalCause::Evicted, context);
        true
    }

    /// Takes the next victim of the policy out of its queue, and remembers it as a ghost. Its weight is still
    /// counted. Skips entries of the commit that is being installed; returns `None` if there are no others.
    pub(super) fn victim(&mut self, context: &OpContext<'_>) -> Option<u32> {
        // The first entry skipped in each queue since the queue last changed. Reaching it again means that
        // the whole queue was seen.
        let mut spared = [None; 2];
        let mut is_exhausted = [false; 2];
        let Metadata { policy, records, .. } = &mut *self.metadata;
        loop {
            let (queue, number) = policy.candidate(is_exhausted)?;
            if context.revision != 0 && records[number].revision == context.revision {
                policy.requeue(queue, number, records);
                let at = usize::from(queue == Queue::Main);
                is_exhausted[at] = spared[at] == Some(number);
                spared[at].get_or_insert(number);
                continue;
            }
            let state = self.lines.state_mut(number)?;
            let uses = state.uses.get_mut();
            match queue {
                Queue::Small if *uses >= policy.promote_at() => {
                    *uses -= policy.promote_at();
                    state.membership = Membership::Main;
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
                    policy.remove(queue, number, records);
                    return Some(number);
                }
            }
        }
    }

    /// Releases an expired resident, unless it was renewed since the caller looked. Returns whether the line
    /// still has an entry.
    pub(crate) fn expire(&mut self, number: u32, context: &OpContext<'_>) -> bool {
        let Some(state) = self.lines.state(number) else { return false };
        let membership = state.membership;
        let may_go =
            state.may_expire(context.rules) && membership.is_resident() && membership != Membership::Pinned;
        if may_go && self.metadata.deadline(number, context.rules).is_over(context.now) {
            self.metadata.leave(number, state, context);
            return self.release(number, Membership::Released, RemovalCause::Expired, context);
        }
        true
    }

    /// Turns a resident that has left its list into a survivor, or takes it out if its value has no other
    /// handle. Returns whether the line still has an entry.
    fn release(
        &mut self,
        number: u32,
        membership: Membership,
        cause: RemovalCause,
        context: &OpContext<'_>,
    ) -> bool {
        let Some(state) = self.lines.state(number) else { return false };
        if !state.membership.is_resident() {
            return true;
        }
        self.keep_for_saves(number);
        match self.lines.release(number, true) {
            Released::Unshared => {
                self.vacate(number, Some(cause), context);
                false
            }
            Released::Weakened => {
                if context.has_listeners
                    && let Some(mut copy) = self.copy_for_listeners(number)
                {
                    // Another handle of the same value, so no drop here is the last.
                    last_of(self.lines.displaced()).swap(&mut *copy, true);
                }
                self.become_survivor(number, membership, cause, context);
                true
            }
        }
    }

    /// Adds a line to the survivors. It has left its list and has a weak handle now.
    pub(super) fn become_survivor(
        &mut self,
        number: u32,
        membership: Membership,
        cause: RemovalCause,
        context: &OpContext<'_>,
    ) {
        self.note_displaced(cause, context);
        let Self { lines, metadata, .. } = self;
        if let Some(state) = lines.state_mut(number) {
            state.membership = membership;
            state.uses = AtomicU8::new(0);
            metadata.enter(number, state, context);
        }
        let history = metadata.extras.get_mut(number).and_then(|extra| extra.drop_history());
        self.drop_later(history);
    }
}
