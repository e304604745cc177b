//! Records that many documents show, and the documents of JSON:API.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod blog;
mod changes;
mod commits;
mod content;
mod creating;
mod errors;
mod following;
mod forbidden;
mod layers;
mod links;
mod local_ids;
mod member_order;
mod model;
mod official;
mod order;
mod overtaken;
mod reading;
mod records;
mod repeated;
mod saved;
mod saved_copies;
mod saved_keys;
mod saved_shapes;
mod sharing;
mod warp_drive;
