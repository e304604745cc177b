//! Several machines with one shared tier, through the public interface, on tokio's paused time.
#![allow(clippy::unwrap_used, missing_debug_implementations, missing_docs, reason = "tests")]

mod changes;
mod direct;
mod given_up;
mod machines;
mod observers;
mod reads;
mod steps;
