//! What can go wrong between a client and the server.

use std::time::Duration;

use redis::RedisError;

/// Why a server cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The url or the namespace cannot be used.
    #[error("the settings of the shared tier cannot be used: {problem}")]
    Settings {
        /// What to change.
        problem: String,
    },
    /// No connection was made, or it ended before the server was known.
    #[error("no connection to the shared tier at {address}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What the driver has reported.
        source: CallError,
    },
    /// The server is not Redis or Valkey, or not one primary.
    #[error("the server at {address} is {found}, and the shared tier needs one primary of Redis or Valkey")]
    Kind {
        /// Host and port.
        address: String,
        /// What the server says it is.
        found: String,
    },
    /// The server is too old.
    #[error(
        "the server at {address} has version {found}, and the shared tier needs Redis 5 or later, or Valkey"
    )]
    Version {
        /// Host and port.
        address: String,
        /// What the server says it is.
        found: String,
    },
    /// The user may not run commands that the tier needs, or the server does not have them.
    #[error("the server at {address} refuses commands that the shared tier needs: {}", missing.join("; "))]
    Rights {
        /// Host and port.
        address: String,
        /// Each command, with the server's words.
        missing: Vec<String>,
    },
}

/// Why a request was not answered.
///
/// Except after [`Refused`](Self::Refused), the server may have carried it out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The answer has not come in time.
    #[error("the shared tier has not answered within {0:?}")]
    Timeout(Duration),
    /// The server has answered with an error.
    #[error("the shared tier refuses a request: {0}")]
    Refused(String),
    /// The connection has ended.
    #[error("the connection to the shared tier has ended")]
    Ended(#[source] RedisError),
    /// The answer cannot be read.
    #[error("the shared tier has answered something else: {0}")]
    Unreadable(String),
}

impl From<RedisError> for CallError {
    fn from(error: RedisError) -> Self {
        match error.code() {
            Some(_) => Self::Refused(error.to_string()),
            None => Self::Ended(error),
        }
    }
}
