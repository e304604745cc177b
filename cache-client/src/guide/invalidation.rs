//! What is out of date: marks, removals, mutations, transactions and pushed values.
//!
//! # Three verbs
//! | | the value | the next call | who observes |
//! |---|---|---|---|
//! | [`invalidate`](crate::Client::invalidate) | stays, marked | loads | sees the old value, marked as stale and being refreshed, until the new one is there |
//! | [`remove`](cache_core::Cache::remove), of the cache | is gone | loads | sees [`Pending`](crate::State::Pending) until the new one is there |
//! | [`clear`](cache_core::Cache::clear), of the cache | all are gone | loads | the same |
//!
//! Invalidate what may have changed. Remove what must not be seen any more; clear at a logout. A marked value may
//! still be served by [`cached`](crate::Client::cached), and may stand in for a load that fails.
//!
//! What may be marked, from the narrow to the wide:
//!
//! | | marks | cost |
//! |---|---|---|
//! | [`invalidate`](crate::Client::invalidate) | one key | that of one key |
//! | [`invalidate_where`](crate::Client::invalidate_where) | the keys of a query for which a function says yes | visits all entries of its table |
//! | [`invalidate_query`](crate::Client::invalidate_query) | all keys of a query | the same |
//! | [`invalidate_tag`](crate::Client::invalidate_tag), of single entries | the keys with a tag of their own | visits those entries alone |
//! | [`invalidate_tag`](crate::Client::invalidate_tag), of queries | all keys of the queries that were derived with a tag | visits all entries of their tables |
//! | [`invalidate_all`](crate::Client::invalidate_all) | everything | visits all entries |
//!
//! Each returns an [`Invalidation`](crate::Invalidation): how many entries were marked, and by
//! [`reloaded`](crate::Invalidation::reloaded) when all observed keys among them have been loaded again. Keys that
//! nobody observes are loaded when they are asked for.
//!
//! All of them, and each write, also *retire* the load that runs for a key: who waits for it already gets its result,
//! but it is not stored, and who asks from now on gets a newer one. So there is no moment at which an old answer can
//! slip in behind an invalidation.
//!
//! ```
//! # use std::time::Duration;
//! # use cache_client::{App, Client, Context, Fetch, State, TokioClock};
//! # use cache_core::{Cache, Query, registry};
//! # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! # #[query(value = String, capacity = 1_000, fresh = "30s")]
//! # pub struct GetTitle { pub id: u64 }
//! # registry! { pub struct CacheRegistry { crate::GetTitle, crate::GetFeed } }
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
//! // One that is observed is loaded at once; the old value is shown meanwhile. A load takes a second here.
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
//! // One that is removed is not there until it has been loaded again.
//! client.cache().remove(&title);
//! tokio::task::yield_now().await;
//! assert!(observer.state().is_pending());
//! # Ok(())
//! # }
//! ```
//!
//! # Tags of single entries
//! When an article changes, so does what each viewer sees of it. To find these entries by a predicate, all entries of the table
//! are visited, and their keys cloned. A tag of single entries finds them by an index. The option `tags_of` names a function that
//! says which [tags](cache_core::Tag) a key has:
//!
//! ```
//! # use cache_client::{App, Client, Context, Fetch};
//! # use cache_core::{Cache, Query, Tag, registry};
//! # registry! { pub struct CacheRegistry { crate::GetView } }
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
//! // The viewer has logged out.
//! assert_eq!(client.invalidate_tag(Tag::new("viewer", 1)).count, 2);
//! # Ok(())
//! # }
//! ```
//!
//! Tags are made from the key alone, not from the answer. A load that runs for a key with the tag is retired, as by any
//! mark. Queries without `tags_of` pay nothing for it; with it, each entry takes some 40 bytes more for each of its tags.
//!
//! # Answers that are built from others
//! A load may read other queries through its context. If one of them is written, removed or marked between that read and
//! the end of the load, the answer is out of date before it is stored. Its callers get it all the same; it is stored
//! *marked*, so that the next call, or an observer, loads it anew. The comparison and the store are one step: no change
//! slips in between. In the same way an answer is marked that was built from one that was itself out of date.
//!
//! What counts as read is what [`query`](crate::Context::query) and the like of the load's own context, or of one below it,
//! were told: values, errors, and what [`cached`](crate::Context::cached) found or missed. What is read by the
//! [`Client`](crate::Client) itself, or with the [cache disabled](crate::Context::disable_cache), is not compared. Times
//! that pass are no change, nor are evictions. An answer that was built from more than 64 keys is always stored marked:
//! give one load less to read, or read such parts by the client.
//!
//! Once the answer is stored, it does not follow its inputs any more: it is fresh as long as its own options say.
//! Give queries that change together a tag, and invalidate that.
//!
//! An observed answer that was out of date is loaded again at once. If it is out of date again, the next load begins after
//! a random wait, of up to 8 times as long as a load takes, until one is not. So an observer of what is built from something
//! that changes all the time follows at a distance, two observed queries that are built from each other come to rest, and
//! all is quiet when the inputs are.
//!
//! # Mutations
//! A [`Mutate`](crate::Mutate) is a struct that changes something outside. [`run`](crate::Mutate::run) does it;
//! [`apply`](crate::Mutate::apply) says what its answer writes to the cache, and what is to be loaded again because
//! of it. Both are one commit: nobody sees the one without the other.
//!
//! - It runs once, as a task of its own. Who asked may leave; what has begun goes on. It is tried again only if it
//!   has [`RETRIES`](crate::Mutate::RETRIES) and the error may pass.
//! - If it fails nothing is changed in the cache.
//! - In a request, [`Context::mutate`](crate::Context::mutate) has the tree forget what was written or marked, so
//!   that it is told the new state. A request that is kept from the cache, or has answers of its own, writes nothing
//!   there, but marks what it would have written.
//! - [`Changes`](crate::Changes) has what a transaction has: `set`, `merge`, `update`, `remove`; and the five marks
//!   of above. What is written and marked in the same commit is not marked, unless by `invalidate`, which names the
//!   key.
//!
//! Write what the server has told you, and mark what you cannot know: [`Mutate`](crate::Mutate) has an example.
//!
//! # Several changes at once
//! [`Client::change`](crate::Client::change) commits any number of writes and marks without a mutation, and
//! [`Context::change`](crate::Context::change) has the request forget what it changes. It takes the same
//! [`Changes`](crate::Changes) as a mutation. Use it where several `invalidate` calls one after another would show readers
//! a state in between, or where what is written and what is marked belong together.
//!
//! # Transactions of the cache
//! A transaction of the [`cache`](crate::Client::cache) itself makes several writes visible together too, without a `.await`.
//! It retires loads, and observers see it, as any commit. It conflicts with another commit that has changed what it read;
//! [`transact`](cache_core::Cache::transact) runs it again then. `before_commit` hooks are asked of transactions,
//! mutations, confirmations and pushed values, and not of what is loaded.
//!
//! ```
//! # use cache_client::{App, Client, Context, Fetch, TokioClock};
//! # use cache_core::{Cache, CommitError, Query, registry};
//! # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! # #[query(value = u64, capacity = 1_000, fresh = "30s")]
//! # pub struct GetBalance { pub account: u32 }
//! # registry! { pub struct CacheRegistry { crate::GetBalance } }
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
//! [`Client::ingest`](crate::Client::ingest) takes in what others push, by a socket or a queue. A
//! [`Source`](crate::Source) says how it is opened, and what each value changes; each value is one commit, in their
//! order. When the source breaks off it is opened again, after a while that grows with each failure. What may have
//! been missed in between is to be marked by [`reopened`](crate::Source::reopened). It ends when the
//! [`Ingestion`](crate::Ingestion) is dropped; that also tells [how it is](crate::Ingestion::changed) with the
//! source.
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
//! # registry! { pub struct CacheRegistry { crate::GetPrice } }
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
//! /// Prices, from a channel that a socket would feed.
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
//!         // There is one channel; a socket would be connected each time.
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
