//! The answers that show one record: usually one or two, sometimes thousands. Knows answers by numbers only.

use std::collections::BTreeMap;

/// The numbers of the answers that show one record, each with the place of the record among those of its type.
///
/// Small, since each record has one. Adding and removing an answer takes time logarithmic in their number.
pub(super) enum Owners {
    One(u32, u32),
    /// Boxed, since most records have one.
    Several(Box<BTreeMap<u32, u32>>),
}

impl Owners {
    pub(super) fn insert(&mut self, number: u32, place: u32) {
        match self {
            Self::One(first, at) => {
                *self = Self::Several(Box::new(BTreeMap::from([(*first, *at), (number, place)])));
            }
            Self::Several(several) => _ = several.insert(number, place),
        }
    }

    /// Removes an answer. Returns whether no other is left, in which case it stays.
    pub(super) fn remove(&mut self, number: u32) -> bool {
        match self {
            Self::One(one, _) => *one == number,
            Self::Several(several) => {
                several.remove(&number);
                if let (1, Some((&last, &place))) = (several.len(), several.first_key_value()) {
                    *self = Self::One(last, place);
                }
                false
            }
        }
    }

    /// Returns the numbers and places.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        let (one, several) = match self {
            Self::One(number, place) => (Some((*number, *place)), None),
            Self::Several(several) => (None, Some(several.iter())),
        };
        one.into_iter().chain(several.into_iter().flatten().map(|(number, place)| (*number, *place)))
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
            let mut owners = Owners::One(0, 0);
            (1..ANSWERS).for_each(|number| owners.insert(number, 7));
            let (last, others) = order.split_last().unwrap();
            assert!(others.iter().all(|number| !owners.remove(*number)));
            assert_eq!(owners.iter().map(|(number, _)| number).collect::<Vec<_>>(), [*last]);
            assert!(matches!(owners, Owners::One(..)) && owners.remove(*last));
        }
    }
}
