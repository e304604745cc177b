use std::collections::HashMap;
use std::time::Duration;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Opens at two failures, for three seconds.
fn options() -> BreakerOptions {
    BreakerOptions::new().failures(2).open_for(3 * SECOND)
}

/// A model of a breaker that records all events, and derives its state from them on each check.
struct CircuitModel {
    events: Vec<(Instant, ModelEvent)>,
}

/// An event of the call with this number.
#[derive(Clone, Copy)]
enum ModelEvent {
    Arrived(usize),
    Ended(usize, CallEnd),
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Closed { since: usize, failures: u32 },
    Open { until: Instant },
    Trying { call: usize, until: Instant },
    Waiting,
}

impl CircuitModel {
    /// The phase after all events, and for each admitted call the index of the event that admitted it.
    fn replay(&self) -> (Phase, HashMap<usize, usize>) {
        let mut phase = Phase::Closed { since: 0, failures: 0 };
        let mut admitted = HashMap::new();
        for (at, (now, event)) in self.events.iter().enumerate() {
            phase = match (*event, phase) {
                (ModelEvent::Arrived(call), Phase::Closed { .. }) => {
                    admitted.insert(call, at);
                    phase
                }
                (ModelEvent::Arrived(_), Phase::Open { until }) if *now < until => phase,
                (ModelEvent::Arrived(_), Phase::Trying { until, .. }) if *now < until => phase,
                (ModelEvent::Arrived(call), _) => {
                    admitted.insert(call, at);
                    Phase::Trying { call, until: *now + 3 * SECOND }
                }
                (ModelEvent::Ended(call, end), Phase::Closed { since, failures }) => {
                    let counts = admitted.get(&call).is_some_and(|arrived| *arrived >= since);
                    match (counts, end) {
                        (false, _) | (_, CallEnd::Unknown) => phase,
                        (true, CallEnd::Success) => Phase::Closed { since, failures: 0 },
                        (true, CallEnd::Failure) if failures == 1 => Phase::Open { until: *now + 3 * SECOND },
                        (true, CallEnd::Failure) => Phase::Closed { since, failures: failures + 1 },
                    }
                }
                (ModelEvent::Ended(call, end), Phase::Trying { call: trial, .. }) if call == trial => {
                    match end {
                        CallEnd::Success => Phase::Closed { since: at, failures: 0 },
                        CallEnd::Failure => Phase::Open { until: *now + 3 * SECOND },
                        CallEnd::Unknown => Phase::Waiting,
                    }
                }
                (ModelEvent::Ended(..), phase) => phase,
            };
        }
        (phase, admitted)
    }
}

#[test]
fn random_calls_are_admitted_as_by_a_model_that_remembers_everything() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut refused = 0;
    for _ in 0..300 {
        let mut now = Instant::now();
        let mut circuit = Circuit::new(options(), now);
        let mut model = CircuitModel { events: Vec::new() };
        let mut running: Vec<(usize, Pass)> = Vec::new();
        for call in 0..80 {
            if random.u8(0..4) == 0 {
                now += SECOND * random.u32(1..4);
            }
            if random.bool() || running.is_empty() {
                model.events.push((now, ModelEvent::Arrived(call)));
                match circuit.admit(now) {
                    Ok(pass) => {
                        assert!(model.replay().1.contains_key(&call));
                        running.push((call, pass));
                    }
                    Err(refused_until) => {
                        let (Phase::Open { until } | Phase::Trying { until, .. }, admitted) = model.replay()
                        else {
                            panic!("the model lets the call through");
                        };
                        assert!(!admitted.contains_key(&call) && refused_until == until);
                        refused += 1;
                    }
                }
            } else {
                let (call, pass) = running.swap_remove(random.usize(0..running.len()));
                let end = [CallEnd::Success, CallEnd::Failure, CallEnd::Failure, CallEnd::Unknown]
                    [random.usize(0..4)];
                model.events.push((now, ModelEvent::Ended(call, end)));
                circuit.ended(pass, end, now);
            }
            let (phase, _) = model.replay();
            assert_eq!(circuit.is_trying(), matches!(phase, Phase::Trying { .. }));
            assert_eq!(circuit.is_open_at(now), matches!(phase, Phase::Open { until } if now < until));
        }
    }
    assert!(refused > 1_000, "{refused}");
}

