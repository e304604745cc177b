//! The state of the program, how it is made at the start, and what remains of it at the end.

use std::fmt::Display;
use std::fs::DirEntry;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cache_client::{App, Client, TokioClock};
use cache_core::{Builder, Cache, Clock, OpenError, SaveReport, SnapshotError};
use cache_file::FileProvider;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::CacheRegistry;
use crate::database::{Database, DatabaseError, Edition, Size};
use crate::queries::{
    CountComments, CurrentEdition, GetArticle, GetAuthor, GetComments, GetDiscussion, GetFeed,
};
use crate::sharing::{self, MAX_LAG, ServerUrl, SharingFailure};

/// How long the end waits for comments and edits that are being written.
const LAST_WRITES: Duration = Duration::from_millis(500);

/// The maximum size of the answers in their file.
const ANSWERS_BYTES: u64 = 64 * 1024 * 1024;

/// How long the file of answers may take for a write. Nothing waits for that.
const LONGEST_WRITE: Duration = Duration::from_secs(5);

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
    /// The same for edits.
    pub editing: TaskTracker,
    /// Answers that outlive the program, for a start without the database. `None` if they are shared.
    pub answers: Option<Arc<FileProvider>>,
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
    /// The file of answers cannot be opened or made.
    #[error(transparent)]
    Answers(#[from] cache_file::OpenError),
    /// Answers cannot be shared.
    #[error(transparent)]
    Sharing(#[from] SharingFailure),
}

/// Opens the database and the cache of a folder. Calls `progress` with a line for each thing that happens.
///
/// If the folder has a file of answers, but no database, the database has been moved away: the answers are served until
/// it is back.
///
/// # Errors
/// If the folder, the database or the file of answers cannot be used. A snapshot that cannot be read is no error: the
/// start is a cold one.
pub async fn open(
    folder: &Path,
    size: Size,
    progress: impl Fn(&dyn Display),
) -> Result<Client<Newsroom>, OpenFailure> {
    open_with(folder, size, TokioClock::new(), progress).await
}

/// Like [`open`], with another clock for the cache.
///
/// # Errors
/// Like [`open`].
pub async fn open_with(
    folder: &Path,
    size: Size,
    clock: impl Clock + Clone,
    progress: impl Fn(&dyn Display),
) -> Result<Client<Newsroom>, OpenFailure> {
    let snapshot = folder.join("newsroom.snapshot");
    let Found { database, number, edition } = find(folder, size, &progress).await?;
    let builder = || Cache::builder().clock(clock.clone());
    let restored = match edition {
        Some(edition) => restore(builder, &snapshot, &edition, &progress)?,
        None => {
            let cache = builder().build().map_err(OpenError::from)?;
            Restored { cache, has_all_comments: true, has_all_edits: true }
        }
    };
    restored.cache.commit_log().keep(COMMITS_SHOWN);
    let answers = FileProvider::open(folder.join(answers_name(number)))?.max_bytes(ANSWERS_BYTES);
    let answers = Arc::new(answers);
    let newsroom = Newsroom::new(database, snapshot, Some(Arc::clone(&answers)));
    let client =
        Client::builder(restored.cache, newsroom).provider(answers).provider_timeout(LONGEST_WRITE).build();
    // By the client, so that copies in the file of answers are not read either.
    if !restored.has_all_edits {
        client.invalidate_query::<GetArticle>();
        client.invalidate_query::<GetAuthor>();
        client.invalidate_query::<GetFeed>();
    }
    if !restored.has_all_comments {
        client.invalidate_query::<GetComments>();
        client.invalidate_query::<CountComments>();
        client.invalidate_tag("summaries");
    }
    Ok(client)
}

/// Opens the database of a folder, and a cache whose answers are shared with the other newsrooms on this database, by a
/// server. There is neither a snapshot nor a file of answers: the server has them, as long as they are fresh.
///
/// Pass `is_first` if no other newsroom shares answers now. What the server has may then be from before changes that it
/// was not told of, and is not used.
///
/// # Errors
/// If the folder, the database or the server cannot be used.
pub async fn open_shared(
    folder: &Path,
    size: Size,
    server: &ServerUrl,
    is_first: bool,
    progress: impl Fn(&dyn Display),
) -> Result<Client<Newsroom>, OpenFailure> {
    let Found { database, number, .. } = find(folder, size, &progress).await?;
    let tier = sharing::connect(server, number).await?;
    let cache = Cache::builder().clock(TokioClock::new()).build().map_err(OpenError::from)?;
    cache.commit_log().keep(COMMITS_SHOWN);
    let newsroom = Newsroom::new(database, folder.join("newsroom.snapshot"), None);
    let builder = Client::builder(cache, newsroom).shared(tier);
    // A derived answer stays here. It follows its inputs, but not the names in it, and it does not become stale when the
    // server is away. It is made of shared answers, so it costs no load to make it again.
    let client = builder.query::<GetDiscussion>(|options| options.fresh(MAX_LAG)).build();
    if is_first {
        client.invalidate_all();
    }
    sharing::begin(&client, server).await?;
    progress(&format_args!("sharing answers by {server}"));
    Ok(client)
}

/// The database of a folder.
struct Found {
    database: Database,
    /// Its number, which is known even if it is missing.
    number: u64,
    /// `None` if it is missing.
    edition: Option<Edition>,
}

async fn find(folder: &Path, size: Size, progress: &impl Fn(&dyn Display)) -> Result<Found, OpenFailure> {
    let failed = |source| OpenFailure::Folder { path: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let path = folder.join("newsroom.sqlite");
    match newest_answers(folder).map_err(failed)? {
        Some(number) if !path.exists() => {
            let text = "is missing: older answers are served until it is back";
            progress(&format_args!("the database `{}` {text}", path.display()));
            Ok(Found { database: Database::missing(&path, Some(number)), number, edition: None })
        }
        _ => {
            let database = Database::open(&path, size, progress).await?;
            let edition = database.edition().await?;
            Ok(Found { database, number: edition.database, edition: Some(edition) })
        }
    }
}

impl Newsroom {
    fn new(database: Database, snapshot: PathBuf, answers: Option<Arc<FileProvider>>) -> Self {
        Self {
            database,
            stopping: CancellationToken::new(),
            writing: TaskTracker::new(),
            editing: TaskTracker::new(),
            answers,
            snapshot,
        }
    }

    /// Waits a moment for comments and edits that are being written. Returns whether the comments have been, and the
    /// edits.
    pub(crate) async fn last_writes(&self) -> (bool, bool) {
        let all_end = async |tracker: &TaskTracker| {
            tracker.close();
            tokio::time::timeout(LAST_WRITES, tracker.wait()).await.is_ok()
        };
        tokio::join!(all_end(&self.writing), all_end(&self.editing))
    }
}

/// The cache at the start.
struct Restored {
    cache: Cache<CacheRegistry>,
    /// Whether it knows of all comments in the database. The process may have been killed after the last save: the
    /// snapshot lacks what readers wrote since then, and the file of answers may have comments from before.
    has_all_comments: bool,
    /// Whether it knows of all renamed authors and deleted articles.
    has_all_edits: bool,
}

impl Restored {
    /// A cache without answers. The file of answers may have some from before the last comments and edits.
    fn cold(cache: Cache<CacheRegistry>, edition: &Edition) -> Self {
        Self { cache, has_all_comments: false, has_all_edits: edition.edits == 0 }
    }
}

fn restore(
    builder: impl Fn() -> Builder<CacheRegistry>,
    snapshot: &Path,
    edition: &Edition,
    progress: &impl Fn(&dyn Display),
) -> Result<Restored, OpenFailure> {
    let (cache, report) = match builder().restore_or_new(snapshot) {
        Err(OpenError::Snapshot { source, .. }) => {
            progress(&format_args!("cold start, the snapshot cannot be read: {}", with_causes(&source)));
            let cache = builder().build().map_err(OpenError::from)?;
            return Ok(Restored::cold(cache, edition));
        }
        opened => opened?,
    };
    let (mut has_all_comments, mut has_all_edits) = (false, edition.edits == 0);
    match cache.peek(&CurrentEdition) {
        _ if report.is_first_start => progress(&"cold start, there is no snapshot yet"),
        Some(saved) if *saved == *edition => {
            (has_all_comments, has_all_edits) = (true, true);
            progress(&report);
        }
        Some(saved) if saved.database == edition.database && saved.edits == edition.edits => {
            has_all_edits = true;
            progress(&report);
            progress(&"comments were posted after the cache was saved: they will be loaded again");
        }
        Some(saved) if saved.database == edition.database => {
            has_all_edits = false;
            progress(&report);
            progress(&"authors or articles changed after the cache was saved: all will be loaded again");
        }
        _ => {
            cache.clear();
            progress(&"cold start, the snapshot is of another database");
        }
    }
    Ok(Restored { cache, has_all_comments, has_all_edits })
}

/// The name of the file of answers from the database with this number.
fn answers_name(number: u64) -> String {
    format!("answers-{number:016x}.redb")
}

/// The number of the database whose file of answers was written last.
fn newest_answers(folder: &Path) -> std::io::Result<Option<u64>> {
    let number = |file: &DirEntry| {
        let name = file.file_name().into_string().ok()?;
        let number = u64::from_str_radix(name.strip_prefix("answers-")?.strip_suffix(".redb")?, 16).ok()?;
        Some((file.metadata().ok()?.modified().ok()?, number))
    };
    let files = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    Ok(files.iter().filter_map(number).max().map(|(_, number)| number))
}

/// Saves the cache, so that the next start is warm. Call it when nothing is served any more.
///
/// Waits a moment for comments that are being written. If they are not written by then, the next start loads all
/// comments again. `None` if nothing was saved because the database is missing.
///
/// # Errors
/// If the file cannot be written, or the database cannot say which comment is its last.
pub async fn save(client: &Client<Newsroom>) -> Result<Option<SaveReport>, SaveFailure> {
    let Newsroom { database, snapshot, .. } = client.app();
    if database.is_missing() {
        return Ok(None);
    }
    let (is_written, is_edited) = client.app().last_writes().await;
    // Loads without callers may still run.
    let mut edition = database.last_edition().await?;
    // The database may have a comment or an edit that the cache does not know.
    if !is_written || database.was_missing() {
        edition.last_comment = 0;
    }
    if !is_edited || database.was_missing() {
        edition.edits = u64::MAX;
    }
    client.cache().insert(CurrentEdition, edition);
    let (cache, snapshot) = (client.cache().clone(), snapshot.clone());
    // Writing a file takes time, and waits for the disk.
    match tokio::task::spawn_blocking(move || cache.save(snapshot)).await {
        Ok(report) => Ok(Some(report?)),
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
