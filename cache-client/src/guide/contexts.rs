//! One request: a tree of contexts with a memo, which may have a deadline, be cancelled, or be kept from the cache.
//!
//! # What a context is for
//! [`Client::query`](crate::Client::query) is all that many programs need. A [`Context`](crate::Context) adds what
//! belongs to *one* request:
//!
//! - **A memo.** Within a tree the same query gives the same `Arc`, and is asked once, whatever its strategy and
//!   whatever happens to the cache meanwhile. A page that shows the same thing twice shows it twice the same.
//! - **An end.** [`cancel`](crate::Context::cancel) ends the whole tree;
//!   [`with_deadline`](crate::Context::with_deadline) makes a branch that ends by itself.
//! - **A way past the cache**: [`disable_cache`](crate::Context::disable_cache), for this context and all below it.
//! - **Answers of its own**, for [tests](crate::guide::testing).
//!
//! [`child`](crate::Context::child) makes a context below another: it has the same memo, and a name of its own.
//!
//! # A handler
//! With axum the client would be the `State` and the number the `Path`; here they are plain arguments.
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
//!     pub struct CacheRegistry { crate::GetTitle }
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
//!     /// Takes as many seconds as the number says.
//!     async fn fetch(&self, _: &Context<Blog>) -> Result<String, std::io::Error> {
//!         sleep(Duration::from_secs(self.id)).await;
//!         Ok(format!("Post {}", self.id))
//!     }
//! }
//!
//! /// Status and body.
//! async fn show(client: Client<Blog>, id: u64) -> (u16, String) {
//!     let cx = client.request(format!("GET /posts/{id}")).with_deadline(Instant::now() + Duration::from_secs(2));
//!     match cx.scope(page(id)).await {
//!         Ok(page) => (200, page),
//!         Err(error) if error.is_interrupted() => (504, "too slow".to_owned()),
//!         Err(error) => (502, error.to_string()),
//!     }
//! }
//!
//! /// Deep in the program, where nobody passes a context on.
//! async fn page(id: u64) -> Result<String, QueryError<std::io::Error>> {
//!     let cx = Context::<Blog>::current().expect("a page is made in the scope of a request");
//!     let title = cx.query(&GetTitle { id }).await?;
//!     // The head asks again, and is told the same.
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
//! // The load goes on: the next try, a second later, finds its answer.
//! sleep(Duration::from_secs(1)).await;
//! assert_eq!(show(client.clone(), 3).await.0, 200);
//!
//! // It goes on for 5 s. After that it is cancelled, unless others wait for it, and nothing is stored.
//! assert_eq!(show(client.clone(), 60).await.0, 504);
//! sleep(Duration::from_secs(100)).await;
//! assert!(client.cached(&GetTitle { id: 60 }).is_none());
//! # Ok(())
//! # }
//! ```
//!
//! # How long a load outlives its callers
//! A load goes on after its last caller has left, as a rule for 5 s. It may have been left because of a deadline, or because
//! the future of the caller was dropped, as a server does with a handler when the connection is closed. A caller that
//! comes back meanwhile joins it, and the time begins anew when that one leaves. So callers that are hastier than a load
//! do not begin it again and again and never see its end. The option `linger` says how long; of several callers the longest
//! counts. With `"0s"` a load ends with its last caller, and with `"until done"` it never ends before it is done.
//!
//! A load ends at once all the same:
//!
//! - when all its callers have been [cancelled](crate::Context::cancel), since they do not come back;
//! - when it is of no use any more: its key has been written or invalidated meanwhile, or another load has its place;
//! - when it belongs to one tree alone;
//! - when only observers have waited for it, and no `linger` is given.
//!
//! A runtime that is shut down does not wait for such loads.
//!
//! # Loads are detached
//! A load is shared by all who ask for its key at the same time, so it belongs to none of them. The `cx` in
//! [`fetch`](crate::Fetch::fetch) is the context of that load:
//!
//! - It has **not** the deadline of who asked. When the deadline passes, the caller is told `Interrupted`; the load
//!   goes on for others, or for a while without any. A load that must not take for ever needs a time limit of its own,
//!   as with `tokio::time::timeout`.
//! - It has **not** the memo of who asked, nor anything that was put there: what a load builds is for all. What a
//!   load needs of a user, as a tenant or a language, has to be in the key.
//! - It has a memo of its own, for what it asks while it runs.
//! - It is served nothing stale, and no [optimistic](crate::guide::optimistic) change, so that an answer is not built
//!   from old parts.
//! - Loads that wait for each other in a circle are an error, [`Cycle`](crate::QueryError::Cycle), of the one that
//!   would have closed it. Code in a load that asks by the client in place of its context is found too.
//!
//! It is otherwise in a tree that is kept from the cache or has answers of its own: its loads are private. They
//! belong to the tree, share its memo, are not joined by others and store nothing; and so is everything below them.
//!
//! # Where there is no context to pass
//! [`scope`](crate::Context::scope) runs a future so that [`Context::current`](crate::Context::current) gives the
//! context in it. A task that it spawns is outside of the scope. Inside `fetch` the current context is that of the
//! load.
//!
//! # Past the cache
//! After [`disable_cache`](crate::Context::disable_cache) this context and all below it, those that are there already
//! too, neither read nor write the cache or a provider. The memo stays, so each query is still loaded once. Windows
//! are not checked. A call that has begun ends as it began. [`is_cache_enabled`](crate::Context::is_cache_enabled) tells how
//! it is.
//!
//! # What a tree remembers
//! Answers; neither errors nor fallbacks: after those the next call asks again. A
//! [mutation](crate::guide::invalidation) that is run by [`Context::mutate`](crate::Context::mutate) has the tree
//! forget what it wrote or marked. A tree lives as long as any of its contexts, and keeps its answers as long.
