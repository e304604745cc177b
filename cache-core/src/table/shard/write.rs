//! Writes to one shard. None of these gives any other slot than the one it is told to another entry, so that the
//! places of several keys can be found first; `finish` then does what is left.

use std::sync::Arc;

use super::cold::Cold;
use super::home::Home;
use super::index::Index;
use super::upkeep::VISITS;
use super::{Env, Incoming, Outbox, Place, Shard, Standing};
use crate::Revision;
use crate::clock::Moment;
use crate::event::Cause;
use crate::query::Query;
use crate::retention::Queue;
use crate::retention::list::{Link, List, NONE};
use crate::retention::records::{Record, Records, grow};
use crate::retention::s3fifo::{MAX_USES, S3Fifo};
use crate::sync::atomic::AtomicU8;
use crate::table::slot::{Extra, Hold, Past, Slot};

impl<Q: Query> Shard<Q> {
    /// What each write does for its shard first: makes the survivors resident that were read since the last one, so
    /// that they count as used before what is written now.
    #[inline]
    pub(crate) fn begin(&mut self, env: &Env<'_>, out: &mut Outbox<Q>) {
        if self.cold.as_ref().is_some_and(|cold| !cold.revived.is_empty()) {
            self.revive(env, out);
        }
    }

    /// Lets go of the entry at `place` if its time is over, as whoever meets it does. Returns where it is then.
    #[inline]
    pub(crate) fn meet(&mut self, place: Place, env: &Env<'_>, out: &mut Outbox<Q>) -> Place {
        match place.number {
            Some(number) if self.slot(number).is_some_and(|slot| slot.may_expire(env.rules)) => {
                Place { number: self.expire(number, env, out).then_some(number), ..place }
            }
            _ => place,
        }
    }

