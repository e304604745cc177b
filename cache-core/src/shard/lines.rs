//! The typed part of a shard: keys and values by number, and what was displaced. Decides nothing. Compiled for each
//! query, so it is kept small: all else works on numbers, through [`AnyLines`].

use std::any::Any;
use std::sync::{Arc, Weak};

use super::index::Index;
use super::key::AnyKey;
use super::pairs::{AnyPair, AnyPairs, Pair, Pairs};
use super::state::{AnyHandle, LineState, Membership};
use crate::query::{Lookup, Query};
use crate::retention::records::grow;
use crate::sync::switch_point;

/// One entry, as a hit reads it. With a key of 8 bytes it takes half a cache line, and by its alignment never parts of
/// two.
#[repr(C, align(32))]
pub(crate) struct Line<Q: Query> {
    pub(crate) value: ValueRef<Q::Value>,
    pub(crate) state: LineState,
    pub(crate) key: Q,
}

/// A handle of a value: strong while the cache keeps it, weak for survivors. The strong handle *is* the claim of the side
/// table that keeps the entry.
pub(crate) enum ValueRef<V: ?Sized> {
    Strong(Arc<V>),
    Weak(Weak<V>),
}

/// The entries of one shard by number, some of which are vacant.
#[repr(C)]
pub(crate) struct Lines<Q: Query> {
    lines: Vec<Option<Line<Q>>>,
    /// Keys and values that operations pushed out of the shard, to be dropped when no lock is held.
    displaced: Option<Box<Pairs<Q>>>,
}

/// What became of a resident that its table lets go of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Released {
    /// Nobody else can reach the value: nothing was done.
    Unshared,
    /// The line has a weak handle now, and the strong one is displaced.
    Weakened,
}

/// The lines of a query that the caller does not know. Numbers of vacant lines are answered like those of no line. What is
/// to be told to listeners is displaced with its key and a strong handle.
pub(crate) trait AnyLines: Any + Send + Sync {
    /// How many lines there are, vacant ones included.
    fn len(&self) -> usize;
    fn state(&self, number: u32) -> Option<&LineState>;
    fn state_mut(&mut self, number: u32) -> Option<&mut LineState>;
    fn key(&self, number: u32) -> Option<&dyn AnyKey>;
    /// Number of the line with the key of a pair.
    fn find(&self, index: &Index, hash: u32, pair: &dyn AnyPair) -> Option<u32>;
    /// A strong handle of the value, if it is alive.
    fn handle(&self, number: u32) -> Option<AnyHandle>;
    /// Whether nobody holds the value any more. Final: a dead value cannot come back.
    fn is_dead(&self, number: u32) -> bool;
    /// Moves a pair into a vacant line, or a new one behind all others. The handle is strong if the state says so.
    fn put(&mut self, number: u32, state: LineState, pair: &mut dyn AnyPair);
    /// Replaces the value by that of a pair, whose key is displaced with the old value. The line's state says whether the new
    /// handle is strong. Returns whether the old value is alive.
    fn replace(&mut self, number: u32, pair: &mut dyn AnyPair, is_told: bool) -> bool;
    /// Exchanges the value of a resident for that of a pair; and the key too, if the line is entered by another entry, which
    /// has this state. The pair has what was there then.
    fn exchange(&mut self, number: u32, entering: Option<LineState>, pair: &mut dyn AnyPair);
    /// Makes the handle strong. `false`: the value is dead.
    fn upgrade(&mut self, number: u32) -> bool;
    /// Makes the handle of a resident weak, unless nobody else can reach the value. The strong one is displaced.
    fn release(&mut self, number: u32, is_told: bool) -> Released;
    /// Moves an entry out. Returns whether what was displaced has a value: if it is told or was resident, and is alive.
    fn displace(&mut self, number: u32, is_told: bool) -> bool;
    /// Displaces copies of key and handle of an entry that stays in its line, for listeners.
    fn report(&mut self, number: u32);
    /// Makes room for so many new entries.
    fn reserve(&mut self, entries: usize);
    /// Moves the entries together, in their order, so that no line between them is vacant.
    fn compact(&mut self);
    /// What was displaced and has not been taken.
    fn displaced(&mut self) -> Option<&mut dyn AnyPairs>;
    fn take_displaced(&mut self) -> Option<Box<dyn AnyPairs>>;
}

impl<V: ?Sized> ValueRef<V> {
    pub(crate) fn value(&self) -> Option<Arc<V>> {
        match self {
            Self::Strong(value) => Some(Arc::clone(value)),
            Self::Weak(value) => {
                switch_point();
                value.upgrade()
            }
        }
    }

