//! How times are written, and what is shown of a query that failed.

use std::time::Duration;

use tokio::time::Instant;

use super::{Picture, ShownBreaker, about, exact, until};
use crate::arguments::Options;
use crate::dashboard::{Breaker, Dashboard};
use crate::newsroom::Address;
use crate::observed::{Failure, Phase, Update};

#[test]
fn ages_are_rounded_down_and_waits_up() {
    let text = |milliseconds| {
        let time = Duration::from_millis(milliseconds);
        (about(time), until(time))
    };
    let pair = |age: &str, wait: &str| (age.to_owned(), wait.to_owned());
    assert_eq!(text(0), pair("<1s", "0s"));
    assert_eq!(text(999), pair("<1s", "1s"));
    assert_eq!(text(59_001), pair("59s", "1m 00s"));
    assert_eq!(text(3_599_000), pair("59m 59s", "59m 59s"));
    assert_eq!(text(7_260_000), pair("2h 01m", "2h 01m"));
}

#[test]
fn the_time_of_the_command_line_is_not_rounded() {
    assert_eq!(exact(Duration::from_millis(1_500)), "1.5s");
    assert_eq!(exact(Duration::from_secs(90)), "1m 30s");
}

#[test]
fn a_failure_shows_its_error_and_the_time_of_the_next_load() {
    let (mut dashboard, now) = (dashboard(), Instant::now());
    let failure = Some(Failure::Error("refused".to_owned()));
    dashboard.stats.record(Update { phase: Phase::Failed, value: None, failure }, None, now);
    let later = now + Duration::from_millis(500);
    let picture = Picture::of(&dashboard, later);
    assert_eq!((picture.rows[0].next.as_str(), picture.rows[0].problem.as_str()), ("in 2s", "refused"));
    assert_eq!(picture.problem.as_deref(), Some("refused"));

    dashboard.is_paused = true;
    assert_eq!(Picture::of(&dashboard, later).rows[0].next, "paused");
    dashboard.stats.record(Update { phase: Phase::Fresh, value: None, failure: None }, None, later);
    let picture = Picture::of(&dashboard, now + Duration::from_secs(3));
    assert_eq!(picture.rows[0].problem, "3s ago: refused");
    assert_eq!(picture.problem, None);
}

#[test]
fn an_open_breaker_says_how_long_and_then_that_a_trial_is_due() {
    let (mut dashboard, now) = (dashboard(), Instant::now());
    dashboard.breaker = Breaker::Open { until: now + Duration::from_secs(3) };
    assert_eq!(Picture::of(&dashboard, now).breaker, ShownBreaker::Open("3s".to_owned()));
    assert_eq!(Picture::of(&dashboard, now + Duration::from_secs(3)).breaker, ShownBreaker::Due);
}

fn dashboard() -> Dashboard {
    let every = Duration::from_secs(2);
    Dashboard::new(Options { address: Address::default(), every, retry_after: every })
}