    /// Puts a value under a key that [`locate`](Self::locate) has found to be at `place`. Returns the number of its slot.
    #[inline]
    pub(crate) fn write(
        &mut self,
        key: Q,
        hash: u32,
        place: Place,
        incoming: Incoming<Q::Value>,
        env: &Env<'_>,
        out: &mut Outbox<Q>,
    ) -> u32 {
        let target = place.pin.map_or(incoming.home, Home::Pinned);
        match place.number {
            Some(number) => {
                self.replace(key, number, incoming, target, env, out);
                number
            }
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
    ) -> u32 {
        let cold = self.cold.get_or_insert_with(Cold::new);
        let stay = target.stay(|| match incoming.standing {
            Some(standing) => standing.queue,
            None => cold.policy.place(hash),
        });
        let number = cold.records.occupy(Record {
            link: Link::LOOSE,
            hash,
            weight: incoming.weight,
            revision: env.revision,
            as_of: incoming.as_of,
        });
        let has_times = incoming.extra.is_some();
        cold.extras.put(number, incoming.extra);
        if number as usize == self.slots.len() {
            grow(&mut self.slots);
            self.slots.push(None);
        }
        let vacant = &mut self.slots[number as usize];
        // Said so that the entry is written where it is to be, instead of being made elsewhere and copied.
        if vacant.is_none() {
            *vacant = Some(Slot {
                hold: stay.hold(incoming.value),
                aside: NONE,
                stay,
                uses: incoming.standing.map_or(AtomicU8::new(0), Standing::uses),
                is_invalidated: incoming.is_invalidated,
                has_alarm: false,
                key,
            });
        }
        self.index.insert(number, &cold.records);
        if let Some((slot, cold)) = self.parts(number) {
            if let Home::Pinned(pin) = target {
                slot.aside = pin;
            }
            slot.date(incoming.as_of, has_times);
            cold.set_alarm(number, slot, env.rules);
            cold.enter(number, slot, env);
            if target == Home::TooHeavy {
                cold.report_too_heavy(slot, env, out);
            }
        }
        number
    }

    fn replace(
        &mut self,
        key: Q,
        number: u32,
        incoming: Incoming<Q::Value>,
        target: Home,
        env: &Env<'_>,
        out: &mut Outbox<Q>,
    ) {
        let Some((slot, cold)) = self.parts(number) else { return };
        let old_deadline = cold.deadline(number, env.rules);
        let stays = target.keeps(slot.stay) && incoming.standing.is_none();
        if !stays {
            cold.leave(number, slot, env);
            slot.stay = target.stay(|| incoming.standing.map_or(Queue::Main, |standing| standing.queue));
        }
        if let Some(standing) = incoming.standing {
            slot.uses = standing.uses();
        }
        if let Home::Pinned(pin) = target {
            slot.aside = pin;
        }
        slot.is_invalidated = incoming.is_invalidated;
        let old_hold = std::mem::replace(&mut slot.hold, slot.stay.hold(incoming.value));
        let record = &mut cold.records[number];
        record.as_of = incoming.as_of;
        slot.date(incoming.as_of, incoming.extra.is_some());
        let old_revision = std::mem::replace(&mut record.revision, env.revision);
        let mut old_extra = cold.extras.take(number);
        cold.extras.put(number, incoming.extra);
        if slot.hold.is_resident()
            && let (Some(extra), Some(old)) = (cold.extras.get_mut(number), &mut old_extra)
        {
            extra.keep_past(&old_hold, old_revision, old, env.rules.history as usize);
        }
        match stays {
            true => cold.stay_on(number, slot, incoming.weight, env),
            false => {
                cold.records[number].weight = incoming.weight;
                cold.enter(number, slot, env);
            }
        }
        cold.move_alarm(number, slot, old_deadline, env.rules);
        let cause = (!old_hold.is_dead()).then_some(Cause::Replaced);
        cold.put_out(key, old_hold, old_extra, cause, env, out);
        if target == Home::TooHeavy {
            cold.report_too_heavy(slot, env, out);
        }
    }

    /// Takes the key out, value and history with it. Returns whether it was readable.
    pub(crate) fn remove(&mut self, place: Place, env: &Env<'_>, out: &mut Outbox<Q>) -> bool {
        let cold = self.cold.get_or_insert_with(Cold::new);
        cold.forgotten = cold.forgotten.max(env.revision);
        let Some(number) = place.number else { return false };
        let is_readable = self.readable(number).is_some();
        self.take(number, is_readable.then_some(Cause::Removed), env, out);
        is_readable
    }

    /// Takes everything out, of a shard whose table forgets its exact order as well. Pins keep their claim on their
    /// keys.
    pub(crate) fn clear(&mut self, env: &Env<'_>, out: &mut Outbox<Q>) {
        let slots = std::mem::take(&mut self.slots);
        self.index = Index::default();
        let cold = self.cold.get_or_insert_with(Cold::new);
        cold.forgotten = cold.forgotten.max(env.revision);
        for (number, slot) in (0..).zip(slots) {
            let Some(slot) = slot else { continue };
            if slot.stay.is_counted() {
                cold.balance -= i64::from(cold.records[number].weight);
            }
            let cause = (!slot.hold.is_dead()).then_some(Cause::Cleared);
            let extra = cold.extras.take(number);
            cold.put_out(slot.key, slot.hold, extra, cause, env, out);
        }
        cold.records = Records::default();
        cold.extras.clear();
        cold.policy = S3Fifo::default();
        cold.deadlines.clear();
        cold.survivors = List::default();
        cold.revived.take(|_| {});
        cold.tags = None;
    }

    /// Renews the times of an entry and clears its mark. A survivor becomes resident again, if the table keeps
    /// anything. Returns whether there was a readable entry.
    pub(crate) fn touch(&mut self, number: u32, env: &Env<'_>, out: &mut Outbox<Q>) -> bool {
        self.touch_as_of(number, env.now, env, out)
    }

    /// [`touch`](Self::touch) of an entry that was found to be true at another moment than now.
    pub(crate) fn touch_as_of(
        &mut self,
        number: u32,
        as_of: Moment,
        env: &Env<'_>,
        out: &mut Outbox<Q>,
    ) -> bool {
        let Some((slot, cold)) = self.readable(number) else { return false };
        let old_deadline = cold.deadline(number, env.rules);
        cold.records[number].as_of = as_of;
        let extra = cold.extras.get(number);
        if let Some(extra) = extra {
            extra.renew_idle(env.now);
        }
        slot.date(as_of, extra.is_some());
        slot.is_invalidated = false;
        slot.count_use();
        cold.promote(slot, env);
        cold.move_alarm(number, slot, old_deadline, env.rules);
        if !slot.hold.is_resident() {
            self.admit(number, env, out);
        }
        true
    }

    /// Marks an entry. Returns whether there was a readable one.
    pub(crate) fn invalidate(&mut self, number: u32) -> bool {
        self.readable(number).map(|(slot, _)| slot.is_invalidated = true).is_some()
    }

    /// Marks all readable entries.
    pub(crate) fn invalidate_all(&mut self) {
        for number in self.numbers() {
            self.invalidate(number);
        }
    }

    /// What each write does for its shard once its values are in: looks at a few survivors and at a few residents
    /// whose time may be over, and brings the table within its bound as far as this shard can. The rest is left to
    /// the table.
    #[inline]
    pub(crate) fn finish(&mut self, env: &Env<'_>, out: &mut Outbox<Q>) {
        let Some(cold) = &mut self.cold else { return };
        if !cold.survivors.is_empty() || !cold.deadlines.is_empty() {
            self.visit_survivors(VISITS, env, out);
            self.expire_due(VISITS, env, out);
        }
        if self.cold.as_ref().is_some_and(|cold| cold.balance != 0) {
            self.make_room(env, out);
        }
        self.shrink(env);
    }
}

impl Standing {
    fn uses(self) -> AtomicU8 {
        AtomicU8::new(self.uses.min(MAX_USES))
    }
}

impl<V: ?Sized> Extra<V> {
    /// Keeps the value that this one takes the place of in the history, after those that were there.
    fn keep_past(&mut self, old: &Hold<V>, old_revision: u64, old_extra: &mut Self, limit: usize) {
        let Hold::Resident(value) = old else { return };
        if limit == 0 {
            return;
        }
        let past = Past {
            revision: Revision(old_revision),
            label: old_extra.label.take(),
            value: Arc::clone(value),
        };
        let surplus = (old_extra.history.len() + 1).saturating_sub(limit);
        self.history = old_extra.history.split_off(surplus.min(old_extra.history.len()));
        self.history.push_back(past);
    }
}

impl<Q: Query> Cold<Q> {
    /// Has listeners told of a value that weighs more than the whole bound, and so is let go of as it comes.
    #[cold]
    fn report_too_heavy(&mut self, slot: &Slot<Q>, env: &Env<'_>, out: &mut Outbox<Q>) {
        let Hold::Survivor(value) = &slot.hold else { return };
        self.put_out_copy(&slot.key, Hold::Survivor(value.clone()), None, Cause::Evicted, env, out);
    }

    /// Has a slot looked at in time whose deadline was `old`. An alarm that is set for a later time than is needed is
    /// as good as none.
    #[inline]
    fn move_alarm(&mut self, number: u32, slot: &mut Slot<Q>, old: Moment, rules: &crate::retention::Rules) {
        slot.has_alarm &= self.deadline(number, rules) >= old;
        self.set_alarm(number, slot, rules);
    }
}
