//! `quick_cache`, the synchronous flavour.

use ::quick_cache::UnitWeighter;
use ::quick_cache::sync::{Cache, DefaultLifecycle};

use super::{Hasher, Peer, Read, Value};

pub struct QuickCache(Cache<u64, Value, UnitWeighter, Hasher>);

impl Read for QuickCache {
    const NAME: &'static str = "quick_cache";

    #[inline]
    fn get(&self, key: u64) -> Option<Value> {
        self.0.get(&key)
    }
}

impl Peer for QuickCache {
    fn with_capacity(entries: u64) -> Self {
        let expected = usize::try_from(entries).unwrap_or(usize::MAX);
        Self(Cache::with(expected, entries, UnitWeighter, Hasher::default(), DefaultLifecycle::default()))
    }

    #[inline]
    fn insert(&self, key: u64, value: Value) {
        self.0.insert(key, value);
    }
}
