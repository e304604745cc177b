//! Exact least-recently-used order of one whole table. A read never waits for it.
//!
//! A read leaves its mark in a small buffer, with plain loads and stores; the buffer is folded into the order by
//! the next write, or by the read that finds it full. Threads have buffers of their own, as far as there are enough,
//! so that they do not take the same cache lines from one another. So from one thread the order is exact; uses by
//! several threads come in the order of each, and marks that are overwritten cost accuracy and nothing else.
//!
//! Each entry has a node, whose number is kept in its slot. Nodes come and go only while the shard of their entry is
//! locked for writing, so that there the number of an entry in the order is right.

use super::list::{Link, Linked, List, NONE};
use crate::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard, this_thread};

/// Uses of one thread that wait to be folded in. More than 64 gained nothing (bench `lru`, 2026-11).
const MARKS: usize = 62;
/// A writer looks at all of them.
const BUFFERS: usize = 4;

#[derive(Debug)]
pub(crate) struct Recency {
    /// Innermost of all locks: taken while shards are locked, never the other way round.
    order: Mutex<Order>,
    buffers: [Marks; BUFFERS],
}

/// Marks of one thread, or of a few.
#[derive(Debug)]
#[repr(align(128))]
struct Marks {
    len: AtomicUsize,
    /// Numbers of nodes.
    nodes: [AtomicU32; MARKS],
}

#[derive(Debug)]
struct Order {
    nodes: Vec<Node>,
    /// Least recently used first.
    list: List,
    /// The node that is taken next.
    vacant: u32,
}

#[derive(Debug)]
struct Node {
    /// Leads from one vacant node to another.
    link: Link,
    /// By which the entry's shard is found.
    hash: u32,
    is_vacant: bool,
}

/// The entry that was used least recently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oldest {
    pub(crate) node: u32,
    pub(crate) hash: u32,
}

impl Linked for Node {
    #[inline]
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }
}

impl Recency {
    pub(crate) fn new() -> Self {
        Self {
            order: Mutex::new(Order::new()),
            buffers: [const { Marks { len: AtomicUsize::new(0), nodes: [const { AtomicU32::new(0) }; MARKS] } };
                BUFFERS],
        }
    }

    /// Notes a use by a reader.
    #[inline]
    pub(crate) fn mark(&self, node: u32) {
        #[expect(clippy::cast_possible_truncation, reason = "any few bits will do")]
        let buffer = &self.buffers[this_thread() as usize % BUFFERS];
        let mut len = buffer.len.load(Ordering::Relaxed);
        if len > 0 && len <= MARKS && buffer.nodes[len - 1].load(Ordering::Relaxed) == node {
            return;
        }
        if len >= MARKS {
            match self.order.try_lock() {
                Some(mut order) => buffer.fold(&mut order),
                None => return,
            }
            len = 0;
        }
        buffer.nodes[len].store(node, Ordering::Relaxed);
        buffer.len.store(len + 1, Ordering::Relaxed);
    }

    /// Takes in a new entry as the most recently used. Returns its node.
    pub(crate) fn admit(&self, hash: u32) -> u32 {
        self.up_to_date().admit(hash)
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
        *order = Order::new();
        self.buffers.iter().for_each(|buffer| buffer.len.store(0, Ordering::Relaxed));
    }

    pub(crate) fn oldest(&self) -> Option<Oldest> {
        let order = self.up_to_date();
        let node = order.list.first()?;
        Some(Oldest { node, hash: order.nodes[node as usize].hash })
    }

    /// All nodes, least recently used first.
    pub(crate) fn oldest_first(&self) -> Vec<u32> {
        let order = self.up_to_date();
        order.list.iter(|node| order.nodes[node as usize].link).collect()
    }

    fn up_to_date(&self) -> MutexGuard<'_, Order> {
        let mut order = self.order.lock();
        self.buffers.iter().for_each(|buffer| buffer.fold(&mut order));
        order
    }
}

impl Marks {
    fn fold(&self, order: &mut Order) {
        if self.len.load(Ordering::Relaxed) == 0 {
            return;
        }
        let len = self.len.swap(0, Ordering::Relaxed).min(MARKS);
        for node in &self.nodes[..len] {
            order.promote(node.load(Ordering::Relaxed));
        }
    }
}

impl Order {
    fn new() -> Self {
        Self { nodes: Vec::new(), list: List::default(), vacant: NONE }
    }

    fn admit(&mut self, hash: u32) -> u32 {
        let fresh = Node { link: Link::LOOSE, hash, is_vacant: false };
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

    /// A mark that was left by a reader may be that of an entry that has gone.
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
