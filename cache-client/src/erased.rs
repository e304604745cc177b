//! Keys, values and errors of queries of unknown type. Almost all of the client works on these, and so is compiled once
//! instead of for each query.

use std::any::Any;
use std::collections::HashMap;
use std::fmt::{self, Debug, Display};
use std::sync::Arc;

use cache_core::Query;
use cache_core::client_support::AnyKey;
use foldhash::fast::RandomState;

use crate::error::QueryError;

/// A value of a query of unknown type.
pub(crate) type AnyValue = Arc<dyn Any + Send + Sync>;

/// An error of a query of unknown type.
pub trait AnyError: Any + Display + Send + Sync {}

impl<E: Any + Display + Send + Sync> AnyError for E {}

impl Debug for dyn AnyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// Why a query of unknown type has no answer.
pub(crate) type AnyQueryError = QueryError<dyn AnyError>;

/// The outcome of a query of unknown type.
pub(crate) type Outcome = Result<AnyValue, AnyQueryError>;

/// A map by keys of any queries.
pub(crate) type KeyMap<T> = HashMap<Arc<dyn AnyKey>, T, RandomState>;

/// A key with the type of its query.
pub(crate) fn typed_key<Q: Query>(key: &dyn AnyKey) -> &Q {
    match (key as &dyn Any).downcast_ref() {
        Some(key) => key,
        None => wrong_type(),
    }
}

/// A value with the type of its query.
pub(crate) fn typed_value<V: Send + Sync + 'static>(value: AnyValue) -> Arc<V> {
    match value.downcast() {
        Ok(value) => value,
        Err(_) => wrong_type(),
    }
}

/// A borrowed value with the type of its query.
pub(crate) fn typed_ref<V: 'static>(value: &AnyValue) -> &V {
    match (**value).downcast_ref() {
        Some(value) => value,
        None => wrong_type(),
    }
}

/// The outcome of a query, as the types of the query.
pub(crate) fn typed<V: Send + Sync + 'static, E: AnyError>(
    outcome: Outcome,
) -> Result<Arc<V>, QueryError<E>> {
    match outcome {
        Ok(value) => Ok(typed_value(value)),
        Err(error) => Err(error.typed()),
    }
}

/// The error of a load, with the type of its query.
pub(crate) fn typed_error<E: AnyError>(error: &dyn AnyError) -> &E {
    match (error as &dyn Any).downcast_ref() {
        Some(error) => error,
        None => wrong_type(),
    }
}

impl AnyQueryError {
    /// The same, with the error type of the query.
    pub(crate) fn typed<E: AnyError>(self) -> QueryError<E> {
        self.with_source(|source| typed_value(source))
    }
}

/// A query has one type of values and, for one app, one of errors. Everything that is kept for a query is found by its
/// key or its table.
#[cold]
#[track_caller]
pub(crate) fn wrong_type() -> ! {
    unreachable!("everything kept for a query has the types of that query")
}
