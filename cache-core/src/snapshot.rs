//! The saved form of a cache: what its entries look like as bytes, and how a file is replaced by a newer one.
//!
//! `codec` turns one key and value into bytes. `persistence` says which codec a query uses. `format` is the
//! container of many entries. `table_image`, `frames` and `reader` convert between entries and the container.
//! `file` puts the container on disk. `capture` notes and copies the entries to be saved. `parallel`
//! distributes work among threads. `pairs` holds keys and values, and is compiled for each query; nearly
//! everything else works on their numbers.

mod capture;
pub mod codec;
mod digest;
mod dynamic;
pub(crate) mod error;
pub(crate) mod file;
pub(crate) mod format;
pub(crate) mod frames;
pub mod key_fields;
mod parallel;
mod persistence;
pub(crate) mod reader;
pub(crate) mod report;
pub mod shape;
mod sharing;
pub(crate) mod table_image;

#[cfg(test)]
mod tests;

pub(crate) use dynamic::DynamicTypes;
pub use dynamic::RegisterError;
pub use error::{Damage, PathProblem, SnapshotError};
pub use persistence::{EntryCodec, Persistence, SavedValue};
pub(crate) use persistence::{PairCodec, TableCodec};
pub(crate) use reader::Section;
pub use report::{
    RestoreReport, SaveReport, SkipReason, SkippedEntries, SkippedEntry, SkippedTable, TableRestore,
    TableSave,
};
pub use sharing::SharedCodec;
