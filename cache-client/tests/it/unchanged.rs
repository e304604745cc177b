//! Loads that find the current value unchanged.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_client::{
    App, Client, ClientBuilder, Context, Fetch, Fetched, MemoryProvider, State, Strategy, TokioClock,
};
use cache_core::{Cache, Freshness, Query, Shape, registry};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::scripted::{SECOND, in_time, pass, seconds, settle, spawn_query, takes};

/// The value is the version of the server.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = usize, capacity = 1_000, fresh = "10s", persist)]
pub struct GetVersion(u32);

/// The same, in a table for one entry.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1, fresh = "10s")]
pub struct GetSmall(u32);

registry! {
    pub struct VersionRegistry { crate::unchanged::GetVersion, crate::unchanged::GetSmall }
}

#[derive(Debug, thiserror::Error)]
#[error("the server is down")]
pub struct Down;

/// A server with a version, which answers in a second.
#[derive(Default)]
pub struct Server {
    version: AtomicUsize,
    /// The loads: each with the version of the cached value, if there was one.
    loads: Mutex<Vec<Option<usize>>>,
    /// How long its answers are fresh, if it sets that.
    max_age: Mutex<Option<u64>>,
    /// Whether it forbids to store its answers.
    is_secret: std::sync::atomic::AtomicBool,
    failures: AtomicUsize,
}

impl App for Server {
    type Registry = VersionRegistry;
}

impl Server {
    async fn get(cx: &Context<Self>, known: Option<usize>) -> Result<Fetched<usize>, Down> {
        let server = cx.app();
        server.loads.lock().push(known);
        takes(SECOND).await;
        if server.failures.load(Ordering::SeqCst) > 0 {
            server.failures.fetch_sub(1, Ordering::SeqCst);
            return Err(Down);
        }
        let max_age = *server.max_age.lock();
        max_age.into_iter().for_each(|time| cx.fresh_for(seconds(time)));
        if server.is_secret.load(Ordering::SeqCst) {
            cx.no_store();
        }
        let version = server.version.load(Ordering::SeqCst);
        Ok(if known == Some(version) { Fetched::Unchanged } else { Fetched::New(version) })
    }

    fn loads(&self) -> Vec<Option<usize>> {
        self.loads.lock().clone()
    }
}

macro_rules! versioned {
    ($($name:ident),*) => {
        $(impl Fetch<Server> for $name {
            type Error = Down;

            async fn fetch(&self, cx: &Context<Server>) -> Result<usize, Down> {
                match Server::get(cx, None).await? {
                    Fetched::New(version) => Ok(version),
                    Fetched::Unchanged => unreachable!("no version was sent to the server"),
                }
            }

            async fn fetch_again(&self, cx: &Context<Server>, present: &Arc<usize>) -> Result<Fetched<usize>, Down> {
                Server::get(cx, Some(**present)).await
            }

            fn is_retryable(_: &Down) -> bool {
                true
            }
        })*
    };
}

versioned!(GetVersion, GetSmall);

fn builder() -> ClientBuilder<Server> {
    let cache = Cache::builder().clock(TokioClock::new()).build().unwrap();
    Client::builder(cache, Server::default())
}

