//! Requests by a client and inside of loads, on a scripted transport and a paused clock.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod changes;
mod documents;
mod loopback;
mod served;
mod several_callers;
mod site;
mod unkept;
mod unsafe_methods;
mod verdicts;
mod windows;
