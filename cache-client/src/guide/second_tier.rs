//! A store below the cache, which outlives the program or is shared by several.
//!
//! # What it is for
//! A [`Provider`](crate::Provider) stores bytes under text keys: in a folder, an embedded database, a server on the
//! same network. A client that is [built with one](crate::ClientBuilder::provider) reads a missing answer from it
//! before it loads, and stores loaded values in it. So a restarted program, or a second one beside it, does not load
//! them again.
//!
//! It is for queries derived with `persist`. Their keys and values have to be `Serialize`, `Deserialize` and
//! [`Shape`](cache_core::Shape), as for a snapshot. A snapshot saves the whole cache at once, at a time that you
//! choose; a provider is read and written key by key.
//!
//! A provider has three methods: `get`, `set` with a time to live, and `remove`. The feature `test-util` has two for
//! tests: `MemoryProvider` keeps its entries in memory, and `TrackingProvider` fails or hangs when a
//! [test](crate::guide::testing) says so.
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicUsize, Ordering};
//! use std::time::Duration;
//!
//! use cache_client::{App, Client, Context, Fetch, MemoryProvider, TokioClock};
//! use cache_core::{Cache, Query, Shape, registry};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
//! #[query(value = String, capacity = 1_000, fresh = "30s", persist)]
//! pub struct GetTitle { pub id: u64 }
//!
//! registry! {
//!     pub struct CacheRegistry { GetTitle }
//! }
//!
//! #[derive(Default)]
//! struct Blog { loads: AtomicUsize }
//!
//! impl App for Blog {
//!     type Registry = CacheRegistry;
//! }
//!
//! impl Fetch<Blog> for GetTitle {
//!     type Error = std::io::Error;
//!
//!     async fn fetch(&self, cx: &Context<Blog>) -> Result<String, std::io::Error> {
//!         cx.app().loads.fetch_add(1, Ordering::Relaxed);
//!         Ok(format!("Post {}", self.id))
//!     }
//! }
//!
//! /// The client of a program that just started: its cache is empty, and its provider may have entries.
//! fn started(provider: &Arc<MemoryProvider>, clock: TokioClock) -> Result<Client<Blog>, cache_core::BuildError> {
//!     let cache = Cache::<CacheRegistry>::builder().clock(clock).build()?;
//!     Ok(Client::builder(cache, Blog::default()).provider(Arc::clone(provider)).build())
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let provider = Arc::new(MemoryProvider::new(10_000));
//! // Both clients share one clock. While time is paused, a clock that is created later has an earlier date.
//! let clock = TokioClock::new();
//! let (first, title) = (started(&provider, clock)?, GetTitle { id: 7 });
//! first.query(&title).await?;
//! // The copy is written in the background, so the caller does not wait for it.
//! tokio::time::sleep(Duration::from_secs(1)).await;
//! assert_eq!(provider.len(), 1);
//!
//! let second = started(&provider, clock)?;
//! assert_eq!(*second.query(&title).await?, "Post 7");
//! assert_eq!(second.app().loads.load(Ordering::Relaxed), 0);
//!
//! // The copy keeps its age: 30 s after its load it is stale in this client too.
//! tokio::time::sleep(Duration::from_secs(29)).await;
//! second.query(&title).await?;
//! assert_eq!(second.app().loads.load(Ordering::Relaxed), 1);
//!
//! // An invalidated key is not read back, although the provider may have it for a moment longer.
//! second.invalidate(&title);
//! second.query(&title).await?;
//! assert_eq!(second.app().loads.load(Ordering::Relaxed), 2);
//! # Ok(())
//! # }
//! ```
//!
//! # When it is read
//! - It is read once for all concurrent callers of a key, if the strategy reads the cache first and the cache has no
//!   usable value. `network-first` reads it while loading, if the cache has no value at all. Background refreshes,
//!   polls, `refresh` and `network-only` do not read it, nor do requests that bypass the cache or have answers of their
//!   own.
//! - Its value is the answer while it is fresh by the options of the caller and of its writer. A stale value is served
//!   [like one in memory](crate::guide::surviving#after-a-restart).
//! - By default, each call may take [250 ms](crate::ClientBuilder::provider_timeout). A call that fails, panics or
//!   takes longer is a miss, and an [event](crate::telemetry). A broken provider delays loads by that time, but never
//!   fails them.
//!
//! # What is kept
//! The key is text, the same on each machine and in each run; [`provider_key`](crate::Client::provider_key) returns it.
//! It begins with the name of the table and a semicolon.
//!
//! | key of the query | key in the provider |
//! |---|---|
//! | `GetPost { id: 7, lang: "de" }` | `get_post;id=7&lang=de` |
//! | `GetPost(7)` | `get_post;0=7` |
//! | anything but a flat struct of numbers, booleans, text, variants without content and options of these | the bytes of its codec, in base64 for URLs |
//!
//! Fields are in the order of their names, with `-` for `None`. Bytes other than ASCII letters, digits, `-`, `.` and
//! `_` are percent-encoded, and so is the first byte of text that could be taken for a value of another type: the text
//! `7` is `%37`. So different queries have different keys. A key of more than 200 characters is cut, and ends in its
//! 128-bit hash.
//!
//! An answer is kept through the longest of its windows: while it is fresh, and then for `swr` or `stale_if_error`, but
//! at most for its `ttl`. The windows that its load has set are a part of it, and count after a restart too.
//!
//! The value is an envelope: the codec, a fingerprint of the types, when the load began, how long the answer is fresh
//! and is kept, the windows that its load has set, a checksum, and the answer with its key. A value with another fingerprint, as when two builds run side
//! by side, is a miss, and the next load replaces it; it is never misread. A damaged value is a miss, and is counted in
//! [`provider_errors`](crate::Client::provider_errors).
//!
//! # Guarantees
//! | | |
//! |---|---|
//! | in this program | after a write, removal, invalidation or clear in its cache, no older copy is read back, as long as the client lives |
//! | after a restart | nothing: a copy that was not removed is found again. `invalidate` of one key removes its copy, in the background; so does each write or mark of one key by a mutation, a confirmation or a pushed value. The wider invalidations remove none; nor do writes, `remove` and `clear` of the cache itself |
//! | between machines | nothing: an entry that another machine has invalidated is found here as long as it is kept. Freshness is only as accurate as their clocks agree; a copy dated more than a minute ahead is a miss |
//!
//! So if a value must not be seen again, as after a logout, the program has to remove it from the provider. And if
//! several machines share values, choose windows for which these may be out of date.
