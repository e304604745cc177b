//! The typed part of a write set: keys, values and merges, by line number. Compiled for each query, so it is
//! kept small.

use std::any::Any;
use std::sync::Arc;

use super::merges::{AnyMerges, MergeStep};
use super::write_set::{Mark, Own, WriteSet};
use crate::entry_times::EntryTimes;
use crate::query::{Lookup, Query};
use crate::shard::erased::AnyHandle;
use crate::shard::key::{AnyKey, names};
use crate::table::Use;
use crate::typed::tables::Merges;
pub(crate) use crate::typed::tables::Writes;
use crate::typed::{Pair, Pairs};

impl<Q: Query> AnyMerges for Merges<Q> {
    fn run(&self, present: Option<&AnyHandle>) -> Option<AnyHandle> {
        let mut merged = present.and_then(|present| Pair::<Q>::value_of(&**present)).cloned();
        for step in &self.0 {
            merged = Some(step(merged.as_deref()));
        }
        Some(Pair::<Q>::handle(merged?))
    }
}

impl WriteSet {
    fn typed<Q: Query>(&self) -> &Pairs<Q> {
        Pairs::of(self.pairs()).expect("a write set is used with its own query")
    }

    fn typed_mut<Q: Query>(&mut self) -> &mut Pairs<Q> {
        Pairs::of_mut(self.pairs_mut()).expect("a write set is used with its own query")
    }

    /// Returns the value that was written under a key.
    pub(crate) fn written<L: Lookup>(&self, lookup: &L) -> Option<&Arc<<L::Query as Query>::Value>> {
        let line = self.find_in_use(&|head| head.hash(lookup), &|key| names(lookup, key))?;
        self.typed::<L::Query>().at(line).value.as_ref()
    }
}

