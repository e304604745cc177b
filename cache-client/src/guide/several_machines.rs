//! Several machines that run the same program, and share their answers.
//!
//! Other pages say [which queries](crate::guide::tiers) to share, what [tags](crate::guide::shared_tags) cost, what happens
//! during a [deploy](crate::guide::rolling_deploys), and how to [test](crate::guide::testing_machines) such a program.
//!
//! # What it is for
//! Each machine has a cache of its own. Without more, a change on one machine is seen on the others when their copies have
//! become stale, and each machine loads each key. A client that is [built with a shared tier](crate::ClientBuilder::shared)
//! tells the others what it changes, and only one machine at a time loads a key. The crate `cache-redis` connects it to a
//! server; [`SimTier`](crate::shared::SimTier) is a server in memory for tests.
//!
//! It is for queries derived with `share`. Their keys and values have to be `Serialize`, `Deserialize` and
//! [`Shape`](cache_core::Shape), as with `persist`. Keys that are equal must be written in the same way. All other queries
//! stay on their machine, and never cause a request to the server.
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicUsize, Ordering};
//! use std::time::Duration;
//!
//! use cache_client::shared::{SharedTier, SimTier};
//! use cache_client::{App, Client, Context, Fetch, TokioClock};
//! use cache_core::{Cache, Query, Shape, registry};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
//! #[query(value = String, capacity = 1_000, fresh = "10m", share)]
//! pub struct GetTitle { pub id: u64 }
//!
//! registry! {
//!     pub struct CacheRegistry { GetTitle }
//! }
//!
//! /// The state of a machine. All of them load from one origin, which counts the loads.
//! struct Blog(Arc<AtomicUsize>);
//!
//! impl App for Blog {
//!     type Registry = CacheRegistry;
//! }
//!
//! impl Fetch<Blog> for GetTitle {
//!     type Error = std::io::Error;
//!
//!     async fn fetch(&self, cx: &Context<Blog>) -> Result<String, std::io::Error> {
//!         let loads = cx.app().0.fetch_add(1, Ordering::Relaxed);
//!         Ok(format!("Title {loads}"))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (server, origin) = (SimTier::new(), Arc::new(AtomicUsize::new(0)));
//! let mut machines = Vec::new();
//! for _ in 0..2 {
//!     let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
//!     let tier = SharedTier::builder(server.clone()).max_lag(Duration::from_secs(2)).connect().await?;
//!     machines.push(Client::builder(cache, Blog(Arc::clone(&origin))).shared(tier).build());
//! }
//! tokio::time::sleep(Duration::from_secs(1)).await;
//!
//! let title = GetTitle { id: 7 };
//! for machine in &machines {
//!     assert_eq!(*machine.query(&title).await?, "Title 0");
//! }
//! assert_eq!(origin.load(Ordering::Relaxed), 1);
//!
//! // The others know when `told` has returned, or a moment later.
//! assert!(machines[0].invalidate(&title).told().await);
//! tokio::time::sleep(Duration::from_millis(1)).await;
//! assert_ne!(*machines[1].query(&title).await?, "Title 0");
//! # Ok(())
//! # }
//! ```
//!
//! # What is told, and when
//! - [`mutate`](crate::Client::mutate), [`change`](crate::Client::change), [`confirm`](crate::Layer::confirm) and
//!   [`ingest`](crate::Client::ingest) tell the others *before* their changes are shown here, and wait for the server at most
//!   as long as a [request](crate::shared::SharedTierBuilder::limit) may take. What cannot be sent is sent later;
//!   [`mutate_and_report`](crate::Client::mutate_and_report) says so.
//! - [`invalidate`](crate::Client::invalidate) and its variants do not wait: they mark here at once, and tell the others
//!   meanwhile. [`told`](crate::Invalidation::told) waits. Until the server knows, this machine loads these keys from the
//!   origin.
//! - Direct commits of the [store](crate::Client::cache), such as `cache.insert`, `cache.remove` and `cache.transact`, tell
//!   the others *after* they can be seen here, and do not wait. Between the two, another machine may read what was there
//!   before. To tell them first, use [`change`](crate::Client::change). Marks of the store (`cache.invalidate`) and
//!   `cache.clear` stay on this machine.
//!
//! What a mutation or a pushed value has written to a shared query is shown here at once, and loaded by the next query: the
//! same key may have been changed by another machine later.
//!
//! # How old an answer may be
//! A copy in memory is fresh as long as this machine knows what the others have changed, at most `max_lag` ago. When the
//! server is away, copies become stale after this time, and are loaded again; [strategies](crate::guide::strategies) that
//! serve stale answers serve them. Nothing fails, and no call waits for the server longer than its limit.
//!
//! Observers follow marks of other machines. They show a copy as stale while this machine does not know what the others
//! have changed within the lag. This is decided when a state is read: the end of the lag itself wakes no reader, and loads
//! nothing. When the machine is told again, what it has missed is marked, and observed keys are loaded.
//!
//! An answer that stays on its machine and is [derived](crate::guide::invalidation#answers-that-are-built-from-others) from
//! shared ones is marked when another machine changes one of them. `max_lag` does not bound it: without the server it is
//! fresh for its own window. If that is too long, give its query `fresh = ".."` of the length of `max_lag`.
//!
//! Only loads fill the tier, and only for as long as their answer is fresh. `refresh`, `network-first`, `network-only` and
//! polls load in any case, and give the others their answer. `cache-only` does not look in the tier. An answer that was
//! built from [other queries](crate::Context::query) is not given to the others if one of these has changed meanwhile.
//! What a load [brings along](crate::Context::bring) stays on its machine.
//!
//! Entries from a snapshot, and those that the cache has before the client is built, are stale until one look.
