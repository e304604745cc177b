//! The locks of cache-documents and of the client's steps, over shuttle's scheduler.

#[path = "../../src/sync.rs"]
#[allow(unreachable_pub, unused_imports, reason = "the store's own file, of which these checks use a part")]
mod store;

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use self::store::Condvar;
pub(crate) use self::store::Mutex;

/// A lock whose guards keep it alive: a guard takes the value out, and the next one waits until it is back.
#[derive(Debug)]
pub(crate) struct SharedMutex<T> {
    value: Mutex<Option<T>>,
    returned: Condvar,
}

#[derive(Debug)]
pub(crate) struct SharedMutexGuard<T> {
    lock: Arc<SharedMutex<T>>,
    value: Option<T>,
}

impl<T: Default> Default for SharedMutex<T> {
    fn default() -> Self {
        Self { value: Mutex::new(Some(T::default())), returned: Condvar::new() }
    }
}

impl<T> SharedMutex<T> {
    pub(crate) fn lock_arc(self: &Arc<Self>) -> SharedMutexGuard<T> {
        let mut inside = self.value.lock();
        loop {
            if let Some(value) = inside.take() {
                return SharedMutexGuard { lock: Arc::clone(self), value: Some(value) };
            }
            self.returned.wait(&mut inside);
        }
    }
}

impl<T> Deref for SharedMutexGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("only `drop` takes it out")
    }
}

impl<T> DerefMut for SharedMutexGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("only `drop` takes it out")
    }
}

impl<T> Drop for SharedMutexGuard<T> {
    fn drop(&mut self) {
        *self.lock.value.lock() = self.value.take();
        // Each value that comes back lets one thread in; the others wait again.
        self.lock.returned.notify_all();
    }
}
