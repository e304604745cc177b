//! Locks, atomics and what else the scheduler of a model check takes the place of. Nothing but other names here;
//! package `cache-model` compiles this crate with its own form of this file.

pub(crate) use foldhash::fast::SeedableRandomState as HashState;
pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
pub(crate) use std::sync::atomic;
pub(crate) use std::thread_local;

/// How a table hashes its keys: in a way of its own, unless a test has given a seed.
pub(crate) fn hash_state(seed: Option<u64>) -> HashState {
    match seed {
        Some(seed) => HashState::with_seed(seed, foldhash::SharedSeed::global_fixed()),
        None => HashState::random(),
    }
}

/// A place where a model check may let another thread go on: before what `Arc` and `Weak` do by themselves.
#[inline(always)]
pub(crate) fn switch_point() {}

/// Below this the shortest sleep of a thread takes longer than what is asked for.
const SHORTEST_SLEEP: std::time::Duration = std::time::Duration::from_micros(64);

/// Lets about so much time pass on this thread. Not at all where threads cannot sleep.
pub(crate) fn pause(time: std::time::Duration) {
    if cfg!(target_family = "wasm") {
    } else if time < SHORTEST_SLEEP {
        // A turn takes some nanoseconds; how many need not be known.
        (0..time.as_nanos() / 8).for_each(|_| std::hint::spin_loop());
    } else {
        std::thread::sleep(time);
    }
}

/// Threads that are of use at the same time.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// A number for each thread, from 1 on.
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
