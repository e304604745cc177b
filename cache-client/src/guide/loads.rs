//! What a load can provide besides its answer: how long it is fresh, that nothing has changed, and answers for other
//! keys.
//!
//! A [`fetch`](crate::Fetch::fetch) need only return a value: the options decide how long it is fresh and kept. Often
//! the server knows better. `fetch` passes this on through its context:
//!
//! | the server sends | the load calls or returns |
//! |---|---|
//! | `max-age=10` | [`cx.fresh_for(10 s)`](crate::Context::fresh_for) |
//! | `stale-while-revalidate=30` | [`cx.stale_while_revalidate_for(30 s)`](crate::Context::stale_while_revalidate_for) |
//! | `stale-if-error=600` | [`cx.stale_if_error_for(600 s)`](crate::Context::stale_if_error_for) |
//! | the session ends in an hour | [`cx.keep_for(1 h)`](crate::Context::keep_for) |
//! | `no-store` | [`cx.no_store()`](crate::Context::no_store) |
//! | 304, not modified | [`Fetched::Unchanged`](crate::Fetched::Unchanged), returned by [`fetch_again`](crate::Fetch::fetch_again) |
//! | a list of complete elements | [`cx.bring(query, value)`](crate::Context::bring) for each element |
//!
//! All of this applies to the answer of this load only. A retry starts without any settings, and other loads make
//! theirs through contexts of their own. In a batch, the settings apply to the answers of all keys.
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU32, Ordering};
//! use std::time::Duration;
//!
//! use cache_client::{App, Client, Context, Fetch, Fetched, QueryError, TokioClock};
//! use cache_core::{Cache, Query, registry};
//!
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = Feed, capacity = 10, fresh = "60s")]
//! pub struct GetFeed;
//!
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = String, capacity = 1_000, fresh = "60s")]
//! pub struct GetPost { pub id: u64 }
//!
//! registry! {
//!     pub struct CacheRegistry { GetFeed, GetPost }
//! }
//!
//! #[derive(Debug)]
//! pub struct Feed { etag: u64, ids: Vec<u64> }
//!
//! /// Stands for a server. The tag of its feed is the number of its posts.
//! struct Blog { posts: Vec<String>, requests: AtomicU32 }
//!
//! impl App for Blog {
//!     type Registry = CacheRegistry;
//! }
//!
//! impl Blog {
//!     /// Returns the posts, unless the caller has them. `None` stands for a response with status 304.
//!     async fn feed(&self, etag: Option<u64>) -> Option<&[String]> {
//!         self.requests.fetch_add(1, Ordering::Relaxed);
//!         (etag != Some(self.posts.len() as u64)).then_some(&self.posts)
//!     }
//! }
//!
//! impl GetFeed {
//!     async fn load(&self, cx: &Context<Blog>, etag: Option<u64>) -> Fetched<Feed> {
//!         // As the server sets it in each response.
//!         cx.fresh_for(Duration::from_secs(10));
//!         let Some(posts) = cx.app().feed(etag).await else { return Fetched::Unchanged };
//!         let ids = 0..posts.len() as u64;
//!         for (id, post) in ids.clone().zip(posts) {
//!             cx.bring(GetPost { id }, post.clone());
//!         }
//!         Fetched::New(Feed { etag: posts.len() as u64, ids: ids.collect() })
//!     }
//! }
//!
//! impl Fetch<Blog> for GetFeed {
//!     type Error = std::io::Error;
//!
//!     async fn fetch(&self, cx: &Context<Blog>) -> Result<Feed, std::io::Error> {
//!         match self.load(cx, None).await {
//!             Fetched::New(feed) => Ok(feed),
//!             Fetched::Unchanged => Err(std::io::ErrorKind::InvalidData.into()),
//!         }
//!     }
//!
//!     async fn fetch_again(&self, cx: &Context<Blog>, present: &Arc<Feed>) -> Result<Fetched<Feed>, std::io::Error> {
//!         Ok(self.load(cx, Some(present.etag)).await)
//!     }
//! }
//!
//! impl Fetch<Blog> for GetPost {
//!     type Error = std::io::Error;
//!
//!     async fn fetch(&self, _: &Context<Blog>) -> Result<String, std::io::Error> {
//!         unreachable!("the feed has brought all posts")
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
//! let blog = Blog { posts: vec!["Hello".to_owned(), "Again".to_owned()], requests: AtomicU32::new(0) };
//! let client = Client::builder(cache, blog).build();
//!
//! let feed = client.query(&GetFeed).await?;
//! assert_eq!(feed.ids, [0, 1]);
//! assert_eq!(*client.query(&GetPost { id: 1 }).await?, "Again");
//! assert_eq!(client.app().requests.load(Ordering::Relaxed), 1);
//!
//! // Stale after ten seconds, whatever the options are. The reload finds nothing changed.
//! tokio::time::sleep(Duration::from_secs(10)).await;
//! assert!(Arc::ptr_eq(&client.query(&GetFeed).await?, &feed));
//! assert_eq!(client.app().requests.load(Ordering::Relaxed), 2);
//! client.query(&GetFeed).await?;
//! assert_eq!(client.app().requests.load(Ordering::Relaxed), 2, "it is fresh again");
//! # Ok(())
//! # }
//! ```
//!
//! A load that reads other queries is [built from them](crate::guide::invalidation#answers-that-are-built-from-others).
//! With the option `derived` its answer stays linked to them.
//!
//! # Which time counts
//! How long an answer is fresh is decided by the first of these that is set: the option `fresh` of the call that reads
//! it; the time that was given with the entry, by its load or by a write; the options of the client for the query; the
//! derive; the client's defaults. The time given with an entry ends with it: after a later load that sets none, the
//! options apply again.
//!
//! # Answers for other keys
//! Entries that a load brings are stored in one transaction with its answer. They never undo a change: an entry is
//! skipped if its key was written, removed, invalidated or cleared since the load began. This is decided for each key,
//! so it does not matter whether the answer itself has become out of date meanwhile.
//!
//! If one load brings a key and another loads the key itself, the one that began later wins. If the load of the key
//! began earlier, its callers get the value that it loads, and all later callers get the value that was brought.
//!
//! An entry may also be skipped for no visible reason: a shard of a table remembers only its last mark and removal, not
//! each one. The cost is an unnecessary load. So `bring` saves loads, but is not a way to write values; use [mutations
//! and pushed values](crate::guide::invalidation) for that.
