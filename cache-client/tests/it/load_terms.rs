//! What a load sets for its own answer: how long it is fresh, how long it is kept, and that it is not stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_client::{Client, LoadingOptions, MemoryProvider, State};
use cache_core::{Freshness, Residency};

use crate::directed::*;
use crate::scripted::{SECOND, in_time, pass, seconds, settle, spawn_query, takes};

/// A client whose load of the first page makes settings for its answer. The value is the number of the load.
fn client_with_terms(
    set_terms: impl Fn(&cache_client::Context<DirectedApp>) + Copy + Send + Sync + 'static,
) -> Client<DirectedApp> {
    let client = directed_client();
    set_terms_for(&client, &GetPage(1), set_terms);
    client
}

/// Directs the loads of a key to make settings for their answer, which is the number of the load.
fn set_terms_for<Q: Numbered>(
    client: &Client<DirectedApp>,
    query: &Q,
    set_terms: impl Fn(&cache_client::Context<DirectedApp>) + Copy + Send + Sync + 'static,
) {
    let loads = Arc::new(AtomicUsize::new(0));
    client.app().direct(query, move |cx| {
        let loads = Arc::clone(&loads);
        async move {
            set_terms(&cx);
            Ok(loads.fetch_add(1, Ordering::SeqCst) + 1)
        }
    });
}

