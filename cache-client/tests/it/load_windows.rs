//! For how long an answer is served stale, as its own load has said.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_client::{Client, ClientBuilder, Context, LoadingOptions, MemoryProvider, Strategy};
use cache_core::EntryTimes;

use crate::directed::*;
use crate::scripted::{SECOND, in_time, pass, seconds, takes};

/// A client of this builder whose loads of the first page take a second, and set these terms for their answers: their
/// numbers.
fn client_of(
    builder: ClientBuilder<DirectedApp>,
    set_terms: impl Fn(&Context<DirectedApp>) + Copy + Send + Sync + 'static,
) -> Client<DirectedApp> {
    let (client, loads) = (builder.build(), Arc::new(AtomicUsize::new(0)));
    client.app().direct(&GetPage(1), move |cx| {
        let number = loads.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            set_terms(&cx);
            takes(SECOND).await;
            Ok(number)
        }
    });
    client
}

/// The terms of an answer that is served stale for half a minute, after a minute.
fn half_a_minute(cx: &Context<DirectedApp>) {
    cx.fresh_for(seconds(60));
    cx.stale_while_revalidate_for(seconds(30));
}

/// The same if its load fails.
fn half_a_minute_after_errors(cx: &Context<DirectedApp>) {
    cx.fresh_for(seconds(60));
    cx.stale_if_error_for(seconds(30));
}

async fn page(client: &Client<DirectedApp>) -> usize {
    *in_time(client.query(&GetPage(1))).await.unwrap()
}

/// Loads the first page, and waits until it has this age.
async fn aged(client: &Client<DirectedApp>, age: Duration) {
    assert_eq!(page(client).await, 1);
    pass(age - SECOND).await;
}

