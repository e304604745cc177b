//! Behaviour of the client through its public interface, on tokio's paused time.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod batch;
mod breaker;
mod depot;
mod fallback;
mod feed;
mod flights;
mod infinite;
mod invalidation;
mod lab;
mod late;
mod model;
mod observers;
mod options;
mod paged;
mod polling;
mod readme;
mod retry;
mod shaky;
mod strategies;
mod tree;
mod windows;
