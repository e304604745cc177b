//! An async query client over a typed query cache. It loads what is missing; concurrent requests for a key share one
//! load.
//!
//! The store answers from what it holds; this crate loads the rest. A query's [`Fetch`] implementation says how it is
//! loaded, and its options say when: see [`Strategy`].
//!
//! ```standalone_crate
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
//! The [`guide`] explains one subject per page, with examples. This is the list of the main types:
//!
//! - [`App`] is the program's own state; [`Fetch`] loads a key of a query with it; [`FetchMany`] loads several keys at
//!   once.
//! - [`Client`] answers queries, prefetches and invalidates; [`ClientBuilder`] sets options for all queries, or for
//!   one.
//! - [`Context`] is one request: a tree of contexts with a memo. It can be cancelled, given a deadline, or told to
//!   bypass the cache.
//! - [`Observer`] shows the current state of a query and each change to it, as a stream of [`State`]s.
//! - [`Mutate`] changes something outside the program, and the cache with it ([`Changes`]). A [`Layer`] shows changes
//!   before they are confirmed.
//! - [`Source`] pushes values into the cache; see [`Client::ingest`].
//! - [`telemetry`] lists the spans, events and metrics that the client reports.
//! - [`Paged`] and [`Infinite`] show answers that come in pages, by number or by cursor. Each page is a query. Both can
//!   be observed.
//! - [`Provider`] is a second tier below the cache, for queries derived with `persist`. The feature `test-util` adds
//!   two for tests: `MemoryProvider` and `TrackingProvider`.
//! - [`shared`] is a tier that several machines share, with what the others change.
//! - [`QueryError`] says why there is no answer. Callers that waited for the same load share its error.
//!
//! # When a load fails
//! 1. The load is retried if its error is [retryable](Fetch::is_retryable), as often as the option `retry` says.
//! 2. A stale answer takes its place, if the option `stale_if_error` or the strategy allows it.
//! 3. The [fallback](Fetch::fallback) of the query takes its place, if there is one.
//! 4. Otherwise all callers that waited for the load get the error.
//!
//! If too many loads fail, a circuit breaker makes the next ones fail at once ([`BreakerOptions`], option `breaker`).
//!
//! # Guarantees
//! - There is at most one current load per key. It is a task of its own, which its callers may leave. After the last
//!   caller has left it continues for a while (option `linger`), so that a caller that comes back finds its answer.
//! - A loaded value never replaces something newer. A write, a removal or an invalidation before the value is stored
//!   keeps it out.
//! - An interrupted or panicked load is never stored, and no caller waits for it forever.
//! - No lock is held while your code runs, except `Eq`, `Hash`, `Clone` and `Drop` of keys.
//!
//! # Costs
//! - A hit is one read of the store and one of its clock. It allocates nothing.
//! - A miss is a task and a few allocations.
//! - With a [`Provider`], a miss of a query derived with `persist` adds one call before the load, which waits for it,
//!   and one call after the load, which no caller waits for.
//! - An observed key is one task, for any number of observers. A commit to a key that nobody observes costs one lookup
//!   while other keys of its table are observed or loaded, and one relaxed load otherwise.
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
mod extension;
mod fetch;
mod fetching;
mod flight;
pub mod guide;
mod ingest;
mod invalidate;
mod layer;
mod load;
mod mutate;
mod notes;
mod observer;
mod pages;
mod panic;
mod plan;
mod prefetch;
mod presence;
mod provider;
mod query;
mod query_state;
mod runtime;
pub mod shared;
mod sharing;
mod std_error;
mod store_step;
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
pub use flight::outcome::Fetched;
pub use ingest::{Ingestion, IngestionState, Source, SourceError};
pub use invalidate::Invalidation;
pub use layer::{Layer, LayerEdit};
pub use mutate::changes::Changes;
pub use mutate::scope::Scope;
pub use mutate::{Mutate, MutateError, Mutated};
pub use observer::Observer;
pub use observer::state::State;
pub use pages::PageResult;
pub use pages::infinite::Infinite;
pub use pages::infinite_observer::{InfiniteObserver, InfiniteState};
pub use pages::paged::Paged;
pub use pages::paged_observer::{PagedObserver, PagedState};
pub use prefetch::{PrefetchGuard, Prefetched};
pub use provider::Provider;
#[cfg(feature = "test-util")]
pub use provider::memory::MemoryProvider;
#[cfg(feature = "test-util")]
pub use provider::tracking::TrackingProvider;
pub use query::client::CachedValue;
pub use query::set::QuerySet;
pub use std_error::{DisplayError, WithSource};
#[doc(hidden)]
pub use store_step::{AnswerKey, AnswerStore};
