//! One attempt of a load, and how it ended. Plain data.

use std::sync::Arc;
use std::time::Duration;

use cache_core::Moment;
use tokio::time::Instant;

use crate::erased::{AnyError, AnyValue};
use crate::flight::outcome::ErrorAdvice;

/// One attempt of a load.
pub(super) struct Attempt {
    /// When the attempt began. The age of its answer counts from here.
    pub(super) started: Moment,
    /// `None` if nothing was loaded.
    pub(super) took: Option<Duration>,
    pub(super) ended: AttemptEnd,
    /// Whether the load has preset or replaced answers in its own context. Its answer is then not shared.
    pub(super) has_own_answers: bool,
}

impl Attempt {
    /// Nothing was found, and nothing may be loaded.
    pub(super) fn missing(started: Moment) -> Self {
        Self { started, took: None, ended: AttemptEnd::Missing, has_own_answers: false }
    }
}

/// How the code of a load ended.
pub(super) enum AttemptEnd {
    Answered(AnyValue),
    /// The value in the cache is still right.
    Unchanged(AnyValue),
    /// The provider had the answer.
    Found(AnyValue),
    Failed {
        error: Arc<dyn AnyError>,
        advice: ErrorAdvice,
        /// The fraction of the longest wait to take before the next attempt, unless the error requests a time.
        chance: f64,
    },
    /// With the message of the panic.
    Panicked(Arc<str>),
    /// The load of several keys returned the wrong number of answers.
    Miscounted {
        keys: usize,
        answers: usize,
    },
    /// The breaker has refused it.
    Refused {
        until: Instant,
    },
    /// The provider has nothing, and nothing may be loaded.
    Missing,
}

impl AttemptEnd {
    /// Whether it counts as a failure for the breaker.
    pub(super) fn is_failure(&self) -> bool {
        match self {
            Self::Answered(_) | Self::Unchanged(_) | Self::Found(_) | Self::Missing => false,
            Self::Failed { advice, .. } => advice.counts,
            Self::Panicked(_) | Self::Miscounted { .. } | Self::Refused { .. } => true,
        }
    }
}
