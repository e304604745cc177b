//! The typed part of saves and restores: keys and values by number. Compiled for each query that is saved, so it is
//! kept small: all else works on numbers, through [`AnyPairs`].

use std::any::Any;
use std::hint::black_box;
use std::ops::Range;
use std::sync::Arc;

use crate::query::Query;
use crate::shard::key::AnyPair;
use crate::shard::{AnyLines, Lines, Pair, ValueRef};

/// Keys and values of one query, by number; some may have been taken out.
pub(super) struct Pairs<Q: Query>(Vec<Pair<Q>>);

/// The pairs of a query that the caller does not know.
pub(crate) trait AnyPairs: Any + Send + Sync {
    fn pair(&self, number: usize) -> &dyn AnyPair;
    /// A pair that may be taken.
    fn pair_mut(&mut self, number: usize) -> &mut dyn AnyPair;
    /// Adds a copy of a line of a shard. `false`: its value is dead. A panic of the key's `Clone` leaves no handle behind.
    fn copy(&mut self, lines: &dyn AnyLines, number: u32) -> bool;
    /// Moves a pair here that another list has.
    fn move_from(&mut self, other: &mut dyn AnyPairs, number: usize);
    /// Drops the pairs with these numbers. The others keep theirs.
    fn discard(&mut self, numbers: Range<usize>);
    /// Has the processor fetch the reference counts of values that are to be copied side by side. The locked instructions
    /// that count a handle up wait for one count after the other.
    fn fetch_lines(&self, lines: &dyn AnyLines, numbers: &[u32]);
}

impl<Q: Query> Pairs<Q> {
    pub(super) fn boxed(capacity: usize) -> Box<dyn AnyPairs> {
        Box::new(Self(Vec::with_capacity(capacity)))
    }

    pub(super) fn push(&mut self, pair: Pair<Q>) {
        self.0.push(pair);
    }

    /// Adds a key with its value, or a pair that counts as taken.
    pub(super) fn push_read(&mut self, key: Q, value: Option<Arc<Q::Value>>) {
        self.push(match value {
            Some(value) => Pair::new(key, value),
            None => Pair(None),
        });
    }

    /// Takes out the last pair.
    pub(super) fn pop(&mut self) -> Option<(Q, Arc<Q::Value>)> {
        self.0.pop()?.0
    }
}

impl<Q: Query> Default for Pairs<Q> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<Q: Query> AnyPairs for Pairs<Q> {
    fn pair(&self, number: usize) -> &dyn AnyPair {
        &self.0[number]
    }

    fn pair_mut(&mut self, number: usize) -> &mut dyn AnyPair {
        &mut self.0[number]
    }

    fn copy(&mut self, lines: &dyn AnyLines, number: u32) -> bool {
        let Some(lines) = (lines as &dyn Any).downcast_ref::<Lines<Q>>() else { return false };
        let Some(line) = lines.line(number) else { return false };
        // No handle is made that would be dropped here, also by a panic of `Clone`: it might be the last.
        let key = line.key.clone();
        let Some(value) = line.value.value() else { return false };
        self.push(Pair::new(key, value));
        true
    }

    fn move_from(&mut self, other: &mut dyn AnyPairs, number: usize) {
        if let Some(other) = (other as &mut dyn Any).downcast_mut::<Self>() {
            self.push(Pair(other.0[number].0.take()));
        }
    }

    fn discard(&mut self, numbers: Range<usize>) {
        let mut number = numbers.start;
        while number < numbers.end {
            self.0[number].0 = None;
            number += 1;
        }
    }

    fn fetch_lines(&self, lines: &dyn AnyLines, numbers: &[u32]) {
        let Some(lines) = (lines as &dyn Any).downcast_ref::<Lines<Q>>() else { return };
        let mut sum = 0_usize;
        for &number in numbers {
            if let Some(line) = lines.line(number)
                && let ValueRef::Strong(value) = &line.value
            {
                sum = sum.wrapping_add(Arc::strong_count(value));
            }
        }
        black_box(sum);
    }
}