impl<Q: Query> Writes<'_, Q> {
    fn find<L: Lookup<Query = Q>>(&self, lookup: &L) -> Option<usize> {
        self.set.find(self.table.hash(lookup), &|key| names(lookup, key))
    }

    /// Returns the line of a key. Adds one if the key has none.
    fn line<L: Lookup<Query = Q>>(&mut self, lookup: &L) -> usize {
        let hash = self.table.hash(lookup);
        match self.set.find(hash, &|key| names(lookup, key)) {
            Some(line) => line,
            None => {
                self.set.typed_mut::<Q>().push(Some(lookup.to_key()), None);
                self.set.add(hash)
            }
        }
    }

    fn value(&self, line: usize) -> Option<&Arc<Q::Value>> {
        self.set.typed::<Q>().at(line).value.as_ref()
    }

    fn set_value(&mut self, line: usize, value: Arc<Q::Value>) {
        self.set.typed_mut::<Q>().at_mut(line).value = Some(value);
    }

    /// Returns the transaction's own write of a key.
    fn own<L: Lookup<Query = Q>>(&self, lookup: &L) -> (Own, Option<Arc<Q::Value>>) {
        let Some(line) = self.find(lookup) else { return (Own::Nothing, None) };
        (self.set.own(line), self.value(line).cloned())
    }

    /// Returns the transaction's own write of a key, or else the committed value, which is remembered as a
    /// read.
    pub(crate) fn get<L: Lookup<Query = Q>>(&mut self, lookup: &L) -> Option<Arc<Q::Value>> {
        match self.own(lookup) {
            (Own::Value, value) => value,
            (Own::Removed, _) => None,
            (Own::Nothing, _) => {
                let (value, seen) = self.table.read_versioned(lookup, Use::Counted);
                let line = self.line(lookup);
                self.set.remember(line, seen);
                value
            }
        }
    }

    /// Replaces the whole value. Returns the line if this is the first write of the key.
    #[inline]
    pub(crate) fn set(
        &mut self,
        key: Q,
        value: Arc<Q::Value>,
        times: Option<Box<EntryTimes>>,
    ) -> Option<usize> {
        let hash = self.table.hash(&key);
        self.set.set_pair(hash, &mut Pair::new(key, value), times)
    }

    fn put(
        &mut self,
        line: usize,
        value: Arc<Q::Value>,
        times: Option<Box<EntryTimes>>,
        mark: Mark,
    ) -> Option<usize> {
        let first = self.set.set(line, times, mark);
        self.set_value(line, value);
        first
    }

    /// Replaces a value by one made from it, once. The entry keeps its times and its mark. Returns whether
    /// there is a value, and the line if this is its first write.
    pub(crate) fn update<L: Lookup<Query = Q>>(
        &mut self,
        lookup: &L,
        update: impl FnOnce(&Arc<Q::Value>) -> Arc<Q::Value>,
    ) -> (bool, Option<usize>) {
        match self.own(lookup) {
            (Own::Value, Some(present)) => {
                let value = update(&present);
                if let Some(line) = self.find(lookup) {
                    self.set.amend(line);
                    self.set_value(line, value);
                }
                (true, None)
            }
            (Own::Removed | Own::Value, _) => (false, None),
            (Own::Nothing, _) => {
                let (present, times, seen) = self.table.read_timed(lookup);
                let line = self.line(lookup);
                let Some((times, mark)) = self.set.begin_update(line, present.is_some(), times, seen) else {
                    return (false, None);
                };
                match present {
                    Some(present) => {
                        let value = update(&present);
                        (true, self.put(line, value, Some(Box::new(times)), mark))
                    }
                    None => (false, None),
                }
            }
        }
    }

    pub(crate) fn merge(&mut self, key: &Q, step: MergeStep<Q::Value>) -> Option<usize> {
        let line = self.line(key);
        match self.set.own(line) {
            Own::Nothing => {
                let (value, seen) = self.table.read_versioned(key, Use::Counted);
                let merged = step(value.as_deref());
                let first = self.set.merge(line, seen, Box::new(Merges::<Q>(vec![step])));
                self.set_value(line, merged);
                first
            }
            Own::Removed => {
                let value = step(None);
                self.put(line, value, None, Mark::No)
            }
            Own::Value => {
                let value = step(self.value(line).map(|value| &**value));
                let merges = self.set.merge_own(line).map(|merges| merges as &mut dyn Any);
                if let Some(Merges(steps)) = merges.and_then(|merges| merges.downcast_mut::<Merges<Q>>()) {
                    steps.push(step);
                }
                self.set_value(line, value);
                None
            }
        }
    }

    /// Replaces the value by one made from the current value, once: if the current value changes, the commit
    /// fails.
    pub(crate) fn update_once(
        &mut self,
        key: Q,
        update: impl FnOnce(Option<&Q::Value>) -> Arc<Q::Value>,
    ) -> (Arc<Q::Value>, Option<usize>) {
        let present = self.get(&key);
        let value = update(present.as_deref());
        let first = self.set(key, Arc::clone(&value), None);
        (value, first)
    }

    /// Returns whether there was something to remove, and the line if this is its first write.
    pub(crate) fn remove<L: Lookup<Query = Q>>(&mut self, lookup: &L) -> (bool, Option<usize>) {
        let was_there = match self.own(lookup).0 {
            Own::Value => true,
            Own::Removed => false,
            Own::Nothing => self.table.peek(lookup).is_some(),
        };
        let line = self.line(lookup);
        (was_there, self.set.remove(line))
    }

    pub(crate) fn touch<L: Lookup<Query = Q>>(&mut self, lookup: &L) -> (bool, Option<usize>) {
        self.mark(lookup, false)
    }

    pub(crate) fn invalidate<L: Lookup<Query = Q>>(&mut self, lookup: &L) -> (bool, Option<usize>) {
        self.mark(lookup, true)
    }

    fn mark<L: Lookup<Query = Q>>(&mut self, lookup: &L, invalidates: bool) -> (bool, Option<usize>) {
        let hash = self.table.hash(lookup);
        self.set.mark(hash, &|key| names(lookup, key), &|| Box::new(lookup.to_key()), invalidates)
    }

    /// Makes the commit mark all keys that `matches` accepts, unless they are written or touched here.
    pub(crate) fn invalidate_where(&mut self, matches: impl Fn(&Q) -> bool + Send + 'static) {
        let matches = move |key: &dyn AnyKey| (key as &dyn Any).downcast_ref().is_some_and(&matches);
        self.set.mark_where(Box::new(matches));
    }
}
