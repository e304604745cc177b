//! What is told of the changes that the program makes in one table, after they can be seen. Loads and marks are not told.

use std::fmt::{self, Debug};
use std::sync::Arc;

use super::head::Head;
use crate::erased::AnyTable;
use crate::event::completes;
use crate::shard::key::AnyKey;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// Called with the keys of one table that one commit has changed. Returns whether it wants to be called again.
type ChangeListener = dyn Fn(&[Box<dyn AnyKey>]) -> bool + Send + Sync;

/// The listeners of one table.
#[derive(Default)]
pub(crate) struct ChangeListeners {
    has_some: AtomicBool,
    all: Mutex<Vec<Arc<ChangeListener>>>,
}

impl ChangeListeners {
    /// One relaxed load.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_some.load(Ordering::Relaxed)
    }

    fn add(&self, listener: Arc<ChangeListener>) {
        let mut all = self.all.lock();
        all.push(listener);
        self.has_some.store(true, Ordering::Relaxed);
    }

    fn remove(&self, listener: &Arc<ChangeListener>) {
        let mut all = self.all.lock();
        all.retain(|other| !Arc::ptr_eq(other, listener));
        self.has_some.store(!all.is_empty(), Ordering::Relaxed);
    }
}

impl Head {
    /// Tells the listeners of the table, if there are any, which keys were changed. Must be called without locks, after the
    /// change can be seen. Panics are counted with those of other listeners.
    #[inline]
    pub(crate) fn tell_changes(&self, keys: impl FnOnce() -> Vec<Box<dyn AnyKey>>) {
        if !self.change_listeners.is_empty() && !completes(|| self.tell_listeners(keys())) {
            self.shared.events.count_panic();
        }
    }

    #[cold]
    fn tell_listeners(&self, keys: Vec<Box<dyn AnyKey>>) {
        let listeners = if keys.is_empty() { Vec::new() } else { self.change_listeners.all.lock().clone() };
        for listener in listeners {
            let mut is_kept = true;
            if !completes(|| is_kept = listener(&keys)) {
                self.shared.events.count_panic();
            }
            if !is_kept {
                self.change_listeners.remove(&listener);
            }
        }
    }
}

impl AnyTable<'_> {
    /// Calls `listener` with the keys that the program writes or removes in this table, once the change can be seen:
    /// outside all locks, on the thread that has made the change, and in no order among threads. Answers of loads, marks,
    /// restored entries and a cleared cache are not reported, nor transactions that say so. `listener` returns whether it
    /// wants to be called again.
    pub fn on_change(self, listener: impl Fn(&[Box<dyn AnyKey>]) -> bool + Send + Sync + 'static) {
        self.0.head().change_listeners.add(Arc::new(listener));
    }
}

impl Debug for ChangeListeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeListeners").field("is_empty", &self.is_empty()).finish_non_exhaustive()
    }
}
