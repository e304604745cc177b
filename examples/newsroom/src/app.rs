//! The state of the program, how it is made at the start, and what remains of it at the end.

use std::fmt::Display;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cache_client::{App, Client, TokioClock};
use cache_core::{Cache, OpenError, SaveReport, SnapshotError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::CacheRegistry;
use crate::database::{Database, DatabaseError, Edition, Size};
use crate::queries::{CountComments, CurrentEdition, GetComments};

/// How long a save waits for comments that are being written.
const LAST_WRITES: Duration = Duration::from_millis(500);

/// Number of commits that the inspector shows.
const COMMITS_SHOWN: usize = 12;

/// What loads and routes need besides the cache.
#[derive(Debug)]
pub struct Newsroom {
    /// Where everything is loaded from that is not in the cache.
    pub database: Database,
    /// Cancelled when the service stops, so that streams end.
    pub stopping: CancellationToken,
    /// Comments that are being written, until the cache has changed too. A mutation continues when its request is cut
    /// off.
    pub writing: TaskTracker,
    snapshot: PathBuf,
}

impl App for Newsroom {
    type Registry = CacheRegistry;
}

/// Why the program cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenFailure {
    /// The folder cannot be made or written to.
    #[error("cannot use the folder `{}`; choose another with --data", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Another process serves from the folder.
    #[error("another newsroom uses the folder `{}`; stop it, or choose another folder with --data", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The database cannot be opened or made.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The cache cannot be made.
    #[error("cannot make the cache")]
    Cache(#[from] OpenError),
}

/// Makes the folder, and keeps other processes out of it until the file is dropped: two would not see each other's
/// comments.
///
/// # Errors
/// If the folder cannot be made, or another process has it.
pub fn claim(folder: &Path) -> Result<File, OpenFailure> {
    let failed = |source| OpenFailure::Folder { path: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let lock = File::create(folder.join("newsroom.lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        // Some file systems have no locks.
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(lock),
        Err(TryLockError::Error(error)) => Err(failed(error)),
        Err(TryLockError::WouldBlock) => Err(OpenFailure::InUse { path: folder.to_owned() }),
    }
}

/// Opens the database and the cache of a folder. Calls `progress` with a line for each thing that happens.
///
/// # Errors
/// If the folder or the database cannot be used. A snapshot that cannot be read is no error: the start is a cold one.
pub async fn open(
    folder: &Path,
    size: Size,
    progress: impl Fn(&dyn Display),
) -> Result<Client<Newsroom>, OpenFailure> {
    let failed = |source| OpenFailure::Folder { path: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let database = Database::open(&folder.join("newsroom.sqlite"), size, &progress).await?;
    let snapshot = folder.join("newsroom.snapshot");
    let cache = restore(&snapshot, &database.edition().await?, &progress)?;
    cache.commit_log().keep(COMMITS_SHOWN);
    let newsroom =
        Newsroom { database, stopping: CancellationToken::new(), writing: TaskTracker::new(), snapshot };
    Ok(Client::builder(cache, newsroom).build())
}

fn restore(
    snapshot: &Path,
    edition: &Edition,
    progress: &impl Fn(&dyn Display),
) -> Result<Cache<CacheRegistry>, OpenFailure> {
    let builder = || Cache::builder().clock(TokioClock::new());
    let (cache, report) = match builder().restore_or_new(snapshot) {
        Err(OpenError::Snapshot { source, .. }) => {
            progress(&format_args!("cold start, the snapshot cannot be read: {}", with_causes(&source)));
            return Ok(builder().build().map_err(OpenError::from)?);
        }
        opened => opened?,
    };
    match cache.peek(&CurrentEdition) {
        _ if report.is_first_start => progress(&"cold start, there is no snapshot yet"),
        Some(saved) if *saved == *edition => progress(&report),
        // The process may have been killed after the last save: the snapshot lacks what readers wrote since then.
        Some(saved) if saved.database == edition.database => {
            cache.invalidate_where::<GetComments>(|_| true);
            cache.invalidate_where::<CountComments>(|_| true);
            cache.invalidate_tag("summaries");
            progress(&report);
            progress(&"comments were posted after the cache was saved: they will be loaded again");
        }
        _ => {
            cache.clear();
            progress(&"cold start, the snapshot is of another database");
        }
    }
    Ok(cache)
}

/// Saves the cache, so that the next start is warm. Call it when nothing is served any more.
///
/// Waits a moment for comments that are being written. If they are not written by then, the next start loads all
/// comments again.
///
/// # Errors
/// If the file cannot be written, or the database cannot say which comment is its last.
pub async fn save(client: &Client<Newsroom>) -> Result<SaveReport, SaveFailure> {
    let Newsroom { database, snapshot, writing, .. } = client.app();
    writing.close();
    let is_written = tokio::time::timeout(LAST_WRITES, writing.wait()).await.is_ok();
    // Loads without callers may still run.
    let mut edition = database.last_edition().await?;
    if !is_written {
        // The database may have a comment that the cache does not know.
        edition.last_comment = 0;
    }
    client.cache().insert(CurrentEdition, edition);
    let (cache, snapshot) = (client.cache().clone(), snapshot.clone());
    // Writing a file takes time, and waits for the disk.
    match tokio::task::spawn_blocking(move || cache.save(snapshot)).await {
        Ok(report) => Ok(report?),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// Why the cache was not saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveFailure {
    /// The database fails.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The file cannot be written.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// Writes a line to standard error. Ignores errors, as when it is closed.
pub fn log(line: &dyn Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// An error and its causes on one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
