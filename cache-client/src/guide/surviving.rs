//! Surviving an outage: answers while the origin they are loaded from is slow, down or overloaded, even after a
//! restart.
//!
//! # What each part does
//! | the origin | what helps |
//! |---|---|
//! | is slow | `stale-while-revalidate` with `swr`: a stale answer at once, and a load in the background. `network-first` with `timeout`: the new answer, unless it takes too long |
//! | fails now and then | `retry`, for errors for which [`is_retryable`](crate::Fetch::is_retryable) is true |
//! | is down | `stale_if_error`: a stale answer stands in for a failed load. `fallback`, if there is no stale answer |
//! | is overloaded | one load per key whatever the number of callers; `concurrency`; a `breaker`, which stops loads; `jitter`, so that answers stored together are not loaded again together |
//! | is down while the program starts | a [`Provider`](crate::Provider), which outlives the program |
//!
//! [Strategies](crate::guide::strategies) explains the windows `swr` and `stale_if_error`. Both are bounded by `ttl`,
//! so make that longer, or leave it out.
//!
//! # After a restart
//! A provider keeps an answer through the longest of its windows: `fresh`, and after that `swr` or `stale_if_error`. An
//! answer found there follows the same rules as one in memory:
//!
//! | the answer in the provider is | a call that reads the cache first |
//! |---|---|
//! | fresh | gets it; nothing is loaded |
//! | stale, within `swr` of a `stale-while-revalidate` call | gets it at once, and it is loaded again in the background |
//! | stale, within `stale_if_error` | waits for the load, and gets it if the load fails |
//! | older, or past its `ttl` | waits for the load |
//!
//! A stale answer enters the cache while the load continues, unless the cache has an entry, or the key was changed
//! meanwhile. Each caller that waits for the load decides by its own options whether to use it, and so do later
//! callers, without reading the provider again. The load itself, and loads that wait for it, never use it.
//!
//! If the cache has no value, a `network-first` call reads the provider while it loads. The answer found there may
//! stand in for a load that fails or exceeds `timeout`.
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicBool, Ordering};
//! use std::time::Duration;
//!
//! use cache_client::{App, Client, Context, Fetch, MemoryProvider, TokioClock};
//! use cache_core::{Cache, Query, Shape, registry};
//! use serde::{Deserialize, Serialize};
//!
//! /// Fresh for a minute, and good enough for a day if there is nothing better.
//! #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
//! #[query(value = String, capacity = 1_000, fresh = "1m", stale_if_error = "24h", persist)]
//! pub struct GetTitle { pub id: u64 }
//!
//! registry! {
//!     pub struct CacheRegistry { GetTitle }
//! }
//!
//! #[derive(Clone, Default)]
//! struct Blog { is_down: Arc<AtomicBool> }
//!
//! impl App for Blog {
//!     type Registry = CacheRegistry;
//! }
//!
//! impl Fetch<Blog> for GetTitle {
//!     type Error = std::io::Error;
//!
//!     async fn fetch(&self, cx: &Context<Blog>) -> Result<String, std::io::Error> {
//!         match cx.app().is_down.load(Ordering::Relaxed) {
//!             true => Err(std::io::ErrorKind::ConnectionRefused.into()),
//!             false => Ok(format!("Post {}", self.id)),
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (provider, clock) = (Arc::new(MemoryProvider::new(10_000)), TokioClock::new());
//! let blog = Blog::default();
//! let start = || -> Result<Client<Blog>, cache_core::BuildError> {
//!     let cache = Cache::<CacheRegistry>::builder().clock(clock).build()?;
//!     Ok(Client::builder(cache, blog.clone()).provider(Arc::clone(&provider)).build())
//! };
//! let title = GetTitle { id: 7 };
//! start()?.query(&title).await?;
//! tokio::time::sleep(Duration::from_secs(3_600)).await;
//!
//! // An hour later the program starts again, and the origin is down.
//! blog.is_down.store(true, Ordering::Relaxed);
//! let client = start()?;
//! assert_eq!(*client.query(&title).await?, "Post 7");
//! assert!(client.query_state(&title).is_some_and(|state| state.is_stale));
//! assert!(client.refresh_error(&title).is_some());
//!
//! // The origin is back.
//! blog.is_down.store(false, Ordering::Relaxed);
//! client.query(&title).await?;
//! assert!(client.query_state(&title).is_some_and(|state| !state.is_stale));
//! # Ok(())
//! # }
//! ```
//!
//! # Which provider
//! The crate `cache-file` keeps answers in one bounded file, for one process. It opens its file whatever has happened
//! to the program, and works without the file while the disk is full or another process uses it. For several machines,
//! write a [`Provider`](crate::Provider) over a server that they share.
//!
//! # Informing the user
//! [`query_state`](crate::Client::query_state) returns value, age and whether the value is stale, so that a page can
//! show how old it is. An [observer](crate::guide::observing) shows the same in each of its states.
//! [`refresh_error`](crate::Client::refresh_error) returns the error that a stale answer has hidden.
//!
//! # What is not promised
//! - An answer that was never loaded before the outage is missing. [`prefetch`](crate::Client::prefetch) the keys that
//!   must be available.
//! - An answer that was invalidated is served only if its load fails, and only from memory: an invalidated key is not
//!   read from the provider.
//! - A stale answer may be as old as its windows allow. Where that is not acceptable, make them shorter, or use
//!   `network-only`.
