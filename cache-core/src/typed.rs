//! The types of all that is compiled for each query, besides the public face; what they do is where it belongs. The
//! compiler puts the methods of types of one module into one part of a program, and writes small functions and drops
//! into each part that has a use for them. So these types are declared side by side.

use std::mem::{ManuallyDrop, take};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock, Weak};

use crate::commit::merges::MergeStep;
use crate::commit::write_set::WriteSet;
use crate::erased::UsedTable;
use crate::query::Query;
use crate::shard::Shard;
use crate::shard::erased::AnyPairs;
use crate::shard::line_state::LineState;
use crate::sync::RwLock;
use crate::table::head::Head;

/// All entries of one query.
pub struct Table<Q: Query> {
    pub(crate) head: Head,
    /// Made when the table is first used.
    pub(crate) shards: OutlinedDrop<OnceLock<Shards<Q>>>,
    /// [`made_table`](Self::made_table) of a table that takes part in snapshots, which may make the shards.
    pub(crate) made: Option<fn(&Self) -> &dyn UsedTable>,
}

pub(crate) struct Shards<Q: Query> {
    pub(crate) aligned: Vec<AlignedShard<Q>>,
    /// The way to all that is done with shards. Set where they are made, so that a program has that code for those
    /// tables alone that it writes.
    pub(crate) used: fn(&Table<Q>) -> &dyn UsedTable,
}

/// A shard on cache lines of its own.
#[repr(align(64))]
pub(crate) struct AlignedShard<Q: Query>(pub(crate) RwLock<Shard<Lines<Q>>>);

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
    pub(crate) lines: OutlinedDrop<Vec<Option<Line<Q>>>>,
    /// Keys and values that operations pushed out of the shard, to be dropped when no lock is held.
    pub(crate) displaced: OutlinedDrop<Option<Box<dyn AnyPairs>>>,
}

/// A key and its value; either may be absent, or have been taken.
pub(crate) struct Pair<Q: Query> {
    pub(crate) key: Option<Q>,
    pub(crate) value: Option<Arc<Q::Value>>,
}

/// Keys and values of one query, by number.
pub(crate) struct Pairs<Q: Query>(pub(crate) Vec<Pair<Q>>);

/// The set of writes of one transaction in the table of `Q`.
pub(crate) struct Writes<'a, Q: Query> {
    pub(crate) table: &'a Table<Q>,
    pub(crate) set: &'a mut WriteSet,
}

/// The merges of one value, in their order.
pub(crate) struct Merges<Q: Query>(pub(crate) Vec<MergeStep<Q::Value>>);

/// A key with its value, for listeners.
pub(crate) struct EntryOf<Q: Query> {
    pub(crate) key: Q,
    pub(crate) value: Option<Arc<Q::Value>>,
}

/// A value with much to drop, which is dropped by a function of its own: else the compiler would write out its drop
/// wherever what it is in may be dropped, or is made a trait object.
#[derive(Default)]
pub(crate) struct OutlinedDrop<T: Default>(ManuallyDrop<T>);

impl<T: Default> OutlinedDrop<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(ManuallyDrop::new(value))
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
