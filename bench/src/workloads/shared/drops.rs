//! A drop on one machine, until the next read on another does not say any more that its copy is fresh. Each machine has
//! a thread of its own. The reader looks again and again, with pauses in which the threads of the machines can run.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cache_client::Client;
use redis::aio::MultiplexedConnection;
use redis::caching::CacheConfig;
use redis::{AsyncConnectionConfig, PushInfo, PushKind};
use tokio::runtime::Runtime;

use super::{Failure, GetShared, Origin, background, client_of, connection, redis_tier, url_for_push};
use crate::options::Options;
use crate::report::Report;
use crate::row::{Figure, Row, Unit};

pub const NAMES: [&str; 1] = ["shared-drops"];
const KEY: u64 = 7;
/// Drops in a full run are the operations of a turn divided by this.
const FEWER: usize = 125;
/// The shortest pause between two reads. The system makes it some ten microseconds longer.
const PAUSE: Duration = Duration::from_micros(5);
/// The time between two drops, in which all threads come to rest.
const REST: Duration = Duration::from_millis(2);

/// Two machines with a copy of one key on the second.
trait Machines {
    /// Gets the copy, fresh.
    fn fill(&mut self) -> Result<(), Failure>;

    /// Drops the key on the first machine. Does not wait.
    fn drop_key(&mut self) -> Result<(), Failure>;

    fn is_fresh(&self) -> bool;
}

pub fn run(url: &str, options: &Options, report: &mut Report) -> Result<(), Failure> {
    let [workload] = NAMES;
    if !options.wants(workload) {
        return Ok(());
    }
    let (ours, pub_sub, drivers) = (Ours::new(url)?, PubSub::new(url)?, DriversCache::new(url)?);
    let mut contestants: [(&str, Box<dyn Machines>); 3] =
        [("ours", Box::new(ours)), ("moka-pub-sub", Box::new(pub_sub)), ("redis-cache", Box::new(drivers))];
    let mut times = contestants.each_ref().map(|_| Vec::new());
    for _ in 0..options.effort.operations / FEWER {
        for ((_, machines), times) in contestants.iter_mut().zip(&mut times) {
            times.push(take_time(&mut **machines)?);
        }
    }
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        let workload = format!("{workload}/{name}");
        let [ours, theirs @ ..] = times.each_mut().map(|times| quantile(times, share));
        for ((peer, _), theirs) in contestants.iter().skip(1).zip(theirs) {
            report.add(&Row::new(&workload, *peer, 1, ours, theirs, Unit::Nanos));
        }
    }
    Ok(())
}

/// Nanoseconds from a drop until the copy is not fresh.
fn take_time(machines: &mut dyn Machines) -> Result<f64, Failure> {
    machines.fill()?;
    thread::sleep(REST);
    let start = Instant::now();
    machines.drop_key()?;
    while machines.is_fresh() {
        thread::sleep(PAUSE);
    }
    Ok(start.elapsed().as_nanos() as f64)
}

fn quantile(times: &mut [f64], share: f64) -> Figure {
    times.sort_by(f64::total_cmp);
    Figure::exact(times[((times.len() - 1) as f64 * share).round() as usize])
}

struct Ours {
    /// The threads of both machines.
    runtimes: [Runtime; 2],
    clients: [Client<Origin>; 2],
}

impl Ours {
    fn new(url: &str) -> Result<Self, Failure> {
        let runtimes = [background()?, background()?];
        let client = |runtime: &Runtime| {
            runtime.block_on(async { client_of(redis_tier(url).await?, Origin::default()).await })
        };
        let clients = [client(&runtimes[0])?, client(&runtimes[1])?];
        Ok(Self { runtimes, clients })
    }
}

impl Machines for Ours {
    fn fill(&mut self) -> Result<(), Failure> {
        self.runtimes[1].block_on(self.clients[1].query(&GetShared { id: KEY }))?;
        match self.is_fresh() {
            true => Ok(()),
            false => Err("an answer of the shared tier is not fresh after its load".into()),
        }
    }

