//! The default policy of one shard: two first-in-first-out queues and a memory of the evicted. Knows numbers only.
//!
//! S3-FIFO (Yang et al., SOSP 2023): new entries wait in a small queue. Those used enough by the time they reach
//! its head go on to the main queue, the others leave; so a scan passes through the small queue and disturbs
//! nothing. The main queue gives an entry another round for each use. Whoever comes back soon after leaving goes
//! straight to the main queue.

use super::ghost::Ghosts;
use super::list::List;
use super::records::Records;

/// The small queue's share of the weight, as a divisor: one tenth, the setting of the paper.
const SMALL_SHARE: u64 = 10;
/// Uses that take an entry from the small queue to the main one. Two rather than one is the safe default on
/// database and disk traces (bench `traces`).
pub(crate) const PROMOTE_AT: u8 = 2;
/// Uses beyond this are not counted. The paper has 3; 7 gains 0.2 points on zipf keys and on small OLTP caches, and
/// loses 0.04 at OLTP 2,000 (bench `hit-ratio`, `trace`, six processes each, 2026-11).
pub(crate) const MAX_USES: u8 = 7;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    Small,
    Main,
}

impl Queue {
    /// As it is saved.
    pub(crate) fn rank(self) -> u8 {
        match self {
            Self::Small => 0,
            Self::Main => 1,
        }
    }

    /// The queue of an entry that was saved.
    pub(crate) fn of_rank(rank: u8) -> Self {
        match rank {
            1 => Self::Main,
            _ => Self::Small,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct S3Fifo {
    small: Lane,
    main: Lane,
    ghosts: Ghosts,
}

/// One queue, and what is in it together weighs.
#[derive(Debug, Default)]
struct Lane {
    list: List,
    weight: u64,
}

impl S3Fifo {
    /// Queue for an entry that becomes resident.
    #[inline]
    pub(crate) fn place(&mut self, hash: u32) -> Queue {
        if self.ghosts.recall(hash) { Queue::Main } else { Queue::Small }
    }

    #[inline]
    pub(crate) fn push(&mut self, queue: Queue, number: u32, records: &mut Records) {
        let lane = self.lane(queue);
        lane.weight += u64::from(records[number].weight);
        lane.list.push_back(number, records.as_mut_slice());
    }

    #[inline]
    pub(crate) fn remove(&mut self, queue: Queue, number: u32, records: &mut Records) {
        let lane = self.lane(queue);
        lane.weight -= u64::from(records[number].weight);
        lane.list.remove(number, records.as_mut_slice());
    }

    /// Gives a candidate another round in its queue.
    #[inline]
    pub(crate) fn requeue(&mut self, queue: Queue, number: u32, records: &mut Records) {
        self.lane(queue).list.move_back(number, records.as_mut_slice());
    }

    /// Notes that an entry of `queue` now weighs `new` instead of `old`.
    #[inline]
    pub(crate) fn reweigh(&mut self, queue: Queue, old: u32, new: u32) {
        let lane = self.lane(queue);
        lane.weight = lane.weight - u64::from(old) + u64::from(new);
    }

    /// The entry at the head of the queue that should give up one next, of those queues (small, main) that are not
    /// `exhausted`.
    #[inline]
    pub(crate) fn candidate(&self, exhausted: [bool; 2]) -> Option<(Queue, u32)> {
        let total = self.small.weight + self.main.weight;
        let small = self.small.list.first().filter(|_| !exhausted[0]).map(|number| (Queue::Small, number));
        let main = self.main.list.first().filter(|_| !exhausted[1]).map(|number| (Queue::Main, number));
        match self.small.weight.saturating_mul(SMALL_SHARE) >= total {
            true => small.or(main),
            false => main.or(small),
        }
    }

    #[inline]
    pub(crate) fn remember(&mut self, hash: u32) {
        self.ghosts.fit(self.small.list.len() + self.main.list.len());
        self.ghosts.remember(hash);
    }

    /// Entries in the order in which they came, the small queue first.
    pub(crate) fn numbers<'a>(&'a self, records: &'a Records) -> impl Iterator<Item = u32> + 'a {
        [&self.small, &self.main].into_iter().flat_map(|lane| lane.list.iter(|number| records[number].link))
    }

    /// Goes on with the entries at their new numbers.
    pub(crate) fn renumber(&mut self, moved: &[u32]) {
        self.small.list.renumber(moved);
        self.main.list.renumber(moved);
    }

    fn lane(&mut self, queue: Queue) -> &mut Lane {
        match queue {
            Queue::Small => &mut self.small,
            Queue::Main => &mut self.main,
        }
    }
}
