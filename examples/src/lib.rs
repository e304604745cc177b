//! A program that a user of the cache would write: `packages` answers questions about a Cargo project.
//!
//! - [`queries`]: each question, a struct with `#[derive(Query)]`, and the types of the answers.
//! - [`session`]: one run: the cache is restored, asked, filled by transactions, saved.
//! - [`answers`]: how answers are found in the [`graph`] of packages, which [`project`] gets from cargo.
//! - [`report`], [`table`]: what is printed. [`arguments`]: the command line.
#![forbid(unsafe_code)]

pub mod answers;
pub mod arguments;
pub mod error;
pub mod graph;
pub mod project;
pub mod queries;
pub mod report;
pub mod session;
pub mod table;

pub use error::Error;

// The build script writes `CacheRegistry`: one typed table for each query.
cache_core::include_registry!();
