//! The gate that keeps writers out while a moment of the whole cache is noted. Readers do not pass through
//! it.
//!
//! A closer sets the flag and then locks each shard in turn, for reading. A writer checks the flag before it
//! locks, so that it does not queue on a shard and block readers, and *again once it holds every lock it
//! needs*. For each of its shards, the closer came either before the writer or after it. In the first case,
//! the lock has made the flag visible and the writer gives up. In the second case, the closer sees all of its
//! writes. So no commit is seen in part, and a writer pays two relaxed loads.
//!
//! A table without shards has no locks that a closer and a writer could share. So shards are created under a
//! lock of the gate, which the closer takes once after it has set the flag. It sees all shards created
//! before, and a thread that creates shards later, or finds them, sees the flag.

use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard, this_thread};

#[derive(Debug, Default)]
pub(crate) struct Gate {
    is_closed: AtomicBool,
    /// Number of the thread that closed the gate. That thread may pass: otherwise it would wait for itself.
    owner: AtomicU64,
    /// Held by the thread that closed the gate.
    closer: Mutex<()>,
    waiting: Mutex<()>,
    opened: Condvar,
    /// Held while a table creates its shards.
    shard_creation: Mutex<()>,
}

/// Keeps the gate closed.
#[derive(Debug)]
pub(crate) struct ClosedGate<'a> {
    gate: &'a Gate,
    _closer: MutexGuard<'a, ()>,
}

impl Gate {
    /// Returns whether a writer that holds its locks must give them up.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed) && self.owner.load(Ordering::Relaxed) != this_thread()
    }

    /// Waits until the gate is open. Must be called before any lock is taken.
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

    /// Takes the lock that a table holds while it creates its shards, until all threads can see them.
    pub(crate) fn lock_shard_creation(&self) -> MutexGuard<'_, ()> {
        self.shard_creation.lock()
    }

    /// Closes the gate, after an earlier closer has opened it.
    pub(crate) fn close(&self) -> ClosedGate<'_> {
        let closer = self.closer.lock();
        self.owner.store(this_thread(), Ordering::Relaxed);
        self.is_closed.store(true, Ordering::Relaxed);
        drop(self.shard_creation.lock());
        ClosedGate { gate: self, _closer: closer }
    }
}

impl Drop for ClosedGate<'_> {
    fn drop(&mut self) {
        // Under the lock of the waiters, so that none of them falls asleep between its check and this store.
        let waiting = self.gate.waiting.lock();
        self.gate.is_closed.store(false, Ordering::Relaxed);
        drop(waiting);
        self.gate.opened.notify_all();
    }
}