/// A breaker that has just opened.
fn opened(now: Instant) -> Circuit {
    let mut circuit = Circuit::new(options(), now);
    for _ in 0..2 {
        let pass = circuit.admit(now).unwrap();
        circuit.ended(pass, CallEnd::Failure, now);
    }
    circuit
}

#[test]
fn it_is_open_exactly_until_its_time_has_passed() {
    let now = Instant::now();
    let mut circuit = opened(now);
    let nearly = now + 3 * SECOND - Duration::from_nanos(1);
    assert!(circuit.is_open_at(nearly) && circuit.admit(nearly).is_err());
    assert!(!circuit.is_open_at(now + 3 * SECOND) && circuit.admit(now + 3 * SECOND).is_ok());
}

#[test]
fn a_trial_that_does_not_end_is_replaced_and_no_longer_counts() {
    let now = Instant::now();
    let mut circuit = opened(now);
    let hanging = circuit.admit(now + 3 * SECOND).unwrap();
    assert!(circuit.admit(now + 5 * SECOND).is_err());
    let trial = circuit.admit(now + 6 * SECOND).unwrap();
    circuit.ended(hanging, CallEnd::Failure, now + 7 * SECOND);
    assert!(circuit.is_trying());
    circuit.ended(trial, CallEnd::Success, now + 8 * SECOND);
    assert!(circuit.admit(now + 8 * SECOND).is_ok() && !circuit.is_trying());
}

#[test]
fn a_call_admitted_before_it_opened_neither_closes_nor_reopens_it() {
    let now = Instant::now();
    for end in [CallEnd::Success, CallEnd::Failure, CallEnd::Unknown] {
        let mut circuit = Circuit::new(options(), now);
        let late = circuit.admit(now).unwrap();
        let [first, second] = [(); 2].map(|()| circuit.admit(now).unwrap());
        circuit.ended(first, CallEnd::Failure, now);
        circuit.ended(second, CallEnd::Failure, now);
        let then = now + 3 * SECOND;
        let trial = circuit.admit(then).unwrap();
        circuit.ended(late, end, then);
        assert!(circuit.is_trying() && circuit.admit(then).is_err());
        circuit.ended(trial, CallEnd::Success, then);
        assert!(circuit.admit(then).is_ok() && !circuit.is_trying());
    }
}

#[test]
fn it_may_stay_open_forever() {
    let now = Instant::now();
    let mut circuit = Circuit::new(options().open_for(Duration::MAX), now);
    for _ in 0..2 {
        let pass = circuit.admit(now).unwrap();
        circuit.ended(pass, CallEnd::Failure, now);
    }
    assert!(circuit.admit(now + 1_000_000_000 * SECOND).is_err());
}

#[test]
fn a_success_never_opens_it() {
    let now = Instant::now();
    let mut circuit = Circuit::new(BreakerOptions::new().rate(0.5, 2, SECOND), now);
    for end in [CallEnd::Failure, CallEnd::Success] {
        let pass = circuit.admit(now).unwrap();
        circuit.ended(pass, end, now);
    }
    assert!(!circuit.is_open_at(now));
}

#[test]
fn it_opens_at_a_rate_without_consecutive_failures() {
    let now = Instant::now();
    let rate = BreakerOptions::new().rate(0.5, 6, 10 * SECOND);
    for (options, is_open) in [(BreakerOptions::new(), false), (rate, true)] {
        let mut circuit = Circuit::new(options, now);
        for end in [
            CallEnd::Success,
            CallEnd::Failure,
            CallEnd::Success,
            CallEnd::Failure,
            CallEnd::Success,
            CallEnd::Failure,
        ] {
            assert!(!circuit.is_open_at(now));
            let pass = circuit.admit(now).unwrap();
            circuit.ended(pass, end, now);
        }
        assert_eq!(circuit.is_open_at(now), is_open);
    }
}

#[test]
fn the_rate_is_reset_when_it_closes() {
    let now = Instant::now();
    let options = BreakerOptions::new().rate(0.5, 2, 1_000 * SECOND);
    let mut circuit = Circuit::new(options, now);
    for _ in 0..2 {
        let pass = circuit.admit(now).unwrap();
        circuit.ended(pass, CallEnd::Failure, now);
    }
    let then = now + 60 * SECOND;
    for end in [CallEnd::Success, CallEnd::Failure] {
        let pass = circuit.admit(then).unwrap();
        circuit.ended(pass, end, then);
    }
    assert!(!circuit.is_open_at(then));
}
