//! Hits in memory of a shared query, compared with the same query without the tier, and with the cache of the driver.

use std::hint::black_box;
use std::time::Duration;

use cache_client::Client;
use cache_client::shared::{SharedTier, SimTier};
use cache_core::Cache;
use redis::AsyncConnectionConfig;
use redis::caching::CacheConfig;
use tokio::runtime::Runtime;

use super::{Failure, GetShared, Origin, background, client_of, connection, redis_tier, url_for_push};
use crate::keys::Keys;
use crate::measure::Contestant;
use crate::options::Options;
use crate::report::Report;
use crate::workloads::client::runtime;
use crate::workloads::race_hits;

pub const NAMES: [&str; 1] = ["shared-hits/1k-uniform"];
const ENTRIES: u32 = 1_000;

pub fn run(url: &str, options: &Options, report: &mut Report) -> Result<(), Failure> {
    let [workload] = NAMES;
    if !options.wants(workload) {
        return Ok(());
    }
    let background = background()?;
    let tier = background.block_on(redis_tier(url))?;
    let [ours, untiered] = both(&background, tier, ENTRIES)?;
    let contestants = [ours, untiered, drivers_cache(&background, url)?];
    let keys = Keys::uniform(ENTRIES, options.effort.sequence());
    race_hits(options, report, workload, &contestants, &keys);
    Ok(())
}

/// The same hits with a server in memory, which does not need to be installed: hits send nothing.
pub fn counted_line_up(entries: u32) -> Vec<Contestant> {
    // Its thread ends with the program.
    let background = Box::leak(Box::new(background().expect("a runtime can be built")));
    // Counting takes so long that the feed is read late.
    let tier = SharedTier::builder(SimTier::new()).max_lag(Duration::from_secs(3_600));
    let tier = background.block_on(tier.connect()).expect("the server is in memory");
    both(background, tier, entries).expect("the server is in memory").into()
}

/// The client with the tier, and without it.
fn both(background: &Runtime, tier: SharedTier, entries: u32) -> Result<[Contestant; 2], Failure> {
    background.block_on(async {
        let ours = filled(client_of(tier, Origin::default()).await?, entries).await?;
        let untiered = filled(Client::builder(Cache::new(), Origin::default()).build(), entries).await?;
        Ok([contestant("ours", ours), contestant("ours-untiered", untiered)])
    })
}

/// The same client with the keys `0..entries` in memory, fresh.
async fn filled(client: Client<Origin>, entries: u32) -> Result<Client<Origin>, Failure> {
    for id in 0..u64::from(entries) {
        client.query(&GetShared { id }).await?;
    }
    let is_fresh = |id| client.query_state(&GetShared { id }).is_some_and(|state| !state.is_stale);
    match (0..entries).all(|id| is_fresh(id.into())) {
        true => Ok(client),
        false => Err("answers of the shared tier are not fresh after their loads".into()),
    }
}

/// Every fresh answer counts as a hit, so a load makes the run fail.
fn contestant(name: &'static str, client: Client<Origin>) -> Contestant {
    Contestant::new(name, move |keys| {
        let before = client.app().loads();
        runtime().block_on(async {
            for &id in keys {
                _ = black_box(client.query(&GetShared { id: id.into() }).await);
            }
        });
        keys.len() - (client.app().loads() - before)
    })
}

/// Answers that the driver keeps until the server tells that they have changed. The bytes are not decoded.
fn drivers_cache(background: &Runtime, url: &str) -> Result<Contestant, Failure> {
    let config = AsyncConnectionConfig::new().set_cache_config(CacheConfig::new());
    let mut connection = background.block_on(connection(&url_for_push(url), config))?;
    background.block_on(async {
        for id in 0..ENTRIES {
            let set = redis::Cmd::set(&id.to_le_bytes(), &[0_u8; 64]);
            let _: () = set.query_async(&mut connection).await?;
            let _: Vec<u8> = redis::Cmd::get(&id.to_le_bytes()).query_async(&mut connection).await?;
        }
        Ok::<_, Failure>(())
    })?;
    Ok(Contestant::new("redis-cache", move |keys| {
        let mut connection = connection.clone();
        let misses = |connection: &redis::aio::MultiplexedConnection| {
            connection.get_cache_statistics().map_or(0, |statistics| statistics.miss)
        };
        let before = misses(&connection);
        runtime().block_on(async {
            for &id in keys {
                let bytes: Result<Vec<u8>, _> =
                    redis::Cmd::get(&id.to_le_bytes()).query_async(&mut connection).await;
                _ = black_box(bytes);
            }
        });
        keys.len() - (misses(&connection) - before)
    }))
}
