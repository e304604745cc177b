//! Runtimes, sleep, offline: where loads and observers run, and what happens when a runtime stops, the machine sleeps
//! or the connection is lost.
//!
//! A load is a task, so that it can outlive the call that started it. Each observed key has a task too. These tasks
//! need a tokio runtime with its timer enabled.
//!
//! # Which runtime
//! | task | runs on |
//! |---|---|
//! | a load, an observed key, a prefetch | the runtime of the client |
//! | a mutation, a source of pushed values, the timer of a deadline | the runtime of the caller |
//!
//! The runtime of the client is the first of these that exists:
//!
//! 1. the one that [`ClientBuilder::runtime`](crate::ClientBuilder::runtime) names;
//! 2. the one in which the client was built;
//! 3. for each task, the runtime of the caller that needs it.
//!
//! No caller waits for a prefetch, a background refresh or a removal from the provider, so nobody would notice if their
//! runtime did not run. They run on the runtime of the caller if the runtime of the client has ended, or is another
//! `current_thread` runtime.
//!
//! The code that waits for an answer runs wherever the caller awaits it. In the first two cases, that need not be a
//! tokio runtime: any executor works. If the loads run on a `current_thread` runtime, callers on other runtimes need
//! timers enabled there, to notice when it stops. So does a `network-first` call with a `timeout`. A caller outside
//! tokio waits until that runtime is driven again. A call that has to load something panics if neither the client nor
//! the caller has a runtime.
//!
//! # Programs with one runtime
//! Nothing to do: `#[tokio::main]` starts the runtime in which the client is built.
//!
//! # Programs with several runtimes
//! For a server with one `current_thread` runtime per core, a library with a synchronous interface, or a user interface
//! with an event loop of its own, a multi-threaded runtime that lives as long as the client works best:
//!
//! ```
//! use cache_client::{App, Client, Context, Fetch};
//! use cache_core::{Cache, Query, registry};
//!
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = String, capacity = 1_000, fresh = "30s")]
//! pub struct GetTitle { pub id: u64 }
//!
//! registry! {
//!     pub struct CacheRegistry { GetTitle }
//! }
//!
//! struct Blog;
//!
//! impl App for Blog {
//!     type Registry = CacheRegistry;
//! }
//!
//! impl Fetch<Blog> for GetTitle {
//!     type Error = std::io::Error;
//!
//!     async fn fetch(&self, _: &Context<Blog>) -> Result<String, std::io::Error> {
//!         Ok(format!("Post {}", self.id))
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let loads = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build()?;
//! let client = Client::builder(Cache::<CacheRegistry>::new(), Blog).runtime(loads.handle().clone()).build();
//!
//! let serve = |id: u64| {
//!     let client = client.clone();
//!     std::thread::spawn(move || {
//!         let own = tokio::runtime::Builder::new_current_thread().build()?;
//!         own.block_on(async { Ok::<_, std::io::Error>(client.query(&GetTitle { id }).await) })
//!     })
//! };
//! let threads = [serve(7), serve(7)];
//! for thread in threads {
//!     assert_eq!(*thread.join().expect("the thread does not panic")??, "Post 7");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # When a runtime stops
//! A runtime may end while callers on other runtimes wait for its loads: it was dropped or shut down. A
//! `current_thread` runtime may also be idle: it runs tasks only while a thread is inside `block_on`. In both cases the
//! client continues where it is still needed:
//!
//! - **Loads.** Callers on another runtime load again there, once for all of them. They notice at once when a runtime
//!   ends. A runtime that has run nothing for a second counts as idle. The answer of the first load is not stored after
//!   that. Callers that have no other runtime are [interrupted](crate::QueryError::Interrupted).
//! - **Observers.** An observer that is read on another runtime moves the task of its key there, and continues. It ends
//!   if it is read outside all runtimes.
//! - **Limits.** A load that its runtime does not run gives up its place among the loads [that run at
//!   once](crate::guide::many#how-many-loads-run-at-once) when loads on another runtime wait for theirs. If its runtime
//!   continues after all, a load that had begun runs in addition to the others; one that had not waits for a place
//!   again.
//! - **Writes to the provider.** Writes and removals of a key wait for earlier ones. One that has waited for the
//!   [timeout](crate::ClientBuilder::provider_timeout) behind a write whose runtime does not run overtakes it. The
//!   stuck write is dropped when its runtime is driven again.
//! - **The client.** From then on, tasks go to the runtimes of the callers. An idle runtime gets the tasks of the
//!   client again as soon as it is driven again.
//!
//! A load whose code blocks its `current_thread` runtime for longer than a second looks idle from outside: callers on
//! other runtimes load again.
//!
//! Mutations are not moved, since they must run only once. A mutation whose runtime ends was
//! [interrupted](crate::MutateError::Interrupted), and it is unknown whether it has taken effect.
//!
//! # Suspended machines
//! Ages and freshness follow the clock of the cache. The default, [`SystemClock`](cache_core::SystemClock), and
//! [`TokioClock`](crate::TokioClock) stop on Linux and macOS while the machine is suspended, as tokio's timers do: an
//! answer does not age overnight. If that is not acceptable, give the cache another [`Clock`](cache_core::Clock) that
//! counts this time (on Linux `CLOCK_BOOTTIME`). Calls notice the jump at once. Observers and polls notice it at their
//! next timer, after at most a minute. Deadlines, retries, breakers and the timeout of `network-first` follow tokio's
//! time, and do not count suspended time.
//!
//! # Offline
//! A program that knows whether it is connected sets this with [`set_online`](crate::Client::set_online). While the
//! client is offline, loads wait instead of failing:
//!
//! - A load that is needed pauses before its `fetch` runs. Callers wait for it, at most until their deadline. It takes
//!   no place among the loads [that run at once](crate::guide::many#how-many-loads-run-at-once), and is not
//!   [counted](crate::Client::fetch_count) as running.
//! - A load that fails while the client is offline is loaded again when it is online, whatever its error is. That is no
//!   retry, and no failure for its breaker. The time offline does not count for the two minutes of retries.
//! - Observed keys are not polled. When the client is online again, each of them that is stale or polled is loaded
//!   once. The same happens when the client becomes [active](crate::Client::set_active). Polls and these loads need a
//!   client that is both active and online.
//!
//! The cache and the [provider](crate::Provider) answer as always. A call that must not wait uses the strategy
//! `cache-only`, or `network-first` with a `timeout`. Mutations run, and fail, as always.
//!
//! ```
//! # use doctest_setup::*;
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn Error>> {
//! # let client = blog_client();
//! let observer = client.observe(&GetTitle { id: 1 });
//! client.query(&GetTitle { id: 1 }).await?;
//!
//! client.set_online(false);
//! tokio::time::sleep(Duration::from_secs(60)).await;
//! client.app().rename(1, "Uno");
//! let cached = client.query_with(&GetTitle { id: 1 }, |options| options.strategy(Strategy::CacheOnly)).await?;
//! assert_eq!(*cached, "One");
//!
//! client.set_online(true);
//! tokio::time::sleep(Duration::from_secs(1)).await;
//! assert_eq!(observer.state().value().map(|title| title.as_str()), Some("Uno"));
//! # Ok(())
//! # }
//! ```
//!
//! # WebAssembly
//! The client compiles for `wasm32-unknown-unknown`, with limited use. With a [`Clock`](cache_core::Clock) of your own,
//! the cache can be read and invalidated: [`cached`](crate::Client::cached), [`invalidate`](crate::Client::invalidate),
//! and a [`query`](crate::Client::query) whose answer is fresh in the cache. Everything that loads, observes or waits
//! panics: it needs a tokio runtime with timers, and the time of `std`, which that target does not have. The same holds
//! for [`TokioClock`](crate::TokioClock). The store, `cache-core`, works there.
//!
//! # Clocks
//! Timers are those of the runtime on which a task runs. Tests that pause tokio's time build the client inside the
//! paused runtime. [`TokioClock`](crate::TokioClock) returns the time of the calling runtime; two paused runtimes do
//! not agree on it.
