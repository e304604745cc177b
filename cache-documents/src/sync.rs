//! The locks, which the model checks replace. Here they are only re-exported.

pub(crate) use parking_lot::Mutex;

/// A lock whose guards keep it alive.
pub(crate) type SharedMutex<T> = Mutex<T>;

/// The guard of a [`SharedMutex`].
pub(crate) type SharedMutexGuard<T> = parking_lot::ArcMutexGuard<parking_lot::RawMutex, T>;
