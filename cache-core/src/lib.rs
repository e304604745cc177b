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
pub use cache_macros::Query;

pub use dynamic::{Dynamic, DynamicValue};
pub use options::{Bound, TableOptions};
pub use query::{Lookup, Query};
pub use registry::{Holds, Registry, TableDescription};
pub use snapshot::Persistence;
pub use snapshot::shape::Shape;
pub use table::Table;

/// Makes a registry: one table per listed query.
///
/// The build script writes a call of it; a list by hand serves for generic queries, those made by macros, and those
/// of other crates.
///
/// ```ignore
/// cache_core::registry! {
///     pub struct CacheRegistry {
///         /// One post.
///         crate::queries::GetPost,
///         crate::queries::Page<crate::User> as "user_page",
///     }
/// }
/// ```
#[cfg(feature = "derive")]
#[macro_export]
macro_rules! registry {
    ($($listing:tt)*) => {
        $crate::__private::registry_impl! { crate = $crate; core_format = 1; $($listing)* }
    };
}

/// Includes the registry that the build script wrote.
#[cfg(feature = "derive")]
#[macro_export]
macro_rules! include_registry {
    () => {
        ::core::include!(::core::concat!(::core::env!("OUT_DIR"), "/cache_registry.rs"));
    };
}
