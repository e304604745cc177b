//! One request: a tree of contexts with a memo. It may have a deadline, be cancelled, or bypass the cache.
//!
//! # What a context is for
//! Many programs only need [`Client::query`](crate::Client::query). A [`Context`](crate::Context) adds what belongs to
//! *one* request:
//!
//! - **A memo.** Within a tree the same query returns the same `Arc`: its first answer is kept, whatever its strategy
//!   is and whatever happens to the cache meanwhile. A page that shows a value twice shows the same value twice.
//! - **Cancellation.** [`cancel`](crate::Context::cancel) ends the whole tree;
//!   [`with_deadline`](crate::Context::with_deadline) creates a branch that ends on its own.
//! - **A way around the cache**: [`disable_cache`](crate::Context::disable_cache), for this context and its children.
//! - **Answers of its own**, for [tests](crate::guide::testing).
//!
//! [`child`](crate::Context::child) creates a child context with the same memo and a name of its own.
//!
//! # A handler
//! With axum, the client would be the `State` and the number the `Path`; here they are plain arguments.
//!
//! ```
//! use std::time::Duration;
//!
//! use cache_client::{App, Client, Context, Fetch, QueryError, TokioClock};
//! use cache_core::{Cache, Query, registry};
//! use tokio::time::{Instant, sleep};
//!
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = String, capacity = 1_000, fresh = "30s")]
//! pub struct GetTitle { pub id: u64 }
//!
//! registry! {
//!     pub struct CacheRegistry { GetTitle }
//! }
//!
//! struct Blog;
//!
//! impl App for Blog {
//!     type Registry = CacheRegistry;
//! }
//!
//! impl Fetch<Blog> for GetTitle {
//!     type Error = std::io::Error;
//!
//!     /// Takes `id` seconds.
//!     async fn fetch(&self, _: &Context<Blog>) -> Result<String, std::io::Error> {
//!         sleep(Duration::from_secs(self.id)).await;
//!         Ok(format!("Post {}", self.id))
//!     }
//! }
//!
//! /// Returns the status and the body.
//! async fn show(client: Client<Blog>, id: u64) -> (u16, String) {
//!     let cx = client.request(format!("GET /posts/{id}")).with_deadline(Instant::now() + Duration::from_secs(2));
//!     match cx.scope(page(id)).await {
//!         Ok(page) => (200, page),
//!         Err(error) if error.is_interrupted() => (504, "too slow".to_owned()),
//!         Err(error) => (502, error.to_string()),
//!     }
//! }
//!
//! /// Code deep in the program, which receives no context.
//! async fn page(id: u64) -> Result<String, QueryError<std::io::Error>> {
//!     let cx = Context::<Blog>::current().expect("`page` runs in the scope of a request");
//!     let title = cx.query(&GetTitle { id }).await?;
//!     // The second query of the same key gets the same answer.
//!     let head = cx.child("head").query(&GetTitle { id }).await?;
//!     assert!(std::sync::Arc::ptr_eq(&title, &head));
//!     Ok(format!("<title>{head}</title><h1>{title}</h1>"))
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
//! let client = Client::builder(cache, Blog).build();
//! assert_eq!(show(client.clone(), 1).await.0, 200);
//! assert_eq!(show(client.clone(), 3).await.0, 504);
//! // The load continues, and a retry one second later finds its answer.
//! sleep(Duration::from_secs(1)).await;
//! assert_eq!(show(client.clone(), 3).await.0, 200);
//!
//! // The load continues for 5 s. Then it is cancelled and stores nothing, unless it has other callers.
//! assert_eq!(show(client.clone(), 60).await.0, 504);
//! sleep(Duration::from_secs(100)).await;
//! assert!(client.cached(&GetTitle { id: 60 }).is_none());
//! # Ok(())
//! # }
//! ```
//!
//! # How long a load outlives its callers
//! A load continues after its last caller has left, by default for 5 s. The caller may have left because of a deadline,
//! or because its future was dropped, as a server does with a handler when the connection closes. A caller that comes
//! back within this time joins the load, and the time starts again when it leaves. So callers whose deadlines are
//! shorter than the load do not start it again and again without ever getting an answer. The option `linger` sets the
//! time; the longest time of all its callers applies. With `"0s"` a load ends with its last caller, and with `"until
//! done"` it always runs to its end.
//!
//! A load ends at once in these cases:
//!
//! - All its callers were [cancelled](crate::Context::cancel), so they do not come back.
//! - Its answer is of no use: the key was written or invalidated meanwhile, or another load has replaced it.
//! - It belongs to a single tree.
//! - Only observers have waited for it, and no `linger` is set.
//!
//! A runtime that is shut down does not wait for such loads.
//!
//! # Loads are detached
//! A load is shared by all concurrent callers, so it belongs to none of them. The `cx` in
//! [`fetch`](crate::Fetch::fetch) is the context of that load:
//!
//! - It does **not** have the deadline of the caller. When the deadline passes, the caller gets `Interrupted`; the load
//!   continues for others, or for a while without any. If a load must not take forever, give it a time limit of its
//!   own, such as `tokio::time::timeout`.
//! - It does **not** have the memo of the caller, nor anything that was set there, since the answer is shared. Anything
//!   that the load depends on, such as a tenant or a language, has to be in the key.
//! - It has a memo of its own, for the queries that it makes.
//! - It sees neither stale values nor [optimistic](crate::guide::optimistic) changes, so that an answer is not built
//!   from them.
//! - If loads would wait for each other in a cycle, the one that would close it gets a
//!   [`Cycle`](crate::QueryError::Cycle) error. This includes code in a load that uses the client instead of its
//!   context.
//!
//! A tree that bypasses the cache or has answers of its own has private loads. They belong to the tree, share its memo,
//! are not joined by others and store nothing. The same is true for all queries that they make.
//!
//! # Where there is no context to pass
//! [`scope`](crate::Context::scope) runs a future in which [`Context::current`](crate::Context::current) returns the
//! context. A task that it spawns is outside the scope. Inside `fetch`, the current context is that of the load.
//!
//! # Bypassing the cache
//! After [`disable_cache`](crate::Context::disable_cache), this context and its children, existing ones too, neither
//! read nor write the cache or a provider. The memo stays, so each query is still loaded once. Options are not checked.
//! A call that has begun is not affected. [`is_cache_enabled`](crate::Context::is_cache_enabled) returns the current
//! setting.
//!
//! # What a tree remembers
//! It remembers answers, but neither errors nor fallbacks: after those the next call tries again. After a
//! [mutation](crate::guide::invalidation) by [`Context::mutate`](crate::Context::mutate), the tree forgets the keys
//! that it wrote or marked. A tree lives, and keeps its answers, as long as any of its contexts.
