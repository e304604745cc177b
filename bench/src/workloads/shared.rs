//! Queries that several machines share, on a Redis server that is started for them. This file has the queries and how
//! clients of the tier are made; the modules below measure.

mod cold;
mod drops;
mod hits;
mod machine;
mod tier_hits;

pub use hits::counted_line_up;
pub use machine::run_if_child;

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use cache_client::shared::SharedTier;
use cache_client::{App, Client, Context, Fetch};
use cache_core::{Cache, Query, Shape};
use cache_redis::RedisTier;
use cache_redis_test_server::TestServer;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

use crate::options::Options;
use crate::report::Report;

type Failure = Box<dyn Error>;

/// An answer that memory has room for.
#[derive(Query, Shape, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = [u64; 8], capacity = 200_000, fresh = "1h", share)]
struct GetShared {
    id: u64,
}

/// An answer that memory has room for only until others are read.
#[derive(Query, Shape, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capacity = 16, fresh = "1h", share)]
struct GetPage {
    id: u64,
}

cache_core::registry! {
    struct SharedRegistry {
        GetShared,
        GetPage,
    }
}

/// Where answers are loaded.
#[derive(Clone, Default)]
struct Origin(Arc<State>);

#[derive(Default)]
struct State {
    loads: AtomicUsize,
    /// How long a load takes, in milliseconds.
    takes: AtomicU64,
}

impl Origin {
    fn loads(&self) -> usize {
        self.0.loads.load(Ordering::Relaxed)
    }

    /// Sets how long a load takes.
    fn take(&self, millis: u64) {
        self.0.takes.store(millis, Ordering::Relaxed);
    }

    async fn load(&self) {
        self.0.loads.fetch_add(1, Ordering::Relaxed);
        let millis = self.0.takes.load(Ordering::Relaxed);
        if millis > 0 {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
    }
}

impl App for Origin {
    type Registry = SharedRegistry;
}

impl Fetch<Origin> for GetShared {
    type Error = Infallible;

    async fn fetch(&self, cx: &Context<Origin>) -> Result<[u64; 8], Infallible> {
        cx.app().load().await;
        Ok([self.id; 8])
    }
}

impl Fetch<Origin> for GetPage {
    type Error = Infallible;

    async fn fetch(&self, cx: &Context<Origin>) -> Result<String, Infallible> {
        cx.app().load().await;
        Ok(page_of(self.id))
    }
}

/// A page of 1 KiB.
fn page_of(id: u64) -> String {
    format!("{id:01024}")
}

pub fn run(options: &Options, report: &mut Report) -> Result<(), Failure> {
    let workloads = [
        hits::NAMES.as_slice(),
        tier_hits::NAMES.as_slice(),
        cold::NAMES.as_slice(),
        drops::NAMES.as_slice(),
    ];
    if !workloads.into_iter().flatten().any(|workload| options.wants(workload)) {
        return Ok(());
    }
    let server = match TestServer::try_start_with(&[]) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("cache-bench: rows of the shared tier are skipped: {error}");
            return Ok(());
        }
    };
    let url = server.url();
    hits::run(&url, options, report)?;
    tier_hits::run(&url, options, report)?;
    cold::run(&url, options, report)?;
    drops::run(&url, options, report)
}

/// A client of the tier on the present runtime, when it may call copies fresh.
async fn client_of(tier: SharedTier, origin: Origin) -> Result<Client<Origin>, Failure> {
    let client = Client::builder(Cache::new(), origin).shared(tier).build();
    while !client.shared_state().is_some_and(|state| state.is_usable) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(client)
}

async fn redis_tier(url: &str) -> Result<SharedTier, Failure> {
    Ok(RedisTier::at(url).namespace("bench").connect().await?)
}

/// A connection of the driver without limits of its own, as the tier has.
async fn connection(url: &str, config: AsyncConnectionConfig) -> Result<MultiplexedConnection, Failure> {
    let config = config.set_response_timeout(None).set_connection_timeout(None);
    Ok(redis::Client::open(url)?.get_multiplexed_async_connection_with_config(&config).await?)
}

/// A thread that runs the tasks of connections, whatever else is waited for.
fn background() -> Result<Runtime, Failure> {
    Ok(Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

/// The url of the version of the protocol in which the server can tell by itself what has changed.
fn url_for_push(url: &str) -> String {
    format!("{url}/?protocol=resp3")
}
