//! Which loads are retried, when, how often, and how callers share the retries.

use std::sync::Arc;
use std::time::Duration;

use cache_client::{LoadingOptions, QueryError};
use tokio::time::Instant;

use crate::flaky::*;
use crate::numbered::Numbered;
use crate::scripted::{SECOND, in_time, pass, seconds, settle, spawn_query_without_linger};

/// The waits between the loads of a key.
fn waits<Q: Numbered>(client: &cache_client::Client<FlakyApp>, query: &Q) -> Vec<Duration> {
    client.app().times(query).windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[tokio::test(start_paused = true)]
async fn a_load_that_fails_twice_and_then_succeeds_runs_three_times() {
    let client = flaky_client();
    let mut first_waits = Vec::new();
    for number in 0..50 {
        let query = GetFlaky(number);
        client.app().script(&query, [Step::Pass, Step::Pass]);
        assert_eq!(*client.query(&query).await.unwrap(), 3);
        let waits = waits(&client, &query);
        // Timers of tokio have a resolution of one millisecond.
        let millisecond = Duration::from_millis(1);
        assert!(waits[0] <= SECOND + millisecond && waits[1] <= seconds(2) + millisecond, "{waits:?}");
        first_waits.push(waits[0]);
    }
    // With full jitter, some waits are short and some are long. This fails by chance once in a hundred million runs.
    assert!(first_waits.iter().any(|wait| *wait < SECOND / 3));
    assert!(first_waits.iter().any(|wait| *wait > SECOND * 2 / 3));
}

/// Makes 60 keys fail three times, and compares the longest wait before each retry with its limit in milliseconds.
async fn assert_longest_waits<Q: Numbered + cache_client::Fetch<FlakyApp>>(
    client: &cache_client::Client<FlakyApp>,
    query_of: fn(u32) -> Q,
    call: LoadingOptions,
    expected: [u64; 3],
) where
    FlakyRegistry: cache_core::Holds<Q>,
{
    let mut longest = [Duration::ZERO; 3];
    for query in (0..60).map(query_of) {
        client.app().script(&query, [Step::Pass; 3]);
        assert!(client.query_with(&query, |options| call.or(options)).await.is_ok());
        for (longest, wait) in longest.iter_mut().zip(waits(client, &query)) {
            *longest = wait.max(*longest);
        }
    }
    for (longest, expected) in longest.into_iter().zip(expected.map(Duration::from_millis)) {
        // That none of 60 waits exceeds two thirds has a chance of 1 in 30,000,000,000.
        assert!(longest <= expected + Duration::from_millis(1) && longest > expected * 2 / 3, "{longest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_derive_sets_the_waits() {
    assert_longest_waits(&flaky_client(), GetPaced, LoadingOptions::new(), [4_000, 12_000, 20_000]).await;
}

#[tokio::test(start_paused = true)]
async fn each_backoff_setting_comes_from_the_most_specific_source() {
    let built = || {
        builder()
            .defaults(|options| options.retry_first(seconds(8)).retry_factor(1.0))
            .query::<GetPaced>(|options| options.retry_factor(2.0))
    };
    let none = LoadingOptions::new();
    assert_longest_waits(&built().build(), GetFlaky, none, [8_000; 3]).await;
    assert_longest_waits(&built().build(), GetPaced, none, [4_000, 8_000, 16_000]).await;
    let derived = none.retry_factor(3.0);
    assert_longest_waits(
        &built().build(),
        GetPaced,
        derived.retry_first(seconds(6)),
        [6_000, 18_000, 20_000],
    )
    .await;
    // A default gives way to an explicit setting that conflicts with it.
    assert_longest_waits(&flaky_client(), GetFlaky, none.retry_longest(SECOND / 2), [500; 3]).await;
}

#[tokio::test(start_paused = true)]
async fn an_invalid_backoff_is_rejected_before_a_load() {
    type Change = fn(LoadingOptions) -> LoadingOptions;
    let changes: [(&str, Change); 6] = [
        ("`retry_first` must be longer than zero; leave it out for the default", |options| {
            options.retry_first(Duration::ZERO)
        }),
        ("`retry_longest` must be longer than zero; leave it out for the default", |options| {
            options.retry_longest(Duration::ZERO)
        }),
        (
            "`retry_first` must not be longer than `retry_longest`: shorten it, or lengthen `retry_longest`",
            |options| options.retry_first(seconds(21)),
        ),
        (
            "`retry_first` must not be longer than `retry_longest`: shorten it, or lengthen `retry_longest`",
            |options| options.retry_longest(seconds(3)),
        ),
        ("`retry_factor` must be a number that is at least 1, as in `retry_factor = 2.0`", |options| {
            options.retry_factor(0.5)
        }),
        ("`retry_factor` must be a number that is at least 1, as in `retry_factor = 2.0`", |options| {
            options.retry_factor(f64::INFINITY)
        }),
    ];
    let query = GetPaced(1);
    for (problem, change) in changes {
        let client = flaky_client();
        let by_call = client.query_with(&query, change).await.unwrap_err();
        assert_eq!(by_call.to_string(), format!("query `get_paced`: {problem}"));
        let set = builder().query::<GetPaced>(change).build();
        let by_setting = set.query(&query).await.unwrap_err();
        assert_eq!(by_setting.to_string(), by_call.to_string());
        assert_eq!(client.app().loads(&query) + set.app().loads(&query), 0);
        assert!(client.query(&query).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_keeps_failing_is_retried_three_times() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Pass; 10]);
    assert!(matches!(client.query(&query).await, Err(QueryError::Failed { .. })));
    assert_eq!(client.app().loads(&query), 4);
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_and_a_panic_are_final() {
    let client = flaky_client();
    for (number, step) in [(1, Step::Fail), (2, Step::Panic)] {
        let query = GetFlaky(number);
        client.app().script(&query, [step]);
        assert!(client.query(&query).await.is_err());
        assert_eq!(client.app().loads(&query), 1);
    }
    // Also after a retryable error.
    client.app().script(&GetFlaky(3), [Step::Pass, Step::Fail]);
    assert!(client.query(&GetFlaky(3)).await.is_err());
    assert_eq!(client.app().loads(&GetFlaky(3)), 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_is_retryable_is_a_panic_of_the_load() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::FailUnclassifiable]);
    let error = in_time(client.query(&query)).await.unwrap_err();
    assert_eq!(error.to_string(), "the load of `get_flaky` panicked: cannot classify the error");
}

#[tokio::test(start_paused = true)]
async fn a_wait_requested_by_the_error_replaces_the_random_one() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Busy(seconds(40)), Step::Busy(seconds(0))]);
    client.query(&query).await.unwrap();
    assert_eq!(waits(&client, &query), [seconds(40), seconds(0)]);
}

