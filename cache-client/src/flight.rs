//! One load: who waits for it, whether it is wanted, what came of it. Knows nothing of how it is loaded or stored.

use std::sync::Arc;

use crate::sync::Mutex;
use cache_core::{Moment, Query, Watch};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::error::QueryError;
use crate::runtime::TaskRuntime;
use crate::waits::{FlightId, Waiting, Waits};

/// What a query comes to.
pub(crate) type Outcome<V, E> = Result<Arc<V>, QueryError<E>>;

/// One load.
pub(crate) struct Flight<Q: Query, E> {
    pub(crate) id: FlightId,
    pub(crate) key: Q,
    /// When the load began.
    pub(crate) started: Moment,
    /// Tells whether something newer came to the key; `None` for a load of one tree alone, which stores nothing.
    pub(crate) watch: Option<Arc<Watch<Q>>>,
    /// Cancelled when nobody wants the answer any more, and by the load itself if it cancels its context.
    pub(crate) token: CancellationToken,
    /// Where the load runs.
    pub(crate) runtime: TaskRuntime,
    state: Mutex<State<Q::Value, E>>,
    landed: Notify,
}

struct State<V: ?Sized, E> {
    /// How many wait.
    seats: usize,
    wish: Wish,
    /// Nobody can join any more.
    is_closed: bool,
    /// The load has ended, and is not to be cancelled any more.
    is_landing: bool,
    /// The answer comes from the provider.
    is_without_load: bool,
    /// Its runtime has dropped it: another load may take its place.
    is_abandoned: bool,
    outcome: Option<Outcome<V, E>>,
}

/// What those who join a flight want of it. What any of them wants is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) stores: bool,
    /// Goes on when nobody waits.
    pub(crate) goes_on: bool,
    /// Remembers the error if it fails.
    pub(crate) remembers_errors: bool,
    /// An answer from the provider is not good enough.
    pub(crate) loads: bool,
}

/// How a load has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Landing {
    /// It was cancelled: whatever it says is no answer.
    Interrupted,
    Done(Wish),
}

impl<Q: Query, E> Flight<Q, E> {
    pub(crate) fn new(
        id: FlightId,
        key: Q,
        started: Moment,
        watch: Option<Watch<Q>>,
        token: CancellationToken,
        runtime: TaskRuntime,
    ) -> Self {
        let state = State {
            seats: 0,
            wish: Wish::default(),
            is_closed: false,
            is_landing: false,
            is_without_load: false,
            is_abandoned: false,
            outcome: None,
        };
        let watch = watch.map(Arc::new);
        Self { id, key, started, watch, token, runtime, state: Mutex::new(state), landed: Notify::new() }
    }

    /// Joins those who want the answer, with a seat if they wait for it. Returns whether that was possible.
    pub(crate) fn join(&self, wish: Wish, with_seat: bool) -> bool {
        let mut state = self.state.lock();
        if state.is_closed || self.token.is_cancelled() || (wish.loads && state.is_without_load) {
            return false;
        }
        state.wish.stores |= wish.stores;
        state.wish.goes_on |= wish.goes_on;
        state.wish.remembers_errors |= wish.remembers_errors;
        state.wish.loads |= wish.loads;
        state.seats += usize::from(with_seat);
        true
    }

    /// Whether nothing newer has come to the key.
    pub(crate) fn is_current(&self) -> bool {
        self.watch.as_ref().is_none_or(|watch| !watch.is_overtaken())
    }

    /// Has nothing stored any more. To be called before the next flight begins to watch, so that this one cannot overtake it.
    pub(crate) fn retire(&self) {
        if let Some(watch) = &self.watch {
            watch.retire();
        }
    }

