//! The metadata of each line of a shard that a hit does not read, by line number. Knows neither keys nor
//! values.

use std::hint::black_box;
use std::ops::{Index, IndexMut};

use super::list::{Link, Linked, NONE};
use crate::clock::Moment;

/// Half a cache line, aligned so that it never crosses into another one.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(crate) struct Record {
    /// Place in the list of the line; also links the vacant lines.
    pub(crate) link: Link,
    /// Stored so that the index can grow and shrink without calling the key's `Hash`.
    pub(crate) hash: u32,
    pub(crate) weight: u32,
    pub(crate) revision: u64,
    pub(crate) as_of: Moment,
}

impl Linked for Record {
    #[inline]
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }
}

/// The records of all lines, vacant ones included.
#[derive(Debug)]
pub(crate) struct Records {
    records: Vec<Record>,
    /// The line that is taken next.
    vacant: u32,
    /// Lines that are not vacant.
    occupied: usize,
}

impl Default for Records {
    fn default() -> Self {
        Self { records: Vec::new(), vacant: NONE, occupied: 0 }
    }
}

impl Records {
    pub(crate) fn reserve(&mut self, lines: usize) {
        self.records.reserve(lines);
    }

    /// Takes a vacant line, or a new one at the end. Returns its number.
    ///
    /// # Panics
    /// Beyond 2³² - 1 lines in one shard.
    #[inline]
    pub(crate) fn occupy(&mut self, record: Record) -> u32 {
        self.occupied += 1;
        if self.vacant != NONE {
            let number = self.vacant;
            self.vacant = std::mem::replace(&mut self[number], record).link.next();
            return number;
        }
        let number = u32::try_from(self.records.len()).ok().filter(|&number| number != NONE);
        grow(&mut self.records);
        self.records.push(record);
        number.expect("a shard has fewer than 2^32 entries")
    }

    #[inline]
    pub(crate) fn vacate(&mut self, number: u32) {
        self[number].link = Link::to(self.vacant);
        self.vacant = number;
        self.occupied -= 1;
    }

    /// Returns the records of all lines, vacant ones included.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Record> {
        self.records.iter()
    }

    /// Prefetches the records of some lines.
    pub(crate) fn fetch(&self, numbers: &[u32]) {
        let hashes = numbers.iter().filter_map(|&number| self.records.get(number as usize));
        black_box(hashes.fold(0, |sum: u32, record| sum.wrapping_add(record.hash)));
    }

    pub(crate) fn occupied(&self) -> usize {
        self.occupied
    }

    #[inline]
    pub(crate) fn as_mut_slice(&mut self) -> &mut [Record] {
        &mut self.records
    }

    /// Moves the records to their new numbers, which ascend from 0. Drops records without a new number.
    pub(crate) fn renumber(&mut self, moved: &[u32]) {
        let mut numbers = moved.iter();
        self.records.retain_mut(|record| {
            record.link.renumber(moved);
            numbers.next().is_some_and(|&number| number != NONE)
        });
        self.records.shrink_to(2 * self.records.len());
        self.vacant = NONE;
        self.occupied = self.records.len();
    }
}

/// Reserves room for one more element, and for a quarter of the list: a list that stops growing at some size
/// should not have room for twice as many.
#[inline]
pub(crate) fn grow<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / 4 + 4);
    }
}

impl Index<u32> for Records {
    type Output = Record;

    #[inline]
    fn index(&self, number: u32) -> &Record {
        &self.records[number as usize]
    }
}

impl IndexMut<u32> for Records {
    #[inline]
    fn index_mut(&mut self, number: u32) -> &mut Record {
        &mut self.records[number as usize]
    }
}
