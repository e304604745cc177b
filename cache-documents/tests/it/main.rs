//! Records that many documents show.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod blog;
mod changes;
mod model;
mod records;
