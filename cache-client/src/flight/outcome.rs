//! What a load of one key comes to, whether it was loaded alone or with others. Plain data.

use std::sync::Arc;
use std::time::Duration;

use cache_core::client_support::Inputs;

use crate::erased::{AnyError, AnyValue};

/// What a load of one key comes to.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "nobody outside can name it")]
pub enum LoadOutcome {
    /// With what several keys together were built from, if they were built from other queries.
    Answered(AnyValue, Option<Box<Inputs>>),
    Failed {
        error: Arc<dyn AnyError>,
        /// From 0 to 1: how much of the longest wait is waited before it is tried again. Keys that failed together have it
        /// in common, so that they are tried again together.
        chance: f64,
    },
    /// With the text of its panic.
    Panicked(Arc<str>),
    /// Nobody can tell which answer belongs to which key.
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

/// What the query says to an error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ErrorAdvice {
    pub(crate) may_pass: bool,
    /// Whether it is a failure to the breaker.
    pub(crate) counts: bool,
    /// How long to wait before the next attempt.
    pub(crate) requested: Option<Duration>,
}
