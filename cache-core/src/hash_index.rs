//! Places in a list, by the hash of the element. Knows nothing else about the elements, so it is compiled
//! once.

use hashbrown::HashTable;

/// Hashes with places.
#[derive(Default)]
pub(crate) struct HashIndex(HashTable<(u32, usize)>);

impl HashIndex {
    #[inline]
    pub(crate) fn find(&self, hash: u32, mut is_it: impl FnMut(usize) -> bool) -> Option<usize> {
        let found = self.0.find(spread(hash), |&(known, at)| known == hash && is_it(at));
        found.map(|&(_, at)| at)
    }

    pub(crate) fn insert(&mut self, hash: u32, at: usize) {
        self.0.insert_unique(spread(hash), (hash, at), |&(hash, _)| spread(hash));
    }

    /// Removes the element at a place.
    pub(crate) fn remove(&mut self, hash: u32, at: usize) {
        if let Ok(found) = self.0.find_entry(spread(hash), |&known| known == (hash, at)) {
            found.remove();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Spreads a hash of 32 bits over 64 (Fibonacci hashing), for hash tables that take a position from some bits
/// and a tag from others.
#[inline]
pub(crate) fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
