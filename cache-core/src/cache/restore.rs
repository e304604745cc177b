//! Restores a whole cache from a snapshot, in one commit.

use std::fmt::{self, Debug};
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use super::save::OnProgress;
use crate::cache::Cache;
use crate::cache::builder::Builder;
use crate::commit::restore::RestorePart;
use crate::commit::{Commit, CommitKind, Part, dynamic};
use crate::erased::ErasedTable;
use crate::error::OpenError;
use crate::query::Query;
use crate::registry::{Holds, Registry};
use crate::shard::saved_entries::Downtime;
use crate::shared::Shared;
use crate::snapshot::error::SnapshotError;
use crate::snapshot::file;
use crate::snapshot::reader::Snapshot;
use crate::snapshot::report::{RestoreReport, SkipReason, TableRestore};
use crate::sync::processors;

/// Options for restoring a snapshot. Created by [`Cache::restore_options`].
///
/// # Examples
/// ```
/// # use cache_core::{Cache, Query, Shape, registry};
/// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
/// # #[query(value = String, capacity = 100, persist)]
/// # struct GetName { id: u64 }
/// # registry! { struct CacheRegistry { GetName } }
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.snapshot");
/// let cache = Cache::<CacheRegistry>::new();
/// // Answers may have changed while the program was down: load each again before it counts as fresh.
/// let report = cache.restore_options().invalidate_all().read_file_or_new(&path)?;
/// println!("{report}");
/// assert!(report.is_first_start);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct RestoreOptions<'a, R: Registry> {
    cache: &'a Cache<R>,
    restore: Restore<'a>,
}

/// The options of a restore, apart from the cache.
struct Restore<'a> {
    threads: usize,
    invalidated: Invalidated,
    on_progress: OnProgress<'a>,
}

/// The tables whose entries are marked as invalidated.
#[derive(Clone, Debug)]
enum Invalidated {
    Only(Vec<&'static str>),
    All,
}

impl<'a, R: Registry> RestoreOptions<'a, R> {
    /// Marks the restored entries of `Q` as [`Freshness::Invalidated`](crate::Freshness::Invalidated): `get` returns
    /// them, `get_fresh` does not, until each is written again.
    ///
    /// For answers that may have become wrong while the program was down.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// # let cache = Cache::<CacheRegistry>::new();
    /// # cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// # let mut bytes = Vec::new();
    /// # cache.save_to(&mut bytes)?;
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.restore_options().invalidate::<GetName>().read_bytes(&bytes)?;
    /// assert!(cache.get(&GetName { id: 7 }).is_some());
    /// assert!(cache.get_fresh(&GetName { id: 7 }).is_none());
    /// # Ok::<(), cache_core::SnapshotError>(())
    /// ```
    pub fn invalidate<Q: Query>(mut self) -> Self
    where
        R: Holds<Q>,
    {
        if let Invalidated::Only(tables) = &mut self.restore.invalidated {
            tables.push(self.cache.name_of::<Q>());
        }
        self
    }

    /// Marks the restored entries of all tables, as [`invalidate`](Self::invalidate) does those of one.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// # let cache = Cache::<CacheRegistry>::new();
    /// # cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// # let mut bytes = Vec::new();
    /// # cache.save_to(&mut bytes)?;
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.restore_options().invalidate_all().read_bytes(&bytes)?;
    /// assert!(cache.contains(&GetName { id: 7 }));
    /// assert!(cache.get_fresh(&GetName { id: 7 }).is_none());
    /// # Ok::<(), cache_core::SnapshotError>(())
    /// ```
    pub fn invalidate_all(mut self) -> Self {
        self.restore.invalidated = Invalidated::All;
        self
    }

    /// Calls `on_progress` after each table with the number of entries read so far and the total number.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// # let cache = Cache::<CacheRegistry>::new();
    /// # cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// # let mut bytes = Vec::new();
    /// # cache.save_to(&mut bytes)?;
    /// let mut last = (0, 0);
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.restore_options().on_progress(|done, total| last = (done, total)).read_bytes(&bytes)?;
    /// assert_eq!(last, (1, 1));
    /// # Ok::<(), cache_core::SnapshotError>(())
    /// ```
    pub fn on_progress(mut self, on_progress: impl FnMut(u64, u64) + 'a) -> Self {
        self.restore.on_progress = Box::new(on_progress);
        self
    }

    /// Limits the threads that decode, including the caller's; with 0 or 1, only the caller's thread works.
    ///
    /// Default: as many as there are processors.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// # let cache = Cache::<CacheRegistry>::new();
    /// # cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// # let mut bytes = Vec::new();
    /// # cache.save_to(&mut bytes)?;
    /// let cache = Cache::<CacheRegistry>::new();
    /// let report = cache.restore_options().threads(1).read_bytes(&bytes)?;
    /// assert_eq!(report.restored(), 1);
    /// # Ok::<(), cache_core::SnapshotError>(())
    /// ```
    pub fn threads(mut self, threads: usize) -> Self {
        self.restore.threads = threads;
        self
    }

