//! A typed query cache.
#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod __private;
mod dynamic;
mod options;
mod query;
mod registry;
mod snapshot;
mod table;

#[cfg(feature = "derive")]
pub use cache_macros::Shape;
pub use dynamic::{Dynamic, DynamicValue};
pub use options::{Bound, TableOptions};
pub use query::{Lookup, Query};
pub use registry::{Holds, Registry, TableDescription};
pub use snapshot::Persistence;
pub use snapshot::shape::{Fingerprint, Shape, ShapeReport};
pub use table::Table;
