//! Why there is no answer. Each says which query, and what to do.

use std::sync::Arc;

/// Why a query has no answer.
///
/// Cheap to clone: those who waited for one load share its error.
///
/// Implements [`Error`](std::error::Error) if `E` does. If `E` is `anyhow::Error` or the like, [`into_error`](Self::into_error)
/// makes an error that does. The guide says how to [take out the error or make a response of it](crate::guide::errors).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError<E: ?Sized> {
    /// The load failed.
    #[error("the load of `{query}` failed")]
    Failed {
        /// Name of the query.
        query: &'static str,
        /// What `fetch` returned.
        source: Arc<E>,
    },
    /// The load panicked.
    #[error("the load of `{query}` panicked: {message}")]
    Panicked {
        /// Name of the query.
        query: &'static str,
        /// What it panicked with, if that was a text.
        message: Arc<str>,
    },
    /// The load of several keys gave one answer too few or too many. Nobody can tell which answer belongs to which key, so
    /// none does.
    #[error("`fetch_many` of `{query}` gave {answers} answers for {keys} keys")]
    Miscounted {
        /// Name of the query.
        query: &'static str,
        /// How many keys it was given.
        keys: usize,
        /// How many answers it gave.
        answers: usize,
    },
    /// The tree of the request was cancelled, its deadline passed, or the load cancelled its own context.
    #[error("the query `{query}` was interrupted")]
    Interrupted {
        /// Name of the query.
        query: &'static str,
    },
    /// The query waits for itself: its load asked, by way of other loads perhaps, for what is being loaded.
    #[error("the query `{query}` waits for itself: its load leads back to it")]
    Cycle {
        /// Name of the query that would have closed the cycle.
        query: &'static str,
    },
    /// The circuit breaker of the query is open, since too many loads have failed: nothing was loaded. Ask again later.
    #[error(
        "the query `{query}` was not loaded: its circuit breaker is open, since too many loads have failed"
    )]
    CircuitOpen {
        /// Name of the query.
        query: &'static str,
    },
    /// The options of the query cannot work. Nothing was read or loaded.
    #[error(transparent)]
    Options(#[from] OptionsError),
}

/// Options of a query that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("query `{query}`: `{option}` {problem}")]
#[non_exhaustive]
pub struct OptionsError {
    /// Name of the query.
    pub query: &'static str,
    /// Name of the option.
    pub option: &'static str,
    /// What is wrong with it, and how to mend it.
    pub problem: &'static str,
}

/// Why a client cannot be built as it is configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientBuildError {
    /// The settings of a query cannot work, with the options it was derived with and the defaults of the client.
    #[error(transparent)]
    Query(#[from] OptionsError),
    /// The defaults of the client cannot work.
    #[error("defaults of the client: `{option}` {problem}")]
    Defaults {
        /// Name of the option.
        option: &'static str,
        /// What is wrong with it, and how to mend it.
        problem: &'static str,
    },
}

/// A tree was given an answer to a query that it has one for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this tree has an answer to `{query}` {key} already: set it before it is asked for, and once")]
#[non_exhaustive]
pub struct AlreadyAnswered {
    /// Name of the query.
    pub query: &'static str,
    /// The key, as its `Debug` prints it; `(secret)` if its query is derived with `secret`.
    pub key: String,
}

impl<E: ?Sized> QueryError<E> {
    /// The same, with what `fetch` returned in another form.
    pub(crate) fn with_source<F: ?Sized>(self, form: impl FnOnce(Arc<E>) -> Arc<F>) -> QueryError<F> {
        match self {
            Self::Failed { query, source } => QueryError::Failed { query, source: form(source) },
            Self::Panicked { query, message } => QueryError::Panicked { query, message },
            Self::Miscounted { query, keys, answers } => QueryError::Miscounted { query, keys, answers },
            Self::Interrupted { query } => QueryError::Interrupted { query },
            Self::Cycle { query } => QueryError::Cycle { query },
            Self::CircuitOpen { query } => QueryError::CircuitOpen { query },
            Self::Options(error) => QueryError::Options(error),
        }
    }

    /// Whether the query was interrupted, so that nothing is known of its answer.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        matches!(self, Self::Interrupted { .. })
    }

    /// Whether a load was to be made and gave no answer.
    pub(crate) fn is_of_load(&self) -> bool {
        matches!(
            self,
            Self::Failed { .. } | Self::Panicked { .. } | Self::Miscounted { .. } | Self::CircuitOpen { .. }
        )
    }
}

impl<E: ?Sized> Clone for QueryError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Failed { query, source } => Self::Failed { query, source: Arc::clone(source) },
            Self::Panicked { query, message } => Self::Panicked { query, message: Arc::clone(message) },
            &Self::Miscounted { query, keys, answers } => Self::Miscounted { query, keys, answers },
            Self::Interrupted { query } => Self::Interrupted { query },
            Self::Cycle { query } => Self::Cycle { query },
            Self::CircuitOpen { query } => Self::CircuitOpen { query },
            Self::Options(error) => Self::Options(error.clone()),
        }
    }
}
