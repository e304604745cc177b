//! The types that are compiled for each query, besides the public ones; their methods are in the modules that
//! they belong to. The compiler puts the methods of the types of one module into one codegen unit, and copies
//! small functions and drops into each unit that uses them. So these types are declared side by side: here those of
//! entries, in `tables` those of tables and transactions.

pub(crate) mod tables;

use std::any::Any;
use std::fmt::{self, Debug};
use std::mem::{ManuallyDrop, take};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Weak};

use crate::query::{Query, ShownKey};
use crate::shard::erased::AnyPairs;
use crate::shard::key::AnyEntry;
use crate::shard::line_state::LineState;

/// One entry, as a hit reads it. With a key of 8 bytes it takes half a cache line, aligned so that it never
/// crosses into another one.
#[repr(C, align(32))]
pub(crate) struct Line<Q: Query> {
    pub(crate) value: ValueRef<Q::Value>,
    pub(crate) state: LineState,
    pub(crate) key: Q,
}

/// A handle of a value: strong while the cache keeps it, weak for survivors. The strong handle itself is what
/// keeps a resident's value alive.
pub(crate) enum ValueRef<V: ?Sized> {
    Strong(Arc<V>),
    Weak(Weak<V>),
}

/// The entries of one shard by number, some of which are vacant.
pub(crate) struct Lines<Q: Query>(pub(crate) OutlinedDrop<LineLists<Q>>);

#[repr(C)]
pub(crate) struct LineLists<Q: Query> {
    pub(crate) lines: Vec<Option<Line<Q>>>,
    /// Keys and values that operations displaced from the shard. Must be dropped when no lock is held.
    pub(crate) displaced: Option<Box<dyn AnyPairs>>,
}

/// A key and its value; either may be absent, or have been taken.
pub(crate) struct Pair<Q: Query> {
    pub(crate) key: Option<Q>,
    pub(crate) value: Option<Arc<Q::Value>>,
}

impl<Q: Query> AnyEntry for Pair<Q> {}

/// Prints the key, or hides it if its query is secret.
impl<Q: Query> Debug for Pair<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => ShownKey(key).fmt(f),
            None => Ok(()),
        }
    }
}

pub(crate) fn entry_of<Q: Query>(entry: &dyn AnyEntry) -> Option<(&Q, Option<&Arc<Q::Value>>)> {
    let Pair { key, value } = (entry as &dyn Any).downcast_ref::<Pair<Q>>()?;
    Some((key.as_ref()?, value.as_ref()))
}

/// Keys and values of one query, by number.
pub(crate) struct Pairs<Q: Query>(pub(crate) Vec<Pair<Q>>);

/// A value with a large drop, which a separate function drops. Otherwise the compiler would inline its drop
/// wherever its container may be dropped, or becomes a trait object. If the type does not depend on a query, that
/// function is compiled in this crate.
pub(crate) struct OutlinedDrop<T: Default>(ManuallyDrop<T>);

impl<T: Default> Default for OutlinedDrop<T> {
    #[inline]
    fn default() -> Self {
        Self(ManuallyDrop::new(T::default()))
    }
}

impl<T: Default> Deref for OutlinedDrop<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Default> DerefMut for OutlinedDrop<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Default> Drop for OutlinedDrop<T> {
    #[inline(never)]
    fn drop(&mut self) {
        drop(take(&mut *self.0));
    }
}
