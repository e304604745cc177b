//! Behaviour of the cache through its public interface.
#![allow(clippy::unwrap_used, clippy::type_complexity, missing_docs, reason = "tests")]

mod brought;
mod commit_listeners;
mod commit_retention;
mod conditional_lines;
mod conflicts;
mod derived;
mod history;
mod hooks;
mod inspection;
mod merging;
mod provider;
mod receipts;
mod record_tables;
mod scans;
mod secrets;
mod shop;
mod slice;
mod snapshot;
mod store;
mod transactions;
mod updates;
mod visibility;
