//! Answers that this machine does not have in memory, and the tier has: compared with a bare `GET` of the driver. Client
//! and connections share one thread. Wall-clock time, since most of it is spent in the server and on the way.

use std::hint::black_box;
use std::sync::Arc;

use cache_client::Client;
use cached::{AsyncRedisCache, ConcurrentCachedAsync};
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::{Failure, GetPage, Origin, client_of, connection, page_of, redis_tier};
use crate::keys::Keys;
use crate::measure::{Contestant, race_by_wall_clock};
use crate::options::{Effort, Options};
use crate::report::Report;
use crate::workloads::report_times;

pub const NAMES: [&str; 2] = ["shared-tier-hits/1", "shared-tier-hits/32"];
/// Callers at the same time.
const CALLERS: [usize; 2] = [1, 32];
/// So many that memory has hardly ever room for the one that is read.
const PAGES: u32 = 2_000;
/// A read of the server takes the time of many hits in memory.
const FEWER: usize = 50;

pub fn run(url: &str, options: &Options, report: &mut Report) -> Result<(), Failure> {
    let wanted = || NAMES.into_iter().zip(CALLERS).filter(|(workload, _)| options.wants(workload));
    if wanted().next().is_none() {
        return Ok(());
    }
    let runtime = Arc::new(Builder::new_current_thread().enable_all().build()?);
    let (client, driver, cached) = runtime.block_on(peers(url))?;
    let effort = Effort { operations: options.effort.operations / FEWER, ..options.effort };
    let keys = Keys::uniform(PAGES, effort.sequence());
    for (workload, callers) in wanted() {
        let contestants = [
            reading(&runtime, callers, client.clone()),
            reading(&runtime, callers, driver.clone()),
            reading(&runtime, callers, Arc::clone(&cached)),
        ];
        let before = client.app().loads();
        let samples = race_by_wall_clock(&contestants, &keys, effort);
        for (contestant, sample) in contestants.iter().zip(&samples) {
            assert!(sample.hit_ratio() == 1.0, "{workload}: {} has lost entries", contestant.name);
        }
        let loads = client.app().loads() - before;
        if loads > 0 {
            eprintln!("cache-bench: {workload}: {loads} answers were loaded, since the server was slow");
        }
        report_times(report, workload, 1, &contestants, &samples);
    }
    Ok(())
}

type Cached = Arc<AsyncRedisCache<u64, String>>;

/// All pages in the server, for each contestant in its own form. The driver gets the bytes that the tier stores.
async fn peers(url: &str) -> Result<(Client<Origin>, MultiplexedConnection, Cached), Failure> {
    let client = client_of(redis_tier(url).await?, Origin::default()).await?;
    let mut driver = connection(url, AsyncConnectionConfig::new()).await?;
    let cached = AsyncRedisCache::builder("page").connection_string(url).build().await?;
    for id in 0..PAGES.into() {
        client.query(&GetPage { id }).await?;
        cached.async_cache_set(id, page_of(id)).await?;
    }
    let names: Vec<Vec<u8>> = redis::cmd("KEYS").arg("bench:v:*get_page*").query_async(&mut driver).await?;
    let name = names.first().ok_or("the tier has stored nothing")?;
    let values: Vec<Vec<u8>> = redis::cmd("HVALS").arg(name).query_async(&mut driver).await?;
    let bytes = values.first().ok_or("the tier has stored nothing")?;
    for id in 0..PAGES {
        let _: () = redis::Cmd::set(name_of(id.into()), bytes).query_async(&mut driver).await?;
    }
    Ok((client, driver, Arc::new(cached)))
}

fn name_of(id: u64) -> String {
    format!("page:{id}")
}

/// Reads values from the server.
trait Reader: Clone + Send + Sync + 'static {
    const NAME: &'static str;

    /// Returns whether there is a value.
    fn read(&mut self, id: u64) -> impl Future<Output = bool> + Send;
}

impl Reader for Client<Origin> {
    const NAME: &'static str = "ours";

    async fn read(&mut self, id: u64) -> bool {
        black_box(self.query(&GetPage { id }).await).is_ok()
    }
}

impl Reader for MultiplexedConnection {
    const NAME: &'static str = "redis-get";

    async fn read(&mut self, id: u64) -> bool {
        let bytes: Result<Vec<u8>, _> = redis::Cmd::get(name_of(id)).query_async(self).await;
        black_box(bytes).is_ok_and(|bytes| !bytes.is_empty())
    }
}

impl Reader for Cached {
    const NAME: &'static str = "cached";

    async fn read(&mut self, id: u64) -> bool {
        black_box(self.async_cache_get(&id).await).is_ok_and(|page| page.is_some())
    }
}

/// Some callers at the same time, each of which reads one key after the other.
fn reading<R: Reader>(runtime: &Arc<Runtime>, callers: usize, reader: R) -> Contestant {
    let runtime = Arc::clone(runtime);
    Contestant::new(R::NAME, move |keys| {
        runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for keys in keys.chunks(keys.len().div_ceil(callers)) {
                let (mut reader, keys) = (reader.clone(), keys.to_vec());
                tasks.spawn(async move {
                    let mut hits = 0;
                    for id in keys {
                        hits += usize::from(reader.read(id.into()).await);
                    }
                    hits
                });
            }
            tasks.join_all().await.into_iter().sum()
        })
    })
}
