//! A watch of a key whose query its holder does not know.

use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::event::WatchCallback;
use crate::query::Query;
use crate::shard::key::AnyKey;
use crate::shared::LoadStart;
use crate::table::handle::AnyTableRef;
use crate::table::watchers::{AnyWatcher, KeyEvent, Notifier, Watcher};

/// A watch of a key of some query. Ends when its last clone is dropped.
#[doc(hidden)]
pub struct AnyWatch {
    pub(crate) table_ref: AnyTableRef,
    pub(crate) watcher: Arc<AnyWatcher>,
}

impl AnyWatch {
    /// Watches a key of this table. Runs `callback` after each change of it.
    #[must_use]
    pub fn new<Q: Query>(table_ref: AnyTableRef, key: Q, callback: Option<WatchCallback>) -> Self {
        let (hash, notifier, start) = Self::prepare(&table_ref, &key, callback);
        Self::begin(table_ref, Watcher::new(key, hash, notifier, start))
    }

    fn prepare(
        table_ref: &AnyTableRef,
        key: &dyn AnyKey,
        callback: Option<WatchCallback>,
    ) -> (u32, Option<Notifier>, LoadStart) {
        let table = table_ref.table();
        let head = table.head();
        (head.hash_of(key), table.notifier(callback), head.shared.start_load())
    }

    fn begin(table_ref: AnyTableRef, watcher: Arc<AnyWatcher>) -> Self {
        table_ref.table().watch(&watcher);
        Self { table_ref, watcher }
    }

    /// Returns whether `other` is a clone of this watch.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.watcher, &other.watcher)
    }

    /// Works as [`Watch::is_overtaken`](super::Watch::is_overtaken).
    #[must_use]
    pub fn is_overtaken(&self) -> bool {
        self.watcher.is_overtaken()
    }

    /// Works as [`Watch::is_replaced`](super::Watch::is_replaced).
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        self.watcher.is_replaced()
    }

    /// Works as [`Watch::retire`](super::Watch::retire).
    pub fn retire(&self) {
        self.watcher.record(KeyEvent::Replaced);
        self.table_ref.table().pass(self.watcher.hash());
    }
}

impl Clone for AnyWatch {
    fn clone(&self) -> Self {
        self.watcher.share();
        Self { table_ref: self.table_ref.clone(), watcher: Arc::clone(&self.watcher) }
    }
}

impl Drop for AnyWatch {
    fn drop(&mut self) {
        if self.watcher.leave() {
            self.table_ref.table().head().watchers.remove(&self.watcher);
            // Changes are recorded no more: a transaction that still writes through the watch must not.
            self.watcher.end();
        }
    }
}

impl Debug for AnyWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyWatch")
            .field("key", &self.watcher.key())
            .field("is_overtaken", &self.is_overtaken())
            .finish_non_exhaustive()
    }
}
