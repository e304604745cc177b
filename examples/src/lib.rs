//! A program as a user of the cache would write it: `packages` answers questions about a Cargo project.
//!
//! - [`queries`]: the queries, each a struct with `#[derive(Query)]`, and the types of their answers.
//! - [`session`]: one run: the cache is restored, read, filled by transactions, and saved.
//! - [`answers`]: how answers are computed from the [`graph`] of packages, which [`project`] gets from cargo; [`finding`]
//!   does that for each query, with the graph of a [`source`].
//! - [`second_tier`]: with `--provider`, a query client that keeps each answer in a file.
//! - [`report`], [`table`]: what is printed. [`arguments`]: the command line.
#![forbid(unsafe_code)]

pub mod answers;
pub mod arguments;
pub mod error;
pub mod finding;
pub mod graph;
pub mod project;
pub mod queries;
pub mod report;
pub mod second_tier;
pub mod session;
pub mod source;
pub mod table;

pub use error::Error;

// The build script writes `CacheRegistry`: one typed table for each query.
cache_core::include_registry!();
