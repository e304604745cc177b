//! What a server reports instead of a document.

use std::fmt::{self, Display};

use super::pointer::FieldError;
use super::{ErrorObject, Links, Meta, ReadError};

/// Why there is no document: the body cannot be read, or it reports errors.
///
/// An error of a program has it as a variant, so that `?` works in loads and mutations.
///
/// # Examples
/// ```
/// use cache_documents::{DocumentError, DocumentErrors};
///
/// #[derive(Debug, thiserror::Error)]
/// enum ApiError {
///     #[error("the server does not answer")]
///     Unreachable,
///     #[error(transparent)]
///     Document(#[from] DocumentError),
/// }
///
/// impl ApiError {
///     /// For `Fetch::is_retryable`: to ask again helps if the server has a problem, and not if the request is wrong.
///     fn is_retryable(&self) -> bool {
///         match self {
///             Self::Unreachable => true,
///             Self::Document(error) => error.reported().and_then(DocumentErrors::status).is_some_and(|it| it >= 500),
///         }
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The body is no document, or something in it does not fit the types of the program.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The server has answered with errors.
    #[error(transparent)]
    Reported(#[from] DocumentErrors),
}

impl DocumentError {
    /// Returns the errors that the server has reported; `None` if the body cannot be read.
    #[must_use]
    pub fn reported(&self) -> Option<&DocumentErrors> {
        match self {
            Self::Reported(errors) => Some(errors),
            Self::Read(_) => None,
        }
    }

    /// Returns why the body cannot be read; `None` if the server has reported errors.
    #[must_use]
    pub fn read(&self) -> Option<&ReadError> {
        match self {
            Self::Read(error) => Some(error),
            Self::Reported(_) => None,
        }
    }
}

impl From<FieldError> for DocumentError {
    fn from(error: FieldError) -> Self {
        Self::Read(error.into())
    }
}

/// The errors that a server has reported in place of data.
///
/// # Examples
/// ```
/// # use cache_client::Client;
/// use cache_documents::{Content, DocumentError, ReadDocument, Resources};
///
/// /// Returns what is wrong with a field of a form that was sent.
/// fn complaint<A: Resources, T: Content>(client: &Client<A>, body: &[u8], pointer: &str) -> Option<String> {
///     let Err(DocumentError::Reported(errors)) = client.document::<T>(body) else { return None };
///     let error = errors.errors().iter().find(|error| error.pointer() == Some(pointer))?;
///     error.detail.clone().or_else(|| error.title.clone())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentErrors {
    pub(super) errors: Vec<ErrorObject>,
    pub(super) links: Option<Links>,
    pub(super) meta: Option<Meta>,
}

impl DocumentErrors {
    /// Returns the errors, in the order of the response. A server may send an empty list.
    #[must_use]
    pub fn errors(&self) -> &[ErrorObject] {
        &self.errors
    }

    /// Returns the HTTP status that stands for all errors: the one that they share, or else 500 if one of them is a
    /// failure of the server, or else 400. `None` if no error says its status.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        let mut statuses = self.errors.iter().filter_map(ErrorObject::status_code);
        let first = statuses.next()?;
        let general = |one: u16, other: u16| match one == other {
            true => one,
            false if one.max(other) >= 500 => 500,
            false => 400,
        };
        Some(statuses.fold(first, general))
    }

    /// Returns the links of the document.
    #[must_use]
    pub fn links(&self) -> Option<&Links> {
        self.links.as_ref()
    }

    /// Returns the meta of the document.
    #[must_use]
    pub fn meta(&self) -> Option<&Meta> {
        self.meta.as_ref()
    }
}

/// Lists the errors, with `; ` between them.
impl Display for DocumentErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server has reported errors: ")?;
        if self.errors.is_empty() {
            f.write_str("an empty list")?;
        }
        for (place, error) in self.errors.iter().enumerate() {
            f.write_str(if place == 0 { "" } else { "; " })?;
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for DocumentErrors {}
