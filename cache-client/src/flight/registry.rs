//! The current flight of each key of one query. Decides which call joins which flight. Starts no task.

use std::sync::Arc;

use std::hash::BuildHasher;

use cache_core::Moment;
use cache_core::client_support::AnyKey;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::state::{Flight, LoadDemand};
use super::wait_graph::FlightId;
use super::waiter::{CallOrigin, JoinError, Waiter};
use crate::erased::AnyValue;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};

/// The current flights of one query.
#[derive(Default)]
pub(crate) struct FlightRegistry {
    current: Mutex<HashTable<Arc<Flight>>>,
    hasher: RandomState,
    /// How many have landed, so that a caller that has read the cache knows whether to read it again. Changes under the
    /// lock.
    landings: AtomicU64,
}

/// How a caller wants to join a flight.
pub(crate) struct JoinRequest<'a> {
    pub(crate) demand: LoadDemand,
    /// The caller does not wait.
    pub(crate) in_background: bool,
    pub(crate) if_running: IfRunning,
    /// A load that has begun earlier is replaced.
    pub(crate) oldest: Option<Moment>,
    /// The context in which the caller waits, if there is one.
    pub(crate) from: Option<CallOrigin<'a>>,
    /// The number of landings at the last read of the cache; `None` if the cache was not read.
    pub(crate) landings: Option<u64>,
}

impl JoinRequest<'_> {
    fn replaces(&self, flight: &Flight) -> bool {
        self.if_running.replaces(flight.id) || self.oldest.is_some_and(|oldest| flight.started < oldest)
    }
}

/// What to do with a flight that is already running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfRunning {
    Join,
    Replace,
    /// Replaces this flight only, since its runtime no longer runs it.
    ReplaceOnly(FlightId),
}

impl IfRunning {
    pub(crate) fn replaces(self, flight: FlightId) -> bool {
        match self {
            Self::Join => false,
            Self::Replace => true,
            Self::ReplaceOnly(other) => flight == other,
        }
    }
}

/// The result of joining.
pub(crate) enum JoinOutcome {
    /// The caller has to read the cache again, since a flight has landed.
    ReadAgain(u64),
    /// The flight runs already. No waiter for a caller that does not wait.
    Joined(Arc<Flight>, Option<Waiter>),
    /// The flight has landed in the meantime.
    Landed(AnyValue),
    /// The flight has to be started.
    New(Arc<Flight>, Option<Waiter>),
    Cycle,
}

impl FlightRegistry {
    pub(crate) fn landings(&self) -> u64 {
        self.landings.load(Ordering::Acquire)
    }

    /// Joins the current flight of a key, or replaces it by a new one. `make` gets the hash of the key. The replaced
    /// flight is `displaced`, to be dropped when the caller holds no lock, since it may have the last handle of a value.
    pub(crate) fn join(
        &self,
        key: &dyn AnyKey,
        request: &JoinRequest<'_>,
        make: impl FnOnce(u64) -> Arc<Flight>,
        displaced: &mut Option<Arc<Flight>>,
    ) -> JoinOutcome {
        let hash = self.hasher.hash_one(key);
        let mut current = self.current.lock();
        let mut place = current.entry(hash, |flight| *flight.key == *key, |flight| flight.hash);
        if let Entry::Occupied(found) = place {
            let flight = found.get();
            match flight.is_current() {
                true if !request.replaces(flight) => match waiter(flight, request) {
                    Ok(waiter) => return JoinOutcome::Joined(Arc::clone(flight), waiter),
                    Err(JoinError::Cycle) => return JoinOutcome::Cycle,
                    Err(JoinError::Closed) => flight.retire(),
                },
                true => flight.retire(),
                // The flight may have been overtaken by its own store, before it was removed here. It stores nothing
                // more, and observers may still show an answer that only marks have overtaken.
                false => self.count_landing(),
            }
            let (removed, vacant) = found.remove();
            *displaced = Some(removed);
            place = Entry::Vacant(vacant);
        }
        let landings = self.landings();
        if request.landings.is_some_and(|seen| seen != landings) {
            return JoinOutcome::ReadAgain(landings);
        }
        let flight = make(hash);
        // A new flight can always be joined, and waits for no other.
        let Ok(waiter) = waiter(&flight, request) else { return JoinOutcome::Cycle };
        place.insert(Arc::clone(&flight));
        JoinOutcome::New(flight, waiter)
    }

    /// Whether another flight of the same key is the current one, and began before a moment.
    pub(crate) fn has_earlier(&self, flight: &Arc<Flight>, before: Moment) -> bool {
        let current = self.current.lock();
        let other = current.find(flight.hash, |other| *other.key == *flight.key);
        other.is_some_and(|other| !Arc::ptr_eq(other, flight) && other.started < before)
    }

    /// The number of flights, and at most `count` of them.
    pub(crate) fn some(&self, count: usize) -> (usize, Vec<Arc<Flight>>) {
        let flights = self.current.lock();
        (flights.len(), flights.iter().take(count).cloned().collect())
    }

    /// Removes a flight whose result is stored, if it is still the current one.
    pub(crate) fn landed(&self, flight: &Arc<Flight>) {
        let mut flights = self.current.lock();
        self.count_landing();
        // The caller has its own handle, so nothing is dropped here.
        if let Ok(found) = flights.find_entry(flight.hash, |current| Arc::ptr_eq(current, flight)) {
            found.remove();
        }
    }

    fn count_landing(&self) {
        self.landings.store(self.landings() + 1, Ordering::Release);
    }
}

fn waiter(flight: &Arc<Flight>, request: &JoinRequest<'_>) -> Result<Option<Waiter>, JoinError> {
    if request.in_background {
        return if flight.join(request.demand, false) { Ok(None) } else { Err(JoinError::Closed) };
    }
    Waiter::take(flight, request.demand, request.from).map(Some)
}
