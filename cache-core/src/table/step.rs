//! The steps that all writes are made of: what is done before a shard is locked, while it is, and after.

use std::sync::Arc;

use super::shard::{Env, Incoming, Outbox, Page, Shard};
use super::slot::Hold;
use super::times::Times;
use super::{Guard, Table};
use crate::clock::Moment;
use crate::event::{Change, ChangeKind, EntryOf, Event, Removal};
use crate::query::Query;
use crate::retention::recency::Recency;
use crate::sync::atomic::Ordering;

impl<Q: Query> Table<Q> {
    /// Lets go of what has expired, on behalf of a reader: the shard's upkeep is left to writers.
    pub(super) fn let_go(
        &self,
        place: usize,
        now: Moment,
        expire: impl FnOnce(&mut Shard<Q>, &Env<'_>, &mut Outbox<Q>),
    ) {
        let mut out = Outbox::new();
        let env = self.env(now, 0);
        let mut shard = self.made()[place].0.write();
        expire(&mut shard, &env, &mut out);
        shard.make_room(&env, &mut out);
        self.publish(&mut shard, &mut out);
        drop(shard);
        drop(out);
        self.core.events.drain();
    }

    /// Changes what is kept, not what is stored: no revision, no gate.
    pub(super) fn alter_shard<T>(
        &self,
        place: usize,
        now: Moment,
        alter: impl FnOnce(&mut Shard<Q>, &Env<'_>, &mut Outbox<Q>) -> T,
    ) -> T {
        let mut out = Outbox::new();
        let env = self.env(now, 0);
        let mut shard = self.made()[place].0.write();
        shard.begin(&env, &mut out);
        let result = alter(&mut shard, &env, &mut out);
        self.conclude(out, shard, &env);
        result
    }

    /// Ends a change of one shard: its upkeep, unlocking, and what has to wait for that. Takes the outbox first, so
    /// that a panic unlocks the shard before it drops the values.
    #[inline]
    pub(super) fn conclude(&self, mut out: Outbox<Q>, mut shard: Guard<'_, Q>, env: &Env<'_>) {
        shard.finish(env, &mut out);
        self.publish(&mut shard, &mut out);
        drop(shard);
        self.core.log.note_single(self.name, env.revision);
        self.settle(env);
        drop(out);
        self.core.events.drain();
    }

    /// Locks a shard for a write that a save must see whole or not at all.
    pub(super) fn lock_for_write(&self, place: usize) -> Guard<'_, Q> {
        loop {
            self.core.gate.pass();
            let shard = self.made()[place].0.write();
            if !self.core.gate.is_closed() {
                return shard;
            }
        }
    }

    /// Runs the weigher, reads the clock: foreign code, which is done with before any lock is taken.
    pub(crate) fn incoming(
        &self,
        key: &Q,
        value: Arc<Q::Value>,
        times: Times,
        label: Option<Arc<str>>,
    ) -> Incoming<Q::Value> {
        let weight = self.weigh(key, &value);
        let now = self.core.now();
        Incoming {
            value,
            weight,
            as_of: times.as_of.unwrap_or(now),
            now,
            page: Page { ttl: times.ttl, fresh: times.fresh, label, used_at: now },
            is_invalidated: false,
            standing: None,
        }
    }

    /// What an entry counts against the bound; nothing weighs 0.
    pub(crate) fn weigh(&self, key: &Q, value: &Q::Value) -> u32 {
        if self.rules.is_weighted() { key.weigh(value).max(1) } else { 1 }
    }

    pub(crate) fn now(&self) -> Moment {
        self.core.now()
    }

    pub(crate) fn env(&self, now: Moment, revision: u64) -> Env<'_> {
        Env {
            rules: &self.rules,
            ledger: &self.ledger,
            recency: self.recency.as_deref(),
            wants_keys: self.core.events.has_listeners(),
            now,
            revision,
        }
    }

    /// A change of one key for the listeners, if there are any.
    pub(crate) fn change(&self, key: &Q, kind: ChangeKind, value: Option<&Arc<Q::Value>>) -> Vec<Change> {
        if !self.core.events.has_listeners() {
            return Vec::new();
        }
        let entry = Box::new(EntryOf { key: key.clone(), value: value.cloned() });
        vec![Change { table: self.name, revision: None, kind, entry }]
    }

    /// Counts what was displaced and queues it for the listeners, while the shard is locked, so that the queue has
    /// each key's events in their order.
    pub(crate) fn publish(&self, shard: &mut Shard<Q>, out: &mut Outbox<Q>) {
        for displaced in out.iter_mut().filter(|displaced| !displaced.is_published) {
            displaced.is_published = true;
            let Some(cause) = displaced.cause else { continue };
            shard.count_removal(cause);
            if !self.core.events.has_listeners() {
                continue;
            }
            let value = displaced.hold.as_ref().and_then(Hold::value);
            match (displaced.key.take(), value) {
                (Some(key), Some(value)) => {
                    let entry = Box::new(EntryOf { key, value: Some(value) });
                    self.core.events.push(Event::Removal(Removal { table: self.name, cause, entry }));
                }
                // The key could not be cloned for the listeners.
                (None, Some(_)) => self.core.events.count_panic(),
                (_, None) => {}
            }
        }
    }

    /// Brings the table within its bound where one shard alone could not. To be called without locks.
    #[inline]
    pub(crate) fn settle(&self, env: &Env<'_>) {
        if self.ledger.is_over() {
            self.settle_excess(env);
        }
    }

    pub(super) fn settle_excess(&self, env: &Env<'_>) {
        match &self.recency {
            Some(recency) => self.settle_by_order(recency, env),
            None => self.settle_by_shards(env),
        }
    }

    pub(super) fn settle_by_order(&self, recency: &Recency, env: &Env<'_>) {
        while self.ledger.is_over() {
            let Some(ticket) = recency.pop_oldest() else { return };
            let mut out = Outbox::new();
            let mut shard = self.made()[self.place_of(ticket.hash)].0.write();
            shard.evict_ticket(ticket, env, &mut out);
            self.publish(&mut shard, &mut out);
        }
    }

    #[cold]
    pub(super) fn settle_by_shards(&self, env: &Env<'_>) {
        // First without touching what the commit itself wrote; if it wrote more than the table holds, with it.
        for revision in [env.revision, 0] {
            for _ in 0..self.shard_count {
                if !self.ledger.is_over() {
                    return;
                }
                let place = self.next_victim.fetch_add(1, Ordering::Relaxed) % self.shard_count;
                let mut out = Outbox::new();
                let mut shard = self.made()[place].0.write();
                shard.make_room(&self.env(env.now, revision), &mut out);
                self.publish(&mut shard, &mut out);
            }
        }
    }
}