/// Asserts that an answer of the first page is fresh for this time, and no longer.
async fn assert_is_fresh_for(client: &Client<DirectedApp>, time: Duration) {
    let first = *client.query(&GetPage(1)).await.unwrap();
    pass(time - SECOND).await;
    assert_eq!(*client.query(&GetPage(1)).await.unwrap(), first, "it is fresh");
    pass(SECOND).await;
    assert_eq!(*client.query(&GetPage(1)).await.unwrap(), first + 1, "it is stale");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_fresh_for_the_time_that_its_load_has_set() {
    for time in [10, 100] {
        let client = client_with_terms(move |cx| cx.fresh_for(seconds(time)));
        assert_is_fresh_for(&client, seconds(time)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_counts_from_the_start_of_the_load() {
    let client = directed_client();
    client.app().direct(&GetPage(1), |cx| async move {
        takes(seconds(4)).await;
        cx.fresh_for(seconds(10));
        Ok(1)
    });
    client.query(&GetPage(1)).await.unwrap();
    pass(seconds(5)).await;
    client.query(&GetPage(1)).await.unwrap();
    assert_eq!(client.app().loads(&GetPage(1)), 1);
    pass(SECOND).await;
    client.query(&GetPage(1)).await.unwrap();
    assert_eq!(client.app().loads(&GetPage(1)), 2);
}

#[tokio::test(start_paused = true)]
async fn the_last_call_counts() {
    let client = client_with_terms(|cx| {
        cx.fresh_for(seconds(500));
        cx.fresh_for(seconds(10));
    });
    assert_is_fresh_for(&client, seconds(10)).await;
}

#[tokio::test(start_paused = true)]
async fn the_shortest_of_several_upper_limits_counts() {
    let shortened = client_with_terms(|cx| {
        for time in [500, 10, 100] {
            cx.fresh_at_most(seconds(time));
        }
    });
    assert_is_fresh_for(&shortened, seconds(10)).await;
    let set_before = client_with_terms(|cx| {
        cx.fresh_for(seconds(10));
        cx.fresh_at_most(seconds(100));
    });
    assert_is_fresh_for(&set_before, seconds(10)).await;
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_load_comes_before_the_options_of_query_and_client() {
    let set: [fn(LoadingOptions) -> LoadingOptions; 2] =
        [|options| options.fresh(seconds(30)), |options| options.fresh(seconds(30)).jitter(0.9)];
    for options in set {
        let client = builder().query::<GetPage>(options).build();
        set_terms_for(&client, &GetPage(1), |cx| cx.fresh_for(seconds(100)));
        assert_is_fresh_for(&client, seconds(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_options_of_a_call_come_before_the_time_of_a_load() {
    let client = client_with_terms(|cx| {
        cx.fresh_for(seconds(30));
        cx.keep_for(seconds(300));
    });
    let query_with_fresh = async |fresh| {
        *client.query_with(&GetPage(1), |options| options.fresh(fresh).ttl(seconds(400))).await.unwrap()
    };
    assert_eq!(query_with_fresh(seconds(10)).await, 1);
    let entry = client.cache().peek_entry(&GetPage(1)).unwrap();
    assert_eq!(entry.remaining(), Some(seconds(400)));
    pass(seconds(20)).await;
    assert_eq!(query_with_fresh(seconds(40)).await, 1);
    assert_eq!(query_with_fresh(seconds(10)).await, 2, "it is stale for this call");
    pass(seconds(29)).await;
    assert_eq!(*client.query(&GetPage(1)).await.unwrap(), 2, "the time of the call was not stored");
}

#[tokio::test(start_paused = true)]
async fn a_later_load_without_settings_has_the_options_of_the_query_again() {
    let client = client_with_terms(|cx| cx.fresh_for(seconds(10)));
    client.query(&GetPage(1)).await.unwrap();
    pass(seconds(10)).await;
    client.app().direct(&GetPage(1), |_| async { Ok(5) });
    client.query(&GetPage(1)).await.unwrap();
    pass(seconds(59)).await;
    assert_eq!(*client.query(&GetPage(1)).await.unwrap(), 5);
    assert_eq!(client.app().loads(&GetPage(1)), 2);
}

#[tokio::test(start_paused = true)]
async fn settings_of_a_failed_attempt_do_not_apply_to_the_next() {
    let client = directed_client();
    let attempts = Arc::new(AtomicUsize::new(0));
    client.app().direct(&GetPage(1), move |cx| {
        let attempt = attempts.fetch_add(1, Ordering::SeqCst);
        async move {
            if attempt > 0 {
                return Ok(attempt);
            }
            cx.fresh_for(seconds(5));
            cx.keep_for(seconds(5));
            cx.no_store();
            Err(DirectedError::Failed)
        }
    });
    assert_eq!(*in_time(client.query(&GetPage(1))).await.unwrap(), 1);
    pass(seconds(59)).await;
    assert_eq!(*client.query(&GetPage(1)).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn times_of_zero_and_without_end_work() {
    let stale = client_with_terms(|cx| cx.fresh_for(Duration::ZERO));
    assert_eq!(*stale.query(&GetPage(1)).await.unwrap(), 1);
    assert_eq!(*stale.query(&GetPage(1)).await.unwrap(), 2);
    assert_eq!(stale.cached(&GetPage(1)).as_deref(), Some(&2));

    let unlimited = client_with_terms(|cx| {
        cx.fresh_for(Duration::MAX);
        cx.keep_for(Duration::MAX);
    });
    unlimited.query(&GetPage(1)).await.unwrap();
    pass(seconds(1_000_000)).await;
    assert_eq!(*unlimited.query(&GetPage(1)).await.unwrap(), 1);

    let gone = client_with_terms(|cx| cx.keep_for(Duration::ZERO));
    gone.query(&GetPage(1)).await.unwrap();
    settle().await;
    assert!(gone.cached(&GetPage(1)).is_none());
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_for_the_time_that_its_load_has_set() {
    let client = client_with_terms(|cx| cx.keep_for(seconds(20)));
    client.query(&GetPage(1)).await.unwrap();
    pass(seconds(19)).await;
    assert!(client.cached(&GetPage(1)).is_some());
    pass(SECOND).await;
    assert!(client.cached(&GetPage(1)).is_none());
}

#[tokio::test(start_paused = true)]
async fn the_times_of_a_load_replace_those_of_absence() {
    let client = directed_client();
    client.app().direct(&GetMaybePage(1), |cx| async move {
        cx.fresh_for(seconds(20));
        cx.keep_for(seconds(30));
        Ok(0)
    });
    client.query(&GetMaybePage(1)).await.unwrap();
    pass(seconds(19)).await;
    assert!(client.query(&GetMaybePage(1)).await.unwrap().is_none());
    assert_eq!(client.app().loads(&GetMaybePage(1)), 1);
    pass(seconds(11)).await;
    assert!(client.cached(&GetMaybePage(1)).is_none());
}

#[tokio::test(start_paused = true)]
async fn an_equal_answer_gives_the_kept_one_its_times() {
    let client = directed_client();
    let query = GetEqualPage(1);
    client.app().direct(&query, |_| async { Ok(7) });
    let value = client.query(&query).await.unwrap();
    for time in [Some(10), Some(100), None] {
        client.app().direct(&query, move |cx| async move {
            time.into_iter().for_each(|time| cx.fresh_for(seconds(time)));
            Ok(7)
        });
        client.invalidate(&query);
        assert!(Arc::ptr_eq(&client.query(&query).await.unwrap(), &value));
        let fresh_for = client.cache().peek_entry(&query).unwrap().state().fresh_for;
        assert_eq!(fresh_for, Some(seconds(time.unwrap_or(60))));
    }
}

#[tokio::test(start_paused = true)]
async fn an_equal_answer_without_a_time_ends_that_of_the_kept_one() {
    let client = directed_client();
    let query = GetWeakPage(1);
    client.app().direct(&query, |cx| async move {
        cx.keep_for(seconds(100));
        Ok(7)
    });
    let value = client.query(&query).await.unwrap();
    let residency =
        |client: &Client<DirectedApp>| client.cache().peek_entry(&GetWeakPage(1)).unwrap().residency();
    assert_eq!(residency(&client), Residency::Resident);
    client.app().direct(&query, |_| async { Ok(7) });
    client.invalidate(&query);
    assert!(Arc::ptr_eq(&client.query(&query).await.unwrap(), &value));
    pass(seconds(10)).await;
    assert_eq!(residency(&client), Residency::Survivor);
    drop(value);
    assert!(client.cached(&query).is_none());
}

#[tokio::test(start_paused = true)]
async fn settings_of_a_batch_apply_to_all_its_keys() {
    let client = directed_client();
    client.app().direct(&GetPageTogether(1), |cx| async move {
        cx.fresh_for(seconds(10));
        Ok(7)
    });
    let queries = [GetPageTogether(1), GetPageTogether(2)];
    client.query_all(&queries).await;
    for query in &queries {
        let entry = client.cache().peek_entry(query).unwrap();
        assert_eq!(entry.state().fresh_for, Some(seconds(10)));
    }
    client.app().direct(&GetPageTogether(3), |cx| async move {
        cx.no_store();
        Ok(7)
    });
    client.query_all(&[GetPageTogether(3), GetPageTogether(4)]).await;
    assert!(client.cached(&GetPageTogether(3)).is_none() && client.cached(&GetPageTogether(4)).is_none());
}

#[tokio::test(start_paused = true)]
async fn an_unstored_answer_goes_to_all_callers_of_its_load_and_no_others() {
    let client = directed_client();
    client.app().direct(&GetPage(1), |cx| async move {
        takes(SECOND).await;
        cx.no_store();
        Ok(cx.app().loads(&GetPage(1)))
    });
    let callers = [spawn_query(&client, &GetPage(1)), spawn_query(&client, &GetPage(1))];
    for caller in callers {
        assert_eq!(*in_time(caller).await.unwrap().unwrap(), 1);
    }
    assert!(client.cached(&GetPage(1)).is_none());
    assert_eq!(*client.query(&GetPage(1)).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_unstored_answer_leaves_the_entry_as_it_is() {
    let client = client_with_terms(|cx| cx.no_store());
    client.cache().insert(GetPage(1), 50);
    client.invalidate(&GetPage(1));
    assert_eq!(*client.query(&GetPage(1)).await.unwrap(), 1);
    assert_eq!(client.cached(&GetPage(1)).as_deref(), Some(&50));
    assert!(is_marked(&client, &GetPage(1)));
}

#[tokio::test(start_paused = true)]
async fn a_request_remembers_an_unstored_answer() {
    let client = client_with_terms(|cx| cx.no_store());
    let cx = client.request("request");
    assert_eq!((*cx.query(&GetPage(1)).await.unwrap(), *cx.query(&GetPage(1)).await.unwrap()), (1, 1));
    assert_eq!(*client.query(&GetPage(1)).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_observer_shows_an_unstored_answer_until_something_newer_is_stored() {
    let client = client_with_terms(|cx| cx.no_store());
    let mut observer = client.observe(&GetPage(1));
    let mut next = async || loop {
        if let State::Ready { value, is_refreshing: false, is_stale: false, .. } =
            in_time(observer.next()).await.unwrap()
        {
            return *value;
        }
    };
    assert_eq!(next().await, 1);
    client.invalidate(&GetPage(1));
    assert_eq!(next().await, 2);
    client.cache().insert(GetPage(1), 50);
    assert_eq!(next().await, 50);
    settle().await;
    assert_eq!(client.app().loads(&GetPage(1)), 2);
}

#[tokio::test(start_paused = true)]
async fn only_the_code_of_a_load_sets_the_terms_of_its_answer() {
    let client = directed_client();
    client.app().direct(&GetPage(1), |cx| async move {
        let child = cx.child("private");
        child.disable_cache();
        child.query(&GetPage(2)).await?;
        cx.query(&GetPage(3)).await?;
        Ok(1)
    });
    set_terms_for(&client, &GetPage(2), |cx| cx.no_store());
    set_terms_for(&client, &GetPage(3), |cx| cx.fresh_for(seconds(5)));
    let request = client.request("request");
    request.no_store();
    request.query(&GetPage(1)).await.unwrap();
    let entry = client.cache().peek_entry(&GetPage(1)).expect("it is stored");
    assert_eq!(entry.state().fresh_for, Some(seconds(60)));
    assert_eq!(entry.freshness(), Freshness::Fresh);
}

#[tokio::test(start_paused = true)]
async fn a_child_of_the_context_sets_the_terms_of_the_answer_too() {
    let client = client_with_terms(|cx| cx.child("part").fresh_for(seconds(10)));
    assert_is_fresh_for(&client, seconds(10)).await;
}

#[tokio::test(start_paused = true)]
async fn a_copy_in_a_provider_has_the_times_that_the_load_has_set() {
    let provider = Arc::new(MemoryProvider::new(100));
    let (first, second) =
        (builder().provider(Arc::clone(&provider)).build(), builder().provider(provider).build());
    first.app().direct(&GetPage(1), |cx| async move {
        cx.fresh_for(seconds(10));
        cx.keep_for(seconds(30));
        Ok(7)
    });
    first.query(&GetPage(1)).await.unwrap();
    pass(seconds(5)).await;
    assert_eq!(*second.query(&GetPage(1)).await.unwrap(), 7);
    assert_eq!(second.app().loads(&GetPage(1)), 0);
    let state = second.cache().peek_entry(&GetPage(1)).unwrap().state();
    assert_eq!(state.fresh_for, Some(seconds(10)));
    assert!(state.remaining.unwrap() <= seconds(25));
    pass(seconds(5)).await;
    second.query(&GetPage(1)).await.unwrap();
    assert_eq!(second.app().loads(&GetPage(1)), 1);
}

#[tokio::test(start_paused = true)]
async fn a_provider_gets_no_copy_of_an_unstored_answer() {
    let provider = Arc::new(MemoryProvider::new(100));
    let client = builder().provider(Arc::clone(&provider)).build();
    client.app().direct(&GetPage(1), |cx| async move {
        cx.no_store();
        Ok(7)
    });
    client.query(&GetPage(1)).await.unwrap();
    settle().await;
    assert!(provider.is_empty());
}
