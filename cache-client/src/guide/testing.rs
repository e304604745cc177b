//! Testing code that uses a client: preset answers, counted loads, paused time.
//!
//! # What a test can replace
//! | | replaces | for |
//! |---|---|---|
//! | an [`App`](crate::App) for tests, or a field of your own that the test fills in | the sources of loads | tests of loads, of strategies, of the whole program |
//! | [`Context::set`](crate::Context::set) | the answer to one key, in one tree | a page that needs this user and that post |
//! | [`Context::with_override`](crate::Context::with_override) | all answers to one query, below one context; they may be errors | "what if there are no posts" |
//! | [`Cache::insert`](cache_core::Cache::insert), of [`client.cache()`](crate::Client::cache) | what the cache has | tests that begin with a warm cache |
//! | `TrackingProvider` (feature `test-util`) | the provider | a second tier that fails, hangs, or is empty |
//!
//! A tree with preset answers does not affect what others share. Its loads run for it alone, with these answers, and
//! are not stored. So a test may share a client with others.
//!
//! Call `set` before the first query of its key: it is an error if the tree already has an answer to the key, or has
//! queried it.
//!
//! A context with a replacement does not read the cache at all. One with preset answers still reads other keys from the
//! cache, whose values were built from other answers. Start with an empty cache, or call
//! [`disable_cache`](crate::Context::disable_cache) too.
//!
//! # Time
//! Pause tokio's time, and give the cache a [`TokioClock`](crate::TokioClock) that is created inside the runtime: then
//! freshness, retries, polling, breakers and deadlines all follow the paused time. A `sleep` of an hour takes no time,
//! and everything that is due in that hour happens. If two caches share a provider, give both the same clock: a clock
//! that is created later starts at a different date, since it does not know how far the paused time was moved. Pausing
//! needs the feature `test-util` of tokio, as a dev-dependency.
//!
//! ```toml
//! [dev-dependencies]
//! tokio = { version = "1", features = ["macros", "rt", "test-util"] }
//! ```
//!
//! # An example
//! ```
//! use std::io::{Error, ErrorKind};
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicUsize, Ordering};
//! use std::time::Duration;
//!
//! use cache_client::{App, Client, Context, Fetch, QueryError, TokioClock, TrackingProvider};
//! use cache_core::{Cache, Query, Shape, registry};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
//! #[query(value = String, capacity = 1_000, fresh = "30s", persist)]
//! pub struct GetName { pub user: u64 }
//!
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = String, capacity = 1_000, fresh = "30s")]
//! pub struct GetGreeting { pub user: u64 }
//!
//! registry! {
//!     pub struct CacheRegistry { GetName, GetGreeting }
//! }
//!
//! /// The state of the program, which counts the loads of names.
//! #[derive(Default)]
//! struct Site { loads: AtomicUsize }
//!
//! impl App for Site {
//!     type Registry = CacheRegistry;
//! }
//!
//! impl Fetch<Site> for GetName {
//!     type Error = Error;
//!
//!     async fn fetch(&self, cx: &Context<Site>) -> Result<String, Error> {
//!         cx.app().loads.fetch_add(1, Ordering::Relaxed);
//!         Ok(format!("User {}", self.user))
//!     }
//! }
//!
//! impl Fetch<Site> for GetGreeting {
//!     type Error = Error;
//!
//!     /// The code under test: an unknown user gets a greeting too.
//!     async fn fetch(&self, cx: &Context<Site>) -> Result<String, Error> {
//!         match cx.query(&GetName { user: self.user }).await {
//!             Ok(name) => Ok(format!("Hello, {name}!")),
//!             Err(QueryError::Failed { source, .. }) if source.kind() == ErrorKind::NotFound => Ok("Hello!".to_owned()),
//!             Err(error) => Err(Error::other(error)),
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! // #[tokio::test(start_paused = true)]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let provider = Arc::new(TrackingProvider::new());
//!     let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
//!     let client = Client::builder(cache, Site::default()).provider(Arc::clone(&provider)).build();
//!     let loads = || client.app().loads.load(Ordering::Relaxed);
//!     let (name, greeting) = (GetName { user: 7 }, GetGreeting { user: 7 });
//!
//!     // Sets one answer. The greeting is loaded with it, for this tree only.
//!     let cx = client.request("a test");
//!     cx.set(&name, "Ann".to_owned())?;
//!     assert_eq!(*cx.query(&greeting).await?, "Hello, Ann!");
//!     assert!(cx.set(&name, "Bob".to_owned()).is_err());
//!
//!     // Replaces each answer with an error.
//!     let cx = client.request("a test").with_override::<GetName>(|_| Err(ErrorKind::NotFound.into()));
//!     assert_eq!(*cx.query(&greeting).await?, "Hello!");
//!
//!     // None of this reached the cache or the provider, and no name was loaded.
//!     assert!(client.cached(&greeting).is_none());
//!     assert_eq!((loads(), provider.gets(), provider.sets()), (0, 0, 0));
//!
//!     // Concurrent calls share one load, and calls within 30 s need no load.
//!     let (first, second) = tokio::join!(client.query(&name), client.query(&name));
//!     assert!(Arc::ptr_eq(&first?, &second?));
//!     tokio::time::sleep(Duration::from_secs(29)).await;
//!     client.query(&name).await?;
//!     assert_eq!((loads(), provider.gets(), provider.misses(), provider.sets()), (1, 1, 1, 1));
//!     tokio::time::sleep(Duration::from_secs(1)).await;
//!     client.query(&name).await?;
//!     assert_eq!(loads(), 2);
//!
//!     // If the provider fails or hangs, the client loads instead.
//!     provider.fail_next_gets(1);
//!     client.query(&GetName { user: 8 }).await?;
//!     provider.hold();
//!     client.query(&GetName { user: 9 }).await?;
//!     provider.release();
//!     assert_eq!((loads(), client.provider_errors() >= 2), (4, true));
//!     Ok(())
//! }
//! ```
//!
//! # Advice
//! - Count loads in the app, as here: a test of a cache is about what was loaded, and how often.
//!   [`cached`](crate::Client::cached) shows what is in the cache, and loads nothing.
//! - If a test is about what happens *while* a load runs, let the load wait for a `Notify` or a channel.
//! - After something that happens in the background (a refresh, a copy to the provider, a state of an observer), let
//!   the other tasks run: a `sleep` in paused time is enough.
//! - Give a test that might wait forever a `timeout`, which costs nothing in paused time.
//! - The waits before retries are random. In paused time that rarely matters; a test that depends on *when* fixes them
//!   with [`retry_after`](crate::Fetch::retry_after), or disables retries with `retry(0)`.
