//! One load: who waits for it, whether it is wanted, what came of it. Knows nothing of how it is loaded or stored.

use std::sync::Arc;
use std::time::Duration;

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};
use cache_core::Moment;
use cache_core::client_support::{AnyKey, AnyWatch};
use tokio::sync::Notify;

use crate::concurrency::LoadSlot;
use crate::erased::Outcome;
use crate::runtime::{TaskRuntime, Timer};
use crate::token::Token;
use crate::waits::{FlightId, Waiting, Waits};

/// One load.
pub(crate) struct Flight {
    pub(crate) id: FlightId,
    pub(crate) key: Arc<dyn AnyKey>,
    /// When the load began.
    pub(crate) started: Moment,
    /// Tells whether something newer came to the key; `None` for a load of one tree alone, which stores nothing.
    pub(crate) watch: Option<Arc<AnyWatch>>,
    /// Cancelled when no caller has come for a while since the last one left, and by the load itself if it cancels its context.
    pub(crate) token: Token,
    /// Where the load runs.
    pub(crate) runtime: TaskRuntime,
    /// What the load needs to run, if there is a limit.
    pub(crate) slot: Option<Arc<LoadSlot>>,
    /// Its answer was built from what has changed meanwhile, and is stored as one that must be loaded again. Set before it
    /// lands.
    pub(crate) is_out_of_date: AtomicBool,
    /// There is an outcome.
    has_landed: AtomicBool,
    state: Mutex<State>,
    landed: Notify,
}

struct State {
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
    /// A caller has left that was not cancelled: it may be back.
    is_missed: bool,
    /// How often the last caller has left, so that a timer that is late does nothing.
    departures: u64,
    /// Cancels the load if nobody comes.
    timer: Option<Timer>,
    outcome: Option<Outcome>,
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
    /// How long the load goes on when the last caller has left.
    pub(crate) linger: Duration,
}

/// What becomes of a load that a caller has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    GoesOn,
    /// For a time, unless somebody comes. With the number of the departure.
    Lingers(Duration, u64),
    Unwanted,
}

/// How a load has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Landing {
    /// It was cancelled: whatever it says is no answer.
    Interrupted,
    Done(Wish),
}

