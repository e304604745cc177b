//! The types of tables and transactions that are compiled for each query, as [`typed`](super) says.

use std::sync::OnceLock;

use super::{Lines, OutlinedDrop};
use crate::commit::merges::MergeStep;
use crate::commit::write_set::WriteSet;
use crate::erased::UsedTable;
use crate::query::Query;
use crate::shard::Shard;
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

/// The write set of one transaction in the table of `Q`.
pub(crate) struct Writes<'a, Q: Query> {
    pub(crate) table: &'a Table<Q>,
    pub(crate) set: &'a mut WriteSet,
}

/// The merges of one value, in their order.
pub(crate) struct Merges<Q: Query>(pub(crate) Vec<MergeStep<Q::Value>>);
