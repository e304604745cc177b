//! Documents of JSON:API 1.1 (<https://jsonapi.org/format/1.1/>): their parts, and how they are read. Knows no cache.

pub(crate) mod cursor;
pub(crate) mod error_object;
mod found;
pub(crate) mod head;
pub(crate) mod identifier;
pub(crate) mod links;
pub(crate) mod name;
mod one_pass;
pub(crate) mod pointer;
pub(crate) mod read;
pub(crate) mod read_saved;
pub(crate) mod relationship;
mod repeated;
mod reported;
pub(crate) mod resource_object;
pub(crate) mod response;
mod scan;
pub(crate) mod visit;
pub(crate) mod write;

pub use error_object::{ErrorObject, ErrorSource};
pub use links::{Link, Links};
pub use pointer::ReadError;
pub use reported::{DocumentError, DocumentErrors};

/// Information that the format does not define.
pub type Meta = serde_json::Map<String, serde_json::Value>;
