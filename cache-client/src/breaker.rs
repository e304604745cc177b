//! The breakers of a client, by name, and the permits of the loads that they let through. `circuit` decides when a
//! breaker opens and closes.

pub(crate) mod circuit;
pub(crate) mod options;
mod window;

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::flight::wait_graph::{FlightId, WaitGraph};
use crate::telemetry;
use circuit::{CallEnd, Circuit, Pass};
use options::{BreakerOptions, BreakerState};

/// The breakers of a client. Each is created at its first use.
#[derive(Debug)]
pub(crate) struct Breakers {
    settings: HashMap<&'static str, BreakerOptions, RandomState>,
    created: Mutex<HashMap<&'static str, Arc<Breaker>, RandomState>>,
}

impl Breakers {
    pub(crate) fn new(settings: HashMap<&'static str, BreakerOptions, RandomState>) -> Self {
        Self { settings, created: Mutex::default() }
    }

    pub(crate) fn of(&self, name: &'static str) -> Arc<Breaker> {
        let mut created = self.created.lock();
        let breaker = created.entry(name).or_insert_with(|| {
            let options = self.settings.get(name).copied().unwrap_or_default();
            Arc::new(Breaker::new(name, Circuit::new(options, Instant::now())))
        });
        Arc::clone(breaker)
    }

    /// `None` if the breaker was neither used nor configured.
    pub(crate) fn state(&self, name: &str) -> Option<BreakerState> {
        let created = self.created.lock().get(name).cloned();
        match created {
            Some(breaker) => Some(breaker.state.lock().circuit.state()),
            None => self.settings.contains_key(name).then_some(BreakerState::Closed),
        }
    }
}

/// One breaker.
#[derive(Debug)]
pub(crate) struct Breaker {
    name: &'static str,
    state: Mutex<BreakerInner>,
}

#[derive(Debug)]
struct BreakerInner {
    circuit: Circuit,
    /// The flight that was let through last. During a trial, that is the flight of the trial.
    last: FlightId,
}

impl Breaker {
    fn new(name: &'static str, circuit: Circuit) -> Self {
        Self { name, state: Mutex::new(BreakerInner { circuit, last: FlightId(0) }) }
    }

    /// Changes the state under the lock, and reports a change after unlocking. Changes in quick succession may be
    /// reported out of order.
    fn change<T>(&self, work: impl FnOnce(&mut BreakerInner) -> T) -> T {
        let mut state = self.state.lock();
        let before = state.circuit.state();
        let result = work(&mut state);
        let after = state.circuit.state();
        drop(state);
        if after != before {
            telemetry::breaker(self.name, after);
        }
        result
    }

    /// Lets a load of a flight through, or not. A load that the trial waits for is a part of the trial: it is let
    /// through, and the result of the trial includes it.
    pub(crate) fn admit(self: &Arc<Self>, flight: FlightId, graph: &WaitGraph) -> Option<Permit> {
        let now = Instant::now();
        let admitted = self.change(|state| match state.circuit.admit(now) {
            Some(pass) => {
                state.last = flight;
                Ok(pass)
            }
            None => Err(state.circuit.is_trying().then_some(state.last)),
        });
        let trial = match admitted {
            Ok(pass) => return Some(Permit { breaker: Arc::clone(self), pass: Some(pass) }),
            Err(trial) => trial,
        };
        let is_part = trial.is_some_and(|trial| graph.waits_for(trial, flight));
        is_part.then(|| Permit { breaker: Arc::clone(self), pass: None })
    }

    /// Whether a load that begins at that time is certain to be refused.
    pub(crate) fn is_open_at(&self, time: Instant) -> bool {
        self.state.lock().circuit.is_open_at(time)
    }
}

/// The right to load once. Dropping it returns the pass, whatever happens to the load.
#[derive(Debug)]
pub(crate) struct Permit {
    breaker: Arc<Breaker>,
    /// `None` once it is returned, and for a part of a trial.
    pass: Option<Pass>,
}

impl Permit {
    /// Reports how the load ended.
    pub(crate) fn report(mut self, is_success: bool) {
        self.give_back(if is_success { CallEnd::Success } else { CallEnd::Failure });
    }

    fn give_back(&mut self, end: CallEnd) {
        if let Some(pass) = self.pass.take() {
            let now = Instant::now();
            self.breaker.change(|state| state.circuit.ended(pass, end, now));
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.give_back(CallEnd::Unknown);
    }
}
