//! Random calls check what a client must never do: return an answer older than what was known at the call, run two
//! current loads of one key, share an overridden or optimistic answer, hide a change from an observer, or leave a
//! caller waiting.
//!
//! There are `CACHE_CLIENT_RUNS` random runs (default 400), with seeds starting at `CACHE_CLIENT_SEED` (default 0).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_client::{
    App, Changes, Client, Context, Fetch, Layer, LayerEdit, Mutate, Observer, Strategy, TokioClock,
};
use cache_core::{Cache, Query, registry};
use fastrand::Rng;
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::scripted::{in_time, pass, seconds, settle};
use crate::sized;

/// The value is the version of the source at the start of the load.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 100, fresh = "1h")]
pub struct GetVersion(u32);

/// Twice the version, through the other query.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 100, fresh = "1h")]
pub struct GetDouble(u32);

registry! {
    pub struct SourceRegistry { crate::model::GetVersion, crate::model::GetDouble }
}

const KEYS: u32 = 3;
/// Layers add this to a version. It is greater than any version.
const LAYER: usize = 1_000_000;
/// The answer of overrides. It is greater than any value that layers can produce.
const MADE_UP: usize = 1_000_000_000;

/// The external data, which changes.
#[derive(Debug, Default)]
pub struct Source {
    versions: [AtomicUsize; KEYS as usize],
    /// The versions that the cache knows.
    known: [AtomicUsize; KEYS as usize],
    /// How often the known version of a key became outdated.
    epochs: [AtomicUsize; KEYS as usize],
    loads: AtomicUsize,
    /// When a mutation changed each key. A load created before and first polled after the change looks like one that
    /// started after it.
    mutated: Mutex<Vec<(u32, Instant)>>,
    order: Mutex<Order>,
    /// The key and epoch of each load that runs in a shared flight.
    running: Mutex<HashMap<(u32, usize), usize>>,
    /// The script of the next loads: how long they take, and whether they fail.
    plan: Mutex<Option<Rng>>,
}

impl App for Source {
    type Registry = SourceRegistry;
}

#[derive(Debug, thiserror::Error)]
#[error("the source is closed")]
pub struct Closed;

impl Source {
    fn version(&self, key: u32) -> usize {
        self.versions[key as usize].load(Ordering::SeqCst)
    }

    fn known(&self, key: u32) -> usize {
        self.known[key as usize].load(Ordering::SeqCst)
    }

    fn change(&self, key: u32) -> usize {
        self.versions[key as usize].fetch_add(1, Ordering::SeqCst) + 1
    }

    fn epoch(&self, key: u32) -> usize {
        self.epochs[key as usize].load(Ordering::SeqCst)
    }

    /// Starts a mutation or adds a layer.
    fn begin(&self) -> usize {
        self.order.lock().begin()
    }

    /// Records a write that a mutation is about to make.
    fn wrote(&self, key: u32, number: usize) {
        self.order.lock().wrote(key, number);
    }

    /// Records the keys that a mutation, or a call that starts now, is about to mark.
    fn marked(&self, keys: impl IntoIterator<Item = u32>, number: usize) {
        self.order.lock().marked(keys, number);
    }

    fn retire(&self, key: u32) {
        self.epochs[key as usize].fetch_add(1, Ordering::SeqCst);
    }
}

/// The order in which mutations started and committed.
#[derive(Debug, Default)]
struct Order {
    begun: usize,
    /// The newest mutation that wrote or marked each key.
    youngest: HashMap<u32, usize>,
    /// The number of running mutations.
    running: usize,
    /// Keys with an answer that arrived out of order. The client marks them, which retires a load, once all mutations
    /// that may write them too have ended. This is at the latest when none runs.
    inverted: HashSet<u32>,
}

impl Order {
    fn begin(&mut self) -> usize {
        self.begun += 1;
        self.begun
    }

    /// Ends a mutation. Returns the keys that are marked at this point.
    fn end(&mut self) -> HashSet<u32> {
        self.running -= 1;
        if self.running == 0 { std::mem::take(&mut self.inverted) } else { HashSet::new() }
    }

    fn wrote(&mut self, key: u32, number: usize) {
        let youngest = self.youngest.entry(key).or_default();
        if *youngest > number {
            self.inverted.insert(key);
        }
        *youngest = number.max(*youngest);
    }

