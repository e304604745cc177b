//! The open file, as readers and the writer share it.

use std::mem::{Discriminant, discriminant, replace, take};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Mutex, RwLock};
use redb::{Database, ReadableDatabase};

use crate::entries::{self, Entries, FoundEntry, ReadMarks};
use crate::open::{FileError, OpenError, Opened, caught, open, open_for_reading};

/// How long to wait before a file that cannot be used as usual is opened again, in milliseconds.
const RETRY: u64 = 5_000;

const DEFAULT_BYTES: u64 = 256 * 1024 * 1024;

pub(crate) struct Shared {
    pub(crate) path: PathBuf,
    pub(crate) max_bytes: AtomicU64,
    /// In milliseconds.
    pub(crate) retry_after: AtomicU64,
    /// Locked for writing only to exchange the state, so that readers do not wait.
    state: RwLock<State>,
    /// Not locked while entries are written.
    marks: Mutex<ReadMarks>,
}

enum State {
    Writable(Database),
    /// Writes fail for the reason given.
    ReadOnly {
        database: Database,
        reason: FileError,
        since: Instant,
    },
    /// Another process uses the file.
    InUse {
        since: Instant,
    },
    /// The file has to be opened again.
    Failed {
        reason: FileError,
        since: Option<Instant>,
    },
}

/// A change of one entry.
pub(crate) enum Write {
    /// `expires` is in milliseconds since 1970.
    Set {
        key: String,
        value: Vec<u8>,
        expires: u64,
    },
    Remove {
        key: String,
    },
}

impl State {
    /// Without a database. The next request opens the file.
    fn closed(reason: FileError) -> Self {
        Self::Failed { reason, since: None }
    }

    fn of(opened: Opened) -> Self {
        let since = Instant::now();
        match opened {
            Opened::Writable(database) => Self::Writable(database),
            Opened::ReadOnly(database, reason) => Self::ReadOnly { database, reason, since },
            Opened::InUse => Self::InUse { since },
        }
    }

    /// Whether the file could not be used as usual, and the wait before the next attempt is over.
    fn is_due(&self, retry_after: Duration) -> bool {
        match self {
            Self::Writable(_) => false,
            Self::ReadOnly { since, .. }
            | Self::InUse { since }
            | Self::Failed { since: Some(since), .. } => since.elapsed() >= retry_after,
            Self::Failed { since: None, .. } => true,
        }
    }

    /// Reports how the file is used, if that has changed.
    fn report_change(&self, before: Discriminant<Self>, path: &Path) {
        if discriminant(self) == before {
            return;
        }
        let path = path.display();
        match self {
            Self::Writable(_) => tracing::info!(%path, "the cache file is used again"),
            Self::ReadOnly { reason, .. } => {
                tracing::warn!(%path, %reason, "the cache file cannot be written; it is only read");
            }
            Self::InUse { .. } => {
                tracing::warn!(%path, "another process uses the cache file; it is not used until it is free");
            }
            Self::Failed { reason, .. } => tracing::warn!(%path, %reason, "the cache file cannot be used"),
        }
    }
}

impl Shared {
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let state = State::of(open(path)?);
        if !matches!(state, State::Writable(_)) {
            state.report_change(discriminant(&State::closed(FileError::Closed)), path);
        }
        Ok(Self {
            path: path.to_owned(),
            max_bytes: AtomicU64::new(DEFAULT_BYTES),
            retry_after: AtomicU64::new(RETRY),
            state: RwLock::new(state),
            marks: Mutex::default(),
        })
    }

    /// Reads an entry. Nothing is found while another process uses the file, or while it is opened again.
    pub(crate) fn read(&self, key: &str) -> Result<Option<Vec<u8>>, FileError> {
        let result = {
            let state = self.state.read();
            let (State::Writable(database) | State::ReadOnly { database, .. }) = &*state else {
                return Ok(None);
            };
            caught(|| Ok(entries::read(&database.begin_read()?, key, wall())?))
        };
        match result {
            Ok(found) => Ok(found.map(|FoundEntry { position, value }| {
                self.marks.lock().insert(position);
                value
            })),
            Err(reason) => {
                // Dropped before the next attempt to open it, which would find it in use.
                let failed = State::Failed { reason: reason.clone(), since: Some(Instant::now()) };
                let before = replace(&mut *self.state.write(), failed);
                drop(before);
                Err(reason)
            }
        }
    }
}

