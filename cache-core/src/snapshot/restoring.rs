//! Restoring a whole cache: one commit brings a snapshot back.

use std::fmt::{self, Debug};
use std::io::{self, Read};
use std::path::Path;

use super::error::SnapshotError;
use super::file;
use super::reader::Snapshot;
use super::report::{RestoreReport, SkipReason, TableRestore};
use super::saving::OnProgress;
use crate::builder::Builder;
use crate::cache::Cache;
use crate::error::OpenError;
use crate::registry::Registry;
use crate::sync::processors;
use crate::transaction::commit::{Commit, CommitKind, Part};

/// A restore that is being set up. Made by [`Cache::restoring`].
#[must_use]
pub struct Restoring<'a, R: Registry> {
    cache: &'a Cache<R>,
    threads: usize,
    on_progress: OnProgress<'a>,
}

impl<'a, R: Registry> Restoring<'a, R> {
    /// Calls `on_progress` after each table with the entries read so far, and those that there are.
    pub fn on_progress(mut self, on_progress: impl FnMut(u64, u64) + 'a) -> Self {
        self.on_progress = Box::new(on_progress);
        self
    }

    /// Has at most so many threads decode, the caller's among them; 1 and 0 leave it alone. Default: as many as there
    /// are processors.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Reads a snapshot from a file. See [`Cache::restore`].
    ///
    /// # Errors
    /// [`SnapshotError`]; the cache is left as it was.
    pub fn from_file(self, path: impl AsRef<Path>) -> Result<RestoreReport, SnapshotError> {
        let path = path.as_ref();
        let missing = || SnapshotError::File {
            action: "read",
            path: path.to_owned(),
            source: io::ErrorKind::NotFound.into(),
        };
        self.from_bytes(&file::read(path)?.ok_or_else(missing)?)
    }

    /// Reads a snapshot from a stream, to its end.
    ///
    /// # Errors
    /// [`SnapshotError`]; the cache is left as it was.
    pub fn from(self, mut input: impl Read) -> Result<RestoreReport, SnapshotError> {
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes).map_err(SnapshotError::Stream)?;
        self.from_bytes(&bytes)
    }

    /// Reads a snapshot that is in memory already, without a copy of it.
    ///
    /// # Errors
    /// [`SnapshotError`]; the cache is left as it was.
    pub fn from_bytes(mut self, bytes: &[u8]) -> Result<RestoreReport, SnapshotError> {
        let core = self.cache.core();
        let snapshot = Snapshot::parse(bytes)?;
        let mut report =
            RestoreReport { elapsed: snapshot.elapsed(core.clock.wall()), ..RestoreReport::default() };
        let mut parts: Vec<Box<dyn Part + '_>> = Vec::new();
        let mut known = Vec::new();
        let mut written = Vec::new();
        let total = snapshot.sections().iter().map(|section| section.entries()).sum();
        let mut done = 0;
        self.cache.visit(&mut |table| {
            let Some(section) = snapshot.section(table.name()) else { return };
            known.push(table.name());
            match table.restoring(section, report.elapsed, self.threads) {
                Ok(part) => {
                    if part.kind() == CommitKind::Write {
                        written.push(table.name());
                    }
                    parts.push(part);
                }
                Err(reason) => {
                    report.tables.push(TableRestore::skipped(table.name(), section.entries(), reason));
                }
            }
            done += section.entries();
            (self.on_progress)(done, total);
        });
        for section in snapshot.sections().iter().filter(|section| !known.contains(&section.name())) {
            let skipped = TableRestore::skipped(section.name(), section.entries(), SkipReason::UnknownTable);
            report.tables.push(skipped);
        }
        // Numbers that were given out before the save are not given out again.
        core.advance_revision(snapshot.revision());
        if !parts.is_empty() {
            // The parts of a restore read nothing, so nothing can have overtaken them.
            let kind = parts.iter().map(|part| part.kind()).max().unwrap_or(CommitKind::Read);
            if let Ok(revision) = Commit::new(core, kind).run(&mut parts) {
                core.log.note(revision, Some(&"restore".into()), || written);
            }
            parts.iter_mut().for_each(|part| part.restored(&mut report));
            drop(parts);
            core.events.drain();
        }
        let place = |name: &str| snapshot.sections().iter().position(|section| section.name() == name);
        report.tables.sort_by_key(|table| place(&table.name));
        Ok(report)
    }
}

impl<R: Registry> Cache<R> {
    /// Puts the entries of a snapshot into the cache, as one commit. They replace what is there under their keys and
    /// leave the rest. Their times have gone on by the wall-clock time passed since the save.
    ///
    /// A table that is unknown, or whose types have changed, is passed over and named in the report. A table with a
    /// smaller bound than the saved one keeps the most recently used entries, and the report counts the others. Entries
    /// of keys that are pinned in this cache are restored even beyond the bound and after their time. The values of
    /// tables that keep nothing are in [`RestoreReport::kept`].
    ///
    /// The file is read and decoded as a whole before the cache changes: that takes its length and the memory of all
    /// entries. Tables of more than a few thousand entries are decoded on all processors, so `Deserialize` may run on
    /// threads of the restore's own; they have ended when it returns. See [`Restoring::threads`]. Then the tables that
    /// are written to are locked, for reads as well, until all entries are in.
    ///
    /// # Errors
    /// [`SnapshotError`] if there is no such file, it is damaged, or the path is empty or names something else than a
    /// regular file ([`SnapshotError::Path`]); the cache is left as it was. For a pipe or a device there is
    /// [`restore_from`](Self::restore_from).
    pub fn restore(&self, path: impl AsRef<Path>) -> Result<RestoreReport, SnapshotError> {
        self.restoring().from_file(path)
    }

    /// [`restore`](Self::restore) from a stream.
    ///
    /// # Errors
    /// As [`restore`](Self::restore).
    pub fn restore_from(&self, input: impl Read) -> Result<RestoreReport, SnapshotError> {
        self.restoring().from(input)
    }

    /// A restore with options: threads, progress.
    pub fn restoring(&self) -> Restoring<'_, R> {
        Restoring { cache: self, threads: processors(), on_progress: Box::new(|_, _| {}) }
    }

    /// A cache from a snapshot, or an empty one if there is no file yet; the report tells.
    ///
    /// # Errors
    /// As [`Builder::restore_or_new`].
    pub fn restore_or_new(path: impl AsRef<Path>) -> Result<(Self, RestoreReport), OpenError> {
        Self::builder().restore_or_new(path)
    }
}

impl<R: Registry> Builder<R> {
    /// Makes the cache from a snapshot, or an empty one if there is no file yet; the report tells.
    ///
    /// # Errors
    /// [`OpenError::Build`] as [`build`](Self::build); [`OpenError::Snapshot`] if the file is there and cannot be
    /// read, or is damaged, or if the path names no file. To go on without it, build an empty cache: the next save replaces the file.
    pub fn restore_or_new(self, path: impl AsRef<Path>) -> Result<(Cache<R>, RestoreReport), OpenError> {
        let cache = self.build()?;
        let path = path.as_ref();
        match cache.restore(path) {
            Ok(report) => Ok((cache, report)),
            Err(SnapshotError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok((cache, RestoreReport { is_first_start: true, ..RestoreReport::default() }))
            }
            Err(source) => Err(OpenError::Snapshot { path: path.to_owned(), source }),
        }
    }
}

impl<R: Registry> Debug for Restoring<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Restoring").finish_non_exhaustive()
    }
}
