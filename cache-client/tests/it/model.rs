//! Random calls against what a client must never do: answer with something older than what was known when it was asked,
//! run two current loads of one key, or leave anybody waiting.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_client::{App, Client, Context, Fetch, Strategy, TokioClock};
use cache_core::{Cache, Query, registry};
use fastrand::Rng;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::lab::{in_time, pass, seconds, settle};

/// The value is the version that the source had when the load began.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 100, fresh = "1h")]
pub struct GetVersion(u32);

registry! {
    pub struct SourceRegistry { crate::model::GetVersion }
}

const KEYS: u32 = 3;

/// Something that changes.
#[derive(Debug, Default)]
pub struct Source {
    versions: [AtomicUsize; KEYS as usize],
    /// The versions that the cache has been told of.
    known: [AtomicUsize; KEYS as usize],
    /// How often what is known of a key became out of date.
    epochs: [AtomicUsize; KEYS as usize],
    loads: AtomicUsize,
    /// Key and epoch of each load that runs in a shared flight.
    running: Mutex<HashMap<(u32, usize), usize>>,
    /// What the next loads do: how long they take, and whether they fail.
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

    fn retire(&self, key: u32) {
        self.epochs[key as usize].fetch_add(1, Ordering::SeqCst);
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
        assert_eq!(*loads, 1, "two current loads of {key}");
        Self { source, at }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.source.running.lock().remove(&self.at);
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
        let _running = cx.should_cache().then(|| Running::new(source, self.0));
        tokio::time::sleep(seconds(time)).await;
        if fails { Err(Closed) } else { Ok(version) }
    }
}

fn client() -> Client<Source> {
    let cache = Cache::builder().clock(TokioClock::new()).build().unwrap();
    Client::builder(cache, Source::default()).build()
}

/// Asks in a task; the answer must be at least as new as what is known now.
fn ask(client: &Client<Source>, key: u32, strategy: Strategy, is_disabled: bool) -> JoinHandle<()> {
    let (client, floor) = (client.clone(), client.app().known(key));
    tokio::spawn(async move {
        let cx = client.request("model");
        if is_disabled {
            cx.disable_cache();
        }
        if let Ok(version) = cx.query_with(&GetVersion(key), |options| options.strategy(strategy)).await {
            assert!(*version >= floor, "{strategy:?} gave {version} of {key}, {floor} was known");
        }
    })
}

/// The source changes, and the cache is told in one of the ways there are.
fn change(client: &Client<Source>, key: u32, how: u8) {
    let all = 0..KEYS;
    let (cache, source, query) = (client.cache(), client.app(), GetVersion(key));
    let version = source.change(key);
    source.retire(key);
    match how {
        0 => drop(cache.insert(query, version)),
        1 => drop(cache.remove(&query)),
        2 => assert!(client.invalidate(&query).count <= 1),
        3 => assert!(client.invalidate_where::<GetVersion>(|other| other.0 == key).count <= 1),
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

async fn run(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let client = client();
    *client.app().plan.lock() = Some(rng.fork());
    let mut waiting = Vec::new();
    for _ in 0..80 {
        let key = rng.u32(0..KEYS);
        match rng.u8(0..20) {
            0..=5 => waiting.push(ask(&client, key, Strategy::CacheFirst, false)),
            6 => waiting.push(ask(&client, key, Strategy::NetworkOnly, false)),
            7 => {
                client.app().retire(key);
                waiting.push(ask(&client, key, Strategy::Refresh, false));
            }
            8 => waiting.push(ask(&client, key, Strategy::CacheFirst, true)),
            9 => client.prefetch(&GetVersion(key)),
            10..=13 => change(&client, key, rng.u8(0..8)),
            14..=16 if !waiting.is_empty() => {
                let leaver: JoinHandle<()> = waiting.swap_remove(rng.usize(0..waiting.len()));
                leaver.abort();
                if let Err(error) = leaver.await {
                    assert!(error.is_cancelled(), "seed {seed}: {error}");
                }
            }
            _ => pass(seconds(rng.u64(0..4))).await,
        }
        settle().await;
    }
    for waiter in waiting {
        assert!(in_time(waiter).await.is_ok(), "seed {seed}");
    }
    pass(seconds(100)).await;
    assert!(client.app().running.lock().is_empty(), "seed {seed}: a load that nobody waits for");
}

#[tokio::test(start_paused = true)]
async fn random_calls_never_meet_anything_older_than_they_knew() {
    for seed in 0..400 {
        run(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_many_threads_nobody_meets_anything_older_than_they_knew() {
    let client = client();
    let tasks: Vec<JoinHandle<()>> = (0..8)
        .map(|seed| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut rng = Rng::with_seed(seed);
                for _ in 0..2_000 {
                    let key = rng.u32(0..KEYS);
                    match rng.u8(0..4) {
                        // Blind writes of two tasks could come in another order than their versions.
                        0 => change(&client, key, [1, 2, 3, 5, 6, 7][rng.usize(0..6)]),
                        1 => ask(&client, key, Strategy::Refresh, false).await.unwrap(),
                        _ => ask(&client, key, Strategy::CacheFirst, false).await.unwrap(),
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
    const ROUNDS: usize = 1_000;
    let client = client();
    for round in 1..=ROUNDS {
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
