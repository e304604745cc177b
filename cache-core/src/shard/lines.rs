//! The typed part of a shard: keys and values by number, and what was displaced. Decides nothing. Compiled
//! for each query, so it is kept small. Everything else works on numbers, through [`AnyLines`].
#![expect(
    clippy::manual_map,
    clippy::question_mark,
    reason = "`map` and `?` are functions that are compiled for each query"
)]

use std::any::Any;
use std::sync::Arc;

use super::erased::{AnyHandle, AnyLines, AnyPair, AnyPairs, Released};
use super::index::Index;
use super::key::AnyKey;
use super::line_state::LineState;
use super::{AnyShard, Counters, Place, Shard, ShardRef};
use crate::query::{Lookup, Query};
use crate::retention::records::grow;
use crate::sync::switch_point;
use crate::typed::{Line, LineLists, Lines, OutlinedDrop, Pair, Pairs, ValueRef};

impl<V: ?Sized> ValueRef<V> {
    #[inline(never)]
    pub(crate) fn value(&self) -> Option<Arc<V>> {
        match self {
            Self::Strong(value) => Some(Arc::clone(value)),
            Self::Weak(value) => {
                switch_point();
                value.upgrade()
            }
        }
    }

    /// Returns whether this is a handle of `value`, which the caller holds.
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

    /// Returns the value, if it is alive.
    fn into_value(self) -> Option<Arc<V>> {
        match self {
            Self::Strong(value) => Some(value),
            Self::Weak(_) => self.value(),
        }
    }
}

impl<Q: Query> Shard<Lines<Q>> {
    #[inline]
    pub(crate) fn new() -> Self {
        Self { base: OutlinedDrop::default(), counters: Counters::new(), lines: Lines::default() }
    }

    #[inline(always)]
    pub(crate) fn find<L: Lookup<Query = Q>>(&self, hash: u32, lookup: &L) -> Option<(u32, &Line<Q>)> {
        self.lines.find(&self.base.index, hash, lookup)
    }

    #[inline]
    pub(crate) fn lines(&self) -> &Lines<Q> {
        &self.lines
    }

    /// Erases the query of the shard.
    #[inline]
    pub(crate) fn any(&self) -> ShardRef<'_> {
        let shard: &AnyShard = self;
        shard.any()
    }
}

impl<Q: Query> Default for Lines<Q> {
    fn default() -> Self {
        Self(OutlinedDrop::default())
    }
}

impl<Q: Query> Default for LineLists<Q> {
    fn default() -> Self {
        Self { lines: Vec::new(), displaced: None }
    }
}

impl<Q: Query> Lines<Q> {
    /// Downcasts to the lines of this query.
    pub(crate) fn of(lines: &dyn AnyLines) -> Option<&Self> {
        (lines as &dyn Any).downcast_ref()
    }

    /// Returns the line number of a key in a shard of this query.
    #[inline]
    pub(crate) fn find_in(shard: &AnyShard, hash: u32, key: &Q) -> Option<u32> {
        match Self::of(&shard.lines) {
            Some(lines) => lines.find_key(&shard.base.index, hash, key),
            None => None,
        }
    }

    /// Swaps a pair into its line, in a shard of this query. The pair then holds what was there.
    #[inline]
    pub(crate) fn write_in(shard: &mut AnyShard, place: Place, pair: &mut Pair<Q>) {
        let Some(lines) = (&mut shard.lines as &mut dyn Any).downcast_mut::<Self>() else { return };
        match place {
            Place::Present(number) => lines.exchange_pair(number, None, pair),
            Place::Vacant(number, state) => lines.put_pair(number, state, pair),
            Place::Taken(number, state) => lines.exchange_pair(number, Some(state), pair),
        }
    }

    /// Returns whether a line of this query holds `value`, of which the caller has a handle.
    pub(crate) fn has_value(lines: &dyn AnyLines, number: u32, value: &dyn AnyPair) -> bool {
        match (Self::of(lines).and_then(|lines| lines.line(number)), Pair::<Q>::value_of(value)) {
            (Some(line), Some(value)) => line.value.is(value),
            _ => false,
        }
    }

