//! Running loads are counted, in total and by query.

use cache_client::{LoadingOptions, QueryError, Strategy};

use crate::scripted::*;

#[tokio::test(start_paused = true)]
async fn running_loads_are_counted_in_total_and_by_query() {
    let client = paused_client();
    assert!(!client.is_fetching());
    let loads = [
        spawn_query(&client, &GetNumber(1)),
        spawn_query(&client, &GetNumber(1)),
        spawn_query(&client, &GetNumber(2)),
    ];
    let other = spawn_query(&client, &GetForgiven(1));
    settle().await;
    assert!(client.is_fetching());
    let counts = || {
        (client.fetch_count(), client.fetch_count_of::<GetNumber>(), client.fetch_count_of::<GetForgiven>())
    };
    assert_eq!(counts(), (3, 2, 1));
    client.app().script(&GetNumber(3), Script::Never);
    let endless = spawn_query_without_linger(&client, &GetNumber(3));
    for load in loads {
        in_time(load).await.unwrap().unwrap();
    }
    in_time(other).await.unwrap().unwrap();
    assert_eq!(counts(), (1, 1, 0));
    endless.abort();
    settle().await;
    assert_eq!(counts(), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn loads_that_fail_panic_or_are_private_are_counted_until_they_end() {
    let client = paused_client();
    client.app().script(&GetNumber(1), Script::Fail(SECOND));
    client.app().script(&GetNumber(2), Script::Panic);
    let tree = client.request("tree");
    tree.disable_cache();
    let key = GetNumber(3);
    let (failed, panicked, private) =
        tokio::join!(client.query(&GetNumber(1)), client.query(&GetNumber(2)), async {
            let private = tree.query(&key);
            tokio::pin!(private);
            tokio::select! {
                _ = &mut private => unreachable!("it takes a second"),
                () = settle() => assert_eq!(client.fetch_count(), 2),
            }
            private.await
        });
    assert!(failed.is_err() && matches!(panicked, Err(QueryError::Panicked { .. })) && private.is_ok());
    assert_eq!(client.fetch_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn watchers_see_each_change_of_their_number() {
    let client = paused_client();
    let before = spawn_query(&client, &GetNumber(1));
    settle().await;
    let (mut all, mut numbers) = (client.watch_fetching(), client.watch_fetching_of::<GetNumber>());
    let stale = client.watch_fetching_of::<GetStale>();
    assert_eq!((*all.borrow_and_update(), *numbers.borrow_and_update(), *stale.borrow()), (1, 1, 0));
    let other = spawn_query(&client, &GetForgiven(1));
    in_time(all.changed()).await.unwrap();
    assert_eq!((*all.borrow_and_update(), numbers.has_changed().unwrap()), (2, false));
    in_time(before).await.unwrap().unwrap();
    in_time(other).await.unwrap().unwrap();
    in_time(numbers.changed()).await.unwrap();
    assert_eq!((*all.borrow_and_update(), *numbers.borrow_and_update()), (0, 0));
    assert!(!stale.has_changed().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_hit_is_no_load() {
    let client = paused_client();
    let mut fetching = client.watch_fetching();
    client.cache().insert(GetNumber(1), 50);
    client.query(&GetNumber(1)).await.unwrap();
    let only = |options: LoadingOptions| options.strategy(Strategy::CacheOnly);
    client.query_with(&GetNumber(2), only).await.unwrap_err();
    assert!(!fetching.has_changed().unwrap() && *fetching.borrow_and_update() == 0);
}
