//! Running loads, watches, and marks for copies kept elsewhere: all that is told when a key of a table changes. One rule
//! for all of them, told by [`key_changed`](Table::key_changed), [`key_marked`](Table::key_marked) and the like for all keys.
//!
//! A loader registers a watcher first and then passes the lock of the key's shard. A writer that holds that lock asks
//! for watchers with one relaxed load. If the writer had the lock before, the load begins after the write; if after,
//! the writer sees the watcher. What a load stores asks [`is_overtaken`](Watcher::is_overtaken) under the same lock.

use std::sync::Arc;

use hashbrown::HashTable;

use super::Table;
use super::flights::Load;
use crate::core::Core;
use crate::event::Bell;
use crate::hashed::spread;
use crate::query::{Lookup, Query};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// One load or watch of a key. Not to be dropped under a lock: a load may hold an answer.
pub(crate) struct Watcher<Q: Query> {
    key: Q,
    hash: u32,
    /// `CURRENT`, `MARKED` or `REPLACED`. Raised by writers under the lock of the key's shard, and never lowered.
    state: AtomicU8,
    role: Role<Q::Value>,
}

/// Nothing has happened to the key since the watcher was added.
const CURRENT: u8 = 0;
/// It has been marked, and nothing else.
const MARKED: u8 = 1;
/// It has been written or removed, or the watcher was retired.
const REPLACED: u8 = 2;

/// What a watcher is there for.
// Large with the locks of the model checker alone.
#[cfg_attr(cache_model, expect(clippy::large_enum_variant))]
pub(super) enum Role<V: ?Sized> {
    /// A load that keeps no thread, or a caller that wants to hear of changes.
    Watch(Option<Ringer>),
    /// A load that keeps a thread, and others waiting.
    Load(Load<V>),
}

/// A bell with those who ring it.
pub(super) struct Ringer {
    pub(super) bell: Bell,
    pub(super) core: Arc<Core>,
}

/// The running loads and the watches of one table; a key may have several.
pub(crate) struct Watchers<Q: Query> {
    /// May be locked while a shard is; nothing but the list of bells is locked under it.
    by_hash: Mutex<HashTable<Arc<Watcher<Q>>>>,
    /// Their number.
    count: AtomicUsize,
}

impl<Q: Query> Table<Q> {
    /// Tells that a key has been written or removed: loads that began before are out of date, and so are copies that are
    /// kept elsewhere. To be called while the key's shard is locked.
    #[inline]
    pub(crate) fn key_changed<L: Lookup<Query = Q>>(&self, hash: u32, lookup: &L) {
        self.key_loaded(hash, lookup);
        self.trail().note(hash);
    }

    /// [`key_changed`](Self::key_changed) for a mark, present or absent.
    #[inline]
    pub(crate) fn key_marked<L: Lookup<Query = Q>>(&self, hash: u32, lookup: &L) {
        self.watchers.find(hash, lookup, |watcher| watcher.overtake_by_mark());
        self.trail().note(hash);
    }

    /// [`key_changed`](Self::key_changed) by a value that was loaded or restored, which leaves copies elsewhere as good
    /// as they were.
    #[inline]
    pub(crate) fn key_loaded<L: Lookup<Query = Q>>(&self, hash: u32, lookup: &L) {
        self.watchers.find(hash, lookup, |watcher| watcher.overtake());
    }

    /// Tells that all keys have been removed. To be called while all shards are locked.
    pub(crate) fn all_removed(&self) {
        self.watchers.by_hash.lock().iter().for_each(|watcher| watcher.overtake());
        self.trail().note_all();
    }

    /// Tells that all keys have been marked. To be called while all shards are locked.
    pub(crate) fn all_marked(&self) {
        self.watchers.by_hash.lock().iter().for_each(|watcher| watcher.overtake_by_mark());
        self.trail().note_all();
    }
}

impl<Q: Query> Watcher<Q> {
    pub(super) fn new(key: Q, hash: u32, role: Role<Q::Value>) -> Arc<Self> {
        Arc::new(Self { key, hash, state: AtomicU8::new(CURRENT), role })
    }

