//! Locks, atomics and everything else that a model checker replaces. Only re-exports here; package
//! `cache-model` compiles this crate with its own version of this file.

pub(crate) use foldhash::fast::SeedableRandomState as HashState;
pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
pub(crate) use std::sync::atomic;
pub(crate) use std::thread_local;

/// Creates the hasher of a table: random, unless a test has given a seed.
pub(crate) fn hash_state(seed: Option<u64>) -> HashState {
    match seed {
        Some(seed) => HashState::with_seed(seed, foldhash::SharedSeed::global_fixed()),
        None => HashState::random(),
    }
}

/// A point where a model check may switch to another thread: before the atomic operations inside `Arc` and
/// `Weak`.
#[inline(always)]
pub(crate) fn switch_point() {}

/// Below this, the shortest sleep of a thread takes longer than requested.
const SHORTEST_SLEEP: std::time::Duration = std::time::Duration::from_micros(64);

/// Pauses this thread for about this time. Does nothing where threads cannot sleep.
pub(crate) fn pause(time: std::time::Duration) {
    if cfg!(target_family = "wasm") {
    } else if time < SHORTEST_SLEEP {
        // An iteration takes some nanoseconds; the exact number does not matter.
        (0..time.as_nanos() / 8).for_each(|_| std::hint::spin_loop());
    } else {
        std::thread::sleep(time);
    }
}

/// Returns the number of threads that can run in parallel.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Returns the number of this thread, from 1.
#[inline]
pub(crate) fn this_thread() -> u64 {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicU64, Ordering};

    static NEXT: AtomicU64 = AtomicU64::new(1);
    std::thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    let number = NUMBER.get();
    if number != 0 {
        return number;
    }
    NUMBER.set(NEXT.fetch_add(1, Ordering::Relaxed));
    NUMBER.get()
}
