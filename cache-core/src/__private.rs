//! For generated code only; no part of the public interface, may change in any release.

#[cfg(feature = "derive")]
pub use cache_macros::registry_impl;
pub use serde::Serialize;
pub use serde::de::DeserializeOwned;

pub use crate::registry::Assembly;
pub use crate::snapshot::codec;
pub use crate::table::AnyTable;
