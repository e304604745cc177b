//! The telemetry of the client: which spans and events it records, how often, and with which fields.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cache_client::{BreakerOptions, BreakerState, Client, Context, Strategy};
use tokio::time::Instant;
use tracing::span::{Attributes, Id};
use tracing::{Instrument, Subscriber};
use tracing_subscriber::layer::{Context as LayerContext, Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

use crate::flaky::{
    self, FlakyApp, FlakyError, GetBacked, GetFlaky, GetGuarded, GetGuardedPlainly, GetSecret, GetShared,
    Step, flaky_client,
};
use crate::listener::Listener;
use crate::scripted::*;

/// A context ten levels below the root of a new tree.
fn deep_context(client: &Client<ScriptedApp>) -> Context<ScriptedApp> {
    (0..10).fold(client.request("root"), |context, step| context.child(format!("step {step}")))
}

#[tokio::test(start_paused = true)]
async fn each_event_is_recorded_once_at_any_context_depth() {
    let listener = Listener::start();
    let client = paused_client();
    let tree = deep_context(&client);
    tree.query(&GetNumber(1)).await.unwrap();
    assert_eq!(listener.counts(), [("load", 1), ("miss", 1), ("store", 1)]);
    // Answered by the memo at each depth.
    tree.query(&GetNumber(1)).await.unwrap();
    tree.child("eleven").query(&GetNumber(1)).await.unwrap();
    assert_eq!(listener.counts(), []);
    deep_context(&client).query(&GetNumber(1)).await.unwrap();
    assert_eq!(listener.counts(), [("hit", 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_hit_is_recorded_once_whichever_way_it_is_found() {
    let listener = Listener::start();
    let client = paused_client();
    client.cache().insert(GetNumber(1), 7);
    client.query(&GetNumber(1)).await.unwrap();
    client.query_with(&GetNumber(1), |options| options.fresh(seconds(100))).await.unwrap();
    client.request("tree").query(&GetNumber(1)).await.unwrap();
    client.query_all(&[GetNumber(1)]).await.remove(0).unwrap();
    let hits = listener.all("hit");
    assert_eq!(listener.counts(), [("hit", 4)]);
    for hit in hits {
        assert_eq!((hit.field("query"), hit.field("strategy")), ("get_number", "cache-first"));
        assert_eq!((hit.level.as_str(), hit.field("message")), ("TRACE", "hit"));
    }
    let client = builder().query::<GetNumber>(|options| options.fresh(seconds(100))).build();
    client.cache().insert(GetNumber(1), 7);
    client.query(&GetNumber(1)).await.unwrap();
    assert_eq!(listener.counts(), [("hit", 1)]);
}

#[tokio::test(start_paused = true)]
async fn each_caller_that_joins_a_load_records_a_miss_and_the_load_is_recorded_once() {
    let listener = Listener::start();
    let client = paused_client();
    let trees = [1, 2, 3].map(|number| client.request(format!("tree {number}")));
    let query = GetNumber(1);
    let (a, b, c) = tokio::join!(trees[0].query(&query), trees[1].query(&query), trees[2].query(&query));
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(listener.counts(), [("load", 1), ("miss", 3), ("store", 1)]);
    // Calls of one tree wait for the query of the tree.
    let query = GetNumber(2);
    let (a, b) = tokio::join!(trees[0].query(&query), trees[0].query(&query));
    assert!(a.is_ok() && b.is_ok());
    assert_eq!(listener.counts(), [("load", 1), ("miss", 1), ("store", 1)]);
}

#[tokio::test(start_paused = true)]
async fn each_stale_hit_is_recorded_and_their_refresh_is_recorded_once() {
    let listener = Listener::start();
    let client = paused_client();
    client.query(&GetStale(1)).await.unwrap();
    pass(seconds(20)).await;
    listener.forget();
    for _ in 0..10 {
        client.query(&GetStale(1)).await.unwrap();
    }
    let (stale, refresh) = (listener.all("stale_hit"), listener.one("refresh"));
    for recorded in stale.iter().chain([&refresh]) {
        assert_eq!(
            (recorded.field("query"), recorded.field("strategy")),
            ("get_stale", "stale-while-revalidate")
        );
    }
    assert_eq!(listener.counts(), [("load", 1), ("refresh", 1), ("stale_hit", 10)]);
    pass(SECOND).await;
    assert_eq!(listener.counts(), [("store", 1)]);
}

#[tokio::test(start_paused = true)]
async fn calls_that_do_not_read_the_cache_neither_hit_nor_miss() {
    let listener = Listener::start();
    let client = paused_client();
    client.cache().insert(GetNumber(1), 7);
    for strategy in [Strategy::NetworkOnly, Strategy::Refresh, Strategy::NetworkFirst] {
        client.query_with(&GetNumber(1), |options| options.strategy(strategy)).await.unwrap();
    }
    assert_eq!(listener.counts(), [("load", 3), ("store", 2)]);
    let tree = client.request("tree");
    tree.disable_cache();
    tree.query(&GetNumber(1)).await.unwrap();
    assert_eq!(listener.counts(), [("load", 1)]);
    assert!(client.cached(&GetNumber(1)).is_some());
    assert!(client.cached(&GetNumber(2)).is_none());
    client.prefetch(&GetNumber(1));
    assert_eq!(listener.counts(), []);
    client.prefetch(&GetNumber(3)).done().await;
    let mut observer = client.observe(&GetNumber(4));
    while observer.next().await.unwrap().is_pending() {}
    assert_eq!(listener.counts(), [("load", 2), ("store", 2)]);
}

#[tokio::test(start_paused = true)]
async fn answers_set_on_a_tree_are_not_recorded() {
    let listener = Listener::start();
    let client = paused_client();
    let tree = client.request("tree");
    tree.set(&GetNumber(1), 7_usize).unwrap();
    let replacing = tree.with_override::<GetStale>(|_| Ok(Arc::new(7)));
    tree.query(&GetNumber(1)).await.unwrap();
    replacing.query(&GetStale(1)).await.unwrap();
    assert_eq!(listener.counts(), []);
}

#[tokio::test(start_paused = true)]
async fn events_of_a_load_are_recorded_inside_its_span() {
    let listener = Listener::start();
    let client = paused_client();
    let caller = tracing::info_span!("caller");
    client.query(&GetNumber(1)).instrument(caller.clone()).await.unwrap();
    let load = listener.one("load");
    assert_eq!((load.field("query"), load.field("strategy")), ("get_number", "cache-first"));
    assert_eq!((load.field("outcome"), load.level.as_str()), ("answered", "INFO"));
    assert_eq!((load.scope.len(), load.follows), (0, vec!["caller"]));
    assert_eq!(listener.one("miss").scope, ["caller"]);
    assert_eq!(listener.one("app load").scope, ["load"]);
    assert_eq!(listener.one("store").scope, ["load"]);
    // A private load is part of the span of the tree.
    listener.forget();
    let tree = client.request("tree");
    tree.disable_cache();
    tree.query(&GetNumber(1)).instrument(caller).await.unwrap();
    let load = listener.one("load");
    assert_eq!((load.scope, load.follows.len()), (vec!["caller"], 0));
    assert_eq!(listener.one("app load").scope, ["load", "caller"]);
}

#[tokio::test(start_paused = true)]
async fn loads_of_inputs_follow_from_the_load_that_queries_them() {
    let listener = Listener::start();
    let client = paused_client();
    client.query(&GetSum(1)).await.unwrap();
    let loads = listener.all("load");
    let follows: Vec<_> = loads.iter().map(|load| load.follows.len()).collect();
    assert_eq!(follows, [0, 1, 1]);
    assert!(loads.iter().all(|load| load.scope.is_empty()));
    assert_eq!(listener.counts(), [("load", 3), ("miss", 3), ("store", 3)]);
}

#[tokio::test(start_paused = true)]
async fn the_span_of_a_load_ends_with_the_load_even_if_its_value_is_kept() {
    let listener = Listener::start();
    let client = paused_client();
    client.prefetch(&GetWeak(1));
    settle().await;
    assert!(!listener.one("load").is_closed);
    pass(SECOND).await;
    assert!(client.cached(&GetWeak(1)).is_some() && listener.one("load").is_closed);
}

#[tokio::test(start_paused = true)]
async fn the_outcome_of_a_load_is_recorded_once_and_set_on_its_span() {
    let listener = Listener::start();
    let client = paused_client();
    client.app().script(&GetNumber(1), Script::Fail(SECOND));
    client.app().script(&GetNumber(2), Script::Panic);
    client.app().script(&GetNumber(3), Script::Never);
    for (key, outcome) in [(1, "failed"), (2, "panicked")] {
        assert!(client.query(&GetNumber(key)).await.is_err());
        let (failed, load) = (listener.one("failed"), listener.one("load"));
        assert_eq!((failed.field("outcome"), load.field("outcome")), (outcome, outcome));
        assert_eq!((failed.level.as_str(), failed.scope), ("WARN", vec!["load"]));
        assert_eq!(listener.counts(), [("failed", 1), ("load", 1), ("miss", 1)]);
    }
    let waiter = spawn_query_without_linger(&client, &GetNumber(3));
    settle().await;
    waiter.abort();
    settle().await;
    assert_eq!(listener.one("load").field("outcome"), "interrupted");
    assert_eq!(listener.one("interrupted").scope, ["load"]);
    assert_eq!(listener.counts(), [("interrupted", 1), ("load", 1), ("miss", 1)]);
    client.app().script(&GetQuitter(1), Script::Answer(seconds(0)));
    assert!(client.query(&GetQuitter(1)).await.is_err());
    assert_eq!(listener.counts(), [("interrupted", 1), ("load", 1), ("miss", 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_result_that_is_not_stored_as_new_is_recorded() {
    let listener = Listener::start();
    let client = paused_client();
    client.query(&GetEqual(1)).await.unwrap();
    assert_eq!(listener.one("store").field("kept"), "false");
    listener.forget();
    client.query_with(&GetEqual(1), |options| options.strategy(Strategy::Refresh)).await.unwrap();
    assert_eq!(listener.one("store").field("kept"), "true");
    listener.forget();
    let waiter = spawn_query(&client, &GetNumber(1));
    settle().await;
    client.cache().insert(GetNumber(1), 99);
    waiter.await.unwrap().unwrap();
    assert_eq!(listener.one("load").field("outcome"), "answered");
    assert_eq!(listener.counts(), [("load", 1), ("miss", 1), ("overtaken", 1)]);
}

#[tokio::test(start_paused = true)]
async fn substitutes_for_a_load_are_recorded() {
    let listener = Listener::start();
    let client = paused_client();
    client.query(&GetForgiven(1)).await.unwrap();
    client.app().script(&GetForgiven(1), Script::Fail(SECOND));
    pass(seconds(20)).await;
    listener.forget();
    client.query(&GetForgiven(1)).await.unwrap();
    assert_eq!(listener.one("substitute").field("kind"), "cached");
    assert_eq!(listener.counts(), [("failed", 1), ("load", 1), ("miss", 1), ("substitute", 1)]);
    // A load that is too slow.
    client.cache().insert(GetFirst(1), 99);
    client.app().script(&GetFirst(1), Script::Answer(seconds(5)));
    client.query(&GetFirst(1)).await.unwrap();
    assert_eq!(listener.one("substitute").field("kind"), "cached");
    assert_eq!(listener.counts(), [("load", 1), ("substitute", 1)]);

    let client = flaky_client();
    client.app().script(&GetBacked(1), [Step::Panic]);
    assert_eq!(*client.query(&GetBacked(1)).await.unwrap(), 1_000);
    assert_eq!(listener.one("substitute").field("kind"), "fallback");
}

#[tokio::test(start_paused = true)]
async fn each_retry_is_recorded_with_its_number_and_wait() {
    let listener = Listener::start();
    let client = flaky_client();
    client.app().script(&GetFlaky(1), [Step::Busy(seconds(5)), Step::Busy(seconds(7))]);
    client.query(&GetFlaky(1)).await.unwrap();
    let retries: Vec<_> = listener
        .all("retry")
        .iter()
        .map(|retry| {
            assert_eq!((retry.field("query"), retry.scope.as_slice()), ("get_flaky", ["load"].as_slice()));
            (retry.field("attempt").to_owned(), retry.field("wait_seconds").to_owned())
        })
        .collect();
    assert_eq!(retries, [("2".into(), "5.0".into()), ("3".into(), "7.0".into())]);
    assert_eq!(listener.counts(), [("load", 1), ("miss", 1), ("retry", 2), ("store", 1)]);
}

/// Makes five loads fail, each of another key.
async fn fail_five(client: &Client<FlakyApp>) {
    for key in 100..105 {
        client.app().script(&GetGuarded(key), [Step::Fail]);
        assert!(client.query(&GetGuarded(key)).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_breaker_records_each_change_once_and_no_other_load() {
    let listener = Listener::start();
    let client = flaky_client();
    fail_five(&client).await;
    let opened = listener.one("breaker");
    assert_eq!((opened.field("breaker"), opened.field("state")), ("get_guarded", "open"));
    assert_eq!(opened.level, "WARN");
    listener.forget();
    // A refused load is no change of the breaker.
    assert!(client.query(&GetGuarded(1)).await.is_err());
    assert_eq!(listener.one("load").field("outcome"), "refused");
    assert_eq!(listener.counts(), [("load", 1), ("miss", 1), ("refused", 1)]);
    pass(seconds(60)).await;
    // A cancelled trial, then one that fails.
    client.app().script(&GetGuarded(1), [Step::Never, Step::Fail]);
    let trial = spawn_query_without_linger(&client, &GetGuarded(1));
    settle().await;
    assert_eq!(listener.one("breaker").field("state"), "half-open");
    trial.abort();
    settle().await;
    assert!(client.query(&GetGuarded(1)).await.is_err());
    let states = |listener: &Listener| -> Vec<_> {
        listener.all("breaker").iter().map(|recorded| recorded.field("state").to_owned()).collect()
    };
    assert_eq!(states(&listener), ["half-open", "open"]);
    listener.forget();
    pass(seconds(60)).await;
    client.query(&GetGuarded(1)).await.unwrap();
    assert_eq!(states(&listener), ["half-open", "closed"]);
    assert!(listener.all("breaker").iter().all(|recorded| recorded.level == "INFO"));
}

#[tokio::test(start_paused = true)]
async fn the_state_of_a_breaker_can_be_read() {
    let options = BreakerOptions::new().failures(1);
    let client = flaky::builder().breaker("shared", options).build();
    assert_eq!(client.breaker_state("shared"), Some(BreakerState::Closed));
    assert_eq!(client.breaker_state("get_guarded"), None);
    client.query(&GetGuarded(1)).await.unwrap();
    assert_eq!(client.breaker_state("get_guarded"), Some(BreakerState::Closed));
    client.app().script(&GetShared(1), [Step::Fail, Step::Slow(SECOND)]);
    assert!(client.query(&GetShared(1)).await.is_err());
    let Some(BreakerState::Open { until, .. }) = client.breaker_state("shared") else {
        panic!("the breaker is not open")
    };
    assert_eq!(until, Instant::now() + seconds(60));
    pass(seconds(60)).await;
    let trial = flaky::spawn_query(&client, &GetShared(1));
    settle().await;
    assert_eq!(client.breaker_state("shared"), Some(BreakerState::HalfOpen));
    trial.await.unwrap().unwrap();
    assert_eq!(client.breaker_state("shared"), Some(BreakerState::Closed));
    assert_eq!(client.breaker_state("unknown"), None);
}

/// A subscriber that panics on the span of the first load.
struct Skittish(AtomicBool);

impl<S: Subscriber> Layer<S> for Skittish {
    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: LayerContext<'_, S>) {
        assert!(self.0.swap(true, Ordering::SeqCst), "the subscriber panics");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_listener_does_not_leave_callers_waiting() {
    let skittish = Registry::default().with(Skittish(AtomicBool::new(false)));
    let _guard = tracing::subscriber::set_default(skittish);
    let client = paused_client();
    let prefetch = client.clone();
    let prefetch = tokio::spawn(async move { prefetch.prefetch(&GetNumber(1)) });
    assert!(prefetch.await.unwrap_err().is_panic());
    assert_eq!(*in_time(client.query(&GetNumber(1))).await.unwrap(), 1);
}

/// Makes a client miss, load, store, hit, serve a stale value and fail.
async fn do_everything(client: &Client<ScriptedApp>) {
    client.query(&GetStale(1)).await.unwrap();
    client.query(&GetStale(1)).await.unwrap();
    client.app().script(&GetStale(1), Script::Fail(SECOND));
    pass(seconds(20)).await;
    client.query(&GetStale(1)).await.unwrap();
    pass(SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn keys_are_recorded_only_on_request_or_for_failures() {
    let names = ["miss", "load", "store", "hit", "stale_hit", "refresh", "failed"];
    for is_asked_for in [false, true] {
        let listener = Listener::start();
        let client = if is_asked_for { builder().trace_keys(true).build() } else { paused_client() };
        do_everything(&client).await;
        for recorded in names.iter().flat_map(|name| {
            let all = listener.all(name);
            assert!(!all.is_empty(), "{name}");
            all
        }) {
            let has_key = is_asked_for || recorded.name == "failed";
            assert_eq!(recorded.field("key"), if has_key { "GetStale(1)" } else { "" }, "{}", recorded.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_recorded_with_its_key_and_error_at_a_lower_level_if_expected() {
    let listener = Listener::start();
    let client = flaky_client();
    for (query, step, level, error) in [
        (GetGuardedPlainly(1), Step::Fail, "DEBUG", FlakyError::Final.to_string()),
        (GetGuardedPlainly(2), Step::Panic, "WARN", "the load panics".to_owned()),
    ] {
        client.app().script(&query, [step]);
        assert!(client.query(&query).await.is_err());
        let failed = listener.one("failed");
        assert_eq!((failed.level.as_str(), failed.field("error")), (level, error.as_str()));
        assert_eq!(failed.field("key"), format!("{query:?}"));
        listener.counts();
    }
    client.app().script(&GetFlaky(1), [Step::Fail]);
    assert!(client.query(&GetFlaky(1)).await.is_err());
    assert_eq!(listener.one("failed").level, "WARN");
}

#[tokio::test(start_paused = true)]
async fn keys_of_a_secret_query_are_never_printed() {
    let listener = Listener::start();
    let client = flaky::builder().trace_keys(true).build();
    let query = GetSecret(1234);
    client.app().script(&query, [Step::Fail]);
    assert!(client.query(&query).await.is_err());
    client.query(&query).await.unwrap();
    for name in ["failed", "miss", "load", "store"] {
        assert!(listener.all(name).iter().all(|recorded| recorded.field("key") == "(secret)"), "{name}");
    }
    let mut tx = client.cache().begin();
    tx.update_once(query.clone(), |_| 7_usize);
    client.cache().insert(query.clone(), 8);
    let tree = client.request("tree");
    tree.set(&query, 7_usize).unwrap();
    let answered = tree.set(&query, 8_usize).unwrap_err();
    assert_eq!(answered.key, "(secret)");
    let printed = [
        tx.commit().unwrap_err().to_string(),
        format!("{:?}", client.cache().inspect_entries()),
        format!("{:?}", client.cache().peek_entry(&query)),
        format!("{:?}", client.cache().watch(&query)),
        format!("{:?}", client.observe(&query)),
        format!("{:?}", client.infinite(query.clone(), |_| None)),
        format!("{answered} {answered:?}"),
    ];
    for text in printed {
        assert!(!text.contains("1234"), "{text}");
    }
}