    #[inline]
    pub(crate) fn line(&self, number: u32) -> Option<&Line<Q>> {
        match self.0.lines.get(number as usize) {
            Some(line) => line.as_ref(),
            None => None,
        }
    }

    fn line_mut(&mut self, number: u32) -> Option<&mut Line<Q>> {
        match self.0.lines.get_mut(number as usize) {
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

    #[inline]
    fn find_key(&self, index: &Index, hash: u32, key: &Q) -> Option<u32> {
        match self.find(index, hash, key) {
            Some((number, _)) => Some(number),
            None => None,
        }
    }

    #[inline]
    fn put_pair(&mut self, number: u32, state: LineState, pair: &mut Pair<Q>) {
        let lines = &mut self.0.lines;
        if number as usize == lines.len() {
            grow(lines);
            lines.push(None);
        }
        let vacant = &mut lines[number as usize];
        // Written like this so that the compiler builds the entry in place, instead of elsewhere with a copy.
        if vacant.is_none()
            && let Some(key) = pair.key.take()
            && let Some(value) = pair.value.take()
        {
            *vacant = Some(Line { value: ValueRef::Strong(value), state, key });
        }
    }

    #[inline]
    fn exchange_pair(&mut self, number: u32, entering: Option<LineState>, pair: &mut Pair<Q>) {
        let Some(line) = self.line_mut(number) else { return };
        match (&mut line.value, &mut pair.value) {
            (ValueRef::Strong(present), Some(value)) => std::mem::swap(present, value),
            (weak, value) => {
                if let Some(entering) = value.take() {
                    *value = std::mem::replace(weak, ValueRef::Strong(entering)).into_value();
                }
            }
        }
        if let (Some(state), Some(key)) = (entering, &mut pair.key) {
            line.state = state;
            std::mem::swap(&mut line.key, key);
        }
    }

    /// Copies an entry, with its key if `with_key`. Returns `None` if its value is dead.
    #[inline(never)]
    pub(super) fn copy(&self, number: u32, with_key: bool) -> Option<Pair<Q>> {
        let Some(line) = self.line(number) else { return None };
        // First, since `clone` may panic: a handle made before could then become the last one.
        let key = if with_key { Some(line.key.clone()) } else { None };
        match line.value.value() {
            Some(value) => Some(Pair { key, value: Some(value) }),
            None => None,
        }
    }

    #[inline(never)]
    fn push_displaced(&mut self, key: Option<Q>, value: Option<Arc<Q::Value>>) {
        if let Some(displaced) = Pairs::of_mut(self.displaced()) {
            displaced.push(key, value);
        }
    }
}

impl<Q: Query> AnyLines for Lines<Q> {
    fn len(&self) -> usize {
        self.0.lines.len()
    }

    #[inline(never)]
    fn state(&self, number: u32) -> Option<&LineState> {
        match self.line(number) {
            Some(line) => Some(&line.state),
            None => None,
        }
    }

    #[inline(never)]
    fn state_mut(&mut self, number: u32) -> Option<&mut LineState> {
        match self.line_mut(number) {
            Some(line) => Some(&mut line.state),
            None => None,
        }
    }

    #[inline(never)]
    fn key(&self, number: u32) -> Option<&dyn AnyKey> {
        match self.line(number) {
            Some(line) => Some(&line.key),
            None => None,
        }
    }

    fn has_key_of(&self, number: u32, pair: &dyn AnyPair) -> bool {
        match (self.line(number), Pair::<Q>::of(pair)) {
            (Some(line), Some(Pair { key: Some(key), .. })) => line.key == *key,
            _ => false,
        }
    }

    fn read(&self, number: u32, into: &mut dyn AnyPair) -> bool {
        let (Some(line), Some(into)) = (self.line(number), Pair::<Q>::of_mut(into)) else { return false };
        into.value = line.value.value();
        into.value.is_some()
    }

    fn handle(&self, number: u32, with_key: bool) -> Option<AnyHandle> {
        match self.copy(number, with_key) {
            Some(pair) => Some(pair.boxed()),
            None => None,
        }
    }

    fn is_dead(&self, number: u32) -> bool {
        match self.line(number) {
            Some(line) => line.value.is_dead(),
            None => true,
        }
    }

    fn dead_among(&self, numbers: &[u32]) -> u64 {
        switch_point();
        let (mut dead, mut at) = (0, 0);
        while at < numbers.len() {
            let count = match self.line(numbers[at]) {
                Some(Line { value: ValueRef::Strong(value), .. }) => Arc::strong_count(value),
                Some(Line { value: ValueRef::Weak(value), .. }) => value.strong_count(),
                None => 0,
            };
            dead |= u64::from(count == 0) << at;
            at += 1;
        }
        dead
    }

    fn holders(&self, number: u32) -> usize {
        switch_point();
        match self.line(number) {
            Some(Line { value: ValueRef::Strong(value), .. }) => Arc::strong_count(value) - 1,
            Some(Line { value: ValueRef::Weak(value), .. }) => value.strong_count(),
            None => 0,
        }
    }

    fn put(&mut self, number: u32, state: LineState, pair: &mut dyn AnyPair) {
        if let Some(pair) = Pair::<Q>::of_mut(pair) {
            self.put_pair(number, state, pair);
        }
    }

    fn exchange(&mut self, number: u32, entering: Option<LineState>, pair: &mut dyn AnyPair) {
        if let Some(pair) = Pair::<Q>::of_mut(pair) {
            self.exchange_pair(number, entering, pair);
        }
    }

    fn upgrade(&mut self, number: u32) -> bool {
        let Some(line) = self.line_mut(number) else { return false };
        // The overwritten handle is a second one of the same value, so its drop is never the last.
        let Some(value) = line.value.value() else { return false };
        line.value = ValueRef::Strong(value);
        true
    }

    fn release(&mut self, number: u32, may_stay: bool) -> Released {
        let Some(line) = self.line_mut(number) else { return Released::Weakened };
        let ValueRef::Strong(value) = &mut line.value else { return Released::Weakened };
        switch_point();
        // Succeeds only if there is no other handle, strong or weak.
        if may_stay && Arc::get_mut(value).is_some() {
            return Released::Unshared;
        }
        let is_kept = !may_stay && Arc::strong_count(value) > 1;
        let weak = ValueRef::Weak(Arc::downgrade(value));
        let strong = std::mem::replace(&mut line.value, weak);
        switch_point();
        match strong {
            ValueRef::Strong(value) if !is_kept => self.push_displaced(None, Some(value)),
            _ => {}
        }
        Released::Weakened
    }

    fn displace(&mut self, number: u32) -> bool {
        let Some(line) = self.0.lines.get_mut(number as usize) else { return false };
        let Some(Line { key, value, .. }) = line.take() else { return false };
        let value = value.into_value();
        let is_alive = value.is_some();
        self.push_displaced(Some(key), value);
        is_alive
    }

    fn reserve(&mut self, entries: usize) {
        self.0.lines.reserve(entries);
    }

    fn shift(&mut self, from: u32, to: u32) {
        let lines = &mut self.0.lines;
        let line = lines[from as usize].take();
        lines[to as usize] = line;
    }

    fn shrink(&mut self, len: u32) {
        let (lines, len) = (&mut self.0.lines, len as usize);
        lines.truncate(len);
        lines.shrink_to(2 * len);
    }

    #[inline(never)]
    fn displaced(&mut self) -> &mut dyn AnyPairs {
        match &mut self.0.displaced {
            Some(displaced) => &mut **displaced,
            none => &mut **none.insert(Pairs::<Q>::boxed(0)),
        }
    }

    #[inline(never)]
    fn take_displaced(&mut self) -> Option<Box<dyn AnyPairs>> {
        self.0.displaced.take()
    }
}
