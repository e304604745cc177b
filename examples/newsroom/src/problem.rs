//! Why a request has no answer, as an HTTP status and a text for people.

use std::borrow::Cow;
use std::fmt;

use axum::extract::rejection::{FormRejection, JsonRejection, PathRejection, QueryRejection};
use axum::http::{Method, StatusCode, Uri};
use cache_client::{MutateError, QueryError};

use crate::app::with_causes;
use crate::commenting::CommentError;
use crate::editing::EditError;
use crate::model::NotA;

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// There is no such thing.
    Absent(String),
    /// The request is invalid.
    BadInput(String),
    /// This client may not do that.
    Forbidden(String),
    /// The request was refused before anything was looked up.
    Refused {
        /// The status of the response.
        status: StatusCode,
        /// The reason.
        message: String,
    },
    /// Too many event streams are open.
    TooManyStreams,
    /// The request took too long, and was dropped.
    Interrupted,
    /// The database has failed too often, and is not queried for a while.
    CircuitOpen,
    /// Something else has failed; the log says what.
    Internal(String),
}

impl Problem {
    /// Nothing has that number.
    pub fn no_such(what: &str, number: u64) -> Self {
        Self::Absent(format!("There is no {what} {number}."))
    }

    /// Nothing has that address.
    pub fn nothing_at(uri: &Uri) -> Self {
        Self::Absent(format!("There is nothing at {}.", cut(uri.path())))
    }

    /// The path exists, but not for this method.
    pub fn wrong_method(method: &Method) -> Self {
        let message = format!(
            "The method {} is not allowed here; the header `allow` lists those that are.",
            cut(method.as_str())
        );
        Self::Refused { status: StatusCode::METHOD_NOT_ALLOWED, message }
    }

    /// A request body beyond the limit.
    pub(crate) fn too_long() -> Self {
        let message = "The request is too long: a comment has at most 2,000 characters.".to_owned();
        Self::Refused { status: StatusCode::PAYLOAD_TOO_LARGE, message }
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Absent(_) => StatusCode::NOT_FOUND,
            Self::BadInput(_) => StatusCode::BAD_REQUEST,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Refused { status, .. } => *status,
            Self::Interrupted => StatusCode::GATEWAY_TIMEOUT,
            Self::CircuitOpen | Self::TooManyStreams => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The message for the reader.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Absent(text) | Self::BadInput(text) | Self::Forbidden(text) => text,
            Self::Refused { message, .. } => message,
            Self::TooManyStreams => {
                "Too many readers follow the comments live. Please reload the page a little later."
            }
            Self::Interrupted => "This took too long. Please try again.",
            Self::CircuitOpen => "Our archive does not answer. Please come back in a while.",
            Self::Internal(_) => "Something went wrong on our side.",
        }
    }

    /// The number of seconds after which the same request may succeed, where that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::CircuitOpen => Some(60),
            Self::TooManyStreams => Some(30),
            _ => None,
        }
    }

    /// The message for the operator of the service.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Internal(cause) => Some(cause),
            _ => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
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

/// The error of a load that reads other queries is a problem already.
impl From<QueryError<Self>> for Problem {
    fn from(error: QueryError<Self>) -> Self {
        match error {
            QueryError::Failed { source, .. } => Self::clone(&source),
            QueryError::Interrupted { .. } => Self::Interrupted,
            QueryError::CircuitOpen { .. } => Self::CircuitOpen,
            error => Self::Internal(error.to_string()),
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

impl From<MutateError<EditError>> for Problem {
    fn from(error: MutateError<EditError>) -> Self {
        match error {
            MutateError::Failed { source, .. } => source.into(),
            MutateError::Interrupted { .. } => Self::Interrupted,
            error => Self::Internal(with_causes(&error)),
        }
    }
}

impl From<EditError> for Problem {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Refused(problem) => Self::BadInput(problem),
            EditError::Taken(_) => Self::Refused { status: StatusCode::CONFLICT, message: error.to_string() },
            EditError::NoSuchAuthor(author) => Self::no_such("author", author),
            EditError::NoSuchArticle(article) => Self::no_such("article", article),
            error => Self::Internal(with_causes(&error)),
        }
    }
}

impl From<NotA> for Problem {
    fn from(error: NotA) -> Self {
        Self::BadInput(error.to_string())
    }
}

macro_rules! refused {
    ($($error:ty),+) => {$(
        impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                let status = error.status();
                match status {
                    StatusCode::PAYLOAD_TOO_LARGE => Self::too_long(),
                    _ => Self::Refused { status, message: error.body_text() },
                }
            }
        }
    )+};
}

refused!(QueryRejection, FormRejection, JsonRejection);

impl From<PathRejection> for Problem {
    fn from(error: PathRejection) -> Self {
        // Its own message is about Rust, and contains the whole address.
        let message =
            "This address is not understood: articles and authors have numbers, as in /articles/60.";
        Self::Refused { status: error.status(), message: message.to_owned() }
    }
}

/// Maximum number of characters of the client's own text in a message.
const MAX_QUOTED: usize = 80;

/// A text of the client, cut for a message.
pub(crate) fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{}...", &text[..end]).into(),
        None => text.into(),
    }
}
