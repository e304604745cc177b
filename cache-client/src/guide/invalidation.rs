//! Keeping the cache up to date: marks, removals, mutations, transactions and pushed values.
//!
//! # Three verbs
//! | | the value | the next call | observers |
//! |---|---|---|---|
//! | [`invalidate`](crate::Client::invalidate) | stays, marked | loads | see the old value, as stale and being refreshed, until the new one arrives |
//! | [`remove`](cache_core::Cache::remove), of the cache | is gone | loads | see [`Pending`](crate::State::Pending) until the new one arrives |
//! | [`clear`](cache_core::Cache::clear), of the cache | all are gone | loads | the same |
//!
//! Invalidate what may have changed. Remove what must not be seen any more, and clear the cache at a logout. A marked
//! value may still be returned by [`cached`](crate::Client::cached), and may replace the answer of a failed load.
//!
//! The calls, from the narrowest to the widest:
//!
//! | | marks | cost |
//! |---|---|---|
//! | [`invalidate`](crate::Client::invalidate) | one key | that of one key |
//! | [`invalidate_where`](crate::Client::invalidate_where) | the keys of a query for which a function returns `true` | visits all entries of its table |
//! | [`invalidate_query`](crate::Client::invalidate_query) | all keys of a query | the same |
//! | [`invalidate_tag`](crate::Client::invalidate_tag), with a tag of single entries | the keys with a tag of their own | visits those entries alone |
//! | [`invalidate_tag`](crate::Client::invalidate_tag), with a tag of queries | all keys of the queries derived with a tag | visits all entries of their tables |
//! | [`invalidate_all`](crate::Client::invalidate_all) | everything | visits all entries |
//!
//! Each returns an [`Invalidation`](crate::Invalidation): how many entries were marked, and
//! [`reloaded`](crate::Invalidation::reloaded), which waits until all observed keys among them have been loaded again.
//! Other keys are loaded when they are queried.
//!
//! All of them, and each write, also *retire* a running load of the key: its callers get its result, but the result is
//! not stored, and new callers get a newer one. So no old answer can be stored after an invalidation. [A table
//! below](#changes-while-a-load-runs) lists this for every kind of change.
//!
//! ```
//! # use std::time::Duration;
//! # use cache_client::{App, Client, Context, Fetch, State, TokioClock};
//! # use cache_core::{Cache, Query, registry};
//! # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! # #[query(value = String, capacity = 1_000, fresh = "30s")]
//! # pub struct GetTitle { pub id: u64 }
//! # registry! { pub struct CacheRegistry { GetTitle, GetFeed } }
//! # #[derive(Default)]
//! # struct Blog { loads: std::sync::atomic::AtomicU64 }
//! # impl App for Blog { type Registry = CacheRegistry; }
//! # impl Fetch<Blog> for GetTitle {
//! #     type Error = std::io::Error;
//! #     async fn fetch(&self, cx: &Context<Blog>) -> Result<String, std::io::Error> {
//! #         let number = 1 + cx.app().loads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
//! #         tokio::time::sleep(Duration::from_secs(1)).await;
//! #         Ok(format!("Title {number}"))
//! #     }
//! # }
//! # impl Fetch<Blog> for GetFeed {
//! #     type Error = std::io::Error;
//! #     async fn fetch(&self, _: &Context<Blog>) -> Result<Vec<u64>, std::io::Error> { Ok(vec![1]) }
//! # }
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = Vec<u64>, capacity = 1_000, fresh = "30s", tags("feed"))]
//! pub struct GetFeed { pub page: u64 }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
//! # let client = Client::builder(cache, Blog::default()).build();
//! for page in 1..=3 {
//!     client.query(&GetFeed { page }).await?;
//! }
//! assert_eq!(client.invalidate(&GetFeed { page: 1 }).count, 1);
//! assert_eq!(client.invalidate_where(|feed: &GetFeed| feed.page > 1).count, 2);
//! assert_eq!(client.invalidate_tag("feed").count, 3);
//!
//! // An observed key loads at once, and the old value is shown meanwhile. A load takes one second here.
//! let title = GetTitle { id: 7 };
//! client.query(&title).await?;
//! let observer = client.observe(&title);
//! let invalidation = client.invalidate(&title);
//! tokio::task::yield_now().await;
//! let State::Ready { value, is_stale: true, is_refreshing: true, .. } = observer.state() else { panic!() };
//! assert_eq!(*value, "Title 1");
//! invalidation.reloaded().await;
//! let State::Ready { value, is_stale: false, .. } = observer.state() else { panic!() };
//! assert_eq!(*value, "Title 2");
//!
//! // A removed key is absent until it is loaded again.
//! client.cache().remove(&title);
//! tokio::task::yield_now().await;
//! assert!(observer.state().is_pending());
//! # Ok(())
//! # }
//! ```
//!
//! # Changes while a load runs
//! No load that began before a change hides it. This is what happens to a running load when its key is changed:
//!
//! | the change | the load | later callers |
//! |---|---|---|
//! | `insert`, `refresh`, and `set` or `merge` in a commit | is retired | get the written value |
//! | `update`, if there is a value | is retired | get the updated value |
//! | `update`, if there is none | is retired | load, since nothing was written |
//! | `remove` | is retired | load |
//! | each kind of `invalidate`, whether or not there is a value | is retired | load; the value stays, marked |
//! | `clear` | is retired, for each key | load |
//! | a restore | is retired, if its key is restored | get the restored value |
//! | a value that another load [brings](crate::Context::bring) and that began later | is retired | get the brought value |
//! | the same, but the other load began earlier | continues | get the answer of the load; the brought value is skipped |
//! | a stale value from the [provider](crate::guide::second_tier) | continues | see the stale value until the load ends |
//! | an optimistic layer, when it begins or is rolled back | continues, and is stored beneath the layer | see the layer on top |
//! | an optimistic layer, when it is confirmed | is retired, if its key is written or marked then | get what the commit wrote |
//! | `touch`, an eviction, the end of a time to live | continues | get its answer |
//! | a key that a transaction has read, but not written | continues | get its answer; the transaction conflicts if the answer is stored first |
//!
//! - A *commit* is a transaction, a mutation, a confirmed layer, a pushed value or [`change`](crate::Client::change).
//!   Each of its lines acts like the row for it, when it takes effect. One that conflicts, or is refused by a hook, writes
//!   nothing; that of a mutation still retires the loads of its keys, since the server has changed.
//! - The same holds for keys that the loads of a [batch](crate::FetchMany) load together: each is retired alone.
//! - A value that was read before is not protected: between [`cached`](crate::Client::cached) and `insert`, a load may
//!   store a newer answer, which the `insert` replaces. Use `update`, or a transaction that reads the key.
//!
//! # Tags of single entries
//! When an article changes, so does what each viewer sees of it. A predicate finds these entries by visiting all
//! entries of the table and cloning their keys. A tag of single entries finds them by an index. The option `tags_of`
//! names a function that returns the [tags](cache_core::Tag) of a key:
//!
//! ```
//! # use cache_client::{App, Client, Context, Fetch};
//! # use cache_core::{Cache, Query, Tag, registry};
//! # registry! { pub struct CacheRegistry { GetView } }
//! # struct Blog;
//! # impl App for Blog { type Registry = CacheRegistry; }
//! # impl Fetch<Blog> for GetView {
//! #     type Error = std::io::Error;
//! #     async fn fetch(&self, _: &Context<Blog>) -> Result<String, std::io::Error> { Ok("As it is now".to_owned()) }
//! # }
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = String, capacity = 10_000, fresh = "5m", tags_of = GetView::tags)]
//! pub struct GetView { pub article: u64, pub viewer: u64 }
//!
//! impl GetView {
//!     fn tags(&self) -> [Tag; 2] {
//!         [Tag::new("article", self.article), Tag::new("viewer", self.viewer)]
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let client = Client::builder(Cache::<CacheRegistry>::new(), Blog).build();
//! for viewer in 1..=3 {
//!     client.query(&GetView { article: 7, viewer }).await?;
//!     client.query(&GetView { article: 8, viewer }).await?;
//! }
//! // The article was edited.
//! assert_eq!(client.invalidate_tag(Tag::new("article", 7)).count, 3);
//! // The viewer logged out.
//! assert_eq!(client.invalidate_tag(Tag::new("viewer", 1)).count, 2);
//! # Ok(())
//! # }
//! ```
//!
//! Tags depend on the key alone, not on the answer. A running load of a key with the tag is retired, as by any mark.
//! Queries without `tags_of` pay nothing. With it, each entry takes about 40 bytes more for each of its tags.
//!
//! # Answers that are built from others
//! A load may read other queries through its context. If one of them is written, removed or marked between that read
//! and the end of the load, the answer is out of date before it is stored. Its callers still get it, but it is stored
//! *marked*, so that the next call, or an observer, loads again. The comparison and the store are one step, so no
//! change is missed. An answer built from an out-of-date answer is marked in the same way.
//!
//! These reads count: everything that [`query`](crate::Context::query) and its variants have returned in the load's own
//! context or a child of it, values and errors, and what [`cached`](crate::Context::cached) has found or missed. Reads
//! through the [`Client`](crate::Client) itself, or with the [cache disabled](crate::Context::disable_cache), are not
//! compared. Neither the passing of time nor an eviction counts as a change. An answer that was built from more than 64
//! keys is always stored marked: split such a load, or make some of the reads through the client.
//!
//! Once stored, an answer does not follow its inputs: it is fresh for as long as its own options say. With the option
//! `derived` it does: when one of the entries changes that its load has read, the stored answer is marked too, and with
//! it all answers that were built from it.
//!
//! ```
//! # use cache_client::{App, Client, Context, Fetch, QueryError};
//! # use cache_core::{Cache, Freshness, Query, registry};
//! # registry! { pub struct CacheRegistry { GetPrice, GetCart } }
//! # struct Shop;
//! # impl App for Shop { type Registry = CacheRegistry; }
//! # #[derive(Debug, thiserror::Error)]
//! # #[error(transparent)]
//! # pub struct ShopError(#[from] QueryError<ShopError>);
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = u64, capacity = 1_000, fresh = "1h")]
//! pub struct GetPrice { pub item: u64 }
//! # impl Fetch<Shop> for GetPrice {
//! #     type Error = ShopError;
//! #     async fn fetch(&self, _: &Context<Shop>) -> Result<u64, ShopError> { Ok(10) }
//! # }
//!
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = u64, capacity = 1_000, fresh = "1h", derived)]
//! pub struct GetCart { pub items: Vec<u64> }
//!
//! impl Fetch<Shop> for GetCart {
//!     # type Error = ShopError;
//!     async fn fetch(&self, cx: &Context<Shop>) -> Result<u64, ShopError> {
//!         let mut total = 0;
//!         for &item in &self.items {
//!             total += *cx.query(&GetPrice { item }).await?;
//!         }
//!         Ok(total)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let client = Client::builder(Cache::<CacheRegistry>::new(), Shop).build();
//! let cart = GetCart { items: vec![1, 2] };
//! assert_eq!(*client.query(&cart).await?, 20);
//! client.cache().insert(GetPrice { item: 2 }, 15);
//! assert_eq!(client.cache().peek_entry(&cart).unwrap().freshness(), Freshness::Invalidated);
//! assert_eq!(*client.query(&cart).await?, 25);
//! # Ok(())
//! # }
//! ```
//!
//! The mark is set before the call returns that has changed the input. A load of the answer that is running then is not
//! retired: what it has read is compared when it stores. If an input is loaded again and its query has the option `eq`,
//! an equal value is no change. An answer that is written by hand was not built from anything.
//!
//! | use | when |
//! |---|---|
//! | `derived` | the answer is computed from a few other queries, which its load reads through its context |
//! | `tags`, `tags_of` | you know from outside what a change affects: it comes from the server, or the load reads something other than queries; there are more than 64 inputs; the answer is to be in snapshots or a provider, which `derived` excludes |
//! | neither | the answer may be as old as its option `fresh` says |
//!
//! Each input of a `derived` answer takes 30 to 40 bytes. Each write of a table that answers were built from looks at a
//! filter, and a write of a key that answers were built from also marks them. Other tables pay nothing.
//!
//! An observed answer that was out of date is loaded again at once. If it is out of date again, the next load begins
//! after a random wait of up to 8 times the time of a load, and so on until an answer is up to date. So an observer of
//! an answer whose inputs change all the time follows with a delay, two observed queries that are built from each other
//! settle down, and the loads stop once the inputs no longer change.
//!
//! # Mutations
//! A [`Mutate`](crate::Mutate) is a struct that changes something outside the program. [`run`](crate::Mutate::run)
//! makes the change; [`apply`](crate::Mutate::apply) says what its answer writes to the cache, and what it invalidates.
//! Both are one commit.
//!
//! - It runs once, as a task of its own. Its caller may leave; the mutation continues. It is retried only if
//!   [`RETRIES`](crate::Mutate::RETRIES) is set and the error is retryable.
//! - If it fails, the cache is unchanged.
//! - In a request, [`Context::mutate`](crate::Context::mutate) makes the tree forget the written or marked keys, so
//!   that it reads the new state. A request that bypasses the cache, or has answers of its own, marks the keys instead
//!   of writing them.
//! - [`Changes`](crate::Changes) has the methods of a transaction: `set`, `merge`, `update`, `remove`, and the five
//!   invalidations above. A key that is both written and marked in the same commit is not marked, except by
//!   `invalidate`, which names the key.
//!
//! Write what the server has returned, and mark what you cannot know: [`Mutate`](crate::Mutate) has an example.
//!
//! # Several changes at once
//! [`Client::change`](crate::Client::change) commits any number of writes and marks without a mutation, and after
//! [`Context::change`](crate::Context::change) the request forgets the changed keys. It takes the same
//! [`Changes`](crate::Changes) as a mutation. Use it if several `invalidate` calls in a row would show readers a state
//! in between, or if writes and marks belong together.
//!
//! # Transactions of the cache
//! A transaction of the [`cache`](crate::Client::cache) itself also makes several writes visible at once, without an
//! `.await`. It retires loads and is observed like any commit. It conflicts with another commit that has changed what
//! it has read; [`transact`](cache_core::Cache::transact) then runs it again. `before_commit` hooks run for
//! transactions, mutations, confirmations and pushed values, but not for loads.
//!
//! ```
//! # use cache_client::{App, Client, Context, Fetch, TokioClock};
//! # use cache_core::{Cache, CommitError, Query, registry};
//! # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! # #[query(value = u64, capacity = 1_000, fresh = "30s")]
//! # pub struct GetBalance { pub account: u32 }
//! # registry! { pub struct CacheRegistry { GetBalance } }
//! # struct Bank;
//! # impl App for Bank { type Registry = CacheRegistry; }
//! # impl Fetch<Bank> for GetBalance {
//! #     type Error = std::io::Error;
//! #     async fn fetch(&self, _: &Context<Bank>) -> Result<u64, std::io::Error> { Ok(100) }
//! # }
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
//! # let client = Client::builder(cache, Bank).build();
//! # let accounts = [GetBalance { account: 1 }, GetBalance { account: 2 }];
//! # client.query_all(&accounts).await;
//! let [mine, yours] = accounts;
//! client.cache().transact(|tx| {
//!     if let (Some(from), Some(to)) = (tx.get(&mine), tx.get(&yours)) {
//!         tx.set(mine.clone(), *from - 30);
//!         tx.set(yours.clone(), *to + 30);
//!     }
//!     Ok::<_, CommitError>(())
//! })?;
//! assert_eq!(*client.query(&yours).await?, 130);
//! # Ok(())
//! # }
//! ```
//!
//! # Pushed values
//! [`Client::ingest`](crate::Client::ingest) stores values that are pushed to the program, over a socket or through a
//! queue. A [`Source`](crate::Source) says how to open the connection, and what each value changes. Each value is one
//! commit, in the order of arrival. When the connection breaks, the source is opened again after a wait that grows with
//! each failure. [`reopened`](crate::Source::reopened) marks what may have been missed in between. The
//! [`Ingestion`](crate::Ingestion) ends when it is dropped; its [`changed`](crate::Ingestion::changed) reports the
//! state of the source.
//!
//! ```
//! # use std::pin::Pin;
//! # use std::sync::Mutex;
//! # use std::task::{Poll, Context as TaskContext};
//! # use cache_client::{App, Changes, Client, Context, Fetch, IngestionState, Source, TokioClock};
//! # use cache_core::{Cache, Query, registry};
//! # use futures_core::Stream;
//! # use tokio::sync::mpsc;
//! # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! # #[query(value = f64, capacity = 1_000, fresh = "30s")]
//! # pub struct GetPrice { pub share: u32 }
//! # registry! { pub struct CacheRegistry { GetPrice } }
//! # struct Exchange;
//! # impl App for Exchange { type Registry = CacheRegistry; }
//! # impl Fetch<Exchange> for GetPrice {
//! #     type Error = std::io::Error;
//! #     async fn fetch(&self, _: &Context<Exchange>) -> Result<f64, std::io::Error> { Ok(1.0) }
//! # }
//! # struct Received(mpsc::Receiver<(u32, f64)>);
//! # impl Stream for Received {
//! #     type Item = Result<(u32, f64), std::io::Error>;
//! #     fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
//! #         self.0.poll_recv(cx).map(|tick| tick.map(Ok))
//! #     }
//! # }
//! /// Prices from a channel. In a real program a socket sends them.
//! struct Ticks(Mutex<Option<mpsc::Receiver<(u32, f64)>>>);
//!
//! impl Source<Exchange> for Ticks {
//!     type Item = (u32, f64);
//!     type Error = std::io::Error;
//!
//!     async fn open(
//!         &self,
//!         _: &Context<Exchange>,
//!     ) -> Result<impl Stream<Item = Result<(u32, f64), std::io::Error>> + Send, std::io::Error> {
//!         // This example has a single channel. A real source connects a socket here.
//!         let receiver = self.0.lock().unwrap().take().ok_or(std::io::ErrorKind::NotConnected)?;
//!         Ok(Received(receiver))
//!     }
//!
//!     fn apply(&self, (share, price): &(u32, f64), changes: &mut Changes<Exchange>) {
//!         changes.set(GetPrice { share: *share }, *price);
//!     }
//!
//!     fn reopened(&self, changes: &mut Changes<Exchange>) {
//!         changes.invalidate_query::<GetPrice>();
//!     }
//!
//!     fn may_end(&self) -> bool {
//!         true
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
//! # let client = Client::builder(cache, Exchange).build();
//! let (socket, receiver) = mpsc::channel(16);
//! let mut ingestion = client.ingest(Ticks(Mutex::new(Some(receiver))));
//! socket.send((7, 2.5)).await?;
//! drop(socket);
//! while let Some(state) = ingestion.changed().await {
//!     if let IngestionState::Ended { error } = state {
//!         assert!(error.is_none());
//!     }
//! }
//! assert_eq!(*client.query(&GetPrice { share: 7 }).await?, 2.5);
//! # Ok(())
//! # }
//! ```