fn fails(client: &Client<DirectedApp>) {
    client.app().direct(&GetPage(1), |_| async { Err(DirectedError::Failed) });
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_is_served_within_its_window_and_refreshed_once() {
    for age in [seconds(60), seconds(61), Duration::from_millis(89_999)] {
        let client = client_of(builder(), half_a_minute);
        aged(&client, age).await;
        let (one, other) = tokio::join!(page(&client), page(&client));
        assert_eq!((one, other), (1, 1), "{age:?}");
        assert!(client.query_state(&GetPage(1)).unwrap().is_stale);
        pass(SECOND).await;
        assert_eq!(page(&client).await, 2);
        assert_eq!(client.app().loads(&GetPage(1)), 2, "one refresh");
    }
}

#[tokio::test(start_paused = true)]
async fn behind_its_window_the_answer_is_loaded() {
    let client = client_of(builder(), half_a_minute);
    aged(&client, seconds(90)).await;
    assert_eq!(page(&client).await, 2);
}

#[tokio::test(start_paused = true)]
async fn the_window_of_a_load_comes_before_the_options_of_query_and_client() {
    let swr: fn(LoadingOptions) -> LoadingOptions =
        |options| options.strategy(Strategy::StaleWhileRevalidate).swr(seconds(1_000));
    for builder in [builder().query::<GetPage>(swr), builder().defaults(swr)] {
        let client = client_of(builder, half_a_minute);
        aged(&client, seconds(89)).await;
        assert_eq!(page(&client).await, 1);
        pass(seconds(91)).await;
        assert_eq!(page(&client).await, 3, "the new answer is behind its window too");
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_of_zero_ends_that_of_the_options() {
    let options = builder().query::<GetPage>(|options| {
        options.strategy(Strategy::StaleWhileRevalidate).swr(seconds(1_000)).stale_if_error(seconds(1_000))
    });
    let client = client_of(options, |cx| {
        cx.stale_while_revalidate_for(Duration::ZERO);
        cx.stale_if_error_for(Duration::ZERO);
    });
    aged(&client, seconds(60)).await;
    assert_eq!(page(&client).await, 2);
    fails(&client);
    pass(seconds(60)).await;
    assert!(in_time(client.query(&GetPage(1))).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_options_of_a_call_come_before_the_windows_of_a_load() {
    let client = client_of(builder(), half_a_minute);
    aged(&client, seconds(61)).await;
    let refusing = client.query_with(&GetPage(1), |options| options.swr(Duration::ZERO));
    assert_eq!(*refusing.await.unwrap(), 2, "the call accepts no stale answer");
    pass(seconds(200)).await;
    let patient =
        |options: LoadingOptions| options.strategy(Strategy::StaleWhileRevalidate).swr(seconds(1_000));
    assert_eq!(*client.query_with(&GetPage(1), patient).await.unwrap(), 2);

    let client = client_of(builder(), half_a_minute_after_errors);
    aged(&client, seconds(61)).await;
    fails(&client);
    let refusing = client.query_with(&GetPage(1), |options| options.stale_if_error(Duration::ZERO));
    assert!(in_time(refusing).await.is_err());
    pass(seconds(200)).await;
    let patient = client.query_with(&GetPage(1), |options| options.stale_if_error(seconds(1_000)));
    assert_eq!(*in_time(patient).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_stands_in_for_an_error_within_its_window() {
    // A failed load takes three retries, each after a second.
    for (age, is_served) in [(seconds(61), true), (seconds(86), true), (seconds(87), false)] {
        let client = client_of(builder(), half_a_minute_after_errors);
        aged(&client, age).await;
        fails(&client);
        let answer = in_time(client.query(&GetPage(1))).await;
        assert_eq!(answer.is_ok_and(|page| *page == 1), is_served, "{age:?}");
        assert_eq!(client.refresh_error(&GetPage(1)).is_some(), is_served, "{age:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_shortest_of_several_upper_limits_counts() {
    let client = client_of(builder(), |cx| {
        for time in [500, 30, 100] {
            cx.stale_while_revalidate_at_most(seconds(time));
            cx.stale_if_error_at_most(seconds(time + 1));
        }
    });
    page(&client).await;
    let state = client.cache().peek_entry(&GetPage(1)).unwrap().state();
    assert_eq!((state.swr(), state.stale_if_error()), (Some(seconds(30)), Some(seconds(31))));
}

#[tokio::test(start_paused = true)]
async fn the_time_to_live_and_a_mark_end_the_window() {
    let client = client_of(builder(), |cx| {
        half_a_minute(cx);
        cx.keep_for(seconds(70));
    });
    aged(&client, seconds(69)).await;
    assert_eq!(page(&client).await, 1);
    pass(seconds(71)).await;
    assert_eq!(page(&client).await, 3);
    pass(seconds(60)).await;
    client.invalidate(&GetPage(1));
    assert_eq!(page(&client).await, 4);
}

#[tokio::test(start_paused = true)]
async fn a_write_without_windows_ends_them_and_one_with_windows_has_its_own() {
    let client = client_of(builder(), half_a_minute);
    page(&client).await;
    client.cache().insert(GetPage(1), 50);
    pass(seconds(61)).await;
    assert_eq!(page(&client).await, 2);
    client.cache().insert_timed(GetPage(1), 50, EntryTimes::new().swr(seconds(30)));
    pass(seconds(61)).await;
    assert_eq!(page(&client).await, 50);
}

#[tokio::test(start_paused = true)]
async fn a_load_never_builds_on_a_stale_answer() {
    let client = client_of(builder(), half_a_minute);
    client.app().direct(&GetPage(2), |cx| async move { Ok(*cx.query(&GetPage(1)).await?) });
    aged(&client, seconds(61)).await;
    assert_eq!(*in_time(client.query(&GetPage(2))).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn strategies_that_always_load_do_not_use_the_window() {
    for strategy in [Strategy::NetworkFirst, Strategy::Refresh, Strategy::NetworkOnly] {
        let client = client_of(builder(), half_a_minute);
        aged(&client, seconds(61)).await;
        let loaded = client.query_with(&GetPage(1), |options| options.strategy(strategy));
        assert_eq!(*in_time(loaded).await.unwrap(), 2, "{strategy:?}");
    }
}

/// Two clients with one provider, as before and after a restart.
fn restarted(
    set_terms: impl Fn(&Context<DirectedApp>) + Copy + Send + Sync + 'static,
) -> [Client<DirectedApp>; 2] {
    let provider = Arc::new(MemoryProvider::new(100));
    [(); 2].map(|()| client_of(builder().provider(Arc::clone(&provider)), set_terms))
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_the_copy_in_a_provider_has_its_window() {
    for (age, served_after) in
        [(seconds(61), Duration::ZERO), (seconds(89), Duration::ZERO), (seconds(90), SECOND)]
    {
        let [first, second] = restarted(half_a_minute);
        aged(&first, age).await;
        let began = tokio::time::Instant::now();
        page(&second).await;
        assert_eq!(began.elapsed(), served_after, "{age:?}");
        pass(seconds(2)).await;
        assert_eq!(second.app().loads(&GetPage(1)), 1, "{age:?}");
        assert!(!second.query_state(&GetPage(1)).unwrap().is_stale);
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_a_copy_stands_in_for_an_error_within_its_window() {
    for (age, is_served) in [(seconds(80), true), (seconds(90), false)] {
        let [first, second] = restarted(half_a_minute_after_errors);
        aged(&first, age).await;
        fails(&second);
        assert_eq!(in_time(second.query(&GetPage(1))).await.is_ok(), is_served, "{age:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_whose_window_is_zero_is_not_served_stale() {
    let options: fn(LoadingOptions) -> LoadingOptions =
        |options| options.strategy(Strategy::StaleWhileRevalidate).swr(seconds(1_000));
    let provider = Arc::new(MemoryProvider::new(100));
    let [first, second] = [(); 2].map(|()| {
        let builder = builder().query::<GetPage>(options).provider(Arc::clone(&provider));
        client_of(builder, |cx| cx.stale_while_revalidate_for(Duration::ZERO))
    });
    aged(&first, seconds(61)).await;
    let began = tokio::time::Instant::now();
    page(&second).await;
    assert_eq!(began.elapsed(), SECOND);
}
