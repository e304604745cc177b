//! The outcome of the load of one key, loaded alone or with others. Plain data.

use std::sync::Arc;
use std::time::Duration;

use cache_core::client_support::Inputs;

use crate::erased::{AnyError, AnyValue};

/// The outcome of the load of one key.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "cannot be named outside this crate")]
pub enum LoadOutcome {
    /// With the inputs of a batch, if its values were built from other queries.
    Answered(AnyValue, Option<Box<Inputs>>),
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
