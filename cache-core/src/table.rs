//! The entries of one query: locks around plain shards. Decides what is locked when, and what runs outside
//! locks.
//!
//! [`Table`] is compiled for each query: its shards, the hit path, and access to both parts of a shard. Code
//! for keys of any query is in [`write`](self::write) and [`read`](self::read), on [`UsedTable`].

mod change_listeners;
mod derived;
pub(crate) mod dirty_marks;
pub(crate) mod entry;
pub(crate) mod flights;
pub(crate) mod handle;
pub(crate) mod head;
pub(crate) mod iter;
mod locking;
mod read;
mod sharing;
mod simple;
pub(crate) mod simple_write;
pub(crate) mod tags;
pub(crate) mod watchers;
pub(crate) mod write;

use std::fmt::{self, Debug};
use std::hash::Hash;

use crate::erased::{AnyTable, ErasedTable, UsedTable};
use crate::options::{Bound, TableOptions};
use crate::query::Query;
use crate::retention::Rules;
use crate::shard::erased::AnyPair;
use crate::shard::{AnyShard, Shard};
use crate::shared::Shared;
use crate::sync::RwLock;
pub use crate::typed::tables::Table;
use crate::typed::tables::{AlignedShard, Shards};
use crate::typed::{Lines, OutlinedDrop, Pair};
use head::Head;
pub(crate) use read::Use;
use simple_write::SimpleWrite;

/// A handle of the table of `Q` that keeps its cache alive.
pub(crate) trait TableRef<Q: Query>: Send + Sync {
    fn table(&self) -> &Table<Q>;
}

impl<'a> AnyTable<'a> {
    /// Erases the query of a table.
    pub fn of<Q: Query>(table: &'a Table<Q>) -> Self {
        Self(table.erased())
    }
}

impl<Q: Query> Shards<Q> {
    /// Returns the shard of a hash.
    #[inline]
    fn of(&self, hash: u32) -> &RwLock<Shard<Lines<Q>>> {
        &self.aligned[head::place_among(self.aligned.len(), hash)].0
    }
}

impl<Q: Query> Table<Q> {
    pub(crate) fn new(mut head: Head, ensure_for_restore: Option<fn(&Self) -> &dyn UsedTable>) -> Self {
        if Q::TAGS_OF.is_some() {
            head.set_has_entry_tags();
        }
        if Q::DERIVED {
            head.set_is_derived();
        }
        if let Some(sharing) = Q::SHARING {
            head.set_sharing(sharing);
        }
        Self { head, shards: OutlinedDrop::default(), ensure_for_restore }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.head.name
    }

    pub(crate) fn index(&self) -> usize {
        self.head.index
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.head.rules
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.head.shared
    }

    #[inline]
    pub(crate) fn hash<L: Hash + ?Sized>(&self, key: &L) -> u32 {
        self.head.hash(key)
    }

    #[inline(never)]
    fn get_or_create(&self) -> &[AlignedShard<Q>] {
        match self.shards.get() {
            Some(shards) => &shards.aligned,
            None => self.create(),
        }
    }

    #[cold]
    #[inline(never)]
    fn create(&self) -> &[AlignedShard<Q>] {
        let _creating = self.head.shared.gate.lock_shard_creation();
        self.head.prepare();
        let create = || {
            let mut aligned = Vec::with_capacity(self.head.shard_count());
            for _ in 0..self.head.shard_count() {
                aligned.push(AlignedShard(RwLock::new(Shard::new())));
            }
            Shards { aligned, used: Self::used_as }
        };
        &self.shards.get_or_init(create).aligned
    }

    /// Returns the shard of a hash. Creates the shards if needed.
    fn shard_of(&self, hash: u32) -> &RwLock<AnyShard> {
        match self.shards.get() {
            Some(shards) => shards.of(hash),
            None => self.shard(self.head.place_of(hash)),
        }
    }

    /// Returns the table with its shards, which it creates if needed.
    pub(crate) fn ensure_shards(&self) -> &dyn UsedTable {
        self.get_or_create();
        self.used_as()
    }

    /// Erases the query of the table.
    #[inline(never)]
    pub(crate) fn erased(&self) -> &dyn ErasedTable {
        self
    }

    #[inline(never)]
    fn used_as(&self) -> &dyn UsedTable {
        self
    }

    /// Returns the table, if it has shards.
    fn used_table(&self) -> Option<&dyn UsedTable> {
        match self.shards.get() {
            Some(_) => Some(self.used_as()),
            None => None,
        }
    }
}

impl<Q: Query> ErasedTable for Table<Q> {
    fn head(&self) -> &Head {
        &self.head
    }

    fn used(&self) -> Option<&dyn UsedTable> {
        match self.shards.get() {
            Some(shards) => Some((shards.used)(self)),
            None => None,
        }
    }

    fn ensure_shards_for_restore(&self) -> Option<&dyn UsedTable> {
        match self.ensure_for_restore {
            Some(ensure) => Some(ensure(self)),
            None => None,
        }
    }
}

impl<Q: Query> UsedTable for Table<Q> {
    fn head(&self) -> &Head {
        &self.head
    }

    fn shard(&self, place: usize) -> &RwLock<AnyShard> {
        &self.get_or_create()[place].0
    }

    fn write_simply(&self, pair: &mut dyn AnyPair, write: &mut SimpleWrite<'_>) -> bool {
        match Pair::of_mut(pair) {
            Some(pair) => self.write_pair_simply(pair, write),
            None => false,
        }
    }
}

impl<Q: Query> Debug for Table<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.fmt(f)
    }
}

/// Checks that a table with these options can work.
pub(crate) fn check(options: &TableOptions) -> Result<(), &'static str> {
    match options.bound {
        Some(Bound::Capacity(0)) => Err("`capacity` must be at least 1"),
        Some(Bound::Lru(0)) => Err("`lru` must be at least 1"),
        Some(Bound::Weight(0)) => Err("`max_weight` must be at least 1"),
        _ => Ok(()),
    }
}
