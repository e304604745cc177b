//! The breakers of a client, found by name, and the permits of the loads that they let through. When a breaker opens and
//! closes is told in `circuit`.

mod circuit;
pub(crate) mod options;
mod window;

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::waits::{FlightId, Waits};
use circuit::{Circuit, End, Pass};
use options::BreakerOptions;

/// The breakers of a client, each made when it is first asked for.
#[derive(Debug)]
pub(crate) struct Breakers {
    settings: HashMap<&'static str, BreakerOptions, RandomState>,
    made: Mutex<HashMap<&'static str, Arc<Breaker>, RandomState>>,
}

impl Breakers {
    pub(crate) fn new(settings: HashMap<&'static str, BreakerOptions, RandomState>) -> Self {
        Self { settings, made: Mutex::default() }
    }

    pub(crate) fn of(&self, name: &'static str) -> Arc<Breaker> {
        let mut made = self.made.lock();
        let breaker = made.entry(name).or_insert_with(|| {
            let options = self.settings.get(name).copied().unwrap_or_default();
            Arc::new(Breaker::new(Circuit::new(options, Instant::now())))
        });
        Arc::clone(breaker)
    }
}

/// One breaker.
#[derive(Debug)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug)]
struct State {
    circuit: Circuit,
    /// The flight that was let through last; while a trial is under way, that of the trial.
    last: FlightId,
}

impl Breaker {
    fn new(circuit: Circuit) -> Self {
        Self(Mutex::new(State { circuit, last: FlightId(0) }))
    }

    /// Lets a load of a flight through, or not. What the trial waits for is a part of the trial: it is let through, and
    /// counts by what the trial makes of it.
    pub(crate) fn admit(self: &Arc<Self>, flight: FlightId, waits: &Waits) -> Option<Permit> {
        let now = Instant::now();
        let trial = {
            let mut state = self.0.lock();
            if let Some(pass) = state.circuit.admit(now) {
                state.last = flight;
                return Some(Permit { breaker: Arc::clone(self), pass: Some(pass) });
            }
            state.circuit.is_trying().then_some(state.last)
        };
        let is_part = trial.is_some_and(|trial| waits.waits_for(trial, flight));
        is_part.then(|| Permit { breaker: Arc::clone(self), pass: None })
    }

    /// Whether a load that comes at that time is sure to be refused.
    pub(crate) fn is_open_at(&self, time: Instant) -> bool {
        self.0.lock().circuit.is_open_at(time)
    }
}

/// The right to load once. Comes back when it is dropped, whatever became of the load.
#[derive(Debug)]
pub(crate) struct Permit {
    breaker: Arc<Breaker>,
    /// `None` once it is given back, and for a part of a trial.
    pass: Option<Pass>,
}

impl Permit {
    /// Tells how the load ended.
    pub(crate) fn report(mut self, is_success: bool) {
        self.give_back(if is_success { End::Success } else { End::Failure });
    }

    fn give_back(&mut self, end: End) {
        if let Some(pass) = self.pass.take() {
            let now = Instant::now();
            self.breaker.0.lock().circuit.ended(pass, end, now);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.give_back(End::Unknown);
    }
}
