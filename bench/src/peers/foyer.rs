//! `foyer` in memory, with its scan-resistant policy, whose reads take no exclusive lock.

use foyer_memory::{Cache, CacheBuilder, CacheProperties, S3FifoConfig};

use super::{Hasher, Peer, Read, Value};

pub struct Foyer(Cache<u64, Value, Hasher, CacheProperties>);

impl Read for Foyer {
    const NAME: &'static str = "foyer";

    #[inline]
    fn get(&self, key: u64) -> Option<Value> {
        self.0.get(&key).map(|entry| entry.value().clone())
    }
}

impl Peer for Foyer {
    fn with_capacity(entries: u64) -> Self {
        let capacity = usize::try_from(entries).unwrap_or(usize::MAX);
        let builder = CacheBuilder::new(capacity).with_eviction_config(S3FifoConfig::default());
        Self(builder.with_hash_builder(Hasher::default()).build())
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
