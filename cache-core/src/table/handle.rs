//! Handles of tables whose query the holder does not know. They keep the cache alive. [`ErasedTableRef`]
//! gives access to a table as it is. [`AnyTableRef`] gives access to its shards, and creates them if needed.
//! The typed counterpart is [`TableRef`](super::TableRef).

use std::any::{Any, TypeId};
use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::erased::{ErasedTable, UsedTable};
use crate::shard::erased::{AnyLines, AnyPair, AnyPairs};

/// A handle of a table whose query its holder does not know.
pub(crate) struct ErasedTableRef {
    /// Of the table's registry.
    pub(crate) cache: Arc<dyn Any + Send + Sync>,
    pub(crate) table: fn(&(dyn Any + Send + Sync)) -> &dyn ErasedTable,
}

impl ErasedTableRef {
    pub(crate) fn table(&self) -> &dyn ErasedTable {
        (self.table)(&*self.cache)
    }
}

/// A handle of a table that has shards, and whose query its holder does not know.
#[doc(hidden)]
#[derive(Clone)]
pub struct AnyTableRef {
    pub(crate) cache: Arc<dyn Any + Send + Sync>,
    pub(crate) access: &'static TableAccess,
}

/// Returns whether two values are the same answer.
type IsSame = fn(&dyn AnyPair, &dyn AnyPair) -> bool;

/// How a table is found in its cache, and what else differs between queries.
pub(crate) struct TableAccess {
    /// The type of the query.
    pub(crate) query: fn() -> TypeId,
    /// Finds the table in its cache. Creates its shards if needed.
    pub(crate) used: fn(&(dyn Any + Send + Sync)) -> &dyn UsedTable,
    pub(crate) table: fn(&(dyn Any + Send + Sync)) -> &dyn ErasedTable,
    /// Returns whether a line of a shard holds a value, of which the caller has a handle.
    pub(crate) has_value: fn(&dyn AnyLines, u32, &dyn AnyPair) -> bool,
    /// Returns whether the value of a pair is the same answer as the current one, if the query compares values.
    pub(crate) is_same: Option<IsSame>,
    /// Creates lists of keys and values.
    pub(crate) pairs: fn(usize) -> Box<dyn AnyPairs>,
}

impl AnyTableRef {
    pub(crate) fn table(&self) -> &dyn UsedTable {
        (self.access.used)(&*self.cache)
    }

    /// Returns the same handle for a holder that needs no shards.
    pub(crate) fn erased(&self) -> ErasedTableRef {
        ErasedTableRef { cache: Arc::clone(&self.cache), table: self.access.table }
    }
}

impl Debug for AnyTableRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyTableRef").field(&self.table().head().name).finish()
    }
}