    fn drop_key(&mut self) -> Result<(), Failure> {
        drop(self.clients[0].invalidate(&GetShared { id: KEY }));
        Ok(())
    }

    fn is_fresh(&self) -> bool {
        self.clients[1].query_state(&GetShared { id: KEY }).is_some_and(|state| !state.is_stale)
    }
}

/// What a program can do by hand: a cache in memory, and messages that name what was dropped. A message that is lost is
/// not noticed.
struct PubSub {
    runtimes: [Runtime; 2],
    first: MultiplexedConnection,
    /// Its task hears the messages.
    _second: MultiplexedConnection,
    cache: Arc<moka::sync::Cache<u64, [u64; 8]>>,
}

impl PubSub {
    const CHANNEL: &str = "drops";

    fn new(url: &str) -> Result<Self, Failure> {
        let runtimes = [background()?, background()?];
        let cache = Arc::new(moka::sync::Cache::new(1_000));
        let first = runtimes[0].block_on(connection(url, AsyncConnectionConfig::new()))?;
        let hearing = Arc::clone(&cache);
        let config = AsyncConnectionConfig::new().set_push_sender(move |message: PushInfo| {
            if let (PushKind::Message, [_, redis::Value::BulkString(key)]) = (message.kind, &message.data[..])
                && let Ok(key) = key.as_slice().try_into()
            {
                hearing.invalidate(&u64::from_le_bytes(key));
            }
            Ok::<_, redis::aio::SendError>(())
        });
        let mut second = runtimes[1].block_on(connection(&url_for_push(url), config))?;
        runtimes[1].block_on(second.subscribe(Self::CHANNEL))?;
        Ok(Self { runtimes, first, _second: second, cache })
    }
}

impl Machines for PubSub {
    fn fill(&mut self) -> Result<(), Failure> {
        self.cache.insert(KEY, [KEY; 8]);
        Ok(())
    }

    fn drop_key(&mut self) -> Result<(), Failure> {
        let mut first = self.first.clone();
        self.runtimes[0].spawn(async move {
            let publish = redis::Cmd::publish(Self::CHANNEL, &KEY.to_le_bytes());
            publish.exec_async(&mut first).await
        });
        Ok(())
    }

    fn is_fresh(&self) -> bool {
        self.cache.contains_key(&KEY)
    }
}

/// The cache of the driver: the server tells each connection which of the keys that it has read were written.
struct DriversCache {
    runtimes: [Runtime; 2],
    first: MultiplexedConnection,
    second: MultiplexedConnection,
    /// How many copies were dropped before the present one was got.
    before: usize,
}

impl DriversCache {
    fn new(url: &str) -> Result<Self, Failure> {
        let runtimes = [background()?, background()?];
        let first = runtimes[0].block_on(connection(url, AsyncConnectionConfig::new()))?;
        let config = AsyncConnectionConfig::new().set_cache_config(CacheConfig::new());
        let second = runtimes[1].block_on(connection(&url_for_push(url), config))?;
        Ok(Self { runtimes, first, second, before: 0 })
    }

    fn dropped(&self) -> usize {
        self.second.get_cache_statistics().map_or(0, |statistics| statistics.invalidate)
    }
}

impl Machines for DriversCache {
    fn fill(&mut self) -> Result<(), Failure> {
        let get = redis::Cmd::get(&KEY.to_le_bytes());
        let _: Option<Vec<u8>> = self.runtimes[1].block_on(get.query_async(&mut self.second))?;
        self.before = self.dropped();
        Ok(())
    }

    fn drop_key(&mut self) -> Result<(), Failure> {
        let mut first = self.first.clone();
        self.runtimes[0].spawn(async move {
            redis::Cmd::set(&KEY.to_le_bytes(), &[0_u8; 64]).exec_async(&mut first).await
        });
        Ok(())
    }

    fn is_fresh(&self) -> bool {
        self.dropped() == self.before
    }
}
