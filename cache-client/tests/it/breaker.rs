//! When a circuit breaker refuses loads, what counts as a failure, and how it closes again.

use cache_client::{BreakerOptions, Client, QueryError, Strategy};
use cache_core::Query;
use tokio::time::Instant;

use crate::flaky::*;
use crate::scripted::{in_time, pass, seconds, settle, spawn_query_without_linger};
use crate::sized;

/// Makes several loads fail, one after the other.
async fn fail(client: &Client<FlakyApp>, step: Step, times: u32) {
    for number in 0..times {
        let query = GetGuarded(1_000 + number);
        client.app().script(&query, [step]);
        assert!(!is_refused(&client.query(&query).await), "{number}");
    }
}

/// A client whose breaker has just opened.
async fn client_with_open_breaker() -> Client<FlakyApp> {
    let client = flaky_client();
    fail(&client, Step::Fail, 5).await;
    client
}

fn is_refused<T>(answer: &Result<T, QueryError<FlakyError>>) -> bool {
    matches!(answer, Err(QueryError::CircuitOpen { .. }))
}

#[tokio::test(start_paused = true)]
async fn after_five_failures_the_sixth_call_fails_at_once_without_a_load() {
    let client = client_with_open_breaker().await;
    let query = GetGuarded(1);
    let begun = Instant::now();
    let error = client.query(&query).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the query `get_guarded` was not loaded: its circuit breaker is open because too many loads have failed"
    );
    assert_eq!((client.app().loads(&query), begun.elapsed()), (0, seconds(0)));
    let QueryError::CircuitOpen { until, .. } = error else {
        panic!("the breaker refuses the load: {error}")
    };
    assert_eq!(until - begun, seconds(60));
    // Other queries are not affected.
    assert!(client.query(&GetFlaky(1)).await.is_ok() && client.query(&GetShared(1)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn only_consecutive_failures_open_the_breaker() {
    let client = flaky_client();
    fail(&client, Step::Fail, 4).await;
    client.query(&GetGuarded(1)).await.unwrap();
    fail(&client, Step::Fail, 4).await;
    client.query(&GetGuarded(2)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn permanent_errors_do_not_open_the_breaker() {
    let client = flaky_client();
    for number in 1..=5 {
        client.app().script(&GetGuardedPlainly(number), [Step::Fail]);
        assert!(!is_refused(&client.query(&GetGuardedPlainly(number)).await));
    }
    assert_eq!(*client.query(&GetGuardedPlainly(6)).await.unwrap(), 1);
    // Retryable errors open it, and each attempt counts.
    let query = GetGuardedPlainly(7);
    client.app().script(&query, [Step::Pass; 10]);
    assert!(client.query(&query).await.is_err() && client.query(&query).await.is_err());
    assert_eq!(client.app().loads(&query), 5);
    assert!(is_refused(&client.query(&GetGuardedPlainly(8)).await));
    // Any answer closes it again.
    pass(seconds(60)).await;
    client.app().script(&GetGuardedPlainly(8), [Step::Fail]);
    assert!(matches!(client.query(&GetGuardedPlainly(8)).await, Err(QueryError::Failed { .. })));
    assert!(client.query(&GetGuardedPlainly(9)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn panics_and_retried_loads_count_as_failures() {
    let client = flaky_client();
    fail(&client, Step::Panic, 5).await;
    assert!(is_refused(&client.query(&GetGuarded(1)).await));

    let client = flaky_client();
    let query = GetGuarded(1);
    client.app().script(&query, [Step::Busy(seconds(5)); 10]);
    assert!(client.query(&query).await.is_err());
    assert_eq!(client.app().loads(&query), 4);
    // The fifth load opens it, so there is no sixth attempt, and the error is that of the load.
    let begun = Instant::now();
    let error = client.query(&query).await.unwrap_err();
    assert!(matches!(error, QueryError::Failed { .. }));
    assert_eq!((client.app().loads(&query), begun.elapsed()), (5, seconds(0)));
}

#[tokio::test(start_paused = true)]
async fn a_load_is_not_retried_once_the_breaker_has_opened() {
    let client = flaky_client();
    let query = GetGuarded(1);
    client.app().script(&query, [Step::Busy(seconds(5))]);
    let waiter = spawn_query(&client, &query);
    settle().await;
    fail(&client, Step::Fail, 4).await;
    assert!(matches!(waiter.await.unwrap(), Err(QueryError::Failed { .. })));
    assert_eq!(client.app().loads(&query), 1);
}

#[tokio::test(start_paused = true)]
async fn after_a_minute_one_of_two_loads_is_the_trial_and_the_other_is_refused() {
    let client = client_with_open_breaker().await;
    pass(seconds(59)).await;
    assert!(is_refused(&client.query(&GetGuarded(1)).await));
    pass(seconds(1)).await;
    client.app().script(&GetGuarded(1), [Step::Slow(seconds(3))]);
    let (trial, other) = (GetGuarded(1), GetGuarded(2));
    let (trial, other) = tokio::join!(client.query(&trial), client.query(&other));
    assert!(trial.is_ok() && is_refused(&other));
    // It has closed: loads run concurrently again, and fewer than five failures do not open it.
    let (first, second) = (GetGuarded(3), GetGuarded(4));
    let (first, second) = tokio::join!(client.query(&first), client.query(&second));
    assert!(first.is_ok() && second.is_ok());
    fail(&client, Step::Fail, 4).await;
    client.query(&GetGuarded(5)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failed_trial_reopens_the_breaker_for_another_minute() {
    let client = client_with_open_breaker().await;
    pass(seconds(60)).await;
    fail(&client, Step::Fail, 1).await;
    pass(seconds(59)).await;
    assert!(is_refused(&client.query(&GetGuarded(1)).await));
    pass(seconds(1)).await;
    assert_eq!(*client.query(&GetGuarded(1)).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_trial_is_replaced_by_another() {
    let client = client_with_open_breaker().await;
    pass(seconds(60)).await;
    client.app().script(&GetGuarded(1), [Step::Never]);
    let trial = spawn_query_without_linger(&client, &GetGuarded(1));
    settle().await;
    assert!(is_refused(&client.query(&GetGuarded(2)).await));
    trial.abort();
    settle().await;
    assert_eq!(*client.query(&GetGuarded(2)).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_hangs_is_replaced_after_a_minute() {
    let client = client_with_open_breaker().await;
    pass(seconds(60)).await;
    client.app().script(&GetGuarded(1), [Step::Never]);
    client.prefetch(&GetGuarded(1));
    pass(seconds(59)).await;
    assert!(is_refused(&client.query(&GetGuarded(2)).await));
    pass(seconds(1)).await;
    assert_eq!(*client.query(&GetGuarded(2)).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn interruptions_count_as_neither_failure_nor_success() {
    let client = flaky_client();
    fail(&client, Step::Quit, 10).await;
    fail(&client, Step::Fail, 4).await;
    fail(&client, Step::Quit, 1).await;
    fail(&client, Step::Fail, 1).await;
    assert!(is_refused(&client.query(&GetGuarded(1)).await));
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_substitutes_for_a_refused_load_and_the_refusal_is_not_remembered() {
    let client = flaky_client();
    let (known, unknown) = (GetGuardedForgiven(1), GetGuardedForgiven(2));
    client.query(&known).await.unwrap();
    pass(seconds(11)).await;
    for number in 10..15 {
        let query = GetGuardedForgiven(number);
        client.app().script(&query, [Step::Fail]);
        assert!(client.query(&query).await.is_err());
    }
    assert_eq!(*client.query(&known).await.unwrap(), 1);
    assert_eq!(client.app().loads(&known), 1);
    assert!(matches!(client.refresh_error(&known), Some(QueryError::CircuitOpen { .. })));
    pass(seconds(59)).await;
    assert!(is_refused(&client.query(&unknown).await));
    pass(seconds(1)).await;
    assert!(client.query(&unknown).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_named_breaker_is_shared_and_configured_by_name() {
    let options = BreakerOptions::new().failures(2).open_for(seconds(5));
    let client = builder()
        .breaker("shared", options)
        .breaker(GetGuarded::NAME, options.failures(1))
        .query::<GetFlaky>(|options| options.breaker("shared"))
        .build();
    client.app().script(&GetShared(1), [Step::Fail]);
    client.app().script(&GetFlaky(1), [Step::Fail]);
    assert!(client.query(&GetShared(1)).await.is_err() && client.query(&GetFlaky(1)).await.is_err());
    assert!(is_refused(&client.query(&GetShared(2)).await));
    assert!(is_refused(&client.query(&GetFlaky(2)).await));
    fail(&client, Step::Fail, 1).await;
    assert!(is_refused(&client.query(&GetGuarded(1)).await));
    pass(seconds(5)).await;
    assert!(client.query(&GetFlaky(2)).await.is_ok() && client.query(&GetGuarded(1)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn loads_that_a_trial_waits_for_are_part_of_the_trial() {
    let client = builder().breaker("shared", BreakerOptions::new().failures(1)).build();
    client.app().script(&GetShared(9), [Step::Fail]);
    assert!(client.query(&GetShared(9)).await.is_err());
    pass(seconds(60)).await;
    client.app().script(&GetShared(1), [Step::Slow(seconds(2))]);
    let trial = client.clone();
    let trial = tokio::spawn(async move { trial.query(&GetSharedWhole(1)).await });
    settle().await;
    assert!(is_refused(&client.query(&GetShared(2)).await));
    assert_eq!(*in_time(trial).await.unwrap().unwrap(), 1);
    assert!(client.query(&GetShared(2)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn private_loads_and_all_strategies_go_through_the_breaker() {
    let client = client_with_open_breaker().await;
    let cx = client.request("tree");
    cx.disable_cache();
    assert!(is_refused(&cx.query(&GetGuarded(1)).await));
    let only = client.query_with(&GetGuarded(1), |options| options.strategy(Strategy::NetworkOnly));
    assert!(is_refused(&only.await));
    client.cache().insert(GetGuarded(1), 99);
    let first = client.query_with(&GetGuarded(1), |options| options.strategy(Strategy::NetworkFirst));
    assert_eq!(*first.await.unwrap(), 99);
    assert_eq!(client.app().loads(&GetGuarded(1)), 0);
}

#[tokio::test(start_paused = true)]
async fn the_breaker_allows_a_trial_after_a_minute_whichever_loads_were_cancelled() {
    let steps = [Step::Answer, Step::Fail, Step::Fail, Step::Pass, Step::Panic, Step::Never, Step::Quit];
    for seed in 0..sized(40, 200) {
        let mut random = fastrand::Rng::with_seed(seed);
        let client = flaky_client();
        let mut waiters = Vec::new();
        for number in 0..60 {
            client.app().script(&GetGuarded(number), [steps[random.usize(0..steps.len())]]);
            waiters.push(spawn_query(&client, &GetGuarded(number)));
            match random.u8(0..6) {
                0 => pass(seconds(random.u64(0..70))).await,
                1 => waiters.swap_remove(random.usize(0..waiters.len())).abort(),
                2 => settle().await,
                _ => {}
            }
        }
        waiters.iter().for_each(tokio::task::JoinHandle::abort);
        pass(seconds(60)).await;
        assert_eq!(*in_time(client.query(&GetGuarded(99))).await.unwrap(), 1, "seed {seed}");
    }
}

#[test]
fn invalid_settings_are_rejected() {
    for set in [
        |options: BreakerOptions| options.failures(0),
        |options: BreakerOptions| options.open_for(seconds(0)),
        |options: BreakerOptions| options.rate(0.0, 1, seconds(1)),
        |options: BreakerOptions| options.rate(f64::NAN, 1, seconds(1)),
        |options: BreakerOptions| options.rate(1.5, 1, seconds(1)),
        |options: BreakerOptions| options.rate(0.5, 0, seconds(1)),
        |options: BreakerOptions| options.rate(0.5, 1, seconds(0)),
    ] {
        assert!(std::panic::catch_unwind(|| set(BreakerOptions::new())).is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_high_failure_rate_opens_the_breaker_without_five_consecutive_failures() {
    let rate = BreakerOptions::new().rate(0.5, 6, seconds(10));
    let client = builder().breaker("get_guarded", rate).build();
    for number in 0..6 {
        let query = GetGuarded(number);
        let step = if number % 2 == 0 { Step::Answer } else { Step::Fail };
        client.app().script(&query, [step]);
        assert_eq!(client.query(&query).await.is_ok(), number % 2 == 0);
    }
    let refused = client.query(&GetGuarded(9)).await;
    assert!(is_refused(&refused), "three of six loads failed");
    assert_eq!(client.app().loads(&GetGuarded(9)), 0);
}
