//! One query's entries: locked shards over plain ones. Decides what is locked when, and what runs outside locks.

pub(crate) mod entry;
pub(crate) mod flights;
pub(crate) mod head;
pub(crate) mod iter;
mod read;
mod saved;
pub(crate) mod shard;
pub(crate) mod slot;
mod step;
pub(crate) mod tags;
mod times;
mod used;
pub(crate) mod watchers;
mod write;

use std::fmt::{self, Debug};
use std::hash::Hash;
use std::sync::OnceLock;

use crate::any_table::{AnyTable, SavedTable, UsedTable};
use crate::core::Core;
use crate::options::{Bound, TableOptions};
use crate::query::Query;
use crate::retention::Rules;
use crate::retention::recency::Recency;
use crate::snapshot::TableCodec;
use crate::sync::{RwLock, RwLockWriteGuard};
use crate::trail::Trail;
pub(crate) use head::Head;
pub(crate) use read::Use;
use shard::Shard;
pub use times::Times;
use watchers::Watchers;

/// All entries of one query.
pub struct Table<Q: Query> {
    head: Head,
    /// Made when the table is first used.
    shards: OnceLock<Shards<Q>>,
    /// How the table is saved, if it is.
    codec: Option<Box<dyn TableCodec<Q>>>,
    pub(crate) watchers: Watchers<Q>,
}

struct Shards<Q: Query> {
    lines: Vec<Line<Q>>,
    /// The way to all that is done with shards. Set where they are made, so that a program has that code for those
    /// tables alone that it writes.
    used: fn(&Table<Q>) -> &dyn UsedTable,
}

impl<Q: Query> Shards<Q> {
    /// The shard of a hash.
    #[inline]
    fn of(&self, hash: u32) -> &RwLock<Shard<Q>> {
        &self.lines[head::place_among(self.lines.len(), hash)].0
    }
}

/// A shard on cache lines of its own.
#[repr(align(64))]
struct Line<Q: Query>(RwLock<Shard<Q>>);

pub(crate) type Guard<'a, Q> = RwLockWriteGuard<'a, Shard<Q>>;

impl<Q: Query> Table<Q> {
    pub(crate) fn new(mut head: Head, codec: Option<Box<dyn TableCodec<Q>>>) -> Self {
        head.has_entry_tags = Self::HAS_TAGS;
        Self { head, shards: OnceLock::new(), codec, watchers: Watchers::default() }
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

    pub(crate) fn trail(&self) -> &Trail {
        &self.head.trail
    }

    pub(crate) fn core(&self) -> &Core {
        &self.head.core
    }

    #[inline]
    pub(crate) fn hash<L: Hash + ?Sized>(&self, key: &L) -> u32 {
        self.head.hash(key)
    }

    #[inline]
    pub(crate) fn place_of(&self, hash: u32) -> usize {
        self.head.place_of(hash)
    }

    fn existing(&self, hash: u32) -> Option<&RwLock<Shard<Q>>> {
        self.shards.get().map(|shards| shards.of(hash))
    }

    /// The shard at a place; all are made if they are not there yet.
    #[inline]
    pub(crate) fn shard_at(&self, place: usize) -> &RwLock<Shard<Q>> {
        &self.made()[place].0
    }

    #[inline]
    fn made(&self) -> &[Line<Q>] {
        match self.shards.get() {
            Some(shards) => &shards.lines,
            None => self.make(),
        }
    }

    #[cold]
    fn make(&self) -> &[Line<Q>] {
        let _making = self.head.core.gate.making();
        self.head.prepare();
        let make = || {
            let mut lines = Vec::with_capacity(self.head.shard_count());
            for _ in 0..self.head.shard_count() {
                lines.push(Line(RwLock::new(Shard::new())));
            }
            Shards { lines, used: |table| table }
        };
        &self.shards.get_or_init(make).lines
    }

    /// The shards, none before the first use.
    fn lines(&self) -> &[Line<Q>] {
        self.shards.get().map_or(&[], |shards| &shards.lines)
    }

    pub(crate) fn shards(&self) -> impl Iterator<Item = &RwLock<Shard<Q>>> {
        self.lines().iter().map(|line| &line.0)
    }

    /// The shards, made if they are not there yet.
    pub(crate) fn made_shards(&self) -> impl Iterator<Item = &RwLock<Shard<Q>>> {
        self.made().iter().map(|line| &line.0)
    }

    pub(crate) fn codec(&self) -> Option<&dyn TableCodec<Q>> {
        self.codec.as_deref()
    }

    #[inline]
    pub(crate) fn recency(&self) -> Option<&Recency> {
        self.head.recency()
    }
}

impl<Q: Query> AnyTable for Table<Q> {
    fn head(&self) -> &Head {
        &self.head
    }

    fn used(&self) -> Option<&dyn UsedTable> {
        self.shards.get().map(|shards| (shards.used)(self))
    }

    fn saved(&self) -> Option<&dyn SavedTable> {
        self.codec.as_ref().map(|codec| codec.table(self))
    }
}

impl<Q: Query> Debug for Table<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.fmt(f)
    }
}

/// Whether a table with these options can work.
pub(crate) fn check(options: &TableOptions) -> Result<(), &'static str> {
    match options.bound {
        Some(Bound::Capacity(0)) => Err("`capacity` must be at least 1"),
        Some(Bound::Lru(0)) => Err("`lru` must be at least 1"),
        Some(Bound::Weight(0)) => Err("`max_weight` must be at least 1"),
        _ => Ok(()),
    }
}
