//! What the untyped part of a shard knows of keys and values: traits of the typed part, which
//! [`lines`](super::lines) and [`pairs`](super::pairs) implement for each query.

use std::any::Any;

use super::index::Index;
use super::key::AnyKey;
use super::line_state::LineState;
use crate::event::AnyEntry;

/// The lines of a query that the caller does not know. Numbers of vacant lines are answered like those of no line.
pub(crate) trait AnyLines: Any + Send + Sync {
    /// How many lines there are, vacant ones included.
    fn len(&self) -> usize;
    fn state(&self, number: u32) -> Option<&LineState>;
    fn state_mut(&mut self, number: u32) -> Option<&mut LineState>;
    fn key(&self, number: u32) -> Option<&dyn AnyKey>;
    /// Number of the line with the key of a pair.
    fn find(&self, index: &Index, hash: u32, pair: &dyn AnyPair) -> Option<u32>;
    /// Sets the value of a pair. Returns whether there is one that is alive.
    fn read(&self, number: u32, into: &mut dyn AnyPair) -> bool;
    /// A strong handle of the value, if it is alive; with a copy of the key if asked to.
    fn handle(&self, number: u32, with_key: bool) -> Option<AnyHandle>;
    /// Whether nobody holds the value any more. Final: a dead value cannot come back.
    fn is_dead(&self, number: u32) -> bool;
    /// Moves a pair into a vacant line, or a new one behind all others. The handle is strong.
    fn put(&mut self, number: u32, state: LineState, pair: &mut dyn AnyPair);
    /// Exchanges the value for that of a pair, of which the handle is strong; and the key too, if the line is entered by another
    /// entry, which has this state. The pair has what was there then, without a value that is dead.
    fn exchange(&mut self, number: u32, entering: Option<LineState>, pair: &mut dyn AnyPair);
    /// Makes the handle strong. `false`: the value is dead.
    fn upgrade(&mut self, number: u32) -> bool;
    /// Makes a strong handle weak, unless nobody else can reach the value and it `may_stay`. The strong one is displaced; not if
    /// it may not stay and there are others, which the caller is to keep.
    fn release(&mut self, number: u32, may_stay: bool) -> Released;
    /// Moves an entry out. Returns whether its value is alive.
    fn displace(&mut self, number: u32) -> bool;
    /// Makes room for so many new entries.
    fn reserve(&mut self, entries: usize);
    /// Moves the entries together, in their order, so that no line between them is vacant.
    fn compact(&mut self);
    /// What was displaced and has not been taken.
    fn displaced(&mut self) -> &mut dyn AnyPairs;
    fn take_displaced(&mut self) -> Option<Box<dyn AnyPairs>>;
}

/// What became of a resident that its table releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Released {
    /// Nobody else can reach the value: nothing was done.
    Unshared,
    /// The line has a weak handle now, and the strong one is displaced.
    Weakened,
}

/// The pair of a query that the caller does not know. Another pair that it is given is of the same query.
pub(crate) trait AnyPair: Any + Send + Sync {
    fn key(&self) -> Option<&dyn AnyKey>;
    /// Exchanges values with another pair, and keys if asked to.
    fn swap(&mut self, other: &mut dyn AnyPair, with_key: bool);
    fn has_value(&self) -> bool;
    /// Takes another handle of the value of a pair.
    fn set_value(&mut self, from: &dyn AnyPair);
    /// Moves the value out, if there is one.
    fn take_handle(&mut self) -> Option<AnyHandle>;
    fn forget_value(&mut self);
    fn clear(&mut self);
    /// The weight by the query's weigher, which is foreign code.
    fn weigh(&self) -> u32;
    /// A copy for listeners, if there is a key.
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
    /// Adds a pair of a copy of a key, which is one of the query, and no value. A panic of the key's `Clone` adds nothing.
    fn add_key(&mut self, key: &dyn AnyKey);
    /// Drops the pairs from this number on.
    fn truncate(&mut self, number: usize);
    /// Becomes a copy of another list of the query, with empty pairs in the place of those without a value.
    fn copy_all(&mut self, other: &dyn AnyPairs);
    /// Adds a copy of a line of a shard. `false`: its value is dead. A panic of the key's `Clone` leaves no handle behind.
    fn copy(&mut self, lines: &dyn AnyLines, number: u32) -> bool;
    /// Has the processor fetch the reference counts of values that are to be copied side by side. The locked instructions
    /// that count a handle up wait for one count after the other.
    fn fetch_lines(&self, lines: &dyn AnyLines, numbers: &[u32]);
}

impl dyn AnyPairs {
    /// Drops all pairs.
    pub(crate) fn clear(&mut self) {
        self.truncate(0);
    }
}