    /// Whether this is the value, which the caller holds.
    pub(crate) fn is(&self, value: &Arc<V>) -> bool {
        match self {
            Self::Strong(present) => Arc::ptr_eq(present, value),
            Self::Weak(present) => std::ptr::addr_eq(present.as_ptr(), Arc::as_ptr(value)),
        }
    }

    pub(crate) fn is_dead(&self) -> bool {
        match self {
            Self::Strong(_) => false,
            Self::Weak(value) => {
                switch_point();
                value.strong_count() == 0
            }
        }
    }

    /// The strong handle; one is made of a weak one that `is_told` to listeners, if the value is alive.
    fn into_strong(self, is_told: bool) -> Option<Arc<V>> {
        match self {
            Self::Strong(value) => Some(value),
            Self::Weak(_) if is_told => self.value(),
            // No value goes with a weak handle.
            Self::Weak(_) => None,
        }
    }
}

impl<Q: Query> Lines<Q> {
    pub(crate) const fn new() -> Self {
        Self { lines: Vec::new(), displaced: None }
    }

    /// The lines of this query.
    pub(crate) fn of(lines: &dyn AnyLines) -> Option<&Self> {
        (lines as &dyn Any).downcast_ref()
    }

    /// Whether a line of these, which are of this query, has the value, which the caller holds.
    pub(crate) fn has_value(lines: &dyn AnyLines, number: u32, value: &Arc<Q::Value>) -> bool {
        match Self::of(lines).and_then(|lines| lines.line(number)) {
            Some(line) => line.value.is(value),
            None => false,
        }
    }

    #[inline]
    pub(crate) fn line(&self, number: u32) -> Option<&Line<Q>> {
        match self.lines.get(number as usize) {
            Some(line) => line.as_ref(),
            None => None,
        }
    }

    fn line_mut(&mut self, number: u32) -> Option<&mut Line<Q>> {
        match self.lines.get_mut(number as usize) {
            Some(line) => line.as_mut(),
            None => None,
        }
    }

    #[inline(always)]
    pub(super) fn find<L: Lookup<Query = Q>>(
        &self,
        index: &Index,
        hash: u32,
        lookup: &L,
    ) -> Option<(u32, &Line<Q>)> {
        index.find(hash, |number| match self.line(number) {
            Some(line) if lookup.is_key(&line.key) => Some((number, line)),
            _ => None,
        })
    }

    fn push_displaced(&mut self, key: Option<Q>, value: Option<Arc<Q::Value>>) {
        if self.displaced.is_none() {
            self.displaced = Some(Box::default());
        }
        if let Some(displaced) = &mut self.displaced {
            displaced.push(key, value);
        }
    }

    /// The handle of a value for a line of this state. What has to be dropped of the value is displaced.
    fn handle_for(&mut self, value: Arc<Q::Value>, state: Membership) -> ValueRef<Q::Value> {
        if state.is_resident() {
            return ValueRef::Strong(value);
        }
        let weak = ValueRef::Weak(Arc::downgrade(&value));
        // A writer holds another handle; a restore does not.
        if Arc::strong_count(&value) == 1 {
            self.push_displaced(None, Some(value));
        }
        weak
    }
}

impl<Q: Query> AnyLines for Lines<Q> {
    fn len(&self) -> usize {
        self.lines.len()
    }

    fn state(&self, number: u32) -> Option<&LineState> {
        match self.line(number) {
            Some(line) => Some(&line.state),
            None => None,
        }
    }

    fn state_mut(&mut self, number: u32) -> Option<&mut LineState> {
        match self.line_mut(number) {
            Some(line) => Some(&mut line.state),
            None => None,
        }
    }

    fn key(&self, number: u32) -> Option<&dyn AnyKey> {
        match self.line(number) {
            Some(line) => Some(&line.key),
            None => None,
        }
    }

    fn find(&self, index: &Index, hash: u32, pair: &dyn AnyPair) -> Option<u32> {
        if let Some(Pair { key: Some(key), .. }) = Pair::<Q>::of(pair)
            && let Some((number, _)) = self.find(index, hash, key)
        {
            return Some(number);
        }
        None
    }

    fn handle(&self, number: u32) -> Option<AnyHandle> {
        if let Some(line) = self.line(number)
            && let Some(value) = line.value.value()
        {
            return Some(Box::new(value));
        }
        None
    }

    fn is_dead(&self, number: u32) -> bool {
        match self.line(number) {
            Some(line) => line.value.is_dead(),
            None => true,
        }
    }

