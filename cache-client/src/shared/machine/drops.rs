//! This client's own drops: which are under way, which wait to be sent, and which the feed need not tell it again.

use std::collections::{BTreeSet, HashMap};

use crate::shared::machine::marks::MarkSet;
use crate::shared::mark::{Key, Mark};
use crate::shared::request::Position;

/// How many keys one drop names at most. More travel as their tables.
const MAX_KEYS: usize = 1000;

/// Identifies a drop of this client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DropId(u64);

/// This client's drops.
#[derive(Debug, Default)]
pub(crate) struct Drops {
    next: u64,
    under_way: HashMap<DropId, UnderWay>,
    /// Sent again as soon as it is possible.
    outbox: MarkSet,
    /// Acknowledged, but what they were for cannot be seen yet.
    acknowledged: HashMap<DropId, Position>,
    /// Acknowledged before a commit that can be seen, or after the mark that they are for: their entries of the feed say
    /// nothing new.
    settled: BTreeSet<u64>,
}

/// A drop that was sent and is not acknowledged.
#[derive(Debug)]
struct UnderWay {
    marks: MarkSet,
    /// Whether its keys may differ from what lies in the server: the commit can be seen here, or was made before.
    blocks: bool,
    /// Whether it only marks keys, and they are marked here: loads that begin later do not find in the server what was
    /// there before the drop.
    is_marked: bool,
    from_outbox: bool,
}

impl Drops {
    /// Begins a drop. Returns what to send.
    pub(crate) fn begin(&mut self, marks: Vec<Mark>, blocks: bool) -> (DropId, Vec<Mark>) {
        let mut marks: MarkSet = marks.into_iter().map(Mark::for_the_feed).collect();
        if marks.len() > MAX_KEYS {
            marks = marks.take(usize::MAX).into_iter().map(widened).collect();
        }
        self.send(marks, blocks, false)
    }

    /// Takes the next part out of the outbox, unless there is none or one is under way already.
    pub(crate) fn next_of_outbox(&mut self) -> Option<(DropId, Vec<Mark>)> {
        if self.outbox.is_empty() || self.under_way.values().any(|drop| drop.from_outbox) {
            return None;
        }
        let marks = self.outbox.take(MAX_KEYS).into_iter().collect();
        Some(self.send(marks, true, true))
    }

    fn send(&mut self, marks: MarkSet, blocks: bool, from_outbox: bool) -> (DropId, Vec<Mark>) {
        let id = DropId(self.next);
        self.next += 1;
        let sent = marks.clone().take(usize::MAX);
        self.under_way.insert(id, UnderWay { marks, blocks, is_marked: false, from_outbox });
        (id, sent)
    }

    /// The drop is done. Returns what it named; nothing if it had failed before. `applied` is how far the feed has been
    /// applied.
    pub(crate) fn acknowledge(
        &mut self,
        id: DropId,
        position: Position,
        applied: Option<Position>,
    ) -> Vec<Mark> {
        let Some(mut drop) = self.under_way.remove(&id) else { return Vec::new() };
        if drop.is_marked {
            self.settle(position, applied);
        } else if !drop.blocks {
            self.acknowledged.insert(id, position);
        }
        drop.marks.take(usize::MAX)
    }

    /// The entry of the feed at this position says nothing new.
    fn settle(&mut self, at: Position, applied: Option<Position>) {
        if applied.is_some_and(|applied| at.epoch == applied.epoch && at.number > applied.number) {
            self.settled.insert(at.number);
        }
    }

    /// What the drop names is marked here, and it has no other purpose.
    pub(crate) fn marked(&mut self, id: DropId) {
        if let Some(drop) = self.under_way.get_mut(&id) {
            drop.is_marked = true;
        }
    }

    /// The drop may not have been done: its marks go into the outbox.
    pub(crate) fn fail(&mut self, id: DropId) {
        if let Some(mut drop) = self.under_way.remove(&id) {
            drop.marks.take(usize::MAX).into_iter().for_each(|mark| self.outbox.insert(mark));
        }
    }

    /// What the drop was for can be seen here. `applied` is how far the feed has been applied.
    pub(crate) fn commit(&mut self, id: DropId, applied: Option<Position>) {
        if let Some(drop) = self.under_way.get_mut(&id) {
            drop.blocks = true;
        }
        if let Some(at) = self.acknowledged.remove(&id) {
            self.settle(at, applied);
        }
    }

    /// What the drop was for was given up. It may have happened nevertheless.
    pub(crate) fn abandon(&mut self, id: DropId) {
        if let Some(drop) = self.under_way.get_mut(&id) {
            drop.blocks = true;
        }
        self.acknowledged.remove(&id);
    }

    /// Returns whether an entry of the feed that this client has caused says nothing new.
    pub(crate) fn is_settled(&mut self, number: u64) -> bool {
        let is_settled = self.settled.remove(&number);
        // Entries come in order, so that earlier ones do not come any more.
        self.settled = self.settled.split_off(&number);
        is_settled
    }

    /// Another epoch counts from the start.
    pub(crate) fn forget_settled(&mut self) {
        self.settled.clear();
    }

    /// Returns whether the server may have what a drop that is not acknowledged should have removed.
    pub(crate) fn block(&self, key: &Key, tags: &[u16]) -> bool {
        let under_way = || self.under_way.values().any(|drop| drop.blocks && drop.marks.covers(key, tags));
        self.outbox.covers(key, tags) || under_way()
    }

    /// How many drops were sent and not acknowledged.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// How many marks wait to be sent again.
    pub(crate) fn waiting(&self) -> usize {
        self.outbox.len()
    }
}

/// The table of a key; other marks stay as they are.
fn widened(mark: Mark) -> Mark {
    match mark {
        Mark::Key(key) => Mark::Table(key.table().into()),
        mark => mark,
    }
}
