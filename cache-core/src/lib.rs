//! A typed query cache.
#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod __private;
mod builder;
mod cache;
mod clock;
mod core;
mod dynamic;
mod error;
mod event;
mod flight;
mod gate;
mod inspect;
mod options;
mod pin;
mod query;
mod registry;
mod retention;
mod revision;
mod snapshot;
mod table;
mod transaction;

#[cfg(feature = "derive")]
pub use cache_macros::{Query, Shape};

pub use builder::Builder;
pub use cache::Cache;
pub use clock::{Clock, ManualClock, Moment, SystemClock};
pub use dynamic::{Dynamic, DynamicTable, DynamicValue};
pub use error::{BoxError, BuildError, CommitError, OpenError, TypeMismatch};
pub use event::{Cause, Change, ChangeKind, Removal};
pub use inspect::{CommitRecord, Commits, EntryReport, Inspection, Removals, TableReport};
pub use options::{Bound, TableOptions};
pub use pin::Pinned;
pub use query::{Lookup, Query};
pub use registry::{Holds, Registry, TableDescription};
pub use revision::Revision;
pub use snapshot::shape::{Fingerprint, Shape, ShapeReport};
pub use snapshot::{
    Damage, Persistence, RegisterError, RestoreReport, Restoring, SaveReport, Saving, SkipReason,
    SkippedEntry, SkippedTable, SnapshotError, TableRestore, TableSave,
};
pub use table::entry::{Entry, EntryState, Freshness, Residency};
pub use table::slot::Past;
pub use table::{Table, Times};
pub use transaction::hooks::Proposal;
pub use transaction::{Merge, ReadSet, Receipt, TRANSACT_ATTEMPTS, Transaction};

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
