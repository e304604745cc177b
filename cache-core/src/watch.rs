//! Whether a key has been written since a load of it began, for loads that keep no thread. Knows nothing of who waits.
//!
//! As in `flight`: a loader registers first and then passes the lock of the key's shard; a writer that holds that lock
//! asks for watches with one relaxed load. If it had the lock before, the load begins after the write; if after, it
//! sees the watch.

use std::fmt::{self, Debug};
use std::sync::Arc;

use hashbrown::HashTable;

use crate::core::Core;
use crate::event::Bell;
use crate::hashed::spread;
use crate::query::{Lookup, Query};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::table::Times;
use crate::transaction::write_set::Home;

/// Tells whether a key has been written, removed, invalidated or cleared since the watch began, present or absent.
///
/// For who loads values by other means than [`Cache::get_or_insert_with`](crate::Cache::get_or_insert_with): what
/// [`store`](Self::store) is given never takes the place of something newer. Eviction, expiry and `touch` are no
/// writes. While a table has watches, a write to it looks for those of its key.
pub struct Watch<Q: Query> {
    home: Arc<dyn Home<Q>>,
    watched: Arc<Watched<Q>>,
}

/// What became of a value that was loaded.
#[derive(Debug)]
pub enum Stored<V: ?Sized> {
    /// It is committed.
    Written(Arc<V>),
    /// The query says `eq`, and the value that was there equals it: that one is kept, its times renewed.
    Kept(Arc<V>),
    /// Something newer happened to the key: it is not stored.
    Overtaken(Arc<V>),
}

impl<V: ?Sized> Stored<V> {
    /// The value that is to be answered with.
    #[must_use]
    pub fn into_value(self) -> Arc<V> {
        match self {
            Self::Written(value) | Self::Kept(value) | Self::Overtaken(value) => value,
        }
    }
}

impl<Q: Query> Watch<Q> {
    pub(crate) fn new(home: Arc<dyn Home<Q>>, key: Q) -> Self {
        let watched = home.table().watch(key, None);
        Self { home, watched }
    }

    /// One that rings `bell` for whatever happens to the key, from the first time to its end.
    pub(crate) fn with_bell(home: Arc<dyn Home<Q>>, key: Q, bell: Bell) -> Self {
        let watched = home.table().watch(key, Some(bell));
        Self { home, watched }
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &Q {
        &self.watched.key
    }

    /// Whether something newer has happened to the key.
    #[must_use]
    pub fn is_overtaken(&self) -> bool {
        self.watched.is_overtaken()
    }

    /// Ends the right to store: when this returns, nothing more is stored through this watch. Waits for a store that is
    /// under way.
    pub fn retire(&self) {
        self.watched.overtake();
        self.home.table().pass(self.watched.hash);
    }

    /// Writes a loaded value, unless the watch was overtaken. Is one commit; like
    /// [`Cache::insert`](crate::Cache::insert) it does not ask the `before_commit` hooks. What it writes overtakes all
    /// watches of the key, this one included.
    ///
    /// With `#[query(eq)]`, a value equal to the present one is not written: the present one is kept, and dated anew.
    pub fn store(&self, value: impl Into<Arc<Q::Value>>, times: Times) -> Stored<Q::Value> {
        self.home.table().store_watched(&self.watched, value.into(), times)
    }
}

impl<Q: Query> Drop for Watch<Q> {
    fn drop(&mut self) {
        self.home.table().watches.remove(&self.watched);
    }
}

impl<Q: Query> Debug for Watch<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("key", &self.watched.key)
            .field("is_overtaken", &self.is_overtaken())
            .finish_non_exhaustive()
    }
}

/// A bell with those who ring it.
pub(crate) struct Ringer {
    pub(crate) bell: Bell,
    pub(crate) core: Arc<Core>,
}

/// One key that is watched.
pub(crate) struct Watched<Q> {
    key: Q,
    hash: u32,
    /// Set by writers under the lock of the key's shard; what is stored is asked for it under that lock.
    is_overtaken: AtomicBool,
    /// Who wants to hear of what happens to the key.
    ringer: Option<Ringer>,
}

