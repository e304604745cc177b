//! The outcome of the load of one key, loaded alone or with others. Plain data.

use std::sync::Arc;
use std::time::Duration;

use crate::erased::{AnyError, AnyValue};
use crate::notes::LoadNotes;

/// The result of a load, for a key whose value was in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched<V> {
    /// There is a new value.
    New(V),
    /// The value in the cache is still right, as after a response with status 304. From now on it is as old as this
    /// load, and has the times that the load has set.
    Unchanged,
}

/// The outcome of the load of one key.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "cannot be named outside this crate")]
pub enum LoadOutcome {
    /// With the notes of the batch's load, if it has any.
    Answered(AnyValue, Option<Arc<LoadNotes>>),
    /// The value in the cache is still right.
    Unchanged(AnyValue),
    Failed {
        error: Arc<dyn AnyError>,
        /// From 0 to 1: the fraction of the longest wait to take before the retry. Keys that failed together share it,
        /// so that they are retried together.
        chance: f64,
    },
    /// With the message of the panic.
    Panicked(Arc<str>),
    /// No answer can be matched with its key.
    Miscounted { keys: usize, answers: usize },
}

impl LoadOutcome {
    pub(crate) fn alone<V: Send + Sync + 'static, E: AnyError>(answer: Result<V, E>) -> Self {
        Self::of(answer, fastrand::f64())
    }

    /// The outcome of a load that has the `present` value.
    pub(crate) fn again<V: Send + Sync + 'static, E: AnyError>(
        answer: Result<Fetched<V>, E>,
        present: Arc<V>,
    ) -> Self {
        match answer {
            Ok(Fetched::New(value)) => Self::Answered(Arc::new(value), None),
            Ok(Fetched::Unchanged) => Self::Unchanged(present),
            Err(error) => Self::Failed { error: Arc::new(error), chance: fastrand::f64() },
        }
    }

    pub(crate) fn of<V: Send + Sync + 'static, E: AnyError>(answer: Result<V, E>, chance: f64) -> Self {
        match answer {
            Ok(value) => Self::Answered(Arc::new(value), None),
            Err(error) => Self::Failed { error: Arc::new(error), chance },
        }
    }
}

/// How the query judges an error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ErrorAdvice {
    pub(crate) is_retryable: bool,
    /// Whether it counts as a failure for the breaker.
    pub(crate) counts: bool,
    /// How long to wait before the next attempt, if the error says so.
    pub(crate) requested: Option<Duration>,
}
