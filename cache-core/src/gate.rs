//! The gate that keeps writers out while a moment of the whole cache is noted. Readers never meet it.
//!
//! A closer sets the flag and then locks each shard in turn, for reading. A writer looks at the flag before it
//! locks, so that it does not queue on a shard and hold up readers, and *again once it holds every lock it needs*.
//! For each of its shards the closer came either before it, in which case the lock has made the flag visible and
//! the writer gives up, or after it, in which case the closer sees all of its writes. So no write is seen by half,
//! and a writer pays two relaxed loads.
//!
//! A table without shards has no locks that a closer could meet a writer at. So shards are made under a lock of the
//! gate, which the closer takes once after it has set the flag: it sees all shards made before, and whoever makes
//! shards later, or finds them, sees the flag.

use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard, this_thread};

#[derive(Debug, Default)]
pub(crate) struct Gate {
    is_closed: AtomicBool,
    /// Number of the thread that closed it. That thread is let through: it would wait for itself.
    owner: AtomicU64,
    /// Held by the one who closed the gate.
    closer: Mutex<()>,
    waiting: Mutex<()>,
    opened: Condvar,
    /// Held while a table makes its shards.
    making: Mutex<()>,
}

/// Keeps the gate closed.
#[derive(Debug)]
pub(crate) struct ClosedGate<'a> {
    gate: &'a Gate,
    _closer: MutexGuard<'a, ()>,
}

impl Gate {
    /// Whether a writer that holds its locks has to give them up.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed) && self.owner.load(Ordering::Relaxed) != this_thread()
    }

    /// Waits until the gate is open. To be called before any lock is taken.
    #[inline]
    pub(crate) fn pass(&self) {
        if self.is_closed() {
            self.wait();
        }
    }

    #[cold]
    fn wait(&self) {
        let mut waiting = self.waiting.lock();
        while self.is_closed() {
            self.opened.wait(&mut waiting);
        }
    }

    /// To be held while a table makes its shards, until everybody can see them.
    pub(crate) fn making(&self) -> MutexGuard<'_, ()> {
        self.making.lock()
    }

    /// Closes the gate, after whoever closed it before has opened it.
    pub(crate) fn close(&self) -> ClosedGate<'_> {
        let closer = self.closer.lock();
        self.owner.store(this_thread(), Ordering::Relaxed);
        self.is_closed.store(true, Ordering::Relaxed);
        drop(self.making.lock());
        ClosedGate { gate: self, _closer: closer }
    }
}

impl Drop for ClosedGate<'_> {
    fn drop(&mut self) {
        // Under the lock of the waiting ones, so that none of them falls asleep between its look and this store.
        let waiting = self.gate.waiting.lock();
        self.gate.is_closed.store(false, Ordering::Relaxed);
        drop(waiting);
        self.gate.opened.notify_all();
    }
}
