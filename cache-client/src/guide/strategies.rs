//! When to load: strategies, the windows of an answer, and what to do when a load fails.
//!
//! # Which strategy when
//! | strategy | for | reads the cache | loads | stores |
//! |---|---|---|---|---|
//! | `cache-first`, the default | most queries | what is fresh | when that is missing | yes |
//! | `stale-while-revalidate` | what is read often and may be a little old: feeds, profiles, counts | what is fresh, and what has been stale for less than `swr` | behind the answer if that is stale; before it if there is none | yes |
//! | `network-first` | what has to be new, but better old than nothing: prices, balances | whatever there is, when the load fails or takes longer than `timeout` | always; joins a load that runs | yes |
//! | `refresh` | a button "reload" | no | always, anew: joins no load of others | yes |
//! | `network-only` | what is not to be kept | no | always; joins a load that runs | no |
//! | [`cached`](crate::Client::cached), a method | what may be missing | whatever there is | never | - |
//!
//! Within the tree of a [request](crate::guide::contexts) each query is asked once, whatever its strategy.
//!
//! # Three windows
//! The age of an answer counts from the moment at which its load *began*.
//!
//! ```text
//! load begins        stale
//! |--- fresh --------|
//!                    |--- swr ------------|               served, and loaded again behind the answer
//!                    |--- stale_if_error ------------|    served if the load fails
//! |--- ttl -----------------------------------------------| then the cache lets go of it
//! ```
//! Both later windows begin where the answer becomes stale; they do not follow each other. `ttl` ends all of them, so
//! make it longer. Where there is no `fresh`, an answer is fresh for its whole `ttl`, and there is nothing stale to
//! serve.
//!
//! ```
//! use std::sync::atomic::{AtomicU32, Ordering};
//! use std::time::Duration;
//!
//! use cache_client::{App, Client, Context, Fetch, Strategy, TokioClock};
//! use cache_core::{Cache, Query, registry};
//!
//! /// The value is the number of the load. An answer that is younger than 10 s is fresh; for a minute more it is served
//! /// while it is loaded again, and for an hour more if the load fails.
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(
//!     value = u32, capacity = 1_000,
//!     strategy = "stale-while-revalidate", fresh = "10s", swr = "1m", stale_if_error = "1h",
//! )]
//! pub struct GetPrice { pub share: u32 }
//!
//! registry! {
//!     pub struct CacheRegistry { crate::GetPrice }
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
//! // Stale, and within `swr`: the old one, and a load behind it.
//! assert_eq!(*client.query(&price).await?, 1);
//! tokio::time::sleep(seconds(1)).await;
//! assert_eq!(*client.query(&price).await?, 2);
//!
//! tokio::time::sleep(seconds(600)).await;
//! // Beyond `swr`, so this call waits for a load, which fails; it is within `stale_if_error`.
//! assert_eq!(*client.query(&price).await?, 2);
//! assert!(client.refresh_error(&price).is_some());
//!
//! // One call may have options of its own.
//! let anew = client.query_with(&price, |options| options.strategy(Strategy::Refresh)).await?;
//! assert_eq!(*anew, 4);
//! # Ok(())
//! # }
//! ```
//!
//! # Who decides
//! Each option is taken from the first of these that has it:
//!
//! 1. the call: [`query_with`](crate::Client::query_with), [`observe_with`](crate::Client::observe_with);
//! 2. the client's setting for the query: [`ClientBuilder::query`](crate::ClientBuilder::query);
//! 3. the derive: `#[query(...)]`;
//! 4. the client's default: [`ClientBuilder::defaults`](crate::ClientBuilder::defaults).
//!
//! `fresh` and `ttl` of a table that were changed with the builder of the cache stand in the place of those of the
//! derive. What a call decides is for that call alone. Options are no part of a key: calls with different options
//! share an entry, and mostly a load.
//!
//! # What each option means
//! | option | means | without it |
//! |---|---|---|
//! | `strategy` | see above | `cache-first` |
//! | `fresh` | how long an answer is fresh | `ttl`; without that too, an error |
//! | `ttl` | how long the cache keeps it | as long as there is room |
//! | `swr` | how long a stale answer is served while it is loaded again | an error with `stale-while-revalidate`; not used by others |
//! | `stale_if_error` | how long a stale answer stands in for a load that failed | none does; with `network-first` any does, however old |
//! | `timeout` | how long `network-first` waits before it takes what there is; if there is nothing it waits on | it waits for the load |
//! | `linger` | how long a load goes on after its [last caller has left](crate::guide::contexts#how-long-a-load-outlives-its-callers); zero ends it at once, [`UNTIL_DONE`](crate::LoadingOptions::UNTIL_DONE) never | 5 s; one that only observers waited for ends at once |
//! | `jitter` | the part of `fresh` and of `ttl`, from 0 to 1, by which a loaded answer may be fresh and live shorter, at random: what was stored together is not loaded again together | 0 |
//! | `beta` | loads a fresh answer again shortly before its end, behind a call, at random: the likelier the nearer the end is and the longer loads take; 1 is usual, more is earlier | not before the end |
//! | `absent_ttl` | how long an answer that is `None` is fresh and kept | as any answer |
//! | `error_ttl` | how long the error of a load is the answer of calls that read the cache first | 0: the next call loads |
//! | `retry` | how often a load is tried again whose error may pass | 3 |
//! | `retry_first` | the longest wait before the first retry | 1 s, or `retry_longest` if that is shorter |
//! | `retry_longest` | the longest wait before any retry | 30 s, or `retry_first` if that is longer |
//! | `retry_factor` | by how much the longest wait grows from one retry to the next, at least 1 | 2 |
//! | `breaker` | the circuit breaker before the loads, of its own or by name | none |
//! | `fallback` | what to answer when all else has failed | the error |
//! | `poll` | how long after its last load an answer is loaded again, while it is [observed](crate::guide::observing) | not polled |
//! | `batch` | how many keys one load takes, of [queries that load several](crate::guide::many) | 100 |
//! | `concurrency` | [how many loads](crate::guide::many#how-many-loads-run-at-once) of the query run at once | no limit |
//!
//! All but `fallback` and `concurrency` are options of the derive, of the client and of a call; `concurrency` is none of a
//! call; `fallback` is one of the derive, or a
//! method of [`Fetch`](crate::Fetch::fallback). `absent_ttl` is for queries whose value is an `Option`, and has an
//! effect only where the derive has it too: it is the derive that tells an absent answer from others.
//!
//! A window that is zero, or missing where it is needed, a number out of its range, and a `retry_first` that is longer
//! than `retry_longest` are an [`Options`](crate::QueryError::Options) error of the call, before anything is read or
//! loaded. In the derive they do not compile.
//! [`ClientBuilder::try_build`](crate::ClientBuilder::try_build) finds those of the client when it is built.
//!
//! # When a load fails
//! In this order:
//!
//! 1. **Retries.** If [`is_retryable`](crate::Fetch::is_retryable) says that the error may pass, which by default
//!    none may, the load is tried again, up to `retry` times. The wait before retry number *n* is random, between zero
//!    and `retry_first * retry_factor^(n - 1)`, at most `retry_longest`: by default 1 s, 2 s, 4 s and so on to 30 s. So
//!    loads that failed together do not come back together; the option `jitter` has no part in that. Where
//!    [`retry_after`](crate::Fetch::retry_after) says how long to wait, the wait is that. No retry begins later than 2
//!    minutes after the first load, whatever the options say. The callers wait for all of that.
//! 2. **A stale answer**, within `stale_if_error`, or of any age for `network-first`. A mark by an invalidation does
//!    not keep it from standing in. `refresh` and `network-only` take none. That one stood in is told by
//!    [`refresh_error`](crate::Client::refresh_error).
//! 3. **The fallback**, if there is one. It is never kept: the next call loads again.
//! 4. **The error.** With `error_ttl` it is also the answer of the next calls, until a write, an invalidation or a
//!    load that succeeds. It never hides an answer that is fresh, or within `swr`.
//!
//! A **breaker** opens when loads keep failing: from then on they fail at once with
//! [`CircuitOpen`](crate::QueryError::CircuitOpen), for which an answer may stand in as for any other failure, and
//! after a while one load is let through to see. [`BreakerOptions`](crate::BreakerOptions) say when it opens and for
//! how long.
//!
//! A refresh behind an answer goes through the same, but nobody waits for it: its error is there as `refresh_error`,
//! the old answer stays, and a later use tries again.
//!
//! An interruption is none of these: nothing stands in for it, and it is neither tried again nor remembered.