    fn marked(&mut self, keys: impl IntoIterator<Item = u32>, number: usize) {
        for key in keys {
            let youngest = self.youngest.entry(key).or_default();
            *youngest = number.max(*youngest);
        }
    }
}

/// Counts a load as running until it is dropped.
struct Running<'a> {
    source: &'a Source,
    at: (u32, usize),
}

impl<'a> Running<'a> {
    fn new(source: &'a Source, key: u32) -> Self {
        let at = (key, source.epoch(key));
        let mut running = source.running.lock();
        let loads = running.entry(at).or_default();
        *loads += 1;
        let may_be_older = source.mutated.lock().contains(&(key, Instant::now()))
            || source.order.lock().inverted.contains(&key);
        assert!(*loads == 1 || may_be_older, "two current loads of {key}");
        Self { source, at }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut running = self.source.running.lock();
        let loads = running.get_mut(&self.at).expect("the load is running");
        *loads -= 1;
        if *loads == 0 {
            running.remove(&self.at);
        }
    }
}

impl Fetch<Source> for GetVersion {
    type Error = Closed;

    async fn fetch(&self, cx: &Context<Source>) -> Result<usize, Closed> {
        let source = cx.app();
        source.loads.fetch_add(1, Ordering::SeqCst);
        let version = source.version(self.0);
        let plan = source.plan.lock().as_mut().map(|rng| (rng.u64(0..6), rng.u8(0..10) == 0));
        let Some((time, fails)) = plan else {
            tokio::task::yield_now().await;
            return Ok(version);
        };
        let _running = cx.is_cache_enabled().then(|| Running::new(source, self.0));
        crate::scripted::takes(seconds(time)).await;
        if fails { Err(Closed) } else { Ok(version) }
    }
}

impl Fetch<Source> for GetDouble {
    type Error = Closed;

    async fn fetch(&self, cx: &Context<Source>) -> Result<usize, Closed> {
        let version = cx.query(&GetVersion(self.0)).await.map_err(|_| Closed)?;
        Ok(*version * 2)
    }
}

/// Changes the source after a while, and updates the cache with a write or a mark.
#[derive(Clone)]
struct Advance {
    key: u32,
    time: u64,
    writes: bool,
}

impl Mutate<Source> for Advance {
    type Output = usize;
    type Error = Closed;

    async fn run(&self, cx: &Context<Source>) -> Result<usize, Closed> {
        let number = cx.app().begin();
        cx.app().order.lock().running += 1;
        crate::scripted::takes(seconds(self.time)).await;
        match self.writes {
            true => cx.app().wrote(self.key, number),
            false => cx.app().marked([self.key], number),
        }
        // The commit follows immediately and retires the loads before it.
        cx.app().retire(self.key);
        let marked = cx.app().order.lock().end();
        marked.into_iter().for_each(|key| cx.app().retire(key));
        // The end of the mutation can mark any key whose answers arrived out of order.
        cx.app().mutated.lock().extend((0..KEYS).map(|key| (key, Instant::now())));
        Ok(cx.app().change(self.key))
    }

    fn apply(&self, version: &usize, changes: &mut Changes<Source>) {
        match self.writes {
            true => _ = changes.set(GetVersion(self.key), *version),
            false => changes.invalidate(&GetVersion(self.key)),
        }
        changes.invalidate_query::<GetDouble>();
    }

    fn optimistic(&self, layer: &mut LayerEdit<Source>) {
        layer.update(&GetVersion(self.key), |version| Some(version? + LAYER));
    }
}

fn advance(client: &Client<Source>, advance: Advance) -> JoinHandle<()> {
    let client = client.clone();
    tokio::spawn(async move {
        let version = client.mutate(&advance).await.unwrap();
        client.app().known[advance.key as usize].fetch_max(version, Ordering::SeqCst);
    })
}

/// Overridden answers stay in the tree that overrides them.
async fn override_answer(client: &Client<Source>, key: u32) {
    let cx = client.request("made up").with_override::<GetVersion>(|_| Ok(Arc::new(MADE_UP)));
    assert_eq!(*cx.query(&GetVersion(key)).await.unwrap(), MADE_UP);
    assert_eq!(*cx.query(&GetDouble(key)).await.unwrap(), 2 * MADE_UP);
}

