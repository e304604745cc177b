//! Where the entries of a shard are: line numbers by key hash. The records hold the hashes. Knows no keys, so
//! it is compiled once.
//!
//! A hash table whose buckets are cache lines. A bucket holds the tags and numbers of twelve entries, and a
//! lookup usually reads one bucket. A full bucket counts the entries that overflowed past it, so a search
//! knows where to stop and a removal leaves no tombstone (the idea of F14: Bronson and Shi, "Open-sourcing
//! F14 for faster, more memory-efficient hash tables", 2019).

#[cfg(test)]
mod tests;

use crate::hash_index::spread;
use crate::retention::records::Records;

#[derive(Default)]
pub(crate) struct Index {
    buckets: Box<[Bucket]>,
}

/// Entries of one bucket.
const LANES: usize = 12;
/// Average number of occupied lanes per bucket above which the index grows.
const MAX_TAKEN: usize = 9;

#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
struct Bucket {
    /// The tags of the lanes, 0 for a vacant lane. Then, in 32 bits, the number of entries that overflowed
    /// past the bucket.
    head: [u8; 16],
    numbers: [u32; LANES],
}

impl Index {
    /// Creates an index of the records below `end`, all of which belong to entries.
    pub(super) fn of(records: &Records, end: u32) -> Self {
        let mut index = Self::with_room_for(end as usize);
        for number in 0..end {
            index.place(number, records[number].hash);
        }
        index
    }

    fn with_room_for(entries: usize) -> Self {
        Self { buckets: vec![Bucket::default(); entries.div_ceil(MAX_TAKEN)].into() }
    }

    /// Calls `check` with each number that may have this hash, and returns its first `Some`. Uses plain
    /// loops, since it is compiled for each query.
    #[inline(always)]
    pub(super) fn find<T>(&self, hash: u32, mut check: impl FnMut(u32) -> Option<T>) -> Option<T> {
        let (home, tag) = self.start_of(hash);
        let bucket = self.buckets.get(home)?;
        for lane in bucket.lanes(tag) {
            let found = check(bucket.numbers[lane]);
            if found.is_some() {
                return found;
            }
        }
        if bucket.passed() == 0 {
            return None;
        }
        let mut further = Further { at: home, left: self.buckets.len() - 1, lanes: Lanes(0) };
        while let Some(number) = self.next_further(tag, &mut further) {
            let found = check(number);
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Returns the next number with a tag among the entries that overflowed their bucket.
    #[cold]
    #[inline(never)]
    fn next_further(&self, tag: u8, further: &mut Further) -> Option<u32> {
        loop {
            if let Some(lane) = further.lanes.next() {
                return Some(self.buckets[further.at].numbers[lane]);
            }
            if further.left == 0 {
                return None;
            }
            further.left -= 1;
            further.at = self.next(further.at);
            let bucket = &self.buckets[further.at];
            further.lanes = bucket.lanes(tag);
            if bucket.passed() == 0 {
                further.left = 0;
            }
        }
    }

    /// Adds a record that has just been occupied.
    #[inline]
    pub(super) fn insert(&mut self, number: u32, records: &Records) {
        let taken = records.occupied();
        if taken > self.buckets.len() * MAX_TAKEN {
            self.rebuild(taken + taken / 4, records);
        }
        self.place(number, records[number].hash);
    }

    #[inline]
    pub(super) fn remove(&mut self, number: u32, records: &Records) {
        let (mut at, tag) = self.start_of(records[number].hash);
        for _ in 0..self.buckets.len() {
            let bucket = &mut self.buckets[at];
            if bucket.remove(tag, number) {
                return;
            }
            bucket.set_passed(bucket.passed() - 1);
            at = self.next(at);
        }
    }

    /// Reserves room for `entries` more.
    pub(super) fn reserve(&mut self, entries: usize, records: &Records) {
        let entries = records.occupied() + entries;
        if entries > self.buckets.len() * MAX_TAKEN {
            self.rebuild(entries, records);
        }
    }

    /// Returns the bucket where the search for a hash starts, and the tag to look for, which is not 0.
    #[inline]
    fn start_of(&self, hash: u32) -> (usize, u8) {
        let spread = spread(hash);
        let home = ((spread >> 32) * self.buckets.len() as u64) >> 32;
        #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
        let tag = spread as u8;
        (home as usize, tag + u8::from(tag == 0))
    }

    /// Returns the bucket where a search continues.
    #[inline]
    fn next(&self, at: usize) -> usize {
        if at + 1 < self.buckets.len() { at + 1 } else { 0 }
    }

    /// Adds a number for which there is a vacant lane.
    #[inline]
    fn place(&mut self, number: u32, hash: u32) {
        let (mut at, tag) = self.start_of(hash);
        loop {
            let bucket = &mut self.buckets[at];
            if bucket.put(tag, number) {
                return;
            }
            bucket.set_passed(bucket.passed() + 1);
            at = self.next(at);
        }
    }

    /// Rebuilds the index with room for `entries` entries.
    #[cold]
    fn rebuild(&mut self, entries: usize, records: &Records) {
        let old = std::mem::replace(self, Self::with_room_for(entries));
        for number in old.buckets.iter().flat_map(Bucket::taken) {
            self.place(number, records[number].hash);
        }
    }
}

/// The progress of a search beyond its first bucket.
struct Further {
    at: usize,
    /// Buckets still to be searched.
    left: usize,
    lanes: Lanes,
}

/// Some lanes of a bucket, a bit for each.
struct Lanes(u32);

impl Iterator for Lanes {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let lane = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(lane)
    }
}

impl Bucket {
    /// Returns the lanes with a tag.
    #[inline]
    fn lanes(&self, tag: u8) -> Lanes {
        Lanes(equal_bytes(self.head, tag) & ((1 << LANES) - 1))
    }

