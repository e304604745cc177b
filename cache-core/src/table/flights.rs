//! Loads that keep a thread: one caller computes, the others with the same key wait. Knows nothing of storage.
//!
//! A running load is a watcher of its key, and follows the rule of all [watchers](super::watchers): a change of the key
//! overtakes it. An overtaken load still answers those who joined it, stores nothing, and is joined by nobody else: a
//! caller that comes after the change starts a load of its own.

use std::sync::Arc;

use super::Table;
use super::watchers::{Role, Watcher, Watchers};
use crate::query::Query;
use crate::sync::{Condvar, Mutex, this_thread};

/// One running load, as its waiters see it.
pub(super) struct Load<V: ?Sized> {
    /// Number of the computing thread.
    owner: u64,
    state: Mutex<State<V>>,
    landed: Condvar,
}

enum State<V: ?Sized> {
    Running,
    /// The answer, for all who waited.
    Landed(Arc<V>),
    /// The load failed or panicked: one of those who waited goes on.
    Failed,
}

/// What a caller has to do for its key.
pub(crate) enum Turn<'a, Q: Query> {
    /// Compute, and land the result.
    Mine(Ticket<'a, Q>),
    /// Compute without landing anything: the key is asked for inside its own load.
    Nested(Arc<Watcher<Q>>),
    /// Wait for another's result.
    Wait(Arc<Watcher<Q>>),
}

/// The duty to end a load; ends it as failed when dropped.
pub(crate) struct Ticket<'a, Q: Query> {
    watchers: &'a Watchers<Q>,
    watcher: Arc<Watcher<Q>>,
}

impl<Q: Query> Table<Q> {
    /// Starts the load of a key, or finds the one that is running. The caller of a load that is its own looks for the
    /// value once more, under the lock of the shard: a change from before that look comes before the load, one from
    /// after it overtakes the load.
    pub(crate) fn join_load(&self, key: Q) -> Turn<'_, Q> {
        // That look has to take a lock.
        self.made();
        let owner = this_thread();
        let hash = self.hash(&key);
        match self.watchers.join(Watcher::new(key, hash, Role::Load(Load::new(owner)))) {
            Ok(watcher) => Turn::Mine(Ticket { watchers: &self.watchers, watcher }),
            Err(running) if running.load().is_some_and(|load| load.owner == owner) => Turn::Nested(running),
            Err(running) => Turn::Wait(running),
        }
    }
}

impl<Q: Query> Ticket<'_, Q> {
    pub(crate) fn watcher(&self) -> &Watcher<Q> {
        &self.watcher
    }

    pub(crate) fn land(self, value: Arc<Q::Value>) {
        self.end(State::Landed(value));
        // The rest is done by the drop.
    }

    fn end(&self, end: State<Q::Value>) {
        if let Some(load) = self.watcher.load() {
            load.end(end);
        }
    }
}

impl<Q: Query> Drop for Ticket<'_, Q> {
    fn drop(&mut self) {
        self.watchers.remove(&self.watcher);
        self.end(State::Failed);
    }
}

impl<Q: Query> Watcher<Q> {
    /// Waits for the end of the load that this is; `None` if it failed.
    pub(crate) fn wait(&self) -> Option<Arc<Q::Value>> {
        self.load().and_then(Load::wait)
    }
}

impl<V: ?Sized> Load<V> {
    fn new(owner: u64) -> Self {
        Self { owner, state: Mutex::new(State::Running), landed: Condvar::new() }
    }

    fn wait(&self) -> Option<Arc<V>> {
        let mut state = self.state.lock();
        loop {
            match &*state {
                State::Running => self.landed.wait(&mut state),
                State::Landed(value) => return Some(Arc::clone(value)),
                State::Failed => return None,
            }
        }
    }

    fn end(&self, end: State<V>) {
        let mut state = self.state.lock();
        if matches!(*state, State::Running) {
            *state = end;
            self.landed.notify_all();
        }
    }
}
