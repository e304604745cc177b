//! What the untyped part of a shard knows of keys and values: traits of the typed part, which
//! [`lines`](super::lines) and [`pairs`](super::pairs) implement for each query.

use std::any::Any;

use super::key::{AnyEntry, AnyKey};
use super::line_state::LineState;

/// The lines of a query that the caller does not know. A vacant line is treated like a line that does not
/// exist.
pub(crate) trait AnyLines: Any + Send + Sync {
    /// Returns the number of lines, vacant ones included.
    fn len(&self) -> usize;
    fn state(&self, number: u32) -> Option<&LineState>;
    fn state_mut(&mut self, number: u32) -> Option<&mut LineState>;
    fn key(&self, number: u32) -> Option<&dyn AnyKey>;
    /// Returns whether a line has the key of a pair.
    fn has_key_of(&self, number: u32, pair: &dyn AnyPair) -> bool;
    /// Sets the pair's value to that of the line. Returns whether it is alive.
    fn read(&self, number: u32, into: &mut dyn AnyPair) -> bool;
    /// Returns a strong handle of the value if it is alive, with a copy of the key if `with_key`.
    fn handle(&self, number: u32, with_key: bool) -> Option<AnyHandle>;
    /// Returns whether no handle of the value is left. Final: a dead value cannot come back.
    fn is_dead(&self, number: u32) -> bool;
    /// Moves a pair into a vacant line, or into a new line at the end. The handle is strong.
    fn put(&mut self, number: u32, state: LineState, pair: &mut dyn AnyPair);
    /// Swaps the value with that of a pair, whose handle is strong. With `entering`, another entry of that
    /// state takes the line, and the key is swapped too. The pair then holds what was in the line, without a
    /// dead value.
    fn exchange(&mut self, number: u32, entering: Option<LineState>, pair: &mut dyn AnyPair);
    /// Returns which of at most 64 lines are dead, as one bit each. Reads the reference count of every value, without
    /// waiting for one before the next, so that the counts are in the processor's caches afterwards.
    fn dead_among(&self, numbers: &[u32]) -> u64;
    /// Returns how many handles of the value there are, besides that of the line.
    fn holders(&self, number: u32) -> usize;
    /// Makes the handle strong. Returns `false` if the value is dead.
    fn upgrade(&mut self, number: u32) -> bool;
    /// Makes a strong handle weak, unless the value is unshared and `may_stay`. The strong handle is
    /// displaced, unless the value may not stay and has other handles, which the caller must keep.
    fn release(&mut self, number: u32, may_stay: bool) -> Released;
    /// Moves an entry to the displaced ones. Returns whether its value is alive.
    fn displace(&mut self, number: u32) -> bool;
    /// Reserves room for `entries` new entries.
    fn reserve(&mut self, entries: usize);
    /// Moves an entry to a vacant line, or leaves it where it is if both are the same.
    fn shift(&mut self, from: u32, to: u32);
    /// Keeps the first `len` lines, and gives back most of the memory of the others.
    fn shrink(&mut self, len: u32);
    /// Returns what was displaced and not yet taken.
    fn displaced(&mut self) -> &mut dyn AnyPairs;
    fn take_displaced(&mut self) -> Option<Box<dyn AnyPairs>>;
}

/// The outcome of releasing a resident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Released {
    /// The value has no other handle: nothing was done.
    Unshared,
    /// The line has a weak handle now, and the strong one is displaced.
    Weakened,
}

/// A pair of a query that the caller does not know. Any other pair passed to it is of the same query.
pub(crate) trait AnyPair: AnyEntry {
    fn key(&self) -> Option<&dyn AnyKey>;
    /// Swaps values with another pair, and keys if `with_key`.
    fn swap(&mut self, other: &mut dyn AnyPair, with_key: bool);
    fn has_value(&self) -> bool;
    /// Clones the value handle of another pair.
    fn set_value(&mut self, from: &dyn AnyPair);
    /// Moves the value out, if there is one.
    fn take_handle(&mut self) -> Option<AnyHandle>;
    fn forget_value(&mut self);
    fn clear(&mut self);
    /// Returns the weight by the query's weigher, which is foreign code.
    fn weigh(&self) -> u32;
    /// Returns a copy for listeners, if there is a key.
    fn entry(&self) -> Option<Box<dyn AnyEntry>>;
    /// Moves the key out for listeners, if there is one, with another handle of the value.
    fn take_entry(&mut self) -> Option<Box<dyn AnyEntry>>;
}

/// A value without its key, of a query that its holder does not know.
pub(crate) type AnyHandle = Box<dyn AnyPair>;

/// The pairs of a query that the caller does not know.
pub(crate) trait AnyPairs: Any + Send + Sync {
    fn len(&self) -> usize;
    fn pair(&self, number: usize) -> &dyn AnyPair;
    fn pair_mut(&mut self, number: usize) -> &mut dyn AnyPair;
    /// Adds an empty pair.
    fn add(&mut self) -> &mut dyn AnyPair;
    /// Adds a pair with a copy of a key of the query, and no value. If the key's `Clone` panics, nothing is
    /// added.
    fn add_key(&mut self, key: &dyn AnyKey);
    /// Drops the pairs from this number on.
    fn truncate(&mut self, number: usize);
    /// Becomes a copy of another list of the query, with empty pairs in place of those without a value.
    fn copy_all(&mut self, other: &dyn AnyPairs);
    /// Adds a copy of a line of a shard. Returns `false` if its value is dead. If the key's `Clone` panics,
    /// no handle is left behind.
    fn copy(&mut self, lines: &dyn AnyLines, number: u32) -> bool;
}

impl dyn AnyPairs {
    /// Drops all pairs.
    pub(crate) fn clear(&mut self) {
        self.truncate(0);
    }
}
