//! Models of how commits that change records meet, each run under many schedules of a model checker: responses, changes
//! by hand, deletions, removals of documents, and loads whose key has changed.
//!
//! The code that runs is that of cache-documents and the client's own code that stores an answer by a step, over the
//! store of this package and shuttle's locks. Threads that take the same steps in the same order stand in for the
//! client's tasks.
//!
//! Each check runs `CACHE_MODEL_SCHEDULES` random schedules (default 300), and half as many with few, well-placed
//! interruptions (PCT). A long run takes 20,000.
#![allow(
    clippy::type_complexity,
    clippy::unwrap_used,
    dead_code,
    missing_debug_implementations,
    missing_docs,
    unexpected_cfgs,
    unreachable_pub,
    unused_imports,
    reason = "tests, and files of other crates, of which they use a part"
)]

// The files of cache-documents and what their derive writes name these crates.
extern crate cache_model as cache_core;
extern crate self as cache_client;
extern crate self as cache_documents;

#[path = "../../../cache-client/src"]
mod of_client {
    pub(crate) mod app;
    #[path = "client/extension.rs"]
    mod client_extension;
    pub(crate) mod erased;
    pub(crate) mod error;
    pub(crate) mod extension;
    pub(crate) mod notes;
    pub(crate) mod store_step;
}

#[path = "../../../cache-documents/src"]
mod of_documents {
    pub(crate) mod builder;
    pub(crate) mod document;
    pub(crate) mod field;
    pub(crate) mod frame;
    pub(crate) mod id;
    pub(crate) mod jsonapi;
    pub(crate) mod record;
    pub(crate) mod record_types;
    pub(crate) mod records;
    pub(crate) mod relation;
    pub(crate) mod resource;
    pub(crate) mod resources;
}

mod shared {
    pub(crate) mod protocol {
        pub(crate) use crate::sharing::Mark;
    }
}

use of_client::{app, erased, error, extension, notes, store_step};
use of_documents::{
    builder, document, field, frame, id, jsonapi, record, record_types, records, relation, resource,
    resources,
};

// These stand in for the rest of both.
mod any_query;
mod client;
mod context;
mod inspect;
mod layer;
mod load;
mod map;
mod mutate;
mod sync;

mod blog;
mod deletions;
mod names;
mod orders;
mod removals;
mod responses;
mod sharing;
mod watches;

pub use app::App;
pub use builder::DocumentsBuilder;
pub use client::{Client, ClientBuilder};
pub use document::{Content, Document};
pub use field::Field;
pub use id::Id;
pub use layer::LayerEdit;
pub use relation::{Many, One};
pub use resource::{Resource, ResourceKey};
pub use resources::{ResourceList, Resources};
pub use store_step::{AnswerKey, AnswerStore};

pub mod __private {
    pub use cache_model::Query;

    pub use crate::field::{AnyField, no_field};
    pub use crate::resource::{NoQuery, TableOf};
}
