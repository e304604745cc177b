//! Limits of concurrent loads, per query and per client, and loads that wait for other loads.

mod waits;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use cache_client::{
    App, Client, ClientBuilder, Context, Fetch, FetchMany, LoadingOptions, MemoryProvider, QueryError,
    TokioClock,
};
use cache_core::{Cache, Query, Shape, registry};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::scripted::{
    SECOND, in_time, pass, seconds, settle, spawn_query, spawn_query_without_linger, takes,
};
use crate::sized;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 100_000, fresh = "1h")]
pub struct GetFree(u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 100_000, fresh = "1h", concurrency = 1)]
pub struct GetOne(u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 100_000, fresh = "10s", concurrency = 3)]
pub struct GetThree(u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 100_000, fresh = "1h", concurrency = 2, batch = 10)]
pub struct GetMany(u32);

/// The value is always the same.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 100_000, fresh = "1h", eq)]
pub struct GetEqual(u32);

#[derive(Query, Shape, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 100_000, fresh = "1h", concurrency = 1, persist)]
pub struct GetKept(u32);

registry! {
    pub struct LimitedRegistry {
        crate::concurrency::GetFree,
        crate::concurrency::GetOne,
        crate::concurrency::GetThree,
        crate::concurrency::GetMany,
        crate::concurrency::GetKept,
        crate::concurrency::GetEqual,
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the app is busy")]
pub struct Busy;

type Script = Box<dyn Fn(Context<LimitedApp>) -> Work + Send>;

type Work = Pin<Box<dyn Future<Output = Result<(), Busy>> + Send>>;

/// Counts the loads that are working.
#[derive(Default)]
pub struct LimitedApp {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: usize,
    most: usize,
    /// The keys of all loads and batches, in the order of their starts.
    begun: Vec<Vec<u32>>,
    /// What the loads of a key do instead of a second of work.
    works: HashMap<u32, Script>,
}

struct Working<'a>(&'a LimitedApp);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.state.lock().running -= 1;
    }
}

impl App for LimitedApp {
    type Registry = LimitedRegistry;
}

impl LimitedApp {
    fn working(&self) -> Working<'_> {
        let mut state = self.state.lock();
        state.running += 1;
        state.most = state.most.max(state.running);
        Working(self)
    }

    async fn works(&self, time: Duration) {
        let _working = self.working();
        takes(time).await;
    }

    async fn load(&self, key: u32, cx: &Context<Self>) -> Result<u32, Busy> {
        let work = {
            let mut state = self.state.lock();
            state.begun.push(vec![key]);
            state.works.get(&key).map(|work| work(cx.clone()))
        };
        match work {
            Some(work) => work.await?,
            None => self.works(SECOND).await,
        }
        Ok(key)
    }

    /// Scripts the loads of a key.
    fn script<F: Future<Output = Result<(), Busy>> + Send + 'static>(
        &self,
        key: u32,
        work: impl Fn(Context<Self>) -> F + Send + 'static,
    ) {
        self.state.lock().works.insert(key, Box::new(move |cx| Box::pin(work(cx))));
    }

    /// The highest number of loads that worked at the same time.
    fn max_concurrent(&self) -> usize {
        self.state.lock().most
    }

    fn begun(&self) -> Vec<Vec<u32>> {
        self.state.lock().begun.clone()
    }
}

macro_rules! loaded {
    ($($query:ident),*) => {
        $(impl Fetch<LimitedApp> for $query {
            type Error = Busy;

            async fn fetch(&self, cx: &Context<LimitedApp>) -> Result<u32, Busy> {
                cx.app().load(self.0, cx).await
            }

            fn is_retryable(_: &Busy) -> bool {
                true
            }

            fn retry_after(_: &Busy) -> Option<Duration> {
                Some(seconds(20))
            }
        })*
    };
}

loaded!(GetFree, GetOne, GetThree, GetKept, GetEqual);

impl FetchMany<LimitedApp> for GetMany {
    type Error = Busy;

    async fn fetch_many(keys: &[Self], cx: &Context<LimitedApp>) -> Vec<Result<u32, Busy>> {
        let work = {
            let mut state = cx.app().state.lock();
            state.begun.push(keys.iter().map(|key| key.0).collect());
            state.works.get(&keys[0].0).map(|work| work(cx.clone()))
        };
        let worked = match work {
            Some(work) => work.await,
            None => {
                cx.app().works(SECOND).await;
                Ok(())
            }
        };
        keys.iter().map(|key| if worked.is_ok() { Ok(key.0) } else { Err(Busy) }).collect()
    }
}

fn builder() -> ClientBuilder<LimitedApp> {
    let cache = Cache::builder().clock(TokioClock::new()).build().unwrap();
    Client::builder(cache, LimitedApp::default())
}

fn limited_client() -> Client<LimitedApp> {
    builder().build()
}

fn keys<Q>(make: fn(u32) -> Q, numbers: std::ops::Range<u32>) -> Vec<Q> {
    numbers.map(make).collect()
}

