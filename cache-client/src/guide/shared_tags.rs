//! Marking many keys on all machines: by a tag, by a query, or everything.
//!
//! # What travels
//! A [tag](crate::guide::invalidation) travels as it is, without the keys that have it. Each machine marks what it has
//! under the tag, also keys that the sender has never loaded.
//!
//! | call | told as |
//! |---|---|
//! | [`invalidate_tag`](crate::Client::invalidate_tag) | the tag, for all shared queries; nothing, if no shared query of this program can have it |
//! | [`invalidate_query`](crate::Client::invalidate_query) | the table |
//! | [`invalidate_where`](crate::Client::invalidate_where) | the whole table, since the others do not know the predicate |
//! | [`invalidate_all`](crate::Client::invalidate_all) | everything, if any query is shared |
//!
//! The methods of [`Changes`](crate::Changes) with these names are told together with the other changes of their mutation,
//! in one request, before the commit. Queries without `share` are marked here, and on no other machine.
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicUsize, Ordering};
//! use std::time::Duration;
//!
//! use cache_client::shared::{SharedTier, SimTier};
//! use cache_client::{App, Client, Context, Fetch, TokioClock};
//! use cache_core::{Cache, Query, Shape, Tag, registry};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
//! #[query(value = String, capacity = 1_000, fresh = "10m", share, tags_of = GetTitle::tags)]
//! pub struct GetTitle { pub author: u64, pub post: u64 }
//!
//! impl GetTitle {
//!     fn tags(&self) -> [Tag; 1] {
//!         [Tag::new("author", self.author)]
//!     }
//! }
//!
//! registry! {
//!     pub struct CacheRegistry { GetTitle }
//! }
//!
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
//!         tokio::time::sleep(Duration::from_millis(50)).await;
//!         Ok(format!("Title {loads}"))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (server, origin) = (SimTier::new(), Arc::new(AtomicUsize::new(0)));
//! # let mut machines = Vec::new();
//! # for _ in 0..2 {
//! #     let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
//! #     let tier = SharedTier::builder(server.clone()).connect().await?;
//! #     machines.push(Client::builder(cache, Blog(Arc::clone(&origin))).shared(tier).build());
//! # }
//! # let second = machines.pop().unwrap();
//! # let first = machines.pop().unwrap();
//! # tokio::time::sleep(Duration::from_secs(1)).await;
//! let title = |author, post| GetTitle { author, post };
//! let is_stale = |key: &GetTitle| second.query_state(key).unwrap().is_stale;
//! second.query_all(&[title(1, 1), title(1, 2), title(2, 3)]).await;
//! let running = tokio::spawn({
//!     let second = second.clone();
//!     async move { second.query(&title(1, 4)).await }
//! });
//! tokio::time::sleep(Duration::from_millis(10)).await;
//!
//! // The first machine has none of these keys. One drop names all of them.
//! assert!(first.invalidate_tag(Tag::new("author", 1)).told().await);
//! tokio::time::sleep(Duration::from_millis(1)).await;
//! assert_eq!(second.shared_state().unwrap().applied, 1);
//! assert!(is_stale(&title(1, 1)) && is_stale(&title(1, 2)) && !is_stale(&title(2, 3)));
//!
//! // The load that began before is answered, and not kept: the next query loads.
//! assert_eq!(*running.await??, "Title 3");
//! assert!(second.cached(&title(1, 4)).is_none());
//! assert_eq!(*second.query(&title(1, 4)).await?, "Title 4");
//! assert_eq!(second.shared_state().unwrap().counts.refused, 1);
//! # Ok(())
//! # }
//! ```
//!
//! # What it costs
//! - *The server* runs one script, whatever has the tag: it adds an entry to the feed, and raises one number. Nothing is
//!   searched, and no value is removed. This number is the *generation* of the tag. Each value has the number of the last
//!   drop before its load; one that is lower than the generation of one of its tags, of its table, or of everything, is
//!   not used. It remains in the server until its time ends, or a load replaces it.
//! - *Each machine* marks what it has: a tag of a query, as in `tags("posts")`, and a table, by one mark for the whole
//!   table; a tag of entries, as in `tags_of`, by a visit to those entries. Observed keys are loaded again at once, on each
//!   machine that observes them; one machine loads each key.
//! - *Tags share their generations*: there are 1,024, by hash. A value may be loaded again since another tag with the same
//!   hash was marked. An old value is never used for this reason. The marks in memory are exact.
//!
//! So prefer one tag to a list of keys when a change concerns many, and keys when it concerns few: a drop of a key removes
//! its value, and makes no other value unusable. A drop of more than 1,000 keys is told as their tables.
//!
//! # What a running load does
//! A load that began before the drop, on any machine, gives its callers what it has loaded, since they asked before. Its
//! answer is not kept, neither in memory nor in the tier. A query that begins after its machine knows the drop does not
//! join this load.
//!
//! A load that has taken its lease after the drop fills the tier. It begins when its machine knows all drops from before
//! the lease, so that it reads no other shared query as it was before them. If its machine does not know them within the
//! limit of a request, the load begins nevertheless, and its answer stays on this machine.
