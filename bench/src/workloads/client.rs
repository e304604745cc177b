//! The query client on one thread: reads of what is there beside reads of the store alone, and loads of what is not.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use cache_client::{App, Client, Context, Fetch};
use cache_core::{Cache, Query};
use tokio::runtime::{Builder, Runtime};

use super::{entries, race_hits, report_times};
use crate::keys::Keys;
use crate::measure::{Contestant, race};
use crate::options::Options;
use crate::peers::{Hasher, Value};
use crate::report::Report;

const UNIVERSE: u32 = 100_000_000;
const ENTRIES: u32 = 100_000;
const HERD: usize = 10_000;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = [u64; 8], capacity = 200_000, fresh = "1h")]
struct GetLoaded {
    id: u64,
}

cache_core::registry! {
    struct ClientRegistry {
        GetLoaded,
    }
}

/// Loads without waiting for anything.
struct NoWork;

impl App for NoWork {
    type Registry = ClientRegistry;
}

impl Fetch<NoWork> for GetLoaded {
    type Error = Infallible;

    async fn fetch(&self, _: &Context<NoWork>) -> Result<[u64; 8], Infallible> {
        Ok([self.id; 8])
    }
}

type MokaFuture = moka::future::Cache<u64, Value, Hasher>;

pub fn run(options: &Options, report: &mut Report) {
    let workload = "client-hits/1k-uniform";
    if options.wants(workload) {
        let keys = Keys::uniform(1_000, options.effort.sequence());
        run_hits(options, report, workload, 1_000, &keys);
    }
    let workload = "client-hits/100k-zipf";
    if options.wants(workload) {
        let keys = Keys::zipf(ENTRIES, options.effort.sequence());
        run_hits(options, report, workload, ENTRIES, &keys);
    }
    let workload = "client-herd/10k";
    if options.wants(workload) {
        let keys = Keys::uniform(UNIVERSE, options.effort.sequence());
        let contestants = herds();
        let samples = race(&contestants, &keys, 1, options.effort);
        report_times(report, workload, 1, &contestants, &samples);
    }
    let workload = "client-misses";
    if options.wants(workload) {
        let keys = Keys::uniform(UNIVERSE, options.effort.sequence());
        let contestants = line_up(0);
        let samples = race(&contestants, &keys, 1, options.effort);
        report_times(report, workload, 1, &contestants, &samples);
    }
}

fn run_hits(options: &Options, report: &mut Report, workload: &str, held: u32, keys: &Keys) {
    let mut contestants = Vec::from(line_up(held));
    let store = cache(held);
    let settled =
        Client::builder(cache(held), NoWork).defaults(|all| all.swr(Duration::from_secs(1))).build();
    contestants.push(asks(settled).named("ours-settings"));
    contestants.push(Contestant::new("ours-store", move |keys| {
        keys.iter().filter(|&&id| black_box(store.get(&GetLoaded { id: id.into() })).is_some()).count()
    }));
    race_hits(options, report, workload, &contestants, keys);
}

/// Our client and peers that share a load, with the keys `0..held` in them.
fn line_up(held: u32) -> [Contestant; 2] {
    let client = Client::builder(cache(held), NoWork).build();
    let moka = moka(held);
    [
        asks(client),
        Contestant::new("moka", move |keys| {
            runtime().block_on(async {
                for id in keys.iter().map(|&id| u64::from(id)) {
                    black_box(moka.get_with(id, async { Arc::new([id; 8]) }).await);
                }
                keys.len()
            })
        }),
    ]
}

/// Tasks that all ask for one key at the same time, which nobody has asked for before: one load serves them all.
fn herds() -> [Contestant; 2] {
    let client = Client::builder(cache(0), NoWork).build();
    let moka = moka(0);
    [
        Contestant::new("ours", move |keys| {
            run_herds(keys, |id| {
                let client = client.clone();
                async move { drop(client.query(&GetLoaded { id }).await) }
            })
        }),
        Contestant::new("moka", move |keys| {
            run_herds(keys, |id| {
                let moka = moka.clone();
                async move { drop(moka.get_with(id, async { Arc::new([id; 8]) }).await) }
            })
        }),
    ]
}

/// A task for each key, each herd of them on its first one.
fn run_herds<F: Future<Output = ()> + Send + 'static>(keys: &[u32], ask: impl Fn(u64) -> F) -> usize {
    runtime().block_on(async {
        for herd in keys.chunks(HERD) {
            let tasks: Vec<_> = herd.iter().map(|_| tokio::spawn(ask(herd[0].into()))).collect();
            for task in tasks {
                task.await.expect("no task panics");
            }
        }
    });
    0
}

fn asks(client: Client<NoWork>) -> Contestant {
    Contestant::new("ours", move |keys| {
        runtime().block_on(async {
            for id in keys.iter().map(|&id| u64::from(id)) {
                let Ok(value) = client.query(&GetLoaded { id }).await else { return 0 };
                black_box(value);
            }
            keys.len()
        })
    })
}

fn cache(held: u32) -> Cache<ClientRegistry> {
    let cache = Cache::builder().build();
    let cache = cache.expect("the options are in order");
    for (id, value) in entries(held) {
        cache.insert(GetLoaded { id }, value);
    }
    cache
}

fn moka(held: u32) -> MokaFuture {
    let moka: MokaFuture = moka::future::Cache::builder()
        .max_capacity(2 * u64::from(ENTRIES))
        .build_with_hasher(Hasher::default());
    runtime().block_on(async {
        for (id, value) in entries(held) {
            moka.insert(id, value).await;
        }
        moka.run_pending_tasks().await;
    });
    moka
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime of this thread can be made")
}
