//! The current flights of one query, one for each key. Decides who joins which; starts no task.

use std::sync::Arc;

use cache_core::client_support::AnyKey;

use crate::erased::{AnyValue, KeyMap};
use crate::flight::{Flight, NoSeat, Origin, Seat, Wish};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::waits::FlightId;

/// The current flights of one query.
#[derive(Default)]
pub(crate) struct Flights {
    current: Mutex<KeyMap<Arc<Flight>>>,
    /// How many have landed, so that a caller that has read the cache can tell whether to read it again. Changes under the
    /// lock.
    landings: AtomicU64,
}

/// A flight that another has taken the place of, with its key.
pub(crate) type Displaced = Option<(Arc<dyn AnyKey>, Arc<Flight>)>;

/// What somebody who wants to board asks for.
pub(crate) struct Ticket<'a> {
    pub(crate) wish: Wish,
    /// Does without a seat: nobody waits.
    pub(crate) is_behind: bool,
    pub(crate) anew: Anew,
    /// The context that the caller is to wait in, if there is one.
    pub(crate) from: Option<Origin<'a>>,
    /// Landings at the time of the last look into the cache; `None` if nobody looked.
    pub(crate) landings: Option<u64>,
}

/// Whether a load that runs already is good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anew {
    No,
    Always,
    /// This one is not: its runtime does not run it any more.
    InPlaceOf(FlightId),
}

impl Anew {
    pub(crate) fn refuses(self, flight: FlightId) -> bool {
        match self {
            Self::No => false,
            Self::Always => true,
            Self::InPlaceOf(other) => flight == other,
        }
    }
}

/// Where somebody has got on.
pub(crate) enum Boarded {
    /// To look into the cache again, since a flight has landed.
    LookAgain(u64),
    /// The flight runs already; no seat for who asked for none.
    Joined(Arc<Flight>, Option<Seat>),
    /// The flight has landed meanwhile.
    Landed(AnyValue),
    /// The flight is to be started.
    New(Arc<Flight>, Option<Seat>),
    Cycle,
}

impl Flights {
    pub(crate) fn landings(&self) -> u64 {
        self.landings.load(Ordering::Acquire)
    }

    /// Joins the current flight of a key, or puts a new one in its place. What that was is `displaced`, to be dropped when
    /// the caller holds no lock either: it may have the last handle of a value.
    pub(crate) fn board(
        &self,
        key: &dyn AnyKey,
        ticket: &Ticket<'_>,
        make: impl FnOnce() -> Flight,
        displaced: &mut Displaced,
    ) -> Boarded {
        let mut current = self.current.lock();
        if let Some(flight) = current.get(key) {
            match flight.is_current() {
                true if !ticket.anew.refuses(flight.id) => match seat(flight, ticket) {
                    Ok(seat) => return Boarded::Joined(Arc::clone(flight), seat),
                    Err(NoSeat::Cycle) => return Boarded::Cycle,
                    Err(NoSeat::Closed) => flight.retire(),
                },
                true => flight.retire(),
                // It may have been overtaken by what it has stored itself, before it could say that it has landed. By
                // itself it stores nothing more, and what marks alone have overtaken is still worth showing.
                false => self.count_landing(),
            }
            *displaced = current.remove_entry(key);
        }
        let landings = self.landings();
        if ticket.landings.is_some_and(|seen| seen != landings) {
            return Boarded::LookAgain(landings);
        }
        let flight = Arc::new(make());
        // A flight that nobody else knows has room, and waits for nobody.
        let Ok(seat) = seat(&flight, ticket) else { return Boarded::Cycle };
        current.insert(Arc::clone(&flight.key), Arc::clone(&flight));
        Boarded::New(flight, seat)
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

fn seat(flight: &Arc<Flight>, ticket: &Ticket<'_>) -> Result<Option<Seat>, NoSeat> {
    if ticket.is_behind {
        return if flight.join(ticket.wish, false) { Ok(None) } else { Err(NoSeat::Closed) };
    }
    Seat::take(flight, ticket.wish, ticket.from).map(Some)
}
