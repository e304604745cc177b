//! Callers that join, wait and leave, while flights land and their key is written.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use cache_model::client_support::{AnswerFacts, AnyWatch, Inputs};
use cache_model::{EntryTimes, Freshness};
use shuttle::future::block_on;
use shuttle::thread;

use crate::erased::Outcome;
use crate::error::QueryError;
use crate::flight::registry::{FlightRegistry, IfRunning, JoinOutcome, JoinRequest};
use crate::flight::state::{Flight, Landing, LoadDemand};
use crate::flight::wait_graph::FlightId;
use crate::flight::waiter::Waiter;
use crate::runtime::TaskRuntime;
use crate::token::Token;
use crate::{Get, Store, check, number};

const KEY: Get = Get(1);

/// A program whose source changes, and which reports the changes to the store.
#[derive(Clone)]
struct Program {
    store: Store,
    flights: Arc<FlightRegistry>,
    version: Arc<AtomicU64>,
    next: Arc<AtomicU64>,
    loads: Arc<AtomicUsize>,
    /// Flights that their runtime drops, before or after they have loaded.
    dropped: Arc<AtomicUsize>,
    /// How long loads continue after their last caller has left.
    linger: Duration,
    /// Whether loads run until they are cancelled.
    loads_for_ever: bool,
}

impl Program {
    fn new() -> Self {
        let (version, next, loads) = (Arc::new(AtomicU64::new(1)), Arc::default(), Arc::default());
        let (store, flights, dropped) = (Store::new(), Arc::default(), Arc::default());
        Self { store, flights, version, next, loads, dropped, linger: Duration::ZERO, loads_for_ever: false }
    }

    /// Joins the flight of the key, and starts it if it is new, as a call of the client does.
    fn join(&self) -> Result<Waiter, u64> {
        self.join_with(IfRunning::Join, true)
    }

    fn join_with(&self, if_running: IfRunning, looks: bool) -> Result<Waiter, u64> {
        let demand = LoadDemand { stores: true, linger: self.linger, ..LoadDemand::default() };
        let mut request = JoinRequest {
            demand,
            in_background: false,
            if_running,
            oldest: None,
            from: None,
            landings: None,
        };
        request.landings = looks.then(|| self.flights.landings());
        loop {
            if request.landings.is_some()
                && let Some(entry) =
                    self.store.get_entry(&KEY).filter(|entry| entry.freshness() == Freshness::Fresh)
            {
                return Err(*entry.into_value());
            }
            let make = |hash| {
                let id = FlightId(self.next.fetch_add(1, Ordering::SeqCst));
                let watch = AnyWatch::new(self.store.any_table_ref::<Get>(), KEY, None);
                let (now, token) = (self.store.now(), Token::default());
                Flight::new(id, (Arc::new(KEY), hash), now, Some(watch), token, TaskRuntime, None)
            };
            let mut displaced = None;
            let joined = self.flights.join(&KEY, &request, make, &mut displaced);
            if let Some(flight) = &displaced {
                flight.displace();
            }
            match joined {
                JoinOutcome::ReadAgain(landings) => request.landings = Some(landings),
                JoinOutcome::Joined(_, waiter) => return Ok(waiter.unwrap()),
                JoinOutcome::New(flight, waiter) => {
                    let program = self.clone();
                    thread::spawn(move || program.fly(&flight));
                    return Ok(waiter.unwrap());
                }
                JoinOutcome::Landed(_) | JoinOutcome::Cycle => {
                    unreachable!("the calls have no context, and so form no cycle")
                }
            }
        }
    }

    /// The task of a flight: loads the value of the source, and stores it if it may.
    fn fly(&self, flight: &Arc<Flight>) {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let loaded = self.version.load(Ordering::SeqCst);
        if self.loads_for_ever {
            block_on(flight.token.cancelled());
        }
        let drops = |count: usize| count.checked_sub(1);
        if self.dropped.fetch_update(Ordering::SeqCst, Ordering::SeqCst, drops).is_ok() {
            self.flights.landed(flight);
            return flight.abandon(Err(QueryError::Interrupted { query: "get" }));
        }
        let outcome: Outcome = match flight.begin_landing(false) {
            Landing::Interrupted => Err(QueryError::Interrupted { query: "get" }),
            Landing::Done(_) => {
                let (watch, value) = (flight.watch.as_ref().unwrap(), Arc::new(loaded));
                let (times, inputs) = (EntryTimes::new(), &Inputs::default());
                let facts = AnswerFacts { times, inputs, is_unchanged: false, brought: &mut [] };
                _ = watch.store(KEY, Arc::clone(&value), facts);
                Ok(value)
            }
        };
        self.flights.landed(flight);
        flight.land(outcome);
    }

    /// Returns an answer, cached or loaded. It is never older than what was known before the call.
    fn ask(&self) {
        let known = self.version.load(Ordering::SeqCst);
        let mut joined = self.join();
        let answer = loop {
            let waiter = match joined {
                Ok(waiter) => waiter,
                Err(value) => break value,
            };
            match block_on(waiter.landed()) {
                Ok(value) => break number(&value),
                Err(_) => assert!(waiter.flight.is_stranded(), "only a stranded flight is interrupted"),
            }
            joined = self.join_with(IfRunning::ReplaceOnly(waiter.flight.id), true);
        };
        assert!(answer >= known, "the answer is {answer}, although {known} was known before");
    }

