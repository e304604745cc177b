//! Replaces a file so that at every moment either the old or the new one is there, whole and on disk. Knows
//! nothing of its content.
//!
//! The new content goes into a temporary file in the same folder, which is synced, renamed over the old one,
//! and made permanent by a sync of the folder. A process that is killed leaves its temporary file behind; the
//! next save to that folder removes it. To protect the file of a living process, a writer holds a lock on its
//! temporary file, which the system releases with the process.
//!
//! Others may be able to write in the folder. So the name of a temporary file is random, an existing file is
//! never opened under it, and only its owner may read it. Only regular files are opened: opening a FIFO waits
//! for its other end, and opening a device may do anything.
//!
//! A symbolic link is followed: the file that it points to is replaced, the link stays. Permissions of the
//! old file are kept; its owner and hard links are not. Where a folder cannot be synced (outside Unix), the
//! last step is skipped: after a power failure the old file may be back, whole.

mod target;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::error::SnapshotError;
use target::failed;

/// Number of names to try for a temporary file; one is nearly always enough.
const MAX_NAMES: usize = 100;

/// Prefix of temporary files, followed by 16 hexadecimal digits and [`SUFFIX`]. The name is short, whatever
/// the name of the target.
const PREFIX: &str = ".cache-core-snapshot-";
const SUFFIX: &str = ".tmp";

/// Replaces the file at `path` by what `write` writes.
///
/// # Errors
/// Those of `write`, and `File` for each step that fails. The old file is then untouched, unless only the
/// sync of the folder failed.
pub(crate) fn replace<R>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<R, SnapshotError>,
) -> Result<R, SnapshotError> {
    replace_on(&RealDisk, path, write)
}

/// Reads all bytes of the file at `path`; `None` if there is no such file.
///
/// # Errors
/// `Path` if anything other than a regular file is there, `File` if it cannot be read.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, SnapshotError> {
    const ACTION: &str = "read";
    if target::find(ACTION, path)?.is_none() {
        return Ok(None);
    }
    let mut file = match open_at_once(path, OpenOptions::new().read(true), Links::Follow) {
        Ok(file) => file,
        // Removed in the meantime.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(ACTION, path)(error)),
    };
    // It may have been replaced in the meantime.
    let found = file.metadata().map_err(failed(ACTION, path))?.file_type();
    if !found.is_file() {
        return Err(target::refused(ACTION, path, target::problem_of(found)));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(failed(ACTION, path))?;
    Ok(Some(bytes))
}

fn replace_on<D: Disk, R>(
    disk: &D,
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<R, SnapshotError>,
) -> Result<R, SnapshotError> {
    const ACTION: &str = "save to";
    target::find(ACTION, path)?;
    let target = target::follow_links(ACTION, path)?;
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    disk.sweep(folder);

    let (file, temporary) = Temporary::create(disk, folder)?;
    let mut file = BufWriter::new(file);
    let written = write(&mut file).map_err(|error| at_path(error, &temporary.path))?;
    let file = file.into_inner().map_err(|error| failed("write", &temporary.path)(error.into_error()))?;
    // Checked again, since the write may have taken long.
    if let Some(old) = target::find(ACTION, &target)? {
        disk.keep_permissions(&file, &old).map_err(failed("set the permissions of", &temporary.path))?;
    }
    disk.sync(&file).map_err(failed("sync", &temporary.path))?;
    disk.rename(&temporary.path, &target).map_err(failed("replace", &target))?;
    temporary.keep();
    disk.sync_folder(folder).map_err(failed("sync the folder", folder))?;
    Ok(written)
}

/// The steps of a replacement, so that a test can record them and simulate a power failure after each.
trait Disk {
    type File: Write;

    /// Creates a file that only its owner may read; `None` if the name is taken.
    fn create(&self, path: &Path) -> io::Result<Option<Self::File>>;
    /// Gives `file` the permissions of `old`.
    fn keep_permissions(&self, file: &Self::File, old: &Metadata) -> io::Result<()>;
    /// Returns when the content of `file` is on disk.
    fn sync(&self, file: &Self::File) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Returns when the names in `folder` are on disk.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes temporary files that no living process writes, as far as possible.
    fn sweep(&self, folder: &Path);
}

