//! What is kept of an observer's reports.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Failure, Observed, Phase, Update};

const EVERY: Duration = Duration::from_secs(2);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_next_load_is_counted_from_the_answer_and_not_while_it_runs() {
    let now = Instant::now();
    let mut observed = Observed::default();
    let value = Arc::new(1);
    observed.record(update(Phase::Fresh, Some(&value)), Some(SECOND), now);
    assert_eq!(observed.until_next(EVERY, now + SECOND), Some(SECOND));
    assert_eq!(observed.until_next(EVERY, now + 3 * SECOND), Some(Duration::ZERO));
    observed.record(update(Phase::Refreshing, Some(&value)), Some(SECOND), now + 2 * SECOND);
    assert_eq!(observed.until_next(EVERY, now + 2 * SECOND), None);
}

#[test]
fn an_answer_that_only_becomes_stale_does_not_put_the_next_load_off() {
    let now = Instant::now();
    let mut observed = Observed::default();
    let value = Arc::new(1);
    observed.record(update(Phase::Fresh, Some(&value)), None, now);
    observed.record(update(Phase::Stale, Some(&value)), None, now + SECOND);
    assert_eq!(observed.until_next(EVERY, now + SECOND), Some(SECOND));
    observed.record(update(Phase::Fresh, Some(&Arc::new(2))), None, now + SECOND);
    assert_eq!(observed.until_next(EVERY, now + SECOND), Some(EVERY));
}

#[test]
fn the_age_increases() {
    let now = Instant::now();
    let mut observed = Observed::default();
    observed.record(update(Phase::Fresh, Some(&Arc::new(1))), Some(SECOND), now);
    assert_eq!(observed.age(now + SECOND), Some(2 * SECOND));
}

#[test]
fn an_error_is_kept_while_the_breaker_is_open_and_is_over_with_an_answer() {
    let now = Instant::now();
    let mut observed = Observed::<i32>::default();
    observed.record(failed(Failure::Error("refused".to_owned())), None, now);
    observed.record(failed(Failure::BreakerOpen), None, now + SECOND);
    let problem = observed.problem.clone().unwrap();
    assert_eq!((problem.text.as_str(), problem.since, problem.is_over), ("refused", now, false));
    observed.record(update(Phase::Fresh, Some(&Arc::new(1))), None, now + 2 * SECOND);
    assert!(observed.problem.as_ref().unwrap().is_over);
    observed.record(failed(Failure::BreakerOpen), None, now + 3 * SECOND);
    assert_eq!(observed.problem.unwrap().since, now + 3 * SECOND);
}

fn update(phase: Phase, value: Option<&Arc<i32>>) -> Update<i32> {
    Update { phase, value: value.cloned(), failure: None }
}

fn failed(failure: Failure) -> Update<i32> {
    Update { phase: Phase::Failed, value: None, failure: Some(failure) }
}
