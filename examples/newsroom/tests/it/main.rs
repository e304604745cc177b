//! The service through its connections: a small newspaper, a folder of its own, any free port.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod comments;
mod failures;
mod lab;
mod program;
mod restart;
mod routes;
mod streams;
mod texts;
mod wire;
