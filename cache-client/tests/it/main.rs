//! Behaviour of the client through its public interface, on tokio's paused time.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod breaker;
mod depot;
mod fallback;
mod flights;
mod invalidation;
mod lab;
mod late;
mod model;
mod observers;
mod options;
mod polling;
mod provider_changes;
mod provider_troubles;
mod providers;
mod readme;
mod retry;
mod shaky;
mod shipped_providers;
mod strategies;
mod tree;
mod windows;
