//! Replacing a file so that at every moment either the old or the new one is there, whole and on disk. Knows
//! nothing of what is in it.
//!
//! The new content goes into a temporary file in the same folder (`.name.PID-N.tmp`), which is synced, renamed
//! over the old one, and made permanent by a sync of the folder. A process that is killed leaves its temporary
//! file behind; the next save removes it. So that this never hits the file of a living process, a writer holds a
//! lock on its temporary file, which the system drops with the process.
//!
//! A symbolic link is followed: the file that it points to is replaced, the link stays. Permissions of the old
//! file are kept; its owner and hard links are not. Where a folder cannot be synced (outside Unix) that last step
//! is left out: after a power failure the old file may then be back, whole.

#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::SnapshotError;

/// Links in a row that are followed before it counts as a loop, as in Linux.
const MAX_LINKS: usize = 40;
/// Names for a temporary file that are tried; one is nearly always enough.
const MAX_NAMES: usize = 100;

/// Replaces the file at `path` by what `write` writes.
///
/// # Errors
/// Those of `write`, and `File` for each step that fails; the old file is untouched then, unless only the sync
/// of the folder failed.
pub(crate) fn replace<R>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<R, SnapshotError>,
) -> Result<R, SnapshotError> {
    replace_on(&RealDisk, path, write)
}

/// All bytes of the file at `path`; `None` when there is no such file.
///
/// # Errors
/// `File` when it is there but cannot be read.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, SnapshotError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

fn replace_on<D: Disk, R>(
    disk: &D,
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<R, SnapshotError>,
) -> Result<R, SnapshotError> {
    let target = follow_links(path).map_err(failed("follow the link", path))?;
    let name =
        target.file_name().ok_or_else(|| failed("save to", path)(io::ErrorKind::IsADirectory.into()))?;
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    disk.sweep(folder, name);

    let (file, temporary) = Temporary::create(disk, folder, name, &target)?;
    let mut file = BufWriter::new(file);
    let written = write(&mut file).map_err(|error| at_path(error, &temporary.path))?;
    let file = file.into_inner().map_err(|error| failed("write", &temporary.path)(error.into_error()))?;
    disk.sync(&file).map_err(failed("sync", &temporary.path))?;
    disk.rename(&temporary.path, &target).map_err(failed("replace", &target))?;
    temporary.keep();
    disk.sync_folder(folder).map_err(failed("sync the folder", folder))?;
    Ok(written)
}

/// The steps of a replacement, so that a test can record them and act out a power failure after each.
trait Disk {
    type File: Write;

    /// Creates the file with the permissions of `like`, if that exists; `None` when the name is taken.
    fn create(&self, path: &Path, like: &Path) -> io::Result<Option<Self::File>>;
    /// Returns when the content of `file` is on disk.
    fn sync(&self, file: &Self::File) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Returns when the names in `folder` are on disk.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes temporary files for `name` that no living process writes, as far as it can.
    fn sweep(&self, folder: &Path, name: &OsStr);
}

/// A temporary file that is removed again unless it was renamed.
struct Temporary<'d, D: Disk> {
    disk: &'d D,
    path: PathBuf,
    is_kept: bool,
}

impl<'d, D: Disk> Temporary<'d, D> {
    fn create(
        disk: &'d D,
        folder: &Path,
        name: &OsStr,
        target: &Path,
    ) -> Result<(D::File, Self), SnapshotError> {
        for _ in 0..MAX_NAMES {
            let path = folder.join(temporary_name(name));
            if let Some(file) = disk.create(&path, target).map_err(failed("create", &path))? {
                return Ok((file, Self { disk, path, is_kept: false }));
            }
        }
        Err(failed("create a temporary file beside", target)(io::ErrorKind::AlreadyExists.into()))
    }

    fn keep(mut self) {
        self.is_kept = true;
    }
}

impl<D: Disk> Drop for Temporary<'_, D> {
    fn drop(&mut self) {
        if !self.is_kept {
            // A file left behind is removed by the next save.
            let _ = self.disk.remove(&self.path);
        }
    }
}

struct RealDisk;

impl Disk for RealDisk {
    type File = File;

    fn create(&self, path: &Path, like: &Path) -> io::Result<Option<File>> {
        let file = match OpenOptions::new().write(true).create_new(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            Err(error) => return Err(error),
        };
        // A sweep that came between creation and lock has the lock, or has removed the file.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Ok(None);
        }
        if !path.try_exists()? {
            return Ok(None);
        }
        // Before anything is in it, so that nobody reads what the old file kept from them.
        if let Ok(like) = fs::metadata(like) {
            file.set_permissions(like.permissions())?;
        }
        Ok(Some(file))
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    #[cfg(unix)]
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    #[cfg(not(unix))]
    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sweep(&self, folder: &Path, name: &OsStr) {
        let Ok(files) = fs::read_dir(folder) else { return };
        let stale = files.flatten().filter(|file| is_temporary_name(&file.file_name(), name));
        stale.for_each(|file| remove_if_unlocked(&file.path()));
    }
}

/// Keeps the lock until the file is gone, so that its writer, if there is one, notices.
fn remove_if_unlocked(path: &Path) {
    if let Ok(file) = File::open(path)
        && file.try_lock().is_ok()
    {
        let _ = fs::remove_file(path);
    }
}

/// Unique on this machine, for the time being.
fn temporary_name(name: &OsStr) -> OsString {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}-{number}.tmp", std::process::id()));
    temporary
}

fn is_temporary_name(candidate: &OsStr, name: &OsStr) -> bool {
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let middle = (|| {
        let rest = candidate.as_encoded_bytes().strip_prefix(b".")?;
        rest.strip_prefix(name.as_encoded_bytes())?.strip_prefix(b".")?.strip_suffix(b".tmp")
    })();
    match middle.and_then(|middle| Some(middle.split_at(middle.iter().position(|&byte| byte == b'-')?))) {
        Some((process, number)) => digits(process) && digits(&number[1..]),
        None => false,
    }
}

/// Where the file is to be that a chain of links points to, whether or not it exists.
fn follow_links(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::symlink_metadata(&target) {
            Ok(metadata) if metadata.is_symlink() => {
                let link = fs::read_link(&target)?;
                // A relative link counts from the folder that it is in; an absolute one replaces it.
                target = target.parent().unwrap_or(Path::new("")).join(link);
            }
            _ => return Ok(target),
        }
    }
    Err(io::Error::other("too many links in a row"))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SnapshotError {
    move |source| SnapshotError::File { action, path: path.to_owned(), source }
}

/// A stream that is a file has a path to name.
fn at_path(error: SnapshotError, path: &Path) -> SnapshotError {
    match error {
        SnapshotError::Stream(source) => failed("write", path)(source),
        other => other,
    }
}
