//! Fingerprints of recently evicted keys, so that a key that comes back is known to be worth keeping.

#[cfg(test)]
mod tests;

use super::Queue;

/// A set of fingerprints that forgets the oldest: buckets of eight, first in, first out within each.
///
/// S3-FIFO needs a queue as long as the cache. Buckets keep that many in 2 bytes each, need no lists, and
/// forget in nearly the same order. (Yang et al., "FIFO queues are all you need for cache eviction", SOSP
/// 2023.) One in four thousand of the keys that were never there is taken for one that was.
///
/// The length matters: half as many again cost 0.25 points on zipf keys and 0.4 at OLTP 512, a third less
/// costs 2 points at P3 20,000 (exact simulation of the bench's rows `hit-ratio` and `trace`, 2026-11). So
/// the number of buckets is exact, and not rounded up to a power of two.
#[derive(Debug, Default)]
pub(crate) struct Ghosts {
    buckets: Vec<Bucket>,
}

/// The facts about a key that has come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ghost {
    /// The queue that it left.
    pub(crate) queue: Queue,
    /// Whether it is among the youngest quarter.
    pub(crate) is_young: bool,
}

/// Part of one cache line: eight fingerprints of 16 bits, the youngest in the lowest.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket(u128);

/// Fingerprints in a bucket.
const BUCKET: usize = 8;
/// Bits of a fingerprint.
const BITS: u32 = u16::BITS;
/// Number of young fingerprints in a bucket. If all were young, OLTP 512 and 1,000 would lose 0.4 points, and
/// P3 160,000 0.3.
const YOUNG: usize = 2;
/// Stands for an empty place; a fingerprint of this value is stored as its neighbour.
const EMPTY: u16 = 0;
/// Set beside a fingerprint from the main queue.
const FROM_MAIN: u16 = 1 << 15;
/// The lowest bit of each place of a bucket.
const EACH: u128 = u128::MAX / u16::MAX as u128;

impl Ghosts {
    /// Makes room for `entries` fingerprints, or somewhat fewer if there was some before. Growing forgets what was
    /// there.
    #[inline]
    pub(crate) fn fit(&mut self, entries: usize) {
        let wanted = entries.div_ceil(BUCKET).max(1);
        if wanted > self.buckets.len() + self.buckets.len() / 4 {
            self.buckets = vec![Bucket::default(); wanted];
        }
    }

    #[inline]
    pub(crate) fn remember(&mut self, hash: u32, queue: Queue) {
        let Some(Bucket(known)) = self.bucket(hash) else { return };
        let fingerprint = match queue {
            Queue::Small => fingerprint(hash),
            Queue::Main => fingerprint(hash) | FROM_MAIN,
        };
        *known = *known << BITS | u128::from(fingerprint);
    }

    /// Returns the ghost of the key with this hash, if it was evicted recently. Forgets it.
    #[inline]
    pub(crate) fn recall(&mut self, hash: u32) -> Option<Ghost> {
        let bucket = self.bucket(hash)?;
        let place = bucket.find(fingerprint(hash))?;
        let queue = if bucket.at(place) & FROM_MAIN == 0 { Queue::Small } else { Queue::Main };
        bucket.take_out(place);
        Some(Ghost { queue, is_young: place < YOUNG })
    }

    #[inline]
    fn bucket(&mut self, hash: u32) -> Option<&mut Bucket> {
        // Fibonacci hashing: the high bits alone do not suffice, since they have chosen the shard.
        let spread = u64::from(hash.wrapping_mul(0x9E37_79B9));
        let place = (spread * self.buckets.len() as u64) >> 32;
        self.buckets.get_mut(place as usize)
    }
}

impl Bucket {
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
    fn at(self, place: usize) -> u16 {
        (self.0 >> (place as u32 * BITS)) as u16
    }

    /// Returns the place of a fingerprint, whatever queue it is from.
    #[inline]
    fn find(self, fingerprint: u16) -> Option<usize> {
        // All places at once: each difference is less than the bit that it is subtracted from, and so borrows
        // from no other place.
        const TOP: u128 = EACH * FROM_MAIN as u128;
        let differences = (self.0 & !TOP) ^ (EACH * u128::from(fingerprint));
        let equal = (TOP - differences) & TOP;
        (equal != 0).then(|| (equal.trailing_zeros() / BITS) as usize)
    }

    /// Forgets the fingerprint at a place, and moves the older ones up.
    fn take_out(&mut self, place: usize) {
        let younger = (1 << (place as u32 * BITS)) - 1;
        self.0 = self.0 & younger | self.0 >> BITS & !younger;
    }
}

/// Returns fifteen bits from the middle.
#[expect(clippy::cast_possible_truncation, reason = "bits from the middle")]
fn fingerprint(hash: u32) -> u16 {
    let fingerprint = (hash >> 12) as u16 & !FROM_MAIN;
    if fingerprint == EMPTY { EMPTY + 1 } else { fingerprint }
}
