//! The saved form of a cache: what its entries look like as bytes, and how a file is replaced by a newer one.
//!
//! `codec` turns one key and value into bytes, `persistence` says which codec a query uses, `format` is the
//! container that holds many of them, `image`, `writer` and `reader` go between entries and container, `file` puts the
//! container on disk. `moment` copies the entries that are to be saved; `crew` shares out work among threads.
//! `single` is for one entry outside of any container.

pub mod codec;
mod crew;
mod digest;
mod entry;
mod error;
mod file;
mod format;
mod image;
mod moment;
mod output;
mod persistence;
mod reader;
mod report;
mod restoring;
mod saving;
pub mod shape;
mod single;
mod tagged;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use entry::{Downtime, EntryMeta, Nanos, SavedEntry};
pub use error::{Damage, PathProblem, SnapshotError};
pub(crate) use image::{Image, QueryImage};
pub(crate) use persistence::{Decoded, TableCodec};
pub use persistence::{Persistence, SavedValue};
pub(crate) use reader::Section;
pub use report::{
    RestoreReport, SaveReport, SkipReason, SkippedEntries, SkippedEntry, SkippedTable, TableRestore,
    TableSave,
};
pub use restoring::RestoreOptions;
pub use saving::SaveOptions;
pub(crate) use tagged::DynamicTypes;
pub use tagged::RegisterError;
