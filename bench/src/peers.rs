//! What the harness needs of a cache, and the caches themselves. Knows nothing of workloads.

mod concread;
mod dashmap;
mod floor;
mod foyer;
mod lru;
mod moka;
mod ours;
mod papaya;
mod quick_cache;

use std::sync::Arc;

pub use concread::Concread;
pub use dashmap::Dashmap;
pub use floor::Floor;
pub use foyer::Foyer;
pub use lru::Lru;
pub use moka::Moka;
pub use ours::{BenchRegistry, GetPayload, Ours};
pub use papaya::Papaya;
pub use quick_cache::QuickCache;

/// The hasher of all contestants.
pub type Hasher = foldhash::fast::RandomState;

/// The cached value: one cache line.
pub type Value = Arc<[u64; 8]>;

/// A value that nothing else holds.
pub fn value_of(key: u64) -> Value {
    Arc::new([key; 8])
}

pub trait Read: Send + Sync + 'static {
    const NAME: &'static str;

    fn get(&self, key: u64) -> Option<Value>;
}

/// A cache that evicts.
pub trait Peer: Read {
    fn with_capacity(entries: u64) -> Self;

    fn insert(&self, key: u64, value: Value);

    fn remove(&self, key: u64);

    /// Does the cache's deferred work, so that it is not part of the next measurement.
    fn settle(&self) {}
}
