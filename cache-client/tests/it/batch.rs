//! Batched queries: which keys share a batch, and how each key gets its own answer.

use std::sync::Arc;

use cache_client::{Changes, Client, Context, Fetch, Mutate, QueryError, Strategy};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::batching::*;
use crate::scripted::{in_time, pass, seconds, settle};

type QueryTask = JoinHandle<Result<Arc<usize>, QueryError<BatchingError>>>;

/// Queries in a task, so that the test can continue meanwhile.
fn spawn_query(client: &Client<BatchingApp>, query: &GetItem) -> QueryTask {
    let (client, query) = (client.clone(), query.clone());
    tokio::spawn(async move { client.query(&query).await })
}

#[tokio::test(start_paused = true)]
async fn keys_of_one_tick_are_loaded_together_up_to_the_maximum() {
    let client = batching_client();
    let begun = Instant::now();
    let answers = client.query_all(&items(0..60)).await;
    // The batch did not wait for a timer.
    assert_eq!(begun.elapsed(), CALL);
    assert!(answers.iter().all(|answer| answer.as_deref().is_ok_and(|number| *number == 1)));
    let mut calls = client.app().calls::<GetItem>();
    calls.sort();
    assert_eq!(calls.iter().map(Vec::len).collect::<Vec<_>>(), [25, 25, 10]);
    assert_eq!(calls.concat(), (0..60).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_hundred_keys_with_forty_in_the_cache_are_one_load_of_sixty() {
    let client = batching_client();
    let crates: Vec<_> = (0..100).map(GetCrate).collect();
    for number in (0..100).filter(|number| number % 5 < 2) {
        client.cache().insert(GetCrate(number), 100 + number as usize);
    }
    client.app().script(&GetCrate(7), [Step::Fail]);
    let answers = client.query_all(&crates).await;
    assert_eq!(client.app().sizes::<GetCrate>(), [60]);
    for (number, answer) in answers.iter().enumerate() {
        match number {
            7 => assert!(matches!(answer, Err(QueryError::Failed { .. }))),
            _ if number % 5 < 2 => assert_eq!(answer.as_deref().ok(), Some(&(100 + number))),
            _ => assert_eq!(answer.as_deref().ok(), Some(&1)),
        }
    }
    assert!(client.cached(&GetCrate(8)).is_some() && client.cached(&GetCrate(7)).is_none());
}

#[tokio::test(start_paused = true)]
async fn the_default_maximum_of_a_batch_is_a_hundred_keys() {
    let client = batching_client();
    let crates: Vec<_> = (0..250).map(GetCrate).collect();
    client.query_all(&crates).await;
    assert_eq!(client.app().sizes::<GetCrate>(), [100, 100, 50]);
}

#[tokio::test(start_paused = true)]
async fn the_maximum_can_be_set_as_an_option() {
    let client = builder().query::<GetItem>(|options| options.batch(4)).build();
    client.query_all(&items(0..8)).await;
    assert_eq!(client.app().sizes::<GetItem>(), [4, 4]);
    let one = |number, most| {
        let client = client.clone();
        async move { client.query_with(&GetItem(number), |options| options.batch(most)).await.unwrap() }
    };
    tokio::join!(one(10, 1), one(11, 1));
    assert_eq!(client.app().sizes::<GetItem>()[2..], [1, 1]);
    // Each caller's maximum is respected, and a caller that wants a batch of one does not block the others.
    tokio::join!(one(20, 2), one(21, 3), one(22, 3), one(23, 1), one(24, 3), one(25, 3));
    let mut calls = client.app().calls::<GetItem>().split_off(4);
    calls.sort();
    assert_eq!(calls, [vec![20, 21], vec![22, 24, 25], vec![23]]);
}

#[tokio::test(start_paused = true)]
async fn callers_in_different_tasks_share_a_batch_within_one_tick() {
    let client = batching_client();
    let (one, two) = (client.request("one"), client.request("two"));
    let (a, b, c) = (GetItem(1), GetItem(2), GetItem(2));
    client.prefetch(&GetItem(3));
    let other = spawn_query(&client, &GetItem(4));
    let (a, b, c) = tokio::join!(one.query(&a), one.query(&b), two.query(&c));
    assert!(a.is_ok() && Arc::ptr_eq(&b.unwrap(), &c.unwrap()) && other.await.unwrap().is_ok());
    let mut keys = client.app().calls::<GetItem>().concat();
    keys.sort_unstable();
    assert_eq!((keys, client.app().sizes::<GetItem>()), (vec![1, 2, 3, 4], vec![4]));
}

#[tokio::test(start_paused = true)]
async fn a_key_queried_after_the_tick_joins_the_next_batch() {
    let client = batching_client();
    let first = spawn_query(&client, &GetItem(1));
    settle().await;
    let (second, third) = (spawn_query(&client, &GetItem(2)), spawn_query(&client, &GetItem(1)));
    for call in [first, second, third] {
        assert_eq!(*call.await.unwrap().unwrap(), 1);
    }
    assert_eq!(client.app().calls::<GetItem>(), [[1], [2]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_several_threads_each_key_is_loaded_once_and_no_load_takes_more_than_the_maximum() {
    let client = batching_client();
    let quick: Arc<[_]> = (0..60).map(GetQuick).collect();
    let spawn_query = || {
        let (client, quick) = (client.clone(), Arc::clone(&quick));
        tokio::spawn(async move { client.query_all(&quick[..]).await })
    };
    for call in [spawn_query(), spawn_query(), spawn_query()] {
        let answers = in_time(call).await.unwrap();
        assert!(answers.iter().all(|answer| answer.as_deref().is_ok_and(|number| *number == 1)));
    }
    let sizes = client.app().sizes::<GetQuick>();
    assert_eq!(sizes.iter().sum::<usize>(), 60);
    assert!(sizes.iter().all(|size| *size <= 25));
    // The number of batches depends on the threads, but it is less than one per key.
    assert!(sizes.len() < 30, "{sizes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_key_refreshed_before_its_batch_starts_is_in_the_batch_once() {
    let client = batching_client();
    let query = GetItem(1);
    let refresh = || client.query_with(&query, |options| options.strategy(Strategy::Refresh));
    let (one, two) = tokio::join!(refresh(), refresh());
    assert_eq!((*one.unwrap(), *two.unwrap()), (1, 1));
    assert_eq!(client.app().calls::<GetItem>(), [[1]]);
    assert_eq!(client.cached(&query).as_deref(), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_batch_reaches_all_its_keys() {
    let client = batching_client();
    client.app().script(&GetItem(1), [Step::Panic]);
    for answer in client.query_all(&items(0..3)).await {
        let error = answer.unwrap_err();
        assert!(matches!(error, QueryError::Panicked { .. }));
        assert_eq!(error.to_string(), "the load of `get_item` panicked: the batch load panics");
    }
    assert_eq!(*client.query(&GetItem(1)).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_batch_with_too_few_or_too_many_answers_fails_for_all_its_keys() {
    for (step, answers) in [(Step::Short, 2), (Step::Long, 4)] {
        let client = batching_client();
        client.app().script(&GetItem(1), [step]);
        for answer in client.query_all(&items(0..3)).await {
            let error = answer.unwrap_err();
            assert!(matches!(error, QueryError::Miscounted { .. }));
            let text = format!("`fetch_many` of `get_item` returned {answers} answers for 3 keys");
            assert_eq!(error.to_string(), text);
        }
        assert!(items(0..3).iter().all(|item| client.cached(item).is_none()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_cancels_its_context_interrupts_its_keys_and_stores_nothing() {
    let client = batching_client();
    client.app().script(&GetItem(1), [Step::Quit]);
    for answer in in_time(client.query_all(&items(0..3))).await {
        assert!(answer.unwrap_err().is_interrupted());
    }
    assert!(items(0..3).iter().all(|item| client.cached(item).is_none()));
    assert_eq!(*client.query(&GetItem(1)).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_dropped_only_when_the_callers_of_all_its_keys_have_left() {
    let client = batching_client_without_linger();
    client.app().script(&GetItem(0), [Step::Never]);
    let call: Vec<_> = items(0..3).iter().map(|item| spawn_query(&client, item)).collect();
    pass(seconds(5)).await;
    for (left, call) in call.iter().enumerate() {
        assert_eq!(client.app().dropped(), 0, "{left}");
        call.abort();
        settle().await;
    }
    assert_eq!((client.app().dropped(), client.app().sizes::<GetItem>()), (1, vec![3]));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_half_way_does_not_affect_the_others() {
    let client = batching_client();
    let call: Vec<_> = items(0..3).iter().map(|item| spawn_query(&client, item)).collect();
    pass(CALL / 2).await;
    call[0].abort();
    for call in call.into_iter().skip(1) {
        assert_eq!(*call.await.unwrap().unwrap(), 1);
    }
    assert_eq!((client.app().dropped(), client.app().sizes::<GetItem>()), (0, vec![3]));
}

#[tokio::test(start_paused = true)]
async fn a_key_without_callers_at_the_end_of_the_tick_is_not_loaded() {
    let client = batching_client_without_linger();
    let (gone, stays) = (spawn_query(&client, &GetItem(1)), spawn_query(&client, &GetItem(2)));
    // The batch has keys and has not started.
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    gone.abort();
    assert_eq!(*stays.await.unwrap().unwrap(), 1);
    assert_eq!(client.app().calls::<GetItem>(), [[2]]);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_wait_of_its_own_context_only() {
    let client = batching_client_without_linger();
    let (early, late) = (GetItem(1), GetItem(2));
    let hasty = client.request("hasty").with_deadline(Instant::now() + CALL / 2);
    let (hasty, patient) = tokio::join!(hasty.query(&early), client.query(&late));
    assert!(hasty.unwrap_err().is_interrupted());
    assert_eq!(*patient.unwrap(), 1);
    assert!(client.cached(&early).is_none());
}

#[tokio::test(start_paused = true)]
async fn keys_that_failed_together_are_retried_together_without_the_others() {
    let client = batching_client();
    for number in [1, 3, 4] {
        client.app().script(&GetItem(number), [Step::Pass]);
    }
    client.app().script(&GetItem(2), [Step::Fail]);
    let begun = Instant::now();
    let answers = client.query_all(&items(0..6)).await;
    let numbers: Vec<_> = answers.iter().map(|answer| answer.as_deref().ok().copied()).collect();
    assert_eq!(numbers, [Some(1), Some(2), None, Some(2), Some(2), Some(1)]);
    assert_eq!(client.app().calls::<GetItem>(), [vec![0, 1, 2, 3, 4, 5], vec![1, 3, 4]]);
    assert!(begun.elapsed() <= 3 * CALL);
}

#[tokio::test(start_paused = true)]
async fn only_keys_whose_retries_all_failed_get_the_fallback() {
    let client = batching_client();
    for item in &items([1, 1_000]) {
        client.app().script(item, [Step::Fail]);
    }
    let answers = client.query_all(&items([1, 2, 1_000])).await;
    assert!(answers[0].is_err());
    assert_eq!((answers[1].as_deref().ok(), answers[2].as_deref().ok()), (Some(&1), Some(&0)));
    assert!(client.cached(&GetItem(1_000)).is_none());
}

#[tokio::test(start_paused = true)]
async fn the_breaker_counts_each_key_and_blocks_all_keys_while_open() {
    let client = batching_client();
    let guarded: Vec<_> = (0..6).map(GetGuardedItem).collect();
    for query in &guarded[..5] {
        client.app().script(query, [Step::Fail]);
    }
    client.query_all(&guarded[..5]).await;
    let refused = client.query(&guarded[5]).await.unwrap_err();
    assert!(matches!(refused, QueryError::CircuitOpen { .. }));
    pass(seconds(60)).await;
    // A trial is a batch of one key.
    let answers = client.query_all(&guarded).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(client.app().sizes::<GetGuardedItem>(), [5, 1]);
    assert!(client.query_all(&guarded).await.iter().all(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn unknown_keys_in_a_batch_do_not_open_the_breaker() {
    let client = batching_client();
    let items: Vec<_> = (0..6).map(GetPlainlyGuardedItem).collect();
    for query in &items[..5] {
        client.app().script(query, [Step::Fail]);
    }
    assert!(client.query_all(&items[..5]).await.iter().all(Result::is_err));
    assert_eq!(*client.query(&items[5]).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_trial_in_a_batch_may_query_its_inputs() {
    let client = builder()
        .query::<GetBox>(|options| options.breaker("batching"))
        .query::<GetItem>(|options| options.breaker("batching"))
        .build();
    for item in &items(0..5) {
        client.app().script(item, [Step::Fail]);
    }
    client.query_all(&items(0..5)).await;
    assert!(matches!(client.query(&GetBox(7)).await.unwrap_err(), QueryError::CircuitOpen { .. }));
    pass(seconds(60)).await;
    assert_eq!(*client.query(&GetBox(7)).await.unwrap(), 10);
}

#[tokio::test(start_paused = true)]
async fn queries_made_by_a_batch_are_batched_too() {
    let client = batching_client();
    let boxes: Vec<_> = (0..3).map(GetBox).collect();
    let answers = in_time(client.query_all(&boxes)).await;
    assert!(answers.iter().all(|answer| answer.as_deref().is_ok_and(|number| *number == 10)));
    assert_eq!((client.app().sizes::<GetBox>(), client.app().sizes::<GetItem>()), (vec![3], vec![3]));
}

#[tokio::test(start_paused = true)]
async fn separate_loads_that_query_keys_at_the_same_time_share_a_batch() {
    let client = batching_client();
    let pairs: Vec<_> = (0..5).map(|number| GetPair(number, number + 1)).collect();
    let answers = client.query_all(&pairs).await;
    assert!(answers.iter().all(|answer| answer.as_deref().is_ok_and(|sum| *sum == 2)));
    assert_eq!(client.app().calls::<GetItem>(), [vec![0, 1, 2, 3, 4], vec![5]]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_queries_one_of_its_own_keys_gets_a_cycle_error() {
    let client = batching_client();
    let rounds = [GetRound(1), GetRound(2)];
    for answer in in_time(client.query_all(&rounds)).await {
        let QueryError::Failed { source, .. } = answer.unwrap_err() else {
            panic!("not an error of the load")
        };
        assert!(matches!(*source, BatchingError::Query(QueryError::Cycle { .. })));
    }
    assert_eq!(client.app().sizes::<GetRound>(), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_write_during_a_batch_is_kept_and_the_other_keys_are_stored() {
    let client = batching_client();
    let call: Vec<_> = items(0..2).iter().map(|item| spawn_query(&client, item)).collect();
    pass(CALL / 2).await;
    client.cache().insert(GetItem(0), 99);
    for call in call {
        assert_eq!(*call.await.unwrap().unwrap(), 1);
    }
    assert_eq!(client.cached(&GetItem(0)).as_deref(), Some(&99));
    assert_eq!(client.cached(&GetItem(1)).as_deref(), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn private_loads_of_a_tree_are_batched_apart_from_shared_loads() {
    let client = batching_client();
    let (one, two) = (client.request("one"), client.request("two"));
    one.disable_cache();
    two.set(&GetItem(9), 42).unwrap();
    let keys = items([1, 2]);
    let (a, b, c) = tokio::join!(one.query_all(&keys), two.query_all(&keys), client.query_all(&keys));
    assert!([a, b, c].iter().flatten().all(Result::is_ok));
    assert_eq!(client.app().sizes::<GetItem>(), [2, 2, 2]);
    let stored = client.cached(&GetItem(1)).unwrap();
    assert_eq!(client.query(&GetItem(1)).await.unwrap(), stored);
}

#[tokio::test(start_paused = true)]
async fn a_private_batch_sees_the_overrides_of_its_tree() {
    let client = batching_client();
    let tree = client.request("tree").with_override::<GetItem>(|item| Ok(Arc::new(item.0 as usize)));
    let boxes = [GetBox(4), GetBox(5)];
    let (own, real) = tokio::join!(tree.query_all(&boxes), client.query_all(&boxes));
    let numbers = |answers: Vec<Result<Arc<usize>, _>>| -> Vec<usize> {
        answers.into_iter().map(|answer: Result<_, QueryError<BatchingError>>| *answer.unwrap()).collect()
    };
    assert_eq!((numbers(own), numbers(real)), (vec![40, 50], vec![10, 10]));
    assert_eq!(client.cached(&GetBox(4)).as_deref(), Some(&10));
}

#[tokio::test(start_paused = true)]
async fn contexts_with_and_without_the_cache_do_not_share_a_batch() {
    let client = batching_client();
    client.cache().insert(GetItem(2), 7);
    let tree = client.request("tree");
    tree.set(&GetItem(9), 42).unwrap();
    let off = tree.child("off");
    off.disable_cache();
    let (first, second) = (GetBox(1), GetBox(2));
    // The first context must not decide for the other.
    let (_, off) = tokio::join!(tree.query(&first), off.query(&second));
    assert_eq!(*off.unwrap(), 10);
    assert_eq!(client.app().sizes::<GetBox>(), [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_tree_drops_its_private_batch() {
    let client = batching_client();
    let tree = client.request("tree");
    tree.disable_cache();
    let keys = items(0..2);
    let (answers, ()) = tokio::join!(tree.query_all(&keys), async {
        pass(CALL / 2).await;
        tree.cancel();
        settle().await;
    });
    assert!(answers.into_iter().all(|answer| answer.unwrap_err().is_interrupted()));
    assert_eq!(client.app().dropped(), 1);
}

#[test]
fn a_key_whose_batch_is_dropped_with_its_runtime_joins_another() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap()
    };
    let (gone, stays) = (runtime(), runtime());
    let client = gone.block_on(async { batching_client() });
    gone.block_on(async {
        spawn_query(&client, &GetItem(1));
        // The batch has the key and has not started.
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
    });
    let mut call = None;
    stays.block_on(async {
        call = Some(spawn_query(&client, &GetItem(2)));
        settle().await;
        assert!(client.app().calls::<GetItem>().is_empty());
    });
    drop(gone);
    stays.block_on(async {
        assert_eq!(*in_time(call.unwrap()).await.unwrap().unwrap(), 1);
        assert_eq!(client.app().calls::<GetItem>(), [[2]]);
    });
}

#[tokio::test(start_paused = true)]
async fn the_context_of_a_batch_can_be_used_after_the_batch() {
    let client = batching_client();
    client.query(&GetQuick(1)).await.unwrap();
    settle().await;
    let cx = client.app().kept.lock().take().unwrap();
    assert_eq!(*cx.query(&GetQuick(2)).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_several_threads_callers_that_leave_do_not_affect_callers_that_stay() {
    let client = batching_client();
    let visitor = |own: u32| {
        let client = client.clone();
        tokio::spawn(async move {
            for round in 0..300_u32 {
                let query = GetQuick((own * 7 + round) % 10);
                let timeout = async {
                    for _ in 0..(own * round) % 6 {
                        tokio::task::yield_now().await;
                    }
                };
                let refresh =
                    client.query_with(&query, |options| options.strategy(Strategy::Refresh).batch(3));
                match own % 2 {
                    0 => assert!(refresh.await.is_ok()),
                    _ => tokio::select! {
                        answer = refresh => assert!(answer.is_ok()),
                        () = timeout => {}
                    },
                }
            }
        })
    };
    let visitors: Vec<_> = (0..8).map(visitor).collect();
    for visitor in visitors {
        in_time(visitor).await.unwrap();
    }
    assert!(client.app().sizes::<GetQuick>().iter().all(|size| *size <= 3));
}

#[tokio::test(start_paused = true)]
async fn an_observed_key_is_loaded_with_the_others() {
    let client = batching_client();
    let observers: Vec<_> = items(0..3).iter().map(|item| client.observe(item)).collect();
    pass(seconds(2)).await;
    assert!(observers.iter().all(|observer| observer.state().value().is_some()));
    client.invalidate_query::<GetItem>().reloaded().await;
    assert_eq!(client.app().sizes::<GetItem>(), [3, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_single_key_can_be_loaded_directly() {
    let client = batching_client();
    let cx = client.request("by hand");
    assert_eq!(GetItem(1).fetch(&cx).await.unwrap(), 1);
    assert_eq!(client.app().calls::<GetItem>(), [[1]]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_prefetched_keys_continues_without_callers() {
    let client = batching_client();
    items(0..3).iter().for_each(|item| drop(client.prefetch(item)));
    pass(CALL * 2).await;
    assert!(items(0..3).iter().all(|item| client.cached(item).is_some()));
    assert_eq!(client.app().sizes::<GetItem>(), [3]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_queried_twice_is_in_the_batch_once() {
    let client = batching_client();
    let keys = [GetItem(1), GetItem(2), GetItem(1), GetItem(1)];
    let answers = client.query_all(&keys).await;
    let other = tokio::join!(client.query(&GetItem(3)), client.query(&GetItem(3)));
    assert!(answers.iter().all(Result::is_ok) && other.0.is_ok() && other.1.is_ok());
    assert!(Arc::ptr_eq(answers[0].as_ref().unwrap(), answers[3].as_ref().unwrap()));
    assert_eq!(client.app().calls::<GetItem>(), [vec![1, 2], vec![3]]);
}

/// Updates an item, if it has a value.
#[derive(Clone)]
struct Raise(u32);

impl Mutate<BatchingApp> for Raise {
    type Output = ();
    type Error = BatchingError;

    async fn run(&self, _: &Context<BatchingApp>) -> Result<(), BatchingError> {
        Ok(())
    }

    fn apply(&self, (): &(), changes: &mut Changes<BatchingApp>) {
        changes.update(&GetItem(self.0), |number| **number + 100);
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_changed_during_its_batch_is_reloaded_alone() {
    let client = batching_client();
    let call = [1, 2, 3].map(|number| spawn_query(&client, &GetItem(number)));
    settle().await;
    client.mutate(&Raise(2)).await.unwrap();
    for call in call {
        assert_eq!(*call.await.unwrap().unwrap(), 1);
    }
    let answers = client.query_all(&items(1..4)).await;
    let numbers: Vec<_> = answers.iter().map(|answer| **answer.as_ref().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 1]);
    assert_eq!(client.app().calls::<GetItem>(), [vec![1, 2, 3], vec![2]]);
}
