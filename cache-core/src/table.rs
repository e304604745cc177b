//! One query's entries: locked shards over plain ones. Decides what is locked when, and what runs outside locks.

pub(crate) mod entry;
pub(crate) mod iter;
mod read;
pub(crate) mod shard;
pub(crate) mod slot;
mod step;
mod times;
mod write;

use std::fmt::{self, Debug};
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, OnceLock};

use crate::core::Core;
use crate::flight::Flights;
use crate::options::{Bound, TableOptions};
use crate::query::Query;
use crate::retention::Rules;
use crate::retention::ledger::Ledger;
use crate::retention::recency::Recency;
use crate::snapshot::TableCodec;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::{RandomState, RwLock, RwLockWriteGuard};
pub(crate) use read::Use;
use shard::Shard;
pub use times::Times;

/// All entries of one query.
pub struct Table<Q: Query> {
    name: &'static str,
    /// Place in the registry: tables are locked in this order.
    index: usize,
    options: TableOptions,
    rules: Rules,
    hasher: RandomState,
    /// Made when the table is first used.
    shards: OnceLock<Box<[Line<Q>]>>,
    shard_count: usize,
    ledger: Ledger,
    /// The exact order of a table with `lru`. Made before the shards.
    recency: OnceLock<Box<Recency>>,
    /// Shard that is asked next to make room for another one.
    next_victim: AtomicUsize,
    /// Misses from before the first write.
    early_misses: AtomicU64,
    /// How the table is saved, if it is.
    codec: Option<Box<dyn TableCodec<Q>>>,
    pub(crate) flights: Flights<Q>,
    pub(crate) core: Arc<Core>,
}

/// A shard on cache lines of its own.
#[repr(align(64))]
struct Line<Q: Query>(RwLock<Shard<Q>>);

pub(crate) type Guard<'a, Q> = RwLockWriteGuard<'a, Shard<Q>>;

/// Fewest entries that a shard is made for.
const SHARD_SERVES: u64 = 256;

impl<Q: Query> Table<Q> {
    pub(crate) fn new(
        name: &'static str,
        index: usize,
        options: TableOptions,
        codec: Option<Box<dyn TableCodec<Q>>>,
        core: Arc<Core>,
    ) -> Self {
        let rules = Rules::of(&options);
        let served = match rules.bound {
            Some(_) => usize::try_from(rules.limit() / SHARD_SERVES).unwrap_or(usize::MAX),
            None => usize::MAX,
        };
        Self {
            name,
            index,
            options,
            rules,
            hasher: RandomState::default(),
            shards: OnceLock::new(),
            shard_count: core.shards.min(served).max(1),
            ledger: Ledger::new(rules.limit()),
            recency: OnceLock::new(),
            next_victim: AtomicUsize::new(0),
            early_misses: AtomicU64::new(0),
            codec,
            flights: Flights::default(),
            core,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    #[inline]
    pub(crate) fn hash<L: Hash + ?Sized>(&self, key: &L) -> u32 {
        (self.hasher.hash_one(key) >> 32) as u32
    }

    /// Shard of a hash, by its high bits: the number of shards need not be a power of two.
    #[inline]
    pub(crate) fn place_of(&self, hash: u32) -> usize {
        ((u64::from(hash) * self.shard_count as u64) >> 32) as usize
    }

    fn existing(&self, hash: u32) -> Option<&RwLock<Shard<Q>>> {
        self.shards.get().map(|shards| &shards[self.place_of(hash)].0)
    }

    pub(crate) fn shard_at(&self, place: usize) -> &RwLock<Shard<Q>> {
        &self.made()[place].0
    }

    fn made(&self) -> &[Line<Q>] {
        if let Some(shards) = self.shards.get() {
            return shards;
        }
        let _making = self.core.gate.making();
        if self.rules.is_lru() {
            self.recency.get_or_init(|| Box::new(Recency::new()));
        }
        self.shards.get_or_init(|| (0..self.shard_count).map(|_| Line(RwLock::new(Shard::new()))).collect())
    }

    /// The shards, none before the first use.
    fn lines(&self) -> &[Line<Q>] {
        self.shards.get().map_or(&[], |shards| shards)
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

    /// Misses from before the first write.
    pub(crate) fn early_misses(&self) -> u64 {
        self.early_misses.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn recency(&self) -> Option<&Recency> {
        self.recency.get().map(|recency| &**recency)
    }
}

impl<Q: Query> Debug for Table<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("name", &self.name)
            .field("options", &self.options)
            .finish_non_exhaustive()
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
