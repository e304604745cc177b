//! Requests: the memo, cancellation, and a disabled cache.

use std::sync::Arc;
use std::time::Duration;

use cache_client::{Context, Strategy};
use tokio::time::Instant;

use crate::scripted::*;

#[tokio::test(start_paused = true)]
async fn a_tree_queries_a_key_once_and_returns_the_same_value_with_any_strategy() {
    let strategies = [
        Strategy::CacheFirst,
        Strategy::StaleWhileRevalidate,
        Strategy::NetworkFirst,
        Strategy::Refresh,
        Strategy::NetworkOnly,
    ];
    for strategy in strategies {
        let client = paused_client();
        let query = GetNumber(1);
        let tree = client.request("tree");
        let below = tree.child("below");
        let one = tree.query_with(&query, |options| options.strategy(strategy).swr(SECOND));
        let two = below.query_with(&query, |options| options.strategy(strategy).swr(SECOND));
        let (one, two) = tokio::join!(one, two);
        pass(seconds(100)).await;
        let three = below.query_with(&query, |options| options.strategy(strategy).swr(SECOND)).await;
        let (one, two, three) = (one.unwrap(), two.unwrap(), three.unwrap());
        assert!(Arc::ptr_eq(&one, &two) && Arc::ptr_eq(&two, &three), "{strategy:?}");
        assert_eq!(client.app().loads(&query), 1, "{strategy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tree_remembers_its_reads_when_the_cache_changes() {
    let client = paused_client();
    let query = GetNumber(1);
    let tree = client.request("tree");
    let first = tree.query(&query).await.unwrap();
    client.cache().insert(query.clone(), 99);
    assert!(Arc::ptr_eq(&tree.query(&query).await.unwrap(), &first));
    assert_eq!(*client.request("other").query(&query).await.unwrap(), 99);
}

#[tokio::test(start_paused = true)]
async fn calls_of_one_tree_that_time_out_in_turn_get_the_same_answer() {
    let client = paused_client();
    let query = GetFirst(1);
    client.cache().insert(query.clone(), 50);
    client.app().script(&query, Script::Never);
    let tree = client.request("tree");
    let second = async {
        takes(SECOND / 2).await;
        tree.query(&query).await
    };
    let change = async {
        takes(SECOND * 5 / 4).await;
        client.cache().insert(query.clone(), 99);
    };
    let (first, second, ()) = tokio::join!(tree.query(&query), second, change);
    assert_eq!((*first.unwrap(), *second.unwrap()), (50, 50));
}

#[tokio::test(start_paused = true)]
async fn a_running_refresh_of_a_tree_takes_precedence_over_the_cache() {
    let client = paused_client();
    let query = GetNumber(1);
    client.cache().insert(query.clone(), 99);
    let tree = client.request("tree");
    let refresh = tree.query_with(&query, |options| options.strategy(Strategy::Refresh));
    let (refreshed, plain) = tokio::join!(refresh, tree.query(&query));
    assert_eq!((*refreshed.unwrap(), *plain.unwrap()), (1, 1));
    assert_eq!(*client.query(&query).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_tree_does_not_remember_errors() {
    let client = paused_client();
    let query = GetNumber(1);
    let tree = client.request("tree");
    client.app().script(&query, Script::Fail(SECOND));
    assert!(tree.query(&query).await.is_err());
    client.app().script(&query, Script::Answer(SECOND));
    assert_eq!(*tree.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_set_on_a_tree_needs_no_load_and_is_set_once() {
    let client = paused_client();
    let query = GetNumber(1);
    let tree = client.request("tree");
    let child = tree.child("child");
    tree.set(&query, 42).unwrap();
    assert_eq!((*tree.query(&query).await.unwrap(), *child.query(&query).await.unwrap()), (42, 42));
    assert_eq!(child.cached(&query).as_deref(), Some(&42));
    let again = child.set(&query, 43).unwrap_err();
    assert_eq!(
        again.to_string(),
        "this tree already has an answer to `get_number` GetNumber(1): set it once, before the first query"
    );
    tree.query(&GetNumber(2)).await.unwrap();
    assert!(tree.set(&GetNumber(2), 43).is_err());
    assert_eq!(client.app().loads(&query), 0);
    assert!(client.cached(&query).is_none());
}

#[tokio::test(start_paused = true)]
async fn results_built_from_a_set_answer_are_neither_shared_nor_stored() {
    let client = paused_client();
    let tree = client.request("tree");
    tree.set(&GetNumber(1), 42).unwrap();
    client.cache().insert(GetStale(1), 7);
    let sum = GetSum(1);
    let (given, real) = tokio::join!(tree.query(&sum), client.query(&sum));
    assert_eq!((*given.unwrap(), *real.unwrap()), (42 + 7, 1 + 7));
    assert_eq!(client.app().loads(&sum), 2);
    assert_eq!(client.cached(&sum).as_deref(), Some(&8));
}

#[tokio::test(start_paused = true)]
async fn after_a_cancellation_nothing_runs_and_answers_stay_readable() {
    let client = paused_client();
    let tree = client.request("tree");
    let child = tree.child("child");
    let before = tree.query(&GetNumber(1)).await.unwrap();
    child.cancel();
    assert!(tree.is_cancelled() && child.is_cancelled());
    assert!(tree.query(&GetNumber(2)).await.unwrap_err().is_interrupted());
    assert!(Arc::ptr_eq(&tree.query(&GetNumber(1)).await.unwrap(), &before));
    assert_eq!(client.app().loads(&GetNumber(2)), 0);
    assert!(!client.request("other").is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn after_a_cancellation_not_even_a_fresh_cached_answer_is_returned() {
    let client = paused_client();
    client.query(&GetNumber(1)).await.unwrap();
    let tree = client.request("tree");
    tree.cancel();
    assert!(tree.query(&GetNumber(1)).await.unwrap_err().is_interrupted());
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_drops_the_loads_that_only_this_tree_awaits() {
    let client = paused_client();
    let (own, shared) = (GetNumber(1), GetNumber(2));
    let tree = client.request("tree");
    let other = spawn_query(&client, &shared);
    let cancel = async {
        pass(Duration::from_millis(500)).await;
        tree.cancel();
        settle().await;
    };
    let (a, b, ()) = tokio::join!(tree.query(&own), tree.query(&shared), cancel);
    assert!(a.unwrap_err().is_interrupted() && b.unwrap_err().is_interrupted());
    assert_eq!(client.app().dropped(), 1);
    assert_eq!(*other.await.unwrap().unwrap(), 1);
    assert!(client.cached(&own).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_interrupts_only_its_own_contexts() {
    let client = paused_client();
    let query = GetNumber(1);
    client.app().script(&query, Script::Answer(seconds(3)));
    let tree = client.request("tree");
    let begun = Instant::now();
    let hasty = tree.with_deadline(begun + Duration::from_millis(50)).child("below");
    let other = spawn_query(&client, &query);
    let error = hasty.query(&query).await.unwrap_err();
    assert!(error.is_interrupted());
    assert_eq!(begun.elapsed(), Duration::from_millis(50));
    assert!(hasty.query(&GetNumber(2)).await.unwrap_err().is_interrupted());
    assert!(client.cached(&query).is_none() && !tree.is_cancelled());
    assert_eq!((*other.await.unwrap().unwrap(), *tree.query(&query).await.unwrap()), (1, 1));
    assert_eq!(client.app().loads(&query), 1);
}

#[tokio::test(start_paused = true)]
async fn an_endless_load_ends_with_the_deadline_of_its_only_caller() {
    let client = paused_client();
    let query = GetHasty(1);
    client.app().script(&query, Script::Never);
    let hasty = client.request("tree").with_deadline(Instant::now() + Duration::from_millis(50));
    assert!(hasty.query(&query).await.unwrap_err().is_interrupted());
    settle().await;
    assert_eq!(client.app().dropped(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_needs_no_task() {
    let client = paused_client();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let hasty = client.request("tree").with_deadline(Instant::now() + SECOND);
    assert_eq!(tasks(), before);
    assert!(!hasty.is_cancelled());
    pass(SECOND).await;
    assert!(hasty.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_in_the_past_interrupts_at_once() {
    let client = paused_client();
    let late = client.request("tree").with_deadline(Instant::now());
    assert!(late.query(&GetNumber(1)).await.unwrap_err().is_interrupted());
    assert_eq!(client.app().loads(&GetNumber(1)), 0);
}

#[tokio::test(start_paused = true)]
async fn a_shared_load_does_not_inherit_the_deadline_of_its_first_caller() {
    let client = paused_client();
    let sum = GetSum(1);
    let hasty = client.request("tree").with_deadline(Instant::now() + Duration::from_millis(1_500));
    let patient = async {
        pass(Duration::from_millis(100)).await;
        client.query(&sum).await
    };
    let (hasty, patient) = tokio::join!(hasty.query(&sum), patient);
    assert!(hasty.unwrap_err().is_interrupted());
    assert_eq!((*patient.unwrap(), client.app().loads(&sum)), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_disabled_cache_is_neither_read_nor_written_but_the_tree_still_memoises() {
    let client = paused_client();
    let query = GetNumber(1);
    client.cache().insert(query.clone(), 99);
    let tree = client.request("tree");
    let (early, sibling) = (tree.child("early"), client.request("sibling"));
    tree.disable_cache();
    let late = tree.child("late");
    assert!(!early.is_cache_enabled() && !late.is_cache_enabled() && sibling.is_cache_enabled());
    let values = [
        tree.query(&query).await.unwrap(),
        early.query(&query).await.unwrap(),
        late.query(&query).await.unwrap(),
    ];
    assert!(values.iter().all(|value| **value == 1 && Arc::ptr_eq(value, &values[0])));
    assert_eq!(*sibling.query(&query).await.unwrap(), 99);
    assert_eq!(client.cached(&query).as_deref(), Some(&99));
    assert!(tree.cached(&GetNumber(2)).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_disabled_context_does_not_disable_its_parents() {
    let client = paused_client();
    let tree = client.request("tree");
    let child = tree.child("child");
    child.disable_cache();
    assert!(tree.is_cache_enabled() && !child.child("below").is_cache_enabled());
    child.query(&GetNumber(1)).await.unwrap();
    assert!(client.cached(&GetNumber(1)).is_none());
    tree.query(&GetNumber(2)).await.unwrap();
    assert!(client.cached(&GetNumber(2)).is_some());
}

#[tokio::test(start_paused = true)]
async fn all_inputs_of_a_disabled_context_stay_out_of_the_cache() {
    let client = paused_client();
    let tree = client.request("tree");
    tree.disable_cache();
    client.cache().insert(GetStale(1), 99);
    let (own, shared) = (GetSum(1), GetNumber(1));
    let (own, shared) = tokio::join!(tree.query(&own), client.query(&shared));
    assert_eq!((*own.unwrap(), *shared.unwrap()), (1 + 2, 1));
    assert_eq!(client.app().loads(&GetNumber(1)), 2);
    assert!(client.cached(&GetSum(1)).is_none());
    assert_eq!(client.cached(&GetStale(1)).as_deref(), Some(&99));
}

#[tokio::test(start_paused = true)]
async fn a_running_call_is_not_affected_when_the_cache_is_disabled() {
    let client = paused_client();
    let query = GetNumber(1);
    let tree = client.request("tree");
    let (value, ()) = tokio::join!(tree.query(&query), async {
        settle().await;
        tree.disable_cache();
    });
    assert_eq!(*value.unwrap(), 1);
    assert_eq!(client.cached(&query).as_deref(), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn a_disabled_context_does_not_check_options() {
    let client = paused_client();
    let tree = client.request("tree");
    tree.disable_cache();
    assert_eq!(*tree.query(&GetTimeless(1)).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_overridden_query_is_not_loaded_and_its_answers_stay_private() {
    let client = paused_client();
    let tree = client.request("tree");
    let replaced = tree.with_override::<GetNumber>(|query| Ok(Arc::new(1_000 + query.0 as usize)));
    let (number, sum) = (GetNumber(1), GetSum(1));
    assert_eq!(*replaced.query(&number).await.unwrap(), 1_001);
    assert_eq!(client.app().loads(&number), 0);
    client.cache().insert(GetStale(1), 7);
    let (built, real) = tokio::join!(replaced.query(&sum), client.query(&sum));
    assert_eq!((*built.unwrap(), *real.unwrap()), (1_001 + 1, 1 + 7));
    assert_eq!(client.cached(&sum).as_deref(), Some(&8));
    assert_eq!(client.cached(&number).as_deref(), Some(&1));
    assert_eq!(*tree.query(&number).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn results_built_from_real_answers_do_not_reach_a_tree_that_overrides_them() {
    let client = paused_client();
    client.query(&GetSum(1)).await.unwrap();
    let replaced = client.request("tree").with_override::<GetNumber>(|_| Ok(Arc::new(1_000)));
    assert_eq!(*replaced.query(&GetSum(1)).await.unwrap(), 1_002);
}

#[tokio::test(start_paused = true)]
async fn an_override_can_fail() {
    let client = paused_client();
    let replaced = client.request("tree").with_override::<GetNumber>(|_| Err(ScriptedError::NoLuck));
    assert_eq!(
        replaced.query(&GetNumber(1)).await.unwrap_err().to_string(),
        "the load of `get_number` failed"
    );
}

#[tokio::test(start_paused = true)]
async fn the_current_context_is_available_to_code_that_does_not_receive_it() {
    let client = paused_client();
    let tree = client.request("GET /posts/7");
    assert!(Context::<ScriptedApp>::current().is_none());
    let name = tree.scope(async { Context::<ScriptedApp>::current().map(|cx| cx.name().to_owned()) }).await;
    assert_eq!(name.as_deref(), Some("GET /posts/7"));
}

#[tokio::test(start_paused = true)]
async fn ten_contexts_deep_a_miss_is_one_load_and_one_store() {
    let client = paused_client();
    let mut cx = client.request("root");
    for depth in 0..10 {
        cx = cx.child(format!("{depth}"));
    }
    let before = client.cache().revision();
    cx.query(&GetNumber(1)).await.unwrap();
    assert_eq!(before, None);
    assert_eq!(client.cache().revision().unwrap().get(), 1);
    assert_eq!(client.app().loads(&GetNumber(1)), 1);
}

#[test]
fn all_futures_are_send() {
    fn is_send<T: Send>(_: T) {}
    let client = paused_client();
    let (query, tree) = (GetNumber(1), client.request("tree"));
    is_send(client.query(&query));
    is_send(tree.query(&query));
    is_send(tree.query_all(std::slice::from_ref(&query)));
    is_send(tree.scope(async {}));
    is_send(tree.query_with(&query, |options| options));
    is_send(client.query_all(std::slice::from_ref(&query)));
    is_send(client.invalidate(&query).reloaded());
    is_send(async { client.prefetch(&GetWeak(9)).done().await });
    is_send(async { client.observe(&query).next().await });
    is_send(async { client.paged(|_| GetNumber(1)).next().await });
    is_send(async { client.infinite(GetNumber(1), |_| None).refetch_all().await });
    is_send(client.optimistic(|_| {}).confirm(|_| {}));
    is_send((client.clone(), tree));
}

#[tokio::test(start_paused = true)]
async fn contexts_can_nest_deeply() {
    let mut cx = paused_client().request("root");
    for _ in 0..200_000 {
        cx = cx.child("below");
    }
    drop(cx);
}

#[tokio::test(start_paused = true)]
async fn a_load_runs_inside_its_own_context() {
    let client = paused_client();
    let (sender, names) = std::sync::mpsc::channel();
    client.app().when_loaded(1, move |cx| {
        Box::pin(async move {
            let current = Context::<ScriptedApp>::current().map(|cx| cx.name().to_owned());
            sender.send((current, cx.name().to_owned())).unwrap();
        })
    });
    let tree = client.request("GET /posts/7");
    tree.scope(tree.query(&GetNumber(1))).await.unwrap();
    assert_eq!(names.recv().unwrap(), (Some("get_number".to_owned()), "get_number".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_sets_answers_on_its_context_is_not_stored() {
    for replaces in [true, false] {
        let client = paused_client();
        client.app().when_loaded(1, move |cx: Context<ScriptedApp>| {
            Box::pin(async move {
                match replaces {
                    true => drop(cx.with_override::<GetStale>(|_| Ok(Arc::new(7)))),
                    false => cx.set(&GetStale(1), 7).unwrap(),
                }
            })
        });
        assert_eq!(*client.query(&GetNumber(1)).await.unwrap(), 1);
        assert!(client.cached(&GetNumber(1)).is_none(), "replaces: {replaces}");
        assert_eq!(*client.query(&GetNumber(1)).await.unwrap(), 2);
        assert!(client.cached(&GetNumber(1)).is_some(), "the next load sets no answer");
    }
}
