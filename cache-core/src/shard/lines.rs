//! The typed part of a shard: keys and values by number, and what was displaced. Decides nothing. Compiled for each
//! query, so it is kept small: all else works on numbers, through [`AnyLines`].

use std::any::Any;
use std::sync::{Arc, Weak};

use super::key::{AnyKey, Pair};
use super::state::{AnyHandle, LineState, Membership};
use crate::event::{Cause, EntryOf, Events};
use crate::query::Query;
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
    displaced: Displaced<Q>,
}

/// Keys and values that operations pushed out of a shard, to be dropped when no lock is held.
pub(crate) type Displaced<Q> = Vec<Gone<Q>>;

/// A key and value that were displaced, or the value alone.
pub(crate) struct Gone<Q: Query> {
    key: Option<Q>,
    value: ValueRef<Q::Value>,
    /// What the listeners have to be told; nothing for a dead value.
    cause: Option<Cause>,
}

/// What became of a resident that its table lets go of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Released {
    /// Nobody else can reach the value: nothing was done.
    Unshared,
    /// The line has a weak handle now, and the strong one is displaced.
    Weakened,
}

/// The lines of a query that the caller does not know. Numbers of vacant lines are answered like those of no line.
pub(crate) trait AnyLines: Any + Send + Sync {
    /// How many lines there are, vacant ones included.
    fn len(&self) -> usize;
    fn state(&self, number: u32) -> Option<&LineState>;
    fn state_mut(&mut self, number: u32) -> Option<&mut LineState>;
    fn key(&self, number: u32) -> Option<&dyn AnyKey>;
    /// A strong handle of the value, if it is alive.
    fn handle(&self, number: u32) -> Option<AnyHandle>;
    /// Whether nobody holds the value any more. Final: a dead value cannot come back.
    fn is_dead(&self, number: u32) -> bool;
    /// Moves a [`Pair`] into a vacant line, or a new one behind all others. The handle is strong if the state says so.
    fn put(&mut self, number: u32, state: LineState, pair: &mut dyn Any);
    /// Replaces the value by that of a [`Pair`], whose key is displaced with the old value. The line's state says whether the
    /// new handle is strong. Returns what listeners have to be told.
    fn replace(&mut self, number: u32, pair: &mut dyn Any, has_listeners: bool) -> Option<Cause>;
    /// Exchanges the value of a resident for that of a [`Pair`]; and the key too, if the line is entered by another entry, which
    /// has this state. The pair has what was there then.
    fn exchange(&mut self, number: u32, entering: Option<LineState>, pair: &mut dyn Any);
    /// Makes the handle strong. `false`: the value is dead.
    fn upgrade(&mut self, number: u32) -> bool;
    /// Makes the handle of a resident weak, unless nobody else can reach the value.
    fn release(&mut self, number: u32, cause: Cause, has_listeners: bool) -> Released;
    /// Moves an entry out. Returns what listeners have to be told: nothing of a value that has died meanwhile.
    fn displace(&mut self, number: u32, cause: Option<Cause>, has_listeners: bool) -> Option<Cause>;
    /// Has listeners told of an entry that stays in its line.
    fn report(&mut self, number: u32, cause: Cause);
    /// Makes room for so many new entries.
    fn reserve(&mut self, entries: usize);
    /// Moves the entries together, in their order, so that no line between them is vacant.
    fn compact(&mut self);
    /// Queues what was displaced for the listeners.
    fn publish(&mut self, table: &'static str, events: &Events);
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

    /// What listeners have to be told of a value that leaves, which they need alive.
    fn told_of(&mut self, cause: Option<Cause>, has_listeners: bool) -> Option<Cause> {
        if has_listeners && cause.is_some() {
            *self = Self::Strong(self.value()?);
        }
        cause
    }
}

impl<Q: Query> Lines<Q> {
    pub(crate) const fn new() -> Self {
        Self { lines: Vec::new(), displaced: Vec::new() }
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

    #[inline]
    pub(super) fn has_displaced(&self) -> bool {
        !self.displaced.is_empty()
    }

    /// What was displaced, to be dropped when no lock is held.
    pub(super) fn take_displaced(&mut self) -> Displaced<Q> {
        std::mem::take(&mut self.displaced)
    }

    /// The handle of a value for a line of this state. What has to be dropped of the value is displaced.
    fn handle_for(&mut self, value: Arc<Q::Value>, state: Membership) -> ValueRef<Q::Value> {
        if state.is_resident() {
            return ValueRef::Strong(value);
        }
        let weak = ValueRef::Weak(Arc::downgrade(&value));
        // A writer holds another handle; a restore does not.
        if Arc::strong_count(&value) == 1 {
            self.displaced.push(Gone { key: None, value: ValueRef::Strong(value), cause: None });
        }
        weak
    }
}

impl<Q: Query> Gone<Q> {
    fn publish(&mut self, table: &'static str, events: &Events) {
        let Some(cause) = self.cause.take() else { return };
        match self.key.take() {
            Some(key) => {
                if let Some(value) = self.value.value() {
                    events.tell_removal(table, cause, Box::new(EntryOf { key, value: Some(value) }));
                }
            }
            // The key could not be cloned for the listeners.
            None if !self.value.is_dead() => events.count_panic(),
            None => {}
        }
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

    fn handle(&self, number: u32) -> Option<AnyHandle> {
        Some(Box::new(self.line(number)?.value.value()?))
    }

    fn is_dead(&self, number: u32) -> bool {
        match self.line(number) {
            Some(line) => line.value.is_dead(),
            None => true,
        }
    }

    fn put(&mut self, number: u32, state: LineState, pair: &mut dyn Any) {
        let Some((key, value)) = pair.downcast_mut::<Pair<Q>>().and_then(|pair| pair.0.take()) else {
            return;
        };
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

    fn replace(&mut self, number: u32, pair: &mut dyn Any, has_listeners: bool) -> Option<Cause> {
        let (key, value) = pair.downcast_mut::<Pair<Q>>()?.0.take()?;
        let membership = self.line(number)?.state.membership;
        let value = self.handle_for(value, membership);
        let mut value = std::mem::replace(&mut self.line_mut(number)?.value, value);
        let cause = if value.is_dead() { None } else { Some(Cause::Replaced) };
        let cause = value.told_of(cause, has_listeners);
        self.displaced.push(Gone { key: Some(key), value, cause });
        cause
    }

    fn exchange(&mut self, number: u32, entering: Option<LineState>, pair: &mut dyn Any) {
        let Some(Pair(Some((key, value)))) = pair.downcast_mut::<Pair<Q>>() else { return };
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

    fn release(&mut self, number: u32, cause: Cause, has_listeners: bool) -> Released {
        let Some(Line { value: ValueRef::Strong(value), .. }) = self.line_mut(number) else {
            return Released::Weakened;
        };
        switch_point();
        // Proves that there is no other handle, weak ones included.
        if Arc::get_mut(value).is_some() {
            return Released::Unshared;
        }
        let weak = ValueRef::Weak(Arc::downgrade(value));
        let key = match has_listeners {
            true => self.line(number).and_then(|line| key_for_listeners(&line.key)),
            false => None,
        };
        if let Some(line) = self.line_mut(number) {
            let value = std::mem::replace(&mut line.value, weak);
            self.displaced.push(Gone { key, value, cause: Some(cause) });
        }
        Released::Weakened
    }

    fn displace(&mut self, number: u32, cause: Option<Cause>, has_listeners: bool) -> Option<Cause> {
        let Line { key, mut value, .. } = self.lines.get_mut(number as usize)?.take()?;
        let cause = value.told_of(cause, has_listeners);
        self.displaced.push(Gone { key: Some(key), value, cause });
        cause
    }

    fn report(&mut self, number: u32, cause: Cause) {
        let Some(Line { value: ValueRef::Weak(value), key, .. }) = self.line(number) else { return };
        let (key, value) = (key_for_listeners(key), ValueRef::Weak(value.clone()));
        self.displaced.push(Gone { key, value, cause: Some(cause) });
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

    fn publish(&mut self, table: &'static str, events: &Events) {
        for gone in &mut self.displaced {
            gone.publish(table, events);
        }
    }
}

/// A panic of the key's `Clone` must not end an operation half-way: the displaced value goes without a key then, which
/// [`publish`](AnyLines::publish) takes note of.
fn key_for_listeners<Q: Query>(key: &Q) -> Option<Q> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| key.clone())).ok()
}
