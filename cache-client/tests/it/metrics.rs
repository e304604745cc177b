//! The metrics of the client, with the feature `metrics`.

use std::collections::BTreeMap;

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use crate::flaky::{GetFlaky, GetGuarded, Step, flaky_client};
use crate::scripted::*;

/// Each metric with its labels, as `name{label=value}`.
fn taken(snapshotter: &Snapshotter) -> BTreeMap<String, DebugValue> {
    let metrics = snapshotter.snapshot().into_vec().into_iter();
    metrics
        .map(|(key, _, _, value)| {
            let labels: Vec<_> =
                key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            (format!("{}{{{}}}", key.key().name(), labels.join(",")), value)
        })
        .collect()
}

#[track_caller]
fn assert_counter(taken: &BTreeMap<String, DebugValue>, name: &str, count: u64) {
    assert_eq!(taken.get(name), Some(&DebugValue::Counter(count)), "{name} in {taken:#?}");
}

#[tokio::test(start_paused = true)]
async fn calls_and_loads_are_counted_and_measured_by_query() {
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let client = paused_client();
    client.query(&GetStale(1)).await.unwrap();
    client.query(&GetStale(1)).await.unwrap();
    pass(seconds(20)).await;
    client.query(&GetStale(1)).await.unwrap();
    pass(SECOND).await;
    client.app().script(&GetStale(1), Script::Fail(seconds(2)));
    pass(seconds(1_000)).await;
    assert!(client.query(&GetStale(1)).await.is_err());
    client.cache().insert(GetNumber(1), 7);
    client.query(&GetNumber(1)).await.unwrap();
    let taken = taken(&recorder.snapshotter());
    for (name, count) in [
        ("cache_client_hits_total{query=get_stale}", 1),
        ("cache_client_hits_total{query=get_number}", 1),
        ("cache_client_stale_hits_total{query=get_stale}", 1),
        ("cache_client_misses_total{query=get_stale}", 2),
        ("cache_client_refreshes_total{query=get_stale}", 1),
        ("cache_client_stores_total{query=get_stale}", 2),
        ("cache_client_loads_total{query=get_stale,outcome=answered}", 2),
        ("cache_client_loads_total{query=get_stale,outcome=failed}", 1),
    ] {
        assert_counter(&taken, name, count);
    }
    let times = [1.0, 1.0, 2.0].map(Into::into).to_vec();
    assert_eq!(
        taken["cache_client_load_seconds{query=get_stale}"],
        DebugValue::Histogram(times),
        "{taken:#?}"
    );
    assert_eq!(taken["cache_client_flights{query=get_stale}"], DebugValue::Gauge(0.0.into()));
}

#[tokio::test(start_paused = true)]
async fn a_gauge_counts_running_flights_however_they_end() {
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let client = paused_client();
    // A snapshot has the changes since the last one.
    let moved = || taken(&recorder.snapshotter()).remove("cache_client_flights{query=get_number}").unwrap();
    client.app().script(&GetNumber(1), Script::Never);
    let waiters = [1, 2].map(|key| spawn_query_without_linger(&client, &GetNumber(key)));
    settle().await;
    assert_eq!(moved(), DebugValue::Gauge(2.0.into()));
    pass(SECOND).await;
    assert_eq!(moved(), DebugValue::Gauge((-1.0).into()));
    waiters[0].abort();
    settle().await;
    assert_eq!(moved(), DebugValue::Gauge((-1.0).into()));
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_load_is_counted_and_not_measured() {
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let client = paused_client();
    client.app().script(&GetNumber(1), Script::Never);
    let waiter = spawn_query_without_linger(&client, &GetNumber(1));
    settle().await;
    waiter.abort();
    settle().await;
    let taken = taken(&recorder.snapshotter());
    assert_counter(&taken, "cache_client_loads_total{query=get_number,outcome=interrupted}", 1);
    assert!(!taken.contains_key("cache_client_load_seconds{query=get_number}"), "{taken:#?}");
}

#[tokio::test(start_paused = true)]
async fn retries_and_breaker_changes_are_counted() {
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let client = flaky_client();
    client.app().script(&GetFlaky(1), [Step::Pass, Step::Pass]);
    client.query(&GetFlaky(1)).await.unwrap();
    for key in 0..5 {
        client.app().script(&GetGuarded(key), [Step::Fail]);
        assert!(client.query(&GetGuarded(key)).await.is_err());
    }
    assert!(client.query(&GetGuarded(9)).await.is_err());
    pass(seconds(60)).await;
    client.query(&GetGuarded(9)).await.unwrap();
    let taken = taken(&recorder.snapshotter());
    assert_counter(&taken, "cache_client_retries_total{query=get_flaky}", 2);
    assert_counter(&taken, "cache_client_loads_total{query=get_guarded,outcome=refused}", 1);
    for state in ["open", "half-open", "closed"] {
        let name = format!("cache_client_breaker_changes_total{{breaker=get_guarded,state={state}}}");
        assert_counter(&taken, &name, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_metrics_are_described_to_the_recorder() {
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let client = paused_client();
    client.query(&GetNumber(1)).await.unwrap();
    let metrics = recorder.snapshotter().snapshot().into_vec();
    assert!(!metrics.is_empty());
    for (key, unit, meaning, _) in metrics {
        assert!(unit.is_some() && meaning.is_some(), "{key:?}");
    }
}
