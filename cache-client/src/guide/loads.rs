//! What a load can say besides its answer: how long it is good, that nothing has changed, and answers for other keys.
//!
//! A [`fetch`](crate::Fetch::fetch) that returns a value has said enough: the options decide how long that is fresh and
//! kept. A server often knows more. `fetch` passes that on through its context:
//!
//! | the server says | the load says |
//! |---|---|
//! | `max-age=10` | [`cx.fresh_for(10 s)`](crate::Context::fresh_for) |
//! | the session ends in an hour | [`cx.keep_for(1 h)`](crate::Context::keep_for) |
//! | `no-store` | [`cx.no_store()`](crate::Context::no_store) |
//! | 304, not modified | [`Fetched::Unchanged`](crate::Fetched::Unchanged), returned by [`fetch_again`](crate::Fetch::fetch_again) |
//! | a list with the whole of each element | [`cx.bring(query, value)`](crate::Context::bring) for each element |
//!
//! All of it concerns the answer of this load. A retry starts with nothing said, and what other loads say through
//! contexts of their own does not matter here. In a batch it concerns the answers of all keys.
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
//!     /// The posts, unless the caller has them. `None` stands for a response with status 304.
//!     async fn feed(&self, etag: Option<u64>) -> Option<&[String]> {
//!         self.requests.fetch_add(1, Ordering::Relaxed);
//!         (etag != Some(self.posts.len() as u64)).then_some(&self.posts)
//!     }
//! }
//!
//! impl GetFeed {
//!     async fn load(&self, cx: &Context<Blog>, etag: Option<u64>) -> Fetched<Feed> {
//!         // The server says so, in each response.
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
//! // Stale after ten seconds, whatever the options say. It turns out that nothing has changed.
//! tokio::time::sleep(Duration::from_secs(10)).await;
//! assert!(Arc::ptr_eq(&client.query(&GetFeed).await?, &feed));
//! assert_eq!(client.app().requests.load(Ordering::Relaxed), 2);
//! client.query(&GetFeed).await?;
//! assert_eq!(client.app().requests.load(Ordering::Relaxed), 2, "it is fresh again");
//! # Ok(())
//! # }
//! ```
//!
//! # Which time counts
//! For how long an answer is fresh, in this order: the option `fresh` of the call that reads it; the time that was given
//! with the entry, by its load or by a write; the options of the client for the query, the derive, and the client's
//! defaults. The time of an entry moves with it: a later load that says nothing gives it the time of the options again.
//!
//! # Answers for other keys
//! What a load brings is stored in one transaction with its answer. It never undoes a change: where the key was
//! written, removed, invalidated or cleared since the load began, the entry is skipped. This is decided by key, so it
//! does not matter if the answer itself has become out of date meanwhile.
//!
//! Of a load that brings a key and a load of the key itself, the one that began later counts. If the own load began
//! earlier, its callers get what it loads, and all later callers get what was brought.
//!
//! An entry may also be skipped without a reason that you can see: a shard of a table remembers only its last mark and
//! removal, not each. The cost is a load that would not have been necessary. So `bring` saves loads; it is no way to
//! write values, which is what [mutations and pushed values](crate::guide::invalidation) are for.
