//! Keys, values and errors of queries that their holders do not know. Almost all of the client works on these, and so is
//! compiled once and not for each query.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt::{self, Debug, Display};
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock};

use cache_core::{Inputs, Query, ShownKey, Stored, Tag, Times, Watch, has_tag};
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
pub(crate) type Failure = QueryError<dyn AnyError>;

/// What some query comes to.
pub(crate) type Outcome = Result<AnyValue, Failure>;

/// A key of some query.
pub(crate) trait AnyKey: Any + Send + Sync {
    /// Whether this is a key of the same query, and equal.
    fn equals(&self, other: &dyn AnyKey) -> bool;
    fn hash_with(&self, hasher: &RandomState) -> u64;
    fn to_key(&self) -> Arc<dyn AnyKey>;
    /// Whether the key has a tag: its query's, or one of its own.
    fn is_tagged(&self, tag: &Tag) -> bool;
    /// Prints the key as it may be printed.
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// Something for each of several keys, of whichever queries.
pub(crate) type KeyMap<T> = HashMap<Arc<dyn AnyKey>, T, RandomState>;

/// The hash of a key of whichever query, the same as long as the program runs.
pub(crate) fn hash_of(key: &dyn AnyKey) -> u64 {
    static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);
    key.hash_with(&HASHER)
}

impl<Q: Query> AnyKey for Q {
    fn equals(&self, other: &dyn AnyKey) -> bool {
        match (other as &dyn Any).downcast_ref::<Q>() {
            Some(other) => self == other,
            None => false,
        }
    }

    fn hash_with(&self, hasher: &RandomState) -> u64 {
        hasher.hash_one((TypeId::of::<Q>(), self))
    }

    fn to_key(&self) -> Arc<dyn AnyKey> {
        Arc::new(self.clone())
    }

    fn is_tagged(&self, tag: &Tag) -> bool {
        has_tag(self, tag)
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ShownKey(self).fmt(f)
    }
}

impl PartialEq for dyn AnyKey {
    fn eq(&self, other: &Self) -> bool {
        self.equals(other)
    }
}

impl Eq for dyn AnyKey {}

impl Hash for dyn AnyKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(hash_of(self));
    }
}

impl Debug for dyn AnyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(f)
    }
}

/// A watch of a key of some query.
pub(crate) trait AnyWatch: Any + Send + Sync {
    fn is_overtaken(&self) -> bool;
    fn is_replaced(&self) -> bool;
    fn retire(&self);
    /// Stores a value that was built from these, from none perhaps.
    fn store(&self, value: AnyValue, times: Times, inputs: &Inputs) -> Stored<dyn Any + Send + Sync>;
}

impl<Q: Query<Value: Sized>> AnyWatch for Watch<Q> {
    fn is_overtaken(&self) -> bool {
        Self::is_overtaken(self)
    }

    fn is_replaced(&self) -> bool {
        Self::is_replaced(self)
    }

    fn retire(&self) {
        Self::retire(self);
    }

    fn store(&self, value: AnyValue, times: Times, inputs: &Inputs) -> Stored<dyn Any + Send + Sync> {
        let value = typed_value::<Q::Value>(value);
        let stored = match inputs.is_empty() {
            true => Self::store(self, value, times),
            false => self.store_built(value, times, inputs),
        };
        match stored {
            Stored::Written(value) => Stored::Written(value),
            Stored::Kept(value) => Stored::Kept(value),
            Stored::Overtaken(value) => Stored::Overtaken(value),
            Stored::Marked(value) => Stored::Marked(value),
        }
    }
}

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

impl Failure {
    /// The same, with the type of error that the query has.
    pub(crate) fn typed<E: AnyError>(self) -> QueryError<E> {
        match self {
            Self::Failed { query, source } => match (source as AnyValue).downcast() {
                Ok(source) => QueryError::Failed { query, source },
                Err(_) => misplaced(),
            },
            Self::Panicked { query, message } => QueryError::Panicked { query, message },
            Self::Miscounted { query, keys, answers } => QueryError::Miscounted { query, keys, answers },
            Self::Interrupted { query } => QueryError::Interrupted { query },
            Self::Cycle { query } => QueryError::Cycle { query },
            Self::CircuitOpen { query } => QueryError::CircuitOpen { query },
            Self::Options(error) => QueryError::Options(error),
        }
    }
}

/// A query has one type of values and, with one app, one of errors; all that is kept of it is found by its key or its table.
#[cold]
#[track_caller]
fn misplaced() -> ! {
    unreachable!("what is kept of a query has the types of that query")
}
