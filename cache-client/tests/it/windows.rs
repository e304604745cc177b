//! How long answers are fresh, can be served stale and can replace errors, and how long errors and absence last.

use std::time::Duration;

use cache_client::{Client, LoadingOptions, QueryError};

use crate::scripted::*;

#[tokio::test(start_paused = true)]
async fn a_stale_value_substitutes_for_an_error_within_its_window() {
    let client = paused_client();
    let query = GetForgiven(1);
    client.query(&query).await.unwrap();
    client.app().script(&query, Script::Fail(SECOND));
    pass(seconds(60)).await;
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert!(client.refresh_error(&query).is_some());
    pass(seconds(10)).await;
    assert!(matches!(client.query(&query).await, Err(QueryError::Failed { .. })));
    assert_eq!(client.app().loads(&query), 3);
}

#[tokio::test(start_paused = true)]
async fn without_a_window_an_error_is_returned() {
    let client = paused_client();
    let query = GetNumber(1);
    client.query(&query).await.unwrap();
    client.app().script(&query, Script::Fail(SECOND));
    pass(seconds(11)).await;
    assert!(matches!(client.query(&query).await, Err(QueryError::Failed { .. })));
    assert_eq!(client.cached(&query).as_deref(), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn an_error_is_remembered_for_its_time_and_no_longer() {
    let client = paused_client();
    let query = GetBrittle(1);
    client.app().script(&query, Script::Fail(SECOND));
    assert!(client.query(&query).await.is_err());
    client.app().script(&query, Script::Answer(SECOND));
    pass(seconds(4)).await;
    assert!(client.query(&query).await.is_err());
    assert_eq!(client.app().loads(&query), 1);
    pass(SECOND).await;
    assert_eq!(*client.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_remembered_error_never_hides_an_acceptable_value() {
    let client = paused_client();
    let query = GetBrittle(1);
    client.query(&query).await.unwrap();
    pass(seconds(11)).await;
    client.app().script(&query, Script::Fail(SECOND));
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert_eq!(client.app().loads(&query), 2);
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_or_a_clear_forgets_a_remembered_error() {
    let client = paused_client();
    for number in 0..2 {
        let query = GetBrittle(number);
        client.app().script(&query, Script::Fail(SECOND));
        assert!(client.query(&query).await.is_err());
        client.app().script(&query, Script::Answer(SECOND));
        match number {
            0 => assert_eq!(client.invalidate(&query).count, 0),
            _ => client.cache().clear(),
        }
        assert_eq!(*client.query(&query).await.unwrap(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn an_interruption_is_never_remembered() {
    let client = paused_client();
    let query = GetBrittle(1);
    client.app().script(&query, Script::Never);
    let waiter = spawn_query_without_linger(&client, &query);
    settle().await;
    waiter.abort();
    settle().await;
    client.app().script(&query, Script::Answer(SECOND));
    assert_eq!(*client.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_does_not_substitute_for_an_interruption() {
    let client = paused_client();
    let query = GetQuitter(1);
    client.cache().insert(query.clone(), 99);
    pass(seconds(11)).await;
    let forgiving = client.query_with(&query, |options| options.stale_if_error(seconds(60)));
    assert!(forgiving.await.unwrap_err().is_interrupted());
}

#[tokio::test(start_paused = true)]
async fn a_load_does_not_wait_for_the_early_refresh_of_an_input() {
    // With this `beta`, each read of a number starts an early refresh.
    let client = builder().query::<GetNumber>(|options| options.beta(1e9)).build();
    client.app().script(&GetNumber(1), Script::Answer(seconds(5)));
    client.app().script(&GetSum(1), Script::Answer(seconds(0)));
    client.query(&GetNumber(1)).await.unwrap();
    client.cache().insert(GetStale(1), 7);
    let begun = tokio::time::Instant::now();
    assert_eq!(*client.query(&GetSum(1)).await.unwrap(), 8);
    assert_eq!(begun.elapsed(), seconds(0));
    pass(seconds(5)).await;
    assert_eq!(client.cached(&GetNumber(1)).as_deref(), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn absence_has_its_own_freshness_time() {
    let client = paused_client();
    let (there, absent) = (GetMaybe(2), GetMaybe(1));
    for (wait, loads) in [(0, 1), (3, 1), (3, 2)] {
        pass(seconds(wait)).await;
        assert!(client.query(&there).await.unwrap().is_some());
        assert!(client.query(&absent).await.unwrap().is_none());
        assert_eq!((client.app().loads(&there), client.app().loads(&absent)), (1, loads));
    }
    pass(seconds(6)).await;
    assert!(client.cached(&absent).is_none() && client.cached(&there).is_some());
}

#[tokio::test(start_paused = true)]
async fn jitter_shortens_a_freshness_time_by_at_most_its_fraction() {
    let client = builder().query::<GetNumber>(|options| options.ttl(seconds(100)).jitter(0.5)).build();
    let mut remaining = Vec::new();
    for number in 0..50 {
        client.app().script(&GetNumber(number), Script::Answer(seconds(0)));
        client.query(&GetNumber(number)).await.unwrap();
        remaining.push(client.cache().peek_entry(&GetNumber(number)).unwrap().remaining().unwrap());
    }
    assert!(remaining.iter().all(|time| (seconds(50)..=seconds(100)).contains(time)));
    remaining.sort();
    remaining.dedup();
    assert!(remaining.len() > 1);
}

#[tokio::test(start_paused = true)]
async fn an_early_refresh_runs_before_the_answer_is_stale_and_delays_no_caller() {
    let client = builder().query::<GetNumber>(|options| options.fresh(seconds(100)).beta(1.0)).build();
    let query = GetNumber(1);
    client.query(&query).await.unwrap();
    // A load takes one second: 100 s before expiry no call refreshes, and 1 s before it at least one of 20 does.
    for _ in 0..20 {
        client.query(&query).await.unwrap();
    }
    assert_eq!(client.app().loads(&query), 1);
    pass(std::time::Duration::from_millis(98_990)).await;
    for _ in 0..20 {
        assert_eq!(*client.query(&query).await.unwrap(), 1);
    }
    pass(seconds(2)).await;
    assert_eq!(*client.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_error_behind_a_stale_answer_is_readable_until_a_load_succeeds() {
    let client = paused_client();
    let query = GetFirst(1);
    client.query(&query).await.unwrap();
    client.app().script(&query, Script::Fail(SECOND / 2));
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert!(matches!(client.refresh_error(&query), Some(QueryError::Failed { .. })));
    client.app().script(&query, Script::Answer(SECOND / 2));
    client.query(&query).await.unwrap();
    assert!(client.refresh_error(&query).is_none());
}

#[tokio::test(start_paused = true)]
async fn an_entry_with_its_own_freshness_time_is_stale_after_that_time() {
    let client = paused_client();
    let times = cache_core::EntryTimes::new().fresh(seconds(100));
    client.cache().insert_timed(GetStale(1), 7, times);
    client.cache().insert_timed(GetForgiven(1), 7, times);
    client.app().script(&GetForgiven(1), Script::Fail(SECOND));
    pass(seconds(150)).await;
    assert_eq!(*client.query(&GetStale(1)).await.unwrap(), 7, "it is stale for 50 s of 60");
    assert_eq!(*client.query(&GetForgiven(1)).await.unwrap(), 7);
    pass(seconds(11)).await;
    assert!(client.query(&GetForgiven(1)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_errors_of_1024_keys_are_remembered_and_the_oldest_is_dropped_first() {
    const MAX_ERRORS: u32 = 1_024;
    let client = paused_client();
    let fails = async |key| {
        client.app().script(&GetBrittle(key), Script::Fail(std::time::Duration::from_millis(1)));
        assert!(client.query(&GetBrittle(key)).await.is_err());
    };
    let is_remembered = |key| client.refresh_error(&GetBrittle(key)).is_some();
    for key in 0..MAX_ERRORS {
        fails(key).await;
    }
    assert!((0..MAX_ERRORS).all(is_remembered));
    // A key that is already remembered evicts no other.
    pass(seconds(5)).await;
    fails(5).await;
    assert_eq!(client.app().loads(&GetBrittle(5)), 2);
    assert!((0..MAX_ERRORS).all(is_remembered));
    for key in 0..5 {
        fails(key).await;
    }
    fails(MAX_ERRORS).await;
    assert!(!is_remembered(6), "it is the oldest now");
    assert!((0..6).chain(7..=MAX_ERRORS).all(is_remembered));
}

#[tokio::test(start_paused = true)]
async fn the_error_of_a_load_is_readable_after_its_caller_took_a_stale_answer() {
    let client = paused_client();
    let query = GetFirst(1);
    client.cache().insert(query.clone(), 50);
    client.app().script(&query, Script::Fail(seconds(3)));
    assert_eq!(*client.query(&query).await.unwrap(), 50, "after a second");
    assert!(client.refresh_error(&query).is_none());
    pass(seconds(2)).await;
    assert!(client.refresh_error(&query).is_some());
}

#[tokio::test(start_paused = true)]
async fn an_error_is_forgotten_when_an_equal_value_is_loaded() {
    let client = paused_client();
    let query = GetEqual(1);
    let value = client.query(&query).await.unwrap();
    client.app().script(&query, Script::Fail(SECOND));
    pass(seconds(10)).await;
    client.prefetch(&query);
    pass(SECOND).await;
    assert!(client.refresh_error(&query).is_some());
    client.app().script(&query, Script::Answer(SECOND));
    assert!(std::sync::Arc::ptr_eq(&client.query(&query).await.unwrap(), &value), "the old value is kept");
    assert!(client.refresh_error(&query).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_remembered_error_stops_prefetches() {
    let client = paused_client();
    let query = GetBrittle(1);
    client.app().script(&query, Script::Fail(SECOND));
    assert!(client.query(&query).await.is_err());
    client.prefetch(&query);
    pass(seconds(4)).await;
    assert_eq!(client.app().loads(&query), 1);
    pass(SECOND).await;
    client.prefetch(&query);
    pass(SECOND).await;
    assert_eq!(client.app().loads(&query), 2);
}

/// The number of answers, of many stored together, that must be loaded again after a time.
async fn reloads_after(client: &Client<ScriptedApp>, time: Duration) -> usize {
    const MANY: u32 = 500;
    let keys: Vec<_> = (0..MANY).map(GetNumber).collect();
    client.cache().clear();
    let loads = || keys.iter().map(|key| client.app().loads(key)).sum::<usize>();
    client.query_all(&keys).await;
    let before = loads();
    // The age counts from the start of the load, which takes one second.
    pass(time - SECOND).await;
    client.query_all(&keys).await;
    loads() - before
}

#[tokio::test(start_paused = true)]
async fn jitter_does_not_apply_to_longer_times_of_written_or_absent_answers() {
    // The derive sets 10 s.
    let client = builder().query::<GetNumber>(|options| options.fresh(seconds(60)).jitter(0.1)).build();
    client.cache().insert(GetNumber(1), 7);
    pass(seconds(50)).await;
    assert_eq!(*client.query(&GetNumber(1)).await.unwrap(), 7);
    pass(seconds(11)).await;
    assert_eq!(*client.query(&GetNumber(1)).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn jitter_spreads_the_end_of_freshness() {
    let set: [fn(LoadingOptions) -> LoadingOptions; 2] =
        [|options| options.jitter(0.5), |options| options.jitter(0.5).fresh(seconds(60))];
    for (change, fresh) in set.into_iter().zip([10, 60]) {
        let client = builder().query::<GetNumber>(change).build();
        assert_eq!(reloads_after(&client, seconds(fresh) / 2 - SECOND / 10).await, 0);
        let half = reloads_after(&client, seconds(fresh) * 3 / 4).await;
        assert!((150..350).contains(&half), "{half} of 500 after three quarters of the time");
        assert_eq!(reloads_after(&client, seconds(fresh)).await, 500);
    }
    // A time set by a call is not shortened by jitter and not stored.
    let client = builder().query::<GetNumber>(|options| options.jitter(1.0)).build();
    let query = GetNumber(1);
    client.query_with(&query, |options| options.fresh(seconds(1_000))).await.unwrap();
    let own = client.cache().peek_entry(&query).unwrap().state().fresh_for;
    assert!(own.is_some_and(|own| own <= seconds(10)), "{own:?}");
    pass(seconds(20)).await;
    client.query_with(&query, |options| options.fresh(seconds(1_000))).await.unwrap();
    assert_eq!(client.app().loads(&query), 1);
}
