//! The simple write: one value, in a table with a capacity or an exact order and perhaps a time to live, in a
//! shard that has no other work to do. All other writes take the general path, in [`write`](super::write). A
//! property test checks that both give the same result.

use super::erased::{AnyPair, Released};
use super::key::AnyKey;
use super::line_state::{LineState, Membership};
use super::metadata::{Metadata, promote};
use super::state::deadline;
use super::{Location, OpContext, ShardMut, ShardRef};
use crate::clock::Moment;
use crate::event::RemovalCause;
use crate::retention::Queue;
use crate::retention::list::{Link, NONE};
use crate::retention::recency::Recency;
use crate::retention::records::Record;
use crate::sync::atomic::AtomicU8;

/// The facts about a simple write.
#[derive(Clone, Copy)]
pub(crate) struct Written {
    pub(crate) revision: u64,
    pub(crate) as_of: Moment,
}

/// Where a simple write moves its pair.
pub(crate) enum Place {
    /// The line of its key.
    Present(u32),
    /// A vacant line, or a new line at the end.
    Vacant(u32, LineState),
    /// The line of an evicted entry, which is still in it.
    Taken(u32, LineState),
}

impl ShardRef<'_> {
    /// Returns whether a write of any key may be simple: there are no survivors, due deadlines, own times,
    /// running saves, pins or loads.
    #[inline]
    pub(crate) fn allows_simple_writes(self, now: Moment) -> bool {
        self.metadata.is_none_or(|metadata| {
            metadata.allows_simple_writes(now) && metadata.pins.len() == 0 && metadata.loads.is_empty()
        })
    }
}

