//! The state that crates on top of the client keep in it, one value of each type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::app::App;
use crate::client::Client;
use crate::sync::Mutex;

/// The state of crates that build on a client, by its type.
#[derive(Default)]
pub(crate) struct Extensions(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>, RandomState>>);

impl Extensions {
    fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let state = self.0.lock().get(&TypeId::of::<T>()).cloned();
        state.and_then(|state| state.downcast().ok())
    }

    /// Adds a state, unless there is one of its type. Returns the one that is there.
    fn add<T: Any + Send + Sync>(&self, state: Arc<T>) -> Arc<T> {
        let own: Arc<dyn Any + Send + Sync> = Arc::clone(&state) as _;
        let present = Arc::clone(self.0.lock().entry(TypeId::of::<T>()).or_insert(own));
        present.downcast().unwrap_or(state)
    }
}

impl<A: App> Client<A> {
    /// Returns the state of type `T` that a crate on top of the client keeps in it. The first call creates it. All
    /// clones of the client have the same.
    ///
    /// It must not hold a client, which would then never be dropped.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// #[derive(Default)]
    /// struct Calls(AtomicU32);
    ///
    /// # fn main() {
    /// # let client = blog_client();
    /// client.extension::<Calls>().0.fetch_add(1, Ordering::Relaxed);
    /// assert_eq!(client.clone().extension::<Calls>().0.load(Ordering::Relaxed), 1);
    /// # }
    /// ```
    #[doc(hidden)]
    #[must_use]
    pub fn extension<T: Any + Default + Send + Sync>(&self) -> Arc<T> {
        let extensions = self.extensions();
        // Created without the lock, since it is foreign code.
        extensions.get().unwrap_or_else(|| extensions.add(Arc::new(T::default())))
    }
}
