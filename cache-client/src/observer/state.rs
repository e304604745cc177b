//! What an observer shows. Plain data; decides nothing.

use std::any::Any;
use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::erased::{AnyError, typed_value};
use crate::error::QueryError;

/// The state of an observed query.
#[non_exhaustive]
pub enum State<V: ?Sized, E: ?Sized> {
    /// There is nothing to show: the query is being loaded, or the observer has no query.
    Pending,
    /// There is a value.
    #[non_exhaustive]
    Ready {
        /// The value.
        value: Arc<V>,
        /// Whether the value is past its freshness time, marked by an invalidation, or of a [shared](crate::shared) query
        /// and not known to be up to date within the lag of the tier.
        is_stale: bool,
        /// Whether the observers of the key wait for a load.
        is_refreshing: bool,
        /// Whether optimistic layers have changed the committed value.
        is_optimistic: bool,
        /// Whether the value is that of the observer's previous query, shown until the current query has one.
        is_previous: bool,
        /// Whether the value is the [placeholder](crate::Observer::with_placeholder) of the observer, shown until there
        /// is a value.
        is_placeholder: bool,
    },
    /// The last load that the observers of the key waited for gave no answer.
    #[non_exhaustive]
    Failed {
        /// The error of that load.
        error: QueryError<E>,
        /// The value in the cache, if there is one.
        last: Option<Arc<V>>,
        /// Whether the key is being loaded again.
        is_refreshing: bool,
    },
}

impl<V: ?Sized, E: ?Sized> State<V, E> {
    /// Creates a `Ready` state without flags, for tests of code that shows states.
    #[must_use]
    pub fn ready(value: impl Into<Arc<V>>) -> Self {
        let value = value.into();
        Self::Ready {
            value,
            is_stale: false,
            is_refreshing: false,
            is_optimistic: false,
            is_previous: false,
            is_placeholder: false,
        }
    }

    /// Creates a `Failed` state while nothing is being loaded, for tests of code that shows states.
    #[must_use]
    pub fn failed(error: QueryError<E>, last: Option<Arc<V>>) -> Self {
        Self::Failed { error, last, is_refreshing: false }
    }

    /// Returns the value, if there is one, including the last one after a failed load.
    #[must_use]
    pub fn value(&self) -> Option<&Arc<V>> {
        match self {
            Self::Pending => None,
            Self::Ready { value, .. } => Some(value),
            Self::Failed { last, .. } => last.as_ref(),
        }
    }

    /// Returns why the last load gave no answer.
    #[must_use]
    pub fn error(&self) -> Option<&QueryError<E>> {
        match self {
            Self::Failed { error, .. } => Some(error),
            _ => None,
        }
    }

    /// Returns whether there is nothing to show.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self, Self::Pending)
    }
}

/// A state of a query of unknown type.
pub(crate) type AnyState = State<dyn Any + Send + Sync, dyn AnyError>;

impl AnyState {
    /// The same state, with the types of the query.
    pub(super) fn typed<V: Send + Sync + 'static, E: AnyError>(self) -> State<V, E> {
        match self {
            Self::Pending => State::Pending,
            Self::Ready { value, is_stale, is_refreshing, is_optimistic, is_previous, is_placeholder } => {
                let value = typed_value(value);
                State::Ready { value, is_stale, is_refreshing, is_optimistic, is_previous, is_placeholder }
            }
            Self::Failed { error, last, is_refreshing } => {
                State::Failed { error: error.typed(), last: last.map(typed_value), is_refreshing }
            }
        }
    }
}

impl<V: ?Sized, E: ?Sized> Clone for State<V, E> {
    fn clone(&self) -> Self {
        match self {
            Self::Pending => Self::Pending,
            Self::Ready { value, is_stale, is_refreshing, is_optimistic, is_previous, is_placeholder } => {
                Self::Ready {
                    value: Arc::clone(value),
                    is_placeholder: *is_placeholder,
                    is_stale: *is_stale,
                    is_refreshing: *is_refreshing,
                    is_optimistic: *is_optimistic,
                    is_previous: *is_previous,
                }
            }
            Self::Failed { error, last, is_refreshing } => {
                Self::Failed { error: error.clone(), last: last.clone(), is_refreshing: *is_refreshing }
            }
        }
    }
}

/// Omits the value, which need not implement `Debug`.
impl<V: ?Sized, E: Debug + ?Sized> Debug for State<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => f.write_str("Pending"),
            Self::Ready { is_stale, is_refreshing, is_optimistic, is_previous, is_placeholder, .. } => f
                .debug_struct("Ready")
                .field("is_stale", is_stale)
                .field("is_refreshing", is_refreshing)
                .field("is_optimistic", is_optimistic)
                .field("is_previous", is_previous)
                .field("is_placeholder", is_placeholder)
                .finish_non_exhaustive(),
            Self::Failed { error, is_refreshing, .. } => f
                .debug_struct("Failed")
                .field("error", error)
                .field("is_refreshing", is_refreshing)
                .finish_non_exhaustive(),
        }
    }
}
