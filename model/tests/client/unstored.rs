//! An answer that is given to its callers and not stored, while an earlier load of its key may store one. Nobody gets
//! the older answer as fresh afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_model::client_support::{AnswerFacts, AnyStoreOutcome, AnyWatch, Inputs};
use cache_model::{EntryTimes, Freshness, Moment};
use shuttle::future::block_on;
use shuttle::rand::Rng;
use shuttle::thread;

use crate::flight::registry::{FlightRegistry, IfRunning, JoinOutcome, JoinRequest};
use crate::flight::state::{Flight, LoadDemand};
use crate::flight::wait_graph::FlightId;
use crate::runtime::TaskRuntime;
use crate::token::Token;
use crate::{Get, Store, check, number};

const KEY: Get = Get(1);

/// A machine whose source is changed by others, of which it is not told.
#[derive(Clone)]
struct Machine {
    store: Store,
    flights: Arc<FlightRegistry>,
    version: Arc<AtomicU64>,
    time: Arc<AtomicU64>,
}

impl Machine {
    fn new() -> Self {
        let (version, time) = (Arc::new(AtomicU64::new(1)), Arc::default());
        Self { store: Store::new(), flights: Arc::default(), version, time }
    }

    fn now(&self) -> Moment {
        Moment::ORIGIN + Duration::from_secs(self.time.fetch_add(1, Ordering::SeqCst))
    }

    fn join(&self) -> JoinOutcome {
        let demand = LoadDemand { stores: true, ..LoadDemand::default() };
        let (if_running, oldest, from, landings) = (IfRunning::Join, None, None, None);
        let request = JoinRequest { demand, in_background: false, if_running, oldest, from, landings };
        let make = |hash| {
            let watch = AnyWatch::new(self.store.any_table_ref::<Get>(), KEY, None);
            let started = self.now();
            let id = FlightId(started.since(Moment::ORIGIN).as_secs());
            let key = (Arc::new(KEY) as _, hash);
            Flight::new(id, key, started, Some(watch), Token::default(), TaskRuntime, None)
        };
        let mut displaced = None;
        let joined = self.flights.join(&KEY, &request, make, &mut displaced);
        if let Some(flight) = &displaced {
            flight.displace();
        }
        joined
    }

    /// The task of a flight.
    fn fly(&self, flight: &Arc<Flight>) -> u64 {
        pause();
        let asked = self.now();
        let loaded = self.version.load(Ordering::SeqCst);
        pause();
        _ = flight.begin_landing(false);
        let (watch, value) = (flight.watch.as_ref().unwrap(), Arc::new(loaded));
        let (times, inputs) = (EntryTimes::new().as_of(flight.started), &Inputs::default());
        let facts = AnswerFacts { times, inputs, is_unchanged: false, brought: &mut [] };
        if matches!(watch.store(KEY, Arc::clone(&value), facts), AnyStoreOutcome::Overtaken) {
            self.overtake_earlier(flight, asked);
        }
        self.flights.landed(flight);
        flight.land(Ok(value));
        loaded
    }

    fn overtake_earlier(&self, flight: &Arc<Flight>, asked: Moment) {
        let is_earlier = self.flights.has_earlier(flight, asked)
            || self.store.get_entry(&KEY).is_some_and(|entry| entry.state().as_of < asked);
        if is_earlier {
            self.store.invalidate(&KEY);
        }
    }

    /// What a caller gets.
    fn ask(&self) -> u64 {
        let entry = self.store.get_entry(&KEY).filter(|entry| entry.freshness() == Freshness::Fresh);
        if let Some(entry) = entry {
            return *entry.into_value();
        }
        match self.join() {
            JoinOutcome::New(flight, _waiter) => self.fly(&flight),
            JoinOutcome::Joined(_, waiter) => number(&block_on(waiter.unwrap().landed()).unwrap()),
            _ => unreachable!("no call looks at the landings, and none has a context"),
        }
    }
}

/// Lets the other threads take some steps or many.
fn pause() {
    (0..shuttle::rand::thread_rng().gen_range(0..30)).for_each(|_| thread::yield_now());
}

#[test]
fn after_an_answer_that_is_not_stored_none_is_older() {
    check(|| {
        let machine = Machine::new();
        let JoinOutcome::New(early, _waiter) = machine.join() else {
            unreachable!("there is no other flight")
        };
        machine.store.invalidate(&KEY);
        let (other, late) = (machine.clone(), machine.clone());
        let changing = thread::spawn(move || {
            pause();
            other.version.fetch_add(1, Ordering::SeqCst);
        });
        let asking = thread::spawn(move || _ = late.ask());
        let answer = machine.fly(&early);
        let next = machine.ask();
        assert!(next >= answer, "{next} after {answer}");
        changing.join().unwrap();
        asking.join().unwrap();
    });
}
