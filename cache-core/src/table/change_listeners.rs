//! What is told of the changes that the program makes in one table, after they can be seen. Loads and marks are not told.

use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::event::{Events, completes};
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

    pub(crate) fn add(&self, listener: Arc<ChangeListener>) {
        let mut all = self.all.lock();
        all.push(listener);
        self.has_some.store(true, Ordering::Relaxed);
    }

    fn remove(&self, listener: &Arc<ChangeListener>) {
        let mut all = self.all.lock();
        all.retain(|other| !Arc::ptr_eq(other, listener));
        self.has_some.store(!all.is_empty(), Ordering::Relaxed);
    }

    /// Tells the listeners, if there are any, which keys were changed. Must be called without locks, after the change can
    /// be seen. Panics are counted with those of other listeners.
    #[inline]
    pub(crate) fn tell(&self, events: &Events, keys: impl FnOnce() -> Vec<Box<dyn AnyKey>>) {
        if !self.is_empty() {
            self.tell_some(events, keys);
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_some(&self, events: &Events, keys: impl FnOnce() -> Vec<Box<dyn AnyKey>>) {
        if !completes(|| self.tell_all(&keys(), events)) {
            events.count_panic();
        }
    }

    fn tell_all(&self, keys: &[Box<dyn AnyKey>], events: &Events) {
        let listeners = if keys.is_empty() { Vec::new() } else { self.all.lock().clone() };
        for listener in listeners {
            let mut is_kept = true;
            if !completes(|| is_kept = listener(keys)) {
                events.count_panic();
            }
            if !is_kept {
                self.remove(&listener);
            }
        }
    }
}

impl Debug for ChangeListeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeListeners").field("is_empty", &self.is_empty()).finish_non_exhaustive()
    }
}
