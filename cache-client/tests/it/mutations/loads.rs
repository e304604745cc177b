//! Mutations and loads that run concurrently or wait for each other.

use cache_client::{Context, MutateError, QueryError};

use super::{Change, number};
use crate::scripted::*;

#[tokio::test(start_paused = true)]
async fn an_answer_retires_the_loads_of_the_keys_it_changes() {
    let client = paused_client();
    client.app().script(&GetNumber(1), Script::Answer(10 * SECOND));
    client.app().script(&GetStale(1), Script::Answer(10 * SECOND));
    let (written, marked) = (spawn_query(&client, &GetNumber(1)), spawn_query(&client, &GetStale(1)));
    settle().await;
    let change = Change::new().applying(|answer, changes| {
        changes.set(GetNumber(1), *answer);
        changes.invalidate_query::<GetStale>();
    });
    in_time(client.mutate(&change)).await.unwrap();
    assert_eq!(*in_time(written).await.unwrap().unwrap(), 1);
    assert_eq!(*in_time(marked).await.unwrap().unwrap(), 1);
    assert_eq!(number(&client, 1), Some(100));
    assert_eq!(client.cached(&GetStale(1)), None);
}

/// The load runs a mutation, which queries the key that is being loaded.
#[tokio::test(start_paused = true)]
async fn a_mutation_and_a_load_that_wait_for_each_other_are_a_cycle() {
    let client = paused_client();
    let looped = Change { queries: Some(GetNumber(9)), ..Change::new() };
    client.app().when_loaded(9, move |cx: Context<ScriptedApp>| {
        let looped = looped.clone();
        Box::pin(async move {
            let error = cx.mutate(&looped).await.unwrap_err();
            let MutateError::Failed { source: ScriptedError::Query(source), .. } = error else {
                panic!("{error}")
            };
            assert!(matches!(source, QueryError::Cycle { .. }));
        })
    });
    assert_eq!(*in_time(client.query(&GetNumber(9))).await.unwrap(), 1);
}

/// The same through the client, without a context.
#[tokio::test(start_paused = true)]
async fn a_mutation_through_the_client_inside_a_load_can_be_a_cycle_too() {
    let client = paused_client();
    let looped = Change { queries: Some(GetNumber(9)), ..Change::new() };
    client.app().when_loaded(9, move |cx: Context<ScriptedApp>| {
        Box::pin(async move {
            let error = cx.client().mutate(&looped).await.unwrap_err();
            assert!(matches!(error, MutateError::Failed { source: ScriptedError::Query(_), .. }), "{error}");
        })
    });
    assert_eq!(*in_time(client.query(&GetNumber(9))).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_abandons_a_mutation_does_not_block_it() {
    let client = paused_client();
    let change = Change { queries: Some(GetNumber(9)), ..Change::new() };
    let given_up = change.clone();
    client.app().when_loaded(9, move |cx: Context<ScriptedApp>| {
        Box::pin(async move {
            tokio::time::timeout(SECOND / 2, cx.mutate(&given_up)).await.unwrap_err();
            takes(SECOND).await;
        })
    });
    in_time(client.query(&GetNumber(9))).await.unwrap();
    pass(SECOND).await;
    assert_eq!((change.runs(), number(&client, 1)), (1, Some(1)), "its query is answered");
}
