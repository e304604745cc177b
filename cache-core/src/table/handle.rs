//! Handles of tables whose query the holder does not know. They keep the cache alive. [`ErasedTableRef`]
//! gives access to a table as it is. [`AnyTableRef`] gives access to its shards, and creates them if needed.
//! The typed counterpart is [`TableRef`](super::TableRef).

use std::any::Any;
use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::erased::{ErasedTable, UsedTable};
use crate::shard::erased::{AnyLines, AnyPair};

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
    /// Finds the table in its cache. Creates its shards if needed.
    pub(crate) table: fn(&(dyn Any + Send + Sync)) -> &dyn UsedTable,
    /// Returns whether a line of a shard holds a value, of which the caller has a handle.
    pub(crate) has_value: fn(&dyn AnyLines, u32, &dyn AnyPair) -> bool,
}

impl AnyTableRef {
    pub(crate) fn table(&self) -> &dyn UsedTable {
        (self.table)(&*self.cache)
    }
}

impl Debug for AnyTableRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyTableRef").field(&self.table().head().name).finish()
    }
}
