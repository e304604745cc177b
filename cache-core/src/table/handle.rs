//! Handles of tables whose query the holder does not know. They keep the cache alive. [`ErasedTableRef`] reaches a
//! table as it is; [`UsedTableRef`] reaches its shards, which it makes if they are not there yet. Their typed sibling
//! is [`TableRef`](super::TableRef).

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
pub struct UsedTableRef {
    pub(crate) cache: Arc<dyn Any + Send + Sync>,
    /// Finds the table in its cache, and makes its shards if they are not there yet.
    pub(crate) table: fn(&(dyn Any + Send + Sync)) -> &dyn UsedTable,
    /// Whether a line of a shard has a value, which the caller holds, by its handle.
    pub(crate) has_value: fn(&dyn AnyLines, u32, &dyn AnyPair) -> bool,
}

impl UsedTableRef {
    pub(crate) fn table(&self) -> &dyn UsedTable {
        (self.table)(&*self.cache)
    }
}

impl Debug for UsedTableRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UsedTableRef").field(&self.table().head().name).finish()
    }
}
