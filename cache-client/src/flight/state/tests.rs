//! What one flight does when callers join and leave it.

use cache_core::Query;

use super::*;
use crate::error::QueryError;
use crate::flight::waiter::Waiter;
use crate::runtime::ClientRuntime;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32)]
struct Get(u32);

const STORES: LoadDemand = LoadDemand {
    stores: true,
    outlives_callers: false,
    remembers_errors: false,
    loads: false,
    linger: Duration::ZERO,
};
const LOADS: LoadDemand = LoadDemand { loads: true, ..STORES };

fn flight() -> Arc<Flight> {
    let (token, runtime) = (Token::default(), ClientRuntime::new(None).get());
    Arc::new(Flight::new(FlightId(1), Arc::new(Get(1)), Moment::ORIGIN, None, token, runtime, None))
}

fn waiter(flight: &Arc<Flight>, demand: LoadDemand) -> Waiter {
    Waiter::take(flight, demand, None).expect("it can be joined")
}

#[tokio::test]
async fn a_flight_that_has_cancelled_itself_is_joined_by_nobody() {
    let flight = flight();
    let _waiter = waiter(&flight, STORES);
    flight.token.cancel();
    assert!(!flight.join(STORES, true));
    assert_eq!(flight.begin_landing(false), Landing::Interrupted);
}

#[tokio::test]
async fn a_flight_that_does_without_a_load_is_joined_by_nobody_that_wants_one() {
    let flight = flight();
    let _waiter = waiter(&flight, STORES);
    assert!(flight.answer_without_load());
    assert!(!flight.join(LOADS, true) && flight.join(STORES, true));
}

#[tokio::test]
async fn a_flight_that_somebody_wants_a_load_of_does_not_do_without() {
    let flight = flight();
    let _waiter = waiter(&flight, LOADS);
    assert!(!flight.answer_without_load() && flight.join(LOADS, true));
}

#[tokio::test]
async fn a_flight_that_is_landing_is_not_cancelled_when_the_last_one_leaves() {
    let flight = flight();
    let first = waiter(&flight, STORES);
    assert_eq!(flight.begin_landing(false), Landing::Done(STORES));
    drop(first);
    assert!(!flight.token.is_cancelled());
    // Its answer is about to be stored, so no other load is needed.
    assert!(flight.join(STORES, true));
}

#[tokio::test]
async fn a_flight_that_is_left_by_all_is_joined_by_nobody() {
    let flight = flight();
    let (first, second) = (waiter(&flight, STORES), waiter(&flight, STORES));
    drop(first);
    assert!(!flight.token.is_cancelled());
    drop(second);
    assert!(flight.token.is_cancelled() && !flight.join(STORES, true));
}

/// Its answer is not stored, which a new caller may want.
#[tokio::test]
async fn a_flight_that_stores_nothing_is_joined_by_nobody_once_it_lands() {
    let flight = flight();
    let _waiter = waiter(&flight, LoadDemand::default());
    assert_eq!(flight.begin_landing(false), Landing::Done(LoadDemand::default()));
    assert!(!flight.join(STORES, true));
}

#[tokio::test]
async fn the_first_outcome_counts() {
    let flight = flight();
    let _waiter = waiter(&flight, STORES);
    assert!(!flight.land(Ok(Arc::new(1_i32))));
    flight.land(Err(QueryError::Interrupted { query: "get" }));
    assert!(matches!(flight.outcome(), Some(Ok(value)) if value.is::<i32>()));
}
