//! Errors, one enum per boundary. Each says what went wrong, where, and what to do.

use std::path::PathBuf;

use crate::hooks::BoxError;
use crate::snapshot::{RegisterError, SnapshotError};

/// Why a cache could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The options of a table cannot work.
    #[error("table `{table}`: {problem}")]
    Options {
        /// The table.
        table: &'static str,
        /// What is wrong with them, and how to fix it.
        problem: String,
    },
    /// The codec of a query cannot carry one of its types.
    #[error("table `{table}`: codec \"{codec}\" cannot save `{type_name}`: {problem}; {advice}")]
    Codec {
        /// The table.
        table: &'static str,
        /// The type that the codec cannot carry.
        type_name: &'static str,
        /// The codec of the table.
        codec: &'static str,
        /// Why not.
        problem: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// A type of dynamic values could not be registered.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The platform has no system clock, like `wasm32-unknown-unknown`, and the builder was given no other.
    #[error("this platform has no system clock; set one with `Cache::builder().clock(..)`")]
    NoClock,
}

/// Why a cache could not be opened from a snapshot.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The cache could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The snapshot exists but could not be read.
    #[error("cannot restore `{}`", path.display())]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: SnapshotError,
    },
}

/// Why a transaction was not committed. None of its changes are applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// Another commit wrote a key that this transaction had read.
    #[error(
        "conflict: `{table}` {key} was written by another commit; run the transaction again, as `transact` does"
    )]
    Conflict {
        /// Table of the key.
        table: &'static str,
        /// The key, as its `Debug` prints it; `(secret)` if its query is derived with `secret`.
        key: String,
    },
    /// A `before_commit` hook refused the commit, or a crate that adds to commits did.
    #[error("the commit was refused")]
    Refused(#[source] BoxError),
    /// The cache has an async hook, which `commit` cannot wait for.
    #[error("the cache has an async before_commit hook: use `commit_async().await`")]
    AsyncHook,
    /// A `before_commit` hook tried to commit to its own cache.
    #[error(
        "commit from inside a before_commit hook of the same cache: do it after the commit, in an after_commit listener"
    )]
    InsideHook,
}

/// A dynamic entry is of another type than the caller asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("dynamic entry {name:?} has type `{found}`, not `{expected}`")]
pub struct TypeMismatch {
    /// Name of the entry.
    pub name: String,
    /// Type that the caller asked for.
    pub expected: &'static str,
    /// Type of the stored value.
    pub found: &'static str,
}
