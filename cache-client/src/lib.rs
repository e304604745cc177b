//! An async query client over the typed query cache: it loads what is missing, once for all who ask at the same time.
//!
//! The store answers what it holds; this crate knows how to get the rest. A query says by [`Fetch`] how it is loaded, and
//! by its options when: see [`Strategy`].
//!
//! ```
//! use cache_client::{App, Client, Context, Fetch, TokioClock};
//! use cache_core::{Cache, Query, registry};
//!
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = String, capacity = 1_000, fresh = "30s")]
//! pub struct GetTitle { pub id: u64 }
//!
//! registry! {
//!     pub struct CacheRegistry { crate::GetTitle }
//! }
//!
//! struct Blog { name: &'static str }
//!
//! impl App for Blog {
//!     type Registry = CacheRegistry;
//! }
//!
//! impl Fetch<Blog> for GetTitle {
//!     type Error = std::io::Error;
//!
//!     async fn fetch(&self, cx: &Context<Blog>) -> Result<String, std::io::Error> {
//!         Ok(format!("{}, post {}", cx.app().name, self.id))
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
//! let client = Client::builder(cache, Blog { name: "Notes" }).build();
//! let title = client.query(&GetTitle { id: 7 }).await?;
//! assert_eq!(*title, "Notes, post 7");
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! # A tour
//! The [`guide`] tells in pages what all this is for, with examples; here are the names.
//!
//! - [`App`] is the program's own state; [`Fetch`] loads one query with it, and [`FetchMany`] several keys of one at once.
//! - [`Client`] answers queries, prefetches and invalidates; [`ClientBuilder`] sets options for all queries, or for one.
//! - [`Context`] is one request: a tree with a memo, which can be cancelled, given a deadline, or kept from the cache.
//! - [`Observer`] shows a query as it is now and whenever that changes, as a stream of [`State`]s.
//! - [`Mutate`] changes something outside, and the cache with it ([`Changes`]); a [`Layer`] shows changes before they are
//!   true.
//! - [`Source`] pushes values into the cache; see [`Client::ingest`].
//! - [`telemetry`] lists the spans, events and metrics that tell what the client does.
//! - [`Paged`] and [`Infinite`] show what comes in pages, by number or by cursor; each page is a query.
//! - [`Provider`] is a second tier below the cache, for queries derived with `persist`. The feature `test-util` adds two for
//!   tests: `MemoryProvider` and `TrackingProvider`.
//! - [`QueryError`] says why there is no answer; those who waited together share the error of their load.
//!
//! # When a load fails
//! 1. It is tried again, if its error [may pass](Fetch::is_retryable), as often as the option `retry` says.
//! 2. A stale answer stands in, if the option `stale_if_error` or the strategy allows it.
//! 3. The [fallback](Fetch::fallback) of the query stands in, if there is one.
//! 4. Else the error is the answer, to all who waited for the load.
//!
//! Where too many loads fail, a circuit breaker ([`BreakerOptions`], option `breaker`) has the next ones fail at once.
//!
//! # Guarantees
//! - At most one current load per key. It is a task of its own: its callers may leave. It goes on for a while after the
//!   last one (option `linger`), so that callers that are hastier than the load find its answer at their next try.
//! - What is loaded never takes the place of something newer: a write, a removal or an invalidation that comes at any
//!   time before the result is stored keeps it out.
//! - A load that was interrupted or panicked is never stored, and nobody waits for it for ever.
//! - No lock is held over code of yours, but `Eq`, `Hash`, `Clone` and `Drop` of keys.
//!
//! # Costs
//! - A hit: one read of the store, one of its clock. It allocates nothing.
//! - A miss: a task, and a handful of allocations.
//! - With a [`Provider`], a miss of a query derived with `persist`: one call of it before the load, which waits for that,
//!   and one after it, for which nobody waits.
//! - An observed key: a task, however many observe it. A commit to a key that nobody observes costs one look for who
//!   watches it while its table has any that are observed or loaded, and one relaxed load otherwise.
#![forbid(unsafe_code)]

mod any_query;
mod app;
mod batch;
mod breaker;
mod client;
mod clock;
mod concurrency;
mod context;
mod erased;
mod error;
mod fetch;
mod flight;
pub mod guide;
mod ingest;
mod invalidate;
mod layer;
mod load;
mod mutate;
mod observer;
mod pages;
mod panic;
mod plan;
mod prefetch;
mod provider;
mod query;
mod query_state;
mod runtime;
mod std_error;
mod sync;
pub mod telemetry;
mod token;

pub use app::App;
pub use batch::FetchMany;
pub use breaker::options::{BreakerOptions, BreakerState};
pub use cache_core::{LoadingOptions, Strategy};
pub use client::Client;
pub use client::builder::ClientBuilder;
pub use clock::TokioClock;
pub use context::Context;
pub use error::{AlreadyAnswered, ClientBuildError, OptionsError, QueryError};
pub use fetch::{Answer, Fetch};
pub use ingest::{Ingestion, IngestionState, Source, SourceError};
pub use invalidate::Invalidation;
pub use layer::{Layer, LayerEdit};
pub use mutate::changes::Changes;
pub use mutate::scope::Scope;
pub use mutate::{Mutate, MutateError};
pub use observer::Observer;
pub use observer::state::State;
pub use pages::PageResult;
pub use pages::infinite::Infinite;
pub use pages::paged::Paged;
pub use prefetch::{PrefetchGuard, Prefetched};
pub use provider::Provider;
#[cfg(feature = "test-util")]
pub use provider::memory::MemoryProvider;
#[cfg(feature = "test-util")]
pub use provider::tracking::TrackingProvider;
pub use std_error::{DisplayError, WithSource};