impl Flight {
    pub(crate) fn new(
        id: FlightId,
        key: Arc<dyn AnyKey>,
        started: Moment,
        watch: Option<Arc<AnyWatch>>,
        token: Token,
        runtime: TaskRuntime,
        slot: Option<Arc<LoadSlot>>,
    ) -> Self {
        let state = State {
            seats: 0,
            wish: Wish::default(),
            is_closed: false,
            is_landing: false,
            is_without_load: false,
            is_abandoned: false,
            is_missed: false,
            departures: 0,
            timer: None,
            outcome: None,
        };
        let (is_out_of_date, has_landed) = (AtomicBool::new(false), AtomicBool::new(false));
        let (state, landed) = (Mutex::new(state), Notify::new());
        Self { id, key, started, watch, token, runtime, slot, is_out_of_date, has_landed, state, landed }
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
        state.wish.linger = state.wish.linger.max(wish.linger);
        state.seats += usize::from(with_seat);
        let timer = state.timer.take();
        drop(state);
        drop(timer);
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

    fn end_lingering(&self, departure: u64) {
        let mut state = self.state.lock();
        let is_unwanted = state.is_left(departure);
        state.is_closed |= is_unwanted;
        // Dropped when the lock is gone, though it is over.
        let timer = if is_unwanted { state.timer.take() } else { None };
        drop(state);
        drop(timer);
        if is_unwanted {
            self.token.cancel();
        }
    }

    /// Cancels the load if its callers have left: another has taken its place, so nobody comes any more.
    pub(crate) fn displace(&self) {
        let departures = self.state.lock().departures;
        if departures > 0 {
            self.end_lingering(departures);
        }
    }

    /// Takes its slot from a load that its runtime does not run.
    pub(crate) fn revoke_slot(&self) {
        if let Some(slot) = &self.slot {
            slot.revoke();
        }
    }

    /// The load does not need its slot any more, or not for a while.
    pub(crate) fn end_turn(&self) {
        if let Some(slot) = &self.slot {
            slot.end();
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
        // An error that nobody waits for is to be found later.
        let remembers_errors = state.wish.remembers_errors || state.seats == 0;
        Landing::Done(Wish { remembers_errors, ..state.wish })
    }

    /// Gives the outcome to all who wait, the first one that is given. Returns whether nobody did.
    pub(crate) fn land(&self, outcome: Outcome) -> bool {
        self.end(outcome, false)
    }

    /// Ends a load that its runtime has dropped. `outcome` is for callers that have no other runtime.
    pub(crate) fn abandon(&self, outcome: Outcome) {
        self.end(outcome, true);
    }

    fn end(&self, outcome: Outcome, is_abandoned: bool) -> bool {
        let mut state = self.state.lock();
        state.is_closed = true;
        let is_alone = state.seats == 0;
        let timer = state.timer.take();
        state.is_abandoned |= is_abandoned && state.outcome.is_none();
        // One that comes too late is dropped when the lock is gone.
        let late = match state.outcome {
            Some(_) => Some(outcome),
            None => {
                state.outcome = Some(outcome);
                None
            }
        };
        self.has_landed.store(true, Ordering::Release);
        drop(state);
        drop((late, timer));
        self.landed.notify_waiters();
        is_alone
    }

    pub(crate) fn has_landed(&self) -> bool {
        self.has_landed.load(Ordering::Acquire)
    }

    /// Whether the runtime of the load has dropped it, and the caller's goes on.
    pub(crate) fn is_stranded(&self) -> bool {
        self.state.lock().is_abandoned && self.runtime.is_elsewhere()
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.state.lock().outcome.clone()
    }

    /// Waits for the outcome.
    pub(crate) async fn landed(&self) -> Outcome {
        loop {
            // Before the look, so that no landing is missed.
            let landed = self.landed.notified();
            if self.has_landed()
                && let Some(outcome) = self.outcome()
            {
                return outcome;
            }
            landed.await;
        }
    }
}

impl Flight {
    /// Leaves; a caller that `is_cancelled` does not come back.
    fn leave(self: &Arc<Self>, is_cancelled: bool) {
        let may_be_of_use = self.watch.as_ref().is_some_and(|watch| !watch.is_overtaken());
        let left = self.state.lock().leave(is_cancelled, may_be_of_use);
        match left {
            Left::GoesOn => {}
            Left::Unwanted => self.token.cancel(),
            Left::Lingers(time, departure) => self.linger(time, departure),
        }
    }

    /// Cancels the load when the time has passed, unless somebody comes or it ends before.
    fn linger(self: &Arc<Self>, time: Duration, departure: u64) {
        let flight = Arc::clone(self);
        let timer = self.runtime.after(time, move || flight.end_lingering(departure));
        let mut state = self.state.lock();
        // Whoever has come or left meanwhile has found no timer.
        let surplus = match state.is_left(departure) {
            true => state.timer.replace(timer),
            false => Some(timer),
        };
        drop(state);
        drop(surplus);
    }
}

impl State {
    fn leave(&mut self, is_cancelled: bool, may_be_of_use: bool) -> Left {
        self.seats -= 1;
        self.is_missed |= !is_cancelled;
        if self.seats > 0 || self.wish.goes_on || self.is_over() {
            return Left::GoesOn;
        }
        let linger = if self.is_missed && may_be_of_use { self.wish.linger } else { Duration::ZERO };
        self.departures += 1;
        match linger {
            Duration::ZERO => {
                self.is_closed = true;
                Left::Unwanted
            }
            Duration::MAX => Left::GoesOn,
            time => Left::Lingers(time, self.departures),
        }
    }

    /// Whether nobody has come since this departure, and the load still goes on.
    fn is_left(&self, departure: u64) -> bool {
        self.departures == departure && self.seats == 0 && !self.wish.goes_on && !self.is_over()
    }

    /// Whether there is nothing to be cancelled any more.
    fn is_over(&self) -> bool {
        self.is_landing || self.is_closed
    }
}

/// The place of one who waits for a flight.
pub(crate) struct Seat {
    pub(crate) flight: Arc<Flight>,
    /// In a box, since most callers have none.
    origin: Option<Box<SeatOrigin>>,
}

/// The context that a caller waits in.
#[derive(Debug)]
struct SeatOrigin {
    /// Cancelled with the whole request.
    tree: Token,
    /// The wait of a flight, if it is one that waits.
    waiting: Option<Waiting>,
}

/// Where a call comes from that is made in a context.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) tree: &'a Token,
    /// The flight whose load it is a part of.
    pub(crate) flight: Option<(&'a Arc<Waits>, FlightId)>,
}

/// Why a flight cannot be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoSeat {
    /// It is over.
    Closed,
    /// It waits for who wants to wait for it.
    Cycle,
}

impl Seat {
    pub(crate) fn take(flight: &Arc<Flight>, wish: Wish, from: Option<Origin<'_>>) -> Result<Self, NoSeat> {
        let origin = match from {
            Some(Origin { tree, flight: asking }) => {
                let begin = |(waits, id)| Waiting::begin(waits, id, flight.id).ok_or(NoSeat::Cycle);
                let waiting = asking.map(begin).transpose()?;
                Some(Box::new(SeatOrigin { tree: tree.clone(), waiting }))
            }
            None => None,
        };
        if !flight.join(wish, true) {
            return Err(NoSeat::Closed);
        }
        Ok(Self { flight: Arc::clone(flight), origin })
    }

    /// Waits for the outcome. May be called again after it was dropped half-way.
    pub(crate) async fn landed(&self) -> Outcome {
        self.flight.landed().await
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let origin = self.origin.take().map(|origin| *origin);
        let is_cancelled = origin.is_some_and(|SeatOrigin { tree, waiting }| {
            drop(waiting);
            tree.is_cancelled()
        });
        // A load that has landed is left by nobody.
        if !self.flight.has_landed() {
            self.flight.leave(is_cancelled);
        }
    }
}

#[cfg(all(test, not(cache_model)))]
mod tests {
    use cache_core::Query;

    use super::*;
    use crate::error::QueryError;
    use crate::runtime::ClientRuntime;

    #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = u32)]
    struct Get(u32);

    const STORES: Wish =
        Wish { stores: true, goes_on: false, remembers_errors: false, loads: false, linger: Duration::ZERO };
    const LOADS: Wish = Wish { loads: true, ..STORES };

    fn flight() -> Arc<Flight> {
        let (token, runtime) = (Token::default(), ClientRuntime::new(None).get());
        Arc::new(Flight::new(FlightId(1), Arc::new(Get(1)), Moment::ORIGIN, None, token, runtime, None))
    }

    fn seat(flight: &Arc<Flight>, wish: Wish) -> Seat {
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
        assert!(!flight.land(Ok(Arc::new(1_i32))));
        flight.land(Err(QueryError::Interrupted { query: "get" }));
        assert!(matches!(flight.outcome(), Some(Ok(value)) if value.is::<i32>()));
    }
}
