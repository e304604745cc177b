//! The two queues of the default policy and its ghosts, with the rules in their simplest form.
//!
//! Exact for as many entries as fit into one bucket of the store's ghosts: eight. Beyond that, the hashes of
//! the keys decide what is forgotten.

use std::collections::VecDeque;

pub const MAX_USES: u8 = 7;
/// Number of keys that are remembered.
const GHOSTS: usize = 8;
/// Number of ghosts whose return moves the share of the small queue.
const YOUNG_GHOSTS: usize = 2;
/// One in this many entries that leave the main queue becomes a ghost.
const MAIN_EVIDENCE: u32 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    Small,
    Main,
}

#[derive(Debug)]
pub struct Queues {
    small: VecDeque<u16>,
    main: VecDeque<u16>,
    /// The youngest first.
    ghosts: VecDeque<(u16, Queue)>,
    /// The target share of the small queue.
    share: f64,
    /// Number of ghosts from each queue. The tests are too short for it to be halved.
    from_small: u32,
    from_main: u32,
    main_departures: u32,
}

/// An entry that is about to enter a queue, and counts as if it were there.
#[derive(Clone, Copy, Debug)]
pub struct Coming {
    pub queue: Queue,
    pub weight: u64,
}

impl Default for Queues {
    fn default() -> Self {
        Self {
            small: VecDeque::new(),
            main: VecDeque::new(),
            ghosts: VecDeque::new(),
            share: 0.01,
            from_small: 0,
            from_main: 0,
            main_departures: 0,
        }
    }
}

impl Queues {
    /// Returns all entries, the small queue first.
    pub fn keys(&self) -> impl Iterator<Item = u16> {
        self.small.iter().chain(&self.main).copied()
    }

    pub fn queue_of(&self, key: u16) -> Queue {
        if self.main.contains(&key) { Queue::Main } else { Queue::Small }
    }

    pub fn push(&mut self, queue: Queue, key: u16) {
        match queue {
            Queue::Small => self.small.push_back(key),
            Queue::Main => self.main.push_back(key),
        }
    }

    pub fn remove(&mut self, key: u16) {
        self.small.retain(|&known| known != key);
        self.main.retain(|&known| known != key);
    }

    pub fn move_to(&mut self, queue: Queue, key: u16) {
        self.remove(key);
        self.push(queue, key);
    }

    /// Chooses the queue of a new entry. A ghost of the small queue belongs to the main one; a young ghost of
    /// either shows that its queue was too short.
    pub fn place(&mut self, key: u16) -> Queue {
        let Some(age) = self.ghosts.iter().position(|&(ghost, _)| ghost == key) else { return Queue::Small };
        let (_, left) = self.ghosts.remove(age).unwrap();
        if age < YOUNG_GHOSTS {
            let (small, main) = (f64::from(self.from_small) + 1.0, f64::from(self.from_main) + 1.0);
            let step = 2.0 / self.keys().count().max(1) as f64;
            self.share += match left {
                Queue::Small => step * main / (small + main),
                Queue::Main => -step * small / (small + main),
            };
            self.share = self.share.clamp(0.002, 0.3);
        }
        if left == Queue::Small { Queue::Main } else { Queue::Small }
    }

    /// Returns the number of uses that move an entry from the small queue to the main one.
    pub fn promote_at(&self) -> u8 {
        if self.share < 0.05 { 1 } else { 2 }
    }

    /// Returns the head of the queue that should evict next, among the queues (small, main) that are not
    /// exhausted.
    pub fn candidate(
        &self,
        weight: impl Fn(u16) -> u64,
        coming: Option<Coming>,
        exhausted: [bool; 2],
    ) -> Option<(Queue, u16)> {
        let weight_of = |keys: &VecDeque<u16>, queue| {
            let coming = coming.filter(|coming| coming.queue == queue).map_or(0, |coming| coming.weight);
            keys.iter().map(|&key| weight(key)).sum::<u64>() + coming
        };
        let small_weight = weight_of(&self.small, Queue::Small);
        let total = small_weight + weight_of(&self.main, Queue::Main);
        let small = self.small.front().filter(|_| !exhausted[0]).map(|&key| (Queue::Small, key));
        let main = self.main.front().filter(|_| !exhausted[1]).map(|&key| (Queue::Main, key));
        match small_weight as f64 >= self.share * total as f64 {
            true => small.or(main),
            false => main.or(small),
        }
    }

    /// Records that an entry leaves its queue permanently.
    pub fn remember(&mut self, key: u16, left: Queue) {
        match left {
            Queue::Small => self.from_small += 1,
            Queue::Main => {
                self.main_departures += 1;
                if !self.main_departures.is_multiple_of(MAIN_EVIDENCE) {
                    return;
                }
                self.from_main += 1;
            }
        }
        self.ghosts.push_front((key, left));
        self.ghosts.truncate(GHOSTS);
    }
}
