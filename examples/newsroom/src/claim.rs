//! Which processes use a folder: one, or several that share answers.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::app::OpenFailure;

/// The folder is used by this process alone until this is dropped.
#[derive(Debug)]
pub struct Claim {
    _folder: File,
}

/// The folder is used only by processes that share answers, until this is dropped.
#[derive(Debug)]
pub struct SharedClaim {
    /// Whether no other process uses it.
    pub is_first: bool,
    _folder: File,
    /// Held until the start is over, so that others begin with a complete database, and one process is the first.
    starting: Option<File>,
}

/// Makes the folder, and keeps other processes out of it: two would not see each other's comments.
///
/// # Errors
/// If the folder cannot be made, or another process has it.
pub fn alone(folder: &Path) -> Result<Claim, OpenFailure> {
    let lock = lock_file(folder, "newsroom.lock")?;
    match tried(lock.try_lock()) {
        Ok(true) => Ok(Claim { _folder: lock }),
        Ok(false) => Err(OpenFailure::InUse { path: folder.to_owned() }),
        Err(source) => Err(OpenFailure::Folder { path: folder.to_owned(), source }),
    }
}

/// Makes the folder, and keeps processes out of it that do not share answers. Waits while another one is starting.
///
/// # Errors
/// Like [`alone`].
pub async fn shared(folder: &Path) -> Result<SharedClaim, OpenFailure> {
    let folder = folder.to_owned();
    match tokio::task::spawn_blocking(move || claim_shared(&folder)).await {
        Ok(claim) => claim,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

fn claim_shared(folder: &Path) -> Result<SharedClaim, OpenFailure> {
    let failed = |source| OpenFailure::Folder { path: folder.to_owned(), source };
    let starting = lock_file(folder, "newsroom.starting")?;
    match starting.lock() {
        Err(error) if error.kind() != ErrorKind::Unsupported => return Err(failed(error)),
        _ => {}
    }
    let lock = lock_file(folder, "newsroom.lock")?;
    let is_first = tried(lock.try_lock()).map_err(failed)?;
    if is_first {
        // A lock that is held cannot be turned into a shared one on all systems.
        let _ = lock.unlock();
    }
    match tried(lock.try_lock_shared()).map_err(failed)? {
        true => Ok(SharedClaim { is_first, _folder: lock, starting: Some(starting) }),
        false => Err(OpenFailure::InUse { path: folder.to_owned() }),
    }
}

impl SharedClaim {
    /// Lets other processes start.
    pub fn started(&mut self) {
        self.starting = None;
    }
}

fn lock_file(folder: &Path, name: &str) -> Result<File, OpenFailure> {
    let failed = |source| OpenFailure::Folder { path: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    File::create(folder.join(name)).map_err(failed)
}

/// Whether a lock was taken. Some file systems have no locks.
fn tried(lock: Result<(), TryLockError>) -> io::Result<bool> {
    match lock {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