    /// Reads a snapshot from a file, as [`Cache::restore`] does.
    ///
    /// # Errors
    /// Those of [`Cache::restore`].
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, SnapshotError, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.snapshot");
    /// let cache = Cache::<CacheRegistry>::new();
    /// let missing = cache.restore_options().read_file(&path);
    /// assert!(matches!(missing, Err(SnapshotError::File { .. })));
    ///
    /// cache.save(&path)?;
    /// let report = cache.restore_options().invalidate_all().read_file(&path)?;
    /// assert!(!report.is_first_start);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_file(self, path: impl AsRef<Path>) -> Result<RestoreReport, SnapshotError> {
        let path = path.as_ref();
        let missing = || SnapshotError::File {
            action: "read",
            path: path.to_owned(),
            source: io::ErrorKind::NotFound.into(),
        };
        self.read_bytes(&file::read(path)?.ok_or_else(missing)?)
    }

    /// Reads a snapshot from a file if there is one.
    ///
    /// Without a file the cache stays as it is, and [`RestoreReport::is_first_start`] is set.
    ///
    /// # Errors
    /// Those of [`Cache::restore`], except that a missing file is not an error.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.snapshot");
    /// let cache = Cache::<CacheRegistry>::new();
    /// let report = cache.restore_options().invalidate_all().read_file_or_new(&path)?;
    /// assert!(report.is_first_start);
    ///
    /// cache.save(&path)?;
    /// assert!(!cache.restore_options().read_file_or_new(&path)?.is_first_start);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_file_or_new(self, path: impl AsRef<Path>) -> Result<RestoreReport, SnapshotError> {
        match file::read(path.as_ref())? {
            Some(bytes) => self.read_bytes(&bytes),
            None => Ok(RestoreReport { is_first_start: true, ..RestoreReport::default() }),
        }
    }

    /// Reads a snapshot from a stream, to its end, as [`Cache::restore_from`] does.
    ///
    /// # Errors
    /// Those of [`Cache::restore_from`].
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// # let cache = Cache::<CacheRegistry>::new();
    /// # cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// # let mut bytes = Vec::new();
    /// # cache.save_to(&mut bytes)?;
    /// # let stream = std::io::Cursor::new(bytes);
    /// let cache = Cache::<CacheRegistry>::new();
    /// let report = cache.restore_options().invalidate::<GetName>().read_from(stream)?;
    /// assert_eq!(report.restored(), 1);
    /// # Ok::<(), cache_core::SnapshotError>(())
    /// ```
    pub fn read_from(self, mut input: impl Read) -> Result<RestoreReport, SnapshotError> {
        self.read_bytes(&read_all(&mut input)?)
    }

    /// Reads a snapshot that is already in memory, without copying it.
    ///
    /// # Errors
    /// [`NotASnapshot`](SnapshotError::NotASnapshot), [`Version`](SnapshotError::Version) or
    /// [`Damaged`](SnapshotError::Damaged); the cache is left as it was.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, SnapshotError, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// # let cache = Cache::<CacheRegistry>::new();
    /// # cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// # let mut bytes = Vec::new();
    /// # cache.save_to(&mut bytes)?;
    /// let cache = Cache::<CacheRegistry>::new();
    /// let foreign = cache.restore_options().read_bytes(b"not a snapshot");
    /// assert!(matches!(foreign, Err(SnapshotError::NotASnapshot)));
    ///
    /// assert_eq!(cache.restore_options().read_bytes(&bytes)?.restored(), 1);
    /// assert_eq!(*cache.get(&GetName { id: 7 }).unwrap(), "Seven");
    /// # Ok::<(), SnapshotError>(())
    /// ```
    pub fn read_bytes(self, bytes: &[u8]) -> Result<RestoreReport, SnapshotError> {
        self.restore.read(self.cache.shared(), &self.cache.tables(), bytes)
    }
}

fn read_all(input: &mut dyn Read) -> Result<Vec<u8>, SnapshotError> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).map_err(SnapshotError::Stream)?;
    Ok(bytes)
}

