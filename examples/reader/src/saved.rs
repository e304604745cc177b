//! What was read, in a file for each server, so that a start without the server shows it again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cache_client::TokioClock;
use cache_core::{Cache, OpenError, SnapshotError};

use crate::CacheRegistry;
use crate::arguments::Options;

/// Why the documents cannot be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SavedError {
    /// The folder cannot be made.
    #[error("cannot use the folder `{}`; choose another with --data", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The cache cannot be made.
    #[error("cannot make the cache")]
    Cache(#[from] OpenError),
    /// The file cannot be written.
    #[error("what was read cannot be saved in `{}`", path.display())]
    Save {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: SnapshotError,
    },
}

/// The file for a server.
#[must_use]
pub fn file(options: &Options) -> PathBuf {
    let address = options.address.to_string();
    let name = address.trim_start_matches("http://").replace(|char: char| !char.is_ascii_alphanumeric(), "-");
    options.data.join(format!("{name}.snapshot"))
}

/// A cache with what an earlier run has saved. A file that cannot be read counts as none, since the server has it all.
///
/// # Errors
/// The folder cannot be made.
pub fn restore(options: &Options) -> Result<Cache<CacheRegistry>, SavedError> {
    let failed = |source| SavedError::Folder { path: options.data.clone(), source };
    fs::create_dir_all(&options.data).map_err(failed)?;
    let builder = || Cache::<CacheRegistry>::builder().clock(TokioClock::new());
    match builder().restore_or_new(file(options)) {
        Ok((cache, _)) => Ok(cache),
        Err(OpenError::Snapshot { .. }) => Ok(builder().build().map_err(OpenError::from)?),
        Err(error) => Err(error.into()),
    }
}

/// Saves what was read.
///
/// # Errors
/// The file cannot be written.
pub fn save(cache: &Cache<CacheRegistry>, path: &Path) -> Result<(), SavedError> {
    let failed = |source| SavedError::Save { path: path.to_owned(), source };
    cache.save(path).map(drop).map_err(failed)
}