#[tokio::test(start_paused = true)]
async fn the_limit_bounds_the_loads_that_run_at_once() {
    let many = sized(5_000, 20_000);
    let of_client = builder().concurrency(32).build();
    let of_query = builder().query::<GetFree>(|options| options.concurrency(32)).build();
    let of_all_queries = builder().defaults(|options| options.concurrency(32)).build();
    for (client, count) in [(of_client, many), (of_query, many), (of_all_queries, 100)] {
        let keys = keys(GetFree, 0..count);
        client.prefetch_all(&keys).done().await;
        assert!(keys.iter().all(|key| client.cached(key).is_some()));
        assert_eq!(client.app().max_concurrent(), 32);
        assert_eq!(client.app().begun().len(), count as usize);
    }
}

#[tokio::test(start_paused = true)]
async fn the_limits_of_the_query_and_of_the_client_both_apply() {
    let client = builder().concurrency(4).build();
    let (three, free) = (keys(GetThree, 0..30), keys(GetFree, 100..130));
    let three = client.prefetch_all(&three);
    settle().await;
    assert_eq!(client.app().max_concurrent(), 3);
    let free = client.prefetch_all(&free);
    tokio::join!(three.done(), free.done());
    assert_eq!(client.app().max_concurrent(), 4);
}

#[test]
fn loads_run_in_the_order_of_their_requests() {
    let threads =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    threads.block_on(async {
        let client = limited_client();
        (0..100).for_each(|key| client.app().script(key, |_| async { Ok(()) }));
        let keys = keys(GetOne, 0..100);
        // Spawned from a worker, which runs its newest task first.
        let (caller, queries) = (client.clone(), keys.clone());
        let prefetched = tokio::spawn(async move { caller.prefetch_all(&queries) });
        in_time(prefetched.await.unwrap().done()).await;
        assert_eq!(client.app().begun().concat(), (0..100).collect::<Vec<_>>());
    });
}