    /// Whether more has come to the key than marks, so that the answer is of no use any more.
    pub(crate) fn is_replaced(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.is_replaced())
    }

    /// Whether the load has ended, and its result is being stored.
    pub(crate) fn is_landing(&self) -> bool {
        self.state.lock().is_landing
    }

    /// Has the flight go on when nobody waits for it.
    pub(crate) fn go_on(&self) {
        self.state.lock().wish.goes_on = true;
    }

    fn leave(&self) {
        let mut state = self.state.lock();
        state.seats -= 1;
        let is_unwanted = state.seats == 0 && !state.wish.goes_on && !state.is_landing;
        state.is_closed |= is_unwanted;
        drop(state);
        if is_unwanted {
            self.token.cancel();
        }
    }

    /// Whether somebody wants a load, whatever the provider has.
    pub(crate) fn must_load(&self) -> bool {
        self.state.lock().wish.loads
    }

    /// Does without a load, unless somebody wants one. Returns whether that may be.
    pub(crate) fn answer_without_load(&self) -> bool {
        let mut state = self.state.lock();
        state.is_without_load = !state.wish.loads;
        state.is_without_load
    }

    /// Ends the load, before anything is stored. Those who join from here on are not asked what they want; if nothing is
    /// to be stored, nobody can join any more.
    pub(crate) fn begin_landing(&self) -> Landing {
        let mut state = self.state.lock();
        if self.token.is_cancelled() {
            state.is_closed = true;
            return Landing::Interrupted;
        }
        state.is_landing = true;
        state.is_closed |= !state.wish.stores;
        Landing::Done(state.wish)
    }

    /// Gives the outcome to all who wait, the first one that is given. Returns whether nobody did.
    pub(crate) fn land(&self, outcome: Outcome<Q::Value, E>) -> bool {
        self.end(outcome, false)
    }

    /// Ends a load that its runtime has dropped. `outcome` is for callers that have no other runtime.
    pub(crate) fn abandon(&self, outcome: Outcome<Q::Value, E>) {
        self.end(outcome, true);
    }

    fn end(&self, outcome: Outcome<Q::Value, E>, is_abandoned: bool) -> bool {
        let mut state = self.state.lock();
        state.is_closed = true;
        let is_alone = state.seats == 0;
        state.is_abandoned |= is_abandoned && state.outcome.is_none();
        // One that comes too late is dropped when the lock is gone.
        let late = match state.outcome {
            Some(_) => Some(outcome),
            None => {
                state.outcome = Some(outcome);
                None
            }
        };
        drop(state);
        drop(late);
        self.landed.notify_waiters();
        is_alone
    }

    pub(crate) fn has_landed(&self) -> bool {
        self.state.lock().outcome.is_some()
    }

    /// Whether the runtime of the load has dropped it, and the caller's goes on.
    pub(crate) fn is_stranded(&self) -> bool {
        self.state.lock().is_abandoned && self.runtime.is_elsewhere()
    }

    pub(crate) fn outcome(&self) -> Option<Outcome<Q::Value, E>> {
        self.state.lock().outcome.clone()
    }

    /// Waits for the outcome.
    pub(crate) async fn landed(&self) -> Outcome<Q::Value, E> {
        loop {
            // Before the look, so that no landing is missed.
            let landed = self.landed.notified();
            if let Some(outcome) = self.outcome() {
                return outcome;
            }
            landed.await;
        }
    }
}

/// The place of one who waits for a flight.
pub(crate) struct Seat<Q: Query, E> {
    pub(crate) flight: Arc<Flight<Q, E>>,
    /// The wait of a flight, if it is one that waits.
    waiting: Option<Waiting>,
}

/// Why a flight cannot be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoSeat {
    /// It is over.
    Closed,
    /// It waits for who wants to wait for it.
    Cycle,
}

impl<Q: Query, E> Seat<Q, E> {
    pub(crate) fn take(
        flight: &Arc<Flight<Q, E>>,
        wish: Wish,
        from: Option<(&Arc<Waits>, FlightId)>,
    ) -> Result<Self, NoSeat> {
        let waiting = match from {
            Some((waits, id)) => Some(Waiting::begin(waits, id, flight.id).ok_or(NoSeat::Cycle)?),
            None => None,
        };
        if !flight.join(wish, true) {
            return Err(NoSeat::Closed);
        }
        Ok(Self { flight: Arc::clone(flight), waiting })
    }

