//! One shard: keys, entries, eviction order. Knows nothing of locks, clocks or listeners: time comes in, and what
//! it displaced goes out, to be dropped by the caller when no lock is held.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashTable;
use hashbrown::hash_table::OccupiedEntry;
use smallvec::SmallVec;

use super::slot::{Extra, Hold, Past, Slot, Stay};
use crate::Revision;
use crate::clock::Moment;
use crate::event::Cause;
use crate::options::Bound;
use crate::query::Query;
use crate::retention::deadline::Deadlines;
use crate::retention::ledger::Ledger;
use crate::retention::recency::Recency;
use crate::retention::s3fifo::{MAX_USES, PROMOTE_AT, Queue, S3Fifo};
use crate::retention::{Rules, Ticket};
use crate::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use crate::sync::switch_point;

/// Survivors, and expired residents, that one write looks at.
pub(crate) const VISITS: usize = 8;
/// Tickets that one write takes from the survivors at most, as a multiple of those that it visits.
const PASSED_OVER: usize = 8;
/// Survivors that may be read between two writes to their shard and be sure to be made resident by the second;
/// those beyond come back when a write visits them.
const REVIVALS: usize = 16;

/// Indexes smaller than this are never shrunk.
const SHRINK_ABOVE: usize = 512;

pub(crate) struct Shard<Q: Query> {
    slots: HashTable<Slot<Q>>,
    /// Made by the first write, so that an empty shard is one cache line.
    cold: Option<Box<Cold<Q>>>,
    /// Counted with plain loads and stores: the lock word beside them is written by each reader anyway.
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What reads of residents do not touch.
struct Cold<Q: Query> {
    next_id: u32,
    /// Weight that became resident less weight that ceased to be, since the ledger was told.
    balance: i64,
    policy: S3Fifo,
    deadlines: Deadlines,
    /// Non-resident slots, next to be visited first. Only these can die.
    survivors: VecDeque<Ticket>,
    revived: Revivals,
    pins: HashTable<Pin<Q>>,
    /// Highest revision of a slot that was reclaimed.
    forgotten: u64,
    /// Removals by [`Cause`].
    removals: [u64; Cause::COUNT],
}

struct Pin<Q> {
    key: Q,
    hash: u32,
    holders: usize,
}

/// Tickets of survivors that were read since the last write.
struct Revivals {
    len: AtomicUsize,
    tickets: [AtomicU64; REVIVALS],
}

/// What the shards of a table have in common, and the moment of the operation.
pub(crate) struct Env<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) ledger: &'a Ledger,
    pub(crate) recency: Option<&'a Recency>,
    /// Whether listeners want to know the keys of what was displaced.
    pub(crate) wants_keys: bool,
    pub(crate) now: Moment,
    /// Revision of the commit that is being installed, 0 without one. What it wrote is the last to be evicted.
    pub(crate) revision: u64,
}

/// A value on its way in.
pub(crate) struct Incoming<V: ?Sized> {
    pub(crate) value: Arc<V>,
    pub(crate) weight: u32,
    pub(crate) as_of: Moment,
    /// The moment of the write.
    pub(crate) now: Moment,
    pub(crate) page: Page,
    pub(crate) is_invalidated: bool,
    /// Where the policy had the entry when it was saved.
    pub(crate) standing: Option<Standing>,
}

/// The bookkeeping of one value that most values do without.
pub(crate) struct Page {
    pub(crate) ttl: Option<Duration>,
    pub(crate) fresh: Option<Duration>,
    pub(crate) label: Option<Arc<str>>,
    /// The moment of the last use: earlier than that of the write for what was saved.
    pub(crate) used_at: Moment,
}

impl Page {
    fn has_own_times(&self) -> bool {
        self.ttl.is_some() || self.fresh.is_some()
    }
}

/// Where the default policy has an entry, as it is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// 1 in the main queue, else 0.
    pub(crate) rank: u8,
    pub(crate) uses: u8,
}

/// Where a key is in its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) id: Option<u32>,
    pub(crate) is_pinned: bool,
}

/// What a reader saw under a key, to be compared later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A slot of this revision, its value alive or not.
    Revision(u64),
    /// No slot, in a shard that had forgotten revisions up to this one.
    Absent { forgotten: u64 },
}

