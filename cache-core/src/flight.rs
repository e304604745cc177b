//! Loads that are running: one caller computes, the others with the same key wait. Knows nothing of storage.

use std::collections::HashMap;
use std::sync::Arc;

use crate::query::Query;
use crate::sync::{Condvar, Mutex, RandomState, this_thread};

/// The running loads of one table.
pub(crate) struct Flights<Q: Query> {
    running: Mutex<Option<Running<Q>>>,
}

type Running<Q> = HashMap<Q, Arc<Flight<<Q as Query>::Value>>, RandomState>;

/// One running load.
pub(crate) struct Flight<V: ?Sized> {
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
    Nested,
    /// Wait for another's result.
    Wait(Arc<Flight<Q::Value>>),
}

/// The duty to end a flight; ends it as failed when dropped.
pub(crate) struct Ticket<'a, Q: Query> {
    flights: &'a Flights<Q>,
    key: Q,
    flight: Arc<Flight<Q::Value>>,
}

impl<Q: Query> Flights<Q> {
    pub(crate) fn join(&self, key: &Q) -> Turn<'_, Q> {
        let fresh_key = key.clone();
        let owner = this_thread();
        let mut running = self.running.lock();
        let running = running.get_or_insert_default();
        if let Some(flight) = running.get(key) {
            return if flight.owner == owner { Turn::Nested } else { Turn::Wait(Arc::clone(flight)) };
        }
        let flight = Arc::new(Flight { owner, state: Mutex::new(State::Running), landed: Condvar::new() });
        running.insert(fresh_key.clone(), Arc::clone(&flight));
        Turn::Mine(Ticket { flights: self, key: fresh_key, flight })
    }
}

impl<Q: Query> Ticket<'_, Q> {
    pub(crate) fn land(self, value: Arc<Q::Value>) {
        self.flight.end(State::Landed(value));
        // The rest is done by the drop.
    }
}

impl<Q: Query> Drop for Ticket<'_, Q> {
    fn drop(&mut self) {
        if let Some(running) = self.flights.running.lock().as_mut() {
            running.remove(&self.key);
        }
        self.flight.end(State::Failed);
    }
}

impl<V: ?Sized> Flight<V> {
    /// Waits for the end; `None` if the load failed.
    pub(crate) fn wait(&self) -> Option<Arc<V>> {
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

impl<Q: Query> Default for Flights<Q> {
    fn default() -> Self {
        Self { running: Mutex::new(None) }
    }
}
