//! Tests that need other processes: one that is killed while it saves, and packages that cargo builds.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod killed;
mod no_codec;
mod two_builds;
mod wasm;
