//! The layers of a client, and the keys that each changes. Does not decide what they show.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use cache_core::client_support::AnyKey;
use parking_lot::Mutex;

use super::stack::LayerId;
use crate::query_state::QueryState;

/// The layers of a client that are neither confirmed nor rolled back.
#[derive(Default)]
pub(crate) struct LayerRegistry {
    active: Mutex<BTreeMap<LayerId, Arc<ActiveLayer>>>,
    /// The number of changed keys, including those about to change. While it is zero, reads do not look for layers.
    changes: AtomicUsize,
    next: AtomicU64,
}

/// One layer.
pub(crate) struct ActiveLayer {
    pub(super) id: LayerId,
    pub(super) is_off: Arc<AtomicBool>,
    pub(super) keys: Vec<LayeredKey>,
}

/// A key that a layer changes.
pub(super) struct LayeredKey {
    pub(super) query_state: Arc<QueryState>,
    pub(super) key: Arc<dyn AnyKey>,
}

impl ActiveLayer {
    pub(crate) fn number(&self) -> u64 {
        self.id.0
    }

    /// The keys that it changes, each with the state of its query.
    pub(crate) fn keys(&self) -> impl ExactSizeIterator<Item = (&QueryState, &Arc<dyn AnyKey>)> {
        self.keys.iter().map(|layered| (&*layered.query_state, &layered.key))
    }
}

impl LayeredKey {
    /// Removes the layer from the key.
    fn remove(&self, layer: LayerId) {
        self.query_state.stacks.remove(&*self.key, layer);
    }

    /// Wakes the observers of the key.
    fn notify(&self) {
        self.query_state.observed.notify(&*self.key);
    }
}

impl LayerRegistry {
    /// Whether there may be any layer.
    #[inline]
    pub(crate) fn any_exist(&self) -> bool {
        self.changes.load(Ordering::Acquire) > 0
    }

    /// Counts a change that a layer is about to make, so that no reader misses it.
    pub(super) fn expect_change(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn next_id(&self) -> LayerId {
        LayerId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn add(&self, active: ActiveLayer) -> Arc<ActiveLayer> {
        let active = Arc::new(active);
        self.active.lock().insert(active.id, Arc::clone(&active));
        // From here on all keys show the layer.
        active.is_off.store(false, Ordering::Release);
        active.keys.iter().for_each(|key| key.notify());
        active
    }

    /// Removes a layer, once.
    pub(super) fn remove(&self, id: LayerId) {
        let Some(active) = self.active.lock().remove(&id) else { return };
        active.is_off.store(true, Ordering::Release);
        self.forget(id, &active.keys);
        active.keys.iter().for_each(|key| key.notify());
    }

    pub(super) fn forget(&self, id: LayerId, keys: &[LayeredKey]) {
        keys.iter().for_each(|key| key.remove(id));
        // A reader that finds no step reads the commit that replaced the layer.
        self.changes.fetch_sub(keys.len(), Ordering::Release);
    }

    pub(super) fn pending(&self) -> usize {
        self.active.lock().len()
    }

    /// The number of layers, and the first `count` of them.
    pub(crate) fn some(&self, count: usize) -> (usize, Vec<Arc<ActiveLayer>>) {
        let active = self.active.lock();
        (active.len(), active.values().take(count).cloned().collect())
    }

    pub(super) fn remove_all(&self) -> usize {
        let ids: Vec<_> = self.active.lock().keys().copied().collect();
        ids.iter().for_each(|id| self.remove(*id));
        ids.len()
    }
}
