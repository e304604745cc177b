//! The service as its clients see it: a small newspaper, a folder of its own, any free port.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod comments;
mod discussed;
mod documents;
mod failures;
mod front;
#[path = "../common/outage.rs"]
mod outage;
mod outages;
mod program;
mod restart;
mod routes;
mod shared;
mod shared_processes;
mod streams;
mod test_newsroom;
mod texts;
mod wire;
