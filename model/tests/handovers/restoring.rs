//! Restores while others write.

use std::cell::RefCell;

use cache_model::{Cache, Query, Shape, registry};
use serde::{Deserialize, Serialize};

use crate::{check, together};

thread_local! {
    /// The cache that values access when they are dropped. All tasks of a model run on one thread.
    static STORE: RefCell<Option<Cache<Scales>>> = const { RefCell::new(None) };
}

/// A value whose `Drop` uses its cache.
#[derive(Debug, Shape, Serialize, Deserialize)]
pub struct UsesCacheOnDrop(u32);

impl Drop for UsesCacheOnDrop {
    fn drop(&mut self) {
        if let Some(store) = STORE.with_borrow(Clone::clone) {
            drop(store.peek(&Heavy(1)));
        }
    }
}

/// Values weigh more than the whole bound.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = UsesCacheOnDrop, max_weight = 2, weigh = Heavy::weight, persist)]
pub struct Heavy(u64);

impl Heavy {
    fn weight(&self, value: &UsesCacheOnDrop) -> u32 {
        value.0
    }
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 2)]
pub struct Light(u64);

registry! {
    pub struct Scales {
        crate::restoring::Heavy,
        crate::restoring::Light,
    }
}

/// A snapshot with an entry that only a pin keeps.
fn snapshot() -> Vec<u8> {
    let store = Cache::<Scales>::new();
    let _pin = store.pin(&Heavy(1));
    store.insert(Heavy(1), UsesCacheOnDrop(5));
    let mut bytes = Vec::new();
    store.save_to(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_restored_value_that_is_too_heavy_is_dropped_without_locks() {
    check(|| {
        let bytes = snapshot();
        // Listeners have a handle of the value too, which another thread may drop at any time.
        let store = Cache::<Scales>::builder().after_commit(|_| {}).build().unwrap();
        STORE.set(Some(store.clone()));
        let writer = store.clone();
        let restored = store.clone();
        together(vec![
            Box::new(move || drop(writer.insert(Light(1), 1))),
            Box::new(move || {
                let mut pin = Some(restored.pin(&Heavy(1)));
                let restore = restored.restore_options().on_progress(|_, _| drop(pin.take()));
                assert_eq!(restore.read_bytes(&bytes).unwrap().restored(), 1);
            }),
        ]);
        assert!(store.peek(&Heavy(1)).is_none());
        STORE.set(None);
    });
}