/// A client that has loaded version 0, ten seconds ago.
async fn client_with_stale_value() -> (Client<Server>, Arc<usize>) {
    let client = builder().build();
    let value = client.query(&GetVersion(1)).await.unwrap();
    pass(seconds(10)).await;
    (client, value)
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_value_that_must_not_be_stored_leaves_the_cache_and_the_provider() {
    let provider = Arc::new(MemoryProvider::new(100));
    // The provider would keep the copy for longer.
    let builder = builder().query::<GetVersion>(|options| options.stale_if_error(seconds(100)));
    let client = builder.provider(Arc::clone(&provider)).build();
    let value = client.query(&GetVersion(1)).await.unwrap();
    settle().await;
    assert_eq!(provider.len(), 1);
    pass(seconds(10)).await;
    client.app().is_secret.store(true, Ordering::SeqCst);
    assert!(Arc::ptr_eq(&client.query(&GetVersion(1)).await.unwrap(), &value));
    settle().await;
    assert!(provider.is_empty());
    drop(value);
    assert!(client.cached(&GetVersion(1)).is_none());
    client.app().is_secret.store(false, Ordering::SeqCst);
    client.query(&GetVersion(1)).await.unwrap();
    assert_eq!(client.app().loads(), [None, Some(0), None]);
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_value_that_was_replaced_meanwhile_does_not_end_the_new_one() {
    let (client, _value) = client_with_stale_value().await;
    client.app().is_secret.store(true, Ordering::SeqCst);
    let query = spawn_query(&client, &GetVersion(1));
    settle().await;
    client.cache().insert(GetVersion(1), 50);
    assert_eq!(*query.await.unwrap().unwrap(), 0);
    assert_eq!(client.cached(&GetVersion(1)).as_deref(), Some(&50));
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_value_stays_and_is_fresh_again() {
    let (client, value) = client_with_stale_value().await;
    let revision = client.cache().peek_entry(&GetVersion(1)).unwrap().revision();
    assert!(Arc::ptr_eq(&client.query(&GetVersion(1)).await.unwrap(), &value));
    let entry = client.cache().peek_entry(&GetVersion(1)).unwrap();
    assert!(Arc::ptr_eq(entry.value(), &value));
    assert_eq!((entry.revision(), entry.age(), entry.freshness()), (revision, SECOND, Freshness::Fresh));
    pass(seconds(8)).await;
    client.query(&GetVersion(1)).await.unwrap();
    assert_eq!(client.app().loads(), [None, Some(0)]);
}

#[tokio::test(start_paused = true)]
async fn a_changed_value_is_replaced() {
    let (client, _) = client_with_stale_value().await;
    client.app().version.store(1, Ordering::SeqCst);
    assert_eq!(*client.query(&GetVersion(1)).await.unwrap(), 1);
    assert_eq!(client.cached(&GetVersion(1)).as_deref(), Some(&1));
    assert_eq!(client.app().loads(), [None, Some(0)]);
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_value_has_the_time_that_the_load_has_set() {
    let (client, _) = client_with_stale_value().await;
    let fresh_for =
        |client: &Client<Server>| client.cache().peek_entry(&GetVersion(1)).unwrap().state().fresh_for;
    for (max_age, expected) in [(Some(100), 100), (None, 10)] {
        *client.app().max_age.lock() = max_age;
        client.invalidate(&GetVersion(1));
        client.query(&GetVersion(1)).await.unwrap();
        assert_eq!(fresh_for(&client), Some(seconds(expected)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_value_is_no_longer_marked() {
    let (client, value) = client_with_stale_value().await;
    client.invalidate(&GetVersion(1));
    assert!(Arc::ptr_eq(&client.query(&GetVersion(1)).await.unwrap(), &value));
    let entry = client.cache().peek_entry(&GetVersion(1)).unwrap();
    assert_eq!(entry.freshness(), Freshness::Fresh);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_stores_nothing_or_is_private_loads_the_value() {
    let (client, _) = client_with_stale_value().await;
    client.query_with(&GetVersion(1), |options| options.strategy(Strategy::NetworkOnly)).await.unwrap();
    let cx = client.request("private");
    cx.disable_cache();
    cx.query(&GetVersion(1)).await.unwrap();
    assert_eq!(client.app().loads(), [None, None, None]);
}

#[tokio::test(start_paused = true)]
async fn a_change_during_the_load_counts() {
    type Change = fn(&Client<Server>);
    let changes: [(Change, Option<usize>, bool); 3] = [
        (|client| drop(client.cache().insert(GetVersion(1), 50)), Some(50), true),
        (|client| _ = client.cache().remove(&GetVersion(1)), None, false),
        (|client| _ = client.cache().invalidate(&GetVersion(1)), Some(0), false),
    ];
    for (change, value, is_fresh) in changes {
        let (client, _) = client_with_stale_value().await;
        let load = spawn_query(&client, &GetVersion(1));
        settle().await;
        change(&client);
        assert_eq!(*in_time(load).await.unwrap().unwrap(), 0, "the callers get the answer");
        assert_eq!(client.cached(&GetVersion(1)).map(|value| *value), value);
        assert_eq!(client.cache().get_fresh(&GetVersion(1)).is_some(), is_fresh);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_value_that_was_evicted_is_kept_again() {
    let client = builder().build();
    client.query(&GetSmall(1)).await.unwrap();
    pass(seconds(10)).await;
    let load = spawn_query(&client, &GetSmall(1));
    settle().await;
    (2..10).for_each(|key| drop(client.cache().insert(GetSmall(key), 7)));
    drop(in_time(load).await.unwrap());
    pass(SECOND).await;
    assert_eq!(client.cached(&GetSmall(1)).as_deref(), Some(&0));
}

#[tokio::test(start_paused = true)]
async fn an_observer_shows_only_that_an_unchanged_value_is_fresh_again() {
    let (client, value) = client_with_stale_value().await;
    let mut observer = client.observe(&GetVersion(1));
    let mut states = Vec::new();
    loop {
        match in_time(observer.next()).await.unwrap() {
            State::Ready { value: shown, is_stale, is_refreshing, .. } => {
                assert!(Arc::ptr_eq(&shown, &value));
                states.push((is_stale, is_refreshing));
                if !is_stale && !is_refreshing {
                    break;
                }
            }
            _ => panic!("there is a value"),
        }
    }
    assert!(states.contains(&(true, true)), "{states:?}");
}

#[tokio::test(start_paused = true)]
async fn an_observer_counts_from_the_load_of_another_caller_that_found_the_value_unchanged() {
    let client = builder().build();
    client.query(&GetVersion(1)).await.unwrap();
    let observer = client.observe(&GetVersion(1));
    settle().await;
    pass(seconds(5)).await;
    client.query_with(&GetVersion(1), |options| options.strategy(Strategy::Refresh)).await.unwrap();
    pass(seconds(7)).await;
    let state = observer.state();
    assert!(matches!(state, State::Ready { is_stale: false, .. }), "{state:?}");
}

#[tokio::test(start_paused = true)]
async fn the_copy_of_an_unchanged_value_gets_a_new_date() {
    let provider = Arc::new(MemoryProvider::new(100));
    let (first, second) =
        (builder().provider(Arc::clone(&provider)).build(), builder().provider(provider).build());
    first.query(&GetVersion(1)).await.unwrap();
    pass(seconds(10)).await;
    first.query(&GetVersion(1)).await.unwrap();
    pass(seconds(7)).await;
    second.query(&GetVersion(1)).await.unwrap();
    assert_eq!(second.app().loads(), []);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_gets_the_current_value() {
    let (client, value) = client_with_stale_value().await;
    client.app().failures.store(2, Ordering::SeqCst);
    assert!(Arc::ptr_eq(&in_time(client.query(&GetVersion(1))).await.unwrap(), &value));
    assert_eq!(client.app().loads(), [None, Some(0), Some(0), Some(0)]);
}
