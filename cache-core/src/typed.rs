//! The types that are compiled for each query, besides the public ones; their methods are in the modules that
//! they belong to. The compiler puts the methods of the types of one module into one codegen unit, and copies
//! small functions and drops into each unit that uses them. So these types are declared side by side.

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
    /// Created when the table is first used.
    pub(crate) shards: OutlinedDrop<OnceLock<Shards<Q>>>,
    /// [`ensure_shards`](Self::ensure_shards) of a table that is part of snapshots. It may create the shards.
    pub(crate) ensure_for_restore: Option<fn(&Self) -> &dyn UsedTable>,
}

pub(crate) struct Shards<Q: Query> {
    pub(crate) aligned: Vec<AlignedShard<Q>>,
    /// Gives access to the operations on shards. Set where the shards are created, so that a program contains
    /// this code only for tables that it writes.
    pub(crate) used: fn(&Table<Q>) -> &dyn UsedTable,
}

/// A shard on cache lines of its own.
#[repr(align(64))]
pub(crate) struct AlignedShard<Q: Query>(pub(crate) RwLock<Shard<Lines<Q>>>);

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

/// Keys and values of one query, by number.
pub(crate) struct Pairs<Q: Query>(pub(crate) Vec<Pair<Q>>);

/// The write set of one transaction in the table of `Q`.
pub(crate) struct Writes<'a, Q: Query> {
    pub(crate) table: &'a Table<Q>,
    pub(crate) set: &'a mut WriteSet,
}

/// The merges of one value, in their order.
pub(crate) struct Merges<Q: Query>(pub(crate) Vec<MergeStep<Q::Value>>);

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
