//! The second tier does not undo changes of the cache, and outdated results are not written to it.

use std::time::Duration;

use cache_client::{Changes, Client, Context, Mutate, Strategy, TrackingProvider};
use cache_core::Tag;

use crate::persisted::*;
use crate::providers::{assert_calls, tracked_restarts};
use crate::scripted::{SECOND, pass, seconds, settle, spawn_query_without_linger};

// Changes

/// Makes a change in a client whose provider has an old entry. Returns the value read afterwards.
async fn value_after(
    change: impl AsyncFn(&Client<PersistedApp>, &GetKept),
) -> (usize, Restarts<TrackingProvider>) {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    restarts.client().query(&query).await.unwrap();
    settle().await;
    let client = restarts.client();
    change(&client, &query).await;
    let value = *client.query(&query).await.unwrap();
    settle().await;
    (value, restarts)
}

#[tokio::test(start_paused = true)]
async fn marked_or_removed_keys_are_not_read_back_from_the_provider() {
    for is_present in [true, false] {
        type Change = fn(&Client<PersistedApp>, &GetKept);
        let changes: [Change; 15] = [
            |client, query| drop(client.invalidate(query)),
            |client, _| drop(client.invalidate_query::<GetKept>()),
            |client, _| drop(client.invalidate_where::<GetKept>(|query| query.0 == 1)),
            |client, _| drop(client.invalidate_tag("kept")),
            |client, query| drop(client.invalidate_tag(Tag::new("kept", query.0))),
            |client, _| drop(client.invalidate_all()),
            |client, query| assert!(client.cache().invalidate(query) || client.cached(query).is_none()),
            |client, query| assert!(client.cache().remove(query) || client.cached(query).is_none()),
            |client, _| client.cache().clear(),
            |client, query| {
                let mut tx = client.cache().begin();
                tx.remove(query);
                tx.commit().unwrap();
            },
            |client, _| {
                let mut tx = client.cache().begin();
                tx.invalidate_tag("kept");
                tx.commit().unwrap();
            },
            |client, query| {
                let mut tx = client.cache().begin();
                tx.invalidate_tag(Tag::new("kept", query.0));
                tx.commit().unwrap();
            },
            |client, _| {
                let mut tx = client.cache().begin();
                tx.set(GetKept(2), 2);
                tx.invalidate_all();
                tx.commit().unwrap();
            },
            |client, _| {
                let mut tx = client.cache().begin();
                tx.invalidate_query::<GetKept>();
                tx.commit().unwrap();
            },
            |client, _| {
                let mut tx = client.cache().begin();
                tx.invalidate_where::<GetKept>(|query| query.0 == 1);
                tx.commit().unwrap();
            },
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let (value, _) = value_after(async |client, query| {
                if is_present {
                    client.query(query).await.unwrap();
                    pass(SECOND).await;
                }
                change(client, query);
            })
            .await;
            assert_eq!(value, 2, "change {number}, present: {is_present}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_is_not_undone_by_an_older_provider_entry() {
    let (restarts, query) = (tracked_restarts(), GetKeptWeak(1));
    restarts.client().query(&query).await.unwrap();
    settle().await;
    let client = restarts.client();
    drop(client.cache().insert(query.clone(), 99));
    assert!(client.cached(&query).is_none());
    assert_eq!(*client.query(&query).await.unwrap(), 2);
    let mut tx = client.cache().begin();
    tx.set(query.clone(), 99);
    tx.commit().unwrap();
    assert_eq!(*client.query(&query).await.unwrap(), 3);
    // A later load is newer.
    settle().await;
    let held = client.query(&query).await.unwrap();
    assert_eq!(*held, 3);
    let mut tx = client.cache().begin();
    tx.follow(query.clone(), 99, client.cache().peek_entry(&query).unwrap().revision());
    tx.commit().unwrap();
    drop(held);
    assert_eq!(*client.query(&query).await.unwrap(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_outlives_a_load_that_fails() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    let client = restarts.client();
    client.query(&query).await.unwrap();
    settle().await;
    client.invalidate_all();
    restarts.app.fail_next(1);
    assert!(client.query(&query).await.is_err());
    assert_eq!(*client.query(&query).await.unwrap(), 3);
}

/// The first load after a change skips the provider. Later loads read it and must reject older entries.
#[tokio::test(start_paused = true)]
async fn a_provider_entry_from_before_a_change_is_rejected_by_all_later_loads() {
    let (restarts, query) = (tracked_restarts(), GetKeptWeak(1));
    let client = restarts.client();
    client.query(&query).await.unwrap();
    settle().await;
    client.invalidate_all();
    restarts.app.fail_next(1);
    let looks = restarts.provider.gets();
    assert!(client.query(&query).await.is_err());
    assert_eq!(restarts.provider.gets(), looks);
    pass(SECOND).await;
    assert_eq!(*client.query(&query).await.unwrap(), 3);
    assert_eq!(restarts.provider.gets(), looks + 1);
}

/// Such a load may have read the data from before the change.
#[tokio::test(start_paused = true)]
async fn a_provider_entry_whose_load_began_at_the_time_of_a_change_is_rejected() {
    let (restarts, query) = (tracked_restarts(), GetKeptWeak(1));
    let (client, other) = (restarts.client(), restarts.client());
    client.query(&query).await.unwrap();
    settle().await;
    client.invalidate(&query);
    settle().await;
    restarts.app.fail_next(1);
    let (failing, loading) = (spawn_query(&client, &query), spawn_query(&other, &query));
    let ended = [failing.await.unwrap().is_ok(), loading.await.unwrap().is_ok()];
    assert_eq!(ended, [false, true], "only the first load fails");
    settle().await;
    let looks = restarts.provider.gets();
    assert_eq!(*client.query(&query).await.unwrap(), 4);
    assert_eq!(restarts.provider.gets(), looks + 1);
}

#[tokio::test(start_paused = true)]
async fn a_mark_restored_from_a_snapshot_is_honoured() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    let client = restarts.client();
    client.query(&query).await.unwrap();
    settle().await;
    client.invalidate_all();
    let mut snapshot = Vec::new();
    client.cache().save_to(&mut snapshot).unwrap();
    let client = restarts.client();
    client.cache().restore_from(&snapshot[..]).unwrap();
    assert_eq!(*client.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn keys_with_other_tags_and_tables_are_still_read() {
    type Change = fn(&Client<PersistedApp>);
    let changes: [Change; 4] = [
        |client| drop(client.invalidate_tag("other")),
        |client| drop(client.invalidate_tag(Tag::new("kept", 9))),
        |client| {
            let mut tx = client.cache().begin();
            tx.invalidate_tag(Tag::new("kept", 9));
            tx.commit().unwrap();
        },
        |client| drop(client.invalidate_query::<GetKeptStale>()),
    ];
    for change in changes {
        let (value, _) = value_after(async |client, _| change(client)).await;
        assert_eq!(value, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn invalidating_a_key_removes_it_from_the_provider() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    let client = restarts.client();
    client.query(&query).await.unwrap();
    settle().await;
    client.invalidate(&query);
    settle().await;
    assert_calls(&restarts, 1, 1, 1);
    assert_eq!(*restarts.client().query(&query).await.unwrap(), 2);
}

/// A mutation that writes a persisted value.
#[derive(Clone)]
struct Rewrite(u32, usize);

impl Mutate<PersistedApp> for Rewrite {
    type Output = ();
    type Error = std::convert::Infallible;

    async fn run(&self, _: &Context<PersistedApp>) -> Result<(), Self::Error> {
        Ok(())
    }

    fn apply(&self, (): &(), changes: &mut Changes<PersistedApp>) {
        changes.set(GetKept(self.0), self.1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_by_a_mutation_or_a_change_removes_the_old_provider_entry() {
    for is_mutation in [true, false] {
        let (restarts, query) = (tracked_restarts(), GetKept(1));
        let client = restarts.client();
        client.query(&query).await.unwrap();
        settle().await;
        match is_mutation {
            true => client.mutate(&Rewrite(1, 99)).await.unwrap(),
            false => drop(client.change(|changes| _ = changes.set(GetKept(1), 99)).await.unwrap()),
        }
        settle().await;
        assert_eq!(*client.query(&query).await.unwrap(), 99);
        assert_eq!(
            *restarts.client().query(&query).await.unwrap(),
            2,
            "the value is loaded and not read back"
        );
    }
}

// Late writes

#[tokio::test(start_paused = true)]
async fn an_overtaken_load_writes_nothing() {
    type Change = fn(&Client<PersistedApp>);
    let changes: [Change; 3] = [
        |client| drop(client.invalidate_all()),
        |client| drop(client.cache().insert(GetKept(1), 99)),
        |client| client.cache().clear(),
    ];
    for change in changes {
        let (restarts, query) = (tracked_restarts(), GetKept(1));
        let client = restarts.client();
        let waiter = spawn_query(&client, &query);
        settle().await;
        change(&client);
        assert_eq!(*waiter.await.unwrap().unwrap(), 1);
        settle().await;
        assert_calls(&restarts, 1, 0, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_overtaken_just_before_its_store_writes_nothing() {
    let (restarts, query) = (tracked_restarts(), GetKeptWeighed(1));
    let client = restarts.client();
    let cache = client.cache().clone();
    query.when_weighed(move || drop(cache.insert(GetKeptWeighed(1), 99)));
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    settle().await;
    assert_calls(&restarts, 1, 0, 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_changed_while_its_write_waits_is_not_written() {
    type Change = fn(&Client<PersistedApp>);
    let changes: [Change; 3] = [
        |client| assert!(client.cache().invalidate(&GetKept(1))),
        |client| drop(client.cache().insert(GetKept(1), 99)),
        |client| client.cache().clear(),
    ];
    for change in changes {
        let (restarts, query) = (tracked_restarts(), GetKept(1));
        let client = restarts.builder().provider_timeout(seconds(20)).build();
        let first = spawn_query(&client, &query);
        settle().await;
        restarts.provider.delay(seconds(5));
        first.await.unwrap().unwrap();
        // This write waits for that of the first load.
        client.query_with(&query, |options| options.strategy(Strategy::Refresh)).await.unwrap();
        settle().await;
        change(&client);
        pass(seconds(5)).await;
        assert_calls(&restarts, 1, 1, 0);
    }
}

/// A client whose provider takes 5 s for the write that has started, and no time for later calls.
async fn client_with_slow_write() -> (Restarts<TrackingProvider>, Client<PersistedApp>, GetKept) {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    let client = restarts.builder().provider_timeout(seconds(20)).build();
    let first = spawn_query(&client, &query);
    settle().await;
    restarts.provider.delay(seconds(5));
    first.await.unwrap().unwrap();
    settle().await;
    restarts.provider.delay(Duration::ZERO);
    (restarts, client, query)
}

#[tokio::test(start_paused = true)]
async fn a_slow_older_write_does_not_replace_a_newer_one() {
    let (restarts, client, query) = client_with_slow_write().await;
    client.query_with(&query, |options| options.strategy(Strategy::Refresh)).await.unwrap();
    pass(seconds(5)).await;
    assert_calls(&restarts, 1, 2, 0);
    assert_eq!(*restarts.client().query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_removal_runs_after_an_earlier_write() {
    let (restarts, client, query) = client_with_slow_write().await;
    client.invalidate(&query);
    pass(seconds(5)).await;
    assert_calls(&restarts, 1, 1, 1);
    assert_eq!(restarts.provider.inner().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_write_continues_when_the_callers_leave_and_does_not_delay_them() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    let client = restarts.client();
    let waiter = spawn_query(&client, &query);
    settle().await;
    restarts.provider.delay(Duration::from_millis(200));
    let began = tokio::time::Instant::now();
    waiter.await.unwrap().unwrap();
    assert_eq!(began.elapsed(), SECOND);
    drop(client);
    pass(SECOND).await;
    assert_eq!(restarts.provider.inner().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_provider_read_overtaken_by_a_change_goes_only_to_its_callers() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    restarts.client().query(&query).await.unwrap();
    settle().await;
    let client = restarts.client();
    restarts.provider.delay(Duration::from_millis(100));
    let waiter = spawn_query(&client, &query);
    settle().await;
    client.invalidate_all();
    assert_eq!(*waiter.await.unwrap().unwrap(), 1);
    assert!(client.cached(&query).is_none());
    assert_eq!(*client.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_provider_read_without_callers_is_dropped() {
    let (restarts, query) = (tracked_restarts(), GetKept(1));
    let client = restarts.client();
    restarts.provider.delay(Duration::from_millis(100));
    let waiter = spawn_query_without_linger(&client, &query);
    settle().await;
    waiter.abort();
    pass(SECOND).await;
    assert_eq!(
        (restarts.provider.misses(), restarts.app.loads::<GetKept>(), client.provider_errors()),
        (0, 0, 0)
    );
}

/// A mutation that updates a value, if there is one.
#[derive(Clone)]
struct Raise;

impl Mutate<PersistedApp> for Raise {
    type Output = ();
    type Error = PersistedError;

    async fn run(&self, _: &Context<PersistedApp>) -> Result<(), PersistedError> {
        Ok(())
    }

    fn apply(&self, (): &(), changes: &mut Changes<PersistedApp>) {
        changes.update(&GetKept(1), |number| **number + 100);
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_that_finds_no_value_is_not_undone_by_an_older_provider_entry() {
    let (value, restarts) = value_after(async |client, _| client.mutate(&Raise).await.unwrap()).await;
    assert_eq!((value, restarts.app.loads::<GetKept>()), (2, 2));
}
