//! `quick_cache`, the synchronous variant.

use std::convert::Infallible;

use ::quick_cache::UnitWeighter;
use ::quick_cache::sync::{Cache, DefaultLifecycle};

use super::{Hasher, Peer, Read, Value};

pub struct QuickCache(Cache<u64, Value, UnitWeighter, Hasher>);

impl QuickCache {
    /// The value of a key. If it is absent, one caller at a time makes it with `load`.
    #[inline]
    pub fn get_or_load(&self, key: u64, load: impl FnOnce() -> Value) -> Value {
        let result: Result<_, Infallible> = self.0.get_or_insert_with(&key, || Ok(load()));
        match result {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }
}

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

    #[inline]
    fn remove(&self, key: u64) {
        drop(self.0.remove(&key));
    }
}
