//! Why a snapshot could not be written or read.

use std::io;
use std::path::PathBuf;

use super::report::advice;

/// Why a save or a restore failed as a whole. Both leave the cache and the file as they were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The path names neither a regular file nor a place where one can be created. It was not opened.
    #[error("cannot {action} `{}`: {problem}", path.display())]
    Path {
        /// What was to be done: "read" or "save to".
        action: &'static str,
        /// The path that was given.
        path: PathBuf,
        /// What is wrong with it.
        problem: PathProblem,
    },
    /// The file system refused.
    #[error("cannot {action} `{}`", path.display())]
    File {
        /// What was being done: "read", "write", "replace"...
        action: &'static str,
        /// The file or folder that it was done to.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The stream given to `save_to` or `restore_from` failed.
    #[error("the snapshot stream failed")]
    Stream(#[source] io::Error),
    /// The bytes are not a snapshot at all.
    #[error("this is not a snapshot: it does not begin like one (is the path right?)")]
    NotASnapshot,
    /// The snapshot was written by a release with another format.
    #[error(
        "the snapshot has format version {found}, this release reads version {supported}; \
         read it with the release that wrote it, or delete it and start cold"
    )]
    Version {
        /// Version in the file.
        found: u32,
        /// The version that this release reads.
        supported: u32,
    },
    /// The snapshot is damaged: it is not what was written.
    #[error(
        "the snapshot is damaged at byte {offset}: {damage}; restore it from a copy, or delete it and start cold"
    )]
    Damaged {
        /// Where, in bytes from the start.
        offset: u64,
        /// What is wrong there.
        damage: Damage,
    },
    /// An entry could not be encoded. [`SaveOptions::skip_unencodable`](crate::SaveOptions::skip_unencodable) leaves
    /// such entries out.
    #[error("table `{table}`: entry {key} cannot be saved as {codec}: {reason}")]
    Encode {
        /// Name of the table.
        table: String,
        /// The entry's key, by `Debug`.
        key: String,
        /// Name of the codec.
        codec: &'static str,
        /// What the codec or the type's `Serialize` said.
        reason: String,
    },
    /// What was written for an entry does not read back; the file was not touched. An error only with
    /// [`SaveOptions::skip_unreadable(false)`](crate::SaveOptions::skip_unreadable).
    #[error("table `{table}`: entry {key} does not survive {codec}: {reason}{}", advice(codec))]
    Unreadable {
        /// Name of the table.
        table: String,
        /// The entry's key, by `Debug`.
        key: String,
        /// Name of the codec.
        codec: &'static str,
        /// What went wrong when it was read back.
        reason: String,
    },
}

/// Why a path cannot name a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathProblem {
    /// Nothing was given.
    #[error("the path is empty; give the path of a file")]
    Empty,
    /// A folder is there, or the path can only name a folder, as with a separator at its end.
    #[error("this is a folder; give the path of a file in it")]
    Folder,
    /// A FIFO, a socket or a device is there. Replacing it with a file would take it from its users.
    #[error(
        "this is {kind}, not a regular file; give another path, or open it and use `save_to` or `restore_from`"
    )]
    Special {
        /// What it is: "a FIFO", "a character device"...
        kind: &'static str,
    },
}

/// What is wrong with a damaged snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The file ends too early.
    #[error("{what} is truncated: {missing} bytes are missing")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// How many bytes are missing.
        missing: u64,
    },
    /// Bytes changed since they were written.
    #[error("{what} has a wrong checksum")]
    Checksum {
        /// What was being read.
        what: &'static str,
    },
    /// A value that no writer produces.
    #[error("{what} is invalid")]
    Value {
        /// What was being read.
        what: &'static str,
    },
    /// More bytes than there should be.
    #[error("{excess} unexpected bytes follow {what}")]
    Excess {
        /// What was being read.
        what: &'static str,
        /// Number of these bytes.
        excess: u64,
    },
    /// Counts do not add up.
    #[error("{what}: {found} are announced, but there are {expected}")]
    Count {
        /// What was being counted.
        what: &'static str,
        /// As announced.
        found: u64,
        /// As counted.
        expected: u64,
    },
    /// Two tables have the same name.
    #[error("table `{name}` appears twice")]
    Twice {
        /// Name of the table.
        name: String,
    },
}

impl Damage {
    #[cold]
    pub(crate) fn at(self, offset: u64) -> SnapshotError {
        SnapshotError::Damaged { offset, damage: self }
    }
}
