//! What a server or its settings lack.

/// What has to be changed before a server can be used: the source of
/// [`ConnectError::Unusable`](cache_client::shared::ConnectError::Unusable).
///
/// No message has a password in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The url, the namespace or a certificate cannot be used.
    #[error("the settings of the shared tier cannot be used: {problem}")]
    Settings {
        /// What to change.
        problem: String,
    },
    /// The server refuses the user or the password.
    #[error("the server at {address} refuses the user or the password: {answer}")]
    Login {
        /// Host and port.
        address: String,
        /// The server's words.
        answer: String,
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
