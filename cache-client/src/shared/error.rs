//! What can go wrong between a client and the server of a shared tier.

use std::time::Duration;

use cache_core::BoxError;

/// Why a server cannot be used now.
///
/// The client tries again later in both cases.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No connection was made, or it ended before the server was known.
    #[error("no connection to the shared tier at {address}")]
    #[non_exhaustive]
    Unreachable {
        /// Where the server should be, without passwords.
        address: String,
        /// What has happened.
        source: BoxError,
    },
    /// The server or its settings lack something. It has to be changed before the tier can be used.
    #[error("the shared tier cannot be used")]
    #[non_exhaustive]
    Unusable {
        /// What is lacking.
        source: BoxError,
    },
}

impl ConnectError {
    /// Creates [`Unreachable`](Self::Unreachable). The address must not have a password in it.
    pub fn unreachable(address: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::Unreachable { address: address.into(), source: source.into() }
    }

    /// Creates [`Unusable`](Self::Unusable).
    pub fn unusable(source: impl Into<BoxError>) -> Self {
        Self::Unusable { source: source.into() }
    }
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
    Ended(#[source] BoxError),
    /// The answer cannot be read.
    #[error("the shared tier has answered something else: {0}")]
    Unreadable(String),
}