/// What an operation pushed out of the shard.
pub(crate) struct Displaced<Q: Query> {
    pub(crate) key: Option<Q>,
    pub(crate) hold: Option<Hold<Q::Value>>,
    #[expect(dead_code, reason = "kept to be dropped outside the lock")]
    pub(crate) extra: Option<Box<Extra<Q::Value>>>,
    /// What listeners are told; nothing for a dead value.
    pub(crate) cause: Option<Cause>,
    pub(crate) is_published: bool,
}

pub(crate) type Outbox<Q> = SmallVec<[Displaced<Q>; 1]>;

impl<Q: Query> Shard<Q> {
    pub(crate) fn new() -> Self {
        Self { slots: HashTable::new(), cold: None, hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    // Reading

    #[inline]
    pub(crate) fn find(&self, hash: u32, mut is_key: impl FnMut(&Q) -> bool) -> Option<&Slot<Q>> {
        self.slots.find(spread(hash), |slot| slot.hash == hash && is_key(&slot.key))
    }

    pub(crate) fn locate(&self, hash: u32, mut is_key: impl FnMut(&Q) -> bool) -> Place {
        let is_pinned = self.cold.as_ref().is_some_and(|cold| {
            !cold.pins.is_empty()
                && cold.pins.find(spread(hash), |pin| pin.hash == hash && is_key(&pin.key)).is_some()
        });
        Place { id: self.find(hash, is_key).map(|slot| slot.id), is_pinned }
    }

    pub(crate) fn seen(&self, slot: Option<&Slot<Q>>) -> Seen {
        match slot {
            Some(slot) => Seen::Revision(slot.revision),
            None => Seen::Absent { forgotten: self.forgotten() },
        }
    }

    /// Whether no write can have happened to the key since it was `seen`.
    pub(crate) fn is_unchanged(&self, seen: Seen, hash: u32, is_key: impl FnMut(&Q) -> bool) -> bool {
        match (seen, self.find(hash, is_key)) {
            (Seen::Revision(seen), Some(slot)) => slot.revision == seen,
            (Seen::Revision(seen), None) => self.forgotten() <= seen,
            (Seen::Absent { .. }, Some(_)) => false,
            (Seen::Absent { forgotten }, None) => self.forgotten() == forgotten,
        }
    }

    /// Notes that a survivor was read, so that the next write makes it resident again.
    pub(crate) fn mark_survivor(&self, slot: &Slot<Q>) {
        if slot.stay != Stay::Evicted || slot.uses.swap(1, Ordering::Relaxed) != 0 {
            return;
        }
        if let Some(cold) = &self.cold {
            cold.revived.push(slot.ticket());
        }
    }

    #[inline]
    pub(crate) fn count_hit(&self) {
        self.hits.store(self.hits.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn count_miss(&self) {
        self.misses.store(self.misses.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    pub(crate) fn count_removal(&mut self, cause: Cause) {
        if let Some(cold) = &mut self.cold {
            cold.removals[cause as usize] += 1;
        }
    }

    pub(crate) fn removals(&self) -> [u64; Cause::COUNT] {
        self.cold.as_ref().map_or([0; Cause::COUNT], |cold| cold.removals)
    }

    pub(crate) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    pub(crate) fn misses(&self) -> u64 {
        self.misses.load(Ordering::Relaxed)
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot<Q>> {
        self.slots.iter()
    }

    pub(crate) fn slot_count(&self) -> usize {
        self.slots.len()
    }

    /// Entries whose value is alive. Visits the survivors.
    pub(crate) fn live_count(&self) -> usize {
        let Some(cold) = &self.cold else { return 0 };
        let dead = cold
            .survivors
            .iter()
            .filter(|&&ticket| self.by_ticket(ticket).is_some_and(|slot| slot.hold.is_dead()));
        self.slots.len() - dead.count()
    }

    pub(crate) fn pin_count(&self) -> usize {
        self.cold.as_ref().map_or(0, |cold| cold.pins.len())
    }

    /// Residents in the order in which the default policy would look at them.
    pub(crate) fn policy_order(&self) -> impl Iterator<Item = &Slot<Q>> {
        let tickets = self.cold.iter().flat_map(|cold| cold.policy.tickets());
        tickets.filter_map(|ticket| self.by_ticket(ticket))
    }

    pub(crate) fn by_ticket(&self, ticket: Ticket) -> Option<&Slot<Q>> {
        self.slots.find(spread(ticket.hash), |slot| slot.ticket() == ticket)
    }

    // Writing. None of these gives any other slot than the one it is told to another place, so that the places of
    // several keys can be found first; `finish` then does what is left.

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

    fn insert(
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

    fn replace(
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
        cold.survivors.clear();
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

    // Pins

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

    // Retention

    /// Places a pinned slot or a survivor anew by the rules of the table.
    fn admit(&mut self, ticket: Ticket, env: &Env<'_>, out: &mut Outbox<Q>) {
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

    fn evict_excess(&mut self, env: &Env<'_>, out: &mut Outbox<Q>) {
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
    fn evict_one(&mut self, env: &Env<'_>, out: &mut Outbox<Q>) -> bool {
        // The first entry that was passed over in each queue: whoever meets it again has seen the whole queue.
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
                }
                Queue::Main if *uses > 0 => {
                    *uses -= 1;
                    cold.policy.requeue(queue, ticket);
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
    fn release(
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

    // Upkeep

    /// Makes the survivors resident that were read since the last write.
    fn revive(&mut self, env: &Env<'_>, out: &mut Outbox<Q>) {
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
    fn visit_survivors(&mut self, count: usize, env: &Env<'_>, out: &mut Outbox<Q>) -> usize {
        let (mut reaped, mut visited) = (0, 0);
        let waiting = self.cold.as_ref().map_or(0, |cold| cold.survivors.len());
        // Tickets that were left behind do not count, within limits.
        for _ in 0..count.saturating_mul(PASSED_OVER).min(waiting) {
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

    fn sweep_deadlines(&mut self, env: &Env<'_>) {
        let Self { slots, cold: Some(cold), .. } = self else { return };
        if !cold.deadlines.is_bloated(slots.len()) {
            return;
        }
        cold.deadlines.clear();
        for slot in slots.iter_mut() {
            slot.has_alarm = false;
            cold.set_alarm(slot, env.rules);
        }
    }

    /// Takes a slot out, and out of whatever list it is in. The ledger is told.
    fn take(&mut self, ticket: Ticket, env: &Env<'_>) -> Option<Slot<Q>> {
        let (mut slot, _) = find_entry(&mut self.slots, ticket)?.remove();
        self.cold.as_mut()?.leave(&mut slot, false, env);
        self.sweep_queues();
        self.shrink();
        Some(slot)
    }

    /// Drops the tickets that removed slots left in the queues, once they are most of them.
    fn sweep_queues(&mut self) {
        let Self { slots, cold: Some(cold), .. } = self else { return };
        if cold.policy.is_bloated(slots.len()) {
            cold.policy
                .sweep(|queue, ticket| find_mut(slots, ticket).is_some_and(|slot| slot.stay == queue.stay()));
        }
    }

    /// Gives memory back when most of the index has become empty.
    fn shrink(&mut self) {
        let len = self.slots.len();
        if self.slots.capacity() > SHRINK_ABOVE && len < self.slots.capacity() / 8 {
            self.slots.shrink_to(len * 2, |slot| spread(slot.hash));
        }
    }

    fn forgotten(&self) -> u64 {
        self.cold.as_ref().map_or(0, |cold| cold.forgotten)
    }

    fn forget(&mut self, revision: u64) {
        if let Some(cold) = &mut self.cold {
            cold.forgotten = cold.forgotten.max(revision);
        }
    }

    fn readable_mut(&mut self, ticket: Ticket) -> Option<&mut Slot<Q>> {
        find_mut(&mut self.slots, ticket).filter(|slot| !slot.hold.is_dead())
    }
}

/// Where a write finds its entry a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
    Pinned,
    Queued,
    Ordered,
    Timed,
    /// Heavier than the whole bound.
    TooHeavy,
    /// The table keeps nothing.
    Nowhere,
}

impl Home {
    fn of<V: ?Sized>(incoming: &Incoming<V>, is_pinned: bool, rules: &Rules) -> Self {
        match is_pinned {
            true => Self::Pinned,
            false => Self::by_rules(incoming.weight, incoming.page.ttl.is_some(), rules),
        }
    }

    fn by_rules(weight: u32, has_own_ttl: bool, rules: &Rules) -> Self {
        match rules.bound {
            Some(_) if u64::from(weight) > rules.limit() => Self::TooHeavy,
            Some(Bound::Lru(_)) => Self::Ordered,
            Some(Bound::Capacity(_) | Bound::Weight(_)) => Self::Queued,
            None if rules.is_timed || has_own_ttl => Self::Timed,
            None => Self::Nowhere,
        }
    }

    fn is_nowhere(self) -> bool {
        matches!(self, Self::TooHeavy | Self::Nowhere)
    }

    fn stay(self, choose: impl FnOnce() -> Queue) -> Stay {
        match self {
            Self::Pinned => Stay::Pinned,
            Self::Queued => choose().stay(),
            Self::Ordered => Stay::Ordered,
            Self::Timed => Stay::Timed,
            Self::TooHeavy | Self::Nowhere => Stay::Released,
        }
    }

    /// Whether an entry that was kept in one way goes on being kept in the same.
    fn keeps(self, was: Stay) -> bool {
        match self {
            Self::Pinned => was == Stay::Pinned,
            Self::Queued => matches!(was, Stay::Small | Stay::Main),
            Self::Ordered => was == Stay::Ordered,
            Self::Timed => was == Stay::Timed,
            Self::TooHeavy | Self::Nowhere => was == Stay::Released,
        }
    }

    /// Tells listeners of an entry that was too heavy to be kept at all.
    fn report<Q: Query>(self, slot: &Slot<Q>, env: &Env<'_>, out: &mut Outbox<Q>) {
        if self != Self::TooHeavy {
            return;
        }
        let Hold::Survivor(value) = &slot.hold else { return };
        let key = env.wants_keys.then(|| slot.key.clone());
        let hold = Some(Hold::Survivor(value.clone()));
        out.push(Displaced { key, hold, extra: None, cause: Some(Cause::Evicted), is_published: false });
    }
}

impl Stay {
    fn hold<V: ?Sized>(self, value: Arc<V>) -> Hold<V> {
        match self {
            // The writer holds another handle, so that this drop is not the last.
            Self::Evicted | Self::Released => Hold::Survivor(Arc::downgrade(&value)),
            _ => Hold::Resident(value),
        }
    }

    fn queue(self) -> Queue {
        match self {
            Self::Small => Queue::Small,
            Self::Main => Queue::Main,
            _ => Queue::None,
        }
    }
}

impl Queue {
    fn stay(self) -> Stay {
        match self {
            Self::None => Stay::Released,
            Self::Small => Stay::Small,
            Self::Main => Stay::Main,
        }
    }
}

impl<Q: Query> Cold<Q> {
    fn new() -> Box<Self> {
        Box::new(Self {
            next_id: 0,
            balance: 0,
            policy: S3Fifo::default(),
            deadlines: Deadlines::default(),
            survivors: VecDeque::new(),
            revived: Revivals::new(),
            pins: HashTable::new(),
            forgotten: 0,
            removals: [0; Cause::COUNT],
        })
    }

    /// Turns a resident that has left its list into a survivor, or takes it out if nobody else can reach its
    /// value: `Arc::get_mut` proves that there is no other handle, weak ones included.
    #[inline]
    fn let_go(
        &mut self,
        mut found: OccupiedEntry<'_, Slot<Q>>,
        stay: Stay,
        cause: Cause,
        env: &Env<'_>,
        out: &mut Outbox<Q>,
    ) -> Option<u32> {
        let slot = found.get_mut();
        let Hold::Resident(value) = &mut slot.hold else { return Some(slot.id) };
        switch_point();
        if Arc::get_mut(value).is_some() {
            let (slot, _) = found.remove();
            self.forgotten = self.forgotten.max(slot.revision);
            out.push(slot.displace(Some(cause)));
            return None;
        }
        // Foreign code first: if it panics, the entry is still what it was.
        let key = env.wants_keys.then(|| slot.key.clone());
        let weak = Hold::Survivor(Arc::downgrade(value));
        let hold = std::mem::replace(&mut slot.hold, weak);
        slot.stay = stay;
        slot.id = self.fresh_id();
        slot.has_alarm = false;
        slot.uses = AtomicU8::new(0);
        let extra = slot.drop_history();
        self.survivors.push_back(slot.ticket());
        let id = slot.id;
        out.push(Displaced { key, hold: Some(hold), extra, cause: Some(cause), is_published: false });
        Some(id)
    }

    fn fresh_id(&mut self) -> u32 {
        self.next_id = self.next_id.wrapping_add(1);
        self.next_id
    }

    /// Puts a slot into the list of its stay.
    fn enter(&mut self, slot: &Slot<Q>, env: &Env<'_>) {
        if slot.stay.is_counted() {
            self.balance += i64::from(slot.weight);
        }
        match (slot.stay, env.recency) {
            (Stay::Small | Stay::Main, _) => self.policy.push(slot.stay.queue(), slot.ticket(), slot.weight),
            (Stay::Ordered, Some(recency)) => recency.admit(slot.ticket()),
            (Stay::Evicted | Stay::Released, _) => self.survivors.push_back(slot.ticket()),
            _ => {}
        }
    }

    /// Notes a write to a slot that stays where it is, after [`leave`](Self::leave) for that purpose.
    fn stay_on(&mut self, slot: &Slot<Q>, env: &Env<'_>) {
        if slot.stay.is_counted() {
            self.balance += i64::from(slot.weight);
        }
        slot.count_use();
        self.policy.reweigh(slot.stay.queue(), 0, slot.weight);
        if let (Stay::Ordered, Some(recency)) = (slot.stay, env.recency) {
            recency.admit(slot.ticket());
        }
    }

    /// Takes a slot out of the sums of its list. Its ticket there finds nothing once the slot's id has changed.
    fn leave(&mut self, slot: &mut Slot<Q>, comes_back: bool, env: &Env<'_>) {
        if slot.stay.is_counted() {
            self.balance -= i64::from(slot.weight);
        }
        self.policy.reweigh(slot.stay.queue(), slot.weight, 0);
        if let (Stay::Ordered, Some(recency), false) = (slot.stay, env.recency, comes_back) {
            recency.forget(slot.ticket());
        }
    }

    /// Has the slot looked at when its time is over, if it is one that can expire.
    fn set_alarm(&mut self, slot: &mut Slot<Q>, rules: &Rules) {
        if slot.has_alarm || slot.stay == Stay::Pinned || !slot.hold.is_resident() {
            return;
        }
        let deadline = slot.deadline(rules);
        if deadline != Moment::NEVER {
            slot.has_alarm = true;
            self.deadlines.push(deadline, slot.ticket());
        }
    }
}

impl Revivals {
    fn new() -> Self {
        Self { len: AtomicUsize::new(0), tickets: [const { AtomicU64::new(0) }; REVIVALS] }
    }

    /// Called by readers under the shared lock.
    fn push(&self, ticket: Ticket) {
        if self.len.load(Ordering::Relaxed) >= REVIVALS {
            return;
        }
        if let Some(place) = self.tickets.get(self.len.fetch_add(1, Ordering::Relaxed)) {
            place.store(ticket.pack(), Ordering::Relaxed);
        }
    }

    fn is_empty(&self) -> bool {
        self.len.load(Ordering::Relaxed) == 0
    }

    /// Called under the exclusive lock, when all pushes are over.
    fn take(&mut self, mut each: impl FnMut(Ticket)) {
        let len = std::mem::take(self.len.get_mut()).min(REVIVALS);
        for ticket in &mut self.tickets[..len] {
            each(Ticket::unpack(*ticket.get_mut()));
        }
    }
}

impl<Q: Query> Slot<Q> {
    fn displace(self, cause: Option<Cause>) -> Displaced<Q> {
        Displaced {
            key: Some(self.key),
            hold: Some(self.hold),
            extra: self.extra,
            cause,
            is_published: false,
        }
    }

    #[inline]
    fn take_extras(&mut self, page: Page, env: &Env<'_>) {
        if page.has_own_times() || env.rules.wants_extras() {
            let extra = self.extra_mut(page.used_at);
            extra.ttl = page.ttl;
            extra.fresh = page.fresh;
            extra.label = page.label.filter(|_| env.rules.history > 0);
        }
    }

    /// Starts the bookkeeping of a new value, with the old one in the history if the table keeps one. Returns the
    /// old bookkeeping.
    fn turn_page(
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
    fn drop_history(&mut self) -> Option<Box<Extra<Q::Value>>> {
        let extra = self.extra.as_mut().filter(|extra| !extra.history.is_empty())?;
        let mut gone = Box::new(Extra::new(Moment::ORIGIN));
        gone.history = std::mem::take(&mut extra.history);
        Some(gone)
    }
}

fn find_mut<Q: Query>(slots: &mut HashTable<Slot<Q>>, ticket: Ticket) -> Option<&mut Slot<Q>> {
    slots.find_mut(spread(ticket.hash), |slot| slot.ticket() == ticket)
}

fn find_entry<Q: Query>(
    slots: &mut HashTable<Slot<Q>>,
    ticket: Ticket,
) -> Option<OccupiedEntry<'_, Slot<Q>>> {
    slots.find_entry(spread(ticket.hash), |slot| slot.ticket() == ticket).ok()
}

/// Hash for the index: the stored half spread over 64 bits (Fibonacci hashing), since the index takes its place
/// from the low bits and its tag from the high ones.
#[inline]
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
