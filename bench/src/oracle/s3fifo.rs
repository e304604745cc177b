//! S3-FIFO, as in algorithm 1 of J. Yang, Y. Zhang, Z. Qiu, Y. Yue and K. V. Rashmi, "FIFO Queues are All You Need for
//! Cache Eviction", SOSP 2023: a small queue for new keys, a main queue for keys that were requested again, and a ghost
//! queue of keys that have left the small one.

use std::collections::VecDeque;

use hashbrown::HashMap;

use super::Policy;
use crate::peers::Hasher;

/// The settings that the paper does not fix.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Share of the small queue, in percent of the capacity.
    pub small_percent: usize,
    /// Hits in the small queue that move a key into the main queue.
    pub promote_at: u8,
}

impl Setting {
    pub const PAPER: Self = Self { small_percent: 10, promote_at: 2 };
    pub const LARGE_SMALL_QUEUE: Self = Self { small_percent: 20, promote_at: 2 };
}

/// Keys that are remembered after they have left the small queue, in percent of the capacity: as many as the paper's
/// main queue holds.
const GHOST_PERCENT: usize = 90;

/// Further hits are not counted.
const MOST_HITS: u8 = 3;

pub struct S3Fifo {
    setting: Setting,
    capacity: usize,
    small_capacity: usize,
    /// Hits of each key in the small or the main queue.
    hits: HashMap<u32, u8, Hasher>,
    /// The front of each queue is its oldest key.
    pub(super) small: VecDeque<u32>,
    pub(super) main: VecDeque<u32>,
    ghosts: Ghosts,
}

impl S3Fifo {
    pub fn new(capacity: usize, setting: Setting) -> Self {
        let small_capacity = (capacity * setting.small_percent / 100).max(1);
        Self {
            setting,
            capacity,
            small_capacity,
            hits: HashMap::default(),
            small: VecDeque::new(),
            main: VecDeque::new(),
            ghosts: Ghosts::new(capacity * GHOST_PERCENT / 100),
        }
    }

    fn insert(&mut self, key: u32) {
        while self.hits.len() >= self.capacity {
            self.evict();
        }
        let queue = if self.ghosts.remove(key) { &mut self.main } else { &mut self.small };
        queue.push_back(key);
        self.hits.insert(key, 0);
    }

    fn evict(&mut self) {
        if self.small.len() >= self.small_capacity || self.main.is_empty() {
            self.evict_small();
        } else {
            self.evict_main();
        }
    }

    /// Moves requested keys into the main queue until it finds one that was not requested, and evicts that one. There
    /// may be none.
    fn evict_small(&mut self) {
        while let Some(key) = self.small.pop_front() {
            if self.hits[&key] < self.setting.promote_at {
                self.hits.remove(&key);
                self.ghosts.add(key);
                return;
            }
            self.hits.insert(key, 0);
            self.main.push_back(key);
            if self.main.len() > self.capacity - self.small_capacity {
                self.evict_main();
            }
        }
    }

    /// Gives each requested key another round until it finds one that was not requested, and evicts that one.
    fn evict_main(&mut self) {
        while let Some(key) = self.main.pop_front() {
            let hits = self.hits[&key];
            if hits == 0 {
                self.hits.remove(&key);
                return;
            }
            self.hits.insert(key, hits - 1);
            self.main.push_back(key);
        }
    }
}

impl Policy for S3Fifo {
    fn request(&mut self, key: u32) -> bool {
        if let Some(hits) = self.hits.get_mut(&key) {
            *hits = MOST_HITS.min(*hits + 1);
            return true;
        }
        self.insert(key);
        false
    }
}

/// The keys that were evicted last, in the order of their eviction.
pub(super) struct Ghosts {
    capacity: usize,
    /// Number of the eviction that put a key here.
    departure: HashMap<u32, u64, Hasher>,
    /// May contain keys that came back since; their eviction has another number or none.
    queue: VecDeque<(u32, u64)>,
    departures: u64,
}

impl Ghosts {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, departure: HashMap::default(), queue: VecDeque::new(), departures: 0 }
    }

    pub(super) fn add(&mut self, key: u32) {
        self.departures += 1;
        self.departure.insert(key, self.departures);
        self.queue.push_back((key, self.departures));
        while self.departure.len() > self.capacity
            && let Some((oldest, departure)) = self.queue.pop_front()
        {
            if self.departure.get(&oldest) == Some(&departure) {
                self.departure.remove(&oldest);
            }
        }
    }

    /// Returns whether it was present.
    pub(super) fn remove(&mut self, key: u32) -> bool {
        self.departure.remove(&key).is_some()
    }
}