fn client() -> Client<Source> {
    let cache = Cache::builder().clock(TokioClock::new()).build().unwrap();
    Client::builder(cache, Source::default()).build()
}

/// Queries in a task. The answer must be at least as new as the version known now.
fn spawn_query(client: &Client<Source>, key: u32, strategy: Strategy, is_disabled: bool) -> JoinHandle<()> {
    let (client, floor) = (client.clone(), client.app().known(key));
    tokio::spawn(async move {
        let cx = client.request("model");
        if is_disabled {
            cx.disable_cache();
        }
        if let Ok(version) = cx.query_with(&GetVersion(key), |options| options.strategy(strategy)).await {
            let committed = *version % LAYER;
            assert!(
                *version < MADE_UP && committed >= floor,
                "{strategy:?} gave {version} of {key}, {floor} was known"
            );
        }
    })
}

/// Changes the source and updates the cache in one of the possible ways.
fn change(client: &Client<Source>, key: u32, how: u8) {
    let all = 0..KEYS;
    let (cache, source, query) = (client.cache(), client.app(), GetVersion(key));
    let version = source.change(key);
    source.retire(key);
    match how {
        0 => drop(cache.insert(query, version)),
        1 => drop(cache.remove(&query)),
        2 => {
            source.marked([key], source.begin());
            assert!(client.invalidate(&query).count <= 1);
        }
        3 => {
            // The client must assume any key of the query.
            source.marked(all, source.begin());
            assert!(client.invalidate_where::<GetVersion>(|other| other.0 == key).count <= 1);
        }
        4 => {
            let mut tx = cache.begin();
            tx.set(query, version);
            tx.commit().unwrap();
        }
        5 => {
            let mut tx = cache.begin();
            tx.invalidate(&query);
            tx.commit().unwrap();
        }
        6 => {
            source.marked(all.clone(), source.begin());
            all.for_each(|key| source.retire(key));
            assert!(client.invalidate_all().count <= KEYS as usize);
        }
        _ => {
            all.for_each(|key| source.retire(key));
            cache.clear();
        }
    }
    source.known[key as usize].fetch_max(version, Ordering::SeqCst);
}

/// One random run.
struct RandomRun {
    seed: u64,
    rng: Rng,
    client: Client<Source>,
    /// Queries whose callers have not left.
    waiting: Vec<JoinHandle<()>>,
    /// The layers, with their numbers in the order of the mutations.
    layers: Vec<(usize, Layer<Source>)>,
    observers: Vec<Observer<Source, GetVersion>>,
}

impl RandomRun {
    async fn start(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let client = client();
        *client.app().plan.lock() = Some(rng.fork());
        let observers =
            (0..KEYS).filter(|_| rng.bool()).map(|key| client.observe(&GetVersion(key))).collect();
        settle().await;
        Self { seed, rng, client, waiting: Vec::new(), layers: Vec::new(), observers }
    }

    /// Takes one random step.
    async fn step(&mut self) {
        let key = self.rng.u32(0..KEYS);
        let client = &self.client;
        match self.rng.u8(0..28) {
            0..=5 => self.waiting.push(spawn_query(client, key, Strategy::CacheFirst, false)),
            6 => self.waiting.push(spawn_query(client, key, Strategy::NetworkOnly, false)),
            7 => {
                client.app().retire(key);
                self.waiting.push(spawn_query(client, key, Strategy::Refresh, false));
            }
            8 => self.waiting.push(spawn_query(client, key, Strategy::CacheFirst, true)),
            9 => drop(client.prefetch(&GetVersion(key))),
            10..=13 => change(client, key, self.rng.u8(0..8)),
            14..=16 if !self.waiting.is_empty() => self.abort_query().await,
            17 | 18 => {
                let (time, writes) = (self.rng.u64(0..4), self.rng.bool());
                // This task is not aborted: a mutation continues without its caller, and the test could not track it.
                drop(advance(client, Advance { key, time, writes }));
            }
            19 => override_answer(client, key).await,
            20 => {
                let layer = client.optimistic(|layer| {
                    layer.update(&GetVersion(key), |version| Some(version? + LAYER));
                });
                self.layers.push((client.app().begin(), layer));
            }
            21 if !self.layers.is_empty() => drop(self.take_layer()),
            22 if !self.layers.is_empty() => self.confirm_layer(key).await,
            23 => assert!(client.rollback_all() < 100),
            _ => pass(seconds(self.rng.u64(0..4))).await,
        }
        settle().await;
    }

