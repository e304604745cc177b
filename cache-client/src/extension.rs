//! The state that crates on top of the client keep in it, one value of each type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::sync::Mutex;

/// The state of crates that build on a client, by its type.
#[derive(Default)]
pub(crate) struct Extensions(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>, RandomState>>);

impl Extensions {
    pub(crate) fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let state = self.0.lock().get(&TypeId::of::<T>()).cloned();
        state.and_then(|state| state.downcast().ok())
    }

    /// Adds a state, unless there is one of its type. Returns the one that is there.
    pub(crate) fn add<T: Any + Send + Sync>(&self, state: Arc<T>) -> Arc<T> {
        let own: Arc<dyn Any + Send + Sync> = Arc::clone(&state) as _;
        let present = Arc::clone(self.0.lock().entry(TypeId::of::<T>()).or_insert(own));
        present.downcast().unwrap_or(state)
    }
}
