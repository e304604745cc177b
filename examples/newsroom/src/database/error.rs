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
            Self::Statement(Error::ToSqlConversionFailure(_) | Error::IntegralValueOutOfRange(..))
        )
    }
}
