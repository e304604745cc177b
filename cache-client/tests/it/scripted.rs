//! An app that counts its loads and follows the scripts of a test.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::weighing;
use cache_client::{Answer, App, Client, ClientBuilder, Context, Fetch, QueryError, TokioClock};
use cache_core::{Cache, Query, registry};
use parking_lot::Mutex;

pub const SECOND: Duration = Duration::from_secs(1);
/// The longest wait for another thread, in real time. It is long, since a busy machine can stall threads for minutes.
/// A test that passes waits only as long as necessary.
pub const LONGEST_WAIT: Duration = Duration::from_secs(600);

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The value is the number of the load of its key, counted from 1.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
pub struct GetNumber(pub u32);

/// A weak table: only readers keep the value.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, fresh = "10s", tags("some"))]
pub struct GetWeak(pub u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, strategy = "stale-while-revalidate", fresh = "10s", swr = "60s")]
pub struct GetStale(pub u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", stale_if_error = "60s")]
pub struct GetForgiven(pub u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, strategy = "network-first", fresh = "10s", timeout = "1s", tags("first", "some"))]
pub struct GetFirst(pub u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "1h", poll = "10s")]
pub struct GetPolled(pub u32);

/// Has no linger time: the load ends with its last caller.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", linger = "0s")]
pub struct GetHasty(pub u32);

/// Polled every two seconds until its third load.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "1h")]
pub struct GetJob(pub u32);

/// Has an unlimited linger time: the load always runs to its end.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", linger = "until done")]
pub struct GetDone(pub u32);

/// The value is always the same.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u8, capacity = 1_000, fresh = "10s", eq)]
pub struct GetEqual(pub u32);

/// Absent for odd keys.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Option<usize>, capacity = 1_000, fresh = "100s", absent_ttl = "5s")]
pub struct GetMaybe(pub u32);

/// Errors are remembered for 5 s.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", error_ttl = "5s", stale_if_error = "10s")]
pub struct GetBrittle(pub u32);

/// Has no freshness time.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000)]
pub struct GetTimeless(pub u32);

/// Has a weight function, which runs between the end of the load and its store.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, max_weight = 1_000, weigh = GetWeighed::weight, fresh = "10s")]
pub struct GetWeighed(pub u32);

/// The sum of a [`GetNumber`] and a [`GetStale`].
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
pub struct GetSum(pub u32);

/// Its load queries the next key. The last key queries the first.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
pub struct GetRing(pub u32);

/// Its load queries its own key through the client instead of its context.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
pub struct GetSelf(pub u32);

/// Its load cancels its own context and returns an answer.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
pub struct GetQuitter(pub u32);

/// The first key prefetches the second and awaits it in its own load. The second key queries the first.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
pub struct GetEager(pub u32);

