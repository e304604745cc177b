//! One query's entries: locked shards over plain ones. Decides what is locked when, and what runs outside locks.
//!
//! [`Table`] is what is compiled for each query: its shards, the hit, and the way to either of a shard's parts. What is
//! done with keys of any query is in [`write`](self::write) and [`read`](self::read), on [`UsedTable`].

pub(crate) mod entry;
pub(crate) mod flights;
pub(crate) mod head;
pub(crate) mod iter;
mod locking;
mod read;
pub(crate) mod tags;
mod times;
pub(crate) mod watchers;
mod write;

use std::fmt::{self, Debug};
use std::hash::Hash;
use std::sync::OnceLock;

use crate::core::Core;
use crate::erased::{ErasedTable, UsedTable};
use crate::options::{Bound, TableOptions};
use crate::query::Query;
use crate::retention::Rules;
use crate::shard::{AnyShard, Lines, Shard};
use crate::sync::RwLock;
pub(crate) use head::Head;
pub(crate) use read::Use;
pub use times::Times;
pub(crate) use write::IsSame;

/// All entries of one query.
pub struct Table<Q: Query> {
    head: Head,
    /// Made when the table is first used.
    shards: OnceLock<Shards<Q>>,
    /// [`made_table`](Self::made_table) of a table that takes part in snapshots, which may make the shards.
    made: Option<fn(&Self) -> &dyn UsedTable>,
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
    fn of(&self, hash: u32) -> &RwLock<Shard<Lines<Q>>> {
        &self.lines[head::place_among(self.lines.len(), hash)].0
    }
}

/// A shard on cache lines of its own.
#[repr(align(64))]
struct Line<Q: Query>(RwLock<Shard<Lines<Q>>>);

impl<Q: Query> Table<Q> {
    pub(crate) fn new(mut head: Head, made: Option<fn(&Self) -> &dyn UsedTable>) -> Self {
        head.has_entry_tags = Q::TAGS_OF.is_some();
        Self { head, shards: OnceLock::new(), made }
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

    pub(crate) fn core(&self) -> &Core {
        &self.head.core
    }

    #[inline]
    pub(crate) fn hash<L: Hash + ?Sized>(&self, key: &L) -> u32 {
        self.head.hash(key)
    }

    #[inline]
    fn made(&self) -> &[Line<Q>] {
        match self.shards.get() {
            Some(shards) => &shards.lines,
            None => self.make(),
        }
    }

    #[cold]
    #[inline(never)]
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

    /// The table with its shards, made if they are not there yet.
    pub(crate) fn made_table(&self) -> &dyn UsedTable {
        self.made();
        self
    }

    /// The table, if it has shards.
    fn used_table(&self) -> Option<&dyn UsedTable> {
        match self.shards.get() {
            Some(_) => Some(self),
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

    fn made_for_restore(&self) -> Option<&dyn UsedTable> {
        match self.made {
            Some(made) => Some(made(self)),
            None => None,
        }
    }
}

impl<Q: Query> UsedTable for Table<Q> {
    fn head(&self) -> &Head {
        &self.head
    }

    fn shard(&self, place: usize) -> &RwLock<AnyShard> {
        &self.made()[place].0
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
