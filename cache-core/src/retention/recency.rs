//! Exact least-recently-used order of one whole table. A read never waits for it.
//!
//! A read leaves its mark in a small buffer, with plain loads and stores; the buffer is folded into the order by
//! the next write, or by the read that finds it full. So from one thread the order is exact. Concurrent readers
//! may overwrite one another's marks, which costs accuracy and nothing else.

use foldhash::fast::FixedState;
use lru::LruCache;

use super::Ticket;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// Uses that wait to be folded in. 64 marks are 8 cache lines; more gained nothing (bench `lru`, 2026-11).
const MARKS: usize = 64;

#[derive(Debug)]
pub(crate) struct Recency {
    /// Most recent first. Innermost of all locks: taken while shards are locked, never the other way round.
    order: Mutex<LruCache<Ticket, (), FixedState>>,
    len: AtomicUsize,
    marks: [AtomicU64; MARKS],
}

impl Recency {
    pub(crate) fn new() -> Self {
        Self {
            order: Mutex::new(LruCache::unbounded_with_hasher(FixedState::default())),
            len: AtomicUsize::new(0),
            marks: [const { AtomicU64::new(0) }; MARKS],
        }
    }

    /// Notes a use by a reader.
    #[inline]
    pub(crate) fn mark(&self, ticket: Ticket) {
        let packed = ticket.pack();
        let mut len = self.len.load(Ordering::Relaxed);
        if len > 0 && len <= MARKS && self.marks[len - 1].load(Ordering::Relaxed) == packed {
            return;
        }
        if len >= MARKS {
            match self.order.try_lock() {
                Some(mut order) => self.fold(&mut order),
                None => return,
            }
            len = 0;
        }
        self.marks[len].store(packed, Ordering::Relaxed);
        self.len.store(len + 1, Ordering::Relaxed);
    }

    /// Makes the entry the most recently used.
    pub(crate) fn admit(&self, ticket: Ticket) {
        self.up_to_date().put(ticket, ());
    }

    /// Takes the entry out of the order.
    pub(crate) fn forget(&self, ticket: Ticket) {
        self.order.lock().pop(&ticket);
    }

    /// Forgets everything, and gives its memory back.
    pub(crate) fn clear(&self) {
        let mut order = self.order.lock();
        *order = LruCache::unbounded_with_hasher(FixedState::default());
        self.len.store(0, Ordering::Relaxed);
    }

    /// Takes out the least recently used.
    pub(crate) fn pop_oldest(&self) -> Option<Ticket> {
        self.up_to_date().pop_lru().map(|(ticket, ())| ticket)
    }

    /// All entries, least recently used first.
    pub(crate) fn oldest_first(&self) -> Vec<Ticket> {
        self.up_to_date().iter().rev().map(|(ticket, ())| *ticket).collect()
    }

    fn up_to_date(&self) -> MutexGuard<'_, LruCache<Ticket, (), FixedState>> {
        let mut order = self.order.lock();
        self.fold(&mut order);
        order
    }

    fn fold(&self, order: &mut LruCache<Ticket, (), FixedState>) {
        let len = self.len.swap(0, Ordering::Relaxed).min(MARKS);
        for mark in &self.marks[..len] {
            order.promote(&Ticket::unpack(mark.load(Ordering::Relaxed)));
        }
    }
}
