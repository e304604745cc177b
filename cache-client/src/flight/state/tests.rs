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
    Flight::new(FlightId(1), (Arc::new(Get(1)), 0), Moment::ORIGIN, None, token, runtime, None)
}

fn waiter(flight: &Arc<Flight>, demand: LoadDemand) -> Waiter {
    Waiter::take(flight, demand, None).expect("the flight can be joined")
}

#[tokio::test]
async fn a_flight_that_cancelled_itself_cannot_be_joined() {
    let flight = flight();
    let _waiter = waiter(&flight, STORES);
    flight.token.cancel();
    assert!(!flight.join(STORES, true));
    assert_eq!(flight.begin_landing(false), Landing::Interrupted);
}

#[tokio::test]
async fn a_flight_that_skips_its_load_cannot_be_joined_by_a_call_that_demands_one() {
    let flight = flight();
    let _waiter = waiter(&flight, STORES);
    assert!(flight.answer_without_load());
    assert!(!flight.join(LOADS, true) && flight.join(STORES, true));
}

#[tokio::test]
async fn a_flight_with_a_call_that_demands_a_load_does_not_skip_it() {
    let flight = flight();
    let _waiter = waiter(&flight, LOADS);
    assert!(!flight.answer_without_load() && flight.join(LOADS, true));
}

#[tokio::test]
async fn a_landing_flight_is_not_cancelled_when_its_last_caller_leaves() {
    let flight = flight();
    let first = waiter(&flight, STORES);
    assert_eq!(flight.begin_landing(false), Landing::Done(STORES));
    drop(first);
    assert!(!flight.token.is_cancelled());
    // Its answer is about to be stored, so no other load is needed.
    assert!(flight.join(STORES, true));
}

#[tokio::test]
async fn a_flight_that_all_callers_have_left_cannot_be_joined() {
    let flight = flight();
    let (first, second) = (waiter(&flight, STORES), waiter(&flight, STORES));
    drop(first);
    assert!(!flight.token.is_cancelled());
    drop(second);
    assert!(flight.token.is_cancelled() && !flight.join(STORES, true));
}

/// A new caller may want the answer stored, which this flight does not do.
#[tokio::test]
async fn a_flight_that_stores_nothing_cannot_be_joined_once_it_lands() {
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
