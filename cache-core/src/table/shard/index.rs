//! Where the entries of a shard are: numbers of slots by the hashes of their keys, which the records hold. Knows no
//! keys, so that it is compiled once.

use hashbrown::HashTable;

use super::spread;
use crate::retention::records::Records;

pub(super) struct Index(HashTable<u32>);

impl Index {
    pub(super) fn new() -> Self {
        Self(HashTable::new())
    }

    /// An index of the records below `end`, all of which are of entries.
    pub(super) fn of(records: &Records, end: u32) -> Self {
        let mut index = HashTable::with_capacity(end as usize);
        for number in 0..end {
            index.insert_unique(spread(records[number].hash), number, |_| 0);
        }
        Self(index)
    }

    #[inline]
    pub(super) fn find(&self, hash: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        self.0.find(spread(hash), |&number| is_it(number)).copied()
    }

    pub(super) fn insert(&mut self, number: u32, records: &Records) {
        self.0.insert_unique(spread(records[number].hash), number, |&number| spread(records[number].hash));
    }

    pub(super) fn remove(&mut self, number: u32, records: &Records) {
        if let Ok(found) = self.0.find_entry(spread(records[number].hash), |&known| known == number) {
            found.remove();
        }
    }

    /// Makes room for so many more.
    pub(super) fn reserve(&mut self, entries: usize, records: &Records) {
        self.0.reserve(entries, |&number| spread(records[number].hash));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
