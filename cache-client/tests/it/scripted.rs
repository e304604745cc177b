//! A program whose loads are counted, and do what a test tells them to.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_client::{Answer, App, Client, ClientBuilder, Context, Fetch, QueryError, TokioClock};
use cache_core::{Cache, Query, registry};
use parking_lot::Mutex;

pub const SECOND: Duration = Duration::from_secs(1);
/// How long a test waits for another thread at most, by the clock of the system. So long, since on a busy machine a thread
/// may have to wait for minutes; a test that passes waits only as long as it must.
pub const LONGEST_WAIT: Duration = Duration::from_secs(600);

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The value is the number of the load of its key, from 1 on.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
pub struct GetNumber(pub u32);

/// Kept by nobody but its readers.
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

/// Its load ends with its last caller.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", linger = "0s")]
pub struct GetHasty(pub u32);

/// Its load ends when it is done, whoever waits.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", linger = "until done")]
pub struct GetDone(pub u32);

/// Always the same.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u8, capacity = 1_000, fresh = "10s", eq)]
pub struct GetEqual(pub u32);

/// Has none for odd keys.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Option<usize>, capacity = 1_000, fresh = "100s", absent_ttl = "5s")]
pub struct GetMaybe(pub u32);

/// Errors are answers for 5 s.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s", error_ttl = "5s", stale_if_error = "10s")]
pub struct GetBrittle(pub u32);

/// Has no time at all.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000)]
pub struct GetTimeless(pub u32);

/// Is weighed between the end of its load and its store.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, max_weight = 1_000, weigh = GetWeighed::weight, fresh = "10s")]
pub struct GetWeighed(pub u32);

/// The sum of a number and a stale one.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
pub struct GetSum(pub u32);

/// Asks for the key after its own, and the last for the first.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
pub struct GetRing(pub u32);

/// Asks for itself, by the client and not by its context.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
pub struct GetSelf(pub u32);

/// Cancels its own context, and has an answer all the same.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10s")]
pub struct GetQuitter(pub u32);

/// The first prefetches the second, and waits for it when it is loaded itself; then the second asks for the first.
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
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ScriptedError {
    #[error("no luck")]
    NoLuck,
    #[error(transparent)]
    Query(#[from] QueryError<ScriptedError>),
}

/// What a load does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// Answers after a time.
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

/// What a load does first.
pub type Inner = Box<dyn FnOnce(Context<ScriptedApp>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

impl App for ScriptedApp {
    type Registry = ScriptedRegistry;
}

impl ScriptedApp {
    /// Loads that were begun of a key.
    pub fn loads<Q: Keyed>(&self, query: &Q) -> usize {
        self.loads.lock().get(&(Q::NAME, query.number())).copied().unwrap_or(0)
    }

    /// Loads of a key that run now.
    pub fn running<Q: Keyed>(&self, query: &Q) -> usize {
        self.running.lock().get(&(Q::NAME, query.number())).copied().unwrap_or(0)
    }

    /// Loads that were dropped half-way.
    pub fn dropped(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }

    /// Has all loads of a key that begin from now on do this. Without a script they answer after a second.
    pub fn script<Q: Keyed>(&self, query: &Q, script: Script) {
        self.scripts.lock().insert((Q::NAME, query.number()), script);
    }

    /// Has the next load of a number do this first.
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
keyed!(GetEqual, GetMaybe, GetSum, GetRing, GetSelf, GetQuitter, GetEager);

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

/// Keys of one ring.
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

type Act = Box<dyn Fn() + Send>;

/// What is done when a key is weighed, once; each test has keys of its own.
static WEIGHING: Mutex<Vec<(u32, Act)>> = Mutex::new(Vec::new());

impl GetWeighed {
    fn weight(&self, _: &usize) -> u32 {
        let act = {
            let mut acts = WEIGHING.lock();
            let at = acts.iter().position(|(key, _)| *key == self.0);
            at.map(|at| acts.swap_remove(at).1)
        };
        if let Some(act) = act {
            act();
        }
        1
    }

    /// Does something once, when the value of this key has been loaded and is about to be stored.
    pub fn when_weighed(&self, act: impl Fn() + Send + 'static) {
        WEIGHING.lock().push((self.0, Box::new(act)));
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

/// A client whose cache asks a hook that takes so long, and says yes.
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

/// Takes a time of tokio's paused clock, which goes on by itself when there is nothing else to do: no test waits.
pub async fn takes(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Lets time pass, and all that is due in it happen.
pub async fn pass(time: Duration) {
    takes(time).await;
    settle().await;
}

/// Lets all that can go on without time passing do so.
pub async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// What a future comes to, which must not wait for ever.
pub async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(seconds(100_000), future).await.expect("nobody waits for ever")
}

/// Queries in a task, so that the test may do something meanwhile.
pub fn ask<A: App, Q: Fetch<A>>(client: &Client<A>, query: &Q) -> tokio::task::JoinHandle<Answer<A, Q>>
where
    A::Registry: cache_core::Holds<Q>,
{
    let (client, query) = (client.clone(), query.clone());
    tokio::spawn(async move { client.query(&query).await })
}

/// Queries in a task whose load ends with it, unless somebody else waits.
pub fn ask_hastily<A: App, Q: Fetch<A>>(
    client: &Client<A>,
    query: &Q,
) -> tokio::task::JoinHandle<Answer<A, Q>>
where
    A::Registry: cache_core::Holds<Q>,
{
    let (client, query) = (client.clone(), query.clone());
    tokio::spawn(async move { client.query_with(&query, |options| options.linger(seconds(0))).await })
}
