//! The layers of a client, and the keys that each changes. Decides nothing of what they show.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use cache_core::client_support::AnyKey;
use parking_lot::Mutex;

use super::stack::LayerId;
use crate::query_state::QueryState;

/// The layers of a client that stand.
#[derive(Default)]
pub(crate) struct LayerRegistry {
    active: Mutex<BTreeMap<LayerId, Arc<ActiveLayer>>>,
    /// Changes of single keys, those to come too; lets reads that have to do with none pass by.
    changes: AtomicUsize,
    next: AtomicU64,
}

/// One layer.
pub(super) struct ActiveLayer {
    pub(super) id: LayerId,
    pub(super) is_off: Arc<AtomicBool>,
    pub(super) keys: Vec<LayeredKey>,
}

/// A key that a layer changes.
pub(super) struct LayeredKey {
    pub(super) query_state: Arc<QueryState>,
    pub(super) key: Arc<dyn AnyKey>,
}

impl LayeredKey {
    /// Takes the layer off the key.
    fn remove(&self, layer: LayerId) {
        self.query_state.stacks.remove(&*self.key, layer);
    }

    /// Has the observers of the key look.
    fn notify(&self) {
        self.query_state.observed.notify(&*self.key);
    }
}

impl LayerRegistry {
    /// Whether any layer may stand.
    #[inline]
    pub(crate) fn any_exist(&self) -> bool {
        self.changes.load(Ordering::Acquire) > 0
    }

    /// Counts a change of a key that a layer is about to make, so that no reader passes it by.
    pub(super) fn expect_change(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn next_id(&self) -> LayerId {
        LayerId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn add(&self, active: ActiveLayer) -> Arc<ActiveLayer> {
        let active = Arc::new(active);
        self.active.lock().insert(active.id, Arc::clone(&active));
        // From here on all keys show it.
        active.is_off.store(false, Ordering::Release);
        active.keys.iter().for_each(|key| key.notify());
        active
    }

    /// Takes a layer away, once.
    pub(super) fn remove(&self, id: LayerId) {
        let Some(active) = self.active.lock().remove(&id) else { return };
        active.is_off.store(true, Ordering::Release);
        self.forget(id, &active.keys);
        active.keys.iter().for_each(|key| key.notify());
    }

    pub(super) fn forget(&self, id: LayerId, keys: &[LayeredKey]) {
        keys.iter().for_each(|key| key.remove(id));
        // Who finds none there reads what was committed in their place.
        self.changes.fetch_sub(keys.len(), Ordering::Release);
    }

    pub(super) fn pending(&self) -> usize {
        self.active.lock().len()
    }

    pub(super) fn remove_all(&self) -> usize {
        let ids: Vec<_> = self.active.lock().keys().copied().collect();
        ids.iter().for_each(|id| self.remove(*id));
        ids.len()
    }
}
