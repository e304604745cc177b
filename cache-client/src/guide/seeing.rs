//! What the client reports: spans, events and metrics.
//!
//! [`telemetry`](crate::telemetry) lists all of them. In short:
//!
//! - Each load is a span of [`tracing`](https://docs.rs/tracing), with the name of the query, its strategy, and how it
//!   ended. Events of your `fetch` are inside this span.
//! - Each hit, stale hit, miss, refresh, retry and so on is an event, reported once, however deep in a request the call
//!   is. The target is `cache_client`, for the filter of a subscriber. Most events are at level `debug`, hits at
//!   `trace`, and those that need attention at `warn`.
//! - Only `failed` contains the key of its load, hidden if the query is derived with `secret`. The other spans and
//!   events contain keys if the client is built with [`trace_keys`](crate::ClientBuilder::trace_keys).
//! - With the cargo feature `metrics` there are counters, a histogram of load times, and a gauge of running loads, by
//!   the `metrics` crate.
//! - Without a subscriber an event costs next to nothing.
//!
//! Some facts can be read at any time: [`refresh_error`](crate::Client::refresh_error),
//! [`breaker_state`](crate::Client::breaker_state), [`provider_errors`](crate::Client::provider_errors),
//! [`pending`](crate::Client::pending). [`inspect`](crate::Client::inspect) reports on everything at once: the contents
//! of the cache, loads with their callers, observed keys, layers, breakers and the provider, as text for a terminal or
//! for a tool. [`activity`](crate::Client::activity) is the part that is cheap enough to be read all the time. The crate
//! `cache-web` shows both as a page that follows changes.
//!
//! ```
//! # use cache_client::{App, Client, Context, Fetch, TokioClock};
//! # use cache_core::{Cache, Query, registry};
//! # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! # #[query(value = String, capacity = 1_000, fresh = "30s")]
//! # pub struct GetTitle { pub id: u64 }
//! # registry! { pub struct CacheRegistry { GetTitle } }
//! # struct Blog;
//! # impl App for Blog { type Registry = CacheRegistry; }
//! # impl Fetch<Blog> for GetTitle {
//! #     type Error = std::io::Error;
//! #     async fn fetch(&self, _: &Context<Blog>) -> Result<String, std::io::Error> { Ok("Notes".to_owned()) }
//! # }
//! use std::sync::{Arc, Mutex};
//!
//! use tracing::{Event, Subscriber};
//! use tracing_subscriber::layer::{Context as LayerContext, Layer, SubscriberExt};
//!
//! /// Collects the names of the client's events. A real program prints them, with `tracing_subscriber::fmt`.
//! struct Names(Arc<Mutex<Vec<&'static str>>>);
//!
//! impl<S: Subscriber> Layer<S> for Names {
//!     fn on_event(&self, event: &Event<'_>, _: LayerContext<'_, S>) {
//!         if event.metadata().target() == cache_client::telemetry::TARGET {
//!             self.0.lock().unwrap().push(event.metadata().name());
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let names = Arc::new(Mutex::new(Vec::new()));
//! let subscriber = tracing_subscriber::registry().with(Names(Arc::clone(&names)));
//! let _guard = tracing::subscriber::set_default(subscriber);
//!
//! let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
//! let client = Client::builder(cache, Blog).build();
//! client.query(&GetTitle { id: 7 }).await?;
//! client.query(&GetTitle { id: 7 }).await?;
//! assert_eq!(*names.lock().unwrap(), ["miss", "store", "hit"]);
//! # Ok(())
//! # }
//! ```
