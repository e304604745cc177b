//! The newspaper's SQLite file: a few connections that read, one that writes, and a ledger of all loads. Knows the
//! cache only by the names of its keys.

mod error;
mod faults;
mod ledger;
mod pool;
pub mod read;
mod seed;
pub mod write;

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_core::{Query, Shape};
use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

pub use error::DatabaseError;
pub use faults::Faults;
pub use ledger::{Key, Ledger, LedgerReport, Overlaps, QueryLoads, Retiring};
use pool::Pool;
pub use seed::Size;

/// Connections that read at the same time.
const READERS: usize = 4;

/// How long a connection waits for another one's lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// The database: open, or missing and opened as soon as its file is there.
#[derive(Debug)]
pub struct Database {
    path: PathBuf,
    pools: OnceCell<Pools>,
    /// The number of the database, if it was missing at the start.
    missed: Option<u64>,
    /// Records which keys were loaded.
    pub ledger: Arc<Ledger>,
    /// Simulates a database that is slow or down.
    pub faults: Faults,
}

/// The connections.
#[derive(Debug)]
struct Pools {
    readers: Pool,
    writer: Pool,
}

/// The identity of a database, and what was last written to it.
#[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edition {
    /// Random, drawn when the database was made.
    pub database: u64,
    /// Number of the last comment.
    pub last_comment: u64,
    /// How often an author was renamed or an article deleted.
    pub edits: u64,
}

impl Database {
    /// Opens the file. If it does not exist, creates and fills it first.
    ///
    /// # Errors
    /// If the file cannot be made, or is damaged, or belongs to another program.
    pub async fn open(
        path: &Path,
        size: Size,
        progress: impl Fn(&dyn Display),
    ) -> Result<Self, DatabaseError> {
        if !path.exists() {
            progress(&format_args!("filling {} with {size} ...", path.display()));
            let (began, path) = (Instant::now(), path.to_owned());
            blocking(move || make(&path, size)).await?;
            progress(&format_args!("filled in {:.1?}", began.elapsed()));
        }
        let pools = Pools::connect(path).await?;
        Ok(Self { pools: OnceCell::new_with(Some(pools)), ..Self::missing(path, None) })
    }

    /// A database whose file is not there. It is opened as soon as it is, if it has this number.
    #[must_use]
    pub fn missing(path: &Path, number: Option<u64>) -> Self {
        Self {
            path: path.to_owned(),
            pools: OnceCell::new(),
            missed: number,
            ledger: Arc::default(),
            faults: Faults::default(),
        }
    }

    /// Whether the file is not there.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        !self.pools.initialized()
    }

    /// Whether the file was not there at the start.
    #[must_use]
    pub fn was_missing(&self) -> bool {
        self.missed.is_some()
    }

    /// Loads the answer to a query, and records that in the ledger.
    ///
    /// # Errors
    /// If SQLite fails.
    ///
    /// # Cancellation
    /// May be dropped at any time: a read that has not begun never begins.
    pub async fn load<Q: Query, T: Send + 'static>(
        &self,
        query: &Q,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        self.load_many(std::slice::from_ref(query), read).await
    }

    /// Like [`load`](Self::load) for several keys, which `read` answers together.
    ///
    /// # Errors
    /// Like [`load`](Self::load).
    pub async fn load_many<Q: Query, T: Send + 'static>(
        &self,
        queries: &[Q],
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let running = self.ledger.begin(queries.iter().map(Key::of));
        let answer = self.read(read).await;
        running.end();
        answer
    }

    /// The identity of the database, and what was last written to it.
    ///
    /// # Errors
    /// If SQLite fails.
    pub async fn edition(&self) -> Result<Edition, DatabaseError> {
        self.read(read::edition).await
    }

    /// Like [`edition`](Self::edition), without waiting for readers. Call it when nothing writes.
    ///
    /// # Errors
    /// If SQLite fails.
    pub async fn last_edition(&self) -> Result<Edition, DatabaseError> {
        self.write(|connection| Ok(read::edition(connection)?)).await
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        self.faults.strike().await?;
        self.pools().await?.readers.run(|connection| Ok(read(connection)?)).await
    }

    /// Runs `write` after the current write.
    ///
    /// # Errors
    /// The errors of `write`.
    pub async fn write<T, E>(
        &self,
        write: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        self.faults.strike().await?;
        self.pools().await?.writer.run(write).await
    }

    async fn pools(&self) -> Result<&Pools, DatabaseError> {
        let open = async || {
            if !self.path.exists() {
                return Err(DatabaseError::Missing { path: self.path.clone() });
            }
            let pools = Pools::connect(&self.path).await?;
            let edition = pools.readers.run(|connection| read::edition(connection)).await?;
            match self.missed {
                Some(number) if number != edition.database => {
                    Err(DatabaseError::Other { path: self.path.clone() })
                }
                _ => Ok(pools),
            }
        };
        self.pools.get_or_try_init(open).await
    }
}

impl Pools {
    async fn connect(path: &Path) -> Result<Self, DatabaseError> {
        let path = path.to_owned();
        let (readers, writer) = blocking(move || connect_all(&path)).await?;
        Ok(Self { readers: Pool::new(readers), writer: Pool::new(vec![writer]) })
    }
}

/// Makes the file under another name, and renames it when it is complete.
fn make(path: &Path, size: Size) -> Result<(), DatabaseError> {
    let unfinished = path.with_extension("unfinished");
    let failed = |source| DatabaseError::cannot_open(&unfinished, source);
    let moved = |source| DatabaseError::Move { path: path.to_owned(), source };
    if unfinished.exists() {
        std::fs::remove_file(&unfinished).map_err(moved)?;
    }
    let mut connection = Connection::open(&unfinished).map_err(failed)?;
    seed::fill(&mut connection, size).map_err(failed)?;
    connection.close().map_err(|(_, source)| failed(source))?;
    std::fs::rename(&unfinished, path).map_err(moved)
}

fn connect_all(path: &Path) -> Result<(Vec<Connection>, Connection), DatabaseError> {
    let connect = |flags| connect(path, flags).map_err(|source| DatabaseError::cannot_open(path, source));
    // Checked before anything is written: the file may belong to another program.
    check(&connect(OpenFlags::SQLITE_OPEN_READ_ONLY)?, path)?;
    let writer = connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let readers = (0..READERS).map(|_| connect(OpenFlags::SQLITE_OPEN_READ_ONLY));
    Ok((readers.collect::<Result<_, _>>()?, writer))
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(LOCK_TIMEOUT)?;
    if flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
        // Readers and the writer do not wait for each other.
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "normal")?;
    }
    Ok(connection)
}

/// Checks that the file is intact, and belongs to this program.
fn check(connection: &Connection, path: &Path) -> Result<(), DatabaseError> {
    let failed = |source| DatabaseError::cannot_open(path, source);
    let format: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    if format != seed::FORMAT {
        return Err(DatabaseError::Foreign { path: path.to_owned() });
    }
    let verdict: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
    match verdict.as_str() {
        "ok" => Ok(()),
        _ => Err(DatabaseError::Damaged { path: path.to_owned(), problem: verdict }),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}
