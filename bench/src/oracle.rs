//! Exact eviction policies: one thread, exact counts, no hashing of fingerprints, no shards. Replayed traces compare
//! our tables and their peers with them.

mod lru;
mod s3fifo;
#[cfg(test)]
mod tests;

pub use lru::Lru;
pub use s3fifo::{S3Fifo, Setting};

use crate::measure::Contestant;

pub trait Policy {
    /// Requests a key, which is in the cache afterwards. Returns whether it was present before.
    fn request(&mut self, key: u32) -> bool;
}

/// All policies, with empty caches of `capacity` entries. Each run begins with empty ones.
pub fn contestants(capacity: usize) -> [Contestant; 3] {
    [
        contestant("sim-lru", move || Lru::new(capacity)),
        contestant("sim-s3fifo", move || S3Fifo::new(capacity, Setting::PAPER)),
        contestant("sim-s3fifo-20", move || S3Fifo::new(capacity, Setting::LARGE_SMALL_QUEUE)),
    ]
}

fn contestant<P: Policy>(name: &'static str, make: impl Fn() -> P + Send + Sync + 'static) -> Contestant {
    Contestant::new(name, move |keys| hits(&mut make(), keys))
}

fn hits(policy: &mut impl Policy, keys: &[u32]) -> usize {
    keys.iter().filter(|&&key| policy.request(key)).count()
}
