//! What of one shard reads of residents do not touch: records, lists, pins, counters.

use super::pins::Pins;
use super::tag_index::TagIndex;
use super::{Displaced, Env, Outbox};
use crate::clock::Moment;
use crate::event::Cause;
use crate::query::Query;
use crate::retention::Rules;
use crate::retention::deadline::Deadlines;
use crate::retention::list::{List, NONE};
use crate::retention::records::Records;
use crate::retention::s3fifo::S3Fifo;
use crate::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use crate::table::slot::{Extra, Hold, Slot, Stay, deadline};

/// Survivors that may be read between two writes to their shard and be sure to be made resident by the second;
/// those beyond come back when a write visits them.
pub(super) const REVIVALS: usize = 16;

/// What reads of residents do not touch.
pub(super) struct Cold<Q: Query> {
    pub(super) records: Records,
    pub(super) extras: Extras<Q::Value>,
    /// Weight that became resident less weight that ceased to be, since the ledger was told.
    pub(super) balance: i64,
    pub(super) policy: S3Fifo,
    pub(super) deadlines: Deadlines,
    /// Non-resident slots, next to be visited first. Only these can die.
    pub(super) survivors: List,
    pub(super) revived: Revivals,
    pub(super) pins: Pins<Q>,
    /// Made for the first key that has a tag.
    pub(super) tags: Option<Box<TagIndex>>,
    /// Highest revision of a slot that was reclaimed.
    pub(super) forgotten: u64,
    /// Removals by [`Cause`].
    pub(super) removals: [u64; Cause::COUNT],
}

/// The bookkeeping that most entries do without, by the number of the slot.
pub(super) struct Extras<V: ?Sized> {
    /// Shorter than the slots are many, if the last ones have none.
    extras: Vec<Option<Box<Extra<V>>>>,
}

/// Numbers of survivors that were read since the last write.
pub(super) struct Revivals {
    len: AtomicUsize,
    numbers: [AtomicU32; REVIVALS],
}

impl<Q: Query> Cold<Q> {
    pub(super) fn new() -> Box<Self> {
        Box::new(Self {
            records: Records::default(),
            extras: Extras { extras: Vec::new() },
            balance: 0,
            policy: S3Fifo::default(),
            deadlines: Deadlines::default(),
            survivors: List::default(),
            revived: Revivals::new(),
            pins: Pins::default(),
            tags: None,
            forgotten: 0,
            removals: [0; Cause::COUNT],
        })
    }

    /// Whether any entry may have a deadline.
    #[inline]
    fn has_times(&self, rules: &Rules) -> bool {
        rules.is_timed || !self.extras.extras.is_empty()
    }

    /// Counts what is displaced, and puts it where it is dropped later.
    #[inline]
    pub(super) fn put_out(
        &mut self,
        key: Q,
        mut hold: Hold<Q::Value>,
        extra: Option<Box<Extra<Q::Value>>>,
        cause: Option<Cause>,
        env: &Env<'_>,
        out: &mut Outbox<Q>,
    ) {
        // A survivor may have died since the caller looked; listeners who are told of it need its value.
        let cause = cause.filter(|_| !env.wants_keys || hold.revive());
        if let Some(cause) = cause {
            self.removals[cause as usize] += 1;
        }
        match extra.is_none() && !env.wants_keys {
            true => out.drop_later(key, hold),
            false => out.push(Displaced { key: Some(key), hold, extra, cause }),
        }
    }

    /// The same for an entry that stays in its slot.
    pub(super) fn put_out_copy(
        &mut self,
        key: &Q,
        hold: Hold<Q::Value>,
        extra: Option<Box<Extra<Q::Value>>>,
        cause: Cause,
        env: &Env<'_>,
        out: &mut Outbox<Q>,
    ) {
        self.removals[cause as usize] += 1;
        out.push(Displaced { key: env.key_for_listeners(key), hold, extra, cause: Some(cause) });
    }

    /// When retention of the entry in a slot ends.
    #[inline]
    pub(super) fn deadline(&self, number: u32, rules: &Rules) -> Moment {
        if !self.has_times(rules) {
            return Moment::NEVER;
        }
        deadline(self.records[number].as_of, self.extras.get(number), rules)
    }

