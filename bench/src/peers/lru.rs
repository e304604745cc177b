//! `lru` behind one lock.

use std::num::NonZero;

use ::lru::LruCache;
use parking_lot::Mutex;

use super::{Hasher, Peer, Read, Value};

pub struct Lru(Mutex<LruCache<u64, Value, Hasher>>);

impl Read for Lru {
    const NAME: &'static str = "mutex-lru";

    #[inline]
    fn get(&self, key: u64) -> Option<Value> {
        self.0.lock().get(&key).cloned()
    }
}

impl Peer for Lru {
    fn with_capacity(entries: u64) -> Self {
        let entries = usize::try_from(entries).ok().and_then(NonZero::new);
        // Capacities are constants of the workloads.
        let entries = entries.expect("a capacity is at least 1");
        Self(Mutex::new(LruCache::with_hasher(entries, Hasher::default())))
    }

    #[inline]
    fn insert(&self, key: u64, value: Value) {
        let displaced = self.0.lock().push(key, value);
        drop(displaced);
    }

    #[inline]
    fn remove(&self, key: u64) {
        let removed = self.0.lock().pop(&key);
        drop(removed);
    }
}
