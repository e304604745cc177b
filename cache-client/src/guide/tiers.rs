//! Which tier for which query: memory alone, a provider, or the shared tier.
//!
//! # The choice
//! All answers are in memory. A derive option puts the answers to a query into one tier below it:
//!
//! | | no option | `persist` | `share` |
//! |---|---|---|---|
//! | below memory | nothing | the [provider](crate::guide::second_tier) of the client | the [shared tier](crate::guide::several_machines) of the client |
//! | choose it if | loading again is cheap, or the answer is for one request | the program restarts often, or has to answer while its origin is down | several machines load the same keys, or must see each other's changes |
//! | after a restart | each key is loaded | copies are found until their windows end | values are found until they are dropped or their windows end |
//! | a change on another machine | is not seen | is not seen | is seen, usually after one round trip |
//!
//! There is one order: memory, then the provider or the shared tier, then the load. No query has both. A query with
//! `persist` and `share` is in snapshots, and uses the shared tier if the client has one; in a client without, it uses the
//! provider. One client may have a provider and a shared tier, for different queries. A tier that a client does not have
//! changes nothing, so one program can run with and without.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use cache_client::shared::{SharedTier, SimTier};
//! use cache_client::{App, Client, Context, Fetch, MemoryProvider, TokioClock};
//! use cache_core::{Cache, Query, Shape, registry};
//! use serde::{Deserialize, Serialize};
//!
//! /// The visitors of this process.
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = u64, capacity = 1_000, fresh = "1m")]
//! pub struct GetVisitors { pub post: u64 }
//!
//! /// Expensive, and hardly ever changed.
//! #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
//! #[query(value = String, capacity = 1_000, fresh = "10m", persist)]
//! pub struct GetThumbnail { pub post: u64 }
//!
//! /// Changed on any machine.
//! #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
//! #[query(value = String, capacity = 1_000, fresh = "10m", share)]
//! pub struct GetTitle { pub post: u64 }
//!
//! registry! {
//!     pub struct CacheRegistry { GetVisitors, GetThumbnail, GetTitle }
//! }
//!
//! struct Blog;
//!
//! impl App for Blog {
//!     type Registry = CacheRegistry;
//! }
//!
//! # impl Fetch<Blog> for GetVisitors {
//! #     type Error = std::io::Error;
//! #     async fn fetch(&self, _: &Context<Blog>) -> Result<u64, std::io::Error> { Ok(7) }
//! # }
//! # impl Fetch<Blog> for GetThumbnail {
//! #     type Error = std::io::Error;
//! #     async fn fetch(&self, _: &Context<Blog>) -> Result<String, std::io::Error> { Ok("<svg/>".to_owned()) }
//! # }
//! # impl Fetch<Blog> for GetTitle {
//! #     type Error = std::io::Error;
//! #     async fn fetch(&self, _: &Context<Blog>) -> Result<String, std::io::Error> { Ok("Notes".to_owned()) }
//! # }
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let provider = Arc::new(MemoryProvider::new(1_000));
//! let tier = SharedTier::builder(SimTier::new()).connect().await?;
//! let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
//! let client = Client::builder(cache, Blog).provider(Arc::clone(&provider)).shared(tier).build();
//! tokio::time::sleep(Duration::from_secs(1)).await;
//!
//! client.query(&GetVisitors { post: 1 }).await?;
//! client.query(&GetThumbnail { post: 1 }).await?;
//! client.query(&GetTitle { post: 1 }).await?;
//! tokio::time::sleep(Duration::from_secs(1)).await;
//! assert_eq!(provider.len(), 1, "the thumbnail");
//! let counts = client.shared_state().unwrap().counts;
//! assert_eq!(counts.misses, 1, "the title");
//! assert!(counts.bytes_written > 0);
//! # Ok(())
//! # }
//! ```
//!
//! # What it costs
//! | | memory | provider | shared tier |
//! |---|---|---|---|
//! | a hit in memory | a lookup | the same | the same, after one atomic load and a look at a coarse clock |
//! | a miss, before it loads | nothing | one `get`, [250 ms](crate::ClientBuilder::provider_timeout) at most | one or two requests, within the [limit](crate::shared::SharedTierBuilder::limit) of 100 ms; a wait while another machine loads the key |
//! | an answer to a load | a store | a `set` in the background | a request in the background |
//! | a mutation | a commit | removals in the background | one request *before* the commit, 100 ms at most |
//! | all the time | nothing | nothing | two connections; on one of them a request that waits half a second for drops |
//! | each read and write of the tier | | encodes or decodes one key and value | the same |
//!
//! While a tier is slow or away, the program loads. A key that is loaded faster than the tier answers gains nothing from
//! the tier but fewer loads.
//!
//! # What a crash loses
//! | | memory | provider | shared tier |
//! |---|---|---|---|
//! | the program is killed | all answers | answers that were not written yet, and *removals* that were not carried out yet: an invalidated key may be found again after the restart | drops that the server has not acknowledged: other machines show what was there before until its windows end. A change says whether its drop [is queued](crate::Mutated::is_queued). Others wait for the keys that were being loaded until their leases are over, [10 s](crate::shared::SharedTierBuilder::lease) at most, then one of them loads |
//! | the program ends in order | all answers, unless it [saves](cache_core::Cache::save) them | the same as above | nothing, after [`shutdown`](crate::Client::shutdown), which says what did not finish |
//! | the tier's server or file is lost | nothing | all copies: each key is loaded once more | all values: each key is loaded once more, by one machine. All machines mark what they have, so nothing old comes back, also not from a dump of the server |
//! | the network is cut | nothing | calls take their limit | copies become stale after [`max_lag`](crate::shared::SharedTierBuilder::max_lag), and are loaded again; changes wait to be told |
