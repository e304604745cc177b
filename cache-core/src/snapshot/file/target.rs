//! Resolves the path of a snapshot: to a regular file, or to a place where one can be created. Opens nothing.

use std::ffi::OsStr;
use std::fs::{self, FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use crate::snapshot::error::{PathProblem, SnapshotError};

/// Number of links in a row after which it counts as a loop, as in Linux.
const MAX_LINKS: usize = 40;

/// Finds the regular file at `path`, through links; `None` if nothing is there.
///
/// # Errors
/// `Path` for anything other than a regular file; `File` if the system cannot tell.
pub(super) fn find(action: &'static str, path: &Path) -> Result<Option<Metadata>, SnapshotError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata)),
        Ok(metadata) => Err(refused(action, path, problem_of(metadata.file_type()))),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(action, path)(error)),
        Err(_) if path.as_os_str().is_empty() => Err(refused(action, path, PathProblem::Empty)),
        Err(_) if file_name(path).is_none() => Err(refused(action, path, PathProblem::Folder)),
        Err(_) => Ok(None),
    }
}

/// Returns where `path` leads through links, whether or not a file is there.
///
/// The system follows links as well, but names no place for a file that does not exist yet. [`find`] asks it
/// first, so that a link that it does not follow, such as one of another user in a shared folder, is not
/// followed here.
pub(super) fn follow_links(action: &'static str, path: &Path) -> Result<PathBuf, SnapshotError> {
    let mut target = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::symlink_metadata(&target) {
            Ok(metadata) if metadata.is_symlink() => {
                let link = fs::read_link(&target).map_err(failed("follow the link", &target))?;
                // A relative link counts from the folder that it is in; an absolute one replaces it.
                target = target.parent().unwrap_or(Path::new("")).join(link);
            }
            _ if file_name(&target).is_none() => return Err(refused(action, &target, PathProblem::Folder)),
            _ => return Ok(target),
        }
    }
    Err(failed(action, path)(io::Error::other("too many links in a row")))
}

/// Returns the last part of a path, if it can name a file: `Path` alone ignores a separator at the end.
fn file_name(path: &Path) -> Option<&OsStr> {
    let whole = path.as_os_str().as_encoded_bytes();
    path.file_name().filter(|name| whole.ends_with(name.as_encoded_bytes()))
}

pub(super) fn refused(action: &'static str, path: &Path, problem: PathProblem) -> SnapshotError {
    SnapshotError::Path { action, path: path.to_owned(), problem }
}

/// Returns why something other than a regular file is refused.
pub(super) fn problem_of(found: FileType) -> PathProblem {
    match found.is_dir() {
        true => PathProblem::Folder,
        false => PathProblem::Special { kind: kind_of(found) },
    }
}

#[cfg(unix)]
fn kind_of(found: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match found {
        _ if found.is_fifo() => "a FIFO",
        _ if found.is_socket() => "a socket",
        _ if found.is_char_device() => "a character device",
        _ if found.is_block_device() => "a block device",
        _ => "a special file",
    }
}

#[cfg(not(unix))]
fn kind_of(_found: FileType) -> &'static str {
    "a special file"
}

pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SnapshotError {
    move |source| SnapshotError::File { action, path: path.to_owned(), source }
}