    /// The source changes, and then a mark, a write or a removal reports it to the store.
    fn change(&self, how: u32) {
        let version = self.version.fetch_add(1, Ordering::SeqCst) + 1;
        match how {
            0 => _ = self.store.invalidate(&KEY),
            1 => drop(self.store.insert(KEY, version)),
            _ => _ = self.store.remove(&KEY),
        }
    }

    /// Checks that a fresh value in the store is the value of the source.
    fn check_store(&self) {
        let entry = self.store.get_entry(&KEY).filter(|entry| entry.freshness() == Freshness::Fresh);
        if let Some(entry) = entry {
            assert_eq!(**entry.value(), self.version.load(Ordering::SeqCst), "an outdated value was stored");
        }
    }
}

fn together(parts: Vec<Box<dyn FnOnce() + Send>>) {
    let running: Vec<_> = parts.into_iter().map(thread::spawn).collect();
    running.into_iter().for_each(|part| part.join().unwrap());
}

#[test]
fn concurrent_callers_share_one_load() {
    check(|| {
        let program = Program::new();
        let ask = || {
            let program = program.clone();
            Box::new(move || program.ask()) as Box<dyn FnOnce() + Send>
        };
        together(vec![ask(), ask(), ask()]);
        assert_eq!(program.loads.load(Ordering::SeqCst), 1);
        program.check_store();
    });
}

#[test]
fn callers_that_stay_have_an_answer_while_others_leave() {
    check(|| {
        let program = Program::new();
        let (staying, leaving) = (program.clone(), program.clone());
        together(vec![Box::new(move || staying.ask()), Box::new(move || drop(leaving.join()))]);
        program.check_store();
    });
}

#[test]
fn nothing_late_is_stored_whatever_happens_to_the_key_and_whenever() {
    for how in 0..3 {
        check(move || {
            let program = Program::new();
            let (first, second, changing) = (program.clone(), program.clone(), program.clone());
            // A caller that arrives while the source changes may get either answer; the store must not keep the old
            // one.
            let parts: Vec<Box<dyn FnOnce() + Send>> = vec![
                Box::new(move || drop(first.join().map(|waiter| block_on(waiter.landed())))),
                Box::new(move || drop(second.join().map(|waiter| block_on(waiter.landed())))),
                Box::new(move || changing.change(how)),
            ];
            together(parts);
            program.check_store();
            program.ask();
        });
    }
}

#[test]
fn one_caller_takes_over_a_load_that_its_runtime_drops_for_all_that_wait() {
    for dropped in 1..=2 {
        check(move || {
            let program = Program::new();
            program.dropped.store(dropped, Ordering::SeqCst);
            let ask = || {
                let program = program.clone();
                Box::new(move || program.ask()) as Box<dyn FnOnce() + Send>
            };
            together(vec![ask(), ask(), ask()]);
            assert_eq!(program.loads.load(Ordering::SeqCst), 1 + dropped);
            program.check_store();
        });
    }
}

#[test]
fn a_load_that_was_taken_over_stores_nothing_when_its_runtime_runs_it_after_all() {
    check(|| {
        let program = Program::new();
        let Ok(first) = program.join() else { unreachable!("the store is still empty") };
        // The first may load before the source changes. Nothing reports that to the store.
        thread::yield_now();
        program.version.fetch_add(1, Ordering::SeqCst);
        let if_running = IfRunning::ReplaceOnly(first.flight.id);
        let Ok(second) = program.join_with(if_running, false) else {
            unreachable!("it does not read the store")
        };
        block_on(second.landed()).expect("the second is not interrupted");
        block_on(first.landed()).expect("the first is not interrupted");
        program.check_store();
    });
}

/// The timer may end at any time.
#[test]
fn a_caller_that_joins_a_lingering_load_has_its_answer_or_that_of_another() {
    check(|| {
        let program = Program { linger: Duration::from_secs(5), ..Program::new() };
        let leave = || {
            let program = program.clone();
            Box::new(move || drop(program.join())) as Box<dyn FnOnce() + Send>
        };
        let (asking, changing) = (program.clone(), program.clone());
        let ask = move || {
            // A caller that arrives while the source changes may get either answer.
            if let Ok(waiter) = asking.join() {
                block_on(waiter.landed()).expect("a load with a waiting caller is not cancelled");
            }
        };
        together(vec![leave(), leave(), Box::new(ask), Box::new(move || changing.change(0))]);
        program.check_store();
    });
}

/// A lost timer would leave the load running forever.
#[test]
fn a_load_that_all_have_left_is_cancelled_however_they_came_and_went() {
    for last in [IfRunning::Join, IfRunning::Replace] {
        check(move || {
            let new = Program::new();
            let program = Program { linger: Duration::from_secs(5), loads_for_ever: true, ..new };
            let leave = |if_running| {
                let program = program.clone();
                Box::new(move || {
                    let waiter = program.join_with(if_running, false);
                    thread::yield_now();
                    drop(waiter);
                }) as Box<dyn FnOnce() + Send>
            };
            together(vec![leave(IfRunning::Join), leave(IfRunning::Join), leave(last)]);
        });
    }
}