registry! {
    pub struct ScriptedRegistry {
        crate::scripted::GetNumber,
        crate::scripted::GetWeak,
        crate::scripted::GetStale,
        crate::scripted::GetForgiven,
        crate::scripted::GetFirst,
        crate::scripted::GetPolled,
        crate::scripted::GetHasty,
        crate::scripted::GetDone,
        crate::scripted::GetEqual,
        crate::scripted::GetMaybe,
        crate::scripted::GetBrittle,
        crate::scripted::GetTimeless,
        crate::scripted::GetWeighed,
        crate::scripted::GetSum,
        crate::scripted::GetRing,
        crate::scripted::GetSelf,
        crate::scripted::GetQuitter,
        crate::scripted::GetEager,
        crate::scripted::GetJob,
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ScriptedError {
    #[error("no luck")]
    NoLuck,
    #[error(transparent)]
    Query(#[from] QueryError<ScriptedError>),
}

/// The script of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// Answers after this time.
    Answer(Duration),
    Fail(Duration),
    Panic,
    Never,
}

#[derive(Default)]
pub struct ScriptedApp {
    loads: Mutex<HashMap<(&'static str, u32), usize>>,
    scripts: Mutex<HashMap<(&'static str, u32), Script>>,
    dropped: AtomicUsize,
    running: Mutex<HashMap<(&'static str, u32), usize>>,
    inner: Mutex<HashMap<u32, Inner>>,
}

/// An action at the start of a load.
pub type Inner = Box<dyn FnOnce(Context<ScriptedApp>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

impl App for ScriptedApp {
    type Registry = ScriptedRegistry;
}

impl ScriptedApp {
    /// The number of loads of a key that have started.
    pub fn loads<Q: Keyed>(&self, query: &Q) -> usize {
        self.loads.lock().get(&(Q::NAME, query.number())).copied().unwrap_or(0)
    }

    /// The number of running loads of a key.
    pub fn running<Q: Keyed>(&self, query: &Q) -> usize {
        self.running.lock().get(&(Q::NAME, query.number())).copied().unwrap_or(0)
    }

    /// The number of loads that were dropped before they ended.
    pub fn dropped(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }

    /// Scripts all later loads of a key. Without a script they answer after a second.
    pub fn script<Q: Keyed>(&self, query: &Q, script: Script) {
        self.scripts.lock().insert((Q::NAME, query.number()), script);
    }

    /// Runs an action at the start of the next load of a number.
    pub fn when_loaded(
        &self,
        key: u32,
        inner: impl FnOnce(Context<ScriptedApp>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + 'static,
    ) {
        self.inner.lock().insert(key, Box::new(inner));
    }

    async fn load<Q: Keyed>(&self, query: &Q) -> Result<usize, ScriptedError> {
        let at = (Q::NAME, query.number());
        let number = {
            let mut loads = self.loads.lock();
            let number = loads.entry(at).or_default();
            *number += 1;
            *number
        };
        tracing::info!(name: "app load", number);
        *self.running.lock().entry(at).or_default() += 1;
        let mut guard = Guard { app: self, at, is_done: false };
        let script = self.scripts.lock().get(&at).copied().unwrap_or(Script::Answer(SECOND));
        match script {
            Script::Answer(time) | Script::Fail(time) => takes(time).await,
            Script::Panic => {
                guard.is_done = true;
                panic!("the load panics")
            }
            Script::Never => std::future::pending().await,
        }
        guard.is_done = true;
        if matches!(script, Script::Fail(_)) { Err(ScriptedError::NoLuck) } else { Ok(number) }
    }
}

struct Guard<'a> {
    app: &'a ScriptedApp,
    at: (&'static str, u32),
    is_done: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        *self.app.running.lock().entry(self.at).or_default() -= 1;
        self.app.dropped.fetch_add(usize::from(!self.is_done), Ordering::SeqCst);
    }
}

pub trait Keyed: Query {
    fn number(&self) -> u32;
}

macro_rules! keyed {
    ($($query:ident),*) => {
        $(impl Keyed for $query {
            fn number(&self) -> u32 {
                self.0
            }
        })*
    };
}

macro_rules! loaded {
    ($($query:ident),*) => {
        keyed!($($query),*);
        $(impl Fetch<ScriptedApp> for $query {
            type Error = ScriptedError;

            async fn fetch(&self, cx: &Context<ScriptedApp>) -> Result<usize, ScriptedError> {
                cx.app().load(self).await
            }
        })*
    };
}

impl Keyed for GetNumber {
    fn number(&self) -> u32 {
        self.0
    }
}

impl Fetch<ScriptedApp> for GetNumber {
    type Error = ScriptedError;

    async fn fetch(&self, cx: &Context<ScriptedApp>) -> Result<usize, ScriptedError> {
        let inner = cx.app().inner.lock().remove(&self.0);
        if let Some(inner) = inner {
            inner(cx.clone()).await;
        }
        cx.app().load(self).await
    }
}

loaded!(
    GetWeak,
    GetStale,
    GetForgiven,
    GetFirst,
    GetPolled,
    GetHasty,
    GetDone,
    GetBrittle,
    GetTimeless,
    GetWeighed
);
keyed!(GetJob, GetEqual, GetMaybe, GetSum, GetRing, GetSelf, GetQuitter, GetEager);

impl Fetch<ScriptedApp> for GetJob {
    type Error = ScriptedError;

    async fn fetch(&self, cx: &Context<ScriptedApp>) -> Result<usize, ScriptedError> {
        cx.app().load(self).await
    }

    fn next_poll(&self, value: &usize, period: Option<Duration>) -> Option<Duration> {
        assert_ne!(self.0, 13, "cannot be polled");
        (*value < 3).then(|| period.unwrap_or(seconds(2)))
    }
}

impl Fetch<ScriptedApp> for GetEqual {
    type Error = ScriptedError;

    async fn fetch(&self, cx: &Context<ScriptedApp>) -> Result<u8, ScriptedError> {
        cx.app().load(self).await?;
        Ok(7)
    }
}

impl Fetch<ScriptedApp> for GetMaybe {
    type Error = ScriptedError;

    async fn fetch(&self, cx: &Context<ScriptedApp>) -> Result<Option<usize>, ScriptedError> {
        let number = cx.app().load(self).await?;
        Ok(self.0.is_multiple_of(2).then_some(number))
    }
}

impl Fetch<ScriptedApp> for GetSum {
    type Error = ScriptedError;

    async fn fetch(&self, cx: &Context<ScriptedApp>) -> Result<usize, ScriptedError> {
        cx.app().load(self).await?;
        let (number, stale) = (GetNumber(self.0), GetStale(self.0));
        let (number, stale) = tokio::join!(cx.query(&number), cx.query(&stale));
        Ok(*number? + *stale?)
    }
}

/// The number of keys in the ring.
pub const RING: u32 = 3;

impl Fetch<ScriptedApp> for GetRing {
    type Error = ScriptedError;

    async fn fetch(&self, cx: &Context<ScriptedApp>) -> Result<usize, ScriptedError> {
        cx.app().load(self).await?;
        Ok(*cx.query(&GetRing((self.0 + 1) % RING)).await?)
    }
}

impl Fetch<ScriptedApp> for GetSelf {
    type Error = ScriptedError;

    async fn fetch(&self, cx: &Context<ScriptedApp>) -> Result<usize, ScriptedError> {
        Ok(*cx.client().query(self).await?)
    }
}

impl Fetch<ScriptedApp> for GetQuitter {
    type Error = ScriptedError;

    async fn fetch(&self, cx: &Context<ScriptedApp>) -> Result<usize, ScriptedError> {
        cx.cancel();
        cx.app().load(self).await
    }
}

impl Fetch<ScriptedApp> for GetEager {
    type Error = ScriptedError;

    async fn fetch(&self, cx: &Context<ScriptedApp>) -> Result<usize, ScriptedError> {
        if self.0 == 1 {
            let other = cx.prefetch(&GetEager(2));
            let number = cx.app().load(self).await?;
            other.done().await;
            return Ok(number);
        }
        let number = cx.app().load(self).await?;
        drop(cx.query(&GetEager(1)).await);
        Ok(number)
    }
}

impl GetWeighed {
    fn weight(&self, _: &usize) -> u32 {
        weighing::weigh::<Self>(self.0)
    }

    /// Runs an action once, when the value of this key is loaded and about to be stored.
    pub fn when_weighed(&self, act: impl Fn() + Send + 'static) {
        weighing::once::<Self>(self.0, act);
    }
}

pub fn cache() -> Cache<ScriptedRegistry> {
    Cache::builder().clock(TokioClock::new()).build().unwrap()
}

pub fn builder() -> ClientBuilder<ScriptedApp> {
    Client::builder(cache(), ScriptedApp::default())
}

pub fn paused_client() -> Client<ScriptedApp> {
    builder().build()
}

/// A client with a commit hook that takes this long and accepts every commit.
pub fn client_with_slow_hook(time: Duration) -> Client<ScriptedApp> {
    let cache = Cache::builder()
        .clock(TokioClock::new())
        .before_commit_async(move |_| async move {
            takes(time).await;
            Ok(())
        })
        .build()
        .unwrap();
    Client::builder(cache, ScriptedApp::default()).build()
}

/// Sleeps on tokio's paused clock. The clock advances when all tasks are idle, so that no test waits in real time.
pub async fn takes(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Advances the time and runs everything that is due.
pub async fn pass(time: Duration) {
    takes(time).await;
    settle().await;
}

/// Runs everything that can run without time passing.
pub async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// The output of a future. Panics if the future waits forever.
pub async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(seconds(100_000), future).await.expect("the test hangs")
}

/// Queries in a task, so that the test can continue meanwhile.
pub fn spawn_query<A: App, Q: Fetch<A>>(
    client: &Client<A>,
    query: &Q,
) -> tokio::task::JoinHandle<Answer<A, Q>>
where
    A::Registry: cache_core::Holds<Q>,
{
    let (client, query) = (client.clone(), query.clone());
    tokio::spawn(async move { client.query(&query).await })
}

/// Queries in a task without a linger time: the load ends with the task unless it has other callers.
pub fn spawn_query_without_linger<A: App, Q: Fetch<A>>(
    client: &Client<A>,
    query: &Q,
) -> tokio::task::JoinHandle<Answer<A, Q>>
where
    A::Registry: cache_core::Holds<Q>,
{
    let (client, query) = (client.clone(), query.clone());
    tokio::spawn(async move { client.query_with(&query, |options| options.linger(seconds(0))).await })
}
