//! Opens the file. One that cannot be opened as usual is opened read-only, left to another process, or set aside.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use redb::backends::FileBackend;
use redb::{Database, DatabaseError, StorageBackend, StorageError};

use crate::entries::{Entries, ReadMarks};
use crate::overlay::Overlay;

/// Memory for pages of the file, in addition to the cache of the operating system.
const CACHE: usize = 16 * 1024 * 1024;

/// How the file is used.
pub(crate) enum Opened {
    Writable(Database),
    /// Writes fail for the reason given.
    ReadOnly(Database, FileError),
    /// Another process uses it.
    InUse,
}

/// Why the file, or one operation on it, failed.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("another process uses the file")]
    InUse,
    #[error("the file is being opened again after an error")]
    Reopening,
    #[error("the provider has been dropped")]
    Closed,
    #[error("the file is damaged: {0}")]
    Damaged(Arc<str>),
    #[error("{0}")]
    Failed(Arc<redb::Error>),
}

/// The file cannot be used, not even for reading.
#[derive(Debug, thiserror::Error)]
#[error("the cache file {} cannot be opened", path.display())]
#[non_exhaustive]
pub struct OpenError {
    /// The path that was given.
    pub path: PathBuf,
    pub(crate) source: FileError,
}

impl OpenError {
    pub(crate) fn new(path: &Path, source: FileError) -> Self {
        Self { path: path.to_owned(), source }
    }
}

macro_rules! from_errors_of_the_database {
    ($($error:ident)*) => {$(
        impl From<redb::$error> for FileError {
            fn from(error: redb::$error) -> Self {
                Self::of(error.into())
            }
        }
    )*};
}

from_errors_of_the_database! { CommitError DatabaseError StorageError TableError TransactionError }

impl From<redb::Error> for FileError {
    fn from(error: redb::Error) -> Self {
        Self::of(error)
    }
}

impl FileError {
    fn of(error: redb::Error) -> Self {
        match error {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => Self::InUse,
            redb::Error::Io(error)
                if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidData) =>
            {
                Self::Damaged(error.to_string().into())
            }
            error @ (redb::Error::Corrupted(_)
            | redb::Error::UpgradeRequired(_)
            | redb::Error::TableTypeMismatch { .. }
            | redb::Error::TypeDefinitionChanged { .. }
            | redb::Error::TableIsMultimap(_)) => Self::Damaged(error.to_string().into()),
            error => Self::Failed(Arc::new(error)),
        }
    }
}

/// Opens the file, or creates it. A damaged one is set aside.
///
/// # Errors
/// If it can be neither written nor read.
pub(crate) fn open(path: &Path) -> Result<Opened, OpenError> {
    let failed = |source| OpenError::new(path, source);
    match open_for_writing(path) {
        Ok(database) => Ok(Opened::Writable(database)),
        Err(FileError::InUse) => Ok(Opened::InUse),
        Err(FileError::Damaged(damage)) => match set_aside(path, &damage) {
            Ok(()) => match open_for_writing(path) {
                Ok(database) => Ok(Opened::Writable(database)),
                Err(FileError::InUse) => Ok(Opened::InUse),
                Err(error) => Err(failed(error)),
            },
            Err(FileError::InUse) => Ok(Opened::InUse),
            Err(error) => Err(failed(error)),
        },
        Err(reason) => match open_for_reading(path) {
            Ok(database) => Ok(Opened::ReadOnly(database, reason)),
            Err(FileError::InUse) => Ok(Opened::InUse),
            Err(_) => Err(failed(reason)),
        },
    }
}

/// Opens the file, checks all of it, and makes the tables.
fn open_for_writing(path: &Path) -> Result<Database, FileError> {
    caught(|| {
        let mut builder = Database::builder();
        let database = builder.set_cache_size(CACHE).set_check_integrity_on_open(true).create(path)?;
        let transaction = database.begin_write()?;
        Entries::open(&transaction, ReadMarks::new())?.finish()?;
        transaction.commit()?;
        Ok(database)
    })
}

/// Opens the file read-only.
///
/// # Errors
/// If it cannot be read, or another process uses it.
pub(crate) fn open_for_reading(path: &Path) -> Result<Database, FileError> {
    caught(|| {
        let backend = Overlay::new(FileBackend::new(File::open(path).map_err(DatabaseError::from)?)?);
        let backend = backend.map_err(DatabaseError::from)?;
        let mut builder = Database::builder();
        Ok(builder.set_cache_size(CACHE).create_with_backend(backend)?)
    })
}

/// Runs code of the database, which may panic over damaged pages.
pub(crate) fn caught<T>(code: impl FnOnce() -> Result<T, FileError>) -> Result<T, FileError> {
    catch_unwind(AssertUnwindSafe(code)).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(FileError::Damaged(message.unwrap_or("the database panicked").into()))
    })
}

/// Renames a damaged file, unless another process has done so meanwhile.
fn set_aside(path: &Path, damage: &str) -> Result<(), FileError> {
    let io = |error| FileError::from(StorageError::Io(error));
    let file = match File::options().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io(error)),
    };
    // Held while the file is renamed, so that a second process moves neither it nor the file that replaces it.
    let lock = FileBackend::new(file.try_clone().map_err(io)?)?;
    if !lock.try_lock_range(Bound::Unbounded, Bound::Unbounded).map_err(StorageError::from)? {
        return Err(FileError::InUse);
    }
    if is_at(&file, path) {
        let aside = free_name(path);
        fs::rename(path, &aside).map_err(io)?;
        tracing::warn!(
            path = %path.display(),
            set_aside_as = %aside.display(),
            damage,
            "the cache file is damaged; it was set aside, and a new one begins"
        );
    }
    lock.close().map_err(io)
}

/// Whether a path still leads to an open file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |data: fs::Metadata| (data.dev(), data.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(file), Ok(present)) => identity(file) == identity(present),
        _ => false,
    }
}

/// Files cannot be compared here.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// A name for a damaged file: its name, `damaged`, the seconds since 1970, and a number if that name is taken.
fn free_name(path: &Path) -> PathBuf {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let name = |number: u32| {
        let mut name = OsString::from(path);
        name.push(format!(".damaged-{}", since.as_secs()));
        if number > 0 {
            name.push(format!("-{number}"));
        }
        PathBuf::from(name)
    };
    (0..).map(name).find(|name| !name.exists()).unwrap_or_else(|| name(u32::MAX))
}