    async fn abort_query(&mut self) {
        let leaver = self.waiting.swap_remove(self.rng.usize(0..self.waiting.len()));
        leaver.abort();
        if let Err(error) = leaver.await {
            assert!(error.is_cancelled(), "seed {}: {error}", self.seed);
        }
    }

    fn take_layer(&mut self) -> (usize, Layer<Source>) {
        self.layers.swap_remove(self.rng.usize(0..self.layers.len()))
    }

    async fn confirm_layer(&mut self, key: u32) {
        let (number, layer) = self.take_layer();
        let source = self.client.app();
        source.wrote(key, number);
        let version = source.change(key);
        source.retire(key);
        layer.confirm(|changes| _ = changes.set(GetVersion(key), version)).await.unwrap();
        source.known[key as usize].fetch_max(version, Ordering::SeqCst);
    }

    /// Neither layers nor overridden answers are in the cache.
    fn assert_cache_is_committed(&self) {
        for key in 0..KEYS {
            let stored = self.client.cache().peek(&GetVersion(key)).map_or(0, |version| *version);
            let double = self.client.cache().peek(&GetDouble(key)).map_or(0, |double| *double);
            assert!(
                stored < LAYER && double < 2 * LAYER,
                "seed {}: {stored} and {double} of {key} are stored",
                self.seed
            );
        }
    }

    /// Waits for all queries, then checks what the observers show.
    async fn finish(self) {
        let Self { seed, client, waiting, observers, .. } = self;
        for waiter in waiting {
            assert!(in_time(waiter).await.is_ok(), "seed {seed}");
        }
        client.rollback_all();
        pass(seconds(100)).await;
        // A load that fails now is not retried.
        *client.app().plan.lock() = None;
        for observer in &observers {
            let key = observer.query().unwrap().0;
            let state = observer.state();
            if let (None, Some(shown)) = (state.error(), state.value()) {
                assert!(**shown >= client.app().known(key), "seed {seed}: {state:?} of {key} shows {shown}");
            } else {
                assert!(state.error().is_some(), "seed {seed}: {state:?} of {key}");
            }
        }
        assert!(client.app().running.lock().is_empty(), "seed {seed}: a load without callers");
    }
}

async fn run(seed: u64) {
    let mut run = RandomRun::start(seed).await;
    for _ in 0..80 {
        run.step().await;
        run.assert_cache_is_committed();
    }
    run.finish().await;
}

#[tokio::test(start_paused = true)]
async fn random_calls_never_return_outdated_answers() {
    let number = |name, usual| std::env::var(name).map_or(usual, |number| number.parse().unwrap());
    let first = number("CACHE_CLIENT_SEED", 0);
    println!("seeds from {first}");
    for seed in first..first + number("CACHE_CLIENT_RUNS", 400) {
        run(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_many_threads_no_call_returns_an_outdated_answer() {
    let client = client();
    let tasks: Vec<JoinHandle<()>> = (0..8)
        .map(|seed| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut rng = Rng::with_seed(seed);
                for _ in 0..2_000 {
                    let key = rng.u32(0..KEYS);
                    match rng.u8(0..4) {
                        // Blind writes of two tasks could be committed in another order than their versions.
                        0 => change(&client, key, [1, 2, 3, 5, 6, 7][rng.usize(0..6)]),
                        1 => spawn_query(&client, key, Strategy::Refresh, false).await.unwrap(),
                        _ => spawn_query(&client, key, Strategy::CacheFirst, false).await.unwrap(),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_many_threads_a_missing_key_is_loaded_once() {
    let rounds = sized(200, 1_000);
    let client = client();
    for round in 1..=rounds {
        client.cache().clear();
        let gate = Arc::new(tokio::sync::Barrier::new(8));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (client, gate) = (client.clone(), Arc::clone(&gate));
                tokio::spawn(async move {
                    gate.wait().await;
                    client.query(&GetVersion(0)).await.unwrap();
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(client.app().loads.load(Ordering::SeqCst), round);
    }
}
