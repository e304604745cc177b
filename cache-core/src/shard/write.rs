//! Writes to one shard. Each write changes only the line that it is given, so a caller may locate several
//! keys first. `finish` then does the remaining work.

use super::erased::{AnyLines, AnyPair};
use super::index::Index;
use super::line_state::{LineState, Membership};
use super::maintenance::VISITS;
use super::metadata::promote;
use super::{Incoming, Location, OpContext, Placement, QueuePosition, ShardMut};
use crate::clock::Moment;
use crate::entry_times::EntryTimes;
use crate::event::RemovalCause;
use crate::retention::Queue;
use crate::retention::list::{Link, List, NONE};
use crate::retention::records::{Record, Records};
use crate::retention::s3fifo::{MAX_USES, S3Fifo};
use crate::sync::atomic::AtomicU8;

impl ShardMut<'_> {
    /// Begins a write: makes survivors that were read since the last write resident, so that they count as
    /// used before the new entry.
    #[inline]
    pub(crate) fn begin(&mut self, context: &OpContext<'_>) {
        if !self.metadata.revived.is_empty() {
            self.revive(context);
        }
    }

    /// Releases the entry at a location if it has expired, as any reader does. Returns its new location.
    #[inline]
    pub(crate) fn expire_at(&mut self, at: Location, context: &OpContext<'_>) -> Location {
        match at.number {
            Some(number) if self.lines.state(number).is_some_and(|state| state.may_expire(context.rules)) => {
                Location { number: self.expire(number, context).then_some(number), ..at }
            }
            _ => at,
        }
    }

    /// Writes a pair at the location that [`locate`](Self::locate) found for its key. Returns its line
    /// number.
    pub(crate) fn write(
        &mut self,
        pair: &mut dyn AnyPair,
        hash: u32,
        at: Location,
        incoming: Incoming,
        context: &OpContext<'_>,
    ) -> u32 {
        let placement = at.pin.map_or(incoming.placement, Placement::Pinned);
        let number = match at.number {
            Some(number) => {
                self.replace(pair, number, incoming, placement, context);
                number
            }
            None => self.insert(pair, hash, incoming, placement, context),
        };
        if placement == Placement::TooHeavy {
            self.report_too_heavy(number, context);
        }
        number
    }

    fn insert(
        &mut self,
        pair: &mut dyn AnyPair,
        hash: u32,
        incoming: Incoming,
        placement: Placement,
        context: &OpContext<'_>,
    ) -> u32 {
        let Self { index, lines, metadata } = self;
        let membership = placement.membership(|| match incoming.position {
            Some(position) => position.queue,
            None => metadata.policy.place(hash),
        });
        let number = metadata.records.occupy(Record {
            link: Link::LOOSE,
            hash,
            weight: incoming.weight,
            revision: context.revision,
            as_of: incoming.as_of,
        });
        if metadata.saves.are_running() {
            metadata.saves.pass_over(number);
        }
        let has_times = incoming.extra.is_some();
        metadata.extras.put(number, incoming.extra);
        let mut state = LineState {
            aside: if let Placement::Pinned(pin) = placement { pin } else { NONE },
            membership,
            uses: incoming.position.map_or(AtomicU8::new(0), QueuePosition::uses),
            is_invalidated: incoming.is_invalidated,
            has_timer: false,
        };
        state.date(incoming.as_of, has_times);
        metadata.set_timer(number, &mut state, context.rules);
        metadata.enter(number, &mut state, context);
        lines.put(number, state, pair);
        if !membership.is_resident() {
            keep_restored(&mut **lines, number, incoming.position);
            lines.release(number, false);
        }
        index.insert(number, &metadata.records);
        number
    }

    fn replace(
        &mut self,
        pair: &mut dyn AnyPair,
        number: u32,
        incoming: Incoming,
        placement: Placement,
        context: &OpContext<'_>,
    ) {
        self.keep_for_saves(number);
        let Self { lines, metadata, .. } = self;
        let limit = context.rules.history as usize;
        // Not of a survivor: its handle could become the last one while the shard is locked.
        let was_resident = lines.state(number).is_some_and(|state| state.membership.is_resident());
        let past = if limit > 0 && was_resident { lines.handle(number, false) } else { None };
        let Some(state) = lines.state_mut(number) else { return };
        let old_deadline = metadata.deadline(number, context.rules);
        let stays = placement.keeps(state.membership) && incoming.position.is_none();
        if !stays {
            metadata.leave(number, state, context);
            let queue = || incoming.position.map_or(Queue::Main, |position| position.queue);
            state.membership = placement.membership(queue);
        }
        if let Some(position) = incoming.position {
            state.uses = position.uses();
        }
        if let Placement::Pinned(pin) = placement {
            state.aside = pin;
        }
        state.is_invalidated = incoming.is_invalidated;
        let record = &mut metadata.records[number];
        record.as_of = incoming.as_of;
        state.date(incoming.as_of, incoming.extra.is_some());
        let old_revision = std::mem::replace(&mut record.revision, context.revision);
        let mut old_extra = metadata.extras.take(number);
        metadata.extras.put(number, incoming.extra);
        let has_history = was_resident && state.membership.is_resident();
        if let (true, Some(past), Some(extra), Some(old)) =
            (has_history, past, metadata.extras.get_mut(number), &mut old_extra)
        {
            extra.keep_previous(past, old_revision, old, limit);
        }
        match stays {
            true => metadata.stay_on(number, state, incoming.weight, context),
            false => {
                metadata.records[number].weight = incoming.weight;
                metadata.enter(number, state, context);
            }
        }
        metadata.move_timer(number, state, old_deadline, context.rules);
        let is_resident = state.membership.is_resident();
        self.exchange(number, pair, context);
        if !is_resident {
            keep_restored(&mut *self.lines, number, incoming.position);
            self.lines.release(number, false);
        }
        self.drop_later(old_extra);
    }

    /// Replaces the value in a line by one that follows from it. The entry keeps its times, its mark and its place in
    /// the order. A survivor stays one. Without listeners, the pair then holds what was in the line, and must be
    /// dropped when no lock is held.
    pub(crate) fn follow(
        &mut self,
        pair: &mut dyn AnyPair,
        number: u32,
        incoming: Incoming,
        context: &OpContext<'_>,
    ) {
        self.keep_for_saves(number);
        let Self { lines, metadata, .. } = self;
        let Some(membership) = lines.state(number).map(|state| state.membership) else { return };
        let is_too_heavy = incoming.placement == Placement::TooHeavy && membership.is_counted();
        // Not of a survivor: its handle could become the last one while the shard is locked.
        let has_history = context.rules.history > 0 && membership.is_resident() && !is_too_heavy;
        let past = if has_history { lines.handle(number, false) } else { None };
        let Some(state) = lines.state_mut(number) else { return };
        match is_too_heavy {
            true => {
                metadata.leave(number, state, context);
                state.membership = Membership::Released;
                metadata.records[number].weight = incoming.weight;
            }
            false => metadata.reweigh(number, state, incoming.weight),
        }
        metadata.follow(number, incoming, past, context);
        let record = &metadata.records[number];
        state.date(record.as_of, metadata.extras.get(number).is_some());
        if is_too_heavy {
            metadata.enter(number, state, context);
        }
        let is_resident = state.membership.is_resident();
        match context.has_listeners {
            true => self.exchange(number, pair, context),
            false => {
                self.lines.exchange(number, None, pair);
                self.metadata.removals[RemovalCause::Replaced as usize] += u64::from(pair.has_value());
            }
        }
        if !is_resident {
            self.lines.release(number, false);
        }
        if is_too_heavy {
            self.report_too_heavy(number, context);
        }
    }

    /// Puts the value of a pair into a line. The pair is displaced, with the value that was there.
    fn exchange(&mut self, number: u32, pair: &mut dyn AnyPair, context: &OpContext<'_>) {
        self.lines.exchange(number, None, pair);
        let displaced = self.lines.displaced().add();
        displaced.swap(pair, true);
        if displaced.has_value() {
            self.note_displaced(RemovalCause::Replaced, context);
        }
    }

    /// Reports to the listeners a value that weighs more than the whole bound, and is therefore released at
    /// once.
    #[cold]
    fn report_too_heavy(&mut self, number: u32, context: &OpContext<'_>) {
        if context.has_listeners {
            let copy = self.copy_for_listeners(number);
            let displaced = self.lines.displaced().add();
            if let Some(mut copy) = copy {
                displaced.swap(&mut *copy, true);
            }
        }
        self.note_displaced(RemovalCause::Evicted, context);
    }

    /// Removes the key with its value and history. Returns whether it was readable.
    pub(crate) fn remove(&mut self, at: Location, context: &OpContext<'_>) -> bool {
        self.metadata.forgotten = self.metadata.forgotten.max(context.revision);
        let Some(number) = at.number else { return false };
        let is_readable = self.is_readable(number);
        self.take(number, is_readable.then_some(RemovalCause::Removed), context);
        is_readable
    }

    /// Removes everything. The table clears its exact order too. Pins keep their claim on their keys.
    pub(crate) fn clear(&mut self, context: &OpContext<'_>) {
        for number in self.numbers() {
            self.keep_for_saves(number);
            let Some(state) = self.lines.state(number) else { continue };
            if state.membership.is_counted() {
                self.metadata.balance -= i64::from(self.metadata.records[number].weight);
            }
            let cause = self.is_readable(number).then_some(RemovalCause::Cleared);
            self.displace(number, cause, context);
            let extra = self.metadata.extras.take(number);
            self.drop_later(extra);
        }
        // All of them are vacant.
        self.lines.shrink(0);
        *self.index = Index::default();
        let metadata = &mut *self.metadata;
        metadata.forgotten = metadata.forgotten.max(context.revision);
        metadata.records = Records::default();
        metadata.extras.clear();
        metadata.policy = S3Fifo::default();
        metadata.deadlines.clear();
        metadata.survivors = List::default();
        metadata.revived.take(|_| {});
        metadata.tags = None;
        self.overtake_loads();
    }

    /// Renews the times of an entry and clears its mark. A survivor becomes resident again, if the table keeps
    /// anything. Returns whether there was a readable entry.
    pub(crate) fn touch(&mut self, number: u32, context: &OpContext<'_>) -> bool {
        self.touch_with(number, None, context)
    }

    /// Touches an entry, as [`touch`](Self::touch) does, and gives it these times, as if its value had been
    /// written with them. An entry that is no longer kept by its times becomes a survivor.
    pub(crate) fn touch_with(
        &mut self,
        number: u32,
        times: Option<&EntryTimes>,
        context: &OpContext<'_>,
    ) -> bool {
        if !self.is_readable(number) {
            return false;
        }
        self.keep_for_saves(number);
        let as_of = times.and_then(|times| times.as_of).unwrap_or(context.now);
        let Self { lines, metadata, .. } = self;
        let Some(state) = lines.state_mut(number) else { return false };
        let old_deadline = metadata.deadline(number, context.rules);
        metadata.records[number].as_of = as_of;
        if let Some(times) = times {
            metadata.set_times(number, times, context);
        }
        let extra = metadata.extras.get(number);
        if let Some(extra) = extra {
            extra.renew_idle(context.now);
        }
        state.date(as_of, extra.is_some());
        state.is_invalidated = false;
        state.count_use();
        promote(state, context);
        metadata.move_timer(number, state, old_deadline, context.rules);
        let is_kept_by_nothing = state.membership == Membership::Timed
            && metadata.deadline(number, context.rules) == Moment::NEVER;
        if !state.membership.is_resident() || is_kept_by_nothing {
            self.admit(number, context);
        }
        true
    }

    /// Marks an entry as invalidated. Returns whether there was a readable one.
    pub(crate) fn invalidate(&mut self, number: u32) -> bool {
        let is_readable = self.is_readable(number);
        self.keep_for_saves(number);
        if is_readable && let Some(state) = self.lines.state_mut(number) {
            state.is_invalidated = true;
        }
        is_readable
    }

    /// Marks all readable entries as invalidated, and takes out all loads.
    pub(crate) fn invalidate_all(&mut self) {
        self.overtake_loads();
        for number in self.numbers() {
            self.invalidate(number);
        }
    }

    /// Ends a write, once its values are in: visits a few survivors and a few residents that may have
    /// expired, and brings the table within its bound as far as this shard can. The table does the rest.
    #[inline]
    pub(crate) fn finish(&mut self, context: &OpContext<'_>) {
        if !self.metadata.survivors.is_empty() || !self.metadata.deadlines.is_empty() {
            self.visit_survivors(VISITS, context);
            self.expire_due(VISITS, context);
        }
        if self.metadata.balance != 0 {
            self.make_room(context);
        }
        self.shrink(context);
    }

    /// Returns whether a line has an entry of this membership.
    pub(super) fn is_of(&self, number: u32, membership: Membership) -> bool {
        self.lines.state(number).is_some_and(|state| state.membership == membership)
    }
}

impl QueuePosition {
    fn uses(self) -> AtomicU8 {
        AtomicU8::new(self.uses.min(MAX_USES))
    }
}

/// Displaces another handle of a restored value. The restore may keep none, and the last handle must not be
/// dropped under the lock.
fn keep_restored(lines: &mut dyn AnyLines, number: u32, position: Option<QueuePosition>) {
    if position.is_some()
        && let Some(mut handle) = lines.handle(number, false)
    {
        lines.displaced().add().swap(&mut *handle, false);
    }
}
