//! Loads that are running: one caller computes, the others with the same key wait. Knows nothing of storage.
//!
//! A write to a key overtakes the load of it: what that gives is then handed to those who waited, and not stored, and
//! who asks after the write starts a load of their own. A loader joins first and then looks for the value, under the
//! lock of its shard; a writer that holds the lock asks for running loads with one relaxed load. If it had the lock
//! before that look, the load begins after the write; if after, it sees that the loader has joined.

use std::sync::Arc;

use crate::query::{Lookup, Query};
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard, switch_point, this_thread};

/// The running loads of one table.
pub(crate) struct Flights<Q: Query> {
    /// May be locked while a shard is; nothing else is locked under it. Searched one by one: each keeps a thread, so that
    /// there are few.
    running: Mutex<Vec<Running<Q, Q::Value>>>,
    /// Their number.
    count: AtomicUsize,
}

type Guard<'a, Q> = MutexGuard<'a, Vec<Running<Q, <Q as Query>::Value>>>;

struct Running<Q, V: ?Sized> {
    key: Q,
    hash: u32,
    flight: Arc<Flight<V>>,
}

/// A load that was running when its key was looked for. Not to be dropped under a lock: it may hold an answer.
pub(crate) struct Found<V: ?Sized>(Arc<Flight<V>>);

/// One running load.
pub(crate) struct Flight<V: ?Sized> {
    /// Number of the computing thread.
    owner: u64,
    /// Set under the lock of the key's shard when the key is written.
    is_overtaken: AtomicBool,
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
    Nested(Arc<Flight<Q::Value>>),
    /// Wait for another's result.
    Wait(Arc<Flight<Q::Value>>),
}

/// The duty to end a flight; ends it as failed when dropped.
pub(crate) struct Ticket<'a, Q: Query> {
    flights: &'a Flights<Q>,
    flight: Arc<Flight<Q::Value>>,
}

impl<Q: Query> Flights<Q> {
    pub(crate) fn join(&self, key: &Q, hash: u32) -> Turn<'_, Q> {
        let fresh_key = key.clone();
        let owner = this_thread();
        let mut running = self.running.lock();
        if let Some(at) = position(&running, hash, key) {
            let flight = Arc::clone(&running[at].flight);
            return if flight.owner == owner { Turn::Nested(flight) } else { Turn::Wait(flight) };
        }
        let is_overtaken = AtomicBool::new(false);
        let state = Mutex::new(State::Running);
        let flight = Arc::new(Flight { owner, is_overtaken, state, landed: Condvar::new() });
        running.push(Running { key: fresh_key, hash, flight: Arc::clone(&flight) });
        self.count.store(running.len(), Ordering::Relaxed);
        Turn::Mine(Ticket { flights: self, flight })
    }

    /// Tells the load of a key, if one is running, that the key has been written. To be called while its shard is
    /// locked.
    #[inline]
    pub(crate) fn overtake<L: Lookup<Query = Q>>(&self, hash: u32, lookup: &L) {
        if self.count.load(Ordering::Relaxed) > 0 {
            self.overtake_running(hash, lookup);
        }
    }

    #[cold]
    fn overtake_running<L: Lookup<Query = Q>>(&self, hash: u32, lookup: &L) {
        let running = self.running.lock();
        if let Some(at) = position(&running, hash, lookup) {
            running[at].flight.is_overtaken.store(true, Ordering::Relaxed);
            self.end(running, at);
        }
    }

    /// The running load of a key, to be told by [`overtake_flight`](Self::overtake_flight) once the write of the key
    /// is certain. To be called while its shard is locked, which it has to stay until then.
    #[inline]
    pub(crate) fn find<L: Lookup<Query = Q>>(&self, hash: u32, lookup: &L) -> Option<Found<Q::Value>> {
        match self.count.load(Ordering::Relaxed) {
            0 => None,
            _ => self.find_running(hash, lookup),
        }
    }

    #[cold]
    fn find_running<L: Lookup<Query = Q>>(&self, hash: u32, lookup: &L) -> Option<Found<Q::Value>> {
        let running = self.running.lock();
        let at = position(&running, hash, lookup)?;
        Some(Found(Arc::clone(&running[at].flight)))
    }

    /// Tells a load that its key has been written. Calls no foreign code.
    pub(crate) fn overtake_flight(&self, Found(flight): &Found<Q::Value>) {
        flight.is_overtaken.store(true, Ordering::Relaxed);
        self.end_flight(flight);
    }

    /// Tells all running loads that everything has been removed. To be called while all shards are locked.
    pub(crate) fn overtake_all(&self) {
        let mut running = self.running.lock();
        for load in &*running {
            load.flight.is_overtaken.store(true, Ordering::Relaxed);
        }
        running.clear();
        self.count.store(0, Ordering::Relaxed);
    }

    fn end_flight(&self, flight: &Arc<Flight<Q::Value>>) {
        let running = self.running.lock();
        if let Some(at) = running.iter().position(|load| Arc::ptr_eq(&load.flight, flight)) {
            self.end(running, at);
        }
    }

    fn end(&self, mut running: Guard<'_, Q>, at: usize) {
        // The loader comes here too before it lets go of its own handle of the flight, so that this one, which a
        // writer may drop under the lock of a shard, is never the last, and no answer is dropped with it.
        let ended = running.swap_remove(at).key;
        self.count.store(running.len(), Ordering::Relaxed);
        drop(running);
        switch_point();
        drop(ended);
    }
}

/// Where the load of a key is.
fn position<L: Lookup>(
    running: &[Running<L::Query, <L::Query as Query>::Value>],
    hash: u32,
    lookup: &L,
) -> Option<usize> {
    running.iter().position(|load| load.hash == hash && lookup.is_key(&load.key))
}

impl<Q: Query> Ticket<'_, Q> {
    pub(crate) fn flight(&self) -> &Flight<Q::Value> {
        &self.flight
    }

    pub(crate) fn land(self, value: Arc<Q::Value>) {
        self.flight.end(State::Landed(value));
        // The rest is done by the drop.
    }
}

impl<Q: Query> Drop for Ticket<'_, Q> {
    fn drop(&mut self) {
        self.flights.end_flight(&self.flight);
        self.flight.end(State::Failed);
    }
}

impl<V: ?Sized> Flight<V> {
    /// Whether the key has been written since the load began. To be called while its shard is locked.
    pub(crate) fn is_overtaken(&self) -> bool {
        self.is_overtaken.load(Ordering::Relaxed)
    }

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
        Self { running: Mutex::new(Vec::new()), count: AtomicUsize::new(0) }
    }
}