impl ShardMut<'_> {
    /// Returns whether a write of an unpinned key may be simple: there are no survivors, due deadlines, own
    /// times or running saves.
    #[inline]
    pub(crate) fn allows_simple_writes(&self, now: Moment) -> bool {
        self.metadata.allows_simple_writes(now)
    }

    /// Returns whether a key is pinned. The key is in line `at`, or in none.
    #[inline]
    pub(crate) fn is_pinned(&self, hash: u32, at: Option<u32>, key: &dyn AnyKey) -> bool {
        let pins = &self.metadata.pins;
        match at {
            _ if pins.len() == 0 => false,
            Some(number) => self.is_of(number, Membership::Pinned),
            None => pins.find(hash, &|other| key.equals(other)).is_some(),
        }
    }

    /// Writes a pair with the times of the table, counted from `as_of` or now, if the shard has no other work. Returns
    /// whether it did. The table must have [simple commits](crate::table::head::Head::has_simple_commits). The pair then
    /// holds what it displaced.
    pub(crate) fn write_if_simple(
        &mut self,
        pair: &mut dyn AnyPair,
        (hash, at): (u32, Location),
        as_of: Option<Moment>,
        context: &OpContext<'_>,
    ) -> bool {
        let as_of = as_of.unwrap_or(context.now);
        let is_simple =
            at.pin.is_none() && !context.ledger.is_over() && self.allows_simple_writes(context.now);
        // A value that has already expired must be released, which the general path does.
        if !is_simple || context.rules.is_timed && deadline(as_of, None, context.rules).is_over(context.now) {
            return false;
        }
        let written = Written { revision: context.revision, as_of };
        self.write_simply(pair, (hash, at.number), written, context);
        true
    }

    /// Writes a pair in a shard without other work, under a key that is in this line or in none. The pair
    /// then holds what it displaced.
    pub(crate) fn write_simply(
        &mut self,
        pair: &mut dyn AnyPair,
        at: (u32, Option<u32>),
        written: Written,
        context: &OpContext<'_>,
    ) {
        match self.place_simply(at, written, context) {
            Place::Present(number) => self.lines.exchange(number, None, pair),
            Place::Vacant(number, state) => self.lines.put(number, state, pair),
            Place::Taken(number, state) => self.lines.exchange(number, Some(state), pair),
        }
    }

    /// Enters a pair everywhere except in its line. If the key is present, this is its line number.
    #[inline]
    pub(crate) fn place_simply(
        &mut self,
        (hash, at): (u32, Option<u32>),
        written: Written,
        context: &OpContext<'_>,
    ) -> Place {
        let Some(number) = at else { return self.occupy_simply(hash, written, context) };
        if let Some(state) = self.lines.state_mut(number) {
            self.metadata.replace_simply(number, state, written, context);
        }
        Place::Present(number)
    }

    /// Returns whether a simple write has displaced more than its pair holds.
    #[inline]
    pub(crate) fn has_displaced(&self) -> bool {
        // There was no survivor before.
        !self.metadata.survivors.is_empty()
    }

    /// Finds a line for a new key, and enters it everywhere except in the line itself.
    fn occupy_simply(&mut self, hash: u32, written: Written, context: &OpContext<'_>) -> Place {
        let Written { revision, as_of } = written;
        let record = Record { link: Link::LOOSE, hash, weight: 1, revision, as_of };
        let is_full = context.ledger.is_over_with(1);
        let (membership, aside, vacated) = match context.recency {
            Some(recency) => {
                let (node, vacated) = self.enter_order(recency, hash, is_full, context);
                (Membership::Ordered, node, vacated)
            }
            None => {
                let queue = self.metadata.policy.place(hash);
                let vacated = if is_full { self.evict_for(queue, context) } else { None };
                (queue.membership(), NONE, vacated)
            }
        };
        let number = match vacated {
            Some(number) => {
                self.metadata.records[number] = record;
                number
            }
            None => {
                self.metadata.balance += 1;
                self.metadata.records.occupy(record)
            }
        };
        let Metadata { policy, records, balance, .. } = &mut *self.metadata;
        if let Some(queue) = membership.queue() {
            policy.push(queue, number, records);
        }
        self.index.insert(number, records);
        context.ledger.book(std::mem::take(balance));
        let mut state =
            LineState { aside, membership, uses: AtomicU8::new(0), is_invalidated: false, has_timer: false };
        state.date(as_of, false);
        if context.rules.is_timed {
            self.metadata.set_timer(number, &mut state, context.rules);
        }
        match vacated {
            Some(_) => Place::Taken(number, state),
            None => Place::Vacant(number, state),
        }
    }

    /// Evicts one entry so that another may enter a queue. Returns its line number if its value has no other
    /// handle; the line then still holds it.
    fn evict_for(&mut self, queue: Queue, context: &OpContext<'_>) -> Option<u32> {
        // Counted before it is inserted, since the comparison of the queues includes it.
        self.metadata.policy.reweigh(queue, 0, 1);
        let victim = self.victim(context);
        self.metadata.policy.reweigh(queue, 1, 0);
        self.release_simply(victim?, context)
    }

    /// Enters the exact order of the table, in place of the oldest entry if the table is full. Returns the
    /// number in the order, and the line number as [`evict_for`](Self::evict_for) does.
    fn enter_order(
        &mut self,
        recency: &Recency,
        hash: u32,
        is_full: bool,
        context: &OpContext<'_>,
    ) -> (u32, Option<u32>) {
        if !is_full {
            return (recency.admit(hash), None);
        }
        let (oldest, node) = recency.replace_oldest(hash);
        let number = oldest.and_then(|oldest| self.find_aside(oldest.hash, Membership::Ordered, oldest.node));
        (node, number.and_then(|number| self.release_simply(number, context)))
    }

    /// Releases an entry that has left its list. Returns its line number if its value has no other handle;
    /// the line then still holds it.
    fn release_simply(&mut self, number: u32, context: &OpContext<'_>) -> Option<u32> {
        match self.lines.release(number, true) {
            Released::Unshared => {
                let Self { index, metadata, .. } = self;
                metadata.forgotten = metadata.forgotten.max(metadata.records[number].revision);
                metadata.removals[RemovalCause::Evicted as usize] += 1;
                index.remove(number, &metadata.records);
                Some(number)
            }
            Released::Weakened => {
                self.metadata.balance -= 1;
                self.become_survivor(number, Membership::Evicted, RemovalCause::Evicted, context);
                None
            }
        }
    }
}

impl Metadata {
    /// Returns whether a write of an unpinned key may be simple: there are no survivors, due deadlines, own
    /// times or running saves.
    #[inline(always)]
    fn allows_simple_writes(&self, now: Moment) -> bool {
        self.survivors.is_empty()
            && (self.deadlines.is_empty() || self.has_no_due_deadline(now))
            && self.balance == 0
            && self.extras.is_empty()
            && self.saves.are_done()
    }

    fn has_no_due_deadline(&self, now: Moment) -> bool {
        !self.deadlines.has_due(now) && !self.deadlines.is_bloated(self.records.occupied())
    }

    /// Records that the value of a line is replaced.
    #[inline]
    fn replace_simply(
        &mut self,
        number: u32,
        state: &mut LineState,
        written: Written,
        context: &OpContext<'_>,
    ) {
        let Written { revision, as_of } = written;
        let record = &mut self.records[number];
        let old_date = std::mem::replace(&mut record.as_of, as_of);
        record.revision = revision;
        if context.rules.is_timed {
            // No entry of a shard that allows simple writes has times of its own.
            self.move_timer(number, state, deadline(old_date, None, context.rules), context.rules);
        }
        state.is_invalidated = false;
        state.date(as_of, false);
        state.count_use();
        promote(state, context);
        self.removals[RemovalCause::Replaced as usize] += 1;
    }
}
