//! The query client on one thread: reads of cached answers compared with reads of the store alone, loads of missing
//! answers, and observers. This file has the queries and how they are loaded; the modules below measure.

mod bringing;
mod derived;
mod hits;
mod loaders;
mod loads;
mod observers;
mod pages;

pub use bringing::line_up as bringing_line_up;
pub use derived::others as derived_line_up;
pub use hits::line_up as hits_line_up;
pub use loads::misses_line_up;

use std::convert::Infallible;

use cache_client::{App, Client, Context, Fetch};
use cache_core::{Cache, Query};
use tokio::runtime::{Builder, Runtime};

use self::bringing::GetList;
use self::derived::GetDerived;
use super::{entries, race_hits, report_times};
use crate::options::Options;
use crate::peers::{Value, value_of};
use crate::report::Report;

const UNIVERSE: u32 = 100_000_000;
const ENTRIES: u32 = 100_000;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = [u64; 8], capacity = 200_000, fresh = "1h")]
struct GetLoaded {
    id: u64,
}

cache_core::registry! {
    struct ClientRegistry {
        GetLoaded,
        GetList,
        GetDerived,
    }
}

/// How values are loaded, the same for every cache that loads.
trait Load: App<Registry = ClientRegistry> + Clone + Default {
    fn load(id: u64) -> impl Future<Output = Value> + Send;
}

/// Loads without waiting for anything.
#[derive(Clone, Default)]
struct NoWork;

impl App for NoWork {
    type Registry = ClientRegistry;
}

impl Load for NoWork {
    async fn load(id: u64) -> Value {
        value_of(id)
    }
}

/// Loads yield once, so that other tasks run first.
#[derive(Clone, Default)]
struct Waiting;

impl App for Waiting {
    type Registry = ClientRegistry;
}

impl Load for Waiting {
    async fn load(id: u64) -> Value {
        tokio::task::yield_now().await;
        value_of(id)
    }
}

impl Fetch<NoWork> for GetLoaded {
    type Error = Infallible;

    async fn fetch(&self, _: &Context<NoWork>) -> Result<[u64; 8], Infallible> {
        Ok([self.id; 8])
    }
}

impl Fetch<Waiting> for GetLoaded {
    type Error = Infallible;

    async fn fetch(&self, _: &Context<Waiting>) -> Result<[u64; 8], Infallible> {
        tokio::task::yield_now().await;
        Ok([self.id; 8])
    }
}

pub fn run(options: &Options, report: &mut Report) {
    hits::run(options, report);
    loads::run(options, report);
    observers::run(options, report);
    pages::run(options, report);
    bringing::run(options, report);
    derived::run(options, report);
}

/// A client with the keys `0..held` in its cache, and default options.
fn client(held: u32) -> Client<NoWork> {
    Client::builder(cache(held), NoWork).build()
}

fn cache(held: u32) -> Cache<ClientRegistry> {
    let cache = Cache::builder().build();
    let cache = cache.expect("the options are valid");
    for (id, value) in entries(held) {
        cache.insert(GetLoaded { id }, value);
    }
    cache
}

pub fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a single-threaded runtime can be built")
}
