//! What of one shard reads of residents do not touch: lists of tickets, pins, counters.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::OccupiedEntry;

use super::{Displaced, Env, Outbox};
use crate::clock::Moment;
use crate::event::Cause;
use crate::query::Query;
use crate::retention::deadline::Deadlines;
use crate::retention::s3fifo::S3Fifo;
use crate::retention::{Rules, Ticket};
use crate::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use crate::sync::switch_point;
use crate::table::slot::{Hold, Slot, Stay};

/// Survivors that may be read between two writes to their shard and be sure to be made resident by the second;
/// those beyond come back when a write visits them.
pub(super) const REVIVALS: usize = 16;

/// What reads of residents do not touch.
pub(super) struct Cold<Q: Query> {
    pub(super) next_id: u32,
    /// Weight that became resident less weight that ceased to be, since the ledger was told.
    pub(super) balance: i64,
    pub(super) policy: S3Fifo,
    pub(super) deadlines: Deadlines,
    /// Non-resident slots, next to be visited first. Only these can die.
    pub(super) survivors: VecDeque<Ticket>,
    pub(super) revived: Revivals,
    pub(super) pins: HashTable<Pin<Q>>,
    /// Highest revision of a slot that was reclaimed.
    pub(super) forgotten: u64,
    /// Removals by [`Cause`].
    pub(super) removals: [u64; Cause::COUNT],
}

pub(super) struct Pin<Q> {
    pub(super) key: Q,
    pub(super) hash: u32,
    pub(super) holders: usize,
}

/// Tickets of survivors that were read since the last write.
pub(super) struct Revivals {
    pub(super) len: AtomicUsize,
    pub(super) tickets: [AtomicU64; REVIVALS],
}

impl<Q: Query> Cold<Q> {
    pub(super) fn new() -> Box<Self> {
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
    pub(super) fn let_go(
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
        let key = env.key_for_listeners(&slot.key);
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

    pub(super) fn fresh_id(&mut self) -> u32 {
        self.next_id = self.next_id.wrapping_add(1);
        self.next_id
    }

    /// Puts a slot into the list of its stay.
    pub(super) fn enter(&mut self, slot: &Slot<Q>, env: &Env<'_>) {
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
    pub(super) fn stay_on(&mut self, slot: &Slot<Q>, env: &Env<'_>) {
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
    pub(super) fn leave(&mut self, slot: &mut Slot<Q>, comes_back: bool, env: &Env<'_>) {
        if slot.stay.is_counted() {
            self.balance -= i64::from(slot.weight);
        }
        self.policy.reweigh(slot.stay.queue(), slot.weight, 0);
        if let (Stay::Ordered, Some(recency), false) = (slot.stay, env.recency, comes_back) {
            recency.forget(slot.ticket());
        }
    }

    /// Has the slot looked at when its time is over, if it is one that can expire.
    pub(super) fn set_alarm(&mut self, slot: &mut Slot<Q>, rules: &Rules) {
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
    pub(super) fn new() -> Self {
        Self { len: AtomicUsize::new(0), tickets: [const { AtomicU64::new(0) }; REVIVALS] }
    }

    /// Called by readers under the shared lock.
    pub(super) fn push(&self, ticket: Ticket) {
        if self.len.load(Ordering::Relaxed) >= REVIVALS {
            return;
        }
        if let Some(place) = self.tickets.get(self.len.fetch_add(1, Ordering::Relaxed)) {
            place.store(ticket.pack(), Ordering::Relaxed);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len.load(Ordering::Relaxed) == 0
    }

    /// Called under the exclusive lock, when all pushes are over.
    pub(super) fn take(&mut self, mut each: impl FnMut(Ticket)) {
        let len = std::mem::take(self.len.get_mut()).min(REVIVALS);
        for ticket in &mut self.tickets[..len] {
            each(Ticket::unpack(*ticket.get_mut()));
        }
    }
}
