//! Following a query: observers, their states, and the loops that show them.
//!
//! # An observer
//! [`Client::observe`](crate::Client::observe) returns an [`Observer`](crate::Observer): an endless stream of
//! [`State`](crate::State)s that starts with the current one. Read it with `next`, or as a `Stream`.
//!
//! | state | show |
//! |---|---|
//! | `Pending` | a placeholder (or set one once with [`with_placeholder`](crate::Observer::with_placeholder)); nothing, if the observer has no query |
//! | `Ready { value, .. }` | the value; with `is_refreshing` perhaps a spinner; `is_stale` says that it may be old, `is_optimistic` that it is not confirmed yet, `is_previous` that it belongs to the previous query |
//! | `Failed { error, last, .. }` | the error, and `last`, the value that the cache still has |
//!
//! - An observed key is pinned: it stays in the cache, regardless of the bound and the times of its table.
//! - It is loaded when the observer is created, according to the strategy, and again when it is invalidated, removed or
//!   cleared. A value that becomes stale is shown as stale; only `poll` loads it again.
//! - A slow reader gets the newest state, and skips the ones in between. A state that equals the last one is not
//!   reported.
//! - All observers of a key share its loads and one task. When the last one is dropped, the task ends, and so does a
//!   load that no caller waits for, unless the option `linger` is set.
//!
//! # A loop
//! The same loop works for a window, a terminal, or a connection for server-sent events: wait for a state, show it.
//! When the other end goes away, drop the observer. When the query changes, as with each letter typed into a search
//! box, [`set_query`](crate::Observer::set_query) switches to the new one, and shows the previous value, marked as
//! such, until there is a new value.
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
//!     pub struct CacheRegistry { Search }
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
//!     /// Takes one second.
//!     async fn fetch(&self, _: &Context<Library>) -> Result<Vec<String>, std::io::Error> {
//!         tokio::time::sleep(Duration::from_secs(1)).await;
//!         Ok(vec![format!("All about {}", self.text)])
//!     }
//! }
//!
//! /// Formats a state as one line.
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
//! /// Shows the results for the typed text, until the input or the screen is closed.
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
//! // A poll starts ten seconds after the last load.
//! assert_eq!(seen.recv().await.as_deref(), Some("All about bees ..."));
//! assert_eq!(seen.recv().await.as_deref(), Some("All about bees"));
//!
//! // An inactive client does not poll. The key loads at once when the client is active again.
//! client.set_active(false);
//! assert!(tokio::time::timeout(Duration::from_secs(60), seen.recv()).await.is_err());
//! client.set_active(true);
//! assert_eq!(seen.recv().await.as_deref(), Some("All about bees ..."));
//! # Ok(())
//! # }
//! ```
//! `next` may be dropped without missing a state, so it works in a `select!` as here.
//!
//! # Polling
//! With the option `poll`, an observed key is loaded again when that much time has passed since its last load ended or
//! a new value was written. If a key has several observers, the shortest period applies. Keys that nobody observes are
//! not polled, and none is polled while the client is [inactive](crate::Client::set_active) or
//! [offline](crate::guide::runtimes#offline). A poll always loads, and
//! joins a running load. Polled queries that are [built from each
//! other](crate::guide::invalidation#answers-that-are-built-from-others) may load each other again a few times after a
//! poll, after longer and longer waits.
//!
//! [`Fetch::next_poll`](crate::Fetch::next_poll) decides from the current value how long to wait, or stops polling: use
//! it for a job whose progress is shown until it is done.
//!
//! # Options of one observer
//! [`observe_with`](crate::Client::observe_with) sets options for one observer, as `query_with` does for a call. They
//! still apply when it switches to another query. If a key has several observers, each decides by its own options what
//! is stale, and loads use the strictest options of all: the shortest `poll`, the most retries. Loaded values are
//! stored with the times of the query. The options of a dropped observer no longer apply. An observer with invalid
//! options shows `Failed`.
//!
//! # Fewer states
//! A query derived with `eq` compares values: a refresh that finds an equal one keeps the old `Arc`, and does not count
//! as a new value. To follow one part of a large value, compare that part, or the `Arc`s by `Arc::ptr_eq`, before
//! rendering.