/// A temporary file that is removed again unless it was renamed.
struct Temporary<'d, D: Disk> {
    disk: &'d D,
    path: PathBuf,
    is_kept: bool,
}

impl<'d, D: Disk> Temporary<'d, D> {
    fn create(disk: &'d D, folder: &Path) -> Result<(D::File, Self), SnapshotError> {
        let failed = || failed("create a temporary file in", folder);
        for _ in 0..MAX_NAMES {
            let path = folder.join(temporary_name());
            if let Some(file) = disk.create(&path).map_err(failed())? {
                return Ok((file, Self { disk, path, is_kept: false }));
            }
        }
        Err(failed()(io::ErrorKind::AlreadyExists.into()))
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

    fn create(&self, path: &Path) -> io::Result<Option<File>> {
        // With `create_new`, the system follows no link and opens no existing file.
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = match options.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            Err(error) => return Err(error),
        };
        // A sweep between creation and lock holds the lock, or has removed the file.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Ok(None);
        }
        Ok(path.try_exists()?.then_some(file))
    }

    #[cfg(unix)]
    fn keep_permissions(&self, file: &File, old: &Metadata) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        // Without the set-id bits, since the owner may be another one now.
        let mode = |metadata: &Metadata| metadata.permissions().mode() & 0o777;
        // Some file systems have only one mode, and refuse to set any.
        match mode(&file.metadata()?) == mode(old) {
            true => Ok(()),
            false => file.set_permissions(fs::Permissions::from_mode(mode(old))),
        }
    }

    #[cfg(not(unix))]
    fn keep_permissions(&self, file: &File, old: &Metadata) -> io::Result<()> {
        file.set_permissions(old.permissions())
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    #[cfg(unix)]
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        open_at_once(folder, OpenOptions::new().read(true), Links::Follow)?.sync_all()
    }

    #[cfg(not(unix))]
    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sweep(&self, folder: &Path) {
        let Ok(files) = fs::read_dir(folder) else { return };
        // This is the type of the link itself.
        let is_file = |file: &fs::DirEntry| file.file_type().is_ok_and(|found| found.is_file());
        let stale = files.flatten().filter(|file| is_temporary_name(&file.file_name()) && is_file(file));
        stale.for_each(|file| remove_if_unlocked(&file.path()));
    }
}

/// Removes a file unless it is locked. Keeps the lock until the file is gone, so that its writer, if there is
/// one, notices.
fn remove_if_unlocked(path: &Path) {
    // Some file systems lock only files that are open for writing.
    if let Ok(file) = open_at_once(path, OpenOptions::new().write(true), Links::Refuse)
        && file.metadata().is_ok_and(|metadata| metadata.is_file())
        && file.try_lock().is_ok()
    {
        let _ = fs::remove_file(path);
    }
}

/// What to do about a symbolic link at the end of a path.
#[derive(PartialEq)]
enum Links {
    Follow,
    /// Outside Unix, where few users may create links, they are followed nevertheless.
    Refuse,
}

/// Opens a path that was a regular file or a folder, without blocking if it was replaced by a FIFO since.
#[cfg_attr(not(unix), expect(unused_variables))]
fn open_at_once(path: &Path, options: &mut OpenOptions, links: Links) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let refuse = if links == Links::Refuse { libc::O_NOFOLLOW } else { 0 };
        options.custom_flags(libc::O_NONBLOCK | refuse);
    }
    options.open(path)
}

/// Returns a name that cannot be guessed, since the keys of std's hasher are random.
fn temporary_name() -> String {
    format!("{PREFIX}{:016x}{SUFFIX}", RandomState::new().hash_one(PREFIX))
}

fn is_temporary_name(candidate: &OsStr) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let number = candidate.as_encoded_bytes().strip_prefix(PREFIX.as_bytes());
    let number = number.and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()));
    number.is_some_and(|number| number.len() == 16 && number.iter().all(is_digit))
}

/// Names the path in the error of a stream that is a file.
fn at_path(error: SnapshotError, path: &Path) -> SnapshotError {
    match error {
        SnapshotError::Stream(source) => failed("write", path)(source),
        other => other,
    }
}
