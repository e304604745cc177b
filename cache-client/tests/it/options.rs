//! Where options come from, which take precedence, and which are rejected.

use cache_client::{ClientBuildError, LoadingOptions, QueryError, Strategy};

use crate::scripted::*;

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, QueryError<ScriptedError>>) -> String {
    match answer {
        Err(QueryError::Options(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_without_a_freshness_time_is_rejected_before_it_is_read_or_loaded() {
    let client = paused_client();
    let query = GetTimeless(1);
    client.cache().insert(query.clone(), 99);
    let message = refused(client.query(&query).await);
    assert_eq!(
        message,
        "query `get_timeless`: `fresh` is missing: say how long an answer counts as fresh, as in `fresh = \"30s\"`"
    );
    assert_eq!(client.app().loads(&query), 0);
    let hits: u64 = client.cache().inspect().tables.iter().map(|table| table.hits).sum();
    assert_eq!(hits, 0);
    assert_eq!(client.cached(&query).as_deref(), Some(&99));
    let only = client.query_with(&query, |options| options.strategy(Strategy::NetworkOnly));
    assert_eq!(*only.await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn windows_of_zero_and_numbers_out_of_range_are_rejected_by_name() {
    type Change = fn(LoadingOptions) -> LoadingOptions;
    let client = paused_client();
    let zero = std::time::Duration::ZERO;
    assert_eq!(zero, seconds(0));
    let changes: [(&str, Change); 9] = [
        ("fresh", |options| options.fresh(seconds(0))),
        ("ttl", |options| options.ttl(seconds(0))),
        ("swr", |options| options.strategy(Strategy::StaleWhileRevalidate)),
        ("error_ttl", |options| options.error_ttl(seconds(0))),
        ("absent_ttl", |options| options.absent_ttl(seconds(0))),
        ("jitter", |options| options.jitter(1.5)),
        ("jitter", |options| options.jitter(f64::NAN)),
        ("beta", |options| options.beta(0.0)),
        ("batch", |options| options.batch(0)),
    ];
    for (option, change) in changes {
        let message = refused(client.query_with(&GetNumber(1), change).await);
        assert!(message.starts_with(&format!("query `get_number`: `{option}` ")), "{message}");
    }
    assert_eq!(client.app().loads(&GetNumber(1)), 0);
    client.query(&GetNumber(1)).await.unwrap();
}

#[test]
fn a_client_with_invalid_options_is_not_built() {
    let zero = std::time::Duration::ZERO;
    let error = builder().defaults(|options| options.jitter(2.0)).try_build().unwrap_err();
    assert_eq!(error.to_string(), "defaults of the client: `jitter` must be a fraction from 0 to 1");
    let of_query = builder()
        .query::<GetWeak>(|options| options.fresh(zero))
        .query::<GetNumber>(|options| options.retry_longest(zero))
        .try_build()
        .unwrap_err();
    let ClientBuildError::Query(error) = of_query else { panic!("{of_query:?}") };
    assert_eq!((error.query, error.option), ("get_number", "retry_longest"));
    let of_client = builder().defaults(|options| options.swr(zero)).try_build().unwrap_err();
    assert!(of_client.to_string().contains("`swr` must be longer than zero"), "{of_client}");
    let of_query = builder().query::<GetNumber>(|options| options.stale_if_error(zero)).try_build();
    assert!(matches!(of_query, Err(ClientBuildError::Query(error)) if error.option == "stale_if_error"));
    for none in [builder().concurrency(0), builder().query::<GetNumber>(|options| options.concurrency(0))] {
        assert!(none.try_build().unwrap_err().to_string().contains("`concurrency` "));
    }
    // Each value is valid alone, but not with the other.
    let together = builder()
        .defaults(|options| options.retry_longest(SECOND))
        .query::<GetNumber>(|options| options.retry_first(seconds(2)))
        .try_build();
    assert!(matches!(together, Err(ClientBuildError::Query(error)) if error.option == "retry_first"));
    // The call can supply a missing option, and windows do not matter where nothing is stored.
    assert!(builder().query::<GetTimeless>(|options| options.retry(1)).try_build().is_ok());
    let only = |options: LoadingOptions| options.strategy(Strategy::NetworkOnly).swr(zero);
    assert!(builder().query::<GetNumber>(only).try_build().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_time_set_by_a_call_does_not_affect_other_calls() {
    let client = paused_client();
    let query = GetNumber(1);
    client.query_with(&query, |options| options.fresh(seconds(1_000))).await.unwrap();
    pass(seconds(20)).await;
    let patient = client.query_with(&query, |options| options.fresh(seconds(1_000)));
    assert_eq!(*patient.await.unwrap(), 1);
    assert_eq!(*client.query(&query).await.unwrap(), 2);
    pass(seconds(3)).await;
    let strict = client.query_with(&query, |options| options.fresh(seconds(2)));
    assert_eq!(*strict.await.unwrap(), 3);
    assert_eq!(*client.query(&query).await.unwrap(), 3);
}

/// The age in seconds at which the client loads an answer again.
async fn fresh_for(client: &cache_client::Client<ScriptedApp>, call: LoadingOptions) -> u64 {
    let query = GetNumber(1);
    client.app().script(&query, Script::Answer(seconds(0)));
    client.query_with(&query, |options| call.or(options)).await.unwrap();
    let loads = client.app().loads(&query);
    for age in 0..1_000 {
        client.query_with(&query, |options| call.or(options)).await.unwrap();
        if client.app().loads(&query) > loads {
            return age;
        }
        pass(SECOND).await;
    }
    panic!("the value never becomes stale")
}

#[tokio::test(start_paused = true)]
async fn options_apply_in_the_order_call_client_derive_default() {
    let options = LoadingOptions::new();
    let by_default = builder().defaults(|options| options.fresh(seconds(2))).build();
    assert_eq!(fresh_for(&by_default, options).await, 10);
    let by_setting = builder()
        .defaults(|options| options.fresh(seconds(2)))
        .query::<GetNumber>(|options| options.fresh(seconds(4)))
        .build();
    assert_eq!(fresh_for(&by_setting, options).await, 4);
    assert_eq!(fresh_for(&by_setting, options.fresh(seconds(7))).await, 7);
    let query = GetTimeless(1);
    assert!(by_default.query(&query).await.is_ok());
    pass(seconds(3)).await;
    assert_eq!(*by_default.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_table_with_an_expiry_time_needs_no_freshness_time() {
    let cache = cache_core::Cache::builder()
        .clock(cache_client::TokioClock::new())
        .table::<GetTimeless>(|options| options.ttl(seconds(20)))
        .build()
        .unwrap();
    let client = cache_client::Client::builder(cache, ScriptedApp::default()).build();
    let query = GetTimeless(1);
    let held = client.query(&query).await.unwrap();
    pass(seconds(10)).await;
    client.query(&query).await.unwrap();
    assert_eq!(client.app().loads(&query), 1);
    pass(seconds(10)).await;
    assert_eq!((*client.query(&query).await.unwrap(), *held), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn the_expiry_time_of_a_table_takes_precedence_over_the_default_of_the_client() {
    let keeps_for_5_s = || {
        let cache = cache_core::Cache::builder().clock(cache_client::TokioClock::new());
        cache.table::<GetNumber>(|options| options.ttl(seconds(5))).build().unwrap()
    };
    let by_default = cache_client::Client::builder(keeps_for_5_s(), ScriptedApp::default())
        .defaults(|options| options.ttl(seconds(100)))
        .build();
    let by_setting = cache_client::Client::builder(keeps_for_5_s(), ScriptedApp::default())
        .query::<GetNumber>(|options| options.ttl(seconds(100)))
        .build();
    for (client, is_kept) in [(by_default, false), (by_setting, true)] {
        client.query(&GetNumber(1)).await.unwrap();
        pass(seconds(6)).await;
        assert_eq!(client.cached(&GetNumber(1)).is_some(), is_kept);
    }
}

#[tokio::test(start_paused = true)]
async fn invalid_options_of_a_call_fail_only_that_call() {
    let client = paused_client();
    let (bad, good) = (GetNumber(1), GetNumber(2));
    let (failed, other, same) = tokio::join!(
        client.query_with(&bad, |options| options.fresh(seconds(0))),
        client.query(&good),
        client.query(&bad),
    );
    let QueryError::Options(error) = failed.unwrap_err() else { panic!("the options were accepted") };
    assert_eq!((error.query, error.option), ("get_number", "fresh"));
    assert_eq!((*other.unwrap(), *same.unwrap()), (1, 1));
    assert_eq!(*client.query(&bad).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_times_of_a_strategy_apply_to_the_calls_that_choose_it() {
    let client = builder()
        .defaults(|options| options.fresh(seconds(5)).swr(seconds(5)))
        .defaults_for(Strategy::StaleWhileRevalidate, |options| options.swr(seconds(100)))
        .defaults_for(Strategy::StaleWhileRevalidate, |options| options.fresh(seconds(20)))
        .build();
    let query = GetTimeless(1);
    let stale = |options: LoadingOptions| options.strategy(Strategy::StaleWhileRevalidate);
    client.query(&query).await.unwrap();
    // Fresh for 20 s with one strategy, and for 5 s with the other.
    pass(seconds(9)).await;
    assert_eq!(*client.query_with(&query, stale).await.unwrap(), 1);
    assert_eq!(client.app().loads(&query), 1);
    assert_eq!(*client.query(&query).await.unwrap(), 2);
    // Stale, and served.
    pass(seconds(99)).await;
    assert_eq!(*client.query_with(&query, stale).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_most_specific_time_of_a_strategy_wins() {
    let fresh = |time| move |options: LoadingOptions| options.fresh(seconds(time));
    let client = builder()
        .defaults(fresh(1))
        .defaults_for(Strategy::CacheFirst, fresh(20))
        .query::<GetMaybe>(fresh(40))
        .build();
    // One by the strategy, the other by its setting; each load takes a second.
    client.query(&GetTimeless(2)).await.unwrap();
    client.query(&GetMaybe(2)).await.unwrap();
    pass(seconds(17)).await;
    client.query(&GetTimeless(2)).await.unwrap();
    assert_eq!(client.app().loads(&GetTimeless(2)), 1);
    pass(seconds(10)).await;
    client.query(&GetTimeless(2)).await.unwrap();
    client.query(&GetMaybe(2)).await.unwrap();
    assert_eq!((client.app().loads(&GetTimeless(2)), client.app().loads(&GetMaybe(2))), (2, 1));
    // By the call.
    pass(seconds(5)).await;
    client.query_with(&GetTimeless(2), fresh(3)).await.unwrap();
    assert_eq!(client.app().loads(&GetTimeless(2)), 3);

    // The setting of a query that the derive gives no time counts more than the strategy too.
    let client =
        builder().defaults_for(Strategy::CacheFirst, fresh(20)).query::<GetTimeless>(fresh(40)).build();
    client.query(&GetTimeless(2)).await.unwrap();
    pass(seconds(30)).await;
    client.query(&GetTimeless(2)).await.unwrap();
    assert_eq!(client.app().loads(&GetTimeless(2)), 1);
}

#[tokio::test(start_paused = true)]
async fn a_strategy_that_lacks_a_time_is_an_error_that_names_the_query_before_anything_runs() {
    let client = builder().defaults_for(Strategy::CacheFirst, |options| options.swr(seconds(60))).build();
    let query = GetNumber(1);
    client.cache().insert(query.clone(), 50);
    let stale = |options: LoadingOptions| options.strategy(Strategy::StaleWhileRevalidate);
    let message = refused(client.query_with(&query, stale).await);
    assert!(message.starts_with("query `get_number`: `swr` is missing"), "{message}");
    assert_eq!(client.app().loads(&query), 0);
}

#[tokio::test(start_paused = true)]
async fn options_that_no_strategy_can_have_are_rejected() {
    for (option, change) in [
        ("strategy", (|options| options.strategy(Strategy::Refresh)) as fn(LoadingOptions) -> LoadingOptions),
        ("concurrency", |options| options.concurrency(2)),
        ("jitter", |options| options.jitter(2.0)),
    ] {
        let with = || builder().defaults_for(Strategy::CacheFirst, change);
        let error = with().try_build().unwrap_err().to_string();
        assert!(error.starts_with(&format!("defaults of the client: `{option}` ")), "{error}");
        let message = refused(with().build().query(&GetNumber(1)).await);
        assert!(message.starts_with(&format!("query `get_number`: `{option}` ")), "{message}");
    }
    // Two values that are valid alone, but not together.
    let together = builder()
        .defaults_for(Strategy::CacheFirst, |options| options.retry_longest(SECOND))
        .query::<GetNumber>(|options| options.retry_first(seconds(2)))
        .try_build();
    assert!(matches!(together, Err(ClientBuildError::Query(error)) if error.option == "retry_first"));
}