    fn put(&mut self, number: u32, state: LineState, pair: &mut dyn AnyPair) {
        let Some(pair) = Pair::<Q>::of_mut(pair) else { return };
        let (Some(key), Some(value)) = (pair.key.take(), pair.value.take()) else { return };
        let value = self.handle_for(value, state.membership);
        if number as usize == self.lines.len() {
            grow(&mut self.lines);
            self.lines.push(None);
        }
        let vacant = &mut self.lines[number as usize];
        // Said so that the entry is written where it is to be, instead of being made elsewhere and copied.
        if vacant.is_none() {
            *vacant = Some(Line { value, state, key });
        }
    }

    fn replace(&mut self, number: u32, pair: &mut dyn AnyPair, is_told: bool) -> bool {
        let Some(pair) = Pair::<Q>::of_mut(pair) else { return false };
        let Some(membership) = self.state(number).map(|state| state.membership) else { return false };
        let Some(value) = pair.value.take() else { return false };
        let value = self.handle_for(value, membership);
        let Some(line) = self.line_mut(number) else { return false };
        let old = std::mem::replace(&mut line.value, value);
        let was_alive = !old.is_dead();
        let old = old.into_strong(is_told);
        // One that has died meanwhile is told to nobody.
        let is_told_of = !is_told || old.is_some();
        self.push_displaced(pair.key.take(), old);
        was_alive && is_told_of
    }

    fn exchange(&mut self, number: u32, entering: Option<LineState>, pair: &mut dyn AnyPair) {
        let Some(pair) = Pair::<Q>::of_mut(pair) else { return };
        let (Some(key), Some(value)) = (&mut pair.key, &mut pair.value) else { return };
        let Some(line) = self.line_mut(number) else { return };
        if let ValueRef::Strong(present) = &mut line.value {
            std::mem::swap(present, value);
        }
        if let Some(state) = entering {
            line.state = state;
            std::mem::swap(&mut line.key, key);
        }
    }

    fn upgrade(&mut self, number: u32) -> bool {
        let Some(line) = self.line_mut(number) else { return false };
        // What is overwritten is a second handle of the same value, so that its drop is never the last.
        let Some(value) = line.value.value() else { return false };
        line.value = ValueRef::Strong(value);
        true
    }

    fn release(&mut self, number: u32, is_told: bool) -> Released {
        let Some(Line { value: held @ ValueRef::Strong(_), key, .. }) = self.line_mut(number) else {
            return Released::Weakened;
        };
        let ValueRef::Strong(value) = held else { return Released::Weakened };
        switch_point();
        // Proves that there is no other handle, weak ones included.
        if Arc::get_mut(value).is_some() {
            return Released::Unshared;
        }
        let weak = ValueRef::Weak(Arc::downgrade(value));
        let key = if is_told { key_for_listeners(key) } else { None };
        let value = std::mem::replace(held, weak).into_strong(false);
        self.push_displaced(key, value);
        Released::Weakened
    }

    fn displace(&mut self, number: u32, is_told: bool) -> bool {
        let Some(line) = self.lines.get_mut(number as usize) else { return false };
        let Some(Line { key, value, .. }) = line.take() else { return false };
        let value = value.into_strong(is_told);
        let has_value = value.is_some();
        self.push_displaced(Some(key), value);
        has_value
    }

    fn report(&mut self, number: u32) {
        if let Some(line) = self.line(number) {
            let (key, value) = (key_for_listeners(&line.key), line.value.value());
            self.push_displaced(key, value);
        }
    }

    fn reserve(&mut self, entries: usize) {
        self.lines.reserve(entries);
    }

    fn compact(&mut self) {
        let mut end = 0;
        for number in 0..self.lines.len() {
            if self.lines[number].is_some() {
                self.lines.swap(number, end);
                end += 1;
            }
        }
        // All behind are vacant.
        self.lines.truncate(end);
        self.lines.shrink_to(2 * end);
    }

    fn displaced(&mut self) -> Option<&mut dyn AnyPairs> {
        match &mut self.displaced {
            Some(displaced) => Some(&mut **displaced),
            None => None,
        }
    }

    fn take_displaced(&mut self) -> Option<Box<dyn AnyPairs>> {
        match self.displaced.take() {
            Some(displaced) => Some(displaced),
            None => None,
        }
    }
}

/// A panic of the key's `Clone` must not end an operation half-way: the displaced value goes without a key then, which
/// is counted when the listeners are told.
fn key_for_listeners<Q: Query>(key: &Q) -> Option<Q> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| key.clone())).ok()
}
