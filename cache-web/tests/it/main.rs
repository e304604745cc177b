//! Tests of the crate through its public interface, with connections in memory and paused time.
#![allow(clippy::unwrap_used, missing_debug_implementations, missing_docs, reason = "tests")]

mod blog;
mod context;
mod departures;
mod failures;
mod inspector;
mod layers;
mod pages;
mod readme;
mod recipe;
mod serving;
