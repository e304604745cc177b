//! Records that many documents show.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod blog;
mod changes;
mod following;
mod layers;
mod model;
mod records;
