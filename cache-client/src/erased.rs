//! Keys, values and errors of queries that their holders do not know. Almost all of the client works on these, and so is
//! compiled once and not for each query.

use std::any::Any;
use std::collections::HashMap;
use std::fmt::{self, Debug, Display};
use std::sync::Arc;

use cache_core::Query;
use cache_core::client_support::AnyKey;
use foldhash::fast::RandomState;

use crate::error::QueryError;

/// A value of some query.
pub(crate) type AnyValue = Arc<dyn Any + Send + Sync>;

/// An error of some query.
pub trait AnyError: Any + Display + Send + Sync {}

impl<E: Any + Display + Send + Sync> AnyError for E {}

impl Debug for dyn AnyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// Why some query has no answer.
pub(crate) type AnyQueryError = QueryError<dyn AnyError>;

/// What some query comes to.
pub(crate) type Outcome = Result<AnyValue, AnyQueryError>;

/// Something for each of several keys, of whichever queries.
pub(crate) type KeyMap<T> = HashMap<Arc<dyn AnyKey>, T, RandomState>;

/// A key of the type that its query is.
pub(crate) fn typed_key<Q: Query>(key: &dyn AnyKey) -> &Q {
    match (key as &dyn Any).downcast_ref() {
        Some(key) => key,
        None => misplaced(),
    }
}

/// A value of the type that its query has.
pub(crate) fn typed_value<V: Send + Sync + 'static>(value: AnyValue) -> Arc<V> {
    match value.downcast() {
        Ok(value) => value,
        Err(_) => misplaced(),
    }
}

/// What a query comes to, with the types that it has.
pub(crate) fn typed<V: Send + Sync + 'static, E: AnyError>(
    outcome: Outcome,
) -> Result<Arc<V>, QueryError<E>> {
    match outcome {
        Ok(value) => Ok(typed_value(value)),
        Err(error) => Err(error.typed()),
    }
}

/// The error of a load, with the type that its query has.
pub(crate) fn typed_error<E: AnyError>(error: &dyn AnyError) -> &E {
    match (error as &dyn Any).downcast_ref() {
        Some(error) => error,
        None => misplaced(),
    }
}

impl AnyQueryError {
    /// The same, with the type of error that the query has.
    pub(crate) fn typed<E: AnyError>(self) -> QueryError<E> {
        self.with_source(|source| typed_value(source))
    }
}

/// A query has one type of values and, with one app, one of errors; all that is kept of it is found by its key or its table.
#[cold]
#[track_caller]
pub(crate) fn misplaced() -> ! {
    unreachable!("what is kept of a query has the types of that query")
}
