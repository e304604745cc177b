//! What a load of one key comes to, whether it was loaded alone or with others. Plain data.

use std::sync::Arc;

use cache_core::Inputs;

/// What a load of one key comes to.
#[derive(Debug)]
pub enum Loaded<V: ?Sized, E> {
    /// With what several keys together were built from, if they were built from other queries.
    Answered(Arc<V>, Option<Box<Inputs>>),
    Failed {
        error: Arc<E>,
        /// From 0 to 1: how much of the longest wait is waited before it is tried again. Keys that failed together have it
        /// in common, so that they are tried again together.
        chance: f64,
    },
    /// With the text of its panic.
    Panicked(Arc<str>),
    /// Nobody can tell which answer belongs to which key.
    Miscounted { keys: usize, answers: usize },
}

impl<V, E> Loaded<V, E> {
    pub(crate) fn alone(answer: Result<V, E>) -> Self {
        Self::of(answer, fastrand::f64())
    }

    pub(super) fn of(answer: Result<V, E>, chance: f64) -> Self {
        match answer {
            Ok(value) => Self::Answered(Arc::new(value), None),
            Err(error) => Self::Failed { error: Arc::new(error), chance },
        }
    }
}

impl<V: ?Sized, E> Clone for Loaded<V, E> {
    fn clone(&self) -> Self {
        match self {
            Self::Answered(value, inputs) => Self::Answered(Arc::clone(value), inputs.clone()),
            Self::Failed { error, chance } => Self::Failed { error: Arc::clone(error), chance: *chance },
            Self::Panicked(message) => Self::Panicked(Arc::clone(message)),
            Self::Miscounted { keys, answers } => Self::Miscounted { keys: *keys, answers: *answers },
        }
    }
}
