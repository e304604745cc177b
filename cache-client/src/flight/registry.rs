//! The current flights of one query, one for each key. Decides who joins which; starts no task.

use std::sync::Arc;

use cache_core::client_support::AnyKey;

use super::state::{Flight, LoadDemand};
use super::wait_graph::FlightId;
use super::waiter::{CallOrigin, JoinError, Waiter};
use crate::erased::{AnyValue, KeyMap};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};

/// The current flights of one query.
#[derive(Default)]
pub(crate) struct FlightRegistry {
    current: Mutex<KeyMap<Arc<Flight>>>,
    /// How many have landed, so that a caller that has read the cache can tell whether to read it again. Changes under the
    /// lock.
    landings: AtomicU64,
}

/// A flight that another has taken the place of, with its key.
pub(crate) type DisplacedFlight = Option<(Arc<dyn AnyKey>, Arc<Flight>)>;

/// What a caller asks for when it joins a flight.
pub(crate) struct JoinRequest<'a> {
    pub(crate) demand: LoadDemand,
    /// The caller does not wait.
    pub(crate) in_background: bool,
    pub(crate) if_running: IfRunning,
    /// The context that the caller is to wait in, if there is one.
    pub(crate) from: Option<CallOrigin<'a>>,
    /// Landings at the time of the last look into the cache; `None` if nobody looked.
    pub(crate) landings: Option<u64>,
}

/// Whether a load that runs already is good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfRunning {
    Join,
    Replace,
    /// This one is not: its runtime does not run it any more.
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

/// How a caller has joined.
pub(crate) enum JoinOutcome {
    /// The caller has to read the cache again, since a flight has landed.
    ReadAgain(u64),
    /// The flight runs already. No waiter for a caller that does not wait.
    Joined(Arc<Flight>, Option<Waiter>),
    /// The flight has landed meanwhile.
    Landed(AnyValue),
    /// The flight is to be started.
    New(Arc<Flight>, Option<Waiter>),
    Cycle,
}

impl FlightRegistry {
    pub(crate) fn landings(&self) -> u64 {
        self.landings.load(Ordering::Acquire)
    }

    /// Joins the current flight of a key, or puts a new one in its place. What that was is `displaced`, to be dropped when
    /// the caller holds no lock either: it may have the last handle of a value.
    pub(crate) fn join(
        &self,
        key: &dyn AnyKey,
        request: &JoinRequest<'_>,
        make: impl FnOnce() -> Flight,
        displaced: &mut DisplacedFlight,
    ) -> JoinOutcome {
        let mut current = self.current.lock();
        if let Some(flight) = current.get(key) {
            match flight.is_current() {
                true if !request.if_running.replaces(flight.id) => match waiter(flight, request) {
                    Ok(waiter) => return JoinOutcome::Joined(Arc::clone(flight), waiter),
                    Err(JoinError::Cycle) => return JoinOutcome::Cycle,
                    Err(JoinError::Closed) => flight.retire(),
                },
                true => flight.retire(),
                // It may have been overtaken by what it has stored itself, before it could say that it has landed. By
                // itself it stores nothing more, and what marks alone have overtaken is still worth showing.
                false => self.count_landing(),
            }
            *displaced = current.remove_entry(key);
        }
        let landings = self.landings();
        if request.landings.is_some_and(|seen| seen != landings) {
            return JoinOutcome::ReadAgain(landings);
        }
        let flight = Arc::new(make());
        // A flight that nobody else knows has room, and waits for nobody.
        let Ok(waiter) = waiter(&flight, request) else { return JoinOutcome::Cycle };
        current.insert(Arc::clone(&flight.key), Arc::clone(&flight));
        JoinOutcome::New(flight, waiter)
    }

    /// Takes out a flight whose result is stored, if it is still the current one.
    pub(crate) fn landed(&self, flight: &Arc<Flight>) {
        let mut flights = self.current.lock();
        self.count_landing();
        // Looked at first: another may have taken its place, and would be lost if a second `Hash` of the key panicked.
        let is_current = flights.get(&*flight.key).is_some_and(|current| Arc::ptr_eq(current, flight));
        let removed = if is_current { flights.remove_entry(&*flight.key) } else { None };
        drop(flights);
        drop(removed);
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
