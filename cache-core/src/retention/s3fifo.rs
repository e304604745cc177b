//! The default policy of one shard: two first-in-first-out queues, and ghosts of evicted keys, which decide
//! how long the first queue is. Knows numbers only.
//!
//! S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023): new entries wait in a
//! small queue. Entries with enough uses when they reach its head move on to the main queue, and the others
//! leave. So a scan passes through the small queue and disturbs nothing. The main queue gives an entry
//! another round for each use. A key that comes back soon after leaving the small queue goes straight to the
//! main one.
//!
//! # The share of the small queue
//! No fixed share is right everywhere. Where some keys are simply requested more often than others (zipf),
//! each place in the small queue is one less for them: 1 % is best. Where a requested key is soon requested
//! again (databases), a small queue of 1 % pushes entries out just before they are used, and 20 or 30 % is
//! best. So the share follows the keys that come back, as the target of ARC does (Megiddo and Modha, "ARC: a
//! self-tuning, low overhead replacement cache", FAST 2003): a returning key that left the small queue a
//! short time ago shows that this queue was too short; one that left the main queue shows that the main queue
//! was.
//!
//! The small queue evicts many more entries than the main one, so its ghosts would count more often. What
//! matters is how likely the evicted keys of a queue are to come back. So each ghost weighs in inverse
//! proportion to the number of recent ghosts of its queue. Older ghosts do not count, since a little more
//! room would not have kept such a key. So the share stays small in a loop that is longer than the cache.
//!
//! A ghost of the main queue is only evidence: its key starts again in the small queue. If it went back to
//! the main queue, a loop longer than the cache would evict there what it requests next, and have no hits at
//! all.
//!
//! With a small share, entries are seldom used twice in time, so one use is then enough.

use super::Queue;
use super::ghost::{Ghost, Ghosts};
use super::list::List;
use super::records::Records;

// Unless stated otherwise, the values were chosen by exact simulation of the rows `hit-ratio/*` and `trace/*`
// of the bench, and of loops, scans, and hot sets that move (2026-11).

/// The small queue's initial share of the weight. A large cache takes long to come down from the 10 % of the
/// paper: with 10 %, P3 160,000 loses 0.7 points, and zipf keys at 100,000 lose 0.3.
const FIRST_SHARE: f64 = 0.01;
/// The share never falls below this. 1 % loses 0.05 points on zipf keys.
const MIN_SHARE: f64 = 0.002;
/// The share never grows beyond this. OLTP 256 gains 1 point over 20 %, and 40 % gains 0.1 more.
const MAX_SHARE: f64 = 0.3;
/// How fast the share moves: by this many entries for each key that comes back, divided between the two
/// queues. 1 loses 0.2 points at OLTP 2,000, 4 loses 0.1 at P3 160,000.
const STEP: f64 = 2.0;
/// One in this many entries that leave the main queue is remembered. Remembering all would crowd out the
/// ghosts of the small queue: P3 160,000 loses 0.3 points.
const MAIN_EVIDENCE: u32 = 3;
/// At this many remembered entries the counts are halved, so that they reflect the recent past. A quarter of
/// it costs 0.1 points at P3 160,000.
const LATELY: u32 = 16_384;
/// Below this share, one use moves an entry from the small queue to the main one. Gains 0.1 points on zipf
/// keys at 500,000, and 0.3 at P3 160,000.
const SHORT_SHARE: f64 = 0.05;
/// Uses that move an entry to the main queue otherwise. One instead loses 2 points at OLTP 256 and 512.
const PROMOTE_AT: u8 = 2;
/// Uses beyond this are not counted. The paper has 3; 7 gains 0.2 points on zipf keys at 10,000 and at OLTP
/// 256, and loses 0.1 at OLTP 2,000, and 1 where all hot keys change after every 40 requests for each place.
pub(crate) const MAX_USES: u8 = 7;

#[derive(Debug)]
pub(crate) struct S3Fifo {
    small: Lane,
    main: Lane,
    ghosts: Ghosts,
    /// The target share of the small queue in the weight.
    small_share: f64,
    /// Recent ghosts of each queue (small, main).
    remembered: [u32; 2],
    /// Entries that have left the main queue since one of them was remembered.
    main_departures: u32,
}

/// One queue, with the total weight of its entries.
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
    /// Chooses the queue of an entry that becomes resident. Adapts the share if the entry was here before.
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

    /// Adapts the share after a key that `queue` had no room for has come back.
    fn adapt(&mut self, queue: Queue) {
        let [small, main] = self.remembered.map(|count| f64::from(count) + 1.0);
        let step = STEP / self.len().max(1) as f64;
        let change = match queue {
            Queue::Small => step * main / (small + main),
            Queue::Main => -step * small / (small + main),
        };
        self.small_share = (self.small_share + change).clamp(MIN_SHARE, MAX_SHARE);
    }

    /// Returns the number of uses that move an entry from the small queue to the main one.
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

    /// Returns the entry at the head of the queue that should evict next, among the queues (small, main) that
    /// are not `exhausted`.
    #[inline]
    pub(crate) fn candidate(&self, exhausted: [bool; 2]) -> Option<(Queue, u32)> {
        let total = self.small.weight + self.main.weight;
        let small = self.small.list.first().filter(|_| !exhausted[0]).map(|number| (Queue::Small, number));
        let main = self.main.list.first().filter(|_| !exhausted[1]).map(|number| (Queue::Main, number));
        // No weight reaches the sign bit, and a signed conversion takes one instruction.
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

    /// Returns copies of the small queue and the main queue, whose links are in the records.
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
