//! `sync.rs` of cache-core for model checks: the same names, backed by shuttle's scheduler, which decides at each
//! use which thread runs next.

use std::fmt::{self, Debug};
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;

pub(crate) use shuttle::sync::atomic;
pub(crate) use shuttle::thread_local;

pub(crate) use foldhash::fast::SeedableRandomState as HashState;

/// The same in each run, so that a schedule can be replayed.
pub(crate) fn hash_state(seed: Option<u64>) -> HashState {
    HashState::with_seed(seed.unwrap_or(0), foldhash::SharedSeed::global_fixed())
}

/// A switch point before a step on an `Arc` or `Weak`, where the scheduler may run another thread. These types are
/// those of std, in which the scheduler sees nothing.
pub(crate) fn switch_point() {
    let anything = atomic::AtomicBool::new(false);
    anything.load(atomic::Ordering::SeqCst);
}

/// A switch point: the scheduler may run other threads first.
pub(crate) fn pause(_: std::time::Duration) {
    shuttle::thread::yield_now();
}

/// One: the scheduler does not control threads that it has not created.
pub(crate) fn processors() -> usize {
    1
}

/// A number for each task, starting at 1.
pub(crate) fn this_thread() -> u64 {
    usize::from(shuttle::current::me()) as u64 + 1
}

/// parking_lot's interface on shuttle's lock: no poisoning.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

#[derive(Debug)]
pub(crate) struct MutexGuard<'a, T>(Option<shuttle::sync::MutexGuard<'a, T>>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(Some(self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(MutexGuard(Some(guard))),
            Err(shuttle::sync::TryLockError::Poisoned(poisoned)) => {
                Some(MutexGuard(Some(poisoned.into_inner())))
            }
            Err(shuttle::sync::TryLockError::WouldBlock) => None,
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("only `wait` takes it out, and puts it back")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("only `wait` takes it out, and puts it back")
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    /// A switch point before a step that the scheduler does not see.
    fn drop(&mut self) {
        drop(self.0.take());
        if !std::thread::panicking() {
            switch_point();
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Condvar(shuttle::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        if let Some(inner) = guard.0.take() {
            guard.0 = Some(self.0.wait(inner).unwrap_or_else(PoisonError::into_inner));
        }
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

pub(crate) use shuttle::sync::{RwLockReadGuard, RwLockWriteGuard};

pub(crate) struct RwLock<T: ?Sized>(shuttle::sync::RwLock<T>);

impl<T> RwLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(shuttle::sync::RwLock::new(value))
    }
}

impl<T: ?Sized> RwLock<T> {
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: ?Sized> Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RwLock")
    }
}
