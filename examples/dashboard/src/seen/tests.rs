//! What is kept of an observer's reports.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{News, Phase, Seen, Setback};

const EVERY: Duration = Duration::from_secs(2);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_next_load_is_counted_from_the_answer_and_not_while_it_runs() {
    let now = Instant::now();
    let mut seen = Seen::default();
    let value = Arc::new(1);
    seen.take(news(Phase::Fresh, Some(&value)), Some(SECOND), now);
    assert_eq!(seen.until_next(EVERY, now + SECOND), Some(SECOND));
    assert_eq!(seen.until_next(EVERY, now + 3 * SECOND), Some(Duration::ZERO));
    seen.take(news(Phase::Refreshing, Some(&value)), Some(SECOND), now + 2 * SECOND);
    assert_eq!(seen.until_next(EVERY, now + 2 * SECOND), None);
}

#[test]
fn an_answer_that_only_becomes_stale_does_not_put_the_next_load_off() {
    let now = Instant::now();
    let mut seen = Seen::default();
    let value = Arc::new(1);
    seen.take(news(Phase::Fresh, Some(&value)), None, now);
    seen.take(news(Phase::Stale, Some(&value)), None, now + SECOND);
    assert_eq!(seen.until_next(EVERY, now + SECOND), Some(SECOND));
    seen.take(news(Phase::Fresh, Some(&Arc::new(2))), None, now + SECOND);
    assert_eq!(seen.until_next(EVERY, now + SECOND), Some(EVERY));
}

#[test]
fn the_age_goes_on() {
    let now = Instant::now();
    let mut seen = Seen::default();
    seen.take(news(Phase::Fresh, Some(&Arc::new(1))), Some(SECOND), now);
    assert_eq!(seen.age(now + SECOND), Some(2 * SECOND));
}

#[test]
fn what_went_wrong_is_kept_while_nothing_is_asked_and_is_over_with_an_answer() {
    let now = Instant::now();
    let mut seen = Seen::<i32>::default();
    seen.take(failed(Setback::Failed("refused".to_owned())), None, now);
    seen.take(failed(Setback::NotAsked), None, now + SECOND);
    let problem = seen.problem.clone().unwrap();
    assert_eq!((problem.text.as_str(), problem.since, problem.is_over), ("refused", now, false));
    seen.take(news(Phase::Fresh, Some(&Arc::new(1))), None, now + 2 * SECOND);
    assert!(seen.problem.as_ref().unwrap().is_over);
    seen.take(failed(Setback::NotAsked), None, now + 3 * SECOND);
    assert_eq!(seen.problem.unwrap().since, now + 3 * SECOND);
}

fn news(phase: Phase, value: Option<&Arc<i32>>) -> News<i32> {
    News { phase, value: value.cloned(), setback: None }
}

fn failed(setback: Setback) -> News<i32> {
    News { phase: Phase::Failed, value: None, setback: Some(setback) }
}
