//! Loads that keep a thread: one caller computes, the others with the same key wait. Knows nothing of storage.
//!
//! A running load is a watcher of its key, and follows the rule of all [watchers](super::watchers): a change of the key
//! overtakes it. An overtaken load still answers those who joined it, stores nothing, and is joined by nobody else: a
//! caller that comes after the change starts a load of its own.

use std::sync::Arc;

use super::Table;
use super::watchers::{AnyWatcher, Role, Watcher, Watchers};
use crate::query::Query;
use crate::shard::state::AnyHandle;
use crate::sync::{Condvar, Mutex, this_thread};

/// One running load, as its waiters see it.
pub(super) struct Load {
    /// Number of the computing thread.
    owner: u64,
    state: Mutex<State>,
    landed: Condvar,
}

enum State {
    Running,
    /// The answer, for all who waited.
    Landed(AnyHandle),
    /// The load failed or panicked: one of those who waited goes on.
    Failed,
}

/// What a caller has to do for its key.
pub(crate) enum Turn<'a, Q: Query> {
    /// Compute, and land the result.
    Mine(Ticket<'a, Q>),
    /// Compute without landing anything: the key is asked for inside its own load, which this is.
    Nested(Q, Arc<AnyWatcher>),
    /// Wait for another's result.
    Wait(Running),
}

/// The duty to end a load; ends it as failed when dropped.
pub(crate) struct Ticket<'a, Q: Query> {
    watchers: &'a Watchers,
    watcher: Arc<Watcher<Q>>,
}

/// The load of another caller.
pub(crate) struct Running(Arc<AnyWatcher>);

impl<Q: Query> Table<Q> {
    /// Starts the load of a key, or finds the one that is running. The caller of a load that is its own looks for the
    /// value once more, under the lock of the shard: a change from before that look comes before the load, one from
    /// after it overtakes the load.
    pub(crate) fn join_load(&self, key: Q) -> Turn<'_, Q> {
        // That look has to take a lock.
        self.made();
        let owner = this_thread();
        let hash = self.hash(&key);
        let watcher = Watcher::new(key, hash, Role::Load(Load::new(owner)));
        let any: Arc<AnyWatcher> = watcher.clone();
        let watchers = &self.head.watchers;
        match watchers.join(&any) {
            None => Turn::Mine(Ticket { watchers, watcher }),
            Some(running) if running.is_load_of(owner) => Turn::Nested(watcher.key().clone(), running),
            Some(running) => Turn::Wait(Running(running)),
        }
    }
}

impl AnyWatcher {
    fn is_load_of(&self, owner: u64) -> bool {
        self.load().is_some_and(|load| load.owner == owner)
    }

    fn end(&self, end: State) {
        if let Some(load) = self.load() {
            load.end(end);
        }
    }
}

impl<Q: Query> Ticket<'_, Q> {
    pub(crate) fn watcher(&self) -> &Arc<Watcher<Q>> {
        &self.watcher
    }

    pub(crate) fn land(self, value: Arc<Q::Value>) {
        (&*self.watcher as &AnyWatcher).end(State::Landed(Box::new(value)));
        // The rest is done by the drop.
    }
}

impl<Q: Query> Drop for Ticket<'_, Q> {
    fn drop(&mut self) {
        let watcher: Arc<AnyWatcher> = self.watcher.clone();
        self.watchers.remove(&watcher);
        watcher.end(State::Failed);
    }
}

impl Running {
    /// Waits for the end of the load; `None` if it failed.
    pub(crate) fn wait<Q: Query>(&self) -> Option<Arc<Q::Value>> {
        let mut answer = None;
        if let Some(load) = self.0.load() {
            load.wait(&mut |value| answer = value.downcast_ref::<Arc<Q::Value>>().cloned());
        }
        answer
    }
}

impl Load {
    fn new(owner: u64) -> Self {
        Self { owner, state: Mutex::new(State::Running), landed: Condvar::new() }
    }

    /// Waits for the end, and shows the answer if there is one.
    fn wait(&self, show: &mut dyn FnMut(&AnyHandle)) {
        let mut state = self.state.lock();
        loop {
            match &*state {
                State::Running => self.landed.wait(&mut state),
                State::Landed(value) => return show(value),
                State::Failed => return,
            }
        }
    }

    fn end(&self, end: State) {
        let mut state = self.state.lock();
        if matches!(*state, State::Running) {
            *state = end;
            self.landed.notify_all();
        }
    }
}
