//! Watches. [`Head::key_changed`] and [`Head::all_changed`] notify them of what happens to keys, together
//! with running loads and the marks for copies that are kept elsewhere.
//!
//! A loader first registers a watcher and then passes the lock of the key's shard. A writer that holds this
//! lock checks for watchers with one relaxed load. If the writer had the lock first, the load begins after
//! the write. Otherwise the writer sees the watcher. The store of a load checks
//! [`is_overtaken`](Watcher::is_overtaken) under the same lock.
//!
//! [`Head`]: super::Head
//! [`Head::key_changed`]: super::Head::key_changed
//! [`Head::all_changed`]: super::Head::all_changed

use std::sync::Arc;

use hashbrown::HashTable;

use crate::event::WatchCallback;
use crate::hash_index::spread;
use crate::shard::key::{AnyKey, IsKey};
use crate::shared::{LoadStart, Shared};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// What happens to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyEvent {
    /// It is written or removed.
    Replaced,
    /// It is written by a load or a restore, so copies elsewhere stay valid.
    Loaded,
    /// It is marked as out of date.
    Marked,
    /// Its times are changed. Loads of it stay current.
    Touched,
}

/// One watch of a key.
pub(crate) struct Watcher<K: ?Sized> {
    hash: u32,
    /// `CURRENT`, `MARKED` or `REPLACED`. Raised by writers under the lock of the key's shard, and never lowered.
    state: AtomicU8,
    /// How many watches share it.
    watches: AtomicUsize,
    /// Present if the caller is notified of changes.
    notifier: Option<Notifier>,
    start: LoadStart,
    key: K,
}

/// A watcher of a key whose query its holder does not know.
pub(crate) type AnyWatcher = Watcher<dyn AnyKey>;

/// The key has not changed since the watcher was added.
const CURRENT: u8 = 0;
/// The key has been marked as invalidated, and nothing else.
const MARKED: u8 = 1;
/// The key has been written or removed, or the watcher was retired.
const REPLACED: u8 = 2;

/// A callback, with the events that run it.
pub(crate) struct Notifier {
    pub(super) callback: WatchCallback,
    pub(super) shared: Arc<Shared>,
}

/// The watchers of one table. A key may have several.
#[derive(Default)]
pub(crate) struct Watchers {
    /// May be locked while a shard is; only the list of callbacks is locked under it.
    by_hash: Mutex<HashTable<Arc<AnyWatcher>>>,
    /// Number of watchers.
    count: AtomicUsize,
}

impl<K: AnyKey> Watcher<K> {
    /// Creates the watcher of a load that begins now.
    pub(crate) fn new(key: K, hash: u32, notifier: Option<Notifier>, start: LoadStart) -> Arc<Self> {
        let (state, watches) = (AtomicU8::new(CURRENT), AtomicUsize::new(1));
        Arc::new(Self { hash, state, watches, notifier, start, key })
    }
}

impl<K: AnyKey + ?Sized> Watcher<K> {
    pub(crate) fn key(&self) -> &K {
        &self.key
    }

    pub(crate) fn hash(&self) -> u32 {
        self.hash
    }

    /// Counts another watch.
    pub(crate) fn share(&self) {
        self.watches.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a watch has ended. Returns whether it was the last one.
    pub(crate) fn leave(&self) -> bool {
        self.watches.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Returns when its load began.
    pub(crate) fn start(&self) -> LoadStart {
        self.start
    }

    /// Returns whether it belongs to a load that began after `start`, and may still store its answer. A watcher
    /// with a callback does not count: its caller only reads.
    pub(crate) fn is_later_load(&self, start: LoadStart) -> bool {
        self.notifier.is_none() && self.start.sequence > start.sequence && !self.is_overtaken()
    }

    /// Returns whether the key has changed since.
    pub(crate) fn is_overtaken(&self) -> bool {
        self.state.load(Ordering::Relaxed) != CURRENT
    }

    /// Returns whether the key was changed since by anything other than a mark.
    pub(crate) fn is_replaced(&self) -> bool {
        self.state.load(Ordering::Relaxed) == REPLACED
    }

    /// Ends the watch. Without an event: nobody waits for one.
    pub(crate) fn end(&self) {
        self.state.store(REPLACED, Ordering::Relaxed);
    }

    /// Records what has happened to the key. Calls no foreign code: the callback runs when the listeners are
    /// notified next, when no lock is held.
    pub(crate) fn record(&self, event: KeyEvent) {
        match event {
            KeyEvent::Replaced | KeyEvent::Loaded => self.state.store(REPLACED, Ordering::Relaxed),
            KeyEvent::Marked => {
                self.state.fetch_max(MARKED, Ordering::Relaxed);
            }
            KeyEvent::Touched => {}
        }
        if let Some(Notifier { callback, shared }) = &self.notifier {
            shared.events.notify_later(Arc::clone(callback));
        }
    }
}

impl Watchers {
    pub(super) fn add(&self, watcher: Arc<AnyWatcher>) {
        let mut by_hash = self.by_hash.lock();
        by_hash.insert_unique(spread(watcher.hash), watcher, |watcher| spread(watcher.hash));
        self.count.store(by_hash.len(), Ordering::Relaxed);
    }

    pub(crate) fn remove(&self, watcher: &Arc<AnyWatcher>) {
        let mut by_hash = self.by_hash.lock();
        let found = by_hash.find_entry(spread(watcher.hash), |other| Arc::ptr_eq(other, watcher));
        // The caller has its own handle, so nothing is dropped here.
        if let Ok(entry) = found {
            entry.remove();
        }
        self.count.store(by_hash.len(), Ordering::Relaxed);
    }

    /// Returns whether the table has no watchers. A caller that holds the lock of a shard gets an exact answer for its
    /// keys.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// Finds the watchers of a key. Must be called while its shard is locked. The shard must stay locked
    /// until they are notified.
    #[inline]
    pub(crate) fn find(&self, hash: u32, is_key: IsKey<'_>, found: &mut dyn FnMut(&Arc<AnyWatcher>)) {
        if !self.is_empty() {
            self.find_among(hash, is_key, found);
        }
    }

    #[cold]
    fn find_among(&self, hash: u32, is_key: IsKey<'_>, found: &mut dyn FnMut(&Arc<AnyWatcher>)) {
        let by_hash = self.by_hash.lock();
        for watcher in by_hash.iter_hash(spread(hash)) {
            if watcher.hash == hash && is_key(&watcher.key) {
                found(watcher);
            }
        }
    }

    /// Runs `visit` for all watchers at this moment, under the lock of their list.
    pub(super) fn each(&self, visit: &mut dyn FnMut(&AnyWatcher)) {
        self.by_hash.lock().iter().for_each(|watcher| visit(watcher));
    }

    /// Returns the keys that are watched at this moment.
    pub(crate) fn keys(&self) -> Vec<Box<dyn AnyKey>> {
        self.all().iter().map(|watcher| watcher.key().to_box()).collect()
    }

    /// Returns all watchers at this moment.
    pub(crate) fn all(&self) -> Vec<Arc<AnyWatcher>> {
        self.by_hash.lock().iter().cloned().collect()
    }
}
