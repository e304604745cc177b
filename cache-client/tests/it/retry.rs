//! Which loads are tried again, when, how often, and who shares that.

use std::sync::Arc;
use std::time::Duration;

use cache_client::{LoadingOptions, QueryError};
use tokio::time::Instant;

use crate::flaky::*;
use crate::scripted::{SECOND, ask_hastily, in_time, pass, seconds, settle};

/// The waits between the loads of a key.
fn waits<Q: Numbered>(client: &cache_client::Client<FlakyApp>, query: &Q) -> Vec<Duration> {
    client.app().times(query).windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[tokio::test(start_paused = true)]
async fn a_load_that_fails_twice_and_then_works_is_made_three_times() {
    let client = flaky_client();
    let mut first_waits = Vec::new();
    for number in 0..50 {
        let query = GetFlaky(number);
        client.app().script(&query, [Step::Pass, Step::Pass]);
        assert_eq!(*client.query(&query).await.unwrap(), 3);
        let waits = waits(&client, &query);
        // Timers of tokio are a millisecond coarse.
        let millisecond = Duration::from_millis(1);
        assert!(waits[0] <= SECOND + millisecond && waits[1] <= seconds(2) + millisecond, "{waits:?}");
        first_waits.push(waits[0]);
    }
    // The jitter is full: one in three is short, and one in three is long, but for one time in a hundred million.
    assert!(first_waits.iter().any(|wait| *wait < SECOND / 3));
    assert!(first_waits.iter().any(|wait| *wait > SECOND * 2 / 3));
}

/// Has 60 keys fail three times, and compares the longest wait before each retry with the milliseconds it may take.
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
        // None of 60 is above two thirds once in 30,000,000,000 times.
        assert!(longest <= expected + Duration::from_millis(1) && longest > expected * 2 / 3, "{longest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_waits_are_those_of_the_derive() {
    assert_longest_waits(&flaky_client(), GetPaced, LoadingOptions::new(), [4_000, 12_000, 20_000]).await;
}

#[tokio::test(start_paused = true)]
async fn each_part_of_the_pace_comes_from_the_first_that_says_it() {
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
    // The default of one gives way to the other.
    assert_longest_waits(&flaky_client(), GetFlaky, none.retry_longest(SECOND / 2), [500; 3]).await;
}

#[tokio::test(start_paused = true)]
async fn a_pace_that_cannot_work_is_refused_before_anything_is_loaded() {
    type Change = fn(LoadingOptions) -> LoadingOptions;
    let changes: [(&str, Change); 6] = [
        ("`retry_first` must be longer than zero; leave it out for the default", |options| {
            options.retry_first(Duration::ZERO)
        }),
        ("`retry_longest` must be longer than zero; leave it out for the default", |options| {
            options.retry_longest(Duration::ZERO)
        }),
        (
            "`retry_first` must not be longer than `retry_longest`: make it shorter, or that longer",
            |options| options.retry_first(seconds(21)),
        ),
        (
            "`retry_first` must not be longer than `retry_longest`: make it shorter, or that longer",
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
async fn a_load_that_goes_on_failing_is_tried_again_three_times_and_no_more() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Pass; 10]);
    assert!(matches!(client.query(&query).await, Err(QueryError::Failed { .. })));
    assert_eq!(client.app().loads(&query), 4);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_does_not_pass_and_a_panic_are_final() {
    let client = flaky_client();
    for (number, step) in [(1, Step::Fail), (2, Step::Panic)] {
        let query = GetFlaky(number);
        client.app().script(&query, [step]);
        assert!(client.query(&query).await.is_err());
        assert_eq!(client.app().loads(&query), 1);
    }
    // Also after one that may pass.
    client.app().script(&GetFlaky(3), [Step::Pass, Step::Fail]);
    assert!(client.query(&GetFlaky(3)).await.is_err());
    assert_eq!(client.app().loads(&GetFlaky(3)), 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_over_whether_an_error_may_pass_is_a_panic_of_the_load() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Baffle]);
    let error = in_time(client.query(&query)).await.unwrap_err();
    assert_eq!(error.to_string(), "the load of `get_flaky` panicked: who knows");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_error_asks_for_takes_the_place_of_the_random_one() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Busy(seconds(40)), Step::Busy(seconds(0))]);
    client.query(&query).await.unwrap();
    assert_eq!(waits(&client, &query), [seconds(40), seconds(0)]);
}

#[tokio::test(start_paused = true)]
async fn no_load_is_begun_later_than_two_minutes_after_the_first() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Busy(seconds(70)), Step::Busy(seconds(70))]);
    let begun = Instant::now();
    assert!(client.query(&query).await.is_err());
    assert_eq!((client.app().loads(&query), begun.elapsed()), (2, seconds(70)));
}

#[tokio::test(start_paused = true)]
async fn a_call_comes_before_the_client_s_setting_before_the_derive() {
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
async fn all_who_wait_share_the_retries_also_who_comes_between_two_loads() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Busy(seconds(5))]);
    let first = ask(&client, &query);
    pass(seconds(2)).await;
    let second = client.query(&query).await.unwrap();
    assert!(Arc::ptr_eq(&first.await.unwrap().unwrap(), &second));
    assert_eq!((*second, client.app().loads(&query)), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_tried_again_when_nobody_waits_any_more() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Busy(seconds(5))]);
    let waiter = ask_hastily(&client, &query);
    pass(seconds(2)).await;
    waiter.abort();
    pass(seconds(100)).await;
    assert_eq!(client.app().loads(&query), 1);
}

#[tokio::test(start_paused = true)]
async fn who_is_cancelled_in_a_wait_knows_at_once() {
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
async fn a_load_that_cancels_itself_is_not_tried_again_whatever_it_says() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Quit]);
    assert!(matches!(in_time(client.query(&query)).await, Err(QueryError::Interrupted { .. })));
    pass(seconds(100)).await;
    assert_eq!(client.app().loads(&query), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_ages_from_the_start_of_the_load_that_succeeded() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Busy(seconds(8)), Step::Slow(seconds(2))]);
    client.query(&query).await.unwrap();
    // 10 s after the first load; the second was begun 2 s ago.
    pass(seconds(7)).await;
    assert_eq!(*client.query(&query).await.unwrap(), 2);
    pass(SECOND).await;
    assert_eq!(*client.query(&query).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_is_tried_again_asks_for_its_parts_again() {
    let client = flaky_client();
    let query = GetWhole(1);
    client.app().script(&query, [Step::Busy(seconds(20)), Step::Busy(seconds(5))]);
    // The part was stale at the second load, and fresh at the third.
    assert_eq!(*client.query(&query).await.unwrap(), 2);
    assert_eq!((client.app().loads(&query), client.app().loads(&GetFlaky(1))), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn a_load_of_one_tree_alone_is_tried_again_and_not_stored() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Pass]);
    let cx = client.request("tree");
    cx.disable_cache();
    assert_eq!(*cx.query(&query).await.unwrap(), 2);
    assert!(client.cached(&query).is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_written_between_two_loads_stays() {
    let client = flaky_client();
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Busy(seconds(5))]);
    let waiter = ask(&client, &query);
    settle().await;
    client.cache().insert(query.clone(), 99);
    assert_eq!(*waiter.await.unwrap().unwrap(), 2);
    assert_eq!(*client.query(&query).await.unwrap(), 99);
}
