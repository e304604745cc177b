//! Errors of the database, with messages that say what to do.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the database has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The file cannot be opened or made.
    #[error("cannot open the database `{}`", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: rusqlite::Error,
    },
    /// The file that was made cannot be put in its place.
    #[error("cannot put the database at `{}`", path.display())]
    Move {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file was there when the program ran last, and is not there now.
    #[error("the database `{}` is missing; put it back, or move the files `answers-*` away too to begin a new one", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is the database of another newspaper than the one that was missing at the start.
    #[error("`{}` is not the database that was missing at the start; restart the program to use it", path.display())]
    Other {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error("the database `{}` is damaged ({problem}); move it away, and the next start makes a new one", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The message of SQLite.
        problem: String,
    },
    /// The file is a database of something else.
    #[error("`{}` is not a database of this program; move it away, or choose another folder with --data", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A statement failed.
    #[error("the database cannot answer")]
    Statement(#[from] rusqlite::Error),
    /// The failure was requested, for a test.
    #[error("the database is down, as requested")]
    Fault,
}

impl DatabaseError {
    pub(super) fn cannot_open(path: &Path, source: rusqlite::Error) -> Self {
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Damaged { path: path.to_owned(), problem: source.to_string() }
            }
            _ => Self::Open { path: path.to_owned(), source },
        }
    }

    /// Whether the same statement may succeed a little later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        let Self::Statement(error) = self else { return false };
        matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }
    /// Whether the database has failed, and not the statement.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        use rusqlite::Error;
        !matches!(
            self,
            // It costs nothing to see that the file is still missing, so that it is used as soon as it is there.
            Self::Missing { .. }
                | Self::Statement(Error::ToSqlConversionFailure(_) | Error::IntegralValueOutOfRange(..))
        )
    }
}
