//! When residents expire, soonest first. Lazy: a deadline that moved, or whose line another entry has taken,
//! is detected when its old time comes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::clock::Moment;

#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    /// With the numbers of lines.
    heap: BinaryHeap<Reverse<(Moment, u32)>>,
}

impl Deadlines {
    pub(crate) fn push(&mut self, deadline: Moment, number: u32) {
        self.heap.push(Reverse((deadline, number)));
    }

    /// Takes out one line whose deadline has passed by `now`.
    pub(crate) fn pop_due(&mut self, now: Moment) -> Option<u32> {
        let Reverse((deadline, number)) = *self.heap.peek()?;
        if deadline > now {
            return None;
        }
        self.heap.pop();
        Some(number)
    }

    /// Returns all lines whose deadline has passed by `now`, in no order.
    pub(crate) fn due(&self, now: Moment) -> impl Iterator<Item = u32> {
        let heap: &[_] = if self.has_due(now) { self.heap.as_slice() } else { &[] };
        heap.iter().filter(move |Reverse((deadline, _))| *deadline <= now).map(|&Reverse((_, number))| number)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    pub(crate) fn has_due(&self, now: Moment) -> bool {
        self.heap.peek().is_some_and(|Reverse((deadline, _))| *deadline <= now)
    }

    /// Returns whether so many deadlines are obsolete that the list should be rebuilt. `live` is the number
    /// of entries.
    pub(crate) fn is_bloated(&self, live: usize) -> bool {
        self.heap.len() > 2 * live + 64
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.heap.capacity()
    }

    /// Gives back the memory beyond what `len` deadlines need.
    pub(crate) fn shrink_to(&mut self, len: usize) {
        self.heap.shrink_to(len);
    }

    /// Forgets everything, and gives its memory back.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
