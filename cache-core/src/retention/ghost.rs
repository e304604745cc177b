//! Fingerprints of what was evicted lately, so that a key that comes back is known to be worth keeping.

/// A set of fingerprints that forgets the oldest: buckets of eight, first in, first out within each.
///
/// S3-FIFO asks for a queue as long as the cache. Buckets keep about that many in 2 bytes each, need no lists, and
/// forget in nearly the same order. (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023.) One
/// in eight thousand of the keys that were never there is taken for one that was.
#[derive(Debug, Default)]
pub(crate) struct Ghosts {
    buckets: Vec<Bucket>,
}

/// Part of one cache line.
#[derive(Clone, Debug)]
#[repr(align(16))]
struct Bucket([u16; BUCKET]);

/// Fingerprints in a bucket.
const BUCKET: usize = 8;
/// Stands for an empty place; a fingerprint of this value is stored as its neighbour.
const EMPTY: u16 = 0;

impl Ghosts {
    /// Makes room for about `entries` fingerprints. Growing forgets what was there.
    #[inline]
    pub(crate) fn fit(&mut self, entries: usize) {
        if entries / BUCKET > self.buckets.len() || self.buckets.is_empty() {
            let wanted = (entries / BUCKET).max(1).next_power_of_two();
            self.buckets = vec![Bucket([EMPTY; BUCKET]); wanted];
        }
    }

    #[inline]
    pub(crate) fn remember(&mut self, hash: u32) {
        let Some(bucket) = self.bucket(hash) else { return };
        bucket.copy_within(0..BUCKET - 1, 1);
        bucket[0] = fingerprint(hash);
    }

    /// Whether the key of this hash was evicted lately. Forgets it.
    #[inline]
    pub(crate) fn recall(&mut self, hash: u32) -> bool {
        let Some(bucket) = self.bucket(hash) else { return false };
        let Some(place) = bucket.iter().position(|&known| known == fingerprint(hash)) else { return false };
        bucket.copy_within(place + 1.., place);
        bucket[BUCKET - 1] = EMPTY;
        true
    }

    #[inline]
    fn bucket(&mut self, hash: u32) -> Option<&mut [u16; BUCKET]> {
        let mask = self.buckets.len().wrapping_sub(1);
        // The low bits choose the bucket: the high ones chose the shard.
        self.buckets.get_mut(hash as usize & mask).map(|bucket| &mut bucket.0)
    }
}

/// Sixteen bits from the middle, of which large caches choose buckets with some.
#[expect(clippy::cast_possible_truncation, reason = "bits from the middle")]
fn fingerprint(hash: u32) -> u16 {
    let fingerprint = (hash >> 12) as u16;
    if fingerprint == EMPTY { EMPTY + 1 } else { fingerprint }
}