impl Restore<'_> {
    fn read(
        mut self,
        shared: &Shared,
        tables: &[&dyn ErasedTable],
        bytes: &[u8],
    ) -> Result<RestoreReport, SnapshotError> {
        let snapshot = Snapshot::parse(bytes)?;
        let mut report =
            RestoreReport { elapsed: snapshot.elapsed(shared.clock.wall()), ..RestoreReport::default() };
        let restored = self.decode(tables, &snapshot, &mut report);
        // Revisions from before the save are not used again.
        shared.advance_revision(snapshot.revision());
        restored.commit(shared, &mut report);
        snapshot.sort(&mut report);
        Ok(report)
    }

    /// Decodes the tables that the cache knows, and reports those that are skipped.
    fn decode<'t>(
        &mut self,
        tables: &[&'t dyn ErasedTable],
        snapshot: &Snapshot<'_>,
        report: &mut RestoreReport,
    ) -> RestoredTables<'t> {
        let mut restored = RestoredTables { parts: Vec::new(), written: Vec::new() };
        let mut known = Vec::new();
        let total = snapshot.sections().iter().map(|section| section.entries()).sum();
        let mut done = 0;
        for &table in tables {
            let Some(section) = snapshot.section(table.name()) else { continue };
            known.push(table.name());
            let downtime = self.invalidated.downtime(table.name(), report.elapsed);
            match RestorePart::decode(table, section, downtime, self.threads) {
                Ok(part) => {
                    if part.kind() == CommitKind::Write {
                        restored.written.push(table.name());
                    }
                    restored.parts.push(part);
                }
                Err(reason) => {
                    report.tables.push(TableRestore::skipped(table.name(), section.entries(), reason));
                }
            }
            done += section.entries();
            (self.on_progress)(done, total);
        }
        for section in snapshot.sections().iter().filter(|section| !known.contains(&section.name())) {
            let skipped = TableRestore::skipped(section.name(), section.entries(), SkipReason::UnknownTable);
            report.tables.push(skipped);
            done += section.entries();
            (self.on_progress)(done, total);
        }
        restored
    }
}

impl Invalidated {
    fn downtime(&self, table: &str, elapsed: Duration) -> Downtime {
        let invalidates = match self {
            Self::Only(tables) => tables.contains(&table),
            Self::All => true,
        };
        Downtime { elapsed: elapsed.into(), invalidates }
    }
}

/// The tables of a snapshot, decoded.
struct RestoredTables<'a> {
    parts: Vec<RestorePart<'a>>,
    /// Names of the tables that will be written to.
    written: Vec<&'static str>,
}

impl RestoredTables<'_> {
    fn commit(mut self, shared: &Shared, report: &mut RestoreReport) {
        let Some(kind) = self.parts.iter().map(|part| part.kind()).max() else { return };
        shared.note_reset();
        // The parts of a restore read nothing, so nothing can overtake them.
        if let Ok(revision) = Commit::new(shared, kind).run(&mut dynamic(&mut self.parts)) {
            shared.log.note(revision, Some(&"restore".into()), || self.written);
        }
        self.parts.iter_mut().for_each(|part| part.restored(report));
        drop(self.parts);
        shared.drain();
    }
}

