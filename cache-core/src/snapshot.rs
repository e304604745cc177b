//! The saved form of a cache: what its entries look like as bytes, and how a file is replaced by a newer one.
//!
//! `codec` turns one key and value into bytes, `persistence` says which codec a query uses, `format` is the
//! container that holds many of them, `table_image`, `writer`, `frames` and `reader` go between entries and container,
//! `file` puts the container on disk. `capture` notes the entries that are to be saved, and copies them; `parallel` shares
//! out work among threads. `pairs` holds keys and values, and is compiled for each query; nearly all else works on their numbers.

mod capture;
pub mod codec;
mod digest;
mod dynamic;
mod entry;
mod error;
mod file;
mod format;
mod frames;
mod parallel;
mod persistence;
mod reader;
mod report;
mod restoring;
mod saving;
pub mod shape;
mod table_image;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use dynamic::DynamicTypes;
pub use dynamic::RegisterError;
pub(crate) use entry::{Downtime, Entries, EntryMeta, Nanos};
pub use error::{Damage, PathProblem, SnapshotError};
pub use persistence::{EntryCodec, Persistence, SavedValue};
pub(crate) use persistence::{PairCodec, TableCodec};
pub(crate) use reader::Section;
pub use report::{
    RestoreReport, SaveReport, SkipReason, SkippedEntries, SkippedEntry, SkippedTable, TableRestore,
    TableSave,
};
pub use restoring::RestoreOptions;
pub use saving::SaveOptions;
