//! Testing several machines in one process: a server in memory, paused time, cuts and losses.
//!
//! # The parts
//! A [`SimTier`](crate::shared::SimTier) is a server in memory. Its clones are one server, so each client of a test gets
//! one. It answers as a real server does, by tokio's time, also while that [is paused](crate::guide::testing#time). Each
//! client stands for a machine: it has a cache of its own, and shares the origin of the test.
//!
//! | to test | call |
//! |---|---|
//! | a connection that breaks | [`cut`](crate::shared::SimTier::cut): the clients connect again |
//! | a server that is away | [`set_away`](crate::shared::SimTier::set_away) |
//! | a slow network | [`delay`](crate::shared::SimTier::delay), each way |
//! | a connection that is half open | [`lose_requests`](crate::shared::SimTier::lose_requests), [`lose_answers`](crate::shared::SimTier::lose_answers). The server carries out requests whose answers are lost |
//! | `FLUSHALL`, eviction, a full memory | [`with`](crate::shared::SimTier::with) and the methods of [`SimServer`](crate::shared::SimServer) |
//! | a restart, empty or from a dump | [`restart`](crate::shared::SimTier::restart), after [`save`](crate::shared::SimServer::save) |
//!
//! These are for all clients of the server. To cut off one of them, give it a [`TierServer`](crate::shared::TierServer) of
//! the test, which passes requests on to a `SimTier` or does not.
//!
//! # An example
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU64, Ordering};
//! use std::time::Duration;
//!
//! use cache_client::shared::{SharedTier, SimServer, SimTier};
//! use cache_client::{App, Changes, Client, Context, Fetch, Mutate, TokioClock};
//! use cache_core::{Cache, Query, Shape, registry};
//! use serde::{Deserialize, Serialize};
//! use tokio::time::{Instant, sleep};
//!
//! #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
//! #[query(value = u64, capacity = 1_000, fresh = "10m", share)]
//! pub struct GetVersion;
//!
//! registry! {
//!     pub struct CacheRegistry { GetVersion }
//! }
//!
//! /// What all machines load from. It counts the loads.
//! #[derive(Default)]
//! struct Origin { version: AtomicU64, loads: AtomicU64 }
//!
//! struct Machine(Arc<Origin>);
//!
//! impl App for Machine {
//!     type Registry = CacheRegistry;
//! }
//!
//! impl Fetch<Machine> for GetVersion {
//!     type Error = std::io::Error;
//!
//!     async fn fetch(&self, cx: &Context<Machine>) -> Result<u64, std::io::Error> {
//!         cx.app().0.loads.fetch_add(1, Ordering::Relaxed);
//!         Ok(cx.app().0.version.load(Ordering::Relaxed))
//!     }
//! }
//!
//! #[derive(Clone)]
//! struct Publish;
//!
//! impl Mutate<Machine> for Publish {
//!     type Output = u64;
//!     type Error = std::io::Error;
//!
//!     async fn run(&self, cx: &Context<Machine>) -> Result<u64, std::io::Error> {
//!         Ok(cx.app().0.version.fetch_add(1, Ordering::Relaxed) + 1)
//!     }
//!
//!     fn apply(&self, version: &u64, changes: &mut Changes<Machine>) {
//!         changes.set(GetVersion, *version);
//!     }
//! }
//!
//! /// A machine that uses the tier.
//! async fn machine(server: &SimTier, origin: &Arc<Origin>) -> Result<Client<Machine>, cache_core::BuildError> {
//!     let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
//!     let tier = SharedTier::builder(server.clone()).max_lag(Duration::from_secs(2)).optional();
//!     let client = Client::builder(cache, Machine(Arc::clone(origin))).shared(tier).build();
//!     used(&client).await;
//!     Ok(client)
//! }
//!
//! /// Waits until a machine uses the tier, for the first time or again.
//! async fn used(client: &Client<Machine>) {
//!     while !client.shared_state().is_some_and(|state| state.is_usable && state.is_connected) {
//!         sleep(Duration::from_millis(10)).await;
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! // #[tokio::test(start_paused = true)]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let (server, origin) = (SimTier::new(), Arc::new(Origin::default()));
//!     let (first, second) = (machine(&server, &origin).await?, machine(&server, &origin).await?);
//!     let loads = || origin.loads.load(Ordering::Relaxed);
//!
//!     // One load for both. Give the answer a moment to reach the server.
//!     first.query(&GetVersion).await?;
//!     sleep(Duration::from_millis(1)).await;
//!     second.query(&GetVersion).await?;
//!     assert_eq!(loads(), 1);
//!
//!     // A change is seen on the other machine.
//!     first.mutate(&Publish).await?;
//!     sleep(Duration::from_millis(1)).await;
//!     assert_eq!(*second.query(&GetVersion).await?, 1);
//!
//!     // Over a slow network, the change is shown when the server has it: after one round trip.
//!     server.delay(Duration::from_millis(20));
//!     let start = Instant::now();
//!     first.mutate(&Publish).await?;
//!     assert!(start.elapsed() >= Duration::from_millis(40));
//!     server.delay(Duration::ZERO);
//!     sleep(Duration::from_secs(1)).await;
//!     assert_eq!(*second.query(&GetVersion).await?, 2);
//!
//!     // The server is away. A change is queued, and the other machine shows the old value for 2 s at most.
//!     server.set_away(true);
//!     assert!(first.mutate_and_report(&Publish).await?.is_queued);
//!     assert_eq!(*second.query(&GetVersion).await?, 2);
//!     sleep(Duration::from_secs(2)).await;
//!     assert_eq!(*second.query(&GetVersion).await?, 3);
//!
//!     // It comes back empty: everything is loaded once more.
//!     server.with(SimServer::flush);
//!     server.set_away(false);
//!     used(&first).await;
//!     used(&second).await;
//!     assert_eq!(first.shared_state().unwrap().outbox, 0);
//!     let before = loads();
//!     first.query(&GetVersion).await?;
//!     sleep(Duration::from_millis(1)).await;
//!     second.query(&GetVersion).await?;
//!     assert_eq!(loads(), before + 1);
//!     Ok(())
//! }
//! ```
//!
//! # Advice
//! - Wait until the clients use the tier before a test begins: until then each loads for itself.
//! - Drops reach the other machines, and answers the server, in the background. A `sleep` of 1 ms in paused time lets that
//!   happen. After a cut, clients connect again within 5 s.
//! - Give every cache a [`TokioClock`](crate::TokioClock). With the clock of the system, windows and `max_lag` do not follow
//!   the paused time.
//! - `counts` of [`shared_state`](crate::Client::shared_state) tell hits of the tier from misses, and what the server refused.
//! - A real server is needed only to test its settings: the tests of the crate `cache-redis` compare the simulated server
//!   with a real one.
