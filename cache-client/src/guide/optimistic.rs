//! Showing a change before the server has answered, and rolling it back without a trace.
//!
//! # Layers
//! A [`Layer`](crate::Layer) is a change on top of committed values. The cache itself does not contain it, nor do its
//! snapshots, a provider, or the loads of other queries. Only callers of the client and observers see it.
//!
//! - [`optimistic`](crate::Client::optimistic) adds a layer: for each key, a pure function of the value without the
//!   layer.
//! - [`confirm`](crate::Layer::confirm) commits the confirmed values and removes the layer, in one step for each
//!   observer.
//! - [`rollback`](crate::Layer::rollback), or dropping it, removes the layer. The other layers stay, on the committed
//!   values: no rollback undoes another change.
//!
//! Since a layer is a function and not a copy, it is applied again after each commit beneath it: a list that is
//! reloaded meanwhile still shows the new item.
//!
//! A mutation does all of this on its own, unless its request bypasses the cache or has answers of its own: the changes
//! of [`Mutate::optimistic`](crate::Mutate::optimistic) are shown until the answer is committed or the mutation has
//! failed.
//!
//! # Answers out of order
//! Two mutations of one key may overlap, and the one that began first may be answered last. Its answer is then older
//! than the current value. The client detects this: it commits the answer, and marks the key, so that it is loaded from
//! the server once, after the last mutation that may write it. The older answer is visible until that load has ended.
//! If that is not acceptable, or if the later mutation builds on the earlier, give both the same
//! [`Scope`](crate::Scope): the second is sent when the first has been answered, and the layers of both are shown at
//! once.
//!
//! Layers that are confirmed in another order than they were made are treated in the same way. So are pushed values,
//! changes and invalidations while a mutation runs: they count as mutations that begin when they are made.
//!
//! # Avoiding flicker
//! The confirming commit removes the layer. A key that the commit does not *write* is shown from then on as it was
//! committed before. So an [`apply`](crate::Mutate::apply) that only invalidates shows the old value again until it is
//! reloaded: new, old, new.
//!
//! Write one of these instead:
//!
//! - the answer of the server, if it is the value, or a part of it that is put into the value by
//!   [`update`](crate::Changes::update);
//! - otherwise the value that you expect, and mark it: `update`, then [`invalidate`](crate::Changes::invalidate). The
//!   key shows the expected value, marked as stale, and is loaded.
//!
//! An `update` of a key whose first load is still running finds nothing to change. That load may have reached the
//! server before the mutation, so its answer goes to its callers and is not stored: the next read loads, and an
//! observer loads at once. Otherwise the change would be hidden for as long as the load is fresh.
//!
//! `invalidate` marks the key that it names even if the commit writes it. The wider invalidations, such as
//! [`invalidate_tag`](crate::Changes::invalidate_tag), skip keys that the same commit writes. So use them together, for
//! everything that you have not written.
//!
//! # Items without an id
//! A new item has no id before the server assigns one. Give it an id that the server never assigns, such as a variant
//! of its own in an enum, and do not query it: it is a part of the list, not a key.
//!
//! A layer may be applied to a list that already has the item, if a reload or a pushed value is faster than the answer.
//! If the client can identify the item, by a token that it sends along and the server returns, let the function look
//! for it, and leave the list unchanged if it is there.
//!
//! ```
//! use std::sync::Mutex;
//! use std::time::Duration;
//!
//! use cache_client::{App, Changes, Client, Context, Fetch, LayerEdit, Mutate, State, TokioClock};
//! use cache_core::{Cache, Query, registry};
//!
//! #[derive(Clone, Debug, PartialEq)]
//! pub enum Id { Known(u64), New }
//!
//! #[derive(Clone, Debug, PartialEq)]
//! pub struct Comment { pub id: Id, pub token: u64, pub text: String }
//!
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = Vec<Comment>, capacity = 1_000, fresh = "30s")]
//! pub struct GetComments { pub post: u64 }
//!
//! /// The number of comments, for any place that shows it.
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = usize, capacity = 1_000, fresh = "30s")]
//! pub struct CountComments { pub post: u64 }
//!
//! registry! {
//!     pub struct CacheRegistry { GetComments, CountComments }
//! }
//!
//! /// The server. Each call takes one second.
//! #[derive(Default)]
//! struct Blog { comments: Mutex<Vec<Comment>> }
//!
//! impl App for Blog {
//!     type Registry = CacheRegistry;
//! }
//!
//! # impl Blog {
//! #     async fn post(&self, token: u64, text: &str) -> Result<Comment, std::io::Error> {
//! #         tokio::time::sleep(Duration::from_secs(1)).await;
//! #         if text.is_empty() { return Err(std::io::ErrorKind::InvalidInput.into()); }
//! #         let mut comments = self.comments.lock().unwrap();
//! #         let id = Id::Known(comments.len() as u64 + 1);
//! #         let comment = Comment { id, token, text: text.to_owned() };
//! #         comments.push(comment.clone());
//! #         Ok(comment)
//! #     }
//! # }
//! # impl Fetch<Blog> for GetComments {
//! #     type Error = std::io::Error;
//! #     async fn fetch(&self, cx: &Context<Blog>) -> Result<Vec<Comment>, std::io::Error> {
//! #         tokio::time::sleep(Duration::from_secs(1)).await;
//! #         Ok(cx.app().comments.lock().unwrap().clone())
//! #     }
//! # }
//! # impl Fetch<Blog> for CountComments {
//! #     type Error = std::io::Error;
//! #     async fn fetch(&self, cx: &Context<Blog>) -> Result<usize, std::io::Error> {
//! #         tokio::time::sleep(Duration::from_secs(1)).await;
//! #         Ok(cx.app().comments.lock().unwrap().len())
//! #     }
//! # }
//! /// Returns the list with the comment, which is added if it is missing.
//! fn with(comments: &[Comment], comment: &Comment) -> Vec<Comment> {
//!     let is_there = comments.iter().any(|other| other.token == comment.token);
//!     let added = if is_there { None } else { Some(comment.clone()) };
//!     comments.iter().cloned().chain(added).collect()
//! }
//!
//! #[derive(Clone)]
//! struct Post { post: u64, token: u64, text: String }
//!
//! impl Mutate<Blog> for Post {
//!     type Output = Comment;
//!     type Error = std::io::Error;
//!
//!     async fn run(&self, cx: &Context<Blog>) -> Result<Comment, std::io::Error> {
//!         cx.app().post(self.token, &self.text).await
//!     }
//!
//!     fn apply(&self, comment: &Comment, changes: &mut Changes<Blog>) {
//!         // Known from the answer of the server.
//!         changes.update(&GetComments { post: self.post }, |comments| with(comments, comment));
//!         // Expected, but loaded again, since others may have commented too.
//!         let count = CountComments { post: self.post };
//!         changes.update(&count, |count| **count + 1);
//!         changes.invalidate(&count);
//!     }
//!
//!     fn optimistic(&self, layer: &mut LayerEdit<Blog>) {
//!         let comment = Comment { id: Id::New, token: self.token, text: self.text.clone() };
//!         layer.update(&GetComments { post: self.post }, move |comments| Some(with(comments?, &comment)));
//!         layer.update(&CountComments { post: self.post }, |count| Some(count? + 1));
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
//! let client = Client::builder(cache, Blog::default()).build();
//! let (list, count) = (GetComments { post: 7 }, CountComments { post: 7 });
//! assert_eq!((client.query(&list).await?.len(), *client.query(&count).await?), (0, 0));
//!
//! // Collects the shown states of the count, from now on.
//! let mut observer = client.observe(&count);
//! let counts = tokio::spawn(async move {
//!     let mut counts = Vec::new();
//!     while let Some(State::Ready { value, is_optimistic, is_stale, is_refreshing, .. }) = observer.next().await {
//!         counts.push((*value, is_optimistic));
//!         if *value == 1 && !is_optimistic && !is_stale && !is_refreshing {
//!             break;
//!         }
//!     }
//!     counts
//! });
//! tokio::task::yield_now().await;
//!
//! let post = Post { post: 7, token: 1, text: "Indeed.".to_owned() };
//! let posting = tokio::spawn({
//!     let client = client.clone();
//!     async move { client.mutate(&post).await }
//! });
//! tokio::task::yield_now().await;
//! assert_eq!(client.query(&list).await?[0].id, Id::New);
//! posting.await??;
//! assert_eq!(client.query(&list).await?[0].id, Id::Known(1));
//!
//! // First 0, then the optimistic 1, then the committed 1, which is loaded again. 0 is never shown again.
//! let counts = counts.await?;
//! assert_eq!(counts[..2], [(0, false), (1, true)]);
//! assert!(counts[2..].iter().all(|shown| *shown == (1, false)));
//!
//! // A failed mutation leaves nothing behind.
//! assert!(client.mutate(&Post { post: 7, token: 2, text: String::new() }).await.is_err());
//! assert_eq!((client.query(&list).await?.len(), client.pending()), (1, 0));
//!
//! // A layer without a mutation. Its confirmation only marks the key, so the old value is shown again.
//! let layer = client.optimistic(|layer| layer.update(&count, |count| Some(count? + 1)));
//! let observer = client.observe(&count);
//! tokio::task::yield_now().await;
//! assert_eq!(observer.state().value().map(|count| **count), Some(2));
//! layer.confirm(|changes| changes.invalidate(&count)).await?;
//! tokio::task::yield_now().await;
//! assert_eq!(observer.state().value().map(|count| **count), Some(1));
//! # Ok(())
//! # }
//! ```
//!
//! # Visibility of layers
//! - Calls of the client and of requests, [`cached`](crate::Client::cached), and observers see layers. The state of an
//!   observer then has the flag `is_optimistic`. For calls that read the cache first, a layer can create an answer for a
//!   key without a value.
//! - Loads do not see layers, and neither does a request with a disabled cache or with overrides.
//! - A request that has seen a layer keeps that answer.
//!
//! [`pending`](crate::Client::pending) counts the layers, including those of running mutations, for a label such as
//! "not saved yet". [`rollback_all`](crate::Client::rollback_all) removes all of them, as at a logout. Running
//! mutations continue.
//!
//! # Costs
//! Without layers, a read costs one check for them. The result of a key's functions is kept until its value or its
//! layers change: they are not called on each read.
