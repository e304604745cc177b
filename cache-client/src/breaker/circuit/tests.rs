use std::collections::HashMap;
use std::time::Duration;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Opens at two failures, for three seconds.
fn options() -> BreakerOptions {
    BreakerOptions::new().failures(2).open_for(3 * SECOND)
}

/// A second breaker that remembers all that ever happened, and works out its state from that at each question.
struct CircuitModel {
    happened: Vec<(Instant, Happening)>,
}

/// What happened to the call of this number.
#[derive(Clone, Copy)]
enum Happening {
    Came(usize),
    Ended(usize, CallEnd),
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Closed { since: usize, failures: u32 },
    Open { until: Instant },
    Trying { call: usize, until: Instant },
    WaitEdge,
}

impl CircuitModel {
    /// The phase after all that happened, and when each call was let through, as a count of what had happened.
    fn replay(&self) -> (Phase, HashMap<usize, usize>) {
        let mut phase = Phase::Closed { since: 0, failures: 0 };
        let mut through = HashMap::new();
        for (at, (now, happening)) in self.happened.iter().enumerate() {
            phase = match (*happening, phase) {
                (Happening::Came(call), Phase::Closed { .. }) => {
                    through.insert(call, at);
                    phase
                }
                (Happening::Came(_), Phase::Open { until }) if *now < until => phase,
                (Happening::Came(_), Phase::Trying { until, .. }) if *now < until => phase,
                (Happening::Came(call), _) => {
                    through.insert(call, at);
                    Phase::Trying { call, until: *now + 3 * SECOND }
                }
                (Happening::Ended(call, end), Phase::Closed { since, failures }) => {
                    let counts = through.get(&call).is_some_and(|came| *came >= since);
                    match (counts, end) {
                        (false, _) | (_, CallEnd::Unknown) => phase,
                        (true, CallEnd::Success) => Phase::Closed { since, failures: 0 },
                        (true, CallEnd::AnyQueryError) if failures == 1 => {
                            Phase::Open { until: *now + 3 * SECOND }
                        }
                        (true, CallEnd::AnyQueryError) => Phase::Closed { since, failures: failures + 1 },
                    }
                }
                (Happening::Ended(call, end), Phase::Trying { call: trial, .. }) if call == trial => {
                    match end {
                        CallEnd::Success => Phase::Closed { since: at, failures: 0 },
                        CallEnd::AnyQueryError => Phase::Open { until: *now + 3 * SECOND },
                        CallEnd::Unknown => Phase::WaitEdge,
                    }
                }
                (Happening::Ended(..), phase) => phase,
            };
        }
        (phase, through)
    }
}

#[test]
fn random_calls_are_let_through_as_by_a_breaker_that_remembers_everything() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut refused = 0;
    for _ in 0..300 {
        let mut now = Instant::now();
        let mut circuit = Circuit::new(options(), now);
        let mut model = CircuitModel { happened: Vec::new() };
        let mut running: Vec<(usize, Pass)> = Vec::new();
        for call in 0..80 {
            if random.u8(0..4) == 0 {
                now += SECOND * random.u32(1..4);
            }
            if random.bool() || running.is_empty() {
                model.happened.push((now, Happening::Came(call)));
                let pass = circuit.admit(now);
                assert_eq!(pass.is_some(), model.replay().1.contains_key(&call));
                refused += usize::from(pass.is_none());
                running.extend(pass.map(|pass| (call, pass)));
            } else {
                let (call, pass) = running.swap_remove(random.usize(0..running.len()));
                let end =
                    [CallEnd::Success, CallEnd::AnyQueryError, CallEnd::AnyQueryError, CallEnd::Unknown]
                        [random.usize(0..4)];
                model.happened.push((now, Happening::Ended(call, end)));
                circuit.ended(pass, end, now);
            }
            let (phase, _) = model.replay();
            assert_eq!(circuit.is_trying(), matches!(phase, Phase::Trying { .. }));
            assert_eq!(circuit.is_open_at(now), matches!(phase, Phase::Open { until } if now < until));
        }
    }
    assert!(refused > 1_000, "{refused}");
}

/// A breaker that has opened just now.
fn opened(now: Instant) -> Circuit {
    let mut circuit = Circuit::new(options(), now);
    for _ in 0..2 {
        let pass = circuit.admit(now).unwrap();
        circuit.ended(pass, CallEnd::AnyQueryError, now);
    }
    circuit
}

