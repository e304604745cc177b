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
pub(crate) use circuit::CircuitCounts;
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

impl Breakers {
    /// What each breaker that was used or configured has counted, by name.
    pub(crate) fn counts(&self, now: Instant) -> Vec<(&'static str, CircuitCounts)> {
        let created: Vec<_> = self.created.lock().values().cloned().collect();
        let mut counts: Vec<_> =
            created.iter().map(|breaker| (breaker.name, breaker.state.lock().circuit.counts(now))).collect();
        for (&name, &options) in &self.settings {
            if !created.iter().any(|breaker| breaker.name == name) {
                counts.push((name, Circuit::new(options, now).counts(now)));
            }
        }
        counts.sort_unstable_by_key(|(name, _)| *name);
        counts
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

    /// Lets a load of a flight through. Or else returns until when loads are refused. A load that the trial waits for is
    /// a part of the trial: it is let through, and the result of the trial includes it.
    pub(crate) fn admit(self: &Arc<Self>, flight: FlightId, graph: &WaitGraph) -> Result<Permit, Instant> {
        let now = Instant::now();
        let admitted = self.change(|state| match state.circuit.admit(now) {
            Ok(pass) => {
                state.last = flight;
                Ok(pass)
            }
            Err(until) => Err((until, state.circuit.is_trying().then_some(state.last))),
        });
        let (until, trial) = match admitted {
            Ok(pass) => return Ok(Permit { breaker: Arc::clone(self), pass: Some(pass) }),
            Err(refused) => refused,
        };
        let is_part = trial.is_some_and(|trial| graph.waits_for(trial, flight));
        if is_part { Ok(Permit { breaker: Arc::clone(self), pass: None }) } else { Err(until) }
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