impl<R: Registry> Cache<R> {
    /// Puts the entries of a snapshot into the cache, as one commit. They replace the present entries of
    /// their keys and leave the rest. Their times have advanced by the wall-clock time since the save.
    ///
    /// If a table has a smaller bound than the saved one, an `lru` table keeps the most recently used
    /// entries. Any other table prefers entries that were read since they were added, then the newest. The
    /// report counts the entries that found no room. Entries of keys that are pinned in this cache are
    /// restored even beyond the bound and past their deadline. The values of tables that keep nothing are in
    /// [`RestoreReport::kept`].
    ///
    /// The file is read and decoded as a whole before the cache changes: that takes its length and the memory
    /// of all entries. Tables of more than a few thousand entries are decoded on all processors, so
    /// `Deserialize` may run on other threads, which end before this returns. See
    /// [`RestoreOptions::threads`]. Then the tables to be written are locked, for reads as well, until all
    /// entries are in.
    ///
    /// # What is skipped
    /// A table that is unknown, or whose types, version or codec have changed, is skipped as a whole. An
    /// entry that does not decode is skipped alone, and named in [`TableRestore::skipped_entries`]. Both are
    /// reported, and are not errors.
    ///
    /// # How old the answers are
    /// The snapshot contains the answers as of the save. Later writes are lost, and changes of the source
    /// while the program was down are unknown: a restored entry counts as fresh as long as its times say so.
    /// [`RestoreOptions::invalidate`] and [`RestoreOptions::invalidate_all`] mark restored entries as
    /// invalidated.
    ///
    /// # Errors
    /// - [`SnapshotError::Path`]: the path is empty, or names something other than a regular file. For a pipe
    ///   or a device, use [`restore_from`](Self::restore_from).
    /// - [`SnapshotError::File`]: there is no such file, or it cannot be read.
    /// - [`SnapshotError::NotASnapshot`], [`SnapshotError::Version`]: the file is not a snapshot, or one of
    ///   another format version.
    /// - [`SnapshotError::Damaged`]: the file was changed since it was written. Says where.
    ///
    /// On an error, the cache is left as it was.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.snapshot");
    /// # let cache = Cache::<CacheRegistry>::new();
    /// # cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// # cache.save(&path)?;
    /// let cache = Cache::<CacheRegistry>::new();
    /// let report = cache.restore(&path)?;
    /// for (table, skipped) in report.skipped() {
    ///     eprintln!("{table}: lost {} entries: {}", skipped.entries, skipped.reason);
    /// }
    /// assert_eq!(report.restored(), 1);
    /// assert_eq!(*cache.get(&GetName { id: 7 }).unwrap(), "Seven");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn restore(&self, path: impl AsRef<Path>) -> Result<RestoreReport, SnapshotError> {
        self.restore_options().read_file(path)
    }

    /// Restores a snapshot from a stream, as [`restore`](Self::restore) does from a file.
    ///
    /// # Errors
    /// - [`SnapshotError::Stream`]: the stream failed.
    /// - [`SnapshotError::NotASnapshot`], [`SnapshotError::Version`], [`SnapshotError::Damaged`] as for a file.
    ///
    /// On an error, the cache is left as it was.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// # let cache = Cache::<CacheRegistry>::new();
    /// # cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// # let mut bytes = Vec::new();
    /// # cache.save_to(&mut bytes)?;
    /// # let stream = std::io::Cursor::new(bytes);
    /// let cache = Cache::<CacheRegistry>::new();
    /// let report = cache.restore_from(stream)?;
    /// assert_eq!(report.restored(), 1);
    /// assert_eq!(*cache.get(&GetName { id: 7 }).unwrap(), "Seven");
    /// # Ok::<(), cache_core::SnapshotError>(())
    /// ```
    pub fn restore_from(&self, input: impl Read) -> Result<RestoreReport, SnapshotError> {
        self.restore_options().read_from(input)
    }

    /// Starts the configuration of a restore: which entries are invalidated, threads, progress.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// # let cache = Cache::<CacheRegistry>::new();
    /// # cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// # let mut bytes = Vec::new();
    /// # cache.save_to(&mut bytes)?;
    /// // The names may have changed while the program was down.
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.restore_options().invalidate::<GetName>().threads(1).read_bytes(&bytes)?;
    /// assert!(cache.get(&GetName { id: 7 }).is_some());
    /// assert!(cache.get_fresh(&GetName { id: 7 }).is_none());
    /// # Ok::<(), cache_core::SnapshotError>(())
    /// ```
    pub fn restore_options(&self) -> RestoreOptions<'_, R> {
        let (threads, invalidated) = (processors(), Invalidated::Only(Vec::new()));
        let restore = Restore { threads, invalidated, on_progress: Box::new(|_, _| {}) };
        RestoreOptions { cache: self, restore }
    }

    /// Creates a cache and restores a snapshot into it; without a file, the cache is empty. The report says
    /// which of the two happened.
    ///
    /// # Errors
    /// As [`Builder::restore_or_new`].
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.snapshot");
    /// let (cache, report) = Cache::<CacheRegistry>::restore_or_new(&path)?;
    /// assert_eq!(report.to_string(), "no snapshot yet, starting empty");
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// cache.save(&path)?;
    ///
    /// // The next start:
    /// let (cache, report) = Cache::<CacheRegistry>::restore_or_new(&path)?;
    /// assert_eq!(report.restored(), 1);
    /// assert!(cache.contains(&GetName { id: 7 }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn restore_or_new(path: impl AsRef<Path>) -> Result<(Self, RestoreReport), OpenError> {
        Self::builder().restore_or_new(path)
    }
}

impl<R: Registry> Builder<R> {
    /// Creates the cache and restores a snapshot into it; without a file, the cache is empty. The report says
    /// which of the two happened.
    ///
    /// # Errors
    /// - [`OpenError::Build`]: as [`build`](Self::build).
    /// - [`OpenError::Snapshot`]: the file exists but cannot be read, or is damaged, or the path does not
    ///   name a file. To continue without it, build an empty cache: the next save replaces the file.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.snapshot");
    /// let (cache, report) = Cache::<CacheRegistry>::builder()
    ///     .table::<GetName>(|table| table.capacity(10))
    ///     .restore_or_new(&path)?;
    /// assert!(report.is_first_start);
    /// assert!(cache.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn restore_or_new(self, path: impl AsRef<Path>) -> Result<(Cache<R>, RestoreReport), OpenError> {
        let cache = self.build()?;
        let path = path.as_ref();
        let restored = cache.restore_options().read_file_or_new(path);
        match restored {
            Ok(report) => Ok((cache, report)),
            Err(source) => Err(OpenError::Snapshot { path: path.to_owned(), source }),
        }
    }
}

impl<R: Registry> Debug for RestoreOptions<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestoreOptions").finish_non_exhaustive()
    }
}
