//! When to load: strategies, the time windows of an answer, and what happens when a load fails.
//!
//! # Which strategy when
//! | strategy | for | reads the cache | loads | stores |
//! |---|---|---|---|---|
//! | `cache-first`, the default | most queries | what is fresh | when that is missing | yes |
//! | `stale-while-revalidate` | values that are read often and may be slightly old: feeds, profiles, counts | what is fresh, and what has been stale for less than `swr` | in the background if the answer is stale; before it returns if nothing is cached | yes |
//! | `network-first` | values that should be new, where an old one is better than none: prices, balances | whatever there is, when the load fails or takes longer than `timeout` | always; joins a running load | yes |
//! | `refresh` | a "reload" button | no | always; never joins a running load | yes |
//! | `network-only` | values that must not be kept | no | always; joins a running load | no |
//! | `cache-only` | code that must not wait for a load: while offline, in a preview | whatever there is, from the provider too | never | answers from the provider |
//! | [`cached`](crate::Client::cached), a method | values that may be missing | whatever there is | never | - |
//!
//! A `cache-only` call for which neither the cache nor the [provider](crate::Provider) has a value fails with
//! [`NotCached`](crate::QueryError::NotCached). It neither starts a load nor waits for a running one, and it needs no
//! `fresh`. Inside a load it gets fresh values only, like any other call there. An observer with this strategy shows
//! the cached value and each change of it, including those loaded for other observers.
//!
//! ```
//! # use doctest_setup::*;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn Error>> {
//! # let client = blog_client();
//! let cache_only = |options: LoadingOptions| options.strategy(Strategy::CacheOnly);
//! let missing = client.query_with(&GetTitle { id: 1 }, cache_only).await;
//! assert!(matches!(missing, Err(QueryError::NotCached { .. })));
//!
//! client.query(&GetTitle { id: 1 }).await?;
//! client.invalidate(&GetTitle { id: 1 });
//! assert_eq!(*client.query_with(&GetTitle { id: 1 }, cache_only).await?, "One");
//! # Ok(())
//! # }
//! ```
//!
//! Within the tree of a [request](crate::guide::contexts), each query is answered once, whatever its strategy.
//!
//! # Three windows
//! The age of an answer counts from the moment at which its load *began*.
//!
//! ```text
//! load begins        stale
//! |--- fresh --------|
//!                    |--- swr ------------|               served, and loaded again in the background
//!                    |--- stale_if_error ------------|    served if the load fails
//! |--- ttl -----------------------------------------------| then the cache drops it
//! ```
//! Both later windows begin when the answer becomes stale; they overlap. `ttl` ends all of them, so make it longer.
//! Without `fresh`, an answer is fresh for its whole `ttl`, and is never stale.
//!
//! A load can set all four times [for its own answer](crate::guide::loads), such as those that the headers of a response
//! say. The windows that it sets apply with `cache-first` too.
//!
//! ```
//! use std::sync::atomic::{AtomicU32, Ordering};
//! use std::time::Duration;
//!
//! use cache_client::{App, Client, Context, Fetch, Strategy, TokioClock};
//! use cache_core::{Cache, Query, registry};
//!
//! /// The value is the number of the load. An answer is fresh for 10 s. For one more minute it is served while a load
//! /// runs, and for one more hour it is served if the load fails.
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(
//!     value = u32, capacity = 1_000,
//!     strategy = "stale-while-revalidate", fresh = "10s", swr = "1m", stale_if_error = "1h",
//! )]
//! pub struct GetPrice { pub share: u32 }
//!
//! registry! {
//!     pub struct CacheRegistry { GetPrice }
//! }
//!
//! #[derive(Default)]
//! struct Exchange { loads: AtomicU32 }
//!
//! impl App for Exchange {
//!     type Registry = CacheRegistry;
//! }
//!
//! impl Fetch<Exchange> for GetPrice {
//!     type Error = std::io::Error;
//!
//!     async fn fetch(&self, cx: &Context<Exchange>) -> Result<u32, std::io::Error> {
//!         // The third load fails.
//!         match cx.app().loads.fetch_add(1, Ordering::Relaxed) + 1 {
//!             3 => Err(std::io::ErrorKind::ConnectionRefused.into()),
//!             number => Ok(number),
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
//! let client = Client::builder(cache, Exchange::default()).build();
//! let price = GetPrice { share: 7 };
//! let seconds = Duration::from_secs;
//!
//! assert_eq!(*client.query(&price).await?, 1);
//! tokio::time::sleep(seconds(30)).await;
//! // Stale and within `swr`: the old answer is served while a load runs in the background.
//! assert_eq!(*client.query(&price).await?, 1);
//! tokio::time::sleep(seconds(1)).await;
//! assert_eq!(*client.query(&price).await?, 2);
//!
//! tokio::time::sleep(seconds(600)).await;
//! // Beyond `swr`: this call waits for a load. The load fails, and the old answer is within `stale_if_error`.
//! assert_eq!(*client.query(&price).await?, 2);
//! assert!(client.refresh_error(&price).is_some());
//!
//! // A call can have its own options.
//! let anew = client.query_with(&price, |options| options.strategy(Strategy::Refresh)).await?;
//! assert_eq!(*anew, 4);
//! # Ok(())
//! # }
//! ```
//!
//! # Where options come from
//! Each option is taken from the first of these sources that has it:
//!
//! 1. the call: [`query_with`](crate::Client::query_with), [`observe_with`](crate::Client::observe_with);
//! 2. the client's setting for the query: [`ClientBuilder::query`](crate::ClientBuilder::query);
//! 3. the derive: `#[query(...)]`;
//! 4. the client's default for the strategy: [`ClientBuilder::defaults_for`](crate::ClientBuilder::defaults_for);
//! 5. the client's default: [`ClientBuilder::defaults`](crate::ClientBuilder::defaults).
//!
//! `fresh` and `ttl` set for a table by the builder of the cache replace those of the derive. Options of a call apply
//! to that call only. Options are not part of a key: calls with different options share an entry, and usually a load.
//!
//! # What each option means
//! | option | meaning | default |
//! |---|---|---|
//! | `strategy` | see above | `cache-first` |
//! | `fresh` | how long an answer is fresh | `ttl`; without that too, an error |
//! | `ttl` | how long the cache keeps it | as long as there is room |
//! | `swr` | how long a stale answer is served while it is loaded again | none: an error with `stale-while-revalidate`, the others use only a time that the load has set, and of these only `cache-first` |
//! | `stale_if_error` | how long a stale answer may replace the answer of a failed load | never; with `network-first` always |
//! | `timeout` | how long `network-first` waits before it uses the cached value; without one it keeps waiting | it waits for the load |
//! | `linger` | how long a load continues after its [last caller has left](crate::guide::contexts#how-long-a-load-outlives-its-callers); zero ends it at once, [`UNTIL_DONE`](crate::LoadingOptions::UNTIL_DONE) never | 5 s; one that only observers waited for ends at once |
//! | `jitter` | the fraction, from 0 to 1, by which `fresh` and `ttl` of a loaded answer may be shorter, at random, so that values stored together are not loaded again together | 0 |
//! | `beta` | loads a fresh answer again in the background shortly before it becomes stale, at random: the nearer that moment and the longer the loads, the more likely; 1 is usual, a higher value loads earlier | only once it is stale |
//! | `absent_ttl` | how long an answer that is `None` is fresh and kept | as any answer |
//! | `error_ttl` | how long the error of a load is the answer of calls that read the cache first | 0: the next call loads |
//! | `retry` | how often a load with a retryable error is retried | 3 |
//! | `retry_first` | the longest wait before the first retry | 1 s, or `retry_longest` if that is shorter |
//! | `retry_longest` | the longest wait before any retry | 30 s, or `retry_first` if that is longer |
//! | `retry_factor` | by how much the longest wait grows from one retry to the next, at least 1 | 2 |
//! | `breaker` | the circuit breaker of the loads, of its own or by name | none |
//! | `fallback` | the answer when everything else has failed | the error |
//! | `poll` | how long after its last load an answer is loaded again, while it is [observed](crate::guide::observing) | not polled |
//! | `batch` | how many keys one load takes, of [queries that load several](crate::guide::many) | 100 |
//! | `keep_prefetched` | the minimum time for which an answer is kept that no caller has waited for, even by a table that keeps nothing | 5 s |
//! | `concurrency` | [how many loads](crate::guide::many#how-many-loads-run-at-once) of the query run at once | no limit |
//!
//! All options except `fallback` and `concurrency` can be set in the derive, by the client and by a call. `concurrency`
//! cannot be set by a call. `fallback` is an option of the derive, or a method of [`Fetch`](crate::Fetch::fallback).
//! `absent_ttl` is for queries whose value is an `Option`. It has an effect only if the derive has it too, since the
//! derive is what recognizes an absent answer.
//!
//! A time that is zero, or missing where it is needed, a number out of its range, and a `retry_first` longer than
//! `retry_longest` are an [`Options`](crate::QueryError::Options) error of the call, before anything is read or loaded.
//! In the derive they do not compile. [`ClientBuilder::try_build`](crate::ClientBuilder::try_build) reports those of
//! the client when it is built.
//!
//! # When a load fails
//! In this order:
//!
//! 1. **Retries.** If [`is_retryable`](crate::Fetch::is_retryable) returns `true` for the error, the load is retried up
//!    to `retry` times. By default no error is retryable. The wait before retry number *n* is random, between zero and
//!    `retry_first * retry_factor^(n - 1)`, at most `retry_longest`: by default 1 s, 2 s, 4 s and so on to 30 s. So
//!    loads that failed together are not retried together; the option `jitter` has no effect on this. If
//!    [`retry_after`](crate::Fetch::retry_after) returns a time, that is the wait. No retry begins later than 2 minutes
//!    after the first load, whatever the options are. The callers wait for all of this.
//! 2. **A stale answer**, within `stale_if_error`, or of any age for `network-first`. It may even be marked by an
//!    invalidation. `refresh` and `network-only` do not use one. [`refresh_error`](crate::Client::refresh_error)
//!    returns the error that it has replaced.
//! 3. **The fallback**, if there is one. It is never kept: the next call loads again.
//! 4. **The error.** With `error_ttl` it is also the answer of further calls, until a write, an invalidation or a
//!    successful load. It never hides an answer that is fresh, or within `swr`.
//!
//! A **breaker** opens when loads keep failing. Loads then fail at once with
//! [`CircuitOpen`](crate::QueryError::CircuitOpen), which a stale answer or a fallback may replace like any other
//! error. After a while one load is let through as a trial. [`BreakerOptions`](crate::BreakerOptions) say when the
//! breaker opens and for how long.
//!
//! A background refresh does the same, but no caller waits for it: `refresh_error` returns its error, the old answer
//! stays, and a later use tries again.
//!
//! An interruption is different: no answer replaces it, and it is neither retried nor remembered.
