//! Exact least-recently-used order of a whole table. A read never waits for it.
//!
//! A read leaves a mark in a small buffer, with plain loads and stores. The next write, or a read that finds
//! the buffer full, folds the marks into the order. So the order is exact for a single thread. Concurrent
//! readers may overwrite one another's marks, which costs only accuracy. One buffer serves all threads: with
//! one for each, a use by one thread and a later use by another could be folded in the wrong order.
//!
//! Each entry has a node, whose number is kept in its line. Nodes come and go only while the shard of their
//! entry is locked for writing, so the number in the line is valid under that lock.

use super::list::{Link, Linked, List, NONE};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// Number of uses that may wait to be folded in: with their count they fill one cache line.
const MARKS: usize = 15;

#[derive(Debug)]
pub(crate) struct Recency {
    marks: Marks,
    /// Innermost of all locks: taken while shards are locked, never the other way round.
    order: Mutex<ExactOrder>,
}

/// Uses that wait to be folded in. All that a hit writes here is on one cache line, apart from the order: with two
/// threads, each line that both write costs as much as the rest of the hit.
#[derive(Debug)]
#[repr(C, align(64))]
struct Marks {
    len: AtomicU32,
    nodes: [AtomicU32; MARKS],
}

#[derive(Debug)]
struct ExactOrder {
    nodes: Vec<OrderNode>,
    /// Least recently used first.
    list: List,
    /// The node that is taken next.
    vacant: u32,
}

#[derive(Debug)]
struct OrderNode {
    /// Also links the vacant nodes.
    link: Link,
    /// Finds the entry's line in the index of the shard.
    hash: u32,
    is_vacant: bool,
}

/// The entry that was used least recently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oldest {
    pub(crate) node: u32,
    pub(crate) hash: u32,
}

impl Linked for OrderNode {
    #[inline]
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }
}

impl Recency {
    pub(crate) fn new() -> Self {
        Self {
            marks: Marks { len: AtomicU32::new(0), nodes: [const { AtomicU32::new(0) }; MARKS] },
            order: Mutex::new(ExactOrder::new()),
        }
    }

    /// Records a use by a reader.
    #[inline]
    pub(crate) fn mark(&self, node: u32) {
        let Marks { len: count, nodes } = &self.marks;
        let mut len = count.load(Ordering::Relaxed);
        if len as usize >= MARKS {
            match self.order.try_lock() {
                Some(mut order) => self.fold(&mut order),
                None => return,
            }
            len = 0;
        }
        nodes[len as usize].store(node, Ordering::Relaxed);
        count.store(len + 1, Ordering::Relaxed);
    }

    /// Adds a new entry as the most recently used. Returns its node.
    pub(crate) fn admit(&self, hash: u32) -> u32 {
        self.up_to_date().admit(hash)
    }

    /// Replaces the least recently used entry by a new one. Returns the old entry, if there was one, and the
    /// node of the new one.
    pub(crate) fn replace_oldest(&self, hash: u32) -> (Option<Oldest>, u32) {
        let mut order = self.up_to_date();
        let Some(node) = order.list.first() else { return (None, order.admit(hash)) };
        let oldest = Oldest { node, hash: std::mem::replace(&mut order.nodes[node as usize].hash, hash) };
        order.promote(node);
        (Some(oldest), node)
    }

    /// Makes an entry the most recently used.
    pub(crate) fn promote(&self, node: u32) {
        self.up_to_date().promote(node);
    }

    /// Takes the entry out of the order.
    pub(crate) fn forget(&self, node: u32) {
        self.up_to_date().forget(node);
    }

    /// Forgets everything, and gives its memory back.
    pub(crate) fn clear(&self) {
        let mut order = self.order.lock();
        *order = ExactOrder::new();
        self.marks.len.store(0, Ordering::Relaxed);
    }

    pub(crate) fn oldest(&self) -> Option<Oldest> {
        let order = self.up_to_date();
        let node = order.list.first()?;
        Some(Oldest { node, hash: order.nodes[node as usize].hash })
    }

    /// Copies the order, least recently used first. Appends the successor of each node to `next`.
    pub(crate) fn copy(&self, next: &mut Vec<u32>) -> List {
        let order = self.up_to_date();
        next.extend(order.nodes.iter().map(|node| node.link.next()));
        order.list.clone()
    }

    fn up_to_date(&self) -> MutexGuard<'_, ExactOrder> {
        let mut order = self.order.lock();
        self.fold(&mut order);
        order
    }

    fn fold(&self, order: &mut ExactOrder) {
        let Marks { len, nodes } = &self.marks;
        let marked = len.load(Ordering::Relaxed) as usize;
        if marked == 0 {
            return;
        }
        len.store(0, Ordering::Relaxed);
        for node in &nodes[..marked] {
            order.promote(node.load(Ordering::Relaxed));
        }
    }
}

impl ExactOrder {
    fn new() -> Self {
        Self { nodes: Vec::new(), list: List::default(), vacant: NONE }
    }

    fn admit(&mut self, hash: u32) -> u32 {
        let fresh = OrderNode { link: Link::LOOSE, hash, is_vacant: false };
        let node = match self.nodes.get_mut(self.vacant as usize) {
            Some(vacant) => {
                let next = std::mem::replace(vacant, fresh).link.next();
                std::mem::replace(&mut self.vacant, next)
            }
            None => {
                self.nodes.push(fresh);
                u32::try_from(self.nodes.len() - 1)
                    .expect("a table in exact order has fewer than 2^32 entries")
            }
        };
        self.list.push_back(node, &mut self.nodes);
        node
    }

    /// Makes a node the most recently used. The mark of a reader may belong to an entry that is gone.
    fn promote(&mut self, node: u32) {
        if self.nodes.get(node as usize).is_some_and(|node| !node.is_vacant) {
            self.list.move_back(node, &mut self.nodes);
        }
    }

    fn forget(&mut self, node: u32) {
        self.list.remove(node, &mut self.nodes);
        self.nodes[node as usize].is_vacant = true;
        self.nodes[node as usize].link = Link::to(self.vacant);
        self.vacant = node;
    }
}