#[tokio::test(start_paused = true)]
async fn a_caller_does_not_wait_for_a_slot_beyond_its_deadline() {
    let client = limited_client();
    client.app().script(0, |_| async { std::future::pending().await });
    let _running = spawn_query(&client, &GetOne(0));
    settle().await;
    let begun = Instant::now();
    let hasty = client.request("hasty").with_deadline(begun + SECOND);
    assert!(hasty.query(&GetOne(1)).await.unwrap_err().is_interrupted());
    assert_eq!((begun.elapsed(), client.app().begun()), (SECOND, vec![vec![0]]));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_load_passes_its_slot_on() {
    let client = limited_client();
    client.app().script(0, |_| async { std::future::pending().await });
    let running = spawn_query_without_linger(&client, &GetOne(0));
    settle().await;
    let waiting = spawn_query_without_linger(&client, &GetOne(1));
    settle().await;
    let next = spawn_query(&client, &GetOne(2));
    settle().await;
    waiting.abort();
    settle().await;
    running.abort();
    assert_eq!(*in_time(next).await.unwrap().unwrap(), 2);
    assert_eq!(client.app().begun(), [[0], [2]]);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_panics_or_fails_releases_its_slot() {
    let client = builder().query::<GetOne>(|options| options.retry(0)).concurrency(1).build();
    client.app().script(0, |_| async { panic!("the load panics") });
    client.app().script(1, |_| async { Err(Busy) });
    for _ in 0..3 {
        assert!(matches!(in_time(client.query(&GetOne(0))).await, Err(QueryError::Panicked { .. })));
        assert!(matches!(in_time(client.query(&GetOne(1))).await, Err(QueryError::Failed { .. })));
    }
    assert_eq!(*in_time(client.query(&GetOne(2))).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_load_holds_no_slot_while_it_waits_for_a_retry() {
    let client = limited_client();
    client.app().script(0, |_| async { Err(Busy) });
    let failing = spawn_query(&client, &GetOne(0));
    settle().await;
    let begun = Instant::now();
    assert_eq!(*in_time(client.query(&GetOne(1))).await.unwrap(), 1);
    assert_eq!(begun.elapsed(), SECOND);
    assert!(in_time(failing).await.unwrap().is_err());
    assert_eq!((client.app().begun().len(), client.app().max_concurrent()), (5, 1));
}

#[tokio::test(start_paused = true)]
async fn a_batch_takes_one_slot_and_accepts_keys_while_it_waits_for_it() {
    let client = limited_client();
    let (first, second) = (keys(GetMany, 0..20), keys(GetMany, 20..22));
    let running = client.prefetch_all(&first);
    settle().await;
    let waiting = client.prefetch_all(&second);
    pass(SECOND / 2).await;
    let late = client.prefetch_all(&keys(GetMany, 22..24));
    in_time(async { tokio::join!(running.done(), waiting.done(), late.done()) }).await;
    let calls: Vec<_> = client.app().begun().iter().map(Vec::len).collect();
    assert_eq!((calls, client.app().max_concurrent()), (vec![10, 10, 4], 2));
}

#[tokio::test(start_paused = true)]
async fn keys_whose_callers_leave_while_their_batch_waits_are_not_loaded() {
    let client = builder().defaults(|options| options.linger(Duration::ZERO).concurrency(1)).build();
    let running = client.prefetch_all(&keys(GetMany, 0..20));
    settle().await;
    let left = [spawn_query(&client, &GetMany(20)), spawn_query(&client, &GetMany(21))];
    settle().await;
    left.iter().for_each(|call| call.abort());
    in_time(running.done()).await;
    pass(seconds(5)).await;
    assert_eq!(client.app().begun().len(), 2);
    assert_eq!(*in_time(client.query(&GetMany(21))).await.unwrap(), 21);
}

#[tokio::test(start_paused = true)]
async fn the_age_of_an_answer_excludes_the_wait_for_a_slot() {
    let client = limited_client();
    let slow = |_| async {
        takes(seconds(60)).await;
        Ok(())
    };
    (0..3).for_each(|key| client.app().script(key, slow));
    let running = client.prefetch_all(&keys(GetThree, 0..3));
    let waited = client.query(&GetThree(5)).await.unwrap();
    running.done().await;
    assert!(Arc::ptr_eq(&waited, &client.query(&GetThree(5)).await.unwrap()));
    assert_eq!(client.app().begun().len(), 4, "the last key is not loaded again");
}

#[tokio::test(start_paused = true)]
async fn a_provider_hit_needs_no_slot() {
    let provider = Arc::new(MemoryProvider::new(100));
    let before = builder().provider(Arc::clone(&provider)).build();
    before.query(&GetKept(1)).await.unwrap();
    settle().await;
    let client = builder().provider(provider).build();
    client.app().script(0, |_| async { std::future::pending().await });
    let _running = spawn_query(&client, &GetKept(0));
    settle().await;
    assert_eq!(*in_time(client.query(&GetKept(1))).await.unwrap(), 1);
    assert_eq!(client.app().begun(), [[0]]);
}

#[tokio::test(start_paused = true)]
async fn invalid_limits_are_errors_that_name_the_setting() {
    type Build = fn(ClientBuilder<LimitedApp>) -> ClientBuilder<LimitedApp>;
    let plain: Build = |builder| builder;
    let of_query: Build = |builder| builder.query::<GetFree>(|options| options.concurrency(0));
    let of_all: Build = |builder| builder.defaults(|options| options.concurrency(0));
    let of_client: Build = |builder| builder.concurrency(0);
    let at_least = "query `get_free`: `concurrency` must be at least 1; leave it out for no limit";
    for (build, call, expected) in [
        (of_query, None, at_least),
        (of_all, None, at_least),
        (
            of_client,
            None,
            "query `get_free`: `concurrency` of `ClientBuilder::concurrency` must be at least 1; leave it out for no limit",
        ),
        (
            plain,
            Some(5),
            "query `get_free`: `concurrency` is not an option of a call: set it in the derive or by `ClientBuilder::query`",
        ),
    ] {
        let client = build(builder()).build();
        let change = |options: LoadingOptions| match call {
            Some(most) => options.concurrency(most),
            None => options,
        };
        match client.query_with(&GetFree(1), change).await {
            Err(QueryError::Options(error)) => assert_eq!(error.to_string(), expected),
            other => panic!("{other:?}"),
        }
        assert!(client.app().begun().is_empty());
    }
}

/// A runtime with paused time that runs only inside `block_on`.
fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

#[test]
fn loads_on_an_idle_runtime_do_not_block_the_loads_that_take_them_over() {
    let (idle, other) = (current_thread(), current_thread());
    let client = idle.block_on(async {
        let client = builder().concurrency(1).build();
        drop(spawn_query(&client, &GetOne(0)));
        drop(spawn_query(&client, &GetOne(1)));
        drop(spawn_query(&client, &GetMany(1)));
        settle().await;
        client
    });
    other.block_on(in_time(async {
        let (running, waiting) = (GetOne(0), GetOne(1));
        let (running, waiting) = tokio::join!(client.query(&running), client.query(&waiting));
        assert!(running.is_ok() && waiting.is_ok());
        assert!(client.query(&GetMany(1)).await.is_ok());
    }));
    // A load that resumes waits for a slot.
    idle.block_on(in_time(async {
        assert!(client.query(&GetOne(2)).await.is_ok());
    }));
}

/// No load is taken over, since no other caller queries these keys.
#[test]
fn loads_on_an_idle_runtime_do_not_block_loads_of_other_keys() {
    let (idle, other) = (current_thread(), current_thread());
    let client = builder().concurrency(2).build();
    idle.block_on(async {
        (0..5).for_each(|key| drop(spawn_query(&client, &GetFree(key))));
        settle().await;
    });
    other.block_on(in_time(async {
        let answers = client.query_all(&keys(GetFree, 10..15)).await;
        assert!(answers.iter().all(Result::is_ok));
    }));
    assert_eq!(client.app().begun().len(), 7, "two on the idle runtime and five on the other");
    // The idle loads resume, and the limit applies to them.
    idle.block_on(in_time(async {
        let answers = client.query_all(&keys(GetFree, 0..5)).await;
        assert!(answers.iter().all(Result::is_ok));
    }));
    assert_eq!(client.app().begun().len(), 10);
}