    /// Puts a number into a vacant lane, if there is one.
    fn put(&mut self, tag: u8, number: u32) -> bool {
        let Some(lane) = self.lanes(0).next() else { return false };
        self.numbers[lane] = number;
        self.head[lane] = tag;
        true
    }

    /// Vacates the lane with a number, if there is one.
    fn remove(&mut self, tag: u8, number: u32) -> bool {
        let Some(lane) = self.lanes(tag).find(|&lane| self.numbers[lane] == number) else { return false };
        self.head[lane] = 0;
        true
    }

    /// Returns the numbers in all occupied lanes.
    fn taken(&self) -> impl Iterator<Item = u32> {
        self.numbers.iter().zip(self.head).filter(|&(_, tag)| tag != 0).map(|(&number, _)| number)
    }

    /// Returns how many entries overflowed to the next bucket.
    #[inline]
    fn passed(&self) -> u32 {
        let [.., a, b, c, d] = self.head;
        u32::from_ne_bytes([a, b, c, d])
    }

    fn set_passed(&mut self, passed: u32) {
        self.head[LANES..].copy_from_slice(&passed.to_ne_bytes());
    }
}

/// Returns a mask with one bit for each byte equal to `byte`.
#[cfg(target_feature = "sse2")]
#[inline]
fn equal_bytes(bytes: [u8; 16], byte: u8) -> u32 {
    use safe_arch::{cmp_eq_mask_i8_m128i, m128i, move_mask_i8_m128i, set_splat_i8_m128i};

    let equal = cmp_eq_mask_i8_m128i(m128i::from(bytes), set_splat_i8_m128i(byte.cast_signed()));
    move_mask_i8_m128i(equal).cast_unsigned()
}

#[cfg(not(target_feature = "sse2"))]
use equal_bytes_anywhere as equal_bytes;

#[cfg(any(test, not(target_feature = "sse2")))]
#[inline]
fn equal_bytes_anywhere(bytes: [u8; 16], byte: u8) -> u32 {
    bytes.iter().rev().fold(0, |bits, &other| bits << 1 | u32::from(other == byte))
}