    /// Puts a slot into the list of its stay.
    #[inline]
    pub(super) fn enter(&mut self, number: u32, slot: &mut Slot<Q>, env: &Env<'_>) {
        let Self { records, policy, survivors, .. } = self;
        if slot.stay.is_counted() {
            self.balance += i64::from(records[number].weight);
        }
        match (slot.stay.queue(), env.recency) {
            (Some(queue), _) => policy.push(queue, number, records),
            (None, Some(recency)) if slot.stay == Stay::Ordered => {
                slot.aside = recency.admit(records[number].hash);
            }
            _ if !slot.hold.is_resident() => survivors.push_back(number, records.as_mut_slice()),
            _ => {}
        }
    }

    /// Takes a slot out of the list of its stay.
    #[inline]
    pub(super) fn leave(&mut self, number: u32, slot: &Slot<Q>, env: &Env<'_>) {
        let Self { records, policy, survivors, .. } = self;
        if slot.stay.is_counted() {
            self.balance -= i64::from(records[number].weight);
        }
        match (slot.stay.queue(), env.recency) {
            (Some(queue), _) => policy.remove(queue, number, records),
            (None, Some(recency)) if slot.stay == Stay::Ordered => recency.forget(slot.aside),
            _ if !slot.hold.is_resident() => survivors.remove(number, records.as_mut_slice()),
            _ => {}
        }
    }

    /// Notes a write to a slot that stays in its list.
    pub(super) fn stay_on(&mut self, number: u32, slot: &Slot<Q>, weight: u32, env: &Env<'_>) {
        let old = std::mem::replace(&mut self.records[number].weight, weight);
        if slot.stay.is_counted() {
            self.balance += i64::from(weight) - i64::from(old);
        }
        if let Some(queue) = slot.stay.queue() {
            self.policy.reweigh(queue, old, weight);
        }
        slot.count_use();
        self.promote(slot, env);
    }

    /// Notes a use by a writer in the exact order of the table.
    pub(super) fn promote(&self, slot: &Slot<Q>, env: &Env<'_>) {
        if let (Stay::Ordered, Some(recency)) = (slot.stay, env.recency) {
            recency.promote(slot.aside);
        }
    }

    /// Has the slot looked at when its time is over, if it is one that can expire.
    #[inline]
    pub(super) fn set_alarm(&mut self, number: u32, slot: &mut Slot<Q>, rules: &Rules) {
        if !self.has_times(rules) || slot.has_alarm || slot.stay == Stay::Pinned || !slot.hold.is_resident() {
            return;
        }
        let deadline = self.deadline(number, rules);
        if deadline != Moment::NEVER {
            slot.has_alarm = true;
            self.deadlines.push(deadline, number);
        }
    }
}

impl<V: ?Sized> Extras<V> {
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&Extra<V>> {
        self.extras.get(number as usize)?.as_deref()
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Extra<V>> {
        self.extras.get_mut(number as usize)?.as_deref_mut()
    }

    /// To a slot that has none.
    #[inline]
    pub(super) fn put(&mut self, number: u32, extra: Option<Box<Extra<V>>>) {
        if extra.is_some() {
            let number = number as usize;
            if number >= self.extras.len() {
                self.extras.resize_with(number + 1, || None);
            }
            self.extras[number] = extra;
        }
    }

    #[inline]
    pub(super) fn take(&mut self, number: u32) -> Option<Box<Extra<V>>> {
        self.extras.get_mut(number as usize)?.take()
    }

    /// Forgets everything, and gives its memory back.
    pub(super) fn clear(&mut self) {
        self.extras = Vec::new();
    }

    /// Moves what there is to the new numbers of its slots, in ascending order from 0 on.
    pub(super) fn renumber(&mut self, moved: &[u32]) {
        let mut numbers = moved.iter();
        self.extras.retain(|_| numbers.next().is_some_and(|&number| number != NONE));
        self.extras.shrink_to(2 * self.extras.len());
    }
}

impl Revivals {
    pub(super) fn new() -> Self {
        Self { len: AtomicUsize::new(0), numbers: [const { AtomicU32::new(0) }; REVIVALS] }
    }

    /// Called by readers under the shared lock.
    pub(super) fn push(&self, number: u32) {
        if self.len.load(Ordering::Relaxed) >= REVIVALS {
            return;
        }
        if let Some(place) = self.numbers.get(self.len.fetch_add(1, Ordering::Relaxed)) {
            place.store(number, Ordering::Relaxed);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len.load(Ordering::Relaxed) == 0
    }

    /// Called under the exclusive lock, when all pushes are over.
    pub(super) fn take(&mut self, mut each: impl FnMut(u32)) {
        let len = std::mem::take(self.len.get_mut()).min(REVIVALS);
        for number in &mut self.numbers[..len] {
            each(*number.get_mut());
        }
    }
}
