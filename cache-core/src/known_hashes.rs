//! Finds the elements of a new list that occur twice, by their hashes. Knows nothing else about the elements. Cheaper
//! than a [`HashIndex`](crate::hash_index::HashIndex), since its size is known and nothing is removed.

use smallvec::SmallVec;

use crate::hash_index::spread;

/// The places of elements, by their hashes.
pub(crate) struct KnownHashes {
    /// Places plus 1; 0 for a slot without an element. At least twice as many as there may be elements; a power of two.
    slots: SmallVec<[u32; INLINE]>,
    /// How far to shift a spread hash for the number of its first slot.
    shift: u32,
}

/// Slots without an allocation: enough for 32 elements.
const INLINE: usize = 64;

impl KnownHashes {
    /// Has room for this many elements.
    pub(crate) fn with_capacity(elements: usize) -> Self {
        let slots = (2 * elements).next_power_of_two().max(INLINE);
        let shift = u64::BITS - slots.trailing_zeros();
        Self { slots: SmallVec::from_elem(0, slots), shift }
    }

    /// Adds an element at a place, unless `is_it` finds it at an earlier place. Returns whether it did. Elements of other
    /// hashes are passed to `is_it` too.
    #[expect(clippy::cast_possible_truncation, reason = "no list has so many elements")]
    #[inline]
    pub(crate) fn add(&mut self, hash: u32, place: usize, is_it: impl Fn(usize) -> bool) -> bool {
        let last = self.slots.len() - 1;
        let mut number = (spread(hash) >> self.shift) as usize;
        loop {
            let slot = &mut self.slots[number];
            if *slot == 0 {
                *slot = place as u32 + 1;
                return true;
            }
            if is_it(*slot as usize - 1) {
                return false;
            }
            number = (number + 1) & last;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_element_is_added_once(elements in vec((0..4_u32, 0..40_u32), 0..200)) {
            let mut known = KnownHashes::with_capacity(elements.len());
            let mut list = Vec::new();
            for element in elements {
                let hash = element.0.wrapping_sub(2);
                let is_new = known.add(hash, list.len(), |place| list[place] == element);
                prop_assert_eq!(is_new, !list.contains(&element));
                if is_new {
                    list.push(element);
                }
            }
        }
    }
}
