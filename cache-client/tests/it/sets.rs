//! Several queries are answered together: slices of one type, and tuples of different types.

use std::sync::Arc;

use cache_client::QueryError;
use tokio::time::Instant;

use crate::scripted::*;

#[tokio::test(start_paused = true)]
async fn a_tuple_of_different_queries_is_loaded_together_and_each_answer_may_fail() {
    let client = paused_client();
    client.app().script(&GetStale(1), Script::Fail(seconds(2)));
    let begun = Instant::now();
    let (number, stale, maybe) = client.query_all((GetNumber(1), GetStale(1), GetMaybe(2))).await;
    assert_eq!(begun.elapsed(), seconds(2));
    assert_eq!((*number.unwrap(), *maybe.unwrap()), (1, Some(1)));
    assert!(matches!(stale, Err(QueryError::Failed { .. })));
}

#[tokio::test(start_paused = true)]
async fn equal_queries_of_a_tuple_share_a_load_and_types_are_distinguished() {
    let client = paused_client();
    let cx = client.request("tree");
    let (one, other, stale) = cx.query_all((GetNumber(1), GetNumber(1), GetStale(1))).await;
    assert!(Arc::ptr_eq(&one.unwrap(), &other.unwrap()));
    assert_eq!(*stale.unwrap(), 1);
    assert_eq!((client.app().loads(&GetNumber(1)), client.app().loads(&GetStale(1))), (1, 1));
    let (again,) = cx.query_all((GetNumber(1),)).await;
    assert_eq!(*again.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn eight_queries_keep_their_order() {
    let client = paused_client();
    for key in 1..=8 {
        client.cache().insert(GetNumber(key), key as usize * 10);
    }
    let n = GetNumber;
    let answers = client.query_all((n(1), n(2), n(3), n(4), n(5), n(6), n(7), n(8))).await;
    let (a, b, c, d, e, f, g, h) = answers;
    let values = [a, b, c, d, e, f, g, h].map(|answer| *answer.unwrap());
    assert_eq!(values, [10, 20, 30, 40, 50, 60, 70, 80]);
}

#[tokio::test(start_paused = true)]
async fn slices_arrays_and_vectors_give_a_vector() {
    let client = paused_client();
    let keys = vec![GetNumber(1), GetNumber(2)];
    let values = |answers: Vec<Result<Arc<usize>, _>>| -> Vec<usize> {
        answers.into_iter().map(|answer: Result<_, QueryError<ScriptedError>>| *answer.unwrap()).collect()
    };
    assert_eq!(values(client.query_all(&keys).await), [1, 1]);
    assert_eq!(values(client.query_all(&keys[1..]).await), [1]);
    assert_eq!(values(client.query_all(&[GetNumber(1)]).await), [1]);
    assert_eq!(values(client.query_all(&keys[..0]).await), [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_tuple_can_be_prefetched() {
    let client = paused_client();
    let begun = Instant::now();
    client.prefetch_all((GetNumber(1), GetStale(1), GetEqual(1))).done().await;
    assert_eq!(begun.elapsed(), SECOND);
    assert!(client.cached(&GetNumber(1)).is_some() && client.cached(&GetEqual(1)).is_some());
    client.request("tree").prefetch_all((GetStale(1), GetWeighed(9_101))).done().await;
    assert_eq!((client.app().loads(&GetStale(1)), client.app().loads(&GetWeighed(9_101))), (1, 1));
}
