//! Why a request has no answer, as an HTTP status and a text for people.

use axum::extract::rejection::{FormRejection, JsonRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use cache_client::{MutateError, QueryError};

use crate::app::with_causes;
use crate::commenting::CommentError;
use crate::model::NotA;

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// There is no such thing.
    Absent(String),
    /// The request makes no sense.
    BadInput(String),
    /// The request took too long, and was given up.
    Interrupted,
    /// The database has failed too often, and is left alone for a while.
    CircuitOpen,
    /// Something else has failed: what, is for the log.
    Internal(String),
}

impl Problem {
    /// Nothing has that number.
    pub fn no_such(what: &str, number: u64) -> Self {
        Self::Absent(format!("There is no {what} {number}."))
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Absent(_) => StatusCode::NOT_FOUND,
            Self::BadInput(_) => StatusCode::BAD_REQUEST,
            Self::Interrupted => StatusCode::GATEWAY_TIMEOUT,
            Self::CircuitOpen => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the reader is told.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Absent(text) | Self::BadInput(text) => text,
            Self::Interrupted => "This took too long, and was given up. Please try again.",
            Self::CircuitOpen => {
                "Our archive does not answer. It is left alone for a while; please come back then."
            }
            Self::Internal(_) => "Something went wrong on our side.",
        }
    }

    /// What has to be told to who runs the service.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Internal(cause) => Some(cause),
            _ => None,
        }
    }
}

impl<E: std::error::Error + 'static> From<QueryError<E>> for Problem {
    fn from(error: QueryError<E>) -> Self {
        match error {
            QueryError::Interrupted { .. } => Self::Interrupted,
            QueryError::CircuitOpen { .. } => Self::CircuitOpen,
            error => Self::Internal(with_causes(&error)),
        }
    }
}

impl From<MutateError<CommentError>> for Problem {
    fn from(error: MutateError<CommentError>) -> Self {
        match error {
            MutateError::Failed { source, .. } => source.into(),
            MutateError::Interrupted { .. } => Self::Interrupted,
            error => Self::Internal(with_causes(&error)),
        }
    }
}

impl From<CommentError> for Problem {
    fn from(error: CommentError) -> Self {
        match error {
            CommentError::Refused(problem) => Self::BadInput(problem),
            CommentError::NoSuchArticle(article) => Self::no_such("article", article),
            error => Self::Internal(with_causes(&error)),
        }
    }
}

macro_rules! bad_input {
    ($($error:ty),+) => {$(
        impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                Self::BadInput(error.to_string())
            }
        }
    )+};
}

bad_input!(NotA, PathRejection, QueryRejection, FormRejection, JsonRejection);
