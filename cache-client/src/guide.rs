//! A guide in pages. Each has an example that runs as a test.
//!
//! Read `first_steps`, `strategies` and `contexts` in this order, and the others when you need them.
//!
//! | page | subject |
//! |---|---|
//! | [`first_steps`] | from a query to a loaded answer, and its errors |
//! | [`errors`] | the errors of loads: taken out of their `Arc`, in `anyhow`, as responses |
//! | [`strategies`] | when to load: strategies, windows, and what to do when a load fails |
//! | [`loads`] | what a load can set for its answer: times, "unchanged", answers for other keys |
//! | [`contexts`] | one request: its memo, its deadline, its cancellation |
//! | [`invalidation`] | keeping the cache up to date: marks, removals, mutations, pushed values |
//! | [`optimistic`] | showing a change before the server has answered |
//! | [`observing`] | following a query as it changes |
//! | [`many`] | several keys at once, pages, loading ahead |
//! | [`runtimes`] | runtimes, sleep, offline: where loads and observers run, and what happens when that stops |
//! | [`second_tier`] | a store below the cache |
//! | [`several_machines`] | machines that share their answers, and tell each other what changes |
//! | [`tiers`] | which tier for which query: what each costs, and what it loses at a crash |
//! | [`shared_tags`] | marking tags, tables and everything on all machines: what it costs, what running loads do |
//! | [`rolling_deploys`] | two builds side by side on one shared tier |
//! | [`testing_machines`] | testing several machines in one process, with a server in memory |
//! | [`surviving`] | answers while the origin is down, even after a restart |
//! | [`testing`] | testing code that uses a client |
//! | [`seeing`] | what the client reports |
//!
//! Most examples run on tokio's paused time, in which a `sleep` takes no time. Your program just uses `#[tokio::main]`
//! instead.

pub mod contexts;
pub mod errors;
pub mod first_steps;
pub mod invalidation;
pub mod loads;
pub mod many;
pub mod observing;
pub mod optimistic;
pub mod rolling_deploys;
pub mod runtimes;
pub mod second_tier;
pub mod seeing;
pub mod several_machines;
pub mod shared_tags;
pub mod strategies;
pub mod surviving;
pub mod testing;
pub mod testing_machines;
pub mod tiers;
