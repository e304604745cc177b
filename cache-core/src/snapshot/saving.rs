//! Saving a whole cache: one moment of it goes out.

use std::fmt::{self, Debug};
use std::io::Write;
use std::path::Path;

use super::error::SnapshotError;
use super::file;
use super::report::SaveReport;
use super::writer::write_snapshot;
use crate::cache::Cache;
use crate::registry::Registry;
use crate::sync::processors;

/// Told of entries done, and of how many.
pub(super) type OnProgress<'a> = Box<dyn FnMut(u64, u64) + 'a>;

/// A save that is being set up. Made by [`Cache::saving`].
#[must_use]
pub struct Saving<'a, R: Registry> {
    cache: &'a Cache<R>,
    with_survivors: bool,
    threads: usize,
    on_progress: OnProgress<'a>,
}

impl<'a, R: Registry> Saving<'a, R> {
    /// Saves survivors too: values that the program holds and the cache no longer keeps.
    pub fn with_survivors(mut self) -> Self {
        self.with_survivors = true;
        self
    }

    /// Calls `on_progress` now and then with the entries written so far, and those that there are.
    pub fn on_progress(mut self, on_progress: impl FnMut(u64, u64) + 'a) -> Self {
        self.on_progress = Box::new(on_progress);
        self
    }

    /// Has at most so many threads work on the save, the caller's among them; 1 and 0 leave it alone. Default: as
    /// many as there are processors.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Writes the snapshot to a file. See [`Cache::save`].
    ///
    /// # Errors
    /// [`SnapshotError`]; the old file is left as it was.
    pub fn to_file(self, path: impl AsRef<Path>) -> Result<SaveReport, SnapshotError> {
        file::replace(path.as_ref(), |out| self.write(out))
    }

    /// Writes the snapshot to a stream.
    ///
    /// # Errors
    /// [`SnapshotError`]; the stream may have got a part.
    pub fn to(self, mut out: impl Write) -> Result<SaveReport, SnapshotError> {
        self.write(&mut out)
    }

    fn write(mut self, out: &mut dyn Write) -> Result<SaveReport, SnapshotError> {
        let core = self.cache.core();
        // A clock may be foreign code, for which no writer is to wait.
        let (saved_at, now) = (core.clock.wall(), core.now());
        let mut images = Vec::new();
        let mut not_persisted = Vec::new();
        // One moment: from here on no write gets in, and readers are not held up.
        let closed = core.gate.close();
        self.cache.visit(&mut |table| match table.image(self.with_survivors, now, self.threads) {
            Some(image) => images.push(image),
            None => not_persisted.push(table.name().to_owned()),
        });
        // After the copy: a commit that had its locks when the gate was closed may have drawn its number since.
        let revision = core.revision();
        drop(closed);
        let mut images: Vec<_> = images.into_iter().map(|image| image.0).collect();
        let progress = &mut *self.on_progress;
        let mut report = write_snapshot(out, saved_at, revision, &mut images, self.threads, progress)?;
        report.not_persisted = not_persisted;
        Ok(report)
    }
}

impl<R: Registry> Cache<R> {
    /// Saves the cache to a file: all tables with `persist`, at one moment, never half a commit.
    ///
    /// The file is replaced atomically and durably: whatever happens, the old or the new snapshot is there, whole.
    /// A new file can be read by its owner alone (mode 0600); one that replaces another has the mode of the old one.
    /// A link is followed. Anything but a regular file is left as it is: for a pipe or a device there is
    /// [`save_to`](Self::save_to). While a save runs, the folder holds a file `.cache-core-snapshot-*.tmp`; that of a
    /// killed process is removed by the next save to the folder.
    ///
    /// Writers wait while keys and `Arc`s are copied, readers never; encoding and writing hold up nobody. The copies
    /// take about 60 bytes for each entry until it is encoded.
    ///
    /// Tables of more than a few thousand entries are copied and encoded on all processors, so `Clone` of keys and
    /// `Serialize` may run on threads of the save's own; they have ended when it returns. See [`Saving::threads`].
    ///
    /// # Errors
    /// [`SnapshotError`] if a value cannot be encoded or does not read back, the path is empty or names something else
    /// than a regular file ([`SnapshotError::Path`]), or the file cannot be written. The old file is left as it was,
    /// unless all that failed was the sync of the folder.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<SaveReport, SnapshotError> {
        self.saving().to_file(path)
    }

    /// [`save`](Self::save) to a stream.
    ///
    /// # Errors
    /// As [`save`](Self::save); the stream may have got a part.
    pub fn save_to(&self, out: impl Write) -> Result<SaveReport, SnapshotError> {
        self.saving().to(out)
    }

    /// A save with options: survivors, threads, progress.
    pub fn saving(&self) -> Saving<'_, R> {
        let on_progress = Box::new(|_, _| {});
        Saving { cache: self, with_survivors: false, threads: processors(), on_progress }
    }
}

impl<R: Registry> Debug for Saving<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Saving").field("with_survivors", &self.with_survivors).finish_non_exhaustive()
    }
}
