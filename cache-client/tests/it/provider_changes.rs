//! What is changed in the cache is not undone by the second tier, and what came too late does not get there.

use std::time::Duration;

use cache_client::{Changes, Client, Context, Mutate, Strategy, TrackingProvider};
use cache_core::Tag;

use crate::persisted::*;
use crate::providers::{assert_calls, site};
use crate::scripted::{SECOND, ask_hastily, pass, seconds, settle};

// Changes

/// Does something to a cache whose provider has an old entry, throws the cache's own away, and reads.
async fn after(change: impl AsyncFn(&Client<PersistedApp>, &GetKept)) -> (usize, Restarts<TrackingProvider>) {
    let (site, query) = (site(), GetKept(1));
    site.client().query(&query).await.unwrap();
    settle().await;
    let client = site.client();
    change(&client, &query).await;
    let value = *client.query(&query).await.unwrap();
    settle().await;
    (value, site)
}

#[tokio::test(start_paused = true)]
async fn what_is_marked_or_removed_here_is_not_read_back_present_or_absent() {
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
            let (value, _) = after(async |client, query| {
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
async fn what_is_written_here_is_not_undone_by_an_older_entry() {
    let (site, query) = (site(), GetKeptWeak(1));
    site.client().query(&query).await.unwrap();
    settle().await;
    let client = site.client();
    drop(client.cache().insert(query.clone(), 99));
    assert!(client.cached(&query).is_none());
    assert_eq!(*client.query(&query).await.unwrap(), 2);
    let mut tx = client.cache().begin();
    tx.set(query.clone(), 99);
    tx.commit().unwrap();
    assert_eq!(*client.query(&query).await.unwrap(), 3);
    // What has been loaded since is newer.
    settle().await;
    assert_eq!(*client.query(&query).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_outlives_a_load_that_fails() {
    let (site, query) = (site(), GetKept(1));
    let client = site.client();
    client.query(&query).await.unwrap();
    settle().await;
    client.invalidate_all();
    site.app.fail_next(1);
    assert!(client.query(&query).await.is_err());
    assert_eq!(*client.query(&query).await.unwrap(), 3);
}

/// The first load after a change does not look; those after it look, and must not believe what is from before.
#[tokio::test(start_paused = true)]
async fn an_entry_from_before_a_change_is_refused_by_all_loads_after_it() {
    let (site, query) = (site(), GetKeptWeak(1));
    let client = site.client();
    client.query(&query).await.unwrap();
    settle().await;
    client.invalidate_all();
    site.app.fail_next(1);
    assert!(client.query(&query).await.is_err());
    pass(SECOND).await;
    let looks = site.provider.gets();
    assert_eq!(*client.query(&query).await.unwrap(), 3);
    assert_eq!(site.provider.gets(), looks + 1);
}

/// It may have seen what was there before.
#[tokio::test(start_paused = true)]
async fn an_entry_whose_load_began_when_a_change_was_noticed_is_refused() {
    let (site, query) = (site(), GetKeptWeak(1));
    let (client, other) = (site.client(), site.client());
    client.query(&query).await.unwrap();
    settle().await;
    client.invalidate(&query);
    settle().await;
    site.app.fail_next(1);
    let (failing, loading) = (ask(&client, &query), ask(&other, &query));
    let ended = [failing.await.unwrap().is_ok(), loading.await.unwrap().is_ok()];
    assert_eq!(ended, [false, true], "the first one fails");
    settle().await;
    let looks = site.provider.gets();
    assert_eq!(*client.query(&query).await.unwrap(), 4);
    assert_eq!(site.provider.gets(), looks + 1);
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_comes_from_a_snapshot_counts() {
    let (site, query) = (site(), GetKept(1));
    let client = site.client();
    client.query(&query).await.unwrap();
    settle().await;
    client.invalidate_all();
    let mut snapshot = Vec::new();
    client.cache().save_to(&mut snapshot).unwrap();
    let client = site.client();
    client.cache().restore_from(&snapshot[..]).unwrap();
    assert_eq!(*client.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn other_tags_and_other_tables_are_read_as_before() {
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
        let (value, _) = after(async |client, _| change(client)).await;
        assert_eq!(value, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn invalidating_a_key_removes_it_for_others_too() {
    let (site, query) = (site(), GetKept(1));
    let client = site.client();
    client.query(&query).await.unwrap();
    settle().await;
    client.invalidate(&query);
    settle().await;
    assert_calls(&site, 1, 1, 1);
    assert_eq!(*site.client().query(&query).await.unwrap(), 2);
}

/// Writes a kept value.
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
async fn what_a_mutation_or_a_change_writes_takes_the_old_entry_away_for_others_too() {
    for is_mutation in [true, false] {
        let (site, query) = (site(), GetKept(1));
        let client = site.client();
        client.query(&query).await.unwrap();
        settle().await;
        match is_mutation {
            true => client.mutate(&Rewrite(1, 99)).await.unwrap(),
            false => drop(client.change(|changes| _ = changes.set(GetKept(1), 99)).await.unwrap()),
        }
        settle().await;
        assert_eq!(*client.query(&query).await.unwrap(), 99);
        assert_eq!(*site.client().query(&query).await.unwrap(), 2, "loaded, and not the old one");
    }
}

// Late writes

#[tokio::test(start_paused = true)]
async fn a_load_that_was_overtaken_writes_nothing() {
    type Change = fn(&Client<PersistedApp>);
    let changes: [Change; 3] = [
        |client| drop(client.invalidate_all()),
        |client| drop(client.cache().insert(GetKept(1), 99)),
        |client| client.cache().clear(),
    ];
    for change in changes {
        let (site, query) = (site(), GetKept(1));
        let client = site.client();
        let waiter = ask(&client, &query);
        settle().await;
        change(&client);
        assert_eq!(*waiter.await.unwrap().unwrap(), 1);
        settle().await;
        assert_calls(&site, 1, 0, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_is_overtaken_just_before_its_store_writes_nothing() {
    let (site, query) = (site(), GetKeptWeighed(1));
    let client = site.client();
    let cache = client.cache().clone();
    query.when_weighed(move || drop(cache.insert(GetKeptWeighed(1), 99)));
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    settle().await;
    assert_calls(&site, 1, 0, 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_changed_while_its_write_waits_is_not_written() {
    type Change = fn(&Client<PersistedApp>);
    let changes: [Change; 3] = [
        |client| assert!(client.cache().invalidate(&GetKept(1))),
        |client| drop(client.cache().insert(GetKept(1), 99)),
        |client| client.cache().clear(),
    ];
    for change in changes {
        let (site, query) = (site(), GetKept(1));
        let client = site.builder().provider_timeout(seconds(20)).build();
        let first = ask(&client, &query);
        settle().await;
        site.provider.delay(seconds(5));
        first.await.unwrap().unwrap();
        // The write of this one waits for that of the first.
        client.query_with(&query, |options| options.strategy(Strategy::Refresh)).await.unwrap();
        settle().await;
        change(&client);
        pass(seconds(5)).await;
        assert_calls(&site, 1, 1, 0);
    }
}

/// A client whose provider takes 5 s for the write that has begun, and no time for what comes next.
async fn during_a_slow_write() -> (Restarts<TrackingProvider>, Client<PersistedApp>, GetKept) {
    let (site, query) = (site(), GetKept(1));
    let client = site.builder().provider_timeout(seconds(20)).build();
    let first = ask(&client, &query);
    settle().await;
    site.provider.delay(seconds(5));
    first.await.unwrap().unwrap();
    settle().await;
    site.provider.delay(Duration::ZERO);
    (site, client, query)
}

#[tokio::test(start_paused = true)]
async fn of_two_writes_of_a_key_the_newer_one_stays_though_the_older_one_is_slow() {
    let (site, client, query) = during_a_slow_write().await;
    client.query_with(&query, |options| options.strategy(Strategy::Refresh)).await.unwrap();
    pass(seconds(5)).await;
    assert_calls(&site, 1, 2, 0);
    assert_eq!(*site.client().query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_removal_comes_after_the_write_that_was_asked_for_before() {
    let (site, client, query) = during_a_slow_write().await;
    client.invalidate(&query);
    pass(seconds(5)).await;
    assert_calls(&site, 1, 1, 1);
    assert_eq!(site.provider.inner().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_write_is_not_lost_when_those_who_waited_leave_and_delays_nobody() {
    let (site, query) = (site(), GetKept(1));
    let client = site.client();
    let waiter = ask(&client, &query);
    settle().await;
    site.provider.delay(Duration::from_millis(200));
    let began = tokio::time::Instant::now();
    waiter.await.unwrap().unwrap();
    assert_eq!(began.elapsed(), SECOND);
    drop(client);
    pass(SECOND).await;
    assert_eq!(site.provider.inner().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_read_whose_key_is_changed_meanwhile_is_for_those_who_waited_alone() {
    let (site, query) = (site(), GetKept(1));
    site.client().query(&query).await.unwrap();
    settle().await;
    let client = site.client();
    site.provider.delay(Duration::from_millis(100));
    let waiter = ask(&client, &query);
    settle().await;
    client.invalidate_all();
    assert_eq!(*waiter.await.unwrap().unwrap(), 1);
    assert!(client.cached(&query).is_none());
    assert_eq!(*client.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_nobody_wants_any_more_is_dropped() {
    let (site, query) = (site(), GetKept(1));
    let client = site.client();
    site.provider.delay(Duration::from_millis(100));
    let waiter = ask_hastily(&client, &query);
    settle().await;
    waiter.abort();
    pass(SECOND).await;
    assert_eq!((site.provider.misses(), site.app.loads::<GetKept>(), client.provider_errors()), (0, 0, 0));
}

/// Changes a part of what is there, if it is.
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
async fn a_change_of_a_part_that_finds_nothing_here_is_not_undone_by_an_older_entry() {
    let (value, site) = after(async |client, _| client.mutate(&Raise).await.unwrap()).await;
    assert_eq!((value, site.app.loads::<GetKept>()), (2, 2));
}
