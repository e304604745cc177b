//! Prefetches of one or several queries, with or without a delay, from a client and from a tree.

use std::sync::Arc;
use std::time::Duration;

use cache_client::{QueryError, Strategy};
use tokio::time::Instant;

use crate::listener::Listener;
use crate::scripted::*;

#[tokio::test(start_paused = true)]
async fn prefetched_queries_load_concurrently_without_callers() {
    let client = paused_client();
    client.prefetch(&GetNumber(1)).and(client.prefetch(&GetStale(1))).and(client.prefetch(&GetMaybe(2)));
    settle().await;
    assert_eq!(client.app().loads(&GetNumber(1)) + client.app().loads(&GetStale(1)), 2);
    pass(SECOND).await;
    assert_eq!(client.cached(&GetNumber(1)).as_deref(), Some(&1));
    assert_eq!(client.cached(&GetStale(1)).as_deref(), Some(&1));
    assert_eq!(client.cached(&GetMaybe(2)).as_deref(), Some(&Some(1)));
}

#[tokio::test(start_paused = true)]
async fn a_prefetch_can_be_awaited() {
    let client = paused_client();
    client.app().script(&GetStale(1), Script::Answer(seconds(3)));
    client.app().script(&GetForgiven(1), Script::Fail(seconds(2)));
    let begun = Instant::now();
    client
        .prefetch(&GetNumber(1))
        .and(client.prefetch(&GetStale(1)))
        .and(client.prefetch(&GetForgiven(1)))
        .done()
        .await;
    assert_eq!(begun.elapsed(), seconds(3));
    assert!(client.cached(&GetNumber(1)).is_some() && client.cached(&GetStale(1)).is_some());
    assert!(matches!(client.refresh_error(&GetForgiven(1)), Some(QueryError::Failed { .. })));
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_prefetch_ends_with_its_context() {
    let client = paused_client();
    client.app().script(&GetNumber(1), Script::Answer(seconds(3)));
    let begun = Instant::now();
    let hasty = client.request("tree").with_deadline(begun + SECOND);
    hasty.prefetch(&GetNumber(1)).done().await;
    assert_eq!(begun.elapsed(), SECOND);
    pass(seconds(2)).await;
    assert!(client.cached(&GetNumber(1)).is_some(), "the load continues");
}

#[tokio::test(start_paused = true)]
async fn a_slice_an_array_and_a_vector_can_be_prefetched() {
    let client = paused_client();
    let keys: Vec<GetNumber> = (0..9).map(GetNumber).collect();
    client.prefetch_all(&keys[..3]);
    client.prefetch_all(&[GetNumber(3), GetNumber(4)]);
    let begun = Instant::now();
    client.prefetch_all(&keys).done().await;
    assert_eq!(begun.elapsed(), SECOND);
    assert!(keys.iter().all(|key| client.cached(key).is_some() && client.app().loads(key) == 1));
    client.prefetch_all(&keys[..0]).done().await;
}

#[tokio::test(start_paused = true)]
async fn twelve_queries_of_different_types_can_be_prefetched_together() {
    let client = paused_client();
    client
        .prefetch(&GetNumber(1))
        .and(client.prefetch(&GetWeak(1)))
        .and(client.prefetch(&GetStale(1)))
        .and(client.prefetch(&GetForgiven(1)))
        .and(client.prefetch(&GetFirst(1)))
        .and(client.prefetch(&GetPolled(1)))
        .and(client.prefetch(&GetEqual(1)))
        .and(client.prefetch(&GetMaybe(2)))
        .and(client.prefetch(&GetBrittle(1)))
        .and(client.prefetch(&GetWeighed(9_001)))
        .and(client.prefetch(&GetSum(1)))
        .and(client.prefetch(&GetNumber(2)))
        .done()
        .await;
    assert!(client.cached(&GetNumber(1)).is_some() && client.cached(&GetNumber(2)).is_some());
    assert_eq!(client.cached(&GetSum(1)).as_deref(), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn a_prefetch_skips_fresh_keys_and_joins_running_loads() {
    let client = paused_client();
    client.cache().insert(GetNumber(1), 99);
    let waiter = spawn_query(&client, &GetNumber(2));
    settle().await;
    let begun = Instant::now();
    client.prefetch(&GetNumber(1)).done().await;
    assert_eq!(begun.elapsed(), seconds(0));
    client.prefetch(&GetNumber(1)).and(client.prefetch(&GetNumber(2))).done().await;
    assert_eq!(begun.elapsed(), SECOND);
    waiter.await.unwrap().unwrap();
    assert_eq!((client.app().loads(&GetNumber(1)), client.app().loads(&GetNumber(2))), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn invalid_options_of_one_query_do_not_stop_other_prefetches() {
    let client = paused_client();
    client.prefetch(&GetTimeless(1)).and(client.prefetch(&GetNumber(1))).done().await;
    assert_eq!(client.app().loads(&GetTimeless(1)), 0);
    assert!(client.cached(&GetNumber(1)).is_some());
}

#[tokio::test(start_paused = true)]
async fn an_awaited_prefetch_is_kept_for_five_seconds() {
    let client = paused_client();
    client.prefetch(&GetWeak(1)).done().await;
    pass(seconds(4)).await;
    assert!(client.cached(&GetWeak(1)).is_some());
    pass(seconds(2)).await;
    assert!(client.cached(&GetWeak(1)).is_none());
}

#[tokio::test(start_paused = true)]
async fn prefetches_continue_when_the_caller_stops_waiting() {
    let client = paused_client();
    let done = client.prefetch(&GetNumber(1)).and(client.prefetch(&GetStale(1))).done();
    assert!(tokio::time::timeout(Duration::from_millis(100), done).await.is_err());
    pass(SECOND).await;
    assert!(client.cached(&GetNumber(1)).is_some() && client.cached(&GetStale(1)).is_some());
    assert_eq!(client.app().dropped(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_prefetch_inside_a_load_is_not_part_of_a_cycle() {
    // The cycle is closed first by the prefetched load and then by the wait for it.
    for (first, second) in [(1, 2), (2, 1)] {
        let client = paused_client();
        client.app().script(&GetEager(1), Script::Answer(seconds(first)));
        client.app().script(&GetEager(2), Script::Answer(seconds(second)));
        let begun = Instant::now();
        assert_eq!(*in_time(client.query(&GetEager(1))).await.unwrap(), 1);
        assert_eq!(begun.elapsed(), seconds(2));
        pass(SECOND).await;
        assert_eq!(client.cached(&GetEager(2)).as_deref(), Some(&1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_delayed_prefetch_loads_after_its_delay() {
    let client = paused_client();
    let guard = client.prefetch_after(&GetNumber(1), SECOND);
    pass(Duration::from_millis(900)).await;
    assert_eq!(client.app().loads(&GetNumber(1)), 0);
    pass(Duration::from_millis(200)).await;
    assert_eq!(client.app().loads(&GetNumber(1)), 1);
    // The load is running and continues by itself.
    drop(guard);
    pass(SECOND).await;
    assert_eq!(client.cached(&GetNumber(1)).as_deref(), Some(&1));
    assert_eq!(client.app().dropped(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_prefetch_is_cancelled_with_its_guard() {
    let client = paused_client();
    let guard = client.prefetch_after(&GetNumber(1), SECOND);
    pass(Duration::from_millis(900)).await;
    drop(guard);
    pass(seconds(10)).await;
    assert_eq!(client.app().loads(&GetNumber(1)), 0);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_prefetch_uses_a_value_stored_during_its_delay() {
    let client = paused_client();
    let _guard = client.prefetch_after(&GetNumber(1), SECOND);
    client.cache().insert(GetNumber(1), 99);
    pass(seconds(2)).await;
    assert_eq!(client.app().loads(&GetNumber(1)), 0);
}

#[tokio::test(start_paused = true)]
async fn a_prefetch_of_a_tree_is_shared_and_answers_the_tree() {
    let client = paused_client();
    let tree = client.request("tree");
    tree.prefetch(&GetNumber(1));
    settle().await;
    let (ours, theirs) = tokio::join!(tree.query(&GetNumber(1)), client.query(&GetNumber(1)));
    assert!(Arc::ptr_eq(&ours.unwrap(), &theirs.unwrap()));
    assert_eq!(client.app().loads(&GetNumber(1)), 1);
    // The tree has its answer even if the entry is gone.
    client.cache().clear();
    tree.prefetch(&GetNumber(1)).done().await;
    assert_eq!(client.app().loads(&GetNumber(1)), 1);
}

#[tokio::test(start_paused = true)]
async fn prefetches_of_a_cancelled_tree_continue_without_callers() {
    let client = paused_client();
    let tree = client.request("tree");
    let prefetched = tree.prefetch(&GetNumber(1)).and(tree.prefetch(&GetStale(1)));
    settle().await;
    tree.cancel();
    let begun = Instant::now();
    prefetched.done().await;
    assert_eq!(begun.elapsed(), seconds(0));
    tree.prefetch(&GetNumber(2));
    let _guard = tree.prefetch_after(&GetNumber(3), SECOND);
    pass(seconds(5)).await;
    assert!(client.cached(&GetNumber(1)).is_some() && client.cached(&GetStale(1)).is_some());
    assert_eq!(client.app().loads(&GetNumber(2)) + client.app().loads(&GetNumber(3)), 0);
}

#[tokio::test(start_paused = true)]
async fn a_tree_with_a_disabled_cache_prefetches_nothing() {
    let client = paused_client();
    let disabled = client.request("disabled");
    let below = disabled.child("below");
    let late = disabled.prefetch_after(&GetNumber(3), SECOND);
    disabled.disable_cache();
    let given = client.request("given");
    given.set(&GetStale(1), 7_usize).unwrap();
    let replacing = client.request("replacing").with_override::<GetStale>(|_| Ok(Arc::new(7)));
    for tree in [&disabled, &below, &given, &replacing] {
        tree.prefetch(&GetNumber(1));
        tree.prefetch(&GetNumber(2)).and(tree.prefetch(&GetStale(1))).done().await;
    }
    pass(seconds(5)).await;
    let loads = (1..4).map(|key| client.app().loads(&GetNumber(key))).sum::<usize>();
    assert_eq!(loads + client.app().loads(&GetStale(1)), 0);
    drop(late);
}

#[tokio::test(start_paused = true)]
async fn a_prefetch_that_would_store_nothing_does_not_load() {
    let client = builder().query::<GetNumber>(|options| options.strategy(Strategy::NetworkOnly)).build();
    in_time(client.prefetch(&GetNumber(1)).done()).await;
    assert_eq!((client.app().loads(&GetNumber(1)), client.cached(&GetNumber(1))), (0, None));
}

#[tokio::test(start_paused = true)]
async fn invalid_options_of_a_prefetch_are_recorded_and_readable_separately() {
    let client =
        builder().query::<GetNumber>(|options| options.strategy(Strategy::StaleWhileRevalidate)).build();
    let cx = client.request("a request");
    for (key, prefetch) in [(1, false), (2, true)] {
        let listener = Listener::start();
        let (timeless, number) = (GetTimeless(key), GetNumber(key));
        match prefetch {
            false => drop(client.prefetch(&timeless).and(client.prefetch(&number))),
            true => drop(cx.prefetch(&timeless).and(cx.prefetch(&number))),
        }
        settle().await;
        let recorded = listener.all("prefetch_refused");
        let recorded: Vec<_> = recorded
            .iter()
            .map(|recorded| (recorded.level.as_str(), recorded.field("query"), recorded.field("option")))
            .collect();
        assert_eq!(recorded, [("WARN", "get_timeless", "fresh"), ("WARN", "get_number", "swr")]);
        assert!(listener.all("prefetch_refused")[0].field("problem").starts_with("is missing"));
        assert!(matches!(
            client.refresh_error(&timeless),
            Some(QueryError::Options(error)) if error.option == "fresh"
        ));
        assert!(matches!(
            client.refresh_error(&number),
            Some(QueryError::Options(error)) if error.option == "swr"
        ));
        assert_eq!(client.app().loads(&timeless) + client.app().loads(&number), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_waited_for_is_kept_as_long_as_the_option_says() {
    for (kept, seconds_kept) in [(0, 0), (2, 2), (60, 60)] {
        let client = builder().query::<GetWeak>(|options| options.keep_prefetched(seconds(kept))).build();
        client.prefetch(&GetWeak(1)).done().await;
        settle().await;
        if seconds_kept > 0 {
            pass(seconds(seconds_kept) - Duration::from_millis(10)).await;
            assert!(client.cached(&GetWeak(1)).is_some(), "{kept} s");
            pass(Duration::from_millis(20)).await;
        }
        assert!(client.cached(&GetWeak(1)).is_none(), "{kept} s");
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_loads_a_fresh_key_once_for_all_behind_its_readers() {
    let (client, query) = (paused_client(), GetNumber(1));
    client.query(&query).await.unwrap();
    for _ in 0..10 {
        client.update(&query);
    }
    let update = client.update(&query);
    assert_eq!(*client.query(&query).await.unwrap(), 1, "the value is served meanwhile");
    update.done().await;
    assert_eq!(*client.query(&query).await.unwrap(), 2);
    assert_eq!(client.app().loads(&query), 2);
}

#[tokio::test(start_paused = true)]
async fn an_update_that_fails_leaves_the_value_and_its_error() {
    let (client, query) = (paused_client(), GetNumber(1));
    client.query(&query).await.unwrap();
    client.app().script(&query, Script::Fail(SECOND));
    client.update(&query).done().await;
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    assert!(matches!(client.refresh_error(&query), Some(QueryError::Failed { .. })));
}

#[tokio::test(start_paused = true)]
async fn an_update_of_a_query_that_stores_nothing_loads_nothing() {
    let client = builder().query::<GetNumber>(|options| options.strategy(Strategy::NetworkOnly)).build();
    client.update(&GetNumber(1)).done().await;
    assert_eq!(client.app().loads(&GetNumber(1)), 0);
}
