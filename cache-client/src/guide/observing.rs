//! Following a query as it changes: observers, their states, and the loops that show them.
//!
//! # An observer
//! [`Client::observe`](crate::Client::observe) gives an [`Observer`](crate::Observer): a stream of
//! [`State`](crate::State)s, the present one first, without an end. Read it by `next`, or as a `Stream`.
//!
//! | state | show |
//! |---|---|
//! | `Pending` | that it is coming; or nothing, if the observer has no query |
//! | `Ready { value, .. }` | the value; with `is_refreshing` perhaps that it is being loaded, with `is_stale` that it may be old, with `is_optimistic` that it is not true yet, with `is_previous` that it belongs to the query before |
//! | `Failed { error, last, .. }` | why, and `last`, which is what the cache has nevertheless |
//!
//! - While a key is observed it is pinned, so it stays whatever the bound and the times of its table are.
//! - It is loaded when its observer comes, as the strategy says, and again when it is invalidated, removed or
//!   cleared. A value that becomes stale is shown as stale, and not loaded for that alone: that is what `poll` is
//!   for.
//! - Who reads slowly gets the newest state, and misses those between. A state that is equal to the last one is none.
//! - All observers of a key share its loads and one task. With the last one that ends, and so does a load that nobody
//!   else waits for, unless the option `linger` is given.
//!
//! # A loop
//! The same loop serves a window, a terminal, or a connection for server-sent events: wait for a state, show it.
//! Where the other end goes away, drop the observer. Where what is shown changes its subject, as a search box does
//! with each letter, [`set_query`](crate::Observer::set_query) goes over to another query, and shows the value of the
//! one before, marked, until the new one is there.
//!
//! ```
//! use std::time::Duration;
//!
//! use cache_client::{App, Client, Context, Fetch, Observer, State, TokioClock};
//! use cache_core::{Cache, Query, registry};
//! use tokio::sync::mpsc;
//!
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = Vec<String>, capacity = 1_000, fresh = "1h", poll = "10s")]
//! pub struct Search { pub text: String }
//!
//! registry! {
//!     pub struct CacheRegistry { crate::Search }
//! }
//!
//! struct Library;
//!
//! impl App for Library {
//!     type Registry = CacheRegistry;
//! }
//!
//! impl Fetch<Library> for Search {
//!     type Error = std::io::Error;
//!
//!     /// Takes a second.
//!     async fn fetch(&self, _: &Context<Library>) -> Result<Vec<String>, std::io::Error> {
//!         tokio::time::sleep(Duration::from_secs(1)).await;
//!         Ok(vec![format!("All about {}", self.text)])
//!     }
//! }
//!
//! /// A line that says what is to be seen.
//! fn line(state: &State<Vec<String>, std::io::Error>) -> String {
//!     match state {
//!         State::Pending => "...".to_owned(),
//!         State::Ready { value, is_previous: true, .. } => format!("({})", value.join(", ")),
//!         State::Ready { value, is_refreshing: true, .. } => format!("{} ...", value.join(", ")),
//!         State::Ready { value, .. } => value.join(", "),
//!         State::Failed { error, .. } => error.to_string(),
//!         _ => String::new(),
//!     }
//! }
//!
//! /// Shows what is found of whatever is typed, until nobody types or looks any more.
//! async fn show(
//!     mut observer: Observer<Library, Search>,
//!     mut typed: mpsc::Receiver<String>,
//!     screen: mpsc::Sender<String>,
//! ) {
//!     loop {
//!         tokio::select! {
//!             text = typed.recv() => match text {
//!                 Some(text) if text.is_empty() => observer.set_query(None),
//!                 Some(text) => observer.set_query(Some(&Search { text })),
//!                 None => return,
//!             },
//!             Some(state) = observer.next() => {
//!                 if screen.send(line(&state)).await.is_err() {
//!                     return;
//!                 }
//!             }
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
//! let client = Client::builder(cache, Library).build();
//! let (keyboard, typed) = mpsc::channel(1);
//! let (screen, mut seen) = mpsc::channel(1);
//! tokio::spawn(show(client.observer(), typed, screen));
//!
//! // Without a query nothing is loaded.
//! assert_eq!(seen.recv().await.as_deref(), Some("..."));
//! keyboard.send("ants".to_owned()).await?;
//! assert_eq!(seen.recv().await.as_deref(), Some("..."));
//! assert_eq!(seen.recv().await.as_deref(), Some("All about ants"));
//! keyboard.send("bees".to_owned()).await?;
//! assert_eq!(seen.recv().await.as_deref(), Some("(All about ants)"));
//! assert_eq!(seen.recv().await.as_deref(), Some("All about bees"));
//!
//! // Ten seconds after the last load it is polled.
//! assert_eq!(seen.recv().await.as_deref(), Some("All about bees ..."));
//! assert_eq!(seen.recv().await.as_deref(), Some("All about bees"));
//!
//! // Nobody looks: nothing is polled. When somebody does again, it is loaded at once.
//! client.set_active(false);
//! assert!(tokio::time::timeout(Duration::from_secs(60), seen.recv()).await.is_err());
//! client.set_active(true);
//! assert_eq!(seen.recv().await.as_deref(), Some("All about bees ..."));
//! # Ok(())
//! # }
//! ```
//! `next` may be dropped without missing anything, so it can stand in a `select!` as here.
//!
//! # Polling
//! With the option `poll` an observed key is loaded again when so much time has passed since its last load ended, or
//! a new value was written. Of several observers the shortest period counts. Nothing is polled that nobody observes,
//! or while the client is [inactive](crate::Client::set_active). A poll loads whatever there is, and joins a load
//! that runs. Polled queries that are [built from each other](crate::guide::invalidation#answers-that-are-built-from-others)
//! may have each other loaded again a few times after a poll, with growing waits.
//!
//! # Options of one observer
//! [`observe_with`](crate::Client::observe_with) has options for one observer, as `query_with` has for a call; they
//! stay when it goes over to another query. Where several observe a key, each shows as stale what is stale by its own
//! options, and the load goes by the strictest of them: the shortest `poll`, the most retries. What is loaded is stored
//! with the times of the query. An observer that leaves takes its options along.
//! An observer whose options cannot work shows `Failed`.
//!
//! # Fewer states
//! A query that is derived with `eq` compares values: a refresh that finds an equal one keeps the old `Arc`, and is
//! no new value. Who wants one part of a large value compares that part, or the `Arc`s by `Arc::ptr_eq`, before
//! drawing.
