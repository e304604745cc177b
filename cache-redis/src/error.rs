//! What can go wrong between a client and the server.

use cache_client::shared::CallError;
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

/// What the driver has reported.
pub(crate) fn call_error(error: RedisError) -> CallError {
    match error.code() {
        Some(_) => CallError::Refused(error.to_string()),
        None => CallError::Ended(error.into()),
    }
}
