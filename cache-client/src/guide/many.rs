//! Several keys at once, pages, and keys that will be needed soon.
//!
//! # Several queries
//! [`query_all`](crate::Client::query_all) takes several keys of one query as a slice, and different queries as a
//! tuple: `let (post, comments) = cx.query_all((GetPost { id }, GetComments { post: id })).await`. All loads run before
//! the call waits for the first, the answers come in the order of the keys, and each may fail on its own. For other
//! combinations use `tokio::join!`: a load is a task of its own, which starts at the first poll of its call.
//!
//! # One load for several keys
//! If one call to the outside can answer for many keys, implement [`FetchMany`](crate::FetchMany) instead of `Fetch`.
//! Nothing else changes: such a query is still queried key by key, and keys that are needed at the same time are loaded
//! together, whichever part of the program queries them. No key waits for a timer: the call begins when the other ready
//! tasks have run. It takes at most as many keys as the option `batch` says, 100 by default.
//!
//! ```
//! use std::sync::atomic::{AtomicUsize, Ordering};
//!
//! use cache_client::{App, Client, Context, FetchMany, QueryError, TokioClock};
//! use cache_core::{Cache, Query, registry};
//!
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = String, capacity = 1_000, fresh = "30s", batch = 25)]
//! pub struct GetName { pub user: u64 }
//!
//! registry! {
//!     pub struct CacheRegistry { GetName }
//! }
//!
//! #[derive(Default)]
//! struct Blog { calls: AtomicUsize }
//!
//! impl App for Blog {
//!     type Registry = CacheRegistry;
//! }
//!
//! impl FetchMany<Blog> for GetName {
//!     type Error = std::io::Error;
//!
//!     /// One answer for each key, in the same order. Users 1 to 99 exist.
//!     async fn fetch_many(keys: &[Self], cx: &Context<Blog>) -> Vec<Result<String, std::io::Error>> {
//!         cx.app().calls.fetch_add(1, Ordering::Relaxed);
//!         let name = |key: &Self| match key.user {
//!             1..100 => Ok(format!("User {}", key.user)),
//!             _ => Err(std::io::ErrorKind::NotFound.into()),
//!         };
//!         keys.iter().map(name).collect()
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
//! let client = Client::builder(cache, Blog::default()).build();
//! let calls = || client.app().calls.load(Ordering::Relaxed);
//!
//! let names = client.query_all(&[1, 2, 200].map(|user| GetName { user })).await;
//! assert_eq!(names[1].as_ref().map(|name| name.as_str()).ok(), Some("User 2"));
//! assert!(matches!(names[2], Err(QueryError::Failed { .. })));
//! assert_eq!(calls(), 1);
//!
//! // These calls query one key each, at the same time. The second key is in the cache.
//! let (third, second, fourth) = (GetName { user: 3 }, GetName { user: 2 }, GetName { user: 4 });
//! let names = tokio::join!(client.query(&third), client.query(&second), client.query(&fourth));
//! assert_eq!(*names.2?, "User 4");
//! assert_eq!(calls(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! # Pages
//! Each page is a query, and so an entry of its own: a page that was loaded before is shown at once while it is fresh.
//!
//! - [`Paged`](crate::Paged), by [`Client::paged`](crate::Client::paged), is for pages by number, of which one is
//!   shown: `next`, `previous`, `jump`.
//! - [`Infinite`](crate::Infinite), by [`Client::infinite`](crate::Client::infinite), is for pages by cursor, which are
//!   shown as one list: `fetch_next`, `fetch_previous`, at most `max_pages` of them.
//!
//! Pages fetched like this do not change on their own. After a write or an invalidation, `jump(page())` or `revalidate`
//! shows the current values. `refetch` and `refetch_all` always load. A call that fails leaves the shown pages
//! unchanged.
//!
//! [`Infinite::observe`](crate::Infinite::observe) and [`Paged::observe`](crate::Paged::observe) make observers of the
//! pages: streams of [`InfiniteState`](crate::InfiniteState)s and [`PagedState`](crate::PagedState)s, with the values,
//! whether more is loading, and whether there is more. They follow commits, invalidations and optimistic layers. If a
//! page changes so that its cursor leads elsewhere, an observed list follows it. Each page costs as much as an observed
//! key.
//!
//! ```
//! # use cache_client::{App, Client, Context, Fetch, TokioClock};
//! # use cache_core::{Cache, Query, registry};
//! # use std::sync::atomic::{AtomicUsize, Ordering};
//! # #[derive(Clone, Debug)]
//! # pub struct Feed { pub posts: Vec<u64>, pub next: Option<u64> }
//! # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! # #[query(value = Feed, capacity = 1_000, fresh = "30s")]
//! # pub struct GetFeed { pub after: u64 }
//! # registry! { pub struct CacheRegistry { GetFeed } }
//! # #[derive(Default)]
//! # struct Blog { loads: AtomicUsize }
//! # impl App for Blog { type Registry = CacheRegistry; }
//! # impl Fetch<Blog> for GetFeed {
//! #     type Error = std::io::Error;
//! #     async fn fetch(&self, cx: &Context<Blog>) -> Result<Feed, std::io::Error> {
//! #         cx.app().loads.fetch_add(1, Ordering::Relaxed);
//! #         let last = self.after + 2;
//! #         Ok(Feed { posts: vec![last - 1, last], next: (last < 6).then_some(last) })
//! #     }
//! # }
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
//! # let client = Client::builder(cache, Blog::default()).build();
//! // Six posts, two per page. Each page has the cursor of the next one.
//! let mut feed = client.infinite(GetFeed { after: 0 }, |page| page.next.map(|after| GetFeed { after }));
//! while feed.fetch_next().await?.is_some() {}
//! let posts: Vec<u64> = feed.pages().iter().flat_map(|page| page.posts.clone()).collect();
//! assert_eq!(posts, [1, 2, 3, 4, 5, 6]);
//!
//! // Only outdated pages are loaded.
//! client.invalidate(&GetFeed { after: 2 });
//! feed.revalidate().await?;
//! assert_eq!(client.app().loads.load(Ordering::Relaxed), 4);
//! # Ok(())
//! # }
//! ```
//!
//! # How many loads run at once
//! Without a limit all loads run at once. After a prefetch of 20,000 keys, that is too much for most servers. The
//! option `concurrency` limits the loads of one query, and
//! [`ClientBuilder::concurrency`](crate::ClientBuilder::concurrency) all loads of the client; a load obeys both. Other
//! loads wait for a place, in the order in which they started. A call of [`FetchMany`](crate::FetchMany) counts as one
//! load, and takes more keys while it waits.
//!
//! - The deadline of a caller runs while its load waits for a place. The age of the answer and the two minutes for
//!   retries count from when the load gets its place.
//! - A load that waits for others through its context gives up its place meanwhile, even if it does something else at
//!   the same time, and waits for a place before it continues. So loads that need others of the same query never
//!   deadlock, whatever the limit is. A load that drops such a query does not wait, and gets a place back later.
//! - A load that waits for its retry gives up its place too. So does one that waits in
//!   [`Observer::next`](crate::Observer::next) or [`Ingestion::changed`](crate::Ingestion::changed), or until
//!   invalidated keys are loaded again. A load that polls an observer as a `Stream` keeps its place.
//! - Answers from the cache or a [provider](crate::Provider) need no place; nor do mutations.
//!
//! ```
//! # use cache_client::{App, Client, Context, Fetch, TokioClock};
//! # use cache_core::{Cache, Query, registry};
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = String, capacity = 1_000, fresh = "30s", concurrency = 8)]
//! pub struct GetReport { pub year: u32 }
//! # registry! { pub struct CacheRegistry { GetReport } }
//! # struct Archive;
//! # impl App for Archive { type Registry = CacheRegistry; }
//! # impl Fetch<Archive> for GetReport {
//! #     type Error = std::io::Error;
//! #     async fn fetch(&self, _: &Context<Archive>) -> Result<String, std::io::Error> { Ok("a report".to_owned()) }
//! # }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
//! // At most 8 loads of reports, and at most 32 loads of all queries, run at once.
//! let client = Client::builder(cache, Archive).concurrency(32).build();
//! let reports: Vec<_> = (1900..2000).map(|year| GetReport { year }).collect();
//! client.prefetch_all(&reports).done().await;
//! assert!(client.cached(&GetReport { year: 1999 }).is_some());
//! # Ok(())
//! # }
//! ```
//!
//! # Loading ahead
//! A prefetch is a load that no caller waits for. It does nothing if the answer is fresh or being loaded, and it
//! continues when its caller is gone. The answer is kept for at least the time of the option `keep_prefetched` (5 s by
//! default), even by a table that keeps nothing on its own. [`refresh_error`](crate::Client::refresh_error) returns its
//! error.
//!
//! - [`prefetch`](crate::Client::prefetch): one query. The loads of several calls can be awaited together, with `and`
//!   and `done`.
//! - [`prefetch_all`](crate::Client::prefetch_all): several keys of one query, or a tuple of different queries.
//! - [`prefetch_after`](crate::Client::prefetch_after): one query, after a delay, unless its guard is dropped first;
//!   for example while a pointer rests on a link.
//!
//! ```
//! # use std::time::Duration;
//! # use cache_client::{App, Client, Context, Fetch, TokioClock};
//! # use cache_core::{Cache, Query, registry};
//! # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! # #[query(value = String, capacity = 1_000, fresh = "30s")]
//! # pub struct GetPost { pub id: u64 }
//! # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! # #[query(value = Vec<String>, capacity = 1_000, fresh = "30s")]
//! # pub struct GetComments { pub post: u64 }
//! # registry! { pub struct CacheRegistry { GetPost, GetComments } }
//! # struct Blog;
//! # impl App for Blog { type Registry = CacheRegistry; }
//! # impl Fetch<Blog> for GetPost {
//! #     type Error = std::io::Error;
//! #     async fn fetch(&self, _: &Context<Blog>) -> Result<String, std::io::Error> { Ok("Notes".to_owned()) }
//! # }
//! # impl Fetch<Blog> for GetComments {
//! #     type Error = std::io::Error;
//! #     async fn fetch(&self, _: &Context<Blog>) -> Result<Vec<String>, std::io::Error> { Ok(Vec::new()) }
//! # }
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
//! # let client = Client::builder(cache, Blog).build();
//! // The route is known, so prefetch everything it needs.
//! client.prefetch_all((GetPost { id: 7 }, GetComments { post: 7 })).done().await;
//! assert!(client.cached(&GetComments { post: 7 }).is_some());
//!
//! // The pointer rests on one link and moves across another.
//! let rests = client.prefetch_after(&GetPost { id: 8 }, Duration::from_millis(100));
//! let passes = client.prefetch_after(&GetPost { id: 9 }, Duration::from_millis(100));
//! tokio::time::sleep(Duration::from_millis(50)).await;
//! drop(passes);
//! tokio::time::sleep(Duration::from_millis(100)).await;
//! assert!(client.cached(&GetPost { id: 8 }).is_some());
//! assert!(client.cached(&GetPost { id: 9 }).is_none());
//! # drop(rests);
//! # Ok(())
//! # }
//! ```