    /// Waits for the outcome. May be called again after it was dropped half-way.
    pub(crate) async fn landed(&self) -> Outcome<Q::Value, E> {
        self.flight.landed().await
    }
}

impl<Q: Query, E> Drop for Seat<Q, E> {
    fn drop(&mut self) {
        drop(self.waiting.take());
        self.flight.leave();
    }
}

#[cfg(all(test, not(cache_model)))]
mod tests {
    use cache_core::Query;

    use super::*;
    use crate::runtime::ClientRuntime;

    #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = u32)]
    struct Get(u32);

    const STORES: Wish = Wish { stores: true, goes_on: false, remembers_errors: false, loads: false };
    const LOADS: Wish = Wish { loads: true, ..STORES };

    fn flight() -> Arc<Flight<Get, ()>> {
        let (token, runtime) = (CancellationToken::new(), ClientRuntime::new(None).get());
        Arc::new(Flight::new(FlightId(1), Get(1), Moment::ORIGIN, None, token, runtime))
    }

    fn seat(flight: &Arc<Flight<Get, ()>>, wish: Wish) -> Seat<Get, ()> {
        Seat::take(flight, wish, None).expect("it can be joined")
    }

    #[tokio::test]
    async fn a_flight_that_has_cancelled_itself_is_joined_by_nobody() {
        let flight = flight();
        let _seat = seat(&flight, STORES);
        flight.token.cancel();
        assert!(!flight.join(STORES, true));
        assert_eq!(flight.begin_landing(), Landing::Interrupted);
    }

    #[tokio::test]
    async fn a_flight_that_does_without_a_load_is_joined_by_nobody_that_wants_one() {
        let flight = flight();
        let _seat = seat(&flight, STORES);
        assert!(flight.answer_without_load());
        assert!(!flight.join(LOADS, true) && flight.join(STORES, true));
    }

    #[tokio::test]
    async fn a_flight_that_somebody_wants_a_load_of_does_not_do_without() {
        let flight = flight();
        let _seat = seat(&flight, LOADS);
        assert!(!flight.answer_without_load() && flight.join(LOADS, true));
    }

    #[tokio::test]
    async fn a_flight_that_is_landing_is_not_cancelled_when_the_last_one_leaves() {
        let flight = flight();
        let first = seat(&flight, STORES);
        assert_eq!(flight.begin_landing(), Landing::Done(STORES));
        drop(first);
        assert!(!flight.token.is_cancelled());
        // Its answer is about to be stored: there need not be another load.
        assert!(flight.join(STORES, true));
    }

    #[tokio::test]
    async fn a_flight_that_is_left_by_all_is_joined_by_nobody() {
        let flight = flight();
        let (first, second) = (seat(&flight, STORES), seat(&flight, STORES));
        drop(first);
        assert!(!flight.token.is_cancelled());
        drop(second);
        assert!(flight.token.is_cancelled() && !flight.join(STORES, true));
    }

    /// What it has is not stored any more, which those who come now may want.
    #[tokio::test]
    async fn a_flight_that_stores_nothing_is_joined_by_nobody_once_it_lands() {
        let flight = flight();
        let _seat = seat(&flight, Wish::default());
        assert_eq!(flight.begin_landing(), Landing::Done(Wish::default()));
        assert!(!flight.join(STORES, true));
    }

    #[tokio::test]
    async fn the_first_outcome_counts() {
        let flight = flight();
        let _seat = seat(&flight, STORES);
        assert!(!flight.land(Ok(Arc::new(1))));
        flight.land(Err(QueryError::Interrupted { query: "get" }));
        assert!(matches!(flight.outcome(), Some(Ok(value)) if *value == 1));
    }
}
