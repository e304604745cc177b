//! The highest of all values that come before a point.

/// Things in order, each with a value.
pub(super) struct Highest<'a, T> {
    /// The place of each, and the highest value up to there with its owner. Sorted by place.
    sorted: Vec<(u64, (u64, &'a T))>,
}

impl<'a, T> Highest<'a, T> {
    /// Takes things with their place in the order and their value.
    pub(super) fn of(things: impl Iterator<Item = (u64, u64, &'a T)>) -> Self {
        let mut sorted: Vec<_> = things.map(|(place, value, thing)| (place, (value, thing))).collect();
        sorted.sort_by_key(|(place, _)| *place);
        for at in 1..sorted.len() {
            if sorted[at - 1].1.0 >= sorted[at].1.0 {
                sorted[at].1 = sorted[at - 1].1;
            }
        }
        Self { sorted }
    }

    /// Returns the highest value of those before a place, and whose it is.
    pub(super) fn below(&self, place: u64) -> Option<(u64, &'a T)> {
        let count = self.sorted.partition_point(|(before, _)| *before < place);
        count.checked_sub(1).map(|last| self.sorted[last].1)
    }
}
