//! The answers that show one record: usually one or two, sometimes thousands. Knows answers by numbers only.

use std::collections::BTreeSet;

/// The numbers of the answers that show one record.
///
/// Small, since each record has one. Adding and removing an answer takes time logarithmic in their number.
pub(super) enum Owners {
    One(u32),
    /// A document that is stored anew has both versions for a moment. The numbers differ.
    Two(u32, u32),
    #[expect(clippy::box_collection, reason = "most records have one answer, and are to stay small")]
    Several(Box<BTreeSet<u32>>),
}

impl Owners {
    pub(super) fn insert(&mut self, number: u32) {
        match self {
            Self::One(one) if *one == number => {}
            Self::One(one) => *self = Self::Two(*one, number),
            Self::Two(one, other) if [*one, *other].contains(&number) => {}
            Self::Two(one, other) => {
                *self = Self::Several(Box::new(BTreeSet::from([*one, *other, number])));
            }
            Self::Several(several) => _ = several.insert(number),
        }
    }

    /// Removes an answer. Returns whether no other is left, in which case it stays.
    pub(super) fn remove(&mut self, number: u32) -> bool {
        match self {
            Self::One(one) => return *one == number,
            Self::Two(one, other) if *one == number => *self = Self::One(*other),
            Self::Two(one, other) if *other == number => *self = Self::One(*one),
            Self::Two(..) => {}
            Self::Several(several) => {
                several.remove(&number);
                let mut left = several.iter().copied();
                if let (Some(one), Some(other), None) = (left.next(), left.next(), left.next()) {
                    *self = Self::Two(one, other);
                }
            }
        }
        false
    }

    /// Returns how many there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Two(..) => 2,
            Self::Several(several) => several.len(),
        }
    }

    /// Returns the numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let (few, several) = match self {
            Self::One(one) => ([Some(*one), None], None),
            Self::Two(one, other) => ([Some(*one), Some(*other)], None),
            Self::Several(several) => ([None, None], Some(several.iter().copied())),
        };
        few.into_iter().flatten().chain(several.into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWERS: u32 = 200_000;

    /// Would take minutes if each answer were searched among the others.
    #[test]
    fn many_answers_leave_in_any_order() {
        let oldest_first: Vec<u32> = (0..ANSWERS).collect();
        let newest_first: Vec<u32> = (0..ANSWERS).rev().collect();
        for order in [oldest_first, newest_first] {
            let mut owners = Owners::One(0);
            (1..ANSWERS).for_each(|number| owners.insert(number));
            let (last, others) = order.split_last().unwrap();
            assert!(others.iter().all(|number| !owners.remove(*number)));
            assert_eq!(owners.iter().collect::<Vec<_>>(), [*last]);
            assert!(matches!(owners, Owners::One(_)) && owners.remove(*last));
        }
    }
}