    pub(crate) fn key(&self) -> &Q {
        &self.key
    }

    pub(crate) fn hash(&self) -> u32 {
        self.hash
    }

    /// Whether the key has changed since.
    pub(crate) fn is_overtaken(&self) -> bool {
        self.state.load(Ordering::Relaxed) != CURRENT
    }

    /// Whether more has happened to the key since than marks.
    pub(crate) fn is_replaced(&self) -> bool {
        self.state.load(Ordering::Relaxed) == REPLACED
    }

    /// Calls no foreign code: a bell is rung by the next who tells the listeners, when no lock is held.
    pub(crate) fn overtake(&self) {
        self.state.store(REPLACED, Ordering::Relaxed);
        self.ring_later();
    }

    /// As [`overtake`](Self::overtake).
    pub(crate) fn overtake_by_mark(&self) {
        self.state.fetch_max(MARKED, Ordering::Relaxed);
        self.ring_later();
    }

    /// Has the bell rung, if there is one.
    pub(crate) fn ring_later(&self) {
        if let Role::Watch(Some(Ringer { bell, core })) = &self.role {
            core.events.ring_later(Arc::clone(bell));
        }
    }

    /// The load that this is, if it is one.
    pub(super) fn load(&self) -> Option<&Load<Q::Value>> {
        match &self.role {
            Role::Load(load) => Some(load),
            Role::Watch(_) => None,
        }
    }
}

impl<Q: Query> Watchers<Q> {
    pub(super) fn add(&self, watcher: &Arc<Watcher<Q>>) {
        self.insert(&mut self.by_hash.lock(), watcher);
    }

    /// Adds a load, unless one of its key is running and not overtaken, which is returned as the error.
    pub(super) fn join(&self, load: Arc<Watcher<Q>>) -> Result<Arc<Watcher<Q>>, Arc<Watcher<Q>>> {
        let mut by_hash = self.by_hash.lock();
        let running = by_hash.find(spread(load.hash), |other| {
            other.hash == load.hash
                && other.load().is_some()
                && !other.is_overtaken()
                && load.key.is_key(&other.key)
        });
        if let Some(running) = running.cloned() {
            drop(by_hash);
            return Err(running);
        }
        self.insert(&mut by_hash, &load);
        Ok(load)
    }

    fn insert(&self, by_hash: &mut HashTable<Arc<Watcher<Q>>>, watcher: &Arc<Watcher<Q>>) {
        by_hash.insert_unique(spread(watcher.hash), Arc::clone(watcher), |watcher| spread(watcher.hash));
        self.count.store(by_hash.len(), Ordering::Relaxed);
    }

    pub(crate) fn remove(&self, watcher: &Arc<Watcher<Q>>) {
        let mut by_hash = self.by_hash.lock();
        let found = by_hash.find_entry(spread(watcher.hash), |other| Arc::ptr_eq(other, watcher));
        // The caller has a handle of its own, so that nothing is dropped here.
        if let Ok(entry) = found {
            entry.remove();
        }
        self.count.store(by_hash.len(), Ordering::Relaxed);
    }

    /// The watchers of a key. To be called while its shard is locked, which it has to stay until they are told.
    #[inline]
    pub(crate) fn find<L: Lookup<Query = Q>>(
        &self,
        hash: u32,
        lookup: &L,
        found: impl FnMut(&Arc<Watcher<Q>>),
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
        mut found: impl FnMut(&Arc<Watcher<Q>>),
    ) {
        let by_hash = self.by_hash.lock();
        for watcher in by_hash.iter_hash(spread(hash)) {
            if watcher.hash == hash && lookup.is_key(&watcher.key) {
                found(watcher);
            }
        }
    }

    /// All watchers at this moment.
    pub(crate) fn all(&self) -> Vec<Arc<Watcher<Q>>> {
        self.by_hash.lock().iter().cloned().collect()
    }
}

impl<Q: Query> Default for Watchers<Q> {
    fn default() -> Self {
        Self { by_hash: Mutex::new(HashTable::new()), count: AtomicUsize::new(0) }
    }
}
