//! The default policy of one shard: two first-in-first-out queues and a memory of the evicted. Holds tickets only.
//!
//! S3-FIFO (Yang et al., SOSP 2023): new entries wait in a small queue. Those used enough by the time they reach
//! its head go on to the main queue, the others leave; so a scan passes through the small queue and disturbs
//! nothing. The main queue gives an entry another round for each use. Whoever comes back soon after leaving goes
//! straight to the main queue.

use std::collections::VecDeque;

use super::Ticket;
use super::ghost::Ghosts;

/// The small queue's share of the weight, as a divisor: one tenth, the setting of the paper.
const SMALL_SHARE: u64 = 10;
/// Uses that take an entry from the small queue to the main one. Two rather than one is the safe default on
/// database and disk traces (bench `traces`).
pub(crate) const PROMOTE_AT: u8 = 2;
/// Uses beyond this are not counted. The paper has 3; 7 gains 0.2 points on zipf keys and on small OLTP caches, and
/// loses 0.04 at OLTP 2,000 (bench `hit-ratio`, `trace`, six processes each, 2026-11).
pub(crate) const MAX_USES: u8 = 7;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Queue {
    /// Kept by no queue: pinned, held by time alone, in the exact order of the table, or not resident.
    None,
    Small,
    Main,
}

#[derive(Debug, Default)]
pub(crate) struct S3Fifo {
    small: VecDeque<Ticket>,
    main: VecDeque<Ticket>,
    small_weight: u64,
    main_weight: u64,
    /// Entries in both queues; the queues themselves may be longer by tickets that were left behind.
    entries: usize,
    ghosts: Ghosts,
}

impl S3Fifo {
    /// Queue for an entry that becomes resident.
    #[inline]
    pub(crate) fn place(&mut self, hash: u32) -> Queue {
        if self.ghosts.recall(hash) { Queue::Main } else { Queue::Small }
    }

    #[inline]
    pub(crate) fn push(&mut self, queue: Queue, ticket: Ticket, weight: u32) {
        match queue {
            Queue::None => return,
            Queue::Small => self.small.push_back(ticket),
            Queue::Main => self.main.push_back(ticket),
        }
        self.reweigh(queue, 0, weight);
    }

    /// Gives a candidate another round in its queue.
    #[inline]
    pub(crate) fn requeue(&mut self, queue: Queue, ticket: Ticket) {
        self.push(queue, ticket, 0);
    }

    /// Notes that an entry of `queue` now weighs `new` instead of `old`; 0 when it came or left.
    #[inline]
    pub(crate) fn reweigh(&mut self, queue: Queue, old: u32, new: u32) {
        let sum = match queue {
            Queue::None => return,
            Queue::Small => &mut self.small_weight,
            Queue::Main => &mut self.main_weight,
        };
        *sum = sum.saturating_sub(u64::from(old)) + u64::from(new);
        // Nothing weighs 0: an entry of that weight has just come, or left.
        self.entries = (self.entries + usize::from(new > 0)).saturating_sub(usize::from(old > 0));
    }

    /// Takes the ticket from the head of the queue that should give up an entry next, of those queues (small, main)
    /// that are not `exhausted`.
    #[inline]
    pub(crate) fn next_candidate(&mut self, exhausted: [bool; 2]) -> Option<(Queue, Ticket)> {
        let total = self.small_weight + self.main_weight;
        let small_is_full = self.small_weight.saturating_mul(SMALL_SHARE) >= total;
        let order = if small_is_full { [Queue::Small, Queue::Main] } else { [Queue::Main, Queue::Small] };
        let may_give = |queue: &Queue| !exhausted[usize::from(*queue == Queue::Main)];
        order.into_iter().filter(may_give).find_map(|queue| Some((queue, self.pop(queue)?)))
    }

    #[inline]
    pub(crate) fn remember(&mut self, hash: u32) {
        self.ghosts.fit(self.entries);
        self.ghosts.remember(hash);
    }

    /// Whether so many tickets are left behind by removed slots that the queues should be swept.
    #[inline]
    pub(crate) fn is_bloated(&self, residents: usize) -> bool {
        self.small.len() + self.main.len() > 2 * residents + 32
    }

    pub(crate) fn sweep(&mut self, mut is_current: impl FnMut(Queue, Ticket) -> bool) {
        self.small.retain(|&ticket| is_current(Queue::Small, ticket));
        self.main.retain(|&ticket| is_current(Queue::Main, ticket));
    }

    /// Tickets in the order in which they came, the small queue first.
    pub(crate) fn tickets(&self) -> impl Iterator<Item = Ticket> + '_ {
        self.small.iter().chain(&self.main).copied()
    }

    /// Forgets everything, and gives its memory back.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    #[inline]
    fn pop(&mut self, queue: Queue) -> Option<Ticket> {
        match queue {
            Queue::None => None,
            Queue::Small => self.small.pop_front(),
            Queue::Main => self.main.pop_front(),
        }
    }
}
