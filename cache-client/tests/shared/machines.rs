//! Machines that share one origin, and a simulated server as their shared tier.

use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cache_client::shared::protocol::{Found, Reply, Request};
use cache_client::shared::{CallError, ConnectError, SharedTier, SimConnection, SimTier};
use cache_client::shared::{TierConnection, TierServer};
use cache_client::{App, Changes, Client, ClientBuilder, Context, Fetch, Mutate, TokioClock};
use cache_core::{Cache, Query, Shape, Tag, registry};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// How long a load takes.
pub const LOAD: Duration = Duration::from_millis(50);

/// How old what another machine has changed may be shown.
pub const MAX_LAG: Duration = Duration::from_secs(2);

/// A [`GetShared`] whose load says that its answer is not to be stored.
pub const UNSTORED: u32 = 100_001;

/// A [`GetShared`] whose load sets an answer in its own context.
pub const PRESET: u32 = 100_002;

macro_rules! queries {
    ($($(#[$comment:meta])* $name:ident { $($option:tt)* })*) => {$(
        $(#[$comment])*
        #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[query($($option)*)]
        pub struct $name(pub u32);
    )*};
}

queries! {
    /// The value is the origin's, which a load reads when it begins.
    GetShared { value = String, capacity = 20_000, fresh = "10m", share, tags("all"), tags_of = GetShared::tags }
    /// The same, for this machine alone.
    GetOwn { value = String, capacity = 1_000, fresh = "10m", tags("all") }
    /// Its load reads a [`GetShared`] after half of its time.
    GetBuilt { value = String, capacity = 1_000, fresh = "10m", share }
    /// Served for ten minutes after it is stale.
    GetStale {
        value = String, capacity = 1_000, strategy = "stale-while-revalidate", fresh = "1m", swr = "10m", share
    }
    /// Also in snapshots.
    GetSaved { value = String, capacity = 1_000, fresh = "10m", share, persist }
}

impl GetShared {
    fn tags(&self) -> [Tag; 1] {
        [Tag::new("group", self.0 % 10)]
    }
}

/// Its `Eq` panics when the test says so.
#[derive(Query, Shape, Clone, Debug, Serialize, Deserialize)]
#[query(value = String, capacity = 1_000, fresh = "10m", share)]
pub struct GetFragile(pub u32);

thread_local! {
    static IS_BROKEN: Cell<bool> = const { Cell::new(false) };
}

impl GetFragile {
    /// Makes comparisons on this thread panic.
    pub fn set_broken(is_broken: bool) {
        IS_BROKEN.set(is_broken);
    }
}

impl PartialEq for GetFragile {
    fn eq(&self, other: &Self) -> bool {
        assert!(!IS_BROKEN.get(), "the test makes this comparison panic");
        self.0 == other.0
    }
}

impl Eq for GetFragile {}

impl Hash for GetFragile {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

registry! { pub struct MachineTables { GetShared, GetOwn, GetBuilt, GetStale, GetSaved, GetFragile } }

/// What all machines load from.
#[derive(Default)]
pub struct Origin {
    values: Mutex<HashMap<u32, u32>>,
    loads: AtomicUsize,
    fails: AtomicBool,
    load_time: Mutex<Option<Duration>>,
}

impl Origin {
    /// What the origin has now.
    pub fn value(&self, key: u32) -> String {
        let version = self.values.lock().get(&key).copied().unwrap_or(1);
        format!("{key} in version {version}")
    }

    pub fn change(&self, key: u32) {
        *self.values.lock().entry(key).or_insert(1) += 1;
    }

    pub fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    /// Sets how long loads take that begin from now on.
    pub fn take(&self, time: Duration) {
        *self.load_time.lock() = Some(time);
    }

    pub fn set_failing(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }
}

#[derive(Clone, Default)]
pub struct Machine(pub Arc<Origin>);

impl App for Machine {
    type Registry = MachineTables;
}

impl Machine {
    async fn load(&self, key: u32) -> Result<String, io::Error> {
        self.0.loads.fetch_add(1, Ordering::SeqCst);
        let value = self.0.value(key);
        let time = self.0.load_time.lock().unwrap_or(LOAD);
        takes(time).await;
        match self.0.fails.load(Ordering::SeqCst) {
            true => Err(io::Error::other("the origin is away")),
            false => Ok(value),
        }
    }
}

macro_rules! loads {
    ($($name:ident)*) => {$(
        impl Fetch<Machine> for $name {
            type Error = io::Error;

            async fn fetch(&self, cx: &Context<Machine>) -> Result<String, io::Error> {
                cx.app().load(self.0).await
            }
        }
    )*};
}

loads! { GetOwn GetStale GetSaved GetFragile }

impl Fetch<Machine> for GetShared {
    type Error = io::Error;

    async fn fetch(&self, cx: &Context<Machine>) -> Result<String, io::Error> {
        match self.0 {
            UNSTORED => cx.no_store(),
            PRESET => cx.set(&GetOwn(0), "preset".to_owned()).unwrap(),
            _ => {}
        }
        cx.app().load(self.0).await
    }
}

impl Fetch<Machine> for GetBuilt {
    type Error = io::Error;

    async fn fetch(&self, cx: &Context<Machine>) -> Result<String, io::Error> {
        takes(LOAD / 2).await;
        let part = cx.query(&GetShared(self.0)).await.map_err(|error| io::Error::other(error.to_string()))?;
        cx.app().load(self.0).await?;
        Ok(format!("built of {part}"))
    }
}

/// Changes the origin, and writes its answer.
#[derive(Clone)]
pub struct Edit(pub u32);

impl Mutate<Machine> for Edit {
    type Output = String;
    type Error = io::Error;

    async fn run(&self, cx: &Context<Machine>) -> Result<String, io::Error> {
        cx.app().0.change(self.0);
        Ok(cx.app().0.value(self.0))
    }

    fn apply(&self, output: &String, changes: &mut Changes<Machine>) {
        changes.set(GetShared(self.0), output.clone());
    }
}

/// Several machines.
#[derive(Default)]
pub struct Machines {
    pub sim: SimTier,
    pub origin: Arc<Origin>,
}

impl Machines {
    pub fn builder(&self) -> ClientBuilder<Machine> {
        self.builder_on(self.sim.clone())
    }

    /// A machine whose connection to the server is another.
    pub fn builder_on(&self, server: impl TierServer) -> ClientBuilder<Machine> {
        self.builder_of(cache().build().unwrap(), server)
    }

    /// A machine with its own cache.
    pub fn builder_of(&self, cache: Cache<MachineTables>, server: impl TierServer) -> ClientBuilder<Machine> {
        let tier = SharedTier::builder(server).max_lag(MAX_LAG).optional();
        Client::builder(cache, Machine(Arc::clone(&self.origin))).shared(tier)
    }

    /// A machine that follows the feed.
    pub async fn machine(&self) -> Client<Machine> {
        follow(self.builder().build()).await
    }

    /// A machine that follows the feed through a wire.
    pub async fn machine_on(&self, wire: &Wire) -> Client<Machine> {
        follow(self.builder_on(wire.clone()).build()).await
    }
}

pub fn cache() -> cache_core::Builder<MachineTables> {
    Cache::<MachineTables>::builder().clock(TokioClock::new())
}

/// Waits until the machine uses the tier.
pub async fn follow(client: Client<Machine>) -> Client<Machine> {
    while !client.shared_state().unwrap().is_usable {
        takes(Duration::from_millis(1)).await;
    }
    client
}

#[track_caller]
pub fn assert_loads(machines: &Machines, loads: usize) {
    assert_eq!(machines.origin.loads(), loads, "loads of the origin");
}

pub async fn get(client: &Client<Machine>, key: u32) -> String {
    client.query(&GetShared(key)).await.unwrap().as_ref().clone()
}

/// A way to the server that one machine has for itself: it counts, damages and holds back what passes.
#[derive(Clone, Default)]
pub struct Wire(Arc<WireState>);

#[derive(Default)]
struct WireState {
    sim: SimTier,
    requests: AtomicUsize,
    damages: AtomicBool,
    is_cut: tokio::sync::watch::Sender<bool>,
    holds_feed: tokio::sync::watch::Sender<bool>,
}

pub struct WireConnection(SimConnection, Arc<WireState>);

impl Wire {
    pub fn to(sim: &SimTier) -> Self {
        Self(Arc::new(WireState { sim: sim.clone(), ..WireState::default() }))
    }

    /// How many requests have passed, apart from reads of the feed.
    pub fn requests(&self) -> usize {
        self.0.requests.load(Ordering::SeqCst)
    }

    /// Makes the values that are read unreadable.
    pub fn damage(&self) {
        self.0.damages.store(true, Ordering::SeqCst);
    }

    /// Lets nothing pass, and no connection be made.
    pub fn cut(&self, is_cut: bool) {
        self.0.is_cut.send_replace(is_cut);
    }

    /// Lets no answers of the feed pass.
    pub fn hold_feed(&self, holds: bool) {
        self.0.holds_feed.send_replace(holds);
    }
}

impl TierServer for Wire {
    type Connection = WireConnection;

    async fn connect(&self) -> Result<WireConnection, ConnectError> {
        let is_cut = *self.0.is_cut.borrow();
        match is_cut {
            true => Err(ConnectError::unreachable("the wire", "it is cut")),
            false => Ok(WireConnection(TierServer::connect(&self.0.sim).await?, Arc::clone(&self.0))),
        }
    }
}

impl WireConnection {
    async fn pass(&self, request: &Request) -> Result<Reply, CallError> {
        let is_feed = matches!(request, Request::Feed { .. });
        self.1.requests.fetch_add(usize::from(!is_feed), Ordering::SeqCst);
        let mut reply = self.0.send(request).await?;
        if is_feed {
            let _ = self.1.holds_feed.subscribe().wait_for(|holds| !holds).await;
        }
        if self.1.damages.load(Ordering::SeqCst) {
            match &mut reply {
                Reply::Read(Some(envelope)) => envelope.body.truncate(envelope.body.len() / 2),
                Reply::Asked(asked) => {
                    if let Found::Value(envelope) = &mut asked.found {
                        envelope.body.truncate(envelope.body.len() / 2);
                    }
                }
                _ => {}
            }
        }
        Ok(reply)
    }
}

impl TierConnection for WireConnection {
    async fn send(&self, request: &Request) -> Result<Reply, CallError> {
        let mut is_cut = self.1.is_cut.subscribe();
        tokio::select! {
            biased;
            _ = is_cut.wait_for(|is_cut| *is_cut) => Err(CallError::Ended("the wire was cut".into())),
            reply = self.pass(request) => reply,
        }
    }
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Takes time of the paused clock.
pub async fn takes(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Lets time pass, and everything run that is due.
pub async fn pass(time: Duration) {
    takes(time).await;
    settle().await;
}

/// Runs everything that can run without time passing.
pub async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