#[test]
fn it_is_open_until_its_time_is_over_and_not_longer() {
    let now = Instant::now();
    let mut circuit = opened(now);
    let nearly = now + 3 * SECOND - Duration::from_nanos(1);
    assert!(circuit.is_open_at(nearly) && circuit.admit(nearly).is_none());
    assert!(!circuit.is_open_at(now + 3 * SECOND) && circuit.admit(now + 3 * SECOND).is_some());
}

#[test]
fn a_trial_that_does_not_end_makes_way_for_another_and_counts_no_more() {
    let now = Instant::now();
    let mut circuit = opened(now);
    let hanging = circuit.admit(now + 3 * SECOND).unwrap();
    assert!(circuit.admit(now + 5 * SECOND).is_none());
    let trial = circuit.admit(now + 6 * SECOND).unwrap();
    circuit.ended(hanging, CallEnd::AnyQueryError, now + 7 * SECOND);
    assert!(circuit.is_trying());
    circuit.ended(trial, CallEnd::Success, now + 8 * SECOND);
    assert!(circuit.admit(now + 8 * SECOND).is_some() && !circuit.is_trying());
}

#[test]
fn what_was_let_through_before_it_opened_neither_closes_it_nor_opens_it_again() {
    let now = Instant::now();
    for end in [CallEnd::Success, CallEnd::AnyQueryError, CallEnd::Unknown] {
        let mut circuit = Circuit::new(options(), now);
        let late = circuit.admit(now).unwrap();
        let [first, second] = [(); 2].map(|()| circuit.admit(now).unwrap());
        circuit.ended(first, CallEnd::AnyQueryError, now);
        circuit.ended(second, CallEnd::AnyQueryError, now);
        let then = now + 3 * SECOND;
        let trial = circuit.admit(then).unwrap();
        circuit.ended(late, end, then);
        assert!(circuit.is_trying() && circuit.admit(then).is_none());
        circuit.ended(trial, CallEnd::Success, then);
        assert!(circuit.admit(then).is_some() && !circuit.is_trying());
    }
}

#[test]
fn one_that_never_closes_again_can_be_had() {
    let now = Instant::now();
    let mut circuit = Circuit::new(options().open_for(Duration::MAX), now);
    for _ in 0..2 {
        let pass = circuit.admit(now).unwrap();
        circuit.ended(pass, CallEnd::AnyQueryError, now);
    }
    assert!(circuit.admit(now + 1_000_000_000 * SECOND).is_none());
}

#[test]
fn a_success_never_opens_it() {
    let now = Instant::now();
    let mut circuit = Circuit::new(BreakerOptions::new().rate(0.5, 2, SECOND), now);
    for end in [CallEnd::AnyQueryError, CallEnd::Success] {
        let pass = circuit.admit(now).unwrap();
        circuit.ended(pass, end, now);
    }
    assert!(!circuit.is_open_at(now));
}

#[test]
fn it_opens_at_a_rate_also_when_failures_do_not_follow_each_other() {
    let now = Instant::now();
    let rate = BreakerOptions::new().rate(0.5, 6, 10 * SECOND);
    for (options, is_open) in [(BreakerOptions::new(), false), (rate, true)] {
        let mut circuit = Circuit::new(options, now);
        for end in [
            CallEnd::Success,
            CallEnd::AnyQueryError,
            CallEnd::Success,
            CallEnd::AnyQueryError,
            CallEnd::Success,
            CallEnd::AnyQueryError,
        ] {
            assert!(!circuit.is_open_at(now));
            let pass = circuit.admit(now).unwrap();
            circuit.ended(pass, end, now);
        }
        assert_eq!(circuit.is_open_at(now), is_open);
    }
}

#[test]
fn the_rate_begins_anew_when_it_closes() {
    let now = Instant::now();
    let options = BreakerOptions::new().rate(0.5, 2, 1_000 * SECOND);
    let mut circuit = Circuit::new(options, now);
    for _ in 0..2 {
        let pass = circuit.admit(now).unwrap();
        circuit.ended(pass, CallEnd::AnyQueryError, now);
    }
    let then = now + 60 * SECOND;
    for end in [CallEnd::Success, CallEnd::AnyQueryError] {
        let pass = circuit.admit(then).unwrap();
        circuit.ended(pass, end, then);
    }
    assert!(!circuit.is_open_at(then));
}
