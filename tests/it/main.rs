//! Behaviour of the cache through its public interface.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod slice;
mod snapshot;
