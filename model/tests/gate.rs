//! The gate alone, under every schedule and with the weak orderings that it uses: loom runs the source of cache-core
//! over its own atomics. `LOOM_MAX_PREEMPTIONS` (default 3) widens the search.
#![allow(clippy::unwrap_used, dead_code, missing_docs, unreachable_pub, reason = "tests")]

#[path = "../../cache-core/src/gate.rs"]
mod gate;

/// `sync.rs` of cache-core over loom, as far as the gate needs it.
mod sync {
    use std::ops::{Deref, DerefMut};

    pub(crate) use loom::sync::atomic;

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    #[derive(Debug)]
    pub(crate) struct MutexGuard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>);

    #[derive(Debug, Default)]
    pub(crate) struct Condvar(loom::sync::Condvar);

    impl<T> Mutex<T> {
        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(Some(self.0.lock().unwrap()))
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.0.as_ref().unwrap()
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().unwrap()
        }
    }

    impl Condvar {
        pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            let inner = guard.0.take().unwrap();
            guard.0 = Some(self.0.wait(inner).unwrap());
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }

    loom::thread_local! {
        static NUMBER: std::cell::Cell<u64> = std::cell::Cell::new(0);
    }

    /// Shared by the threads of one test.
    pub(crate) fn be_thread(number: u64) {
        NUMBER.with(|own| own.set(number));
    }

    pub(crate) fn this_thread() -> u64 {
        NUMBER.with(std::cell::Cell::get)
    }
}

use gate::Gate;
use loom::sync::{Arc, RwLock};
use loom::thread;

struct Cache {
    gate: Gate,
    shards: [RwLock<u64>; 2],
}

impl Cache {
    fn new() -> Arc<Self> {
        Arc::new(Self { gate: Gate::default(), shards: [RwLock::new(0), RwLock::new(0)] })
    }

    /// A commit: takes all locks in their order, and checks the gate again under them.
    fn commit(&self, number: u64) {
        loop {
            self.gate.pass();
            let mut first = self.shards[0].write().unwrap();
            let mut second = self.shards[1].write().unwrap();
            if !self.gate.is_closed() {
                (*first, *second) = (number, number);
                return;
            }
        }
    }

    /// A save: visits the shards one by one while the gate is closed.
    fn save(&self) {
        let closed = self.gate.close();
        let first = *self.shards[0].read().unwrap();
        let second = *self.shards[1].read().unwrap();
        drop(closed);
        assert_eq!(first, second, "half a commit was saved");
    }
}

fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = model.preemption_bound.or(Some(3));
    model.check(run);
}

fn start(number: u64, cache: &Arc<Cache>, run: impl FnOnce(&Cache) + 'static) -> thread::JoinHandle<()> {
    let cache = Arc::clone(cache);
    thread::spawn(move || {
        sync::be_thread(number);
        run(&cache);
    })
}

#[test]
fn a_save_sees_no_half_of_a_commit() {
    model(|| {
        let cache = Cache::new();
        sync::be_thread(1);
        let writer = start(2, &cache, |cache| cache.commit(1));
        cache.save();
        writer.join().unwrap();
        assert_eq!(*cache.shards[0].read().unwrap(), 1);
    });
}

#[test]
fn a_thread_that_closed_the_gate_before_is_kept_out_by_the_next() {
    model(|| {
        let cache = Cache::new();
        sync::be_thread(1);
        let saver = start(2, &cache, Cache::save);
        cache.save();
        cache.commit(1);
        saver.join().unwrap();
    });
}

#[test]
fn the_thread_that_closes_the_gate_may_go_through_it() {
    model(|| {
        let cache = Cache::new();
        sync::be_thread(1);
        let closed = cache.gate.close();
        cache.commit(1);
        drop(closed);
    });
}
