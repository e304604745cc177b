//! The default policy of one shard: two first-in-first-out queues, and a memory of the evicted, which decides how long
//! the first one is. Knows numbers only.
//!
//! S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023): new entries wait in a small
//! queue. Those used enough by the time they reach its head go on to the main queue, the others leave; so a scan passes
//! through the small queue and disturbs nothing. The main queue gives an entry another round for each use. Whoever comes
//! back soon after leaving the small queue goes straight to the main one.
//!
//! # The share of the small queue
//! No fixed one is right everywhere. Where some keys are simply asked for more often than others (zipf), each place of the
//! small queue is one less for them: 1 % is best. Where what was asked for is asked for again soon (databases), a small
//! queue of 1 % pushes entries out just before they are used, and 20 or 30 % is best. So the share follows the keys that
//! come back, as the target of ARC does (Megiddo and Modha, "ARC: a self-tuning, low overhead replacement cache",
//! FAST 2003): a key that left the small queue a short time ago says that this queue was too short, a key that left the
//! main queue that it was the main queue.
//!
//! The small queue evicts many more entries than the main one, and so would be heard more often. What counts is how
//! likely the evicted of a queue are to come back; so each of them has a voice in inverse proportion to the number of
//! its queue that were remembered lately. The older part of the memory has no voice, since a little more room
//! would not have kept such a key; so the share stays small in a loop that is longer than the cache.
//!
//! A ghost of the main queue is evidence and nothing else: its key starts anew in the small queue. If it went back to
//! the main queue, a loop longer than the cache would push out there what it asks for next, and have no hits at all.
//!
//! With a share this small, entries seldom have the time to be used twice; so one use is enough then.

use super::Queue;
use super::ghost::{Ghost, Ghosts};
use super::list::List;
use super::records::Records;

// Where nothing else is said, the values were chosen by exact simulation of the rows `hit-ratio/*` and `trace/*` of the
// bench, and of loops, scans, and hot sets that move (2026-11).

/// The small queue's share of the weight at first. It takes a large cache long to come down from the 10 % of the paper:
/// with those P3 160,000 loses 0.7 points, and zipf keys at 100,000 lose 0.3.
const FIRST_SHARE: f64 = 0.01;
/// The share never falls below this. 1 % loses 0.05 points on zipf keys.
const LEAST_SHARE: f64 = 0.002;
/// The share never grows beyond this. OLTP 256 gains 1 point over 20 %, and 40 % gains 0.1 more.
const MOST_SHARE: f64 = 0.3;
/// How fast the share moves: so many entries for each key that comes back, shared out between the two queues.
/// 1 loses 0.2 points at OLTP 2,000, 4 loses 0.1 at P3 160,000.
const STEP: f64 = 2.0;
/// One of so many that leave the main queue is remembered. All of them would crowd out the ghosts of the small queue:
/// P3 160,000 loses 0.3 points.
const MAIN_EVIDENCE: u32 = 3;
/// When so many are remembered the counts are halved, so that they tell of what was lately. A quarter of it costs
/// 0.1 points at P3 160,000.
const LATELY: u32 = 16_384;
/// Below this share one use takes an entry from the small queue to the main one: gains 0.1 points on zipf keys at
/// 500,000, and 0.3 at P3 160,000.
const SHORT_SHARE: f64 = 0.05;
/// Uses that do so else. One instead loses 2 points at OLTP 256 and 512.
const PROMOTE_AT: u8 = 2;
/// Uses beyond this are not counted. The paper has 3; 7 gains 0.2 points on zipf keys at 10,000 and at OLTP 256,
/// and loses 0.1 at OLTP 2,000, and 1 where all hot keys change each time that 40 requests have come for each place.
pub(crate) const MAX_USES: u8 = 7;

#[derive(Debug)]
pub(crate) struct S3Fifo {
    small: Lane,
    main: Lane,
    ghosts: Ghosts,
    /// What the small queue is to have of the weight.
    small_share: f64,
    /// Ghosts of each queue (small, main) lately.
    remembered: [u32; 2],
    /// Entries that have left the main queue since one of them was remembered.
    main_departures: u32,
}

/// One queue, and what is in it together weighs.
#[derive(Debug, Default)]
struct Lane {
    list: List,
    weight: u64,
}

impl Default for S3Fifo {
    fn default() -> Self {
        Self {
            small: Lane::default(),
            main: Lane::default(),
            ghosts: Ghosts::default(),
            small_share: FIRST_SHARE,
            remembered: [0; 2],
            main_departures: 0,
        }
    }
}

impl S3Fifo {
    /// Queue for an entry that becomes resident. Learns from it if it was here before.
    #[inline]
    pub(crate) fn place(&mut self, hash: u32) -> Queue {
        let Some(Ghost { queue, is_young }) = self.ghosts.recall(hash) else { return Queue::Small };
        if is_young {
            self.adapt(queue);
        }
        match queue {
            Queue::Small => Queue::Main,
            Queue::Main => Queue::Small,
        }
    }

    /// Moves the share after a key has come back that `queue` had no room for.
    fn adapt(&mut self, queue: Queue) {
        let [small, main] = self.remembered.map(|count| f64::from(count) + 1.0);
        let step = STEP / self.len().max(1) as f64;
        let change = match queue {
            Queue::Small => step * main / (small + main),
            Queue::Main => -step * small / (small + main),
        };
        self.small_share = (self.small_share + change).clamp(LEAST_SHARE, MOST_SHARE);
    }

    /// Uses that take an entry from the small queue to the main one.
    #[inline]
    pub(crate) fn promote_at(&self) -> u8 {
        if self.small_share < SHORT_SHARE { 1 } else { PROMOTE_AT }
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
        // No weight reaches the sign, without which the conversion takes one instruction.
        let [weight, total] = [self.small.weight, total].map(|weight| weight.cast_signed() as f64);
        match weight >= self.small_share * total {
            true => small.or(main),
            false => main.or(small),
        }
    }

    /// Notes that an entry is about to leave `queue` for good.
    #[inline]
    pub(crate) fn remember(&mut self, queue: Queue, hash: u32) {
        if queue == Queue::Main {
            self.main_departures = (self.main_departures + 1) % MAIN_EVIDENCE;
            if self.main_departures != 0 {
                return;
            }
        }
        self.ghosts.fit(self.len());
        self.ghosts.remember(hash, queue);
        self.remembered[usize::from(queue.rank())] += 1;
        if self.remembered[0] + self.remembered[1] >= LATELY {
            self.remembered = self.remembered.map(|count| count / 2);
        }
    }

    /// Copies of the small queue and the main one, which lead through the records.
    pub(crate) fn lists(&self) -> [List; 2] {
        [self.small.list.clone(), self.main.list.clone()]
    }

    /// Goes on with the entries at their new numbers.
    pub(crate) fn renumber(&mut self, moved: &[u32]) {
        self.small.list.renumber(moved);
        self.main.list.renumber(moved);
    }

    fn len(&self) -> usize {
        self.small.list.len() + self.main.list.len()
    }

    fn lane(&mut self, queue: Queue) -> &mut Lane {
        match queue {
            Queue::Small => &mut self.small,
            Queue::Main => &mut self.main,
        }
    }
}