impl Shared {
    /// Whether nothing can be read, and the wait before the next attempt is over.
    pub(crate) fn is_off_and_due(&self) -> bool {
        let state = self.state.read();
        matches!(*state, State::InUse { .. } | State::Failed { .. }) && state.is_due(self.retry_after())
    }

    fn retry_after(&self) -> Duration {
        Duration::from_millis(self.retry_after.load(Ordering::Relaxed))
    }

    /// Opens the file again, if it could not be used as usual and the wait is over. Only the writer does this.
    pub(crate) fn reopen_if_due(&self) {
        let is_due = self.state.read().is_due(self.retry_after());
        if is_due {
            self.reopen(self.close(FileError::Reopening));
        }
    }

    /// Closes the file.
    pub(crate) fn end(&self) {
        drop(self.close(FileError::Closed));
    }

    fn reopen(&self, before: State) {
        let kind = discriminant(&before);
        // Closed before it is opened again.
        drop(before);
        let state = match open(&self.path) {
            Ok(opened) => State::of(opened),
            Err(error) => State::Failed { reason: error.source, since: Some(Instant::now()) },
        };
        state.report_change(kind, &self.path);
        // It may be another file.
        self.marks.lock().clear();
        *self.state.write() = state;
    }

    /// Stops using the database. The next request opens the file again.
    fn close(&self, reason: FileError) -> State {
        replace(&mut *self.state.write(), State::closed(reason))
    }

    /// Applies all changes, or none.
    pub(crate) fn write(&self, writes: &[Write]) -> Result<(), FileError> {
        self.reopen_if_due();
        let state = self.state.read();
        let result = match &*state {
            State::Writable(database) => self.write_to(database, writes),
            State::ReadOnly { reason, .. } | State::Failed { reason, .. } => return Err(reason.clone()),
            State::InUse { .. } => return Err(FileError::InUse),
        };
        drop(state);
        result.inspect_err(|reason| self.read_on(reason))
    }

    fn write_to(&self, database: &Database, writes: &[Write]) -> Result<(), FileError> {
        let marks = take(&mut *self.marks.lock());
        let mut marks = caught(|| {
            let mut transaction = database.begin_write()?;
            // With one phase, a file whose last commit is damaged opens as it was before that commit.
            transaction
                .set_two_phase_commit(writes.iter().any(|write| matches!(write, Write::Remove { .. })));
            let mut entries = Entries::open(&transaction, marks)?;
            let max_bytes = self.max_bytes.load(Ordering::Relaxed);
            for write in writes {
                match write {
                    Write::Set { key, value, expires } => entries.put(key, value, *expires, max_bytes)?,
                    Write::Remove { key } => entries.remove(key)?,
                }
            }
            entries.trim(max_bytes, wall())?;
            let marks = entries.finish()?;
            transaction.commit()?;
            Ok(marks)
        })?;
        self.marks.lock().append(&mut marks);
        Ok(())
    }

    /// Opens the file read-only after a write has failed. A later attempt opens it for writing again.
    fn read_on(&self, reason: &FileError) {
        let before = self.close(FileError::Reopening);
        if matches!(reason, FileError::Damaged(_)) {
            return self.reopen(before);
        }
        let kind = discriminant(&before);
        drop(before);
        let since = Instant::now();
        let state = match open_for_reading(&self.path) {
            Ok(database) => State::ReadOnly { database, reason: reason.clone(), since },
            Err(_) => State::Failed { reason: reason.clone(), since: Some(since) },
        };
        state.report_change(kind, &self.path);
        *self.state.write() = state;
    }
}

/// Milliseconds since 1970, by the wall clock.
pub(crate) fn wall() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
