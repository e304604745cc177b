//! `moka`, the synchronous variant.

use std::time::Duration;

use ::moka::sync::Cache;

use super::{Hasher, Peer, Read, Value};

pub struct Moka(Cache<u64, Value, Hasher>);

impl Moka {
    pub fn with_time_to_live(entries: u64, time: Duration) -> Self {
        let builder = Cache::builder().max_capacity(entries).time_to_live(time);
        Self(builder.build_with_hasher(Hasher::default()))
    }

    /// The value of a key. If it is absent, one caller at a time makes it with `load`.
    #[inline]
    pub fn get_or_load(&self, key: u64, load: impl FnOnce() -> Value) -> Value {
        self.0.get_with(key, load)
    }
}

impl Read for Moka {
    const NAME: &'static str = "moka";

    #[inline]
    fn get(&self, key: u64) -> Option<Value> {
        self.0.get(&key)
    }
}

impl Peer for Moka {
    fn with_capacity(entries: u64) -> Self {
        Self(Cache::builder().max_capacity(entries).build_with_hasher(Hasher::default()))
    }

    #[inline]
    fn insert(&self, key: u64, value: Value) {
        self.0.insert(key, value);
    }

    #[inline]
    fn remove(&self, key: u64) {
        self.0.invalidate(&key);
    }

    fn settle(&self) {
        self.0.run_pending_tasks();
    }
}