impl<Q> Watched<Q> {
    pub(crate) fn key(&self) -> &Q {
        &self.key
    }

    pub(crate) fn is_overtaken(&self) -> bool {
        self.is_overtaken.load(Ordering::Relaxed)
    }

    /// Calls no foreign code: a bell is rung by the next who tells the listeners, when no lock is held.
    pub(crate) fn overtake(&self) {
        self.is_overtaken.store(true, Ordering::Relaxed);
        self.ring_later();
    }

    fn ring_later(&self) {
        if let Some(Ringer { bell, core }) = &self.ringer {
            core.events.ring_later(Arc::clone(bell));
        }
    }
}

/// The watches of one table; a key may have several.
pub(crate) struct Watches<Q> {
    /// May be locked while a shard is; nothing else is locked under it.
    by_hash: Mutex<HashTable<Arc<Watched<Q>>>>,
    /// Their number.
    count: AtomicUsize,
}

impl<Q: Query> Watches<Q> {
    pub(crate) fn add(&self, key: Q, hash: u32, ringer: Option<Ringer>) -> Arc<Watched<Q>> {
        let watched = Arc::new(Watched { key, hash, is_overtaken: AtomicBool::new(false), ringer });
        let mut by_hash = self.by_hash.lock();
        by_hash.insert_unique(spread(hash), Arc::clone(&watched), |watched| spread(watched.hash));
        self.count.store(by_hash.len(), Ordering::Relaxed);
        watched
    }

    fn remove(&self, watched: &Arc<Watched<Q>>) {
        let mut by_hash = self.by_hash.lock();
        let found = by_hash.find_entry(spread(watched.hash), |other| Arc::ptr_eq(other, watched));
        // The caller has a handle of its own, so that no key is dropped here.
        if let Ok(entry) = found {
            entry.remove();
        }
        self.count.store(by_hash.len(), Ordering::Relaxed);
    }

    /// Tells the watches of a key that it has been written. To be called while its shard is locked.
    #[inline]
    pub(crate) fn overtake<L: Lookup<Query = Q>>(&self, hash: u32, lookup: &L) {
        self.find(hash, lookup, |watched| watched.overtake());
    }

    /// Rings the bells of a key whose times have been renewed, which is no write. To be called while its shard is locked.
    #[inline]
    pub(crate) fn note_touch<L: Lookup<Query = Q>>(&self, hash: u32, lookup: &L) {
        self.find(hash, lookup, |watched| watched.ring_later());
    }

    /// The watches of a key, to be told once the write of it is certain. To be called while its shard is locked, which
    /// it has to stay until then.
    #[inline]
    pub(crate) fn find<L: Lookup<Query = Q>>(
        &self,
        hash: u32,
        lookup: &L,
        found: impl FnMut(&Arc<Watched<Q>>),
    ) {
        if self.count.load(Ordering::Relaxed) > 0 {
            self.find_among(hash, lookup, found);
        }
    }

    #[cold]
    fn find_among<L: Lookup<Query = Q>>(
        &self,
        hash: u32,
        lookup: &L,
        mut found: impl FnMut(&Arc<Watched<Q>>),
    ) {
        let by_hash = self.by_hash.lock();
        for watched in by_hash.iter_hash(spread(hash)) {
            if watched.hash == hash && lookup.is_key(&watched.key) {
                found(watched);
            }
        }
    }

    /// All watches at this moment.
    pub(crate) fn all(&self) -> Vec<Arc<Watched<Q>>> {
        self.by_hash.lock().iter().cloned().collect()
    }

    /// Tells all watches that everything has been removed. To be called while all shards are locked.
    pub(crate) fn overtake_all(&self) {
        self.by_hash.lock().iter().for_each(|watched| watched.overtake());
    }
}

impl<Q> Default for Watches<Q> {
    fn default() -> Self {
        Self { by_hash: Mutex::new(HashTable::new()), count: AtomicUsize::new(0) }
    }
}
