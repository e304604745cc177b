//! `moka`, the synchronous flavour.

use ::moka::sync::Cache;

use super::{Hasher, Peer, Read, Value};

pub struct Moka(Cache<u64, Value, Hasher>);

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

    fn settle(&self) {
        self.0.run_pending_tasks();
    }
}
