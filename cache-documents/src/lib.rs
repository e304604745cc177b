//! Documents over the query client [`cache_client`]: one record of each thing, however many answers show it.
#![forbid(unsafe_code)]

mod context;
mod document;
mod documents;
mod field;
mod frame;
#[cfg(feature = "http")]
pub mod http;
mod id;
mod jsonapi;
mod map;
mod records;
mod relation;
mod resource;
mod resources;
mod sync;

pub use cache_macros::Resource;

pub use context::ReadDocument;
pub use document::{Content, Document};
pub use documents::{ChangeRecords, ClientDocuments, DocumentsOf};
pub use field::Field;
pub use id::Id;
pub use jsonapi::{ErrorObject, ErrorSource, Link, Links, Meta, ReadError};
pub use relation::{Many, One};
pub use resource::{Resource, ResourceKey};
pub use resources::{DocumentsBuilder, ResourceList, Resources};

/// What the derive macro uses. Not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use cache_core::Query;

    pub use crate::field::{AnyField, no_field};
    pub use crate::resource::{NoQuery, TableOf};
}
