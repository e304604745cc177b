//! `mutate_and_settle` waits until observers show what it has changed.

use tokio::time::Instant;

use super::*;

/// A mutation that marks the first two numbers, and writes the third.
fn marking() -> Change {
    Change::new().applying(|answer, changes| {
        changes.invalidate(&GetNumber(1));
        changes.invalidate(&GetNumber(2));
        changes.set(GetNumber(3), *answer);
    })
}

#[tokio::test(start_paused = true)]
async fn a_mutation_settles_when_the_observed_keys_that_it_has_marked_are_loaded() {
    let client = paused_client();
    for key in 1..=3 {
        client.query(&GetNumber(key)).await.unwrap();
    }
    let (slow, written) = (client.observe(&GetNumber(1)), client.observe(&GetNumber(3)));
    client.app().script(&GetNumber(1), Script::Answer(seconds(5)));
    let begun = Instant::now();
    assert_eq!(in_time(client.mutate_and_settle(&marking())).await.unwrap(), 100);
    assert_eq!(begun.elapsed(), seconds(6));
    assert_eq!(slow.state().value().map(|value| **value), Some(2));
    assert_eq!(written.state().value().map(|value| **value), Some(100));
    // Nobody observes the second key.
    assert_eq!(client.app().loads(&GetNumber(2)), 1);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_fails_and_an_observer_that_leaves_end_the_wait() {
    let client = paused_client();
    let (failing, leaving) = (client.observe(&GetNumber(1)), client.observe(&GetNumber(2)));
    pass(seconds(2)).await;
    client.app().script(&GetNumber(1), Script::Fail(seconds(3)));
    client.app().script(&GetNumber(2), Script::Never);
    let begun = Instant::now();
    let marking = marking();
    let (outcome, ()) = tokio::join!(client.mutate_and_settle(&marking), async {
        pass(seconds(2)).await;
        drop(leaving);
    });
    assert_eq!((outcome.unwrap(), begun.elapsed()), (100, seconds(4)));
    assert!(failing.state().error().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_removed_key_is_loaded_before_the_mutation_has_settled() {
    let client = paused_client();
    let observer = client.observe(&GetNumber(1));
    pass(seconds(2)).await;
    let removing = Change::new().applying(|_, changes| changes.remove(&GetNumber(1)));
    in_time(client.mutate_and_settle(&removing)).await.unwrap();
    assert_eq!(observer.state().value().map(|value| **value), Some(2));
}

#[tokio::test(start_paused = true)]
async fn tags_queries_and_requests_without_a_cache_count_too() {
    let client = paused_client();
    let (tagged, stale) = (client.observe(&GetFirst(1)), client.observe(&GetStale(1)));
    pass(seconds(2)).await;
    let marks = Change::new().applying(|_, changes| {
        changes.invalidate_tag("first");
        changes.invalidate_query::<GetStale>();
    });
    in_time(client.mutate_and_settle(&marks)).await.unwrap();
    let shown = || (tagged.state().value().map(|value| **value), stale.state().value().map(|value| **value));
    assert_eq!(shown(), (Some(2), Some(2)));
    let tree = client.request("tree");
    tree.disable_cache();
    let writes = Change::new().applying(|answer, changes| {
        changes.set(GetFirst(1), *answer);
        changes.invalidate(&GetStale(1));
    });
    in_time(tree.mutate_and_settle(&writes)).await.unwrap();
    assert_eq!(shown(), (Some(3), Some(3)));
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_until_its_end_at_most_and_has_its_answer() {
    let client = paused_client();
    let _observer = client.observe(&GetNumber(1));
    pass(seconds(2)).await;
    client.app().script(&GetNumber(1), Script::Never);
    let begun = Instant::now();
    let cx = client.request("tree").with_deadline(begun + seconds(4));
    assert_eq!(in_time(cx.mutate_and_settle(&marking())).await.unwrap(), 100);
    assert_eq!(begun.elapsed(), seconds(4));
}

#[tokio::test(start_paused = true)]
async fn a_mutation_that_fails_has_settled() {
    let client = paused_client();
    let _observer = client.observe(&GetNumber(1));
    let failing = marking().running(|_| Err(ScriptedError::NoLuck));
    let error = in_time(client.mutate_and_settle(&failing)).await.unwrap_err();
    assert!(matches!(error, MutateError::Failed { .. }));
}