#[tokio::test(start_paused = true)]
async fn no_retry_starts_later_than_two_minutes_after_the_first_load() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Busy(seconds(70)), Step::Busy(seconds(70))]);
    let begun = Instant::now();
    assert!(client.query(&query).await.is_err());
    assert_eq!((client.app().loads(&query), begun.elapsed()), (2, seconds(70)));
}

#[tokio::test(start_paused = true)]
async fn retry_settings_apply_in_the_order_call_client_derive() {
    let client = builder().query::<GetFlaky>(|options| options.retry(2)).build();
    let (flaky, once) = (GetFlaky(1), GetOnceMore(1));
    client.app().script(&flaky, [Step::Pass; 10]);
    client.app().script(&once, [Step::Pass; 10]);
    assert!(client.query(&once).await.is_err());
    assert_eq!(client.app().loads(&once), 2);
    assert!(client.query(&flaky).await.is_err());
    assert_eq!(client.app().loads(&flaky), 3);
    assert!(client.query_with(&flaky, |options| options.retry(0)).await.is_err());
    assert_eq!(client.app().loads(&flaky), 4);
}

#[tokio::test(start_paused = true)]
async fn all_callers_share_the_retries_even_those_that_join_between_two_loads() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Busy(seconds(5))]);
    let first = spawn_query(&client, &query);
    pass(seconds(2)).await;
    let second = client.query(&query).await.unwrap();
    assert!(Arc::ptr_eq(&first.await.unwrap().unwrap(), &second));
    assert_eq!((*second, client.app().loads(&query)), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_load_without_callers_is_not_retried() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Busy(seconds(5))]);
    let waiter = spawn_query_without_linger(&client, &query);
    pass(seconds(2)).await;
    waiter.abort();
    pass(seconds(100)).await;
    assert_eq!(client.app().loads(&query), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_cancelled_during_a_wait_returns_at_once() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Busy(seconds(50))]);
    let cx = client.request("tree");
    let waiter = tokio::spawn({
        let (cx, query) = (cx.clone(), query.clone());
        async move { cx.query(&query).await }
    });
    pass(seconds(2)).await;
    let cancelled = Instant::now();
    cx.cancel();
    assert!(matches!(in_time(waiter).await.unwrap(), Err(QueryError::Interrupted { .. })));
    assert_eq!(cancelled.elapsed(), seconds(0));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_cancels_itself_is_not_retried() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Quit]);
    assert!(matches!(in_time(client.query(&query)).await, Err(QueryError::Interrupted { .. })));
    pass(seconds(100)).await;
    assert_eq!(client.app().loads(&query), 1);
}

#[tokio::test(start_paused = true)]
async fn the_age_of_an_answer_counts_from_the_start_of_the_successful_attempt() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Busy(seconds(8)), Step::Slow(seconds(2))]);
    client.query(&query).await.unwrap();
    // 10 s after the first load started. The second started 2 s ago.
    pass(seconds(7)).await;
    assert_eq!(*client.query(&query).await.unwrap(), 2);
    pass(SECOND).await;
    assert_eq!(*client.query(&query).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_retried_load_queries_its_inputs_again() {
    let client = flaky_client();
    let query = GetWhole(1);
    client.app().script(&query, [Step::Busy(seconds(20)), Step::Busy(seconds(5))]);
    // The part was stale at the second attempt and fresh at the third.
    assert_eq!(*client.query(&query).await.unwrap(), 2);
    assert_eq!((client.app().loads(&query), client.app().loads(&GetFlaky(1))), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn a_private_load_is_retried_and_not_stored() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Pass]);
    let cx = client.request("tree");
    cx.disable_cache();
    assert_eq!(*cx.query(&query).await.unwrap(), 2);
    assert!(client.cached(&query).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_write_between_two_attempts_is_kept() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Busy(seconds(5))]);
    let waiter = spawn_query(&client, &query);
    settle().await;
    client.cache().insert(query.clone(), 99);
    assert_eq!(*waiter.await.unwrap().unwrap(), 2);
    assert_eq!(*client.query(&query).await.unwrap(), 99);
}
