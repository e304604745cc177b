//! Why there is no answer. Each error names the query, and says what to do.

use std::sync::Arc;

use tokio::time::Instant;

/// Why a query has no answer.
///
/// Cheap to clone: callers that waited for the same load share its error.
///
/// Implements [`Error`](std::error::Error) if `E` does. If `E` is `anyhow::Error` or a similar type,
/// [`into_error`](Self::into_error) converts this into an error that does. The guide shows how to [extract the error or
/// turn it into a response](crate::guide::errors).
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
        /// The message of the panic, if it was text.
        message: Arc<str>,
    },
    /// A load of several keys returned too few or too many answers. Since no answer can be matched with its key, all
    /// keys fail.
    #[error("`fetch_many` of `{query}` returned {answers} answers for {keys} keys")]
    Miscounted {
        /// Name of the query.
        query: &'static str,
        /// How many keys there were.
        keys: usize,
        /// How many answers were returned.
        answers: usize,
    },
    /// The tree of the request was cancelled, its deadline passed, or the load cancelled its own context.
    #[error("the query `{query}` was interrupted")]
    Interrupted {
        /// Name of the query.
        query: &'static str,
    },
    /// The query waits for itself: its load has queried the key that is being loaded, perhaps through other loads.
    #[error("the query `{query}` waits for itself: its load leads back to it")]
    Cycle {
        /// Name of the query that would have closed the cycle.
        query: &'static str,
    },
    /// The circuit breaker of the query is open because too many loads have failed. Nothing was loaded.
    #[error(
        "the query `{query}` was not loaded: its circuit breaker is open because too many loads have failed"
    )]
    CircuitOpen {
        /// Name of the query.
        query: &'static str,
        /// When the breaker lets a load through again. If a trial is running, its end may change this.
        until: Instant,
    },
    /// The strategy of the query is `cache-only`, and neither the cache nor the provider has a value. Nothing was
    /// loaded.
    #[error(
        "the query `{query}` was not loaded, since its strategy is `cache-only`, and the cache has no value"
    )]
    NotCached {
        /// Name of the query.
        query: &'static str,
    },
    /// The options of the query are invalid. Nothing was read or loaded.
    #[error(transparent)]
    Options(#[from] OptionsError),
}

/// An invalid option of a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("query `{query}`: `{option}` {problem}")]
#[non_exhaustive]
pub struct OptionsError {
    /// Name of the query.
    pub query: &'static str,
    /// Name of the option.
    pub option: &'static str,
    /// What is wrong with it, and how to fix it.
    pub problem: &'static str,
}

/// Why a client cannot be built as it is configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientBuildError {
    /// The settings of a query are invalid, together with its derived options and the defaults of the client.
    #[error(transparent)]
    Query(#[from] OptionsError),
    /// The defaults of the client are invalid.
    #[error("defaults of the client: `{option}` {problem}")]
    Defaults {
        /// Name of the option.
        option: &'static str,
        /// What is wrong with it, and how to fix it.
        problem: &'static str,
    },
}

/// A tree was given an answer that it already has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this tree already has an answer to `{query}` {key}: set it once, before the first query")]
#[non_exhaustive]
pub struct AlreadyAnswered {
    /// Name of the query.
    pub query: &'static str,
    /// The key, formatted by its `Debug`; `(secret)` if its query is derived with `secret`.
    pub key: String,
}

impl<E: ?Sized> QueryError<E> {
    /// The same, with the error of `fetch` converted.
    pub(crate) fn with_source<F: ?Sized>(self, convert: impl FnOnce(Arc<E>) -> Arc<F>) -> QueryError<F> {
        match self {
            Self::Failed { query, source } => QueryError::Failed { query, source: convert(source) },
            Self::Panicked { query, message } => QueryError::Panicked { query, message },
            Self::Miscounted { query, keys, answers } => QueryError::Miscounted { query, keys, answers },
            Self::Interrupted { query } => QueryError::Interrupted { query },
            Self::Cycle { query } => QueryError::Cycle { query },
            Self::CircuitOpen { query, until } => QueryError::CircuitOpen { query, until },
            Self::NotCached { query } => QueryError::NotCached { query },
            Self::Options(error) => QueryError::Options(error),
        }
    }

    /// Returns whether the query was interrupted, so that nothing is known of its answer.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        matches!(self, Self::Interrupted { .. })
    }

    /// Whether a load has failed, or was refused by the breaker.
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
            &Self::CircuitOpen { query, until } => Self::CircuitOpen { query, until },
            Self::NotCached { query } => Self::NotCached { query },
            Self::Options(error) => Self::Options(error.clone()),
        }
    }
}
