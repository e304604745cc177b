//! The steps that all writes are made of: what is done before a shard is locked, while it is, and after.

use std::sync::Arc;
use std::time::Duration;

use super::shard::{Env, Home, Incoming, Outbox, Shard};
use super::slot::Extra;
use super::times::Times;
use super::{Guard, Table};
use crate::any_table::AnyTable;
use crate::clock::Moment;
use crate::event::{Change, ChangeKind, EntryOf, Event, Removal};
use crate::query::Query;

/// What is done to a locked shard where that is rare: by a pointer, so that what stands around it is compiled once.
pub(super) type Step<'a, Q> = &'a mut dyn FnMut(&mut Shard<Q>, &Env<'_>, &mut Outbox<Q>);

/// The same for one entry of it. Returns whether it did anything.
pub(super) type EntryStep<'a, Q> = &'a mut dyn FnMut(&mut Shard<Q>, u32, &Env<'_>, &mut Outbox<Q>) -> bool;

impl<Q: Query> Table<Q> {
    /// Lets go of what has expired, on behalf of a reader: the shard's upkeep is left to writers.
    pub(super) fn let_go(&self, place: usize, now: Moment, expire: Step<'_, Q>) {
        let mut out = Outbox::new();
        let env = self.env(now, 0);
        let mut shard = self.lines()[place].0.write();
        expire(&mut shard, &env, &mut out);
        shard.make_room(&env, &mut out);
        self.publish(&mut out);
        drop(shard);
        drop(out);
        self.core().events.drain();
    }

    /// Changes what is kept, not what is stored: no revision, no gate.
    pub(super) fn alter_shard(&self, place: usize, now: Moment, alter: Step<'_, Q>) {
        let mut out = Outbox::new();
        let env = self.env(now, 0);
        let mut shard = self.shard_at(place).write();
        shard.begin(&env, &mut out);
        alter(&mut shard, &env, &mut out);
        self.conclude(&mut out, shard, &env);
    }

    /// Ends a change of one shard: its upkeep, unlocking, and what has to wait for that. The outbox is the caller's, and
    /// older than the guard, so that a panic unlocks the shard before it drops the values.
    #[inline]
    pub(super) fn conclude(&self, out: &mut Outbox<Q>, mut shard: Guard<'_, Q>, env: &Env<'_>) {
        shard.finish(env, out);
        self.publish(out);
        drop(shard);
        self.core().log.note_single(self.name(), env.revision);
        self.settle(env);
        out.clear();
        self.core().events.drain();
    }

    /// Locks a shard for a write that a save must see whole or not at all.
    pub(super) fn lock_for_write(&self, place: usize) -> Guard<'_, Q> {
        loop {
            self.core().gate.pass();
            let shard = self.shard_at(place).write();
            if !self.core().gate.is_closed() {
                return shard;
            }
        }
    }

    /// Runs the weigher: foreign code, which is done with before any lock is taken.
    #[inline]
    pub(crate) fn incoming(
        &self,
        key: &Q,
        value: Arc<Q::Value>,
        times: Times,
        label: Option<&Arc<str>>,
        now: Moment,
    ) -> Incoming<Q::Value> {
        let weight = self.weigh(key, &value);
        let as_of = times.as_of.unwrap_or(now);
        let extra = self.extra(times.ttl, times.fresh, label, now);
        let home = Home::by_rules(weight, times.ttl.is_some(), self.rules());
        Incoming { value, weight, as_of, extra, home, is_invalidated: false, standing: None }
    }

    /// The bookkeeping that most values do without, if this one needs it.
    #[inline]
    pub(crate) fn extra(
        &self,
        ttl: Option<Duration>,
        fresh: Option<Duration>,
        label: Option<&Arc<str>>,
        used_at: Moment,
    ) -> Option<Box<Extra<Q::Value>>> {
        if ttl.is_none() && fresh.is_none() && !self.rules().wants_extras() {
            return None;
        }
        let label = label.filter(|_| self.rules().history > 0).cloned();
        Some(Box::new(Extra { ttl, fresh, label, ..Extra::new(used_at) }))
    }

    /// What an entry counts against the bound; nothing weighs 0.
    pub(crate) fn weigh(&self, key: &Q, value: &Q::Value) -> u32 {
        if self.rules().is_weighted() { key.weigh(value).max(1) } else { 1 }
    }

    pub(crate) fn now(&self) -> Moment {
        self.core().now()
    }

    /// The moment of a write. Precise if times begin with it.
    #[inline]
    pub(super) fn start_of(&self, times: &Times) -> Moment {
        match self.rules().has_times || times.ttl.is_some() || times.fresh.is_some() {
            true => self.core().precise_now(),
            false => self.core().now(),
        }
    }

    #[inline]
    pub(crate) fn env(&self, now: Moment, revision: u64) -> Env<'_> {
        self.head.env(now, revision)
    }

    /// A change of one key for the listeners, if there are any.
    pub(crate) fn change(&self, key: &Q, kind: ChangeKind, value: Option<&Arc<Q::Value>>) -> Vec<Change> {
        if !self.core().events.has_listeners() {
            return Vec::new();
        }
        let entry = Box::new(EntryOf { key: key.clone(), value: value.cloned() });
        vec![Change { table: self.name(), revision: None, kind, entry }]
    }

    /// What is told of the entries of a shard that are to be marked, if anybody listens.
    pub(crate) fn changes_of_marks(&self, shard: &Shard<Q>, is_told: impl Fn(&Q) -> bool) -> Vec<Change> {
        if !self.core().events.has_listeners() {
            return Vec::new();
        }
        let live =
            shard.numbers().filter_map(|number| shard.slot(number).filter(|slot| !slot.hold.is_dead()));
        let told = live.filter(|slot| is_told(&slot.key));
        told.flat_map(|slot| self.change(&slot.key, ChangeKind::Invalidated, None)).collect()
    }

    /// Queues what was displaced for the listeners, while the shard is locked, so that the queue has each key's events
    /// in their order.
    #[inline]
    pub(crate) fn publish(&self, out: &mut Outbox<Q>) {
        if self.core().events.has_listeners() {
            self.publish_all(out);
        }
    }

    fn publish_all(&self, out: &mut Outbox<Q>) {
        for displaced in out.displaced() {
            let Some(cause) = displaced.cause.take() else { continue };
            match (displaced.key.take(), displaced.hold.value()) {
                (Some(key), Some(value)) => {
                    let entry = Box::new(EntryOf { key, value: Some(value) });
                    self.core().events.push(Event::Removal(Removal { table: self.name(), cause, entry }));
                }
                // The key could not be cloned for the listeners.
                (None, Some(_)) => self.core().events.count_panic(),
                (_, None) => {}
            }
        }
    }

    /// Brings the table within its bound where one shard alone could not. To be called without locks.
    #[inline]
    pub(crate) fn settle(&self, env: &Env<'_>) {
        if env.ledger.is_over()
            && let Some(table) = self.used()
        {
            table.settle(env);
        }
    }
}
