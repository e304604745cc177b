//! Changes that end in a panic after the other machines were told.

use cache_client::Client;

use crate::machines::*;

/// A machine whose hook panics at each change, and whose feed is held back, so that only the change itself can mark.
async fn panicking(machines: &Machines, before: fn()) -> (Client<Machine>, Wire) {
    let builder = cache().before_commit(move |_| {
        before();
        panic!("the test makes this hook panic")
    });
    let cache = builder.build().unwrap();
    let wire = Wire::to(&machines.sim);
    let client = follow(machines.builder_of(cache, wire.clone()).build()).await;
    (client, wire)
}

#[tokio::test(start_paused = true)]
async fn a_change_that_panics_marks_its_keys() {
    let machines = Machines::default();
    let (client, wire) = panicking(&machines, || {}).await;
    get(&client, 1).await;
    get(&client, 2).await;
    wire.hold_feed(true);
    settle().await;
    assert!(client.mutate(&Edit(1)).await.is_err());
    settle().await;
    assert!(client.query_state(&GetShared(1)).unwrap().is_stale);
    assert!(!client.query_state(&GetShared(2)).unwrap().is_stale);
    assert_eq!(get(&client, 1).await, "1 in version 2");
}

#[tokio::test(start_paused = true)]
async fn a_comparison_that_panics_while_a_change_unwinds_does_not_end_the_program() {
    let machines = Machines::default();
    let (client, wire) = panicking(&machines, || GetFragile::set_broken(true)).await;
    client.query(&GetFragile(1)).await.unwrap();
    wire.hold_feed(true);
    settle().await;
    machines.origin.change(1);
    let changing = tokio::spawn({
        let client = client.clone();
        async move { client.change(|changes| drop(changes.set(GetFragile(1), "mine".to_owned()))).await.is_ok() }
    });
    assert!(changing.await.unwrap_err().is_panic());
    settle().await;
    GetFragile::set_broken(false);
    // The key could not be marked, so nothing is known to be up to date.
    assert!(!client.shared_state().unwrap().is_usable);
    wire.hold_feed(false);
    pass(seconds(10)).await;
    let client = follow(client).await;
    assert_eq!(client.query(&GetFragile(1)).await.unwrap().as_str(), "1 in version 2");
}
