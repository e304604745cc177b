//! Evicts the least recently used key.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::Policy;
use crate::peers::Hasher;

pub struct Lru {
    capacity: usize,
    /// Number of the last request of each key in the cache.
    last_asked: HashMap<u32, u64, Hasher>,
    /// The same in the other direction: the first is the next to be evicted.
    by_request: BTreeMap<u64, u32>,
    requests: u64,
}

impl Lru {
    pub fn new(capacity: usize) -> Self {
        Self { capacity, last_asked: HashMap::default(), by_request: BTreeMap::new(), requests: 0 }
    }
}

impl Policy for Lru {
    fn request(&mut self, key: u32) -> bool {
        self.requests += 1;
        let before = self.last_asked.insert(key, self.requests);
        if let Some(before) = before {
            self.by_request.remove(&before);
        } else if self.by_request.len() == self.capacity
            && let Some((_, oldest)) = self.by_request.pop_first()
        {
            self.last_asked.remove(&oldest);
        }
        self.by_request.insert(self.requests, key);
        before.is_some()
    }
}
